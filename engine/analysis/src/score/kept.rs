//! The answers of a piece as bytes, and back.
//!
//! Numbers are little-endian: unknown bases (8 bytes), then for each batch one byte for each window that says why it has
//! no answer, and for each strand and window `[place, label]` in single precision, bit for bit.

use std::ops::Range;

use super::{grid::Grid, parts::Gap, run::BatchAnswers};

/// Goes up when the bytes, or the numbers that a piece holds, change their meaning.
pub const FORMAT: u32 = 1;

/// Why there is no answer, by the byte that stands for it.
const GAPS: [Gap; 4] = [None, Some("n_run"), Some("contig_end"), Some("too_many_tokens")];

/// What a piece gives.
#[derive(Debug, Default, PartialEq)]
pub(super) struct PieceAnswers {
    /// Bases that the model did not know.
    pub(super) unknown_bp: u64,
    /// In order.
    pub(super) batches: Vec<BatchAnswers>,
}

/// The form of the answers of a plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) grid: Grid,
    pub(super) strands: usize,
    pub(super) labels: usize,
}

impl Form {
    /// Numbers for each strand and window of a batch: one for each label, and each base where bases are answered for.
    fn values(&self, number: u64) -> usize {
        let places = match self.grid {
            Grid::Tiles { .. } => self.grid.window(number).map_or(0, |window| window.end - window.start),
            Grid::Bins(_) => 1,
        };
        usize::try_from(places).unwrap_or(usize::MAX).saturating_mul(self.labels)
    }

    /// The answers as bytes; `None` where they do not have the form that is read again.
    pub(super) fn to_bytes(self, answers: &PieceAnswers, batches: &[Range<u64>]) -> Option<Vec<u8>> {
        let mut bytes = answers.unknown_bp.to_le_bytes().to_vec();
        if answers.batches.len() != batches.len() {
            return None;
        }
        for (batch, numbers) in answers.batches.iter().zip(batches) {
            let count = usize::try_from(numbers.end - numbers.start).ok()?;
            if batch.gaps.len() != count || batch.strands.len() != self.strands {
                return None;
            }
            for gap in &batch.gaps {
                bytes.push(u8::try_from(GAPS.iter().position(|known| known == gap)?).ok()?);
            }
            for strand in &batch.strands {
                let fits = |(number, values): (u64, &Vec<f32>)| values.len() == self.values(number);
                if strand.len() != count || !numbers.clone().zip(strand).all(fits) {
                    return None;
                }
                bytes.extend(strand.iter().flatten().flat_map(|value| value.to_le_bytes()));
            }
        }
        Some(bytes)
    }

    /// The answers in `bytes`; `None` where these are not those of a piece of these batches.
    pub(super) fn parse(self, bytes: &[u8], batches: &[Range<u64>]) -> Option<PieceAnswers> {
        let mut rest = bytes;
        let mut take = |count: usize| {
            let (head, tail) = rest.split_at_checked(count)?;
            rest = tail;
            Some(head)
        };
        let unknown_bp = u64::from_le_bytes(take(8)?.try_into().ok()?);
        let mut answers = PieceAnswers { unknown_bp, batches: Vec::with_capacity(batches.len()) };
        for numbers in batches {
            let count = usize::try_from(numbers.end - numbers.start).ok()?;
            let gaps = take(count)?.iter().map(|code| GAPS.get(usize::from(*code)).copied());
            let gaps = gaps.collect::<Option<Vec<Gap>>>()?;
            let mut strands = Vec::with_capacity(self.strands);
            for _ in 0..self.strands {
                let mut strand = Vec::with_capacity(count);
                for number in numbers.clone() {
                    let values =
                        take(self.values(number).checked_mul(size_of::<f32>())?)?.chunks_exact(size_of::<f32>());
                    let value = |bytes: &[u8]| bytes.try_into().map(f32::from_le_bytes).unwrap_or(f32::NAN);
                    strand.push(values.map(value).collect());
                }
                strands.push(strand);
            }
            answers.batches.push(BatchAnswers { gaps, strands });
        }
        rest.is_empty().then_some(answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::{Bins, Tiling};

    /// Answers of a form, each number another, and the second window of each batch missing.
    fn answers(form: Form, batches: &[Range<u64>], is_gap: Gap) -> PieceAnswers {
        let mut next = 0_u8;
        let mut value = || {
            next = next.wrapping_add(7);
            if next == 14 { f32::NAN } else { f32::from(next) / 3.0 - 20.0 }
        };
        let batch = |numbers: &Range<u64>| BatchAnswers {
            gaps: numbers.clone().map(|number| is_gap.filter(|_| number == numbers.start + 1)).collect(),
            strands: (0..form.strands)
                .map(|_| numbers.clone().map(|number| (0..form.values(number)).map(|_| value()).collect()).collect())
                .collect(),
        };
        PieceAnswers { unknown_bp: 70_000, batches: batches.iter().map(batch).collect() }
    }

    #[test]
    fn answers_come_back_bit_for_bit() {
        let tiles = Grid::Tiles { tiling: Tiling::new(90, 40, 3), window_bp: 40, context_bp: 0 };
        let bins = Grid::Bins(Bins { contig_bp: 90, window_bp: 10, stride_bp: 5 });
        for (grid, is_gap) in [(tiles, None), (bins, Some("contig_end")), (bins, Some("too_many_tokens"))] {
            let form = Form { grid, strands: 2, labels: 3 };
            let batches = [0..2, 2..4];
            let given = answers(form, &batches, is_gap);
            let bytes = form.to_bytes(&given, &batches).expect("a form that can be read again");
            let back = form.parse(&bytes, &batches).expect("what was written");
            let again = form.to_bytes(&back, &batches).expect("the same form");
            assert_eq!((again == bytes, back.unknown_bp), (true, 70_000), "NaN included");
            assert_eq!(back.batches[1].gaps, given.batches[1].gaps, "reasons");
            for (bytes, batches) in
                [(&bytes[1..], &batches[..]), (&bytes[..bytes.len() - 1], &batches), (&bytes, &batches[..1])]
            {
                assert_eq!(form.parse(bytes, batches), None, "what does not fit is not read");
            }
        }
    }

    #[test]
    fn what_has_another_form_is_not_written() {
        let grid = Grid::Tiles { tiling: Tiling::new(90, 40, 3), window_bp: 40, context_bp: 0 };
        let (form, batches) = (Form { grid, strands: 1, labels: 2 }, [0..1, 1..2]);
        let mut ragged = answers(form, &batches, None);
        ragged.batches[0].strands[0][0].pop();
        assert_eq!(form.to_bytes(&ragged, &batches), None, "a window without its last value");
        let mut unknown = answers(form, &batches, None);
        unknown.batches[1].gaps[0] = Some("why");
        assert_eq!(form.to_bytes(&unknown, &batches), None, "an unknown reason");
    }
}
