//! The features of a GenBank file.

use std::{collections::BTreeMap, path::Path};

use super::{
    gene_models::assemble,
    location::{Placed, Trouble, place},
    looks::{colour_of, name_of},
    qualifiers::RawFeature,
    reader::{Reader, Wants},
};
use crate::{Block, BlockKind, Contig, Feature, GenomeError, Hooks, Row, RowStatus, Rows, error::shortened};

/// The features of a GenBank file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GenBankFeatures {
    /// The features of each record by its name, from left to right.
    pub by_contig: BTreeMap<String, Vec<Feature>>,
    /// What became of each feature of the file.
    pub rows: Rows,
}

/// A feature of the file and where it lies.
pub(super) struct Draft {
    pub(super) raw: RawFeature,
    pub(super) placed: Placed,
}

/// Reads the features of the GenBank file at `path`.
///
/// `gene`, `mRNA`, `CDS` and `exon` that share a locus tag or gene name become one feature for each transcript, with
/// blocks; everything else is a feature of its own. Features over the origin of a circular record have blocks at both
/// ends, and the attribute `wraps_origin`. Attributes are the qualifiers, and `location` as the file has it.
///
/// # Errors
///
/// When the file cannot be read, or [`crate::Genome::open`] would refuse one of its sequences; records without
/// sequence are fine here. Features that cannot be used are no error: see [`GenBankFeatures::rows`].
///
/// # Examples
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("tiny.gb");
/// let text = "LOCUS       tiny 12 bp DNA circular\nFEATURES             Location/Qualifiers
///      CDS             complement(join(2..4,6..10))\n                     /gene=\"abc\"
/// ORIGIN\n        1 acgtacgtac gt\n//\n";
/// std::fs::write(&path, text)?;
/// let features = strandscope_genome::read_genbank_features(&path, &mut Default::default())?;
/// let cds = &features.by_contig["tiny"][0];
/// assert_eq!((cds.name.as_str(), cds.start_bp, cds.end_bp, cds.blocks.len()), ("abc", 1, 10, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_genbank_features(path: &Path, hooks: &mut Hooks<'_>) -> Result<GenBankFeatures, GenomeError> {
    let mut reader = Reader::open(path, Wants::Features)?;
    let mut found = GenBankFeatures::default();
    while let Some(record) = reader.next(hooks)? {
        let mut drafts = Vec::with_capacity(record.features.len());
        for raw in record.features {
            match place_on(&raw, &record.contig) {
                Ok(placed) => {
                    found.rows.rows.push(row(&raw, &record.contig, Some(&placed), RowStatus::Ok));
                    drafts.push(Draft { raw, placed });
                }
                Err(Trouble { status, reason }) => {
                    let remedy = "mend the feature in the file, or leave it out".to_owned();
                    let status = RowStatus::Refused { status: status.to_owned(), reason, remedy };
                    found.rows.rows.push(row(&raw, &record.contig, None, status));
                }
            }
        }
        let mut features = assemble(drafts);
        features.sort_by_key(|feature| (feature.start_bp, feature.end_bp, feature.line));
        found.by_contig.insert(record.contig.name, features);
    }
    found.rows.warnings = reader.into_warnings();
    Ok(found)
}

fn place_on(raw: &RawFeature, contig: &Contig) -> Result<Placed, Trouble> {
    if let Some(complaint) = &raw.complaint {
        return Err(Trouble::new("attributes", complaint.clone()));
    }
    place(&raw.location, contig.length_bp, contig.is_circular, raw.qualifier("trans_splicing").is_some())
}

fn row(raw: &RawFeature, contig: &Contig, placed: Option<&Placed>, status: RowStatus) -> Row {
    let text =
        if status == RowStatus::Ok { String::new() } else { shortened(&format!("{} {}", raw.kind, raw.location)) };
    Row {
        line: raw.line,
        contig: contig.name.clone(),
        // As the file counts; the place between two bases is that of the first.
        start: placed
            .map(|placed| if placed.start_bp == placed.end_bp { placed.start_bp } else { placed.start_bp + 1 }),
        end: placed.map(|placed| placed.end_bp),
        reference: None,
        alternate: None,
        status,
        text,
    }
}

impl Draft {
    /// The feature by itself, its parts as blocks of this kind if there are several.
    pub(super) fn into_feature(self, kind: BlockKind) -> Feature {
        let Self { raw, placed } = self;
        let part = |&(start_bp, end_bp): &(u64, u64)| Block { start_bp, end_bp, kind };
        let blocks = if placed.parts.len() > 1 { placed.parts.iter().map(part).collect() } else { Vec::new() };
        let attributes = raw.qualifiers.iter().cloned().chain(marks(&raw, &placed)).collect();
        Feature {
            name: name_of(&raw),
            colour: colour_of(&raw, placed.strand),
            start_bp: placed.start_bp,
            end_bp: placed.end_bp,
            strand: placed.strand,
            score: None,
            blocks,
            line: raw.line,
            attributes,
            kind: raw.kind,
        }
    }
}

/// What the location says that blocks do not, as attributes.
pub(super) fn marks(raw: &RawFeature, placed: &Placed) -> Vec<(String, String)> {
    let location = (!raw.location.is_empty()).then(|| ("location".to_owned(), raw.location.clone()));
    let marks = [
        (placed.is_partial.0, "partial_start"),
        (placed.is_partial.1, "partial_end"),
        (placed.wraps, "wraps_origin"),
        (placed.is_order, "order"),
    ];
    let marks = marks.iter().filter(|(is_so, _)| *is_so).map(|(_, mark)| ((*mark).to_owned(), String::new()));
    location.into_iter().chain(marks).collect()
}
