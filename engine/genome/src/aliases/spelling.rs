//! The ways in which one name is spelled.

/// What UCSC calls the mitochondrion.
const M: [&str; 2] = ["chrM", "M"];
/// What the others call it.
const MT: [&str; 6] = ["MT", "chrMT", "Mito", "MtDNA", "mitochondrion_genome", "Mt"];

/// Other spellings of `name`: with and without `chr`, and what the mitochondrion is called elsewhere.
///
/// With `mitochondria_differ`, the names of UCSC and those of all others are two sequences; with `fold`, `Chr` is a
/// `chr` as well.
pub(super) fn spellings(name: &str, mitochondria_differ: bool, fold: bool) -> Vec<String> {
    let names: Vec<&str> = match (is_m(name), is_mitochondrion(name)) {
        (_, false) => return vec![with_or_without_chr(name, fold)],
        (true, _) if mitochondria_differ => M.to_vec(),
        (false, _) if mitochondria_differ => MT.to_vec(),
        _ => M.into_iter().chain(MT).collect(),
    };
    names.into_iter().filter(|&other| other != name).map(str::to_owned).collect()
}

/// Whether `name` is one that the mitochondrion of any species may have.
pub(super) fn is_mitochondrion(name: &str) -> bool {
    is_m(name) || MT.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether `name` is what UCSC calls the mitochondrion.
pub(super) fn is_m(name: &str) -> bool {
    M.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn with_or_without_chr(name: &str, fold: bool) -> String {
    match name.get(..3) {
        Some(start) if name.len() > 3 && (start == "chr" || fold && start.eq_ignore_ascii_case("chr")) => {
            name[3..].to_owned()
        }
        _ => format!("chr{name}"),
    }
}

/// An accession of GenBank, EMBL, DDBJ or RefSeq, and its version where it has one.
///
/// Names of other kinds that end in a dot and a number (`scaffold.1`) are none: their numbers are no versions.
pub(super) fn accession(name: &str) -> Option<(&str, Option<&str>)> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (base, version) = match name.split_once('.') {
        Some((base, version)) => (base, Some(version)),
        None => (name, None),
    };
    if version.is_some_and(|version| !is_number(version)) {
        return None;
    }
    let letters = base.bytes().take_while(u8::is_ascii_uppercase).count();
    let rest = &base[letters..];
    let is_refseq = letters == 2 && rest.strip_prefix('_').is_some_and(|digits| digits.len() >= 6 && is_number(digits));
    let is_genbank = (1..=6).contains(&letters) && rest.len() >= 5 && is_number(rest);
    (is_refseq || is_genbank).then_some((base, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chr_comes_and_goes() {
        assert_eq!(spellings("1", false, false), ["chr1"]);
        assert_eq!(spellings("chr1", false, false), ["1"]);
        assert_eq!(spellings("Chr1", false, true), ["1"]);
        assert_eq!(spellings("chr", false, true), ["chrchr"]);
        assert_eq!(spellings("\u{e9}\u{e9}", false, true), ["chr\u{e9}\u{e9}"]);
    }

    #[test]
    fn the_mitochondria_of_hg19_are_two() {
        assert!(spellings("chrM", false, false).contains(&"MT".to_owned()), "one sequence");
        assert_eq!(spellings("chrM", true, false), ["M"]);
        assert!(!spellings("MT", true, false).contains(&"chrM".to_owned()), "two sequences");
    }

    #[test]
    fn accessions_are_told_from_other_names() {
        assert_eq!(accession("NC_000913.3"), Some(("NC_000913", Some("3"))));
        assert_eq!(accession("U00096"), Some(("U00096", None)));
        assert_eq!(accession("AABR07000001.1"), Some(("AABR07000001", Some("1"))));
        for name in ["chr1", "scaffold.1", "CONTIG_00001.1", "NC_000913.x", "NC_000913.", "", "1", "X", "contig00001.1"]
        {
            assert_eq!(accession(name), None, "{name}");
        }
    }
}
