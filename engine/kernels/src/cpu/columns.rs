//! What keys receive: a sweep over the queries for each block of keys, so that nothing is shared between threads.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    head::{Layout, Strided},
    isa::{Isa, on_this_processor},
    sweep::{STEP, Sweep, steps},
    tile::Aligned,
};
use crate::{
    problem::{Problem, Rule},
    reach::Kept,
};

/// What a sweep over columns gives.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    /// Sum over the queries of weight × probability, `[sum, batch, head, seq]`.
    pub(crate) sums: Vec<f32>,
    /// Largest probability that a query gives, `[batch, head, seq]`.
    pub(crate) max: Vec<f32>,
    pub(crate) kept: Kept,
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
    let Problem { batch, heads, seq, .. } = *problem;
    let plane = batch * heads * seq;
    let mut all = Columns { sums: vec![0.0; weights.len() * plane], max: vec![0.0; plane], kept: Kept::default() };
    let transposed = match problem.rule {
        Rule::Blocks(list) => Some(list.transposed()),
        Rule::Slopes(_) => None,
    };
    for index in 0..batch * heads {
        if problem.watch.is_stopped() {
            break;
        }
        let (row, head) = (index / heads, index % heads);
        let layout = Layout::new(problem.segments_of(row), seq);
        let told = log_sum_exp[index * seq..][..seq].iter().copied();
        let sweep = Sweep::<W>::pack(problem, qk, told, [row, head], &layout);
        let blocks: Vec<_> = layout
            .sequences
            .iter()
            .enumerate()
            .flat_map(|(number, sequence)| {
                steps(sequence, problem.rule.block_size()).into_iter().map(move |keys| (number, keys))
            })
            .collect();
        let of_row: Vec<&[f32]> = weights.iter().map(|weights| &weights[row * seq..][..seq]).collect();
        let found = blocks.into_par_iter().map(|(number, keys)| {
            let sequence = &layout.sequences[number];
            let parts = sweep.queries_for(&keys, sequence, transposed.as_ref());
            let columns = if problem.watch.is_stopped() {
                Block::new(keys.len(), of_row.len())
            } else {
                I::enter(
                    #[inline(always)]
                    || Block::sum::<I, R, W>(&sweep, &keys, &parts, &of_row),
                )
            };
            let seen: usize = parts.iter().map(|(queries, _)| queries.len()).sum();
            problem.watch.add(keys.len() * sequence.len());
            (number, keys, columns, seen)
        });
        for (number, keys, block, seen) in found.collect::<Vec<_>>() {
            let sequence = &layout.sequences[number];
            for (at, position) in keys.clone().enumerate().filter(|(_, position)| layout.shows(*position)) {
                let told = |value: f32| if sweep.sound[number] { value } else { f32::NAN };
                for (sum, block) in block.sums.iter().enumerate() {
                    all.sums[sum * plane + index * seq + position] = told(block[at]);
                }
                all.max[index * seq + position] = told(block.max[at]);
            }
            let scores = [seen * keys.len(), sequence.len() * keys.len()].map(|count| count as u64);
            all.kept = all.kept.and(Kept { scores: scores[0], of: scores[1], norm_bound: 0.0 });
        }
    }
    all
}

/// The columns of a block of keys.
struct Block {
    /// `[sum][key]`.
    sums: Vec<Vec<f32>>,
    max: Vec<f32>,
}

impl Block {
    fn new(keys: usize, sums: usize) -> Self {
        Self { sums: vec![vec![0.0; keys]; sums], max: vec![0.0; keys] }
    }

    #[inline(always)]
    fn sum<I: Isa, const R: usize, const W: usize>(
        sweep: &Sweep<'_, W>,
        keys: &Range<usize>,
        parts: &[(Range<usize>, f32)],
        weights: &[&[f32]],
    ) -> Self {
        let mut all = Self::new(keys.len(), weights.len());
        // What rounding lost so far (Neumaier 1974): columns sum up as many numbers as there are queries.
        let mut lost = vec![vec![0.0; keys.len()]; weights.len()];
        let mut room = Aligned::zeros(Sweep::<W>::ROOM);
        let mut part_sum = [0.0; STEP];
        let inside = keys.start % W;
        let width = (keys.end.div_ceil(W) - keys.start / W) * W;
        for (queries, offset) in parts {
            sweep.probabilities::<I, R>(queries, keys, *offset, &mut room);
            for row in room.chunks(width).take(queries.len()) {
                for (max, value) in all.max.iter_mut().zip(&row[inside..]) {
                    *max = if *value > *max { *value } else { *max };
                }
            }
            for ((weights, sums), lost) in weights.iter().zip(&mut all.sums).zip(&mut lost) {
                let part = &mut part_sum[..keys.len()];
                part.fill(0.0);
                for (row, weight) in room.chunks(width).zip(&weights[queries.clone()]) {
                    for (sum, value) in part.iter_mut().zip(&row[inside..]) {
                        *sum = I::mul_add(*weight, *value, *sum);
                    }
                }
                for ((sum, lost), part) in sums.iter_mut().zip(lost).zip(part) {
                    let total = *sum + *part;
                    *lost += if sum.abs() >= part.abs() { *sum - total + *part } else { *part - total + *sum };
                    *sum = total;
                }
            }
        }
        for (sum, lost) in all.sums.iter_mut().flatten().zip(lost.into_iter().flatten()) {
            *sum += lost;
        }
        all
    }
}
