//! FASTA text: its letters, its lines, and where each record's bases lie.
//!
//! Where a file is odd, this is the rule:
//!
//! * Read with a warning: a UTF-8 byte-order mark, blank lines and blanks inside sequences, lines of unequal length,
//!   old Mac line ends, `-`, `*`, `U` and ambiguity codes (which keep their places), records without bases beside
//!   others with bases, names that are not UTF-8, header lines over 64 KiB, a missing end marker of BGZF, an index
//!   beside the file that does not fit it.
//! * Read without a word: Windows line ends, lower case, no newline at the end, blank lines between records,
//!   content that does not go with the file's extension.
//! * Refused, with the line: letters that are no nucleotide codes, digits, `;` comments, names that are missing or
//!   occur twice, files without a single base, text that is not FASTA, damaged or cut compression and what follows it.

mod layout;
mod letters;
mod oddities;
mod scanner;
mod sniff;

pub(crate) use layout::Layout;
pub(crate) use letters::{Letter, is_base, is_blank, letter, why_foreign};
pub(crate) use oddities::{Oddities, Oddity};
pub(crate) use scanner::{IndexedContig, NoSink, Sink, scan};
