//! Pasted text of all sorts.

use proptest::prelude::*;

use super::*;

fn bases(text: &str) -> Vec<(String, String)> {
    let pasted = read_pasted(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let text = |bases: Vec<u8>| String::from_utf8(bases).unwrap();
    pasted.records.into_iter().map(|record| (record.name, text(record.bases))).collect()
}

fn one(text: &str) -> String {
    let records = bases(text);
    assert_eq!(records.len(), 1, "one record in {text:?}");
    records[0].1.clone()
}

#[test]
fn bases_alone() {
    for (text, expected) in [
        ("ACGT", "ACGT"),
        ("  ac\tgu\r\n\r\nNNry ", "acguNNry"),
        ("1 acgtacgtac 11 gattaca\n 61 cc", "acgtacgtacgattacacc"),
        ("5'-ACGT-3'", "ACGT"),
        ("5’ ACGT 3′", "ACGT"),
        ("5''ACG—TTT-3''", "ACGTTT"),
        ("\u{feff}ACG\u{a0}T", "ACGT"),
        ("AC--GT\n", "ACGT"),
        ("ACG 5 T", "ACGT"),
    ] {
        assert_eq!(one(text), expected, "{text:?}");
        assert_eq!(bases(text)[0].0, "pasted", "{text:?}");
    }
}

#[test]
fn what_was_taken_out_is_told() {
    let sentence = |text: &str| read_pasted(text).unwrap().removed.sentence();
    assert_eq!(sentence("ACGT\nACGT\n"), None, "ends of lines are no news");
    let expected = "Removed 12 digits and 34 blanks.";
    assert_eq!(sentence(&format!("{}AC{}GT", "1".repeat(12), " ".repeat(34))).as_deref(), Some(expected));
    let pasted = read_pasted("5'-A-C 10\nG–T-3'").unwrap();
    let expected = Removed { digits: 2, blanks: 1, dashes: 4, end_marks: 2, annotation_lines: 0 };
    assert_eq!(pasted.removed, expected);
    assert_eq!(pasted.removed.sentence().unwrap(), "Removed 2 digits, 1 blank, 4 dashes and 2 marks of the ends.");
}

#[test]
fn lines_of_any_kind_end_headers() {
    assert_eq!(bases(">a\rAC\rGT\r>b\rTT"), bases(">a\nACGT\n>b\r\nTT\r\n"));
}

#[test]
fn fasta_records() {
    let text = ">chr1 first one\nACGT 10\nac\n\n > second\n5'-GGG-3'\n>\nTT\n";
    let expected = [("chr1", "ACGTac"), ("second", "GGG"), ("pasted_3", "TT")];
    assert_eq!(bases(text), expected.map(|(name, bases)| (name.to_owned(), bases.to_owned())));
    let pasted = read_pasted(text).unwrap();
    assert_eq!(pasted.records[0].description, "first one");
    assert_eq!(pasted.records[0].to_string(), "chr1, 6 bases");
}

const GENBANK: &str = "\
LOCUS       SCU49845     12 bp    DNA             PLN       21-JUN-1999
DEFINITION  Saccharomyces cerevisiae TCP1-beta gene.
FEATURES             Location/Qualifiers
     source          1..12
                     /note=\"the
                     ORIGIN of
                     >all\"
ORIGIN
        1 gatcctccat ac
//
";

#[test]
fn genbank_records() {
    let pasted = read_pasted(&format!("{GENBANK}\n\n{}", GENBANK.replace("SCU49845", "OTHER"))).unwrap();
    let names = pasted.records.iter().map(|record| record.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names, ["SCU49845", "OTHER"]);
    assert_eq!(pasted.records[1].bases, b"gatcctccatac");
    assert_eq!(pasted.records[0].description, "Saccharomyces cerevisiae TCP1-beta gene.");
    assert_eq!(pasted.removed.annotation_lines, 18);
    assert_eq!(one("ORIGIN      \n        1 gatcctccat ac\n       13 tt\n//"), "gatcctccatactt", "its sequence alone");
    assert_eq!(bases("ORIGIN\n1 ac\n//\nORIGIN\n1 gt\n").len(), 2, "two of them");
}

#[test]
fn what_is_no_sequence_is_refused_with_its_place() {
    for (text, line, column, reason) in [
        ("", 0, 0, "there is no base in it"),
        ("\n  \n", 0, 0, "there is no base in it"),
        ("12 34", 1, 0, "record 'pasted' has no bases"),
        (
            "ACGT\nAC GQT",
            2,
            5,
            "the sequence holds the letter 'Q', which is not a nucleotide code (is this a protein?)",
        ),
        ("ACGТ", 1, 4, "the sequence holds 'Т', which is not an ASCII letter"),
        ("ÄÖ", 1, 1, "the sequence holds 'Ä', which is not an ASCII letter"),
        ("ACG*", 1, 4, "the sequence holds the character '*', which is not a nucleotide code"),
        ("ACGT>x", 1, 5, "the sequence holds a '>', which is not a nucleotide letter"),
        ("3'-ACGT-5'", 1, 1, "a 3' mark stands before the bases: the sequence is written from 3' to 5'"),
        ("ACGT-5'", 1, 6, "a 5' mark stands behind bases, where a sequence ends or another begins"),
        ("5'-AC-3'\n5'-GT-3'", 2, 1, "a 5' mark stands behind bases, where a sequence ends or another begins"),
        ("5'-AC-3'\n3'-TG-5'", 2, 1, "this is the second 3' mark of a sequence"),
        ("5'-AC-3' GT", 1, 10, "bases follow the 3' end of a sequence"),
        (">a\n>b\nAC", 1, 0, "record 'a' has no bases"),
        (">a\nAC\n>a\nGT", 3, 0, "a second record is named 'a'"),
        ("LOCUS X\nCONTIG join(Y)\n//", 1, 0, "record 'X' has no bases"),
        ("//", 1, 0, "no record comes before this '//'"),
    ] {
        let error = read_pasted(text).expect_err(text);
        assert_eq!((error.line, error.column, error.reason.as_str()), (line, column, reason), "{text:?}");
    }
    assert_eq!(
        read_pasted("AC GQT").unwrap_err().to_string(),
        "cannot read the pasted text, line 1, column 5: the sequence holds the letter 'Q', which is not a nucleotide \
         code (is this a protein?); use A, C, G, T, U, N or IUPAC nucleotide codes"
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_fall_over(
        text in any::<String>(),
        near in "(>[a-z]{0,3}\n|[ACGTn]{0,9}|5'-|-3'|[0-9 ]{0,4}|\n|ORIGIN\n|LOCUS x\n|//\n){0,12}",
    ) {
        for text in [text, near] {
            if let Ok(pasted) = read_pasted(&text) {
                prop_assert!(!pasted.records.is_empty());
                for record in &pasted.records {
                    prop_assert!(!record.bases.is_empty() && record.bases.iter().all(u8::is_ascii_alphabetic));
                }
            }
        }
    }

    #[test]
    fn every_base_is_kept_in_its_place(parts in prop::collection::vec(("[ACGTUNRYacgtun]{1,9}", "[0-9 \t\r\n-]{0,5}"), 1..9)) {
        let text = parts.iter().map(|(bases, between)| format!("{bases}{between}")).collect::<String>();
        let expected = parts.iter().map(|(bases, _)| bases.as_str()).collect::<String>();
        let pasted = read_pasted(&text).unwrap();
        prop_assert_eq!(&pasted.records[0].bases, expected.as_bytes());
        let Removed { digits, blanks, dashes, .. } = pasted.removed;
        let taken = text.chars().filter(|letter| !letter.is_alphabetic() && !matches!(letter, '\n' | '\r')).count();
        prop_assert!(digits + blanks + dashes >= taken as u64);
    }
}
