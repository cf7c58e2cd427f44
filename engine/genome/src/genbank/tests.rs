//! GenBank files against what Biopython reads from them, odd ones, and junk.

use std::{fs, path::PathBuf};

use md5::{Digest, Md5};
use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::{BlockKind, Feature, Genome, GenomeError, Hooks, Region, RowStatus, Strand};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sequences").join(name)
}

/// A record as `tests/reference/make_sequences.py` has it.
#[derive(Deserialize)]
struct Expected {
    name: String,
    description: String,
    length_bp: u64,
    is_circular: bool,
    md5: String,
    first: String,
    last: String,
    features: Vec<ExpectedFeature>,
}

/// Kind, start, end, strand, parts.
type ExpectedFeature = (String, Option<u64>, Option<u64>, Option<i8>, Vec<(u64, u64)>);

fn expected() -> std::collections::BTreeMap<String, Vec<Expected>> {
    serde_json::from_slice(&fs::read(fixture("genbank.json")).expect("the fixture")).expect("its form")
}

fn strand_of(sign: Option<i8>) -> Option<Strand> {
    match sign {
        Some(1) => Some(Strand::Forward),
        Some(-1) => Some(Strand::Reverse),
        _ => None,
    }
}

fn written(text: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.gb");
    fs::write(&path, text).expect("written");
    (folder, path)
}

fn open(text: impl AsRef<[u8]>) -> Result<(tempfile::TempDir, Genome), GenomeError> {
    let (folder, path) = written(text);
    let genome = Genome::open(&path, &folder.path().join("cache"))?;
    Ok((folder, genome))
}

fn features_of(text: impl AsRef<[u8]>) -> Result<GenBankFeatures, GenomeError> {
    read_genbank_features(&written(text).1, &mut Hooks::default())
}

/// A circular record of 60 bases, `a`, with these feature lines.
fn record(features: &str) -> String {
    let bases = "acgtacgtac ".repeat(6);
    format!(
        "LOCUS       a 60 bp DNA circular\nFEATURES             Location/Qualifiers\n{features}ORIGIN\n        1 {bases}\n//\n"
    )
}

fn feature(kind: &str, location: &str, qualifiers: &[&str]) -> String {
    let mut text = format!("     {kind:<16}{location}\n");
    for qualifier in qualifiers {
        text += &format!("                     /{qualifier}\n");
    }
    text
}

fn of(lines: &[String]) -> Vec<Feature> {
    features_of(record(&lines.concat())).expect("features").by_contig.remove("a").expect("the record")
}

fn coding_parts(feature: &Feature) -> Vec<(u64, u64)> {
    let blocks = feature.blocks.iter().filter(|block| block.kind == BlockKind::Coding);
    blocks.map(|block| (block.start_bp, block.end_bp)).collect()
}

#[test]
fn sequences_are_those_that_biopython_reads() {
    let cache = tempfile::tempdir().expect("a folder");
    for (file, records) in expected().into_iter().filter(|(file, _)| !file.contains("without_sequence")) {
        let mut genome = Genome::open(&fixture(&file), cache.path()).expect("opened");
        assert_eq!(genome.contigs().len(), records.len(), "{file}");
        for (contig, expected) in genome.contigs().to_vec().iter().zip(records) {
            assert_eq!(contig.name, expected.name, "{file}");
            assert_eq!(contig.description, expected.description, "{file}");
            assert_eq!((contig.length_bp, contig.is_circular), (expected.length_bp, expected.is_circular), "{file}");
            let bases = genome.read(&Region::new(&contig.name, 0, contig.length_bp)).expect("all of it");
            assert_eq!(crate::digest::hex(&Md5::digest(&bases)), expected.md5, "{file}");
            let last = Region::new(&contig.name, contig.length_bp - 10, contig.length_bp);
            assert_eq!(genome.read(&last).expect("the last bases"), expected.last.as_bytes(), "{file}");
            assert_eq!(bases[..10], *expected.first.as_bytes(), "{file}");
        }
        let report = crate::inspect_sequences(&fixture(&file), &mut Hooks::default()).expect("a report");
        assert_eq!((report.kind.as_str(), report.records[0].softmasked_bp), ("genbank", 0), "{file}");
    }
}

#[test]
fn features_are_those_that_biopython_reads() {
    for (file, records) in expected() {
        let found = read_genbank_features(&fixture(&file), &mut Hooks::default()).expect("features");
        let mut rows = found.rows.rows.iter();
        for expected in records {
            let models = &found.by_contig[&expected.name];
            for (kind, start, end, strand, parts) in &expected.features {
                let row = rows.next().expect("a row for each feature");
                assert_eq!(start.is_some(), row.status == RowStatus::Ok, "{file}, line {}", row.line);
                let (Some(start), Some(end)) = (start, end) else { continue };
                let first = if start == end { *start } else { start + 1 };
                assert_eq!((row.start, row.end), (Some(first), Some(*end)), "{file}, line {}", row.line);
                let is_this = |feature: &&Feature| {
                    feature.strand == strand_of(*strand)
                        && match kind.as_str() {
                            "CDS" => coding_parts(feature) == *parts,
                            "gene" => feature.start_bp <= *start && *end <= feature.end_bp,
                            _ => (feature.start_bp, feature.end_bp) == (*start, *end),
                        }
                };
                assert!(models.iter().any(|feature| is_this(&feature)), "{file}: {kind} {start}..{end} is missing");
            }
        }
        assert!(rows.next().is_none(), "{file} has more features than Biopython reads");
    }
}

#[test]
fn genes_with_their_transcripts_are_one_model_each() {
    let gene = ["gene=\"abc\""];
    let models = of(&[
        feature("gene", "1..50", &gene),
        feature("mRNA", "join(1..10,20..30,40..50)", &["gene=\"abc\"", "transcript_id=\"T1\""]),
        feature("mRNA", "join(1..10,40..50)", &["gene=\"abc\"", "transcript_id=\"T2\""]),
        feature("CDS", "join(5..10,20..30,40..42)", &["gene=\"abc\"", "protein_id=\"P1\""]),
        feature("CDS", "join(5..10,40..42)", &["gene=\"abc\"", "protein_id=\"P2\""]),
        feature("exon", "1..10", &gene),
    ]);
    assert_eq!(models.len(), 2, "{models:?}");
    for (id, protein, parts) in [("T1", "P1", vec![(4, 10), (19, 30), (39, 42)]), ("T2", "P2", vec![(4, 10), (39, 42)])]
    {
        let model = models.iter().find(|model| model.attribute("transcript_id") == Some(id)).expect("a transcript");
        assert_eq!((model.name.as_str(), model.kind.as_str()), ("abc", "mRNA"));
        assert_eq!(model.attribute("protein_id"), Some(protein));
        assert_eq!(coding_parts(model), parts);
        let ends = (model.blocks[0], model.blocks[model.blocks.len() - 1]);
        assert_eq!((ends.0.start_bp, ends.0.end_bp, ends.0.kind), (0, 4, BlockKind::Untranslated));
        assert_eq!((ends.1.start_bp, ends.1.end_bp, ends.1.kind), (42, 50, BlockKind::Untranslated));
    }
}

#[test]
fn what_may_belong_to_several_stays_by_itself() {
    let models = of(&[
        feature("mRNA", "join(1..10,40..50)", &["gene=\"abc\""]),
        feature("mRNA", "join(3..10,40..50)", &["gene=\"abc\""]),
        feature("CDS", "join(5..10,40..42)", &["gene=\"abc\""]),
    ]);
    assert_eq!(models.len(), 3, "{models:?}");
    assert!(models.iter().filter(|model| model.kind == "mRNA").all(|model| coding_parts(model).is_empty()), "no guess");
}

#[test]
fn exons_without_transcript_are_one() {
    let gene = ["gene=\"abc\""];
    let models = of(&[
        feature("exon", "1..10", &gene),
        feature("exon", "20..30", &gene),
        feature("CDS", "join(5..10,20..25)", &gene),
    ]);
    assert_eq!(models.len(), 1, "{models:?}");
    assert_eq!((models[0].start_bp, models[0].end_bp, models[0].blocks.len()), (0, 30, 4));
    let models = of(&[
        feature("exon", "1..10", &gene),
        feature("exon", "5..30", &gene),
        feature("CDS", "join(5..10,20..25)", &gene),
    ]);
    assert_eq!(models.len(), 3, "exons that overlap are of several transcripts: {models:?}");
}

#[test]
fn genes_of_one_name_at_two_places_are_two() {
    let name = ["gene=\"rrn\""];
    let models = of(&[
        feature("gene", "1..10", &name),
        feature("rRNA", "1..10", &name),
        feature("gene", "complement(40..50)", &name),
        feature("rRNA", "complement(41..50)", &name),
    ]);
    let kinds: Vec<_> = models.iter().map(|model| (model.kind.as_str(), model.start_bp)).collect();
    assert_eq!(kinds, [("rRNA", 0), ("gene", 39), ("rRNA", 40)], "a gene longer than its RNA is told");
}

#[test]
fn a_gene_over_the_origin_keeps_both_ends() {
    let models = of(&[
        feature("gene", "join(50..60,1..10)", &["gene=\"abc\""]),
        feature("CDS", "join(50..60,1..10)", &["gene=\"abc\""]),
        feature("misc_feature", "55..5", &["label=\"half\"", "note=\"color: #ff8800; direction: RIGHT\""]),
    ]);
    assert_eq!(models.len(), 2, "{models:?}");
    assert_eq!(coding_parts(&models[0]), [(0, 10), (49, 60)]);
    assert!(models[0].attribute("wraps_origin").is_some(), "{models:?}");
    assert_eq!((models[1].name.as_str(), models[1].colour), ("half", Some([255, 136, 0])));
    assert_eq!(models[1].blocks.len(), 2);
}

#[test]
fn very_many_of_one_name_take_no_longer() {
    let gene = ["gene=\"abc\""];
    let many = |kind: &str| feature(kind, "1..10", &gene).repeat(20_000);
    let models = of(&[many("gene"), many("CDS"), many("exon"), many("mRNA")]);
    assert_eq!(models.iter().filter(|model| model.kind == "CDS").count(), 0, "each fits its transcript");
    let joined = format!("join({})", "1,3,5,7,9,".repeat(20_000) + "11");
    assert_eq!(of(&[feature("mRNA", &joined, &gene), feature("CDS", &joined, &gene)]).len(), 1);
}

#[test]
fn a_pseudogene_is_not_coding() {
    let models = of(&[feature("CDS", "1..30", &["gene=\"abc\"", "pseudo"])]);
    assert_eq!(models[0].blocks[0].kind, BlockKind::Untranslated);
}

#[test]
fn features_that_cannot_be_used_are_rows() {
    let found = features_of(record(
        &[
            feature("CDS", "J00194.1:1..5", &[]),
            feature("CDS", "1..61", &[]),
            feature("CDS", "<1..>60", &["note=\"open"]),
            feature("CDS", "<1..>60", &["codon_start=1"]),
        ]
        .concat(),
    ))
    .expect("the rest is read");
    let status = |row: &'_ crate::Row| match &row.status {
        RowStatus::Refused { status, .. } => (row.line, status.clone()),
        RowStatus::Ok => (row.line, String::new()),
    };
    let statuses: Vec<_> = found.rows.refused().map(status).collect();
    let expected = [(3, "unknown_contig"), (4, "beyond_end"), (5, "attributes")];
    assert_eq!(statuses, expected.map(|(line, status)| (line, status.to_owned())));
    let kept = &found.by_contig["a"];
    assert_eq!(kept.len(), 1);
    assert!(kept[0].attribute("partial_start").is_some() && kept[0].attribute("partial_end").is_some(), "{kept:?}");
    assert_eq!(kept[0].attribute("location"), Some("<1..>60"));
}

#[test]
fn odd_records_are_refused_with_line_and_reason() {
    let refused = [
        ("LOCUS       a 9 bp DNA\nORIGIN\n        1 acgtacgt\n//\n", "line 1, record 'a'", "says 9 bp, and 8 bases"),
        ("LOCUS       a 8 bp DNA\nORIGIN\n        1 acgt\n        6 acgt\n//\n", "line 4", "begins with base 6"),
        ("LOCUS       a 8 bp DNA\nORIGIN\n        1 acgtzcgt\n//\n", "line 3", "'z'"),
        ("LOCUS       a 8 aa\nORIGIN\n        1 mkv\n//\n", "line 1", "protein"),
        ("LOCUS       a 8 bp DNA\n//\n", "line 1, record 'a'", "no sequence"),
        ("LOCUS       a 8 bp DNA\nCONTIG      join(B:1..8)\n//\n", "line 1", "CONTIG"),
        ("LOCUS       a 4 bp\nORIGIN\n 1 acgt\nLOCUS       b 4 bp\n", "line 4", "another record begins"),
        ("LOCUS       a 4 bp\nORIGIN\n 1 acgt\n//\nLOCUS       a 4 bp\nORIGIN\n 1 acgt\n//\n", "line 5", "duplicate"),
        ("LOCUS       a 4 bp\nORIGIN\n 1 acgt\n//\nhello\n", "line 5", "outside of records"),
        ("LOCUS       a bp\n//\n", "line 1", "no length"),
        ("\nLOCUS       a 4 bp\n//\n", "line 2", "no sequence"),
        ("GBX.SEQ  Genetic Sequence Data Bank\n\n", "x.gb", "no record"),
    ];
    for (text, place, reason) in refused {
        let error = open(text).expect_err(text).to_string();
        assert!(error.contains(place) && error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn odd_records_are_read_with_a_warning() {
    let (_folder, genome) = open("LOCUS       My plasmid 4 bp\nACCESSION   .\nORIGIN\n 1 acgt\n").expect("opened");
    assert_eq!(genome.contigs()[0].name, "My_plasmid");
    let warnings = genome.warnings().join(" ");
    assert!(warnings.contains("'//'") && warnings.contains("'_' for blanks"), "{warnings}");
    let (_folder, mut genome) =
        open("LOCUS       a 4 bp\r\nACCESSION   b REGION: 5..8\r\nORIGIN\r\n 1 acGr\r\n//\r\n").expect("opened");
    assert_eq!(genome.read(&Region::new("b", 0, 4)).expect("bases"), b"acGr", "both cases occur");
    let warnings = genome.warnings().join(" ");
    assert!(warnings.contains("part of that sequence (5..8)") && warnings.contains("ambiguity"), "{warnings}");
}

#[test]
fn a_release_begins_with_lines_about_itself() {
    let text = "GBX.SEQ  Genetic Sequence Data Bank\n  1 loci\n\nLOCUS       a 4 bp\nORIGIN\n 1 acgt\n//\n\n";
    let (_folder, genome) = open(text).expect("opened");
    assert_eq!(genome.contigs().len(), 1);
}

#[test]
fn a_name_that_promises_fasta_is_held_to_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("entry.fa");
    fs::write(&path, record("")).expect("written");
    let error = Genome::open(&path, folder.path()).expect_err("refused").to_string();
    assert!(error.contains("line 1") && error.contains("GenBank"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_damage_is_read_or_refused_and_never_panics(at in 0_usize..400, byte: u8, cut in 0_usize..600) {
        let lines = [
            feature("gene", "join(50..60,1..10)", &["gene=\"abc\""]),
            feature("CDS", "complement(join(50..60,1..10))", &["gene=\"abc\"", "translation=\"MKV\""]),
        ];
        let mut text = record(&lines.concat()).into_bytes();
        let at = at % text.len();
        text[at] = byte;
        text.truncate(cut.max(1));
        let _ = open(&text);
        let _ = features_of(&text);
    }
}
