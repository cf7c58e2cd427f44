//! Loci as people type them.

use strandscope_worker::{Contig, genome::grouped};

/// A place to go to: a record by its number, and a stretch of it or all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// All of a record.
    Record(usize),
    /// `start_bp..end_bp`, 0-based, half-open.
    Stretch(usize, u64, u64),
    /// The same with some bases on either side of it.
    Around(usize, u64, u64),
    /// One base, 0-based.
    Base(usize, u64),
}

/// Whether a text can be bases to be found: at least six letters of DNA, with IUPAC codes, mismatches as `~2`, or a
/// regular expression between slashes.
pub(crate) fn bases_in(text: &str) -> bool {
    const LEAST: usize = 6;
    if text.len() > 2 && text.starts_with('/') && text.ends_with('/') {
        return true;
    }
    let letters = text.split_once('~').map_or(text, |(letters, _)| letters);
    letters.len() >= LEAST && letters.bytes().all(|letter| b"ACGTURYSWKMBDHVN".contains(&letter.to_ascii_uppercase()))
}

/// Reads `contig:start-end`, `start-end`, `contig`, `contig:position` or `position`, 1-based and inclusive,
/// with commas, `..`, `k` and `M`; three fields apart by blanks are taken as a line of a BED file, 0-based.
///
/// # Errors
/// A sentence that says what is wrong and what would be right.
pub(crate) fn parse_place(text: &str, contigs: &[Contig], current: usize) -> Result<Place, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("Type a place: a record's name, 1,200-1,800, or name:1,200-1,800.".to_owned());
    }
    if let Some(record) = contigs.iter().position(|contig| contig.name == text) {
        return Ok(Place::Record(record));
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if let [contig_name, start, end, ..] = fields[..] {
        let record = record_named(contig_name, contigs)?;
        let start_bp = number(start)?;
        let end_bp = number(end)?;
        return stretch(record, start_bp, end_bp, contigs);
    }
    let (record, range) = match text.rsplit_once(':') {
        Some((contig_name, range)) => (record_named(contig_name, contigs)?, range),
        None if text.starts_with(|c: char| c.is_ascii_digit()) => (current, text),
        None => return record_named(text, contigs).map(Place::Record),
    };
    let ends = range.split_once("..").or_else(|| range.split_once(['-', '–']));
    let Some((start, end)) = ends else {
        return base(record, number(range)?, contigs);
    };
    let (start, end) = (number(start)?, number(end)?);
    if start == 0 {
        return Err("Positions begin at 1.".to_owned());
    }
    if end < start {
        return Err(format!("The end ({}) lies before the start ({}).", grouped(end), grouped(start)));
    }
    stretch(record, start - 1, end, contigs)
}

fn stretch(record: usize, start_bp: u64, end_bp: u64, contigs: &[Contig]) -> Result<Place, String> {
    let contig = &contigs[record];
    if end_bp <= start_bp {
        return Err("There is no base between this start and this end.".to_owned());
    }
    if start_bp >= contig.length_bp {
        return Err(beyond_end(contig));
    }
    Ok(Place::Stretch(record, start_bp, end_bp.min(contig.length_bp)))
}

fn base(record: usize, position: u64, contigs: &[Contig]) -> Result<Place, String> {
    let contig = &contigs[record];
    match position {
        0 => Err("Positions begin at 1.".to_owned()),
        _ if position > contig.length_bp => Err(beyond_end(contig)),
        _ => Ok(Place::Base(record, position - 1)),
    }
}

fn beyond_end(contig: &Contig) -> String {
    format!("{} ends at {}.", contig.name, grouped(contig.length_bp))
}

fn record_named(name: &str, contigs: &[Contig]) -> Result<usize, String> {
    let exact = contigs.iter().position(|contig| contig.name == name);
    let like = || contigs.iter().position(|contig| contig.name.eq_ignore_ascii_case(name));
    exact.or_else(like).ok_or_else(|| match nearest(name, contigs) {
        Some(contig) => format!("There is no record “{name}” in this file. Is it “{}”?", contig.name),
        None => format!("There is no record “{name}” in this file."),
    })
}

/// A record whose name holds the typed one, or the other way round (`7` and `chr7`).
fn nearest<'a>(name: &str, contigs: &'a [Contig]) -> Option<&'a Contig> {
    let name = name.to_ascii_lowercase();
    contigs.iter().find(|contig| {
        let other = contig.name.to_ascii_lowercase();
        !name.is_empty() && (other.contains(&name) || name.contains(&other))
    })
}

/// A whole number with commas, or with `k` or `M` behind it.
fn number(text: &str) -> Result<u64, String> {
    let wrong = || format!("“{}” is not a position. Write a whole number such as 1,200 or 1.2k.", text.trim());
    let digits: String = text.trim().chars().filter(|&c| c != ',' && c != '_').collect();
    let (digits, unit) = match digits.strip_suffix(['k', 'K']) {
        Some(rest) => (rest, 1e3),
        None => digits.strip_suffix(['m', 'M']).map_or((digits.as_str(), 1.0), |rest| (rest, 1e6)),
    };
    if unit == 1.0 {
        return digits.parse().map_err(|_| wrong());
    }
    let value: f64 = digits.parse().map_err(|_| wrong())?;
    let bp = value * unit;
    if bp.is_finite() && (0.0..1e15).contains(&bp) { Ok(crate::scale::whole(bp.round())) } else { Err(wrong()) }
}

/// A length for people: `840 bp`, `12.5 kb`, `3.1 Mb`.
pub(crate) fn length(bp: u64) -> String {
    match bp {
        0..10_000 => format!("{} bp", grouped(bp)),
        10_000..1_000_000 => format!("{} kb", trimmed(bp as f64 / 1e3)),
        1_000_000..1_000_000_000 => format!("{} Mb", trimmed(bp as f64 / 1e6)),
        _ => format!("{} Gb", trimmed(bp as f64 / 1e9)),
    }
}

fn trimmed(value: f64) -> String {
    let text = if value < 10.0 { format!("{value:.2}") } else { format!("{value:.1}") };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contigs() -> Vec<Contig> {
        [("chr1", 5_000), ("chr10", 2_000_000), ("HLA-A*01:01", 300)]
            .map(|(name, length_bp)| Contig { name: name.into(), length_bp, ..Contig::default() })
            .into()
    }

    #[test]
    fn every_way_to_write_a_place() {
        let contigs = contigs();
        let place = |text| parse_place(text, &contigs, 1);
        assert_eq!(place("chr1"), Ok(Place::Record(0)), "a record");
        assert_eq!(place(" chr1:1,001-2,000 "), Ok(Place::Stretch(0, 1_000, 2_000)), "1-based, inclusive");
        assert_eq!(place("chr1:1001..2000"), Ok(Place::Stretch(0, 1_000, 2_000)), "dots");
        assert_eq!(place("10-20"), Ok(Place::Stretch(1, 9, 20)), "in the record in view");
        assert_eq!(place("1.5M"), Ok(Place::Base(1, 1_499_999)), "one position, with unit");
        assert_eq!(place("CHR1:7"), Ok(Place::Base(0, 6)), "case of the name does not matter");
        assert_eq!(place("chr1 1000 2000"), Ok(Place::Stretch(0, 1_000, 2_000)), "BED counts from 0");
        assert_eq!(place("chr1\t1000\t2000\tname\t0\t+"), Ok(Place::Stretch(0, 1_000, 2_000)), "the rest of its line");
        assert_eq!(place("HLA-A*01:01"), Ok(Place::Record(2)), "a name with a colon");
        assert_eq!(place("HLA-A*01:01:5-9"), Ok(Place::Stretch(2, 4, 9)), "and a stretch of it");
        assert_eq!(place("chr1:4,000-9,000"), Ok(Place::Stretch(0, 3_999, 5_000)), "cut at the end");
    }

    #[test]
    fn nonsense_is_answered_with_what_is_wrong() {
        let contigs = contigs();
        for (text, wanted) in [
            ("", "Type a place"),
            ("chr99:1-2", "no record “chr99”"),
            ("1:5-9", "Is it “chr1”?"),
            ("chr1:9-5", "before the start"),
            ("chr1:0-5", "begin at 1"),
            ("chr1:x-5", "“x” is not a position"),
            ("chr1:6,000-7,000", "chr1 ends at 5,000"),
            ("99999999999999999999", "not a position"),
            ("chr1:1e300M", "not a position"),
        ] {
            let error = parse_place(text, &contigs, 0).expect_err(text);
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn bases_are_told_from_names() {
        let found = ["GATTACA", "gattaca", "TATAWAR~1", "/TATA[AT]{3}/", "BRCA1", "TATA", "chrIII"].map(bases_in);
        assert_eq!(found, [true, true, true, true, false, false, false], "six letters or more");
    }

    #[test]
    fn lengths_are_short() {
        let lengths = [9_999, 12_500, 3_100_000, 248_956_422, 3_100_000_000].map(length);
        assert_eq!(lengths, ["9,999 bp", "12.5 kb", "3.1 Mb", "249 Mb", "3.1 Gb"], "as people say them");
    }
}
