//! Attention over blocks of queries and keys with an online softmax (Milakov and Gimelshein 2018, arXiv 1805.02867;
//! Dao et al. 2022, arXiv 2205.14135).
//!
//! Scores are in units of the logarithm to base 2: the factor is folded into queries and slopes.
//! Blocks of queries are shared among the threads; what a block gives depends on nothing else, so that results are the
//! same with any number of threads.

use std::{
    f32::consts::{LN_2, LOG2_E},
    ops::Range,
};

use rayon::prelude::*;

use super::{
    exponential::exp2,
    head::{Layout, Packed, Strided, norm, sound_rows},
    isa::{Isa, on_this_processor},
    scores::{Accumulator, panels_of, scores},
    tile::{Aligned, Lane, Panels, rows_from},
};
use crate::{
    attention::MASKED,
    problem::{Problem, Rule},
    reach::{Kept, Reach},
};

/// Queries of a block, in short sequences and in long ones: enough blocks for the threads in the first, few sweeps
/// over the keys in the second.
const QUERIES: [usize; 2] = [24, 48];

/// From this length on a sequence is long.
const LONG: usize = 1024;

/// Keys that one step looks at, and the unit in which far ones are left out.
const KEYS: usize = 96;

/// Numbers of packed keys and values held at once.
const PACKED: usize = 1 << 21;

/// No real score is below this, and no masked one above: the first maximum of a row.
const FLOOR: f32 = -1e38;

/// What the forward pass gives.
#[derive(Debug, Default)]
pub(crate) struct Forward {
    /// Weighted means of the values, `[batch, seq, head, d]`.
    pub(crate) out: Vec<f32>,
    /// `[batch, seq, head]`.
    pub(crate) log_sum_exp: Vec<f32>,
    /// Entropy of each query's weights in nats, `[batch, seq, head]`; empty when not asked for.
    pub(crate) entropy: Vec<f32>,
    /// Mean distance of query and key under the weights, `[batch, seq, head]`; empty when not asked for.
    pub(crate) distance: Vec<f32>,
    /// How much of the square was looked at.
    pub(crate) kept: Kept,
}

/// Attention of `q`, `k` and `v`, each `[batch, head, seq, d]`.
pub(crate) fn forward(problem: &Problem<'_>, q: Strided<'_>, k: Strided<'_>, v: Strided<'_>) -> Forward {
    on_this_processor!(forward_with(problem, [q, k, v]))
}

pub(super) fn forward_with<I: Isa, const R: usize, const W: usize>(
    problem: &Problem<'_>,
    qkv: [Strided<'_>; 3],
) -> Forward {
    let Problem { batch, heads, seq, d, .. } = *problem;
    let positions = batch * seq * heads;
    let statistics = if problem.row_statistics { positions } else { 0 };
    let mut all = Forward {
        out: vec![0.0; positions * d],
        log_sum_exp: vec![MASKED; positions],
        entropy: vec![0.0; statistics],
        distance: vec![0.0; statistics],
        kept: Kept::default(),
    };
    let group = (PACKED / (2 * seq * d).max(1)).clamp(1, heads.max(1));
    let rows = Rows::of(&mut all, problem).into_par_iter().enumerate();
    let kept = rows.map(|(row, rows)| {
        let layout = Layout::new(problem.segments_of(row), seq);
        let mut blocks = rows.into_blocks(problem, &layout);
        let groups = (0..heads).step_by(group).map(|first| {
            let heads: Vec<Head<'_, W>> = (first..(first + group).min(heads))
                .into_par_iter()
                .map(|head| Head::pack(problem, qkv, row, head, &layout))
                .collect();
            let kept = blocks.par_iter_mut().map(|block| {
                let of_heads = heads.iter().map(|head| head.attend::<I, R>(block));
                of_heads.fold(Kept::default(), Kept::and)
            });
            kept.reduce(Kept::default, Kept::and)
        });
        groups.fold(Kept::default(), Kept::and)
    });
    all.kept = kept.reduce(Kept::default, Kept::and);
    all
}

/// Where the results of one row of the batch go.
struct Rows<'a> {
    out: &'a mut [f32],
    log_sum_exp: &'a mut [f32],
    entropy: &'a mut [f32],
    distance: &'a mut [f32],
}

impl<'a> Rows<'a> {
    fn of(all: &'a mut Forward, problem: &Problem<'_>) -> Vec<Self> {
        let mut rest = Self {
            out: &mut all.out,
            log_sum_exp: &mut all.log_sum_exp,
            entropy: &mut all.entropy,
            distance: &mut all.distance,
        };
        (0..problem.batch).map(|_| rest.split_off(problem.seq, problem)).collect()
    }

    /// The next positions.
    fn split_off(&mut self, positions: usize, problem: &Problem<'_>) -> Self {
        let next = |slice: &mut &'a mut [f32], width: usize| {
            let count = (positions * width).min(slice.len());
            slice.split_off_mut(..count).unwrap_or_default()
        };
        Self {
            out: next(&mut self.out, problem.heads * problem.d),
            log_sum_exp: next(&mut self.log_sum_exp, problem.heads),
            entropy: next(&mut self.entropy, problem.heads),
            distance: next(&mut self.distance, problem.heads),
        }
    }

    /// The blocks of queries of each sequence.
    fn into_blocks(mut self, problem: &Problem<'_>, layout: &Layout) -> Vec<Block<'a>> {
        let mut blocks = Vec::new();
        let mut reached = 0;
        for (number, sequence) in layout.sequences.iter().enumerate() {
            self.split_off(sequence.start - reached, problem);
            reached = sequence.end;
            let size = problem.rule.block_size().unwrap_or(QUERIES[usize::from(sequence.len() >= LONG)]);
            let mut first = sequence.start;
            while first < sequence.end {
                // Blocks of a list count from the beginning of the row.
                let end = (first / size * size + size).min(sequence.end);
                let rows = self.split_off(end - first, problem);
                blocks.push(Block { queries: first..end, sequence: number, rows });
                first = end;
            }
        }
        blocks
    }
}

/// Some queries of a sequence, with the place for their results.
struct Block<'a> {
    queries: Range<usize>,
    /// Number of their sequence.
    sequence: usize,
    rows: Rows<'a>,
}

/// An attention head of a row, packed.
struct Head<'a, const W: usize> {
    problem: &'a Problem<'a>,
    layout: &'a Layout,
    row: usize,
    index: usize,
    q: Strided<'a>,
    keys: Packed<W>,
    /// Channels in the lanes, `[seq, W]` each; zeros where hidden or not finite.
    values: Panels<W>,
    /// Whether keys and values of a sequence are finite.
    sound: Vec<bool>,
    slope: f32,
    reach: Reach,
}

impl<'a, const W: usize> Head<'a, W> {
    fn pack(
        problem: &'a Problem<'a>,
        [q, k, v]: [Strided<'a>; 3],
        row: usize,
        index: usize,
        layout: &'a Layout,
    ) -> Self {
        let zeros = vec![0.0; problem.d];
        let (keys, sound_keys) = sound_rows(k, [row, index], layout, &zeros);
        let (values, sound_values) = sound_rows(v, [row, index], layout, &zeros);
        let slope = problem.rule.slope(index);
        Self {
            problem,
            layout,
            row,
            index,
            q,
            keys: Packed::new(keys.into_iter(), problem.d),
            values: Panels::of(values.into_iter(), problem.d),
            sound: sound_keys.into_iter().zip(sound_values).map(|(keys, values)| keys && values).collect(),
            slope: slope * LOG2_E,
            reach: Reach::new(slope, problem.skip),
        }
    }

    /// The queries of a block against all keys that count.
    fn attend<I: Isa, const R: usize>(&self, block: &mut Block<'_>) -> Kept {
        if self.problem.watch.is_stopped() {
            return Kept::default();
        }
        let kept = I::enter(
            #[inline(always)]
            || {
                let mut queries = Queries::<W>::read(self, block.queries.clone());
                let sequence = &self.layout.sequences[block.sequence];
                let seen = match self.problem.rule {
                    Rule::Blocks(list) => queries.visit_listed::<I, R>(list, sequence),
                    Rule::Slopes(_) => queries.visit_outward::<I, R>(sequence),
                };
                queries.write(block, self.sound[block.sequence]);
                Kept {
                    scores: (seen * block.queries.len()) as u64,
                    of: (sequence.len() * block.queries.len()) as u64,
                    norm_bound: queries.norms.iter().copied().fold(0.0, f32::max) * self.keys.norms.all() * LN_2,
                }
            },
        );
        self.problem.watch.add(block.queries.len() * self.layout.sequences[block.sequence].len());
        kept
    }
}

/// A block of queries on its way over the keys.
struct Queries<'a, const W: usize> {
    head: &'a Head<'a, W>,
    range: Range<usize>,
    /// With the scale folded in, `[query, d]`; zeros where hidden or not finite.
    q: Vec<f32>,
    /// 0 where hidden or not finite.
    norms: Vec<f32>,
    /// Whether a query is finite.
    sound: Vec<bool>,
    /// Whether it is not hidden, besides.
    counts: Vec<bool>,
    max: Vec<f32>,
    /// Sums of weights, each lane its own share.
    sum: Vec<Lane<W>>,
    /// Sums of weight × (score − maximum).
    moment: Vec<Lane<W>>,
    /// Sums of weight × distance.
    span: Vec<Lane<W>>,
    /// What the logarithm of a query's sum is at least, as far as looked up.
    floor: Vec<f32>,
    /// Sums of weight × value.
    out: Accumulator<W>,
    /// Scores against the keys at hand, then weights, `[query, key]`.
    scores: Aligned,
}

impl<'a, const W: usize> Queries<'a, W> {
    fn read(head: &'a Head<'a, W>, range: Range<usize>) -> Self {
        let d = head.problem.d;
        let count = range.len();
        let scale = LOG2_E / (d as f32).sqrt();
        let mut q = Vec::with_capacity(count * d);
        let mut sound = Vec::with_capacity(count);
        let mut counts = Vec::with_capacity(count);
        for position in range.clone() {
            let values = head.q.at([head.row, head.index, position]);
            let finite = norm(values).is_finite();
            sound.push(finite);
            counts.push(finite && head.layout.shows(position));
            if finite {
                q.extend(values.iter().map(|value| value * scale));
            } else {
                q.resize(q.len() + d, 0.0);
            }
        }
        Self {
            head,
            norms: q.chunks(d.max(1)).zip(&counts).map(|(q, counts)| if *counts { norm(q) } else { 0.0 }).collect(),
            range,
            q,
            sound,
            counts,
            max: vec![FLOOR; count],
            sum: vec![Lane([0.0; W]); count],
            moment: vec![Lane([0.0; W]); count],
            span: vec![Lane([0.0; W]); count],
            floor: vec![FLOOR; count],
            out: Accumulator::new(count, d),
            // No strip has more rows than a panel has columns.
            scores: Aligned::zeros((count + W) * (KEYS + 2 * W)),
        }
    }

    /// Own keys first, then those to the left and to the right in turn until no farther one can count; tells how many
    /// keys were looked at.
    #[inline(always)]
    fn visit_outward<I: Isa, const R: usize>(&mut self, sequence: &Range<usize>) -> usize {
        let own = self.range.clone();
        self.visit::<I, R>(own.clone(), sequence, 0.0);
        let (mut left, mut right) = (own.start, own.end);
        let (mut left_ends, mut right_ends) = (false, false);
        for step in 0usize.. {
            // Sums grow less and less: so they are looked up ever more seldom.
            if step.count_ones() <= 1 {
                self.look_up_floor();
            }
            left_ends = left_ends || left == sequence.start || {
                let norm = self.head.keys.norms.before(left);
                self.head.reach.ends(self.excess(norm), own.start - left + 1)
            };
            if !left_ends {
                let next = left.saturating_sub(KEYS).max(sequence.start);
                self.visit::<I, R>(next..left, sequence, 0.0);
                left = next;
            }
            right_ends = right_ends || right == sequence.end || {
                let norm = self.head.keys.norms.from(right);
                self.head.reach.ends(self.excess(norm), right + 1 - own.end)
            };
            if !right_ends {
                let next = (right + KEYS).min(sequence.end);
                self.visit::<I, R>(right..next, sequence, 0.0);
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
    fn visit_listed<I: Isa, const R: usize>(
        &mut self,
        list: &crate::blocks::BlockList,
        sequence: &Range<usize>,
    ) -> usize {
        let size = list.size();
        let mut seen = 0;
        for listed in list.seen_by(self.head.index, self.range.start / size) {
            let keys = (listed.block * size).max(sequence.start)..((listed.block + 1) * size).min(sequence.end);
            let mut first = keys.start;
            while first < keys.end {
                let end = (first + KEYS).min(keys.end);
                self.visit::<I, R>(first..end, sequence, listed.offset * LOG2_E);
                first = end;
            }
            seen += keys.len();
        }
        seen
    }

    /// Looks up what the logarithms of the sums are at least.
    #[inline(always)]
    fn look_up_floor(&mut self) {
        for (index, floor) in self.floor.iter_mut().enumerate() {
            let sum: f32 = self.sum[index].0.iter().sum();
            // The exponent of a number is its logarithm, rounded down.
            *floor = self.max[index] + ((sum.to_bits() >> 23).cast_signed() - 127) as f32;
        }
    }

    /// By how much scores against keys of such a norm can exceed the logarithm of a row's sum, at most.
    #[inline(always)]
    fn excess(&self, key_norm: f32) -> f32 {
        let mut largest = f32::MIN;
        for ((norm, floor), counts) in self.norms.iter().zip(&self.floor).zip(&self.counts) {
            let excess = if *counts { norm * key_norm - floor } else { f32::MIN };
            largest = if excess > largest { excess } else { largest };
        }
        largest
    }

    /// Takes `keys` into account, whose scores get `offset` on top.
    #[inline(always)]
    fn visit<I: Isa, const R: usize>(&mut self, keys: Range<usize>, sequence: &Range<usize>, offset: f32) {
        if keys.is_empty() {
            return;
        }
        let panels = panels_of::<W>(&keys);
        let seen = keys.start.max(sequence.start)..keys.end.min(sequence.end);
        self.score::<I, R>(&panels, &seen, offset);
        if self.head.problem.row_statistics {
            self.weigh::<I, true>(&panels);
        } else {
            self.weigh::<I, false>(&panels);
        }
        self.out.add::<I, R>(&self.scores, self.range.len(), &keys, &self.head.values);
    }

    /// Scores against panels of keys. Each panel stays in the nearest cache while all queries use it.
    #[inline(always)]
    fn score<I: Isa, const R: usize>(&mut self, panels: &Range<usize>, seen: &Range<usize>, offset: f32) {
        let width = panels.len() * W;
        for panel in panels.clone() {
            let first = panel * W;
            let mask = self.head.layout.mask::<W>(first, seen);
            let keys = self.head.keys.across.panel(panel);
            for strip in (0..self.range.len()).step_by(R) {
                let rows = rows_from(&self.q, self.head.problem.d, strip, self.range.len() - 1);
                let ahead = (self.range.start + strip) as f32 - first as f32;
                let sums = scores::<I, R, W>(rows, keys, offset, self.head.slope, ahead, mask);
                for (row, sums) in sums.iter().enumerate() {
                    self.scores[(strip + row) * width + first - panels.start * W..][..W].copy_from_slice(sums);
                }
            }
        }
    }

    /// Turns scores into weights relative to the highest score so far, and rescales what was summed up before.
    #[inline(always)]
    fn weigh<I: Isa, const STATISTICS: bool>(&mut self, panels: &Range<usize>) {
        let width = panels.len() * W;
        for index in 0..self.range.len() {
            let scores = self.scores[index * width..][..width].as_chunks_mut::<W>().0;
            let before = self.max[index];
            if let Some(highest) = above(scores, before) {
                let kept = exp2::<I>(before - highest);
                if STATISTICS {
                    // Moments count from the maximum, which has moved.
                    let moved = if before > FLOOR { before - highest } else { 0.0 };
                    let sums = self.moment[index].0.iter_mut().zip(self.sum[index].0);
                    sums.for_each(|(moment, sum)| *moment = kept * (*moment + moved * sum));
                    self.span[index].0.iter_mut().for_each(|span| *span *= kept);
                }
                self.max[index] = highest;
                self.sum[index].0.iter_mut().for_each(|sum| *sum *= kept);
                self.out.scale(index, kept);
            }
            let max = self.max[index];
            let mut sums = self.sum[index].0;
            let (mut moments, mut spans) = (self.moment[index].0, self.span[index].0);
            let ahead = (self.range.start + index) as f32 - (panels.start * W) as f32;
            for (chunk, scores) in scores.iter_mut().enumerate() {
                for lane in 0..W {
                    let score = scores[lane] - max;
                    let weight = exp2::<I>(score);
                    scores[lane] = weight;
                    sums[lane] += weight;
                    if STATISTICS {
                        // Masked keys weigh nothing, and what they score must not be multiplied with.
                        moments[lane] += if weight > 0.0 { weight * score } else { 0.0 };
                        let distance = (ahead - (chunk * W + lane) as f32).abs();
                        spans[lane] = I::mul_add(weight, distance, spans[lane]);
                    }
                }
            }
            self.sum[index].0 = sums;
            if STATISTICS {
                self.moment[index].0 = moments;
                self.span[index].0 = spans;
            }
        }
    }

    /// Puts the results where they belong; `sound` tells whether keys and values are finite.
    fn write(&self, block: &mut Block<'_>, sound: bool) {
        let Problem { heads, d, row_statistics, .. } = *self.head.problem;
        for query in 0..self.range.len() {
            let place = query * heads + self.head.index;
            let out = &mut block.rows.out[place * d..][..d];
            let total = |lanes: &Lane<W>| lanes.0.iter().sum::<f32>();
            let (max, sum) = (self.max[query], total(&self.sum[query]));
            let sound = sound && self.sound[query];
            if !self.head.layout.shows(self.range.start + query) || (sound && sum == 0.0) {
                // Nothing to attend to: it gives 0, and its log-sum-exp stays the sentinel.
                continue;
            }
            let told = |value: f32| if sound { value } else { f32::NAN };
            for (out, value) in out.iter_mut().zip(self.out.row(query)) {
                *out = told(value / sum);
            }
            block.rows.log_sum_exp[place] = told((max + sum.log2()) * LN_2);
            if row_statistics {
                block.rows.entropy[place] = told((sum.log2() - total(&self.moment[query]) / sum) * LN_2);
                block.rows.distance[place] = told(total(&self.span[query]) / sum);
            }
        }
    }
}

/// The largest of some numbers, if it is above `limit`.
#[inline(always)]
fn above<const W: usize>(values: &[[f32; W]], limit: f32) -> Option<f32> {
    let mut lanes = [limit; W];
    for values in values {
        for (value, lane) in values.iter().zip(&mut lanes) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    let mut width = W / 2;
    while width > 0 {
        let (low, high) = lanes.split_at_mut(width);
        for (low, high) in low.iter_mut().zip(high) {
            *low = if *high > *low { *high } else { *low };
        }
        width /= 2;
    }
    (lanes[0] > limit).then_some(lanes[0])
}
