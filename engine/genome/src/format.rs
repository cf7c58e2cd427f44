//! What kind of sequence file a file is, found from its content.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{
    GenomeError,
    error::Place,
    source::{Packing, SourceFile, TextStream},
};

/// A format that holds sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SequenceFormat {
    /// FASTA text, and whatever is none of the others: the reader of FASTA says what is wrong with it.
    Fasta,
    /// UCSC's 2bit.
    TwoBit,
    /// GenBank flat files.
    GenBank,
}

/// Names that promise FASTA.
const FASTA_ENDINGS: [&str; 7] = ["fa", "fasta", "fna", "ffn", "frn", "fas", "mfa"];

/// Text in which a first record begins.
const BEGIN_BYTES: usize = 1 << 12;

impl SequenceFormat {
    /// The format of the file at `path`.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or holds something else than FASTA under a name that promises FASTA.
    pub fn of(path: &Path) -> Result<Self, GenomeError> {
        let source = SourceFile::open(path)?;
        let packing = Packing::of(&source)?;
        Self::of_source(&source, &packing)
    }

    pub(crate) fn of_source(source: &SourceFile, packing: &Packing) -> Result<Self, GenomeError> {
        let format = Self::of_text(&begin(source, packing)?);
        let (place, what, ending) = match format {
            Self::Fasta => return Ok(format),
            Self::TwoBit => (Place::Byte(0), "a 2bit file", ".2bit"),
            Self::GenBank => (Place::Line { line: 1, record: None }, "a GenBank file", ".gb"),
        };
        if !promises_fasta(&source.path) {
            return Ok(format);
        }
        let reason = format!("it is {what}, and its name promises FASTA");
        Err(GenomeError::unusable(&source.path, place, reason, format!("give it a name that ends in {ending}")))
    }

    /// The format whose text begins like this.
    pub(crate) fn of_text(text: &[u8]) -> Self {
        if text.starts_with(&[0x43, 0x27, 0x41, 0x1a]) || text.starts_with(&[0x1a, 0x41, 0x27, 0x43]) {
            return Self::TwoBit;
        }
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
        let first_line = text.split(|&byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
        let is_locus = first_line.strip_prefix(b"LOCUS").is_some_and(|rest| rest.first() == Some(&b' '));
        // What whole releases of GenBank begin with.
        let is_release = first_line.windows(26).any(|text| text == b"Genetic Sequence Data Bank");
        if is_locus || is_release { Self::GenBank } else { Self::Fasta }
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fasta => "fasta",
            Self::TwoBit => "twobit",
            Self::GenBank => "genbank",
        }
    }
}

/// The first text of a file; none where it is damaged, which is for its reader to say.
fn begin(source: &SourceFile, packing: &Packing) -> Result<Vec<u8>, GenomeError> {
    let mut text = vec![0; BEGIN_BYTES];
    let filled = TextStream::open(source, packing)?.fill(&mut text).unwrap_or(0);
    text.truncate(filled);
    Ok(text)
}

fn promises_fasta(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let packed = [".gz", ".bgz", ".bgzf"].iter().find_map(|ending| name.strip_suffix(ending));
    let ending = packed.unwrap_or(&name).rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| FASTA_ENDINGS.contains(&ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_tells_the_format() {
        let known = [
            (&b"LOCUS       A  5 bp"[..], SequenceFormat::GenBank),
            (b"\xef\xbb\xbf\n\nLOCUS A", SequenceFormat::GenBank),
            (b"GBBCT1.SEQ          Genetic Sequence Data Bank\n", SequenceFormat::GenBank),
            (b"LOCUSTA", SequenceFormat::Fasta),
            (b"\x43\x27\x41\x1a\0", SequenceFormat::TwoBit),
            (b"\x1a\x41\x27\x43\0", SequenceFormat::TwoBit),
            (b">LOCUS A", SequenceFormat::Fasta),
            (b"", SequenceFormat::Fasta),
        ];
        for (text, format) in known {
            assert_eq!(SequenceFormat::of_text(text), format, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn names_may_promise_fasta() {
        for (name, promises) in
            [("a.fa", true), ("b/A.FASTA.gz", true), ("fa", false), ("a.gb", false), ("a.fa.txt", false)]
        {
            assert_eq!(promises_fasta(Path::new(name)), promises, "{name}");
        }
    }
}
