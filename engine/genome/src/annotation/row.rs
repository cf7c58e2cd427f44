//! What became of each row of a file.

use serde::{Deserialize, Serialize};

/// Whether a row of a file can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowStatus {
    /// It is used as it stands.
    Ok,
    /// It is left out.
    Refused {
        /// A word for programs, from a closed list: `columns`, `coordinates`, `unknown_contig`, `beyond_end`,
        /// `ref_mismatch`, `unsupported_allele`, `number`, `attributes`,
        /// `overlap`.
        status: String,
        /// Why, for people.
        reason: String,
        /// What the user can do.
        remedy: String,
    },
}

/// A data row of a file; numbers are those of the file, counted as its format counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Line of the unpacked text, counted from 1; 0 where an index led to it.
    pub line: u64,
    /// Name of the contig as the file has it; empty where there is none.
    pub contig: String,
    /// Start as the file counts, where it is a number.
    pub start: Option<u64>,
    /// End as the file counts, where it is a number.
    pub end: Option<u64>,
    /// The reference bases a variant names.
    pub reference: Option<String>,
    /// The alternate bases, one row for each.
    pub alternate: Option<String>,
    /// Whether it can be used.
    pub status: RowStatus,
    /// The row as it stands in the file, cut to a readable length; kept only where it is refused.
    pub text: String,
}

/// All data rows of a file, each once (a variant once for each alternate allele).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// The rows in file order.
    pub rows: Vec<Row>,
    /// What is odd about the file as a whole, one sentence each.
    pub warnings: Vec<String>,
}

impl Rows {
    /// The rows that are left out.
    pub fn refused(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.status != RowStatus::Ok)
    }
}
