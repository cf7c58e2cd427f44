//! How many columns of a BED file are BED's own.

use std::path::Path;

use super::{
    bed_blocks::{blocks_of, thick_of},
    fields::{score, whole_number},
    notices::Notices,
};
use crate::error::shortened;

/// The columns of a file, as its first row has them.
///
/// Many formats are BED with columns of their own at the end, and nothing in the file says where those begin: columns
/// that do not hold what BED has there are taken for such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BedShape {
    /// How many are BED's own: 3, 4, 5, 6, 8, 9 or 12.
    pub(super) own: usize,
    /// All of them.
    pub(super) columns: usize,
    /// The row that this was seen in.
    pub(super) line: u64,
}

/// Most columns of BED's own by the name of the file: what the ENCODE project calls peaks has others after these.
pub(super) fn most_own(path: &Path) -> usize {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if name.contains(".narrowpeak") || name.contains(".broadpeak") { 6 } else { 12 }
}

impl BedShape {
    /// The shape of the first row whose positions can be used.
    pub(super) fn of(line: u64, columns: &[&str], most: usize, notices: &mut Notices) -> Self {
        let (own, odd) = own_columns(columns);
        if let Some(odd) = odd.filter(|_| most == 12) {
            let range = if own + 1 == columns.len() {
                format!("Column {}", own + 1)
            } else {
                format!("Columns {} to {}", own + 1, columns.len())
            };
            notices.say(format!("{range}: not what BED has there (line {line}: {odd}); kept as they stand."));
        }
        Self { own: own.min(most), columns: columns.len(), line }
    }
}

/// How many columns are BED's own, and what is in the next one that is not.
fn own_columns(columns: &[&str]) -> (usize, Option<String>) {
    let count = columns.len();
    let column = |index: usize| columns.get(index).copied().unwrap_or_default();
    let odd = |what: &str, index: usize| Some(format!("{what} is '{}'", shortened(column(index))));
    if count >= 5 && score(column(4)).is_err() {
        return (4, odd("score", 4));
    }
    if count >= 6 && !matches!(column(5), "+" | "-" | "." | "") {
        return (5, odd("strand", 5));
    }
    if count < 8 {
        return (count.min(6), None);
    }
    let bounds = whole_number(column(1), "start").ok().zip(whole_number(column(2), "end").ok()).unwrap_or_default();
    if thick_of(column(6), column(7), bounds).is_err() {
        return (6, odd("thickStart", 6));
    }
    if count >= 9 && colour(column(8)).is_err() {
        return (8, odd("itemRgb", 8));
    }
    if count < 12 {
        return (count.min(9), None);
    }
    let blocks = blocks_of(&columns[9..12], bounds);
    // A row with blocks that do not fit is refused; one with something else there has columns of its own.
    if whole_number(column(9), "blockCount").is_err() && blocks.is_err() {
        return (9, odd("blockCount", 9));
    }
    (12, None)
}

/// The colour of a column: nothing where there is none; an error where it is none.
pub(super) fn colour(text: &str) -> Result<Option<[u8; 3]>, ()> {
    if matches!(text, "." | "" | "0") {
        return Ok(None);
    }
    let parts: Vec<u8> = text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>().map_err(|_| ())?;
    parts.try_into().map(Some).map_err(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_of(row: &str) -> usize {
        BedShape::of(1, &row.split('\t').collect::<Vec<_>>(), 12, &mut Notices::default()).own
    }

    #[test]
    fn columns_that_bed_does_not_have_are_told_apart() {
        for (row, own) in [
            ("c\t10\t20", 3),
            ("c\t10\t20\tn\t0.5\t-", 6),
            ("c\t10\t20\tn\tBRCA1\t-", 4),
            ("c\t10\t20\tn\t5\tBRCA1", 5),
            ("c\t10\t20\tn\t5\t+\t12", 6),
            ("c\t10\t20\tn\t5\t+\t12\t18", 8),
            ("c\t10\t20\tn\t5\t+\t7.5\t-1\t-1\t4", 6),
            ("c\t10\t20\tn\t5\t+\t12\t18\t255,0,0", 9),
            ("c\t10\t20\tn\t5\t+\t12\t18\tred", 8),
            ("c\t10\t20\tn\t5\t+\t12\t18\t0\t2\t3,3\t0,7", 12),
            ("c\t10\t20\tn\t5\t+\t12\t18\t0\tx\ty\tz", 9),
            ("c\t10\t20\tn\t5\t+\t12\t18\t0\t2\t3,3\t0,7\tmore", 12),
        ] {
            assert_eq!(own_of(row), own, "{row}");
        }
    }

    #[test]
    fn peaks_have_six() {
        assert_eq!(most_own(Path::new("x.narrowPeak.gz")), 6);
        assert_eq!(most_own(Path::new("x.bed")), 12);
    }

    #[test]
    fn colours_are_three_bytes() {
        assert_eq!(colour("255,128,0"), Ok(Some([255, 128, 0])));
        assert_eq!(colour("0"), Ok(None), "none is asked for");
        for odd in ["256,0,0", "1,2", "1,2,3,4", "red"] {
            assert_eq!(colour(odd), Err(()), "{odd}");
        }
    }
}
