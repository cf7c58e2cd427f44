//! What features of GFF3 and GTF are called.

use super::{
    Landmark,
    attributes::{Attributes, value},
    node::Node,
};

/// Attributes by which people look for a feature.
pub(in crate::annotation) const NAMES: [&str; 18] = [
    "Alias",
    "ID",
    "Name",
    "gene",
    "gene_Alias",
    "gene_alias",
    "gene_id",
    "gene_name",
    "gene_symbol",
    "gene_synonym",
    "locus_tag",
    "old_locus_tag",
    "protein_id",
    "symbol",
    "synonym",
    "transcript_id",
    "transcript_name",
    "ccds_id",
];

/// Takes the name out of the attributes: what people call the feature.
pub(super) fn named(mut attributes: Attributes, kind: &str, is_gtf: bool) -> (String, Attributes) {
    if let Some(index) = attributes.iter().position(|(key, value)| key == "Name" && !value.is_empty()) {
        return (attributes.remove(index).1, attributes);
    }
    let of_gene = ["gene_name", "gene", "gene_symbol", "locus_tag", "gene_id", "ID"];
    let of_transcript = ["transcript_name", "transcript_id", "gene_name", "gene_id"];
    let of_other = ["gene", "gene_name", "locus_tag", "standard_name", "ID", "gene_id"];
    let keys: &[&str] = match kind {
        _ if kind.ends_with("gene") => &of_gene,
        _ if is_gtf => &of_transcript,
        // The name of its gene is inherited, and does not tell one transcript from another.
        _ if is_transcript_kind(kind) => &["ID"],
        _ => &of_other,
    };
    let name = keys.iter().find_map(|key| value(&attributes, key)).unwrap_or_default().to_owned();
    (name, attributes)
}

/// Whether a type is that of a transcript.
pub(super) fn is_transcript_kind(kind: &str) -> bool {
    kind.contains("RNA") || kind.contains("transcript")
}

/// A gene as a place that the search leads to.
pub(super) fn landmark_of(gene: &Node) -> Landmark {
    let (name, attributes) = named(gene.attributes.clone(), "gene", false);
    Landmark {
        contig: gene.contig,
        kind: gene.kind.clone(),
        name,
        names: names_of(&attributes).map(str::to_owned).collect(),
        start_bp: gene.start_bp,
        end_bp: gene.end_bp,
    }
}

/// The gene that a transcript of GTF names.
pub(super) fn gene_of(transcript: &Node) -> Landmark {
    let keys = ["gene_name", "gene_id"];
    let mut names: Vec<String> =
        keys.iter().filter_map(|key| value(&transcript.attributes, key)).map(str::to_owned).collect();
    let name = if names.is_empty() { String::new() } else { names.remove(0) };
    Landmark {
        contig: transcript.contig,
        kind: "gene".to_owned(),
        name,
        names,
        start_bp: transcript.start_bp,
        end_bp: transcript.end_bp,
    }
}

/// Values by which people look for a feature.
pub(in crate::annotation) fn names_of(attributes: &[(String, String)]) -> impl Iterator<Item = &str> {
    let named = attributes.iter().filter(|(key, value)| !value.is_empty() && NAMES.contains(&key.as_str()));
    named.map(|(_, value)| value.as_str())
}

/// Gives a transcript what only the row of its gene says, under names that tell it apart.
pub(super) fn inherit(attributes: &mut Attributes, of_gene: Attributes) {
    let own: Vec<String> = attributes.iter().map(|(key, _)| key.clone()).collect();
    for (key, text) in of_gene {
        let key = match key.as_str() {
            "Parent" | "source" => continue,
            "ID" => "gene_id".to_owned(),
            "Name" => "gene".to_owned(),
            _ if key.starts_with("gene") => key,
            _ if attributes.iter().any(|known| known.0 == key && known.1 == text) => continue,
            _ => format!("gene_{key}"),
        };
        if !own.contains(&key) {
            attributes.push((key, text));
        }
    }
}
