use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::*;

fn splice() -> TableFormat {
    TableFormat::new(["none", "donor", "acceptor"].map(str::to_owned).to_vec())
}

fn parse(text: impl AsRef<[u8]>, format: &TableFormat) -> Result<Dataset, DataError> {
    Dataset::parse(text.as_ref(), "t.csv", format, &HashSet::new())
}

fn rows(text: impl AsRef<[u8]>, format: &TableFormat) -> Vec<(String, usize)> {
    let data = parse(text, format).expect("the table can be read");
    let text_of = |row: Row| (String::from_utf8(row.sequence).expect("letters"), row.label);
    data.rows.into_iter().map(text_of).collect()
}

fn message(text: impl AsRef<[u8]>, format: &TableFormat) -> String {
    parse(text, format).expect_err("the table must be refused").to_string()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn columns_are_found_by_name_and_letters_upper_cased() {
    let text = "\u{feff}id,label, sequence \r\n7,2,acgtN\r\n8,\"0\",GG\r\n";
    assert_eq!(rows(text, &splice()), [("ACGTN".to_owned(), 2), ("GG".to_owned(), 0)], "rows");
}

#[test]
fn numbers_mean_what_the_names_say() {
    let text = "sequence,label\nAC,0\nGT,1\nTT,2\nCC,donor\n";
    let labels = |format: &TableFormat| rows(text, format).into_iter().map(|row| row.1).collect::<Vec<_>>();
    let mut format = splice();
    assert_eq!(labels(&format), [0, 1, 2, 1], "the head's own order");
    format.label_names = Some(["acceptor", "donor", "none"].map(str::to_owned).to_vec());
    assert_eq!(labels(&format), [2, 1, 0, 1], "the file's order");
    format.label_names = Some(["acceptor", "donor"].map(str::to_owned).to_vec());
    assert!(message(text, &format).contains("line 4: label 2 has no name"), "{}", message(text, &format));
    format.label_names = Some(["acceptor", "exon", "none"].map(str::to_owned).to_vec());
    assert!(message(text, &format).contains("line 3: 'exon' is none of the labels none, donor"), "unknown name");
    let numbers = TableFormat::new(["1", "0"].map(str::to_owned).to_vec());
    assert_eq!(rows("sequence,label\nAC,0\n", &numbers)[0].1, 1, "a label may be named 0");
}

#[test]
fn gzip_of_several_members_is_read_to_its_end() {
    let mut bytes = gzip("sequence,label\nAC,0\n");
    bytes.extend(gzip("GT,1\n"));
    assert_eq!(rows(&bytes, &splice()).len(), 2, "both members");
    let cut = &bytes[..bytes.len() - 4];
    let text = message(cut, &splice());
    assert!(text.contains("t.csv cannot be read"), "a cut file: {text}");
}

#[test]
fn refusals_name_file_and_line() {
    let cases = [
        ("", "line 1: there is no header"),
        ("seq,label\nA,0\n", "line 1: there is no column 'sequence', only seq, label"),
        ("sequence,sequence,label\nA,A,0\n", "line 1: the column 'sequence' stands there twice"),
        ("sequence,label\nAC,0\nAC\n", "line 3: "),
        ("sequence,label\nAC,0\n,0\n", "line 3: the sequence is empty"),
        ("sequence,label\nA C,0\n", "line 2: the sequence holds ' '"),
        ("sequence,label\nAC,-1\n", "line 2: '-1' is none of the labels"),
        ("sequence,label\nAC,1.0\n", "line 2: '1.0' is none of the labels"),
        ("sequence,label\nAC,\n", "line 2: '' is none of the labels"),
        ("sequence,label\n", "line 1: the table ends after 0 rows"),
    ];
    for (text, part) in cases {
        let message = message(text, &splice());
        assert!(message.contains("t.csv") && message.contains(part), "{text:?}: {message}");
    }
    let message = message(b"sequence,label\nA\xff,0\n", &splice());
    assert!(message.contains("line 2"), "bytes that are no text: {message}");
}

#[test]
fn rows_are_left_out_by_number() {
    let text = "sequence,label\nAA,0\nCC,what\nGG,1\n";
    let data = Dataset::parse(text.as_bytes(), "t.csv", &splice(), &HashSet::from([1])).expect("row 1 is left out");
    assert_eq!((data.rows.len(), data.left_out), (2, 1), "counts");
    assert_eq!(data.rows[1].sequence, b"GG", "the row after it stays");
    let error = Dataset::parse(text.as_bytes(), "t.csv", &splice(), &HashSet::from([1, 9])).expect_err("no row 9");
    assert!(error.to_string().contains("ends after 3 rows"), "{error}");
}

#[test]
fn overlaps_are_those_of_one_file() {
    let folder = std::env::temp_dir().join(format!("strandscope-overlaps-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("overlaps.tsv.gz");
    std::fs::write(&path, gzip("file\trow\tgenome\na.csv\t3\tx\na.csv\t3\ty\na.csv\t5\ty\nb.csv\t4\tx\n"))
        .expect("a file");
    let rows = |file: &str, genomes: &[&str]| {
        let genomes: Vec<_> = genomes.iter().map(|&genome| genome.to_owned()).collect();
        read_overlaps(&path, file, &genomes)
    };
    assert_eq!(rows("a.csv", &[]).expect("the list"), HashSet::from([3, 5]), "rows of a.csv");
    assert_eq!(rows("a.csv", &["x", "z"]).expect("the list"), HashSet::from([3]), "those of one genome");
    assert_eq!(rows("c.csv", &[]).expect("the list"), HashSet::new(), "not listed");
    std::fs::write(&path, "file\trow\tgenome\na.csv\tthree\tx\n").expect("a file");
    let message = rows("a.csv", &[]).expect_err("no number").to_string();
    assert!(message.contains("line 2: 'three'"), "{message}");
    std::fs::remove_dir_all(&folder).expect("the folder can be removed");
    let message = rows("a.csv", &[]).expect_err("no file").to_string();
    assert!(message.contains("overlaps.tsv.gz cannot be read"), "{message}");
}
