//! Which positions belong together.

use std::{ops::Range, sync::Arc};

/// Which sequence each position of a batch belongs to; 0 is padding or a hidden token.
///
/// Positions see those of their own sequence alone, and hidden ones neither see nor are seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segments {
    /// `[batch, seq]`.
    of: Arc<[u32]>,
    seq: usize,
}

/// Why numbers are no segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SegmentsError {
    /// They fill no whole number of rows.
    #[error("{count} segment numbers fill no rows of {seq} positions")]
    Rows {
        /// How many there are.
        count: usize,
        /// Positions of a row.
        seq: usize,
    },
    /// Another sequence stands between two parts of one.
    #[error("sequence {sequence} of row {row} is interrupted by another one at position {position}")]
    Interrupted {
        /// The row of the batch.
        row: usize,
        /// The number of the sequence.
        sequence: u32,
        /// Where it goes on.
        position: usize,
    },
}

impl Segments {
    /// From numbers `[batch, seq]`.
    ///
    /// # Errors
    /// When they fill no whole rows, or a sequence does not stand together; hidden positions may lie inside it.
    pub fn new(of: impl Into<Arc<[u32]>>, seq: usize) -> Result<Self, SegmentsError> {
        let of = of.into();
        if seq == 0 || !of.len().is_multiple_of(seq) {
            return Err(SegmentsError::Rows { count: of.len(), seq });
        }
        for (row, of) in of.chunks(seq).enumerate() {
            let mut seen = Vec::new();
            for (position, &sequence) in of.iter().enumerate().filter(|(_, sequence)| **sequence != 0) {
                if seen.last() != Some(&sequence) {
                    if seen.contains(&sequence) {
                        return Err(SegmentsError::Interrupted { row, sequence, position });
                    }
                    seen.push(sequence);
                }
            }
        }
        Ok(Self { of, seq })
    }

    /// From a mask `[batch, seq]` that is true at real positions.
    ///
    /// # Errors
    /// When it fills no whole rows.
    pub fn from_mask(mask: impl IntoIterator<Item = bool>, seq: usize) -> Result<Self, SegmentsError> {
        Self::new(mask.into_iter().map(u32::from).collect::<Vec<_>>(), seq)
    }

    /// The numbers, `[batch, seq]`.
    pub fn numbers(&self) -> &[u32] {
        &self.of
    }

    /// Positions of a row.
    pub fn seq(&self) -> usize {
        self.seq
    }

    /// The numbers of one row.
    pub fn row(&self, row: usize) -> &[u32] {
        &self.of[row * self.seq..][..self.seq]
    }
}

/// The sequences of a row, each from its first position to its last; `None` for a row that is one whole sequence.
pub(crate) fn sequences(row: Option<&[u32]>, seq: usize) -> Vec<Range<usize>> {
    let Some(row) = row else {
        return std::iter::once(0..seq).collect();
    };
    let mut found: Vec<(u32, Range<usize>)> = Vec::new();
    for (position, &number) in row.iter().enumerate().filter(|(_, number)| **number != 0) {
        match found.last_mut().filter(|(last, _)| *last == number) {
            Some((_, range)) => range.end = position + 1,
            None => found.push((number, position..position + 1)),
        }
    }
    found.into_iter().map(|(_, range)| range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_do_not_part_a_sequence() {
        let segments = Segments::new([0, 1, 0, 1, 2, 2, 0], 7).expect("they stand together");
        assert_eq!(sequences(Some(segments.row(0)), 7), [1..4, 4..6]);
        let whole: Vec<_> = std::iter::once(0..3).collect();
        assert_eq!(sequences(None, 3), whole);
    }

    #[test]
    fn what_does_not_stand_together_is_refused() {
        let error = Segments::new([1, 2, 1], 3).expect_err("1 goes on behind 2");
        assert_eq!(error, SegmentsError::Interrupted { row: 0, sequence: 1, position: 2 });
        assert_eq!(Segments::new([1, 2, 1], 2).expect_err("one too many"), SegmentsError::Rows { count: 3, seq: 2 });
    }
}
