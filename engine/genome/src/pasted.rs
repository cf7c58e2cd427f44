//! Sequences as people paste them: with position numbers, blanks and marks of the ends.

mod reader;

use std::fmt;

use thiserror::Error;

use self::reader::Reader;
use crate::{error::shortened, grouped};

/// Most bases that can be pasted.
pub const MOST_PASTED_BP: usize = 100_000_000;

/// What came of pasted text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pasted {
    /// The sequences, in the order of the text.
    pub records: Vec<PastedRecord>,
    /// What was taken out.
    pub removed: Removed,
}

/// A sequence of pasted text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastedRecord {
    /// Name in its header; `pasted`, or `pasted_2` for the second record, where it has none.
    pub name: String,
    /// The rest of its header line, or of its `DEFINITION`.
    pub description: String,
    /// Its bases as they were written, in either case, `U` included.
    pub bases: Vec<u8>,
}

/// How many characters of each kind were taken out of the sequences. Ends of lines are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Digits, as of position numbers.
    pub digits: u64,
    /// Blanks, tabs and characters without width.
    pub blanks: u64,
    /// `-` and longer dashes.
    pub dashes: u64,
    /// `5'-` and `-3'`, in their spellings.
    pub end_marks: u64,
    /// Lines of a GenBank record other than its sequence.
    pub annotation_lines: u64,
}

/// Pasted text that is no sequence; the place is counted from 1.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("cannot read the pasted text{}: {reason}; {remedy}", shown_place(*line, *column))]
pub struct PastedError {
    /// Line of the text; 0 where all of it is meant.
    pub line: usize,
    /// Character of the line; 0 where all of the line is meant.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
    /// What the user can do.
    pub remedy: String,
}

fn shown_place(line: usize, column: usize) -> String {
    match (line, column) {
        (0, _) => String::new(),
        (_, 0) => format!(", line {}", grouped(line as u64)),
        _ => format!(", line {}, column {}", grouped(line as u64), grouped(column as u64)),
    }
}

/// Takes the sequences out of pasted text.
///
/// The text is FASTA, GenBank records or their `ORIGIN` parts, or bases alone. Digits, blanks, dashes and marks of the
/// ends (`5'-`, `-3'`) are taken out and counted; `U` and IUPAC codes are kept.
///
/// ```
/// use strandscope_genome::read_pasted;
///
/// let pasted = read_pasted("5'-gatt aca-3'")?;
/// assert_eq!(pasted.records[0].bases, b"gattaca");
/// assert_eq!(pasted.removed.sentence().as_deref(), Some("Removed 1 blank, 2 dashes and 2 marks of the ends."));
/// # Ok::<(), strandscope_genome::PastedError>(())
/// ```
///
/// # Errors
///
/// Where anything else stands between the bases, with its place; where a sequence is written from 3' to 5'; where
/// bases follow a 3' mark without a header between; where records bear the same name or have no bases; and where there
/// are more than [`MOST_PASTED_BP`] bases.
pub fn read_pasted(text: &str) -> Result<Pasted, PastedError> {
    let mut reader = Reader::default();
    // Old Macs ended lines with a lone carriage return.
    for (line, text) in (1..).zip(text.lines().flat_map(|line| line.split('\r'))) {
        reader.line(line, text)?;
    }
    reader.finish()
}

impl Removed {
    /// What was taken out, in a sentence; `None` if nothing was.
    pub fn sentence(&self) -> Option<String> {
        let counts = [
            (self.digits, "digit", "digits"),
            (self.blanks, "blank", "blanks"),
            (self.dashes, "dash", "dashes"),
            (self.end_marks, "mark of the ends", "marks of the ends"),
            (self.annotation_lines, "line of annotation", "lines of annotation"),
        ];
        let parts = counts.into_iter().filter(|&(count, ..)| count > 0);
        let mut parts =
            parts.map(|(count, one, many)| format!("{} {}", grouped(count), if count == 1 { one } else { many }));
        let mut text = parts.next()?;
        let mut rest = parts.peekable();
        while let Some(part) = rest.next() {
            text.push_str(if rest.peek().is_some() { ", " } else { " and " });
            text.push_str(&part);
        }
        Some(format!("Removed {text}."))
    }
}

impl fmt::Display for PastedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} bases", shortened(&self.name), grouped(self.bases.len() as u64))
    }
}

#[cfg(test)]
#[path = "pasted_tests.rs"]
mod tests;
