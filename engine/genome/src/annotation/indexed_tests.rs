use std::io::Write as _;

use noodles::{core::Position, csi::binning_index::index::header::Builder};
use proptest::prelude::*;

use super::*;
use crate::Annotation;

/// A BGZF file of sorted rows with a `.tbi` beside it, in blocks of a few rows.
fn packed(folder: &Path, name: &str, header: &str, rows: &[(String, u64, u64, String)], builder: Builder) -> PathBuf {
    let path = folder.join(name);
    let mut writer = bgzf::io::Writer::new(Vec::new());
    writer.write_all(header.as_bytes()).expect("written");
    let mut indexer = tabix::index::Indexer::default();
    indexer.set_header(builder.build());
    for (number, (contig, start, end, text)) in rows.iter().enumerate() {
        if number % 50 == 0 {
            writer.flush().expect("a block");
        }
        let from = writer.virtual_position();
        writeln!(writer, "{text}").expect("written");
        let position = |bp: u64| Position::try_from(usize::try_from(bp).expect("small")).expect("from 1");
        let chunk = Chunk::new(from, writer.virtual_position());
        indexer.add_record(contig, position(start + 1), position(*end.max(&(start + 1))), chunk).expect("sorted");
    }
    std::fs::write(&path, writer.finish().expect("finished")).expect("written");
    let mut index = path.clone().into_os_string();
    index.push(".tbi");
    tabix::fs::write(index, &indexer.build()).expect("written");
    path
}

fn bed_rows() -> Vec<(String, u64, u64, String)> {
    let mut rows = Vec::new();
    for contig in ["1", "2"] {
        let mut places: Vec<(u64, u64)> =
            (0..4_000_u64).map(|number| (number * 37, number * 37 + number * 7_919 % 300)).collect();
        places.push((500, 120_000));
        places.push((148_500, 148_500));
        places.sort_unstable();
        rows.extend(places.into_iter().enumerate().map(|(number, (start, end))| {
            (contig.to_owned(), start, end, format!("{contig}\t{start}\t{end}\tn{number}\t{}\t+", number % 1_000))
        }));
    }
    rows
}

fn vcf_rows() -> Vec<(String, u64, u64, String)> {
    let row = |number: u64| {
        let position = number * 41 + 1;
        let reference = &"ACGTACGTACGT"[..1 + usize::try_from(number % 9).expect("small")];
        let alternate = ["A,<DEL>", "G", "T,C"][usize::try_from(number % 3).expect("small")];
        let end = position - 1 + reference.len() as u64;
        ("1".to_owned(), position - 1, end, format!("1\t{position}\trs{number}\t{reference}\t{alternate}\t.\tPASS\t."))
    };
    (0..4_000).map(row).collect()
}

const VCF_HEADER: &str = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n";

fn without_lines<'a>(features: impl Iterator<Item = &'a Feature>) -> Vec<Feature> {
    let mut features: Vec<Feature> = features.map(|feature| Feature { line: 0, ..feature.clone() }).collect();
    features.sort_by(|one, other| {
        let key = |feature: &Feature| (feature.start_bp, feature.end_bp, format!("{feature:?}"));
        key(one).cmp(&key(other))
    });
    features
}

#[test]
fn a_region_holds_what_the_whole_file_holds_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let bed = packed(folder.path(), "a.bed.gz", "#a comment\n", &bed_rows(), Builder::bed());
    let vcf = packed(folder.path(), "a.vcf.gz", VCF_HEADER, &vcf_rows(), Builder::vcf());
    for path in [&bed, &vcf] {
        let whole = Annotation::open(path, None, &mut Hooks::default()).expect("opened");
        let indexed = IndexedAnnotation::open_larger(path, None, 0).expect("opened").expect("by its index");
        assert_eq!((indexed.kind(), indexed.warnings()), (whole.kind(), &[][..]));
        let indexed = std::cell::RefCell::new(indexed);
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(150));
        let place = (prop_oneof![Just("1"), Just("2"), Just("3")], 0_u64..170_000, 0_u64..3_000);
        let same = runner.run(&place, |(contig, start, length)| {
            let region = Region::new(contig, start, start + length);
            let found = indexed.borrow_mut().features(&region, usize::MAX, None, &mut Hooks::default());
            let found = found.expect("read");
            let want = without_lines(whole.features(contig, start, start + length));
            prop_assert_eq!(without_lines(found.features.iter()), want, "{}", region);
            prop_assert!(found.is_whole, "all of it");
            Ok(())
        });
        same.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn refused_rows_of_a_region_are_told_and_a_wide_region_is_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let vcf = packed(folder.path(), "a.vcf.gz", VCF_HEADER, &vcf_rows(), Builder::vcf());
    let mut indexed = IndexedAnnotation::open_larger(&vcf, None, 0).expect("opened").expect("by its index");
    let found = indexed.features(&Region::new("1", 0, 42), 100, None, &mut Hooks::default()).expect("read");
    let statuses: Vec<_> = found.refused.iter().map(|row| (row.start, row.alternate.as_deref())).collect();
    assert_eq!(statuses, [(Some(1), Some("A")), (Some(1), Some("<DEL>"))], "A is REF too");
    let cut = indexed.features(&Region::new("1", 0, 160_000), 100, None, &mut Hooks::default()).expect("read");
    assert!(!cut.is_whole && cut.features.len() >= 100, "there are more");
}

#[test]
fn contigs_and_bases_are_held_against_the_reference() {
    let folder = tempfile::tempdir().expect("a folder");
    let fasta = folder.path().join("ref.fa");
    std::fs::write(&fasta, format!(">chr1\n{}\n", "ACGT".repeat(50_000))).expect("written");
    let mut genome = Genome::open(&fasta, &folder.path().join("cache")).expect("opened");
    let vcf = packed(folder.path(), "a.vcf.gz", VCF_HEADER, &vcf_rows(), Builder::vcf());
    let mut indexed =
        IndexedAnnotation::open_larger(&vcf, Some(&mut genome), 0).expect("opened").expect("by its index");
    let region = Region::new("chr1", 0, 100);
    let found = indexed.features(&region, 100, Some(&mut genome), &mut Hooks::default()).expect("read");
    assert!(found.warnings[0].contains("'1' is taken for 'chr1'"), "{:?}", found.warnings);
    let mismatches = found
        .refused
        .iter()
        .filter(|row| matches!(&row.status, RowStatus::Refused { status, .. } if status == "ref_mismatch"));
    assert_eq!(
        mismatches.map(|row| row.start).collect::<Vec<_>>(),
        [Some(42), Some(83), Some(83)],
        "REF begins with A"
    );
}

#[test]
fn small_unindexed_or_assembled_files_are_read_whole_and_bad_indexes_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = packed(folder.path(), "a.bed.gz", "", &bed_rows(), Builder::bed());
    assert!(IndexedAnnotation::open(&path, None).expect("opened").is_none(), "it is small");
    let index = folder.path().join("a.bed.gz.tbi");
    std::fs::write(&index, b"nonsense").expect("written");
    let error = IndexedAnnotation::open_larger(&path, None, 0).expect_err("a bad index").to_string();
    assert!(error.contains("a.bed.gz.tbi: it is no index as tabix makes it"), "{error}");
    std::fs::remove_file(&index).expect("removed");
    assert!(IndexedAnnotation::open_larger(&path, None, 0).expect("opened").is_none(), "it has no index");

    // The index of another file leads astray.
    let other = packed(folder.path(), "b.bed.gz", "", &bed_rows()[..4_002], Builder::bed());
    packed(folder.path(), "c.bed.gz", "", &bed_rows()[4_002..], Builder::bed());
    std::fs::copy(folder.path().join("c.bed.gz.tbi"), folder.path().join("b.bed.gz.tbi")).expect("copied");
    let mut indexed = IndexedAnnotation::open_larger(&other, None, 0).expect("opened").expect("by its index");
    let found = indexed.features(&Region::new("2", 0, 1_000), 100, None, &mut Hooks::default());
    assert!(found.expect_err("refused").to_string().contains("the index beside it does not fit"), "told");
}
