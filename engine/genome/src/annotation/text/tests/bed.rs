use super::{blocks, read, try_read};
use crate::{AnnotationKind::Bed, BlockKind::Coding, BlockKind::Untranslated, Strand};

#[test]
fn each_row_is_used_or_refused_by_itself() {
    let text = "browser position chrA:1-100\ntrack name=\"a b\"\n# note\n\
        chrA\t0\t200\twhole\n\
        chrA\t195\t201\n\
        chrA\t50\t40\n\
        chrA\t-3\t10\n\
        chrA\t1e2\t120\n\
        chrZ\t1\t5\n\
        chrA\t10\n\
        chrA 10 20 x\n\
        \t10\t20\n\
        \n\
        chrA\t200\t200\tend\n\
        chrA\t18446744073709551616\t5\n\
        chrM\t15\t16\tlast";
    let read = read(text, Bed);
    let want = [
        (4, "ok"),
        (5, "beyond_end"),
        (6, "coordinates"),
        (7, "coordinates"),
        (8, "number"),
        (9, "unknown_contig"),
        (10, "columns"),
        (11, "columns"),
        (12, "columns"),
        (14, "ok"),
        (15, "number"),
        (16, "ok"),
    ];
    assert_eq!(read.statuses(), want);
    assert!(read.reason(5).contains("beyond the end of contig 'chrA', whose length is 200"), "{}", read.reason(5));
    assert!(read.reason(9).contains("contig 'chrZ' is not in the reference"), "{}", read.reason(9));
    assert!(read.reason(11).contains("blanks stand where BED has tabs"), "{}", read.reason(11));
    let row = &read.rows[1];
    assert_eq!((row.start, row.end, row.text.as_str()), (Some(195), Some(201), "chrA\t195\t201"), "as in the file");
    let whole = read.feature("whole");
    assert_eq!((whole.start_bp, whole.end_bp, whole.line), (0, 200, 4));
    assert!(read.feature("end").is_empty(), "a place between bases");
}

#[test]
fn all_twelve_columns_are_taken() {
    let read = read("chrA\t10\t100\tg\t500\t-\t15\t95\t255,128,0\t2\t10,20,\t0,70,\r\n", Bed);
    let feature = read.feature("g");
    assert_eq!(
        (feature.score, feature.strand, feature.colour),
        (Some(500.0), Some(Strand::Reverse), Some([255, 128, 0]))
    );
    assert_eq!(blocks(feature), [(10, 15, Untranslated), (15, 20, Coding), (80, 95, Coding), (95, 100, Untranslated)]);
    assert!(read.content.warnings.is_empty(), "{:?}", read.content.warnings);
}

#[test]
fn a_row_whose_blocks_do_not_fit_is_refused() {
    let row = |blocks: &str| format!("chrA\t10\t100\tg\t0\t+\t10\t100\t0\t{blocks}\n");
    let text = row("2\t10,20\t0,70")
        + &row("3\t10,20\t0,70")
        + &row("2\t10,21\t0,70")
        + &row("2\t10,20\t5,70")
        + &row("2\t80,20\t0,70")
        + "chrA\t10\t100\tg\t0\t+\t10\t100\t0\t2\t10,20\n";
    let read = read(&text, Bed);
    assert_eq!(read.statuses(), [(1, "ok"), (2, "columns"), (3, "coordinates"), (4, "ok"), (5, "ok"), (6, "columns")]);
    assert!(read.warns_of("do not reach from start to end: line 4"), "{:?}", read.content.warnings);
    assert!(read.warns_of("blocks overlap: line 5"), "{:?}", read.content.warnings);
}

#[test]
fn columns_of_other_formats_are_kept_as_they_stand() {
    let read =
        read("chrA\t1\t9\tpeak\t5\t.\t7.5\t-1\t-1\t4\nchrA\t2\t9\tother\t5\t.\t1\t2\t3\t4\nchrA\t2\t9\tx\n", Bed);
    let peak = read.feature("peak");
    let column = |name| peak.attribute(name);
    assert_eq!((column("column 7"), column("column 10"), peak.blocks.len()), (Some("7.5"), Some("4"), 0));
    assert_eq!(read.feature("other").attribute("column 8"), Some("2"), "all rows alike");
    assert!(
        read.warns_of("Columns 7 to 10: not what BED has there (line 1: thickStart is '7.5')"),
        "{:?}",
        read.content.warnings
    );
    assert!(read.warns_of("another number of columns than the first: line 3"), "{:?}", read.content.warnings);
}

#[test]
fn what_is_beside_the_point_is_left_out_with_a_warning() {
    let row = |score: &str, colour: &str| format!("chrA\t1\t9\tn\t{score}\t+\t1\t1\t{colour}\n");
    let read = read(&(row("1", "0") + &row("NaN", "red") + &row(".", "1,2,3")), Bed);
    assert_eq!(read.statuses(), [(1, "ok"), (2, "ok"), (3, "ok")]);
    assert!(read.warns_of("Scores that are no numbers are left out: line 2 (NaN)"), "{:?}", read.content.warnings);
    assert!(read.warns_of("Colours that are not red,green,blue"), "{:?}", read.content.warnings);
}

#[test]
fn contigs_are_found_by_their_other_names_and_that_is_told() {
    let read = read("A\t1\t9\nM\t1\t9\nA\t3\t4\n", Bed);
    assert_eq!(read.content.contigs, ["chrA", "chrM"]);
    assert_eq!(read.rows[0].contig, "A", "the row is told as it is");
    assert!(read.warns_of("'A' is taken for 'chrA', 'M' is taken for 'chrM'"), "{:?}", read.content.warnings);
}

#[test]
fn without_a_reference_any_contig_will_do() {
    let read = try_read("x\t5\t1000000000\n", Bed, false).expect("a file");
    assert_eq!(read.statuses(), [(1, "ok")]);
    assert_eq!(read.content.contigs, ["x"]);
}

#[test]
fn letters_of_other_encodings_do_no_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.bed");
    std::fs::write(&path, b"\xef\xbb\xbfchrA\t1\t9\tna\xe9\n").expect("written");
    let annotation = crate::Annotation::open(&path, None, &mut crate::Hooks::default()).expect("opened");
    assert_eq!(annotation.all("chrA")[0].name, "na\u{fffd}", "the mark at the begin is not of the name");
    assert!(annotation.warnings()[0].contains("UTF-8"), "{:?}", annotation.warnings());
}
