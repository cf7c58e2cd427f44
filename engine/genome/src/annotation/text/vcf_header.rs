//! The header of a VCF file.

use std::path::Path;

use super::{notices::Notices, unusable_line};
use crate::{GenomeError, error::shortened};

/// Columns that every VCF file has.
const FIXED: [&str; 8] = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"];

/// Samples whose genotypes are kept; files with more are tables, not lists of variants.
const MOST_SAMPLES: usize = 8;

/// What the lines before the rows say.
#[derive(Debug, Default)]
pub(super) struct Header {
    /// Columns of a row; 0 before the line that names them.
    pub(super) columns: usize,
    /// Names of the samples whose genotypes are kept.
    pub(super) samples: Vec<String>,
    /// Lengths of contigs.
    pub(super) lengths: Vec<(String, u64)>,
    has_version: bool,
}

impl Header {
    /// Takes a line that begins with `#`.
    pub(super) fn line(
        &mut self,
        path: &Path,
        number: u64,
        line: &str,
        notices: &mut Notices,
    ) -> Result<(), GenomeError> {
        if let Some(version) = line.strip_prefix("##fileformat=") {
            self.has_version = true;
            if !version.trim().starts_with("VCFv4") {
                let reason = format!("its format is '{}', and VCF 4 is expected", shortened(version));
                return Err(unusable_line(path, number, reason, "convert it, for example with bcftools view"));
            }
        } else if let Some(contig) = line.strip_prefix("##contig=<") {
            self.lengths.extend(contig_length(contig));
        } else if line.starts_with("#CHROM") {
            self.names(path, number, line, notices)?;
        }
        Ok(())
    }

    /// The line that names the columns.
    fn names(&mut self, path: &Path, number: u64, line: &str, notices: &mut Notices) -> Result<(), GenomeError> {
        let names: Vec<&str> = line.split('\t').collect();
        if names.len() < FIXED.len() || names[..FIXED.len()] != FIXED {
            let reason = "the header line does not name #CHROM POS ID REF ALT QUAL FILTER INFO with tabs between";
            return Err(unusable_line(path, number, reason, "mend this line; columns are separated by tabs"));
        }
        if !self.has_version {
            notices.say("The file does not begin with ##fileformat=VCFv4.x: it is read as VCF 4.");
        }
        self.columns = names.len();
        let samples = names.get(FIXED.len() + 1..).unwrap_or_default();
        if samples.len() > MOST_SAMPLES {
            notices.say(format!("The genotypes of {} samples are not kept.", samples.len()));
        } else {
            self.samples = samples.iter().map(|&name| name.to_owned()).collect();
        }
        Ok(())
    }
}

/// Name and length in `ID=chr1,length=5>`; commas between quotation marks do not separate.
fn contig_length(text: &str) -> Option<(String, u64)> {
    let mut is_quoted = false;
    let pieces = text.trim_end().trim_end_matches('>').split(|letter: char| {
        is_quoted ^= letter == '"';
        letter == ',' && !is_quoted
    });
    let (mut name, mut length) = (None, None);
    for piece in pieces {
        match piece.split_once('=')? {
            ("ID", id) => name = Some(id.to_owned()),
            ("length", bases) => length = bases.parse().ok(),
            _ => {}
        }
    }
    name.zip(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_contigs_are_found_among_other_keys() {
        for (text, want) in [
            ("ID=chrA,length=200>", Some(("chrA".to_owned(), 200))),
            ("ID=1,assembly=\"b,37\",length=5,md5=ab>\r", Some(("1".to_owned(), 5))),
            ("ID=chrA>", None),
            ("ID=chrA,length=x>", None),
            ("nonsense", None),
        ] {
            assert_eq!(contig_length(text), want, "{text}");
        }
    }
}
