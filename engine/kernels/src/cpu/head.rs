//! One attention head of one row of a batch, as the products want it.

use std::ops::Range;

use super::tile::{Lane, Panels};
use crate::attention::MASKED;

/// Values `[batch, head, seq, d]` that lie somewhere in a slice; those of a position stand together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strided<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) start: usize,
    /// From one row of the batch, attention head, position to the next.
    pub(crate) strides: [usize; 3],
    pub(crate) d: usize,
}

impl<'a> Strided<'a> {
    /// Values of a position.
    pub(crate) fn at(&self, [batch, head, position]: [usize; 3]) -> &'a [f32] {
        let [of_batch, of_head, of_position] = self.strides;
        &self.values[self.start + batch * of_batch + head * of_head + position * of_position..][..self.d]
    }
}

/// Which of its positions a row shows, and the sequences it is parted into.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) seq: usize,
    pub(crate) sequences: Vec<Range<usize>>,
    /// Which positions take part, `[seq]`; `None` where all do.
    shown: Option<Vec<bool>>,
}

impl Layout {
    /// Of a row's segment numbers; `None` for one whole sequence.
    pub(crate) fn new(segments: Option<&[u32]>, seq: usize) -> Self {
        Self {
            seq,
            sequences: crate::segments::sequences(segments, seq),
            shown: segments.map(|row| row.iter().map(|number| *number != 0).collect()),
        }
    }

    /// Whether a position takes part.
    pub(crate) fn shows(&self, position: usize) -> bool {
        self.shown.as_ref().is_none_or(|shown| shown[position])
    }

    /// Whether all of some positions lie inside `range` and take part.
    #[inline(always)]
    pub(crate) fn is_seen(&self, positions: &Range<usize>, range: &Range<usize>) -> bool {
        positions.start >= range.start
            && positions.end <= range.end
            && self.shown.as_ref().is_none_or(|shown| shown[positions.clone()].iter().all(|shown| *shown))
    }

    /// What is added to the scores of `W` positions from `first` on, of which those inside `range` may be seen; `None`
    /// where all of them are.
    #[inline(always)]
    pub(crate) fn mask<const W: usize>(&self, first: usize, range: &Range<usize>) -> Option<Lane<W>> {
        if self.is_seen(&(first..first + W), range) {
            return None;
        }
        let seen = |position: usize| range.contains(&position) && self.shows(position);
        Some(Lane(std::array::from_fn(|lane| if seen(first + lane) { 0.0 } else { MASKED })))
    }
}

/// What a position's values are multiplied with, and what the bounds need to know of them.
pub(crate) struct Packed<const W: usize> {
    /// Positions in the lanes, `[d, W]` each; zeros where hidden or not finite.
    pub(crate) across: Panels<W>,
    /// The largest norms.
    pub(crate) norms: Running,
}

impl<const W: usize> Packed<W> {
    /// Packs rows of width `d`.
    pub(crate) fn new(rows: &Rows<'_>, d: usize) -> Self {
        Self {
            norms: Running::new(rows.norms.iter().copied(), W, 0.0),
            across: Panels::of_transposed(rows.values.iter().copied(), d),
        }
    }
}

/// The largest value of all positions up to each, and from each on, in steps of some positions.
pub(crate) struct Running {
    up_to: Vec<f32>,
    from: Vec<f32>,
    step: usize,
    /// Stands where there is no position.
    least: f32,
}

impl Running {
    /// Of `values`, one for each position.
    pub(crate) fn new(values: impl Iterator<Item = f32>, step: usize, least: f32) -> Self {
        let values: Vec<f32> = values.collect();
        let of_steps = values.chunks(step).map(|values| values.iter().copied().fold(least, f32::max));
        let of_steps: Vec<f32> = of_steps.collect();
        let running = |largest: &mut f32, value: f32| {
            *largest = largest.max(value);
            Some(*largest)
        };
        let up_to = of_steps.iter().copied().scan(least, running).collect();
        let mut from: Vec<f32> = of_steps.iter().rev().copied().scan(least, running).collect();
        from.reverse();
        Self { up_to, from, step, least }
    }

    /// At least the largest of a position before `end`.
    pub(crate) fn before(&self, end: usize) -> f32 {
        end.checked_sub(1).map_or(self.least, |last| self.up_to[last / self.step])
    }

    /// At least the largest of a position from `start` on.
    pub(crate) fn from(&self, start: usize) -> f32 {
        self.from.get(start / self.step).copied().unwrap_or(self.least)
    }

    /// The largest of all.
    pub(crate) fn all(&self) -> f32 {
        self.up_to.last().copied().unwrap_or(self.least)
    }
}

/// What the positions of a head hold.
pub(crate) struct Rows<'a> {
    /// The values of each position; zeros where hidden or where a value is not finite.
    pub(crate) values: Vec<&'a [f32]>,
    /// Their norms.
    pub(crate) norms: Vec<f32>,
    /// Whether all values of a sequence are finite.
    pub(crate) sound: Vec<bool>,
}

impl<'a> Rows<'a> {
    /// Of a head of a row of the batch; `zeros` are as wide as a position.
    #[inline(always)]
    pub(crate) fn read(tensor: Strided<'a>, [batch, head]: [usize; 2], layout: &Layout, zeros: &'a [f32]) -> Self {
        let mut values = vec![zeros; layout.seq];
        let mut norms = vec![0.0; layout.seq];
        let mut sound = vec![true; layout.sequences.len()];
        for (sequence, sound) in layout.sequences.iter().zip(&mut sound) {
            for position in sequence.clone().filter(|position| layout.shows(*position)) {
                let row = tensor.at([batch, head, position]);
                let norm = norm(row);
                if norm.is_finite() {
                    values[position] = row;
                    norms[position] = norm;
                } else {
                    *sound = false;
                }
            }
        }
        Self { values, norms, sound }
    }
}

/// The Euclidean norm.
#[inline(always)]
pub(crate) fn norm(values: &[f32]) -> f32 {
    // Several sums side by side: one alone would wait for each addition.
    let mut sums = [0.0; 16];
    for values in values.chunks(16) {
        for (value, sum) in values.iter().zip(&mut sums) {
            *sum += value * value;
        }
    }
    sums.iter().sum::<f32>().sqrt()
}
