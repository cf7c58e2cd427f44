//! Queries side by side on their way over the keys of an attention head.

use std::{
    f32::consts::{LN_2, LOG2_E},
    ops::Range,
};

use super::{
    exponential::exp2,
    forward::{Block, Head},
    head::norm,
    isa::Isa,
    tile::{Lane, Panels, Pieces, tile},
};
use crate::{attention::MASKED, blocks::BlockList, problem::Problem};

/// Queries of a block: so many share keys and values while these are near.
pub(super) const QUERIES: usize = 64;

/// Keys that one step looks at: whole strips, whatever their size.
const KEYS: usize = 96;

/// No real score is below this, and no masked one above: the first maximum of a row.
const FLOOR: f32 = -1e38;

/// Scores this far below the maximum weigh nothing: all of them together change no sum, and their products with values
/// would be so small that processors take a hundred times as long for each.
const FAINT: f32 = -64.0;

/// A block of queries on its way over the keys.
pub(super) struct Queries<'a, const R: usize, const W: usize> {
    head: &'a Head<'a, R>,
    range: Range<usize>,
    panels: Vec<Panel<W>>,
    /// Scores of the keys at hand, then weights, `[key][query]`.
    weights: Vec<Lane<W>>,
}

/// Queries side by side, and what is kept for each.
struct Panel<const W: usize> {
    /// Position of the first.
    first: usize,
    /// With the scale folded in, `[d]`; zeros where hidden, not finite or beyond the last.
    q: Panels<W>,
    norms: Lane<W>,
    /// Which are finite.
    sound: [bool; W],
    /// Which are not hidden, besides.
    counts: [bool; W],
    max: Lane<W>,
    /// Sums of weights.
    sum: Lane<W>,
    /// Sums of weight × (score − maximum).
    moment: Lane<W>,
    /// Sums of weight × distance.
    span: Lane<W>,
    /// What the logarithm of the sum is at least, as far as looked up.
    floor: Lane<W>,
    /// Sums of weight × value, `[channel]`, filled up to whole strips.
    out: Vec<Lane<W>>,
}

impl<const W: usize> Panel<W> {
    #[inline(always)]
    fn read<const R: usize>(head: &Head<'_, R>, range: Range<usize>) -> Self {
        let d = head.problem.d;
        let scale = LOG2_E / (d as f32).sqrt();
        let zeros = vec![0.0; d];
        let mut rows: [&[f32]; W] = [&zeros; W];
        let (mut sound, mut counts, mut norms) = ([false; W], [false; W], [0.0; W]);
        for (lane, position) in range.clone().enumerate() {
            let row = head.q.at([head.row, head.index, position]);
            let norm = norm(row) * scale;
            sound[lane] = norm.is_finite();
            counts[lane] = sound[lane] && head.layout.shows(position);
            if sound[lane] {
                rows[lane] = row;
            }
            if counts[lane] {
                norms[lane] = norm;
            }
        }
        let mut q = Panels::of_transposed(rows.into_iter(), d);
        q.panel_mut(0).iter_mut().flat_map(|lane| &mut lane.0).for_each(|value| *value *= scale);
        Self {
            first: range.start,
            q,
            norms: Lane(norms),
            sound,
            counts,
            max: Lane([FLOOR; W]),
            sum: Lane([0.0; W]),
            moment: Lane([0.0; W]),
            span: Lane([0.0; W]),
            floor: Lane([FLOOR; W]),
            out: vec![Lane([0.0; W]); d.next_multiple_of(R)],
        }
    }

    /// How far each query stands behind a position, less its number.
    #[inline(always)]
    fn ahead(&self, position: usize) -> f32 {
        self.first as f32 - position as f32
    }

    /// Scores of `keys`, which lie in some strips; what else lies there is masked. Tells the highest of each query.
    #[inline(always)]
    fn score<I: Isa, const R: usize>(
        &self,
        head: &Head<'_, R>,
        strips: &Range<usize>,
        keys: &Range<usize>,
        offset: f32,
        to: &mut [Lane<W>],
    ) -> Lane<W> {
        let mut highest = self.max.0;
        for (strip, to) in strips.clone().zip(to.as_chunks_mut::<R>().0) {
            let first = strip * R;
            let mut sums = tile::<I, R, W>([[offset; W]; R], head.keys.strip(strip), self.q.panel(0));
            if head.slope != 0.0 {
                for (row, sums) in sums.iter_mut().enumerate() {
                    let ahead = self.ahead(first + row);
                    for (lane, score) in sums.iter_mut().enumerate() {
                        *score = I::mul_add(-head.slope, (ahead + lane as f32).abs(), *score);
                    }
                }
            }
            if !head.layout.is_seen(&(first..first + R), keys) {
                for (row, sums) in sums.iter_mut().enumerate() {
                    if !keys.contains(&(first + row)) || !head.layout.shows(first + row) {
                        *sums = [MASKED; W];
                    }
                }
            }
            for sums in &sums {
                for (highest, score) in highest.iter_mut().zip(sums) {
                    *highest = if *score > *highest { *score } else { *highest };
                }
            }
            for (to, sums) in to.iter_mut().zip(sums) {
                to.0 = sums;
            }
        }
        Lane(highest)
    }

    /// Rescales what was summed up before to a new maximum.
    #[inline(always)]
    fn raise<I: Isa>(&mut self, highest: Lane<W>) {
        let raised = |lane: usize| highest.0[lane] > self.max.0[lane];
        if !(0..W).fold(false, |any, lane| any | raised(lane)) {
            return;
        }
        let mut kept = [0.0; W];
        for (lane, kept) in kept.iter_mut().enumerate() {
            let (before, now) = (self.max.0[lane], highest.0[lane]);
            *kept = exp2::<I>(before - now);
            // Moments count from the maximum, which has moved.
            let moved = if before > FLOOR { before - now } else { 0.0 };
            self.moment.0[lane] = *kept * (self.moment.0[lane] + moved * self.sum.0[lane]);
            self.span.0[lane] *= *kept;
            self.sum.0[lane] *= *kept;
        }
        for out in &mut self.out {
            out.0.iter_mut().zip(kept).for_each(|(out, kept)| *out *= kept);
        }
        self.max = highest;
    }

    /// Turns scores of keys from `first` on into weights relative to the maximum, and sums them up.
    #[inline(always)]
    fn weigh<I: Isa, const STATISTICS: bool>(&mut self, first: usize, weights: &mut [Lane<W>]) {
        let max = self.max.0;
        // Sums of a few first: long ones would lose what is small.
        let (mut sums, mut moments, mut spans) = ([0.0; W], [0.0; W], [0.0; W]);
        for (row, weights) in weights.iter_mut().enumerate() {
            let ahead = self.ahead(first + row);
            for lane in 0..W {
                let score = weights.0[lane] - max[lane];
                let weight = if score < FAINT { 0.0 } else { exp2::<I>(score) };
                weights.0[lane] = weight;
                sums[lane] += weight;
                if STATISTICS {
                    // Masked keys weigh nothing, and what they score must not be multiplied with.
                    moments[lane] += if weight > 0.0 { weight * score } else { 0.0 };
                    spans[lane] = I::mul_add(weight, (ahead + lane as f32).abs(), spans[lane]);
                }
            }
        }
        for lane in 0..W {
            self.sum.0[lane] += sums[lane];
            if STATISTICS {
                self.moment.0[lane] += moments[lane];
                self.span.0[lane] += spans[lane];
            }
        }
    }

    /// Adds weights × values of the keys from a strip on.
    #[inline(always)]
    fn gather<I: Isa, const R: usize>(&mut self, values: &Pieces<R>, first: usize, weights: &[Lane<W>]) {
        for (column, out) in self.out.as_chunks_mut::<R>().0.iter_mut().enumerate() {
            let sums = values.times::<I, W>(first, column, weights);
            for (out, sums) in out.iter_mut().zip(&sums) {
                out.0.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
            }
        }
    }

    /// Looks up what the logarithms of the sums are at least.
    #[inline(always)]
    fn look_up_floor(&mut self) {
        for lane in 0..W {
            // The exponent of a number is its logarithm, rounded down.
            self.floor.0[lane] = self.max.0[lane] + ((self.sum.0[lane].to_bits() >> 23).cast_signed() - 127) as f32;
        }
    }

    /// By how much scores against keys of such a norm can exceed the logarithm of a query's sum, at most.
    #[inline(always)]
    fn excess(&self, key_norm: f32) -> f32 {
        let mut largest = f32::MIN;
        for lane in 0..W {
            let excess = self.norms.0[lane] * key_norm - self.floor.0[lane];
            let excess = if self.counts[lane] { excess } else { f32::MIN };
            largest = if excess > largest { excess } else { largest };
        }
        largest
    }
}

impl<'a, const R: usize, const W: usize> Queries<'a, R, W> {
    #[inline(always)]
    pub(super) fn read(head: &'a Head<'a, R>, range: Range<usize>) -> Self {
        let firsts = range.clone().step_by(W);
        let panels = firsts.map(|first| Panel::read(head, first..(first + W).min(range.end))).collect();
        Self { head, panels, weights: vec![Lane([0.0; W]); KEYS.max(QUERIES) + 2 * R], range }
    }

    /// Own keys first, then those to the left and to the right in turn until no farther one can count; tells how many
    /// keys were looked at.
    #[inline(always)]
    pub(super) fn visit_outward<I: Isa>(&mut self, sequence: &Range<usize>) -> usize {
        // Whole strips: steps of `KEYS` from here on stay at their borders.
        let mut left = (self.range.start / R * R).max(sequence.start);
        let mut right = self.range.end.next_multiple_of(R).min(sequence.end);
        self.visit::<I>(left..right, 0.0);
        let (mut left_ends, mut right_ends) = (false, false);
        for step in 0usize.. {
            // Sums grow less and less: so they are looked up ever more seldom.
            if step.count_ones() <= 1 {
                self.panels.iter_mut().for_each(Panel::look_up_floor);
            }
            left_ends = left_ends || left == sequence.start || {
                let norm = self.head.norms.before(left);
                self.head.reach.ends(self.excess(norm), self.range.start - left + 1)
            };
            if !left_ends {
                let next = left.saturating_sub(KEYS).max(sequence.start);
                self.visit::<I>(next..left, 0.0);
                left = next;
            }
            right_ends = right_ends || right == sequence.end || {
                let norm = self.head.norms.from(right);
                self.head.reach.ends(self.excess(norm), right + 1 - self.range.end)
            };
            if !right_ends {
                let next = (right + KEYS).min(sequence.end);
                self.visit::<I>(right..next, 0.0);
                right = next;
            }
            if left_ends && right_ends {
                break;
            }
        }
        right - left
    }

    /// The keys of listed blocks; tells how many were looked at.
    #[inline(always)]
    pub(super) fn visit_listed<I: Isa>(&mut self, list: &BlockList, sequence: &Range<usize>) -> usize {
        let size = list.size();
        let mut seen = 0;
        for listed in list.seen_by(self.head.index, self.range.start / size) {
            let keys = (listed.block * size).max(sequence.start)..((listed.block + 1) * size).min(sequence.end);
            let mut first = keys.start;
            while first < keys.end {
                let end = (first + KEYS).min(keys.end);
                self.visit::<I>(first..end, listed.offset * LOG2_E);
                first = end;
            }
            seen += keys.len();
        }
        seen
    }

    /// The largest excess of all queries.
    #[inline(always)]
    fn excess(&self, key_norm: f32) -> f32 {
        self.panels.iter().map(|panel| panel.excess(key_norm)).fold(f32::MIN, f32::max)
    }

    /// Takes `keys` into account, whose scores get `offset` on top.
    #[inline(always)]
    fn visit<I: Isa>(&mut self, keys: Range<usize>, offset: f32) {
        if keys.is_empty() {
            return;
        }
        let strips = keys.start / R..keys.end.div_ceil(R);
        let weights = &mut self.weights[..strips.len() * R];
        for panel in &mut self.panels {
            let highest = panel.score::<I, R>(self.head, &strips, &keys, offset, weights);
            panel.raise::<I>(highest);
            if self.head.problem.row_statistics {
                panel.weigh::<I, true>(strips.start * R, weights);
            } else {
                panel.weigh::<I, false>(strips.start * R, weights);
            }
            panel.gather::<I, R>(&self.head.values, strips.start, weights);
        }
    }

    /// The largest norm of all queries.
    #[inline(always)]
    pub(super) fn largest_norm(&self) -> f32 {
        self.panels.iter().flat_map(|panel| panel.norms.0).fold(0.0, f32::max)
    }

    /// Puts the results where they belong; `sound` tells whether keys and values are finite.
    #[inline(always)]
    pub(super) fn write(&mut self, block: &mut Block<'_>, sound: bool) {
        let Problem { heads, d, row_statistics, .. } = *self.head.problem;
        for panel in &mut self.panels {
            for out in &mut panel.out {
                out.0.iter_mut().zip(panel.sum.0).for_each(|(out, sum)| *out /= sum);
            }
            for (lane, position) in (panel.first..self.range.end).take(W).enumerate() {
                let place = (position - self.range.start) * heads + self.head.index;
                let (max, sum) = (panel.max.0[lane], panel.sum.0[lane]);
                let sound = sound && panel.sound[lane];
                if !self.head.layout.shows(position) || (sound && sum == 0.0) {
                    // Nothing to attend to: it gives 0, and its log-sum-exp stays the sentinel.
                    continue;
                }
                let told = |value: f32| if sound { value } else { f32::NAN };
                for (to, out) in block.places.out[place * d..][..d].iter_mut().zip(&panel.out) {
                    *to = told(out.0[lane]);
                }
                block.places.log_sum_exp[place] = told((max + sum.log2()) * LN_2);
                if row_statistics {
                    block.places.entropy[place] = told((sum.log2() - panel.moment.0[lane] / sum) * LN_2);
                    block.places.distance[place] = told(panel.span.0[lane] / sum);
                }
            }
        }
    }
}
