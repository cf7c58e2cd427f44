//! Probabilities again, from queries, keys and the log-sum-exp that the forward pass gave: what statistics and
//! gradients are made of.

use std::{f32::consts::LOG2_E, ops::Range};

use super::{
    exponential::exp2,
    head::{Layout, Packed, Rows, Running, Strided},
    isa::Isa,
    scores::{panels_of, scores},
    tile::{Aligned, rows_from},
};
use crate::{
    blocks::BlockList,
    problem::{Problem, Rule},
    reach::Reach,
};

/// Stands for the log-sum-exp of a query that attends to nothing: all its probabilities come out as 0.
pub(super) const NO_QUERY: f32 = 1e38;

/// An attention head of a row whose log-sum-exp is known.
pub(crate) struct Sweep<'a, const W: usize> {
    pub(crate) problem: &'a Problem<'a>,
    pub(crate) layout: &'a Layout,
    pub(crate) index: usize,
    /// Queries with the scale folded in, `[seq, d]`.
    pub(crate) q: Aligned,
    pub(crate) keys: Packed<W>,
    /// To base 2, `[seq]`.
    pub(crate) log_sum_exp: Vec<f32>,
    /// Whether every log-sum-exp of a sequence is finite.
    pub(crate) sound: Vec<bool>,
    pub(crate) slope: f32,
    reach: Reach,
    /// By how much scores of each query can exceed its log-sum-exp, at most, `[seq]`.
    excess: Vec<f32>,
    /// The largest of those.
    largest_excess: Running,
}

impl<'a, const W: usize> Sweep<'a, W> {
    /// Packs queries and keys; `log_sum_exp` is that of this head, `[seq]`.
    pub(crate) fn pack(
        problem: &'a Problem<'a>,
        [q, k]: [Strided<'_>; 2],
        log_sum_exp: impl Iterator<Item = f32>,
        [row, index]: [usize; 2],
        layout: &'a Layout,
    ) -> Self {
        let (seq, d) = (problem.seq, problem.d);
        let zeros = vec![0.0; d];
        let queries = Rows::read(q, [row, index], layout, &zeros);
        let scale = LOG2_E / (d as f32).sqrt();
        let mut scaled = Aligned::zeros(seq * d);
        for (to, row) in scaled.chunks_mut(d.max(1)).zip(&queries.values) {
            to.iter_mut().zip(*row).for_each(|(to, value)| *to = value * scale);
        }
        let keys = Packed::new(&Rows::read(k, [row, index], layout, &zeros), d);
        let told: Vec<f32> = log_sum_exp.collect();
        let sound = layout.sequences.iter().map(|sequence| told[sequence.clone()].iter().all(|sum| sum.is_finite()));
        let sound = sound.collect();
        let attends = |position: usize| layout.shows(position) && told[position] > crate::attention::MASKED / 2.0;
        let log_sum_exp: Vec<f32> =
            (0..seq).map(|position| if attends(position) { told[position] * LOG2_E } else { NO_QUERY }).collect();
        let excess = |position: usize| queries.norms[position] * scale * keys.norms.all() - log_sum_exp[position];
        let excess: Vec<f32> = (0..seq).map(excess).collect();
        let slope = problem.rule.slope(index);
        Self {
            problem,
            layout,
            index,
            q: scaled,
            keys,
            log_sum_exp,
            sound,
            slope: slope * LOG2_E,
            reach: Reach::new(slope, problem.skip),
            largest_excess: Running::new(excess.iter().copied(), Self::STEP, -NO_QUERY),
            excess,
        }
    }

    /// The parts of its sequence that matter to some queries, each at most [`Self::STEP`] long, with what is added to
    /// their scores in units of the logarithm to base 2.
    pub(crate) fn keys_for(&self, queries: &Range<usize>, sequence: &Range<usize>) -> Vec<(Range<usize>, f32)> {
        let largest = self.excess[queries.clone()].iter().copied().fold(-NO_QUERY, f32::max);
        self.partners(queries, sequence, |_| largest, |_| largest, |list| list)
    }

    /// The same for keys: the queries that matter to them. `list` is the transposed block list, where there is one.
    pub(crate) fn queries_for(
        &self,
        keys: &Range<usize>,
        sequence: &Range<usize>,
        transposed: Option<&BlockList>,
    ) -> Vec<(Range<usize>, f32)> {
        self.partners(
            keys,
            sequence,
            |end| self.largest_excess.before(end),
            |start| self.largest_excess.from(start),
            |list| transposed.unwrap_or(list),
        )
    }

    fn partners<'b>(
        &'b self,
        own: &Range<usize>,
        sequence: &Range<usize>,
        excess_before: impl Fn(usize) -> f32,
        excess_from: impl Fn(usize) -> f32,
        list: impl Fn(&'b BlockList) -> &'b BlockList,
    ) -> Vec<(Range<usize>, f32)> {
        let mut parts = Vec::new();
        let mut add = |range: Range<usize>, offset: f32| {
            for start in range.clone().step_by(Self::STEP) {
                parts.push((start..(start + Self::STEP).min(range.end), offset));
            }
        };
        if let Rule::Blocks(blocks) = self.problem.rule {
            let list = list(blocks);
            let size = list.size();
            for seen in list.seen_by(self.index, own.start / size) {
                let start = (seen.block * size).max(sequence.start);
                add(start..((seen.block + 1) * size).min(sequence.end).max(start), seen.offset * LOG2_E);
            }
            return parts;
        }
        let mut left = own.start;
        while left > sequence.start && !self.reach.ends(excess_before(left), own.start - left + 1) {
            left = left.saturating_sub(Self::STEP).max(sequence.start);
        }
        let mut right = own.end;
        while right < sequence.end && !self.reach.ends(excess_from(right), right + 1 - own.end) {
            right = (right + Self::STEP).min(sequence.end);
        }
        add(left..right, 0.0);
        parts
    }

    /// Probabilities of `queries` × the panels that hold `keys`, `[query, panels · W]`; 0 outside `keys`.
    #[inline(always)]
    pub(crate) fn probabilities<I: Isa, const R: usize>(
        &self,
        queries: &Range<usize>,
        keys: &Range<usize>,
        offset: f32,
        to: &mut [f32],
    ) {
        let panels = panels_of::<W>(keys);
        let width = panels.len() * W;
        for panel in panels.clone() {
            let first = panel * W;
            let mask = self.layout.mask::<W>(first, keys);
            for strip in (0..queries.len()).step_by(R) {
                let start = queries.start + strip;
                let rows = rows_from(&self.q, self.problem.d, start, queries.end - 1);
                let (lanes, ahead) = (self.keys.across.panel(panel), start as f32 - first as f32);
                let mut sums = scores::<I, R, W>(rows, lanes, offset, self.slope, ahead, mask);
                for (row, sums) in sums.iter_mut().enumerate().take(queries.len() - strip) {
                    let log_sum_exp = self.log_sum_exp[start + row];
                    sums.iter_mut().for_each(|score| *score = exp2::<I>(*score - log_sum_exp));
                    to[(strip + row) * width + first - panels.start * W..][..W].copy_from_slice(sums);
                }
            }
        }
    }

    /// Numbers that [`Self::probabilities`] writes at most.
    pub(crate) const ROOM: usize = Self::STEP * (Self::STEP + 2 * W);

    /// Queries or keys that one step looks at: whole panels and whole strips, where it begins at the border of one.
    pub(crate) const STEP: usize = if W > 16 { 96 } else { 48 };
}

/// Parts of a sequence, each at most [`Sweep::STEP`] positions, that cross no border of `size` positions.
pub(crate) fn steps<const W: usize>(sequence: &Range<usize>, size: Option<usize>) -> Vec<Range<usize>> {
    let mut steps = Vec::new();
    let mut start = sequence.start;
    while start < sequence.end {
        let border = size.map_or(usize::MAX, |size| start / size * size + size);
        let end = (start + Sweep::<W>::STEP).min(border).min(sequence.end);
        steps.push(start..end);
        start = end;
    }
    steps
}
