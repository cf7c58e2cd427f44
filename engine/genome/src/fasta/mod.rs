//! FASTA text: its letters, its lines, and where each record's bases lie.

mod inspect;
mod layout;
mod letters;
mod oddities;
mod scanner;
mod sniff;

pub use inspect::{FastaRecord, FastaReport, inspect_fasta};
pub(crate) use layout::Layout;
pub(crate) use letters::{is_base, is_blank, why_foreign};
pub(crate) use scanner::{IndexedContig, NoSink, Sink, scan};
