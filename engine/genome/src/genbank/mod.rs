//! GenBank flat files: sequences with their features.
//!
//! Where a file is odd, this is the rule:
//!
//! * The name of a record is its VERSION, else its ACCESSION, else the name in its LOCUS line; its description is its
//!   DEFINITION without the full stop.
//! * Letters that are all lower-case in a record are given in upper case: GenBank writes them so and means nothing by
//!   it. Where both cases occur, they are kept.
//! * Read with a warning: what FASTA warns of in sequences, a missing `//` at the end, blanks in names, records that
//!   are a part of a longer one (`REGION:`), a LOCUS line without topology is linear without a word.
//! * Refused, with the line: a sequence that is not as long as LOCUS says, numbers of ORIGIN lines that do not fit,
//!   letters that are no nucleotide codes, proteins, records without sequence (their features can be read alone),
//!   names that occur twice.
//! * A feature whose location cannot be used is left out, with its row and the reason; the rest is read.

mod features;
mod gene_models;
mod header;
mod location;
mod looks;
mod origin;
mod qualifiers;
mod reader;
mod records;

pub use features::{GenBankFeatures, read_genbank_features};
pub(crate) use records::{GenBankRecords, read_all};

#[cfg(test)]
mod tests;
