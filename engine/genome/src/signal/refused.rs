//! Rows that cannot be used.

use crate::{Row, RowStatus};

/// Rows that are kept; more of them are counted.
const MOST_ROWS: usize = 10_000;
/// Letters of a row that are kept.
const SHOWN_LETTERS: usize = 200;

/// The refused rows of a file: the first of them, and how many there are.
#[derive(Clone, Debug, Default)]
pub(super) struct RefusedRows {
    pub(super) rows: Vec<Row>,
    pub(super) count: u64,
}

/// Why a row is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: &'static str,
    pub(super) reason: String,
    pub(super) remedy: &'static str,
}

impl Refusal {
    pub(super) fn new(status: &'static str, reason: impl Into<String>, remedy: &'static str) -> Self {
        Self { status, reason: reason.into(), remedy }
    }
}

/// Where a row says that it lies, as the file counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) contig: String,
    pub(super) start: Option<u64>,
    pub(super) end: Option<u64>,
}

impl RefusedRows {
    pub(super) fn add(&mut self, line: u64, text: &[u8], said: Said, refusal: Refusal) {
        self.count += 1;
        if self.rows.len() < MOST_ROWS {
            let Refusal { status, reason, remedy } = refusal;
            let cut = &text[..text.len().min(4 * SHOWN_LETTERS)];
            self.rows.push(Row {
                line,
                contig: said.contig,
                start: said.start,
                end: said.end,
                reference: None,
                alternate: None,
                status: RowStatus::Refused { status: status.to_owned(), reason, remedy: remedy.to_owned() },
                text: String::from_utf8_lossy(cut).chars().take(SHOWN_LETTERS).collect(),
            });
        }
    }
}
