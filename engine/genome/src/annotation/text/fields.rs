//! Columns of a row, and why a row is refused.

use crate::{Row, RowStatus, error::shortened};

/// Why a row is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::annotation) struct Refusal {
    pub(in crate::annotation) status: &'static str,
    pub(in crate::annotation) reason: String,
    pub(in crate::annotation) remedy: &'static str,
}

impl Refusal {
    pub(super) fn new(status: &'static str, reason: impl Into<String>, remedy: &'static str) -> Self {
        Self { status, reason: reason.into(), remedy }
    }

    pub(super) fn columns(reason: impl Into<String>, remedy: &'static str) -> Self {
        Self::new("columns", reason, remedy)
    }

    pub(super) fn coordinates(reason: impl Into<String>, remedy: &'static str) -> Self {
        Self::new("coordinates", reason, remedy)
    }
}

impl From<Refusal> for RowStatus {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { status: refusal.status.to_owned(), reason: refusal.reason, remedy: refusal.remedy.to_owned() }
    }
}

/// Positions beyond this are damage: no chromosome has a trillion bases.
const MOST_BP: u64 = 1 << 40;

/// A position or count: digits and nothing else.
pub(super) fn whole_number(text: &str, what: &str) -> Result<u64, Refusal> {
    const REMEDY: &str = "write a whole number in digits";
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = text.parse().ok().filter(|&number: &u64| number <= MOST_BP);
        let too_large = || Refusal::new("number", format!("{what} is {}, too large a number", shortened(text)), REMEDY);
        return number.ok_or_else(too_large);
    }
    if text.strip_prefix('-').is_some_and(|digits| digits.parse::<u64>().is_ok()) {
        return Err(Refusal::coordinates(format!("{what} is {}, a negative number", shortened(text)), REMEDY));
    }
    let reason = format!("{what} is '{}', not a whole number in digits", shortened(text));
    Err(Refusal::new("number", reason, REMEDY))
}

/// The score of a column: nothing where there is none; an error where it is no number.
pub(super) fn score(text: &str) -> Result<Option<f32>, ()> {
    if matches!(text, "." | "") {
        return Ok(None);
    }
    text.parse().ok().filter(|score: &f32| score.is_finite()).map(Some).ok_or(())
}

/// Why a row without enough columns cannot be used.
pub(super) fn too_few_columns(line: &str, count: usize, format: &str, wanted: &str) -> Refusal {
    let words = line.split_ascii_whitespace().count();
    let counted = if count == 1 { "1 column".to_owned() } else { format!("{count} columns") };
    if words > count && line.split('\t').any(|column| column.trim().contains(' ')) {
        let reason = format!("it has {counted}, {wanted} are expected: blanks stand where {format} has tabs");
        return Refusal::columns(reason, "put one tab between the columns in place of blanks");
    }
    Refusal::columns(format!("it has {counted}, {wanted} are expected"), "complete the row or take it out")
}

/// A column as a number for the report, whether or not the row can be used.
fn reported(column: Option<&&str>) -> Option<u64> {
    column.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit())).and_then(|text| text.parse().ok())
}

/// A row for the report, with the contig in the first column and positions in the given ones.
pub(super) fn reported_row(line: u64, text: &str, columns: &[&str], start: usize, end: Option<usize>) -> Row {
    Row {
        line,
        contig: columns.first().copied().unwrap_or_default().to_owned(),
        start: reported(columns.get(start)),
        end: end.and_then(|end| reported(columns.get(end))),
        reference: None,
        alternate: None,
        status: RowStatus::Ok,
        text: text.to_owned(),
    }
}

/// A row as it came out: its text is kept, and cut, where it is refused.
pub(super) fn judged(mut row: Row, judgement: Result<(), Refusal>) -> Row {
    /// Letters of a row that are shown.
    const SHOWN: usize = 200;
    match judgement {
        Ok(()) => row.text = String::new(),
        Err(refusal) => {
            row.status = refusal.into();
            if let Some((cut, _)) = row.text.char_indices().nth(SHOWN) {
                row.text.truncate(cut);
                row.text.push('…');
            }
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_a_number() {
        assert_eq!(whole_number("0120", "start"), Ok(120), "leading zeros do no harm");
        for (text, status) in [
            ("1e2", "number"),
            ("", "number"),
            ("+5", "number"),
            ("1,000", "number"),
            (" 5", "number"),
            ("-3", "coordinates"),
            ("99999999999999999999999", "number"),
            ("18446744073709551615", "number"),
            ("٣", "number"),
        ] {
            let refusal = whole_number(text, "start").expect_err(text);
            assert_eq!(refusal.status, status, "{text}");
            assert!(refusal.reason.starts_with("start is "), "{}", refusal.reason);
        }
    }

    #[test]
    fn blanks_in_place_of_tabs_are_told_from_missing_columns() {
        let blanks = too_few_columns("chr1 5 9", 1, "BED", "3 or more");
        assert_eq!(blanks.reason, "it has 1 column, 3 or more are expected: blanks stand where BED has tabs");
        let missing = too_few_columns("chr1\t5", 2, "BED", "3 or more");
        assert_eq!(missing.reason, "it has 2 columns, 3 or more are expected");
    }

    #[test]
    fn long_rows_are_cut_and_good_ones_not_kept() {
        let text = "ä".repeat(500);
        let row = reported_row(1, &text, &["chr1", "5", "x"], 1, Some(2));
        assert_eq!((row.start, row.end), (Some(5), None), "what is a number is reported");
        let refused = judged(row.clone(), Err(Refusal::columns("why", "what to do")));
        assert_eq!(refused.text.chars().count(), 201);
        assert_eq!(judged(row, Ok(())).text, "");
    }
}
