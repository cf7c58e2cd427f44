use super::{read, try_read};
use crate::AnnotationKind::Vcf;

const HEADER: &str =
    "##fileformat=VCFv4.2\n##contig=<ID=chrA,length=200>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n";

/// Rows `CHROM POS REF ALT`, from line 4 on. The reference is `ACGT` again and again.
fn rows(rows: &[(&str, &str, &str, &str)]) -> String {
    let row = |(contig, position, from, to): &(&str, &str, &str, &str)| {
        format!("{contig}\t{position}\t.\t{from}\t{to}\t50\tPASS\t.\n")
    };
    HEADER.to_owned() + &rows.iter().map(row).collect::<String>()
}

#[test]
fn each_allele_is_used_or_refused_by_itself() {
    let text = rows(&[
        ("chrA", "1", "A", "C"),
        ("chrA", "200", "t", "TGG"),
        ("chrA", "201", "A", "C"),
        ("chrA", "200", "TA", "T"),
        ("chrA", "0", "A", "C"),
        ("chrA", "ten", "A", "C"),
        ("chrZ", "1", "A", "C"),
        ("chrA", "2", "A", "C"),
        ("chrM", "1", "A", "G,<DEL>,*,T"),
        ("chrA", "5", "A", "."),
        ("chrA", "5", "A", "A"),
        ("chrA", "5", "A", "A]chrM:3]"),
        ("chrA", "5", "R", "C"),
    ]) + "chrA\t5\t.\tA\tC\n"
        + "chrA 5 . A C 50 PASS .\n"
        + "chrA\t5\t.\tA\tC\t.\t.\t.\tGT\n";
    let read = read(&text, Vcf);
    let want = [
        (4, "ok"),
        (5, "ok"),
        (6, "beyond_end"),
        (7, "beyond_end"),
        (8, "coordinates"),
        (9, "number"),
        (10, "unknown_contig"),
        (11, "ref_mismatch"),
        (12, "ok"),
        (12, "unsupported_allele"),
        (12, "unsupported_allele"),
        (12, "ok"),
        (13, "unsupported_allele"),
        (14, "unsupported_allele"),
        (15, "unsupported_allele"),
        (16, "unsupported_allele"),
        (17, "columns"),
        (18, "columns"),
        (19, "columns"),
    ];
    assert_eq!(read.statuses(), want);
    assert_eq!(read.reason(11), "REF is A, the reference has C");
    assert!(read.reason(18).contains("blanks stand where VCF has tabs"), "{}", read.reason(18));
    assert_eq!(read.rows[11].alternate.as_deref(), Some("T"), "one row for each allele");
    let places: Vec<_> = read
        .content
        .features
        .iter()
        .map(|(contig, feature)| (*contig, feature.start_bp, feature.end_bp, feature.kind.as_str()))
        .collect();
    assert_eq!(places, [(0, 0, 1, "SNV"), (0, 199, 200, "insertion"), (1, 0, 1, "SNV"), (1, 0, 1, "SNV")]);
}

#[test]
fn what_a_row_says_is_kept() {
    let text = HEADER.replace("INFO", "INFO\tFORMAT\tsample one")
        + "chrA\t9\trs1;rs2\tAC\tA\t12.5\tq10\tAF=0.5;DB;;=3\tGT:DP\t0/1:7\n";
    let read = read(&text, Vcf);
    let feature = read.feature("rs1;rs2");
    assert_eq!((feature.start_bp, feature.end_bp, feature.score, feature.line), (8, 10, Some(12.5), 4));
    let want = [
        ("REF", "AC"),
        ("ALT", "A"),
        ("ID", "rs1;rs2"),
        ("QUAL", "12.5"),
        ("FILTER", "q10"),
        ("INFO", "AF=0.5;DB;;=3"),
        ("FORMAT", "GT:DP"),
        ("sample one", "0/1:7"),
    ];
    assert_eq!(feature.attributes, want.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[test]
fn the_header_is_needed() {
    let refused = |text: &str| try_read(text, Vcf, true).map(|_| ()).expect_err("refused").to_string();
    let row = "chrA\t10\t.\tT\tA\t50\tPASS\t.\n";
    assert!(refused(row).contains("line 1: a row comes before any header line"), "{}", refused(row));
    assert!(refused("##fileformat=VCFv4.2\n").contains("no header line #CHROM"), "no names");
    assert!(refused("##fileformat=VCFv3.3\n").contains("line 1: its format is 'VCFv3.3'"), "an old version");
    let blanks = "##fileformat=VCFv4.2\n#CHROM POS ID REF ALT QUAL FILTER INFO\n";
    assert!(refused(blanks).contains("line 2: the header line does not name"), "{}", refused(blanks));
    assert!(read(HEADER, Vcf).rows.is_empty(), "a file may have no rows");
    let without_version = HEADER.lines().skip(2).collect::<String>() + "\n";
    assert!(read(&without_version, Vcf).warns_of("##fileformat"), "that is told");
}

#[test]
fn another_assembly_shows_in_the_lengths() {
    let text = HEADER.replace("length=200", "length=1200").replace("=chrA", "=A");
    assert!(read(&text, Vcf).warns_of("Contig lengths differ: A has 1,200 bases in its header and 200"), "told");
    assert!(read(HEADER, Vcf).content.warnings.is_empty(), "they agree");
}

#[test]
fn without_a_reference_ref_is_not_checked() {
    let read = try_read(&rows(&[("anything", "5", "G", "C")]), Vcf, false).expect("a file");
    assert_eq!(read.statuses(), [(4, "ok")]);
}
