use super::{blocks, read};
use crate::{
    AnnotationKind::{self, Gtf},
    BlockKind::{Coding, Untranslated},
};

fn row(kind: &str, start: u64, end: u64, attributes: &str) -> String {
    format!("chrA\thavana\t{kind}\t{start}\t{end}\t.\t+\t0\t{attributes}\n")
}

#[test]
fn genes_and_transcripts_of_ensembl() {
    let gene = "gene_id \"ENSG1\"; gene_version \"4\"; gene_name \"GENE\"";
    let transcript =
        format!("{gene}; transcript_id \"ENST1\"; transcript_name \"GENE-201\"; tag \"basic\"; tag \"CCDS\"");
    let text = "#!genome-build GRCh38\n".to_owned()
        + &row("gene", 5, 100, &format!("{gene};"))
        + &row("transcript", 5, 100, &format!("{transcript};"))
        + &row("exon", 5, 40, &format!("{transcript}; exon_number \"1\";"))
        + &row("CDS", 20, 40, &format!("{transcript}; exon_number \"1\"; protein_id \"ENSP1\";"))
        + &row("start_codon", 20, 22, &format!("{transcript};"))
        + &row("exon", 60, 100, &format!("{transcript}; exon_number \"2\";"))
        + &row("CDS", 60, 67, &format!("{transcript}; exon_number \"2\"; protein_id \"ENSP1\";"))
        + &row("stop_codon", 68, 70, &format!("{transcript};"))
        + &row("Selenocysteine", 62, 64, &format!("{transcript};"))
        + &row("gene", 150, 160, "gene_id \"ENSG2\"; transcript_id \"\";");
    let read = read(&text, Gtf);
    assert_eq!(read.content.kind, AnnotationKind::Gtf);
    assert_eq!(read.names(), [("ENSG2", "gene"), ("GENE-201", "transcript")], "a gene without transcripts stays");
    let transcript = read.feature("GENE-201");
    let want = [(4, 19, Untranslated), (19, 40, Coding), (59, 67, Coding), (67, 70, Coding), (70, 100, Untranslated)];
    assert_eq!(blocks(transcript), want, "the stop codon is coding");
    assert_eq!((transcript.attribute("protein_id"), transcript.attribute("tag")), (Some("ENSP1"), Some("basic")));
    assert_eq!(read.content.landmarks.len(), 1, "the gene is found by its name");
    assert!(read.rows.iter().all(|row| row.status == crate::RowStatus::Ok), "{:?}", read.statuses());
    assert!(read.content.warnings.is_empty(), "{:?}", read.content.warnings);
}

#[test]
fn exons_alone_make_transcripts_and_genes() {
    let text = row("exon", 60, 100, "gene_id \"g\"; transcript_id \"t1\"; exon_number 2")
        + &row("exon", 5, 40, "gene_id \"g\"; transcript_id \"t1\"; exon_number 1")
        + &row("CDS", 30, 40, "gene_id \"g\"; transcript_id \"t1\"; exon_number 1")
        + &row("exon", 120, 150, "gene_id \"g\"; transcript_id \"t2\";");
    let read = read(&text, Gtf);
    assert_eq!(read.names(), [("t1", "transcript"), ("t2", "transcript")]);
    let first = read.feature("t1");
    assert_eq!((first.start_bp, first.end_bp, first.attribute("exon_number")), (4, 100, None));
    assert_eq!(blocks(first), [(4, 29, Untranslated), (29, 40, Coding), (59, 100, Untranslated)]);
    let [gene] = &read.content.landmarks[..] else { panic!("one gene") };
    assert_eq!((gene.name.as_str(), gene.start_bp, gene.end_bp), ("g", 4, 150), "over all its transcripts");
}

#[test]
fn a_transcript_row_may_come_after_its_exons() {
    let text = row("exon", 5, 40, "gene_id \"g\"; transcript_id \"t\";")
        + &row("transcript", 5, 100, "gene_id \"g\"; transcript_id \"t\"; transcript_name \"T\";")
        + &row("exon", 60, 100, "gene_id \"g\"; transcript_id \"t\";");
    let read = read(&text, Gtf);
    assert_eq!(read.names(), [("T", "transcript")]);
    assert_eq!(blocks(read.feature("T")), [(4, 40, Untranslated), (59, 100, Untranslated)]);
}

#[test]
fn one_transcript_at_two_places_is_two_features() {
    let at = |start: u64| {
        row("transcript", start, start + 20, "gene_id \"g\"; transcript_id \"t\";")
            + &row("exon", start, start + 5, "gene_id \"g\"; transcript_id \"t\";")
    };
    let read = read(&(at(1) + &at(101)), Gtf);
    let places: Vec<_> = read.content.features.iter().map(|(_, feature)| (feature.start_bp, blocks(feature))).collect();
    assert_eq!(places, [(0, vec![(0, 6, Untranslated)]), (100, vec![(100, 106, Untranslated)])]);
}

#[test]
fn attributes_that_are_none_are_refused() {
    let text = row("gene", 5, 9, "gene_id \"g\";") + &row("gene", 5, 9, "gene_id \"g") + &row("gene", 5, 9, "ID=g");
    let read = read(&text, Gtf);
    assert_eq!(read.statuses(), [(1, "ok"), (2, "attributes"), (3, "attributes")]);
    assert!(read.reason(2).contains("gene_id has no quotation mark at its end"), "{}", read.reason(2));
}
