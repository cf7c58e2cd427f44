//! What keys receive: a sweep over the queries for each block of keys, so that nothing is shared between threads.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    forward::MOST_PACKED,
    head::{Layout, Strided},
    isa::{Isa, on_this_processor},
    scores::panels_of,
    sweep::{Sweep, steps},
    tile::Aligned,
};
use crate::{
    blocks::BlockList,
    problem::{Problem, Rule},
};

/// What a sweep over columns gives.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    /// Sum over the queries of weight × probability, `[sum, batch, head, seq]`.
    pub(crate) sums: Vec<f32>,
    /// Largest probability that a query gives, `[batch, head, seq]`.
    pub(crate) max: Vec<f32>,
}

/// Sums and maxima over the queries; `log_sum_exp` is `[batch, head, seq]`, and each of `weights` `[batch, seq]`.
pub(crate) fn columns(problem: &Problem<'_>, qk: [Strided<'_>; 2], log_sum_exp: &[f32], weights: &[&[f32]]) -> Columns {
    on_this_processor!(columns_with(problem, qk, log_sum_exp, weights))
}

pub(super) fn columns_with<I: Isa, const R: usize, const W: usize>(
    problem: &Problem<'_>,
    qk: [Strided<'_>; 2],
    log_sum_exp: &[f32],
    weights: &[&[f32]],
) -> Columns {
    let Problem { batch, heads, seq, d, .. } = *problem;
    let plane = batch * heads * seq;
    let mut all = Columns { sums: vec![0.0; weights.len() * plane], max: vec![0.0; plane] };
    let transposed = match problem.rule {
        Rule::Blocks(list) => Some(list.transposed()),
        Rule::Slopes(_) => None,
    };
    let layouts: Vec<_> = (0..batch).map(|row| Layout::new(problem.segments_of(row), seq)).collect();
    let group = (MOST_PACKED / (2 * seq * d).max(1)).max(1);
    for first in (0..batch * heads).step_by(group) {
        if problem.watch.is_stopped() {
            break;
        }
        let planes = first..(first + group).min(batch * heads);
        let pack = |index: usize| {
            let told = log_sum_exp[index * seq..][..seq].iter().copied();
            let (row, head) = (index / heads, index % heads);
            (index, Sweep::<W>::pack(problem, qk, told, [row, head], &layouts[row]))
        };
        let sweeps: Vec<_> = planes.into_par_iter().map(pack).collect();
        let blocks: Vec<_> = sweeps.iter().flat_map(|(index, sweep)| blocks_of(*index, sweep)).collect();
        let found = blocks.into_par_iter().map(|block| {
            let row = block.plane / heads;
            let of_row: Vec<&[f32]> = weights.iter().map(|weights| &weights[row * seq..][..seq]).collect();
            let sums = block.sum::<I, R>(&of_row, transposed.as_ref());
            (block, sums)
        });
        for (block, sums) in found.collect::<Vec<_>>() {
            block.write(&sums, &mut all, plane);
        }
    }
    all
}

/// Some keys of a sequence of an attention head.
struct Block<'a, const W: usize> {
    /// Number of the attention head, over all rows of the batch.
    plane: usize,
    sweep: &'a Sweep<'a, W>,
    /// Number of the sequence.
    sequence: usize,
    keys: Range<usize>,
}

/// The blocks of an attention head.
fn blocks_of<'a, const W: usize>(plane: usize, sweep: &'a Sweep<'a, W>) -> impl Iterator<Item = Block<'a, W>> {
    let size = sweep.problem.rule.block_size();
    sweep.layout.sequences.iter().enumerate().flat_map(move |(sequence, range)| {
        steps::<W>(range, size).into_iter().map(move |keys| Block { plane, sweep, sequence, keys })
    })
}

impl<const W: usize> Block<'_, W> {
    /// The columns of its keys.
    fn sum<I: Isa, const R: usize>(&self, weights: &[&[f32]], transposed: Option<&BlockList>) -> Sums {
        let watch = self.sweep.problem.watch;
        if watch.is_stopped() {
            return Sums::new(self.keys.len(), weights.len());
        }
        let sequence = &self.sweep.layout.sequences[self.sequence];
        let parts = self.sweep.queries_for(&self.keys, sequence, transposed);
        watch.add(self.keys.len() * sequence.len());
        I::enter(
            #[inline(always)]
            || Sums::of::<I, R, W>(self.sweep, &self.keys, &parts, weights),
        )
    }

    /// Puts the columns of its keys where they belong; `plane` is the size of each sum.
    fn write(&self, found: &Sums, all: &mut Columns, plane: usize) {
        let told = |value: f32| if self.sweep.sound[self.sequence] { value } else { f32::NAN };
        let first = self.plane * self.sweep.problem.seq;
        for (at, position) in self.keys.clone().enumerate() {
            if self.sweep.layout.shows(position) {
                for (sum, found) in found.sums.iter().enumerate() {
                    all.sums[sum * plane + first + position] = told(found[at]);
                }
                all.max[first + position] = told(found.max[at]);
            }
        }
    }
}

/// The columns of a block of keys.
struct Sums {
    /// `[sum][key]`.
    sums: Vec<Vec<f32>>,
    max: Vec<f32>,
}

impl Sums {
    fn new(keys: usize, sums: usize) -> Self {
        Self { sums: vec![vec![0.0; keys]; sums], max: vec![0.0; keys] }
    }

    #[inline(always)]
    fn of<I: Isa, const R: usize, const W: usize>(
        sweep: &Sweep<'_, W>,
        keys: &Range<usize>,
        parts: &[(Range<usize>, f32)],
        weights: &[&[f32]],
    ) -> Self {
        let inside = keys.start % W;
        let width = panels_of::<W>(keys).len() * W;
        let mut all = Self::new(width, weights.len());
        // What rounding lost so far (Neumaier 1974): columns sum up as many numbers as there are queries.
        let mut lost = vec![vec![0.0; width]; weights.len()];
        let mut room = Aligned::zeros(Sweep::<W>::ROOM);
        for (queries, offset) in parts {
            sweep.probabilities::<I, R>(queries, keys, *offset, &mut room);
            let room = &room[..queries.len() * width];
            for first in (0..width).step_by(W) {
                largest_of_rows::<W>(room, width, first, &mut all.max[first..first + W]);
                for ((weights, sums), lost) in weights.iter().zip(&mut all.sums).zip(&mut lost) {
                    let part = sum_of_rows::<I, W>(room, width, first, &weights[queries.clone()]);
                    for ((sum, lost), part) in sums[first..first + W].iter_mut().zip(&mut lost[first..]).zip(part) {
                        let total = *sum + part;
                        *lost += if sum.abs() >= part.abs() { *sum - total + part } else { part - total + *sum };
                        *sum = total;
                    }
                }
            }
        }
        for (sum, lost) in all.sums.iter_mut().flatten().zip(lost.into_iter().flatten()) {
            *sum += lost;
        }
        for columns in all.sums.iter_mut().chain([&mut all.max]) {
            columns.drain(..inside);
        }
        all
    }
}

/// Raises `max` to the largest of the `W` columns from `first` on.
#[inline(always)]
fn largest_of_rows<const W: usize>(rows: &[f32], width: usize, first: usize, max: &mut [f32]) {
    let mut lanes = [0.0; W];
    lanes.copy_from_slice(max);
    for row in rows.chunks_exact(width) {
        for (lane, value) in lanes.iter_mut().zip(&row[first..first + W]) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    max.copy_from_slice(&lanes);
}

/// Weighted sums of the `W` columns from `first` on.
#[inline(always)]
fn sum_of_rows<I: Isa, const W: usize>(rows: &[f32], width: usize, first: usize, weights: &[f32]) -> [f32; W] {
    let mut lanes = [0.0; W];
    for (row, weight) in rows.chunks_exact(width).zip(weights) {
        for (lane, value) in lanes.iter_mut().zip(&row[first..first + W]) {
            *lane = I::mul_add(*weight, *value, *lane);
        }
    }
    lanes
}
