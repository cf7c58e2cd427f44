//! Names that are found, and names that are not and why.

use super::*;

fn contigs(of: &[(&str, u64)]) -> Vec<Contig> {
    of.iter().map(|&(name, length_bp)| Contig { name: name.into(), length_bp, ..Contig::default() }).collect()
}

fn aliases(of: &[(&str, u64)]) -> Aliases {
    Aliases::of(&contigs(of))
}

#[test]
fn chr_and_mitochondria_go_both_ways() {
    let ensembl = aliases(&[("1", 100), ("MT", 16_569), ("X", 5)]);
    for (name, contig) in [("chr1", "1"), ("chrM", "MT"), ("M", "MT"), ("chrMT", "MT"), ("CHRX", "X"), ("x", "X")] {
        assert_eq!(ensembl.resolve(name), Some(contig), "{name}");
    }
    let ucsc = aliases(&[("chr1", 100), ("chrM", 16_569)]);
    for (name, contig) in [("1", "chr1"), ("MT", "chrM"), ("mt", "chrM"), ("Chr1", "chr1")] {
        assert_eq!(ucsc.resolve(name), Some(contig), "{name}");
    }
    assert_eq!(ucsc.resolve("2"), None);
    assert_eq!(ucsc.why_not("2"), "the reference has no contig called '2'; names there are like 'chr1'");
}

#[test]
fn of_two_candidates_neither_is_taken() {
    let both = aliases(&[("1", 100), ("Chr1", 90), ("ab", 1), ("AB", 1)]);
    assert_eq!(both.resolve("1"), Some("1"), "its own name");
    assert_eq!(both.resolve("chr1"), Some("1"), "the other one is spelled in another way");
    assert_eq!(both.resolve("CHR1"), None);
    assert_eq!(both.resolve("Ab"), None);
    assert_eq!(both.why_not("Ab"), "'Ab' may be any of the contigs 'ab', 'AB'");
    let mitochondria = aliases(&[("MT", 10), ("M", 10)]);
    assert_eq!(mitochondria.resolve("chrM"), None, "{}", mitochondria.why_not("chrM"));
}

#[test]
fn accessions_need_the_length_of_their_assembly() {
    let grch38 = aliases(&[("chr1", 248_956_422), ("chrM", 16_569)]);
    assert_eq!(grch38.assembly(), Some("GRCh38"));
    for name in ["NC_000001.11", "CM000663.2", "NC_000001", "nc_000001.11"] {
        assert_eq!(grch38.resolve(name), Some("chr1"), "{name}");
    }
    assert_eq!(grch38.resolve("NC_012920.1"), Some("chrM"));
    assert_eq!(grch38.resolve("NC_000001.10"), None);
    let reason = grch38.why_not("NC_000001.10");
    assert!(reason.contains("GRCh37") && reason.contains("different assemblies"), "{reason}");
    let part = aliases(&[("chr1", 1_000)]);
    assert_eq!(part.assembly(), None);
    assert_eq!(part.resolve("NC_000001.11"), None, "a part of it is not it");
    assert!(part.why_not("NC_000001.11").contains("1,000"), "{}", part.why_not("NC_000001.11"));
    let by_accession = aliases(&[("NC_000007.14", 159_345_973)]);
    assert_eq!(by_accession.resolve("chr7"), Some("NC_000007.14"));
    assert_eq!(by_accession.resolve("7"), Some("NC_000007.14"));
    assert_eq!(by_accession.resolve("NC_000007.13"), None);
}

#[test]
fn a_sequence_that_two_assemblies_share_has_the_names_of_both() {
    let mouse = aliases(&[("MT", 16_299)]);
    assert_eq!(mouse.assembly(), None, "of GRCm38 and of GRCm39");
    assert_eq!(mouse.resolve("NC_005089.1"), Some("MT"));
    let human = aliases(&[("chrM", 16_569)]);
    assert_eq!(human.resolve("NC_012920.1"), None, "that of T2T is as long and another one");
}

#[test]
fn the_mitochondrion_of_hg19_is_not_that_of_grch37() {
    let grch37 = aliases(&[("1", 249_250_621), ("MT", 16_569)]);
    assert_eq!(grch37.resolve("chr1"), Some("1"));
    assert_eq!(grch37.resolve("NC_012920.1"), Some("MT"));
    assert_eq!(grch37.resolve("chrM"), None);
    assert!(grch37.why_not("chrM").contains("NC_001807.4"), "{}", grch37.why_not("chrM"));
    let refseq = aliases(&[("NC_000001.10", 249_250_621), ("NC_012920.1", 16_569)]);
    assert_eq!(refseq.resolve("MT"), Some("NC_012920.1"));
    assert_eq!(refseq.resolve("chrM"), None, "{}", refseq.why_not("chrM"));
    let hg19 = aliases(&[("chrM", 16_571)]);
    assert_eq!(hg19.resolve("M"), Some("chrM"));
    assert_eq!(hg19.resolve("MT"), None);
}

#[test]
fn yeast_has_roman_and_other_numbers() {
    let yeast = aliases(&[("NC_001133.9", 230_218), ("NC_001142.9", 745_751), ("NC_001224.1", 85_779)]);
    for (name, contig) in [("chrI", "NC_001133.9"), ("I", "NC_001133.9"), ("1", "NC_001133.9"), ("chr1", "NC_001133.9")]
    {
        assert_eq!(yeast.resolve(name), Some(contig), "{name}");
    }
    assert_eq!(yeast.resolve("X"), Some("NC_001142.9"), "ten");
    assert_eq!(yeast.resolve("10"), Some("NC_001142.9"));
    assert_eq!(yeast.resolve("BK006935.2"), Some("NC_001133.9"));
    assert_eq!(yeast.resolve("Mito"), Some("NC_001224.1"));
    assert_eq!(yeast.resolve("chrM"), Some("NC_001224.1"));
}

#[test]
fn versions_may_be_left_out_and_never_differ() {
    let coli = aliases(&[("NC_000913.3", 4_641_652)]);
    assert_eq!(coli.resolve("NC_000913"), Some("NC_000913.3"));
    assert_eq!(coli.resolve("NC_000913.2"), None);
    assert_eq!(
        coli.why_not("NC_000913.2"),
        "'NC_000913.2' is another version of contig 'NC_000913.3' of the reference"
    );
    let unversioned = aliases(&[("NC_000913", 4_641_652)]);
    assert_eq!(unversioned.resolve("NC_000913.3"), Some("NC_000913"));
    let two = aliases(&[("NC_000913.2", 1), ("NC_000913.3", 1)]);
    assert_eq!(two.resolve("NC_000913"), None);
    let scaffolds = aliases(&[("scaffold.1", 1), ("scaffold", 1)]);
    assert_eq!(scaffolds.resolve("scaffold.2"), None);
}

#[test]
fn a_table_of_the_user_goes_before_guesses() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let table = "# ucsc\tassembly\trefseq\nscaf1\tA\tNW_000001.1\r\n\nscaf2\tB\t\tchrB\nother\tZ\nscaf1\tscaf2\n";
    std::fs::write(file.path(), table).expect("written");
    let mut aliases = aliases(&[("scaf1", 10), ("scaf2", 20), ("chrA", 30)]);
    let rows = aliases.add_table(file.path()).expect("a table");
    for (name, contig) in [("A", "scaf1"), ("a", "scaf1"), ("NW_000001", "scaf1"), ("chrB", "scaf2"), ("B", "scaf2")] {
        assert_eq!(aliases.resolve(name), Some(contig), "{name}");
    }
    assert_eq!(aliases.resolve("chrA"), Some("chrA"), "its own name goes first");
    assert_eq!(rows.rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 4, 6]);
    let refused: Vec<_> = rows.refused().map(|row| row.line).collect();
    assert_eq!(refused, [6], "two contigs in one line");
    assert!(rows.warnings[0].starts_with("1 lines"), "{:?}", rows.warnings);
    std::fs::write(file.path(), "a\tb\n").expect("written");
    let error = aliases.add_table(file.path()).expect_err("nothing fits");
    assert!(error.to_string().contains("no line holds the name"), "{error}");
}
