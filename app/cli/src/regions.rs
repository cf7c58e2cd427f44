//! What part of a genome is meant: regions as typed, and the rows of a BED file.

use std::{collections::HashMap, path::Path};

use strandscope_worker::{GenomeSummary, genome::Region};

use crate::failure::{Failure, Result};

/// Contigs of an opened genome, found by name.
pub(crate) struct Contigs<'a> {
    file: String,
    lengths_bp: HashMap<&'a str, u64>,
    first: Option<&'a str>,
}

/// A stretch that was asked for and cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unusable {
    /// Where it was asked for: `--region`, or a file and a line.
    pub(crate) place: String,
    /// What was asked for.
    pub(crate) text: String,
    /// Why it cannot be had, and what to do.
    pub(crate) reason: String,
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot use {} of {}: {}", self.text, self.place, self.reason)
    }
}

impl<'a> Contigs<'a> {
    pub(crate) fn new(genome: &'a GenomeSummary, file: String) -> Self {
        let lengths_bp = genome.contigs.iter().map(|contig| (contig.name.as_str(), contig.length_bp)).collect();
        Self { file, lengths_bp, first: genome.contigs.first().map(|contig| contig.name.as_str()) }
    }

    /// Reads `CONTIG` or `CONTIG:START-END`. Names may hold colons, so the whole text is tried as a name first.
    pub(crate) fn region(&self, text: &str) -> Result<Result<Region, Unusable>> {
        let unusable = |reason| Unusable { place: "--region".to_owned(), text: format!("'{text}'"), reason };
        if let Some(&length_bp) = self.lengths_bp.get(text) {
            return Ok(self.checked(Region::new(text, 0, length_bp)).map_err(unusable));
        }
        match text.parse::<Region>() {
            Ok(region) => Ok(self.checked(region).map_err(unusable)),
            Err(_) if !text.contains(':') && !text.is_empty() => Ok(Err(unusable(self.no_contig(text)))),
            Err(error) => Err(Failure::usage(format!("--region: {error}")).because(self.no_contig(text))),
        }
    }

    /// The region, if the genome has all of it and there is something in it.
    fn checked(&self, region: Region) -> Result<Region, String> {
        let Some(&length_bp) = self.lengths_bp.get(region.contig.as_str()) else {
            return Err(self.no_contig(&region.contig));
        };
        let contig = &region.contig;
        if region.end_bp > length_bp {
            return Err(format!("it ends beyond contig '{contig}', which has {length_bp} bases in {}", self.file));
        }
        if region.is_empty() {
            return Err(format!("contig '{contig}' has no bases in {}; leave it out", self.file));
        }
        Ok(region)
    }

    fn no_contig(&self, name: &str) -> String {
        let mut reason = format!("contig '{name}' is not in {}", self.file);
        let other = name.strip_prefix("chr").map_or_else(|| format!("chr{name}"), str::to_owned);
        if self.lengths_bp.contains_key(other.as_str()) {
            reason.push_str(&format!("; it has '{other}'"));
        } else if let Some(first) = self.first {
            reason.push_str(&format!("; its first contig is '{first}'"));
        }
        reason
    }

    /// Reads the rows of BED text: the first three columns, 0-based and half-open; `track`, `browser` and `#` lines
    /// are passed over, as are empty ones.
    pub(crate) fn bed(&self, path: &Path, text: &[u8]) -> Vec<Result<Region, Unusable>> {
        let mut rows = Vec::new();
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let is_header =
                [&b"#"[..], b"track ", b"track\t", b"browser ", b"browser\t"].iter().any(|head| line.starts_with(head));
            if line.is_empty() || is_header || line == b"track" || line == b"browser" {
                continue;
            }
            let region = bed_region(line).and_then(|region| self.checked(region));
            rows.push(region.map_err(|reason| Unusable {
                place: path.display().to_string(),
                text: format!("line {}", index + 1),
                reason,
            }));
        }
        rows
    }
}

/// The region of one BED row.
fn bed_region(line: &[u8]) -> Result<Region, String> {
    let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8 text".to_owned())?;
    let mut columns = line.split('\t');
    let (Some(contig), Some(start), Some(end)) = (columns.next(), columns.next(), columns.next()) else {
        let reason = "it has fewer than three columns; BED has contig, start and end, separated by tabs";
        return Err(reason.to_owned());
    };
    let number = |what: &str, digits: &str| {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = is_number.then(|| digits.parse::<u64>().ok()).flatten();
        number.ok_or_else(|| format!("its {what} '{digits}' is not a whole number from 0"))
    };
    let (start_bp, end_bp) = (number("start", start)?, number("end", end)?);
    if contig.is_empty() {
        return Err("its contig has no name".to_owned());
    }
    if end_bp <= start_bp {
        return Err(format!("its end {end_bp} is not behind its start {start_bp}; BED is 0-based and half-open"));
    }
    Ok(Region::new(contig, start_bp, end_bp))
}

#[cfg(test)]
mod tests {
    use strandscope_worker::Contig;

    use super::*;

    fn genome() -> GenomeSummary {
        let contig = |name: &str, length_bp| Contig { name: name.into(), length_bp, ..Contig::default() };
        GenomeSummary {
            path: "ref.fa".into(),
            contigs: vec![
                contig("chr1", 5_000),
                contig("HLA-A*01:01", 300),
                contig("odd:1-20", 50),
                contig("empty", 0),
            ],
            warnings: Vec::new(),
        }
    }

    fn region(text: &str) -> Result<Region, Unusable> {
        Contigs::new(&genome(), "ref.fa".into()).region(text).unwrap()
    }

    #[test]
    fn whole_contigs_ranges_and_names_with_colons() {
        assert_eq!(region("chr1"), Ok(Region::new("chr1", 0, 5_000)), "whole");
        assert_eq!(region("chr1:1,001-2,000"), Ok(Region::new("chr1", 1_000, 2_000)), "range");
        assert_eq!(region("HLA-A*01:01"), Ok(Region::new("HLA-A*01:01", 0, 300)), "a name with a colon");
        assert_eq!(region("HLA-A*01:01:5-9"), Ok(Region::new("HLA-A*01:01", 4, 9)), "a range of it");
        assert_eq!(region("odd:1-20"), Ok(Region::new("odd:1-20", 0, 50)), "a name that looks like a range");
    }

    #[test]
    fn what_cannot_be_had_is_told_with_the_reason() {
        let reason = |text: &str| region(text).unwrap_err().reason;
        assert!(reason("chr1:4,000-5,001").contains("5000 bases"), "{}", reason("chr1:4,000-5,001"));
        assert!(reason("1:1-5").contains("it has 'chr1'"), "{}", reason("1:1-5"));
        assert!(reason("empty").contains("no bases"), "{}", reason("empty"));
        assert!(reason("chr9").contains("first contig is 'chr1'"), "{}", reason("chr9"));
        let genome = genome();
        let contigs = Contigs::new(&genome, "ref.fa".into());
        assert_eq!(contigs.region("chr1:0-5").unwrap_err().code(), 2, "nonsense is a usage error");
    }

    #[test]
    fn bed_rows_are_read_strictly_and_named_by_line() {
        let genome = genome();
        let contigs = Contigs::new(&genome, "ref.fa".into());
        let text = b"track name=x\n#c\nchr1\t10\t20\tname\r\n\nchr1\t20\t10\nchr1\t-1\t5\nchr1\t1e2\t200\nchr1 1 2\nchr1\t0\t5001\nchr7\t0\t5\nchr1\t0\t5000";
        let rows = contigs.bed(Path::new("a.bed"), text);
        assert_eq!(rows[0], Ok(Region::new("chr1", 10, 20)), "good, with a carriage return");
        assert_eq!(rows[7], Ok(Region::new("chr1", 0, 5_000)), "up to the end, without a line end");
        let lines: Vec<String> = rows[1..7].iter().map(|row| row.clone().unwrap_err().text).collect();
        assert_eq!(lines, ["line 5", "line 6", "line 7", "line 8", "line 9", "line 10"], "bad rows");
    }
}
