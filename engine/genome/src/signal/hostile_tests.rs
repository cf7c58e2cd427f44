//! Damaged and odd files: an error or a report each time, never a panic, a hang or a wrong value.

use std::{fs, path::Path};

use proptest::prelude::*;

use super::*;
use crate::{Aliases, Contig, GenomeError, Hooks, RowStatus};

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/signals");
    fs::read(folder.join(name)).expect("a fixture")
}

fn text(name: &str, text: impl AsRef<[u8]>, reference: Option<Reference<'_>>) -> Result<Signal, GenomeError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, text).expect("written");
    Signal::open(&path, reference, &mut Hooks::default())
}

/// Line and word for each refused row.
fn refused(signal: &Signal) -> Vec<(u64, String)> {
    let word = |status: &RowStatus| match status {
        RowStatus::Refused { status, .. } => status.clone(),
        RowStatus::Ok => String::new(),
    };
    signal.refused_rows().iter().map(|row| (row.line, word(&row.status))).collect()
}

/// Asks a file for everything it can be asked.
fn use_all(path: &Path) -> Result<(), GenomeError> {
    let _ = inspect_signal(path, None, &mut Hooks::default());
    if BigBed::is_one(path)? {
        let mut file = BigBed::open(path, None)?;
        let _ = (file.count(), file.find("t", 5, &mut Hooks::default()));
        for contig in file.contigs().to_vec() {
            let _ = file.features(&contig.name, 0, contig.length_bp, 100);
            let _ = file.density(&contig.name, 0, contig.length_bp, 10, &mut Hooks::default());
        }
        return Ok(());
    }
    let mut signal = Signal::open_as(SignalKind::BigWig, path, None, &mut Hooks::default())?;
    let _ = signal.extent();
    for contig in signal.contigs().to_vec() {
        let end_bp = contig.length_bp;
        let _ = (signal.summary(&contig.name, 0, end_bp, 7), signal.summary(&contig.name, 0, end_bp.min(90), 90));
        let _ = (signal.values(&contig.name, 0, end_bp.min(1000)), signal.exact_summary(&contig.name, 0, end_bp, 3));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn damaged_files_end_in_an_error_or_are_read(
        which in 0_usize..4, flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()), in_head in any::<bool>(),
    ) {
        let mut bytes = fixture(["values.bw", "unpacked.bw", "features.bb", "big_endian.bw"][which]);
        for (place, value) in flips {
            // Most of what can go wrong stands in the head and in the indexes.
            let reach = if in_head { bytes.len().min(700) } else { bytes.len() };
            bytes[place.index(reach)] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()).max(1));
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("damaged");
        fs::write(&path, bytes).expect("written");
        let _ = use_all(&path);
    }

    #[test]
    fn any_text_is_read_or_refused_row_by_row(
        rows in prop::collection::vec("(chr1|1|x)?[\t ]?[0-9]{0,11}[\t ][0-9-]{0,4}[\t ]?[0-9.eNa-]{0,5}", 0..30),
        declaration in "(fixed|variable)Step( (chrom|start|step|span)=[a1-9]{0,9}){0,4}", name in "a\\.(wig|bdg)",
    ) {
        let contigs = [Contig { name: "chr1".into(), length_bp: 5_000, ..Contig::default() }];
        let aliases = Aliases::of(&contigs);
        let lines = rows.iter().enumerate().map(|(index, row)| if index == 9 { declaration.clone() } else { row.clone() });
        let signal = text(&name, lines.collect::<Vec<_>>().join("\n") + "\n", Some((&aliases, &contigs)));
        if let Ok(mut signal) = signal {
            prop_assert_eq!(signal.refused_count(), signal.refused_rows().len() as u64, "all are kept");
            if !signal.contigs().is_empty() {
                prop_assert!(signal.summary("chr1", 0, 5_000, 9).is_ok(), "a summary");
            }
        }
    }

    #[test]
    fn any_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 1..300), name in "a\\.(wig|bdg|bw)") {
        let _ = text(&name, bytes, None);
    }
}

#[test]
fn every_length_of_a_cut_file_ends_in_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cut.bw");
    let whole = fixture("steps.bw");
    // The root of the last index, behind which only what lies under it can be missing.
    let index_at = |at: usize| usize::try_from(u64::from_le_bytes(whole[at..at + 8].try_into().expect("eight")));
    let last_index_at = (0..usize::from(whole[6])).map(|level| index_at(80 + 24 * level).expect("small")).max();
    for length in 1..last_index_at.expect("a zoom level") + 48 {
        fs::write(&path, &whole[..length]).expect("written");
        assert!(use_all(&path).is_err(), "{length} bytes");
    }
}

#[test]
fn an_index_that_leads_into_itself_is_no_hang() {
    let mut bytes = fixture("values.bw");
    let index_at = usize::try_from(u64::from_le_bytes(bytes[24..32].try_into().expect("eight"))).expect("small");
    // A root that is a branch with itself as its children, for all bases.
    let root = index_at + 48;
    bytes[root..root + 4].copy_from_slice(&[0, 0, 2, 0]);
    for child in 0..2 {
        let at = root + 4 + 24 * child;
        bytes[at..at + 8].fill(0);
        bytes[at + 8..at + 16].fill(0xff);
        bytes[at + 16..at + 24].copy_from_slice(&(root as u64).to_le_bytes());
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("circle.bw");
    fs::write(&path, bytes).expect("written");
    let mut signal = Signal::open(&path, None, &mut Hooks::default()).expect("the head is sound");
    let error = signal.values("chr1", 0, 10).expect_err("a circle").to_string();
    assert!(error.contains("leads back into itself; download or write the file again"), "{error}");
}

#[test]
fn rows_that_cannot_be_used_are_reported_and_the_rest_is_read() {
    let contigs = [Contig { name: "chr1".into(), length_bp: 100, ..Contig::default() }];
    let aliases = Aliases::of(&contigs);
    let rows = "chr1\t0\t10\t1\n1 10 20 2\nchr1\t15\t25\t9\nchr1\t30\t30\t1\nchr1\tx\t40\t1\nchr1\t40\t50\tnan\n\
        chr1\t90\t101\t1\nchrZ\t0\t1\t1\nchr1\t50\t60\nchr1\t99\t100\t-3e-1\n";
    let mut signal = text("a.bdg", rows, Some((&aliases, &contigs))).expect("opened");
    let words: Vec<(u64, String)> = [
        (3, "overlap"),
        (4, "coordinates"),
        (5, "coordinates"),
        (6, "number"),
        (7, "beyond_end"),
        (8, "unknown_contig"),
        (9, "columns"),
    ]
    .map(|(line, word)| (line, word.to_owned()))
    .into();
    assert_eq!(refused(&signal), words, "one of each kind");
    assert_eq!(signal.refused_rows()[0].text, "chr1\t15\t25\t9", "as it stands");
    let bins = signal.summary("chr1", 0, 100, 1).expect("a summary");
    assert_eq!((bins[0].covered_bp, bins[0].min, bins[0].max), (21, -0.3, 2.0), "the rest");
}

#[test]
fn rows_out_of_order_are_sorted_and_overlaps_found() {
    let signal = text("a.bdg", "c 50 60 5\nc 0 10 1\nd 0 5 1\nc 5 55 7\nc 20 21 2\n", None);
    let mut signal = signal.expect("opened");
    assert_eq!(refused(&signal), [(4, "overlap".to_owned())], "it overlaps the one from 0 to 10");
    let covered: u64 = signal.summary("c", 0, 60, 6).expect("bins").iter().map(|bin| bin.covered_bp).sum();
    assert_eq!(covered, 21, "three rows");
}

#[test]
fn only_the_first_track_of_a_file_is_read() {
    let rows = "track type=bedGraph name=plus\nc 0 10 1\ntrack type=bedGraph name=minus\nc 0 10 -1\n";
    let mut signal = text("a.txt", rows, None).expect("opened");
    assert_eq!((signal.name(), signal.refused_count(), signal.warnings().len()), (Some("plus"), 1, 1), "said so");
    assert_eq!(signal.values("c", 0, 1).expect("values"), [1.0], "not a mixture");
}

#[test]
fn rows_behind_a_bad_declaration_or_an_unsure_place_are_refused() {
    let rows =
        "fixedStep chrom=c start=1\n1\n2\nfixedStep chrom=c start=1 step=1\n1\n2 3\n4\nvariableStep chrom=c\n9 1\n";
    let mut signal = text("a.wig", rows, None).expect("opened");
    let lines: Vec<u64> = refused(&signal).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [1, 2, 3, 6, 7], "line 7 has no sure place");
    let values = signal.values("c", 0, 9).expect("values");
    assert_eq!((values[0], values[8]), (1.0, 1.0), "what is sure");
}

#[test]
fn text_that_is_neither_is_refused_with_a_remedy() {
    let error = text("a.bed", "chr1\t0\t1\t5\n", None).expect_err("perhaps BED").to_string();
    assert!(error.contains("not known as bedGraph, wig or BigWig") && error.contains("track type=bedGraph"), "{error}");
}

#[test]
fn a_file_that_changes_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("values.bw");
    fs::write(&path, fixture("values.bw")).expect("written");
    let mut signal = Signal::open(&path, None, &mut Hooks::default()).expect("opened");
    fs::write(&path, fixture("steps.bw")).expect("written");
    let error = signal.values("chr1", 0, 10).expect_err("another file").to_string();
    assert!(error.contains("has changed since it was opened"), "{error}");
}

#[test]
fn questions_that_have_no_answer_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.bw");
    let contigs = [Contig { name: "chr1".into(), length_bp: 60_000_000, ..Contig::default() }];
    BigWigWriter::create(&path, false, &contigs).expect("created").finish().expect("written");
    let mut signal = Signal::open(&path, None, &mut Hooks::default()).expect("opened");
    let error = signal.values("chr1", 0, 50_000_001).expect_err("too many").to_string();
    assert!(error.contains("50,000,001 bases are too many"), "{error}");
    assert!(signal.summary("chr1", 0, 100, 0).is_err(), "no bins");
    assert!(signal.summary("chr1", 5, 5, 1).is_err(), "no bases");
    assert!(matches!(signal.summary("chr2", 0, 1, 1), Err(GenomeError::NoSuchContig { .. })), "no such contig");
}
