//! Attention over blocks of queries and keys with an online softmax (Milakov and Gimelshein 2018, arXiv 1805.02867;
//! Dao et al. 2022, arXiv 2205.14135).
//!
//! Scores are in units of the logarithm to base 2: the factor is folded into queries and slopes.
//! Queries lie in the lanes and keys in the rows of each tile, so that what is kept for each query (maximum, sums,
//! results) is worked on side by side, and weights stand as the next product wants them.
//! Blocks of queries are shared among the threads; what a block gives depends on nothing else, so that results are the
//! same with any number of threads.

use std::{
    f32::consts::{LN_2, LOG2_E},
    ops::Range,
};

use rayon::prelude::*;

use super::{
    head::{Layout, Rows, Running, Strided},
    isa::{Isa, on_this_processor},
    queries::{QUERIES, Queries},
    tile::{Pieces, Strips},
};
use crate::{
    attention::MASKED,
    problem::{Problem, Rule},
    reach::{Kept, Reach},
};

/// Numbers of packed keys and values that the processor holds at once.
pub const MOST_PACKED: usize = 1 << 21;

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
    on_this_processor!(wide forward_with(problem, [q, k, v]))
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
    let group = (MOST_PACKED / (2 * seq * d).max(1)).clamp(1, heads.max(1));
    let rows = Places::of(&mut all, problem).into_par_iter().enumerate();
    let kept = rows.map(|(row, rows)| {
        let layout = Layout::new(problem.segments_of(row), seq);
        let mut blocks = rows.into_blocks(problem, &layout);
        let groups = (0..heads).step_by(group).map(|first| {
            let heads: Vec<Head<'_, R>> = (first..(first + group).min(heads))
                .into_par_iter()
                .map(|head| Head::pack::<I>(problem, qkv, [row, head], &layout))
                .collect();
            let kept = blocks.par_iter_mut().map(|block| {
                let of_heads = heads.iter().map(|head| head.attend::<I, W>(block));
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
pub(super) struct Places<'a> {
    pub(super) out: &'a mut [f32],
    pub(super) log_sum_exp: &'a mut [f32],
    pub(super) entropy: &'a mut [f32],
    pub(super) distance: &'a mut [f32],
}

impl<'a> Places<'a> {
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
            let size = problem.rule.block_size().unwrap_or(QUERIES);
            let mut first = sequence.start;
            while first < sequence.end {
                // Blocks of a list count from the beginning of the row.
                let end = (first / size * size + size).min(sequence.end);
                let places = self.split_off(end - first, problem);
                blocks.push(Block { queries: first..end, sequence: number, places });
                first = end;
            }
        }
        blocks
    }
}

/// Some queries of a sequence, with the place for their results.
pub(super) struct Block<'a> {
    pub(super) queries: Range<usize>,
    /// Number of their sequence.
    sequence: usize,
    pub(super) places: Places<'a>,
}

/// An attention head of a row, packed.
pub(super) struct Head<'a, const R: usize> {
    pub(super) problem: &'a Problem<'a>,
    pub(super) layout: &'a Layout,
    pub(super) row: usize,
    pub(super) index: usize,
    pub(super) q: Strided<'a>,
    /// Positions in the rows of strips; zeros where hidden or not finite.
    pub(super) keys: Strips<R>,
    /// The largest norms of keys.
    pub(super) norms: Running,
    /// Zeros where hidden or not finite.
    pub(super) values: Pieces<R>,
    /// Whether keys and values of a sequence are finite.
    sound: Vec<bool>,
    pub(super) slope: f32,
    pub(super) reach: Reach,
}

impl<'a, const R: usize> Head<'a, R> {
    fn pack<I: Isa>(
        problem: &'a Problem<'a>,
        [q, k, v]: [Strided<'a>; 3],
        [row, index]: [usize; 2],
        layout: &'a Layout,
    ) -> Self {
        let zeros = vec![0.0; problem.d];
        let slope = problem.rule.slope(index);
        I::enter(
            #[inline(always)]
            || {
                let [keys, values] =
                    [Rows::read(k, [row, index], layout, &zeros), Rows::read(v, [row, index], layout, &zeros)];
                Self {
                    problem,
                    layout,
                    row,
                    index,
                    q,
                    norms: Running::new(keys.norms.into_iter(), R, 0.0),
                    keys: Strips::of(keys.values.into_iter(), problem.d),
                    values: Pieces::of(&values.values, problem.d),
                    sound: keys.sound.into_iter().zip(values.sound).map(|(keys, values)| keys && values).collect(),
                    slope: slope * LOG2_E,
                    reach: Reach::new(slope, problem.skip),
                }
            },
        )
    }

    /// The queries of a block against all keys that count.
    fn attend<I: Isa, const W: usize>(&self, block: &mut Block<'_>) -> Kept {
        if self.problem.watch.is_stopped() {
            return Kept::default();
        }
        let sequence = &self.layout.sequences[block.sequence];
        let kept = I::enter(
            #[inline(always)]
            || {
                let mut queries = Queries::<R, W>::read(self, block.queries.clone());
                let seen = match self.problem.rule {
                    Rule::Blocks(list) => queries.visit_listed::<I>(list, sequence),
                    Rule::Slopes(_) => queries.visit_outward::<I>(sequence),
                };
                let norm_bound = queries.largest_norm() * self.norms.all() * LN_2;
                queries.write(block, self.sound[block.sequence]);
                Kept {
                    scores: (seen * block.queries.len()) as u64,
                    of: (sequence.len() * block.queries.len()) as u64,
                    norm_bound,
                }
            },
        );
        self.problem.watch.add(block.queries.len() * sequence.len());
        kept
    }
}
