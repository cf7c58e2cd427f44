//! Gradients of attention from the saved log-sum-exp (Dao et al. 2022, arXiv 2205.14135, algorithm 4).
//!
//! `P = e^(S − lse)`, `δ = Σ dO ∘ O`, `dS = P ∘ (dO·Vᵀ − δ)`, `dQ = dS·K/√d`, `dK = dSᵀ·Q/√d`, `dV = Pᵀ·dO`.
//! One sweep with the queries at rest gives dQ, one with the keys at rest dK and dV, so that no two threads write to
//! the same place.

use std::{f32::consts::LN_2, ops::Range};

use rayon::prelude::*;

use super::{
    exponential::exp2,
    head::{Layout, Rows, Strided},
    isa::{Isa, on_this_processor},
    scores::{Accumulator, panels_of, scores},
    sweep::{NO_QUERY, Sweep, steps},
    tile::{Aligned, Panels, Sums, rows_from, tile_of_rows},
};
use crate::{
    blocks::BlockList,
    problem::{Problem, Rule},
};

/// Gradients at queries, keys and values, `[batch, head, seq, d]` each.
#[derive(Debug, Default)]
pub(crate) struct Gradients {
    pub(crate) q: Vec<f32>,
    pub(crate) k: Vec<f32>,
    pub(crate) v: Vec<f32>,
}

/// What the gradients are computed from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saved<'a> {
    pub(crate) q: Strided<'a>,
    pub(crate) k: Strided<'a>,
    pub(crate) v: Strided<'a>,
    /// What the forward pass gave.
    pub(crate) out: Strided<'a>,
    /// `[batch, head, seq]`.
    pub(crate) log_sum_exp: &'a [f32],
    /// The gradient at `out`.
    pub(crate) grad_out: Strided<'a>,
}

/// The gradients of attention.
pub(crate) fn backward(problem: &Problem<'_>, saved: Saved<'_>) -> Gradients {
    on_this_processor!(backward_with(problem, saved))
}

pub(super) fn backward_with<I: Isa, const R: usize, const W: usize>(
    problem: &Problem<'_>,
    saved: Saved<'_>,
) -> Gradients {
    let Problem { batch, heads, seq, d, .. } = *problem;
    let plane = seq * d;
    let mut all = Gradients::default();
    for gradients in [&mut all.q, &mut all.k, &mut all.v] {
        *gradients = vec![0.0; batch * heads * plane];
    }
    let transposed = match problem.rule {
        Rule::Blocks(list) => Some(list.transposed()),
        Rule::Slopes(_) => None,
    };
    let planes = all.q.par_chunks_mut(plane.max(1)).zip(all.k.par_chunks_mut(plane.max(1)));
    let planes = planes.zip(all.v.par_chunks_mut(plane.max(1))).enumerate();
    planes.for_each(|(index, ((q, k), v))| {
        if problem.watch.is_stopped() {
            return;
        }
        let (row, head) = (index / heads, index % heads);
        let layout = Layout::new(problem.segments_of(row), seq);
        let packed = Packed::<W>::new(problem, saved, [row, head], &layout);
        let blocks: Vec<(Range<usize>, usize)> = (layout.sequences.iter().enumerate())
            .flat_map(|(number, sequence)| {
                steps::<W>(sequence, problem.rule.block_size()).into_iter().map(move |block| (block, number))
            })
            .collect();
        let of_queries = blocks.par_iter().map(|(queries, number)| {
            (queries.clone(), packed.query_gradients::<I, R>(queries, &layout.sequences[*number]))
        });
        for (queries, rows) in of_queries.collect::<Vec<_>>() {
            q[queries.start * d..queries.end * d].copy_from_slice(&rows);
        }
        let of_keys = blocks.par_iter().map(|(keys, number)| {
            (keys.clone(), packed.key_gradients::<I, R>(keys, &layout.sequences[*number], transposed.as_ref()))
        });
        for (keys, [of_k, of_v]) in of_keys.collect::<Vec<_>>() {
            k[keys.start * d..keys.end * d].copy_from_slice(&of_k);
            v[keys.start * d..keys.end * d].copy_from_slice(&of_v);
        }
        // What is not finite in a sequence is in all its gradients.
        for (sequence, _) in layout.sequences.iter().zip(&packed.sound).filter(|(_, sound)| !**sound) {
            for gradients in [&mut *q, &mut *k, &mut *v] {
                gradients[sequence.start * d..sequence.end * d].fill(f32::NAN);
            }
        }
        for position in (0..seq).filter(|position| !layout.shows(*position)) {
            for gradients in [&mut *q, &mut *k, &mut *v] {
                gradients[position * d..][..d].fill(0.0);
            }
        }
    });
    all
}

/// An attention head, as both sweeps want it.
struct Packed<'a, const W: usize> {
    sweep: Sweep<'a, W>,
    /// Whether what comes of a sequence, and the gradient at it, is finite.
    sound: Vec<bool>,
    /// `[seq, d]`.
    values: Aligned,
    /// `[seq, d]`; zeros at hidden queries.
    grad_out: Aligned,
    /// Keys with the scale folded in, `[seq, d]`.
    keys: Aligned,
    /// What is taken off the gradient at each probability, `[seq]`.
    delta: Vec<f32>,
    queries_across: Panels<W>,
    grad_out_across: Panels<W>,
    values_across: Panels<W>,
    /// Channels in the lanes: queries with the scale, keys and gradients as they are.
    queries_along: Panels<W>,
    keys_along: Panels<W>,
    grad_out_along: Panels<W>,
}

impl<'a, const W: usize> Packed<'a, W> {
    fn new(problem: &'a Problem<'a>, saved: Saved<'_>, [row, head]: [usize; 2], layout: &'a Layout) -> Self {
        let Problem { heads, seq, d, .. } = *problem;
        let plane = (row * heads + head) * seq;
        let told = saved.log_sum_exp[plane..][..seq].iter().copied();
        let sweep = Sweep::<W>::pack(problem, [saved.q, saved.k], told, [row, head], layout);
        let zeros = vec![0.0; d];
        let rows = |tensor: Strided<'_>| {
            let mut rows = Aligned::zeros(seq * d);
            let read = Rows::read(tensor, [row, head], layout, &zeros);
            rows.chunks_mut(d.max(1)).zip(read.values).for_each(|(to, row)| to.copy_from_slice(row));
            (rows, read.sound)
        };
        // The log-sum-exp tells already whether queries, keys and values are finite.
        let [(q, _), (k, _), (values, _)] = [saved.q, saved.k, saved.v].map(rows);
        let (grad_out, mut sound) = rows(saved.grad_out);
        let delta = (0..seq).map(|position| {
            let out = saved.out.at([row, head, position]);
            out.iter().zip(&grad_out[position * d..]).map(|(out, grad)| out * grad).sum()
        });
        let mut delta: Vec<f32> = delta.collect();
        for (number, sequence) in layout.sequences.iter().enumerate() {
            let delta = &mut delta[sequence.clone()];
            sound[number] &= sweep.sound[number] && delta.iter().all(|delta| delta.is_finite());
            if !sound[number] {
                // A tile may hold a piece of the next sequence, where these count 0 times.
                delta.fill(0.0);
            }
        }
        let scale = std::f32::consts::LOG2_E / (d as f32).sqrt();
        let mut keys = Aligned::zeros(seq * d);
        keys.iter_mut().zip(k.iter()).for_each(|(to, value)| *to = value * scale);
        let across = |rows: &Aligned| Panels::of_transposed(rows[..seq * d].chunks_exact(d), d);
        let along = |rows: &Aligned| Panels::of(rows[..seq * d].chunks_exact(d), d);
        Self {
            sound,
            delta,
            queries_across: across(&q),
            grad_out_across: across(&grad_out),
            values_across: across(&values),
            queries_along: along(&sweep.q),
            keys_along: along(&k),
            grad_out_along: along(&grad_out),
            sweep,
            values,
            grad_out,
            keys,
        }
    }

    /// dQ of some queries, `[query, d]`.
    fn query_gradients<I: Isa, const R: usize>(&self, queries: &Range<usize>, sequence: &Range<usize>) -> Vec<f32> {
        let d = self.sweep.problem.d;
        let mut sums = Accumulator::<W>::new(Sweep::<W>::STEP, d);
        if !self.sweep.problem.watch.is_stopped() {
            let parts = self.sweep.keys_for(queries, sequence);
            I::enter(
                #[inline(always)]
                || {
                    let mut weights = Aligned::zeros(Sweep::<W>::ROOM);
                    for (keys, offset) in &parts {
                        self.sweep.probabilities::<I, R>(queries, keys, *offset, &mut weights);
                        let delta = |row: usize, _: usize| self.delta[queries.start + row];
                        score_gradients::<I, R, W>(
                            &mut weights,
                            &self.grad_out,
                            queries,
                            &self.values_across,
                            keys,
                            d,
                            delta,
                        );
                        sums.add::<I, R>(&weights, queries.len(), keys, &self.keys_along);
                    }
                },
            );
        }
        rows_times(&sums, queries.len(), d, 1.0 / (d as f32).sqrt())
    }

    /// dK and dV of some keys, `[key, d]` each.
    fn key_gradients<I: Isa, const R: usize>(
        &self,
        keys: &Range<usize>,
        sequence: &Range<usize>,
        transposed: Option<&BlockList>,
    ) -> [Vec<f32>; 2] {
        let d = self.sweep.problem.d;
        let mut of_keys = Accumulator::<W>::new(Sweep::<W>::STEP, d);
        let mut of_values = Accumulator::<W>::new(Sweep::<W>::STEP, d);
        if !self.sweep.problem.watch.is_stopped() {
            let parts = self.sweep.queries_for(keys, sequence, transposed);
            I::enter(
                #[inline(always)]
                || {
                    let mut weights = Aligned::zeros(Sweep::<W>::ROOM);
                    for (queries, offset) in &parts {
                        self.transposed_probabilities::<I, R>(keys, queries, *offset, &mut weights);
                        of_values.add::<I, R>(&weights, keys.len(), queries, &self.grad_out_along);
                        let first = queries.start / W * W;
                        let delta = |_: usize, column: usize| self.delta.get(first + column).copied().unwrap_or(0.0);
                        score_gradients::<I, R, W>(
                            &mut weights,
                            &self.values,
                            keys,
                            &self.grad_out_across,
                            queries,
                            d,
                            delta,
                        );
                        of_keys.add::<I, R>(&weights, keys.len(), queries, &self.queries_along);
                    }
                },
            );
        }
        // Queries are in units of the logarithm to base 2.
        [rows_times(&of_keys, keys.len(), d, LN_2), rows_times(&of_values, keys.len(), d, 1.0)]
    }

    /// Probabilities `[key, panels of queries · W]`; 0 outside `queries`.
    #[inline(always)]
    fn transposed_probabilities<I: Isa, const R: usize>(
        &self,
        keys: &Range<usize>,
        queries: &Range<usize>,
        offset: f32,
        to: &mut [f32],
    ) {
        let panels = panels_of::<W>(queries);
        let width = panels.len() * W;
        for panel in panels.clone() {
            let first = panel * W;
            let mask = self.sweep.layout.mask::<W>(first, queries);
            let told = &self.sweep.log_sum_exp;
            let log_sum_exp: [f32; W] = std::array::from_fn(|lane| told.get(first + lane).copied().unwrap_or(NO_QUERY));
            for strip in (0..keys.len()).step_by(R) {
                let start = keys.start + strip;
                let rows = rows_from(&self.keys, self.sweep.problem.d, start, keys.end - 1);
                let (lanes, ahead) = (self.queries_across.panel(panel), start as f32 - first as f32);
                let mut sums = scores::<I, R, W>(rows, lanes, offset, self.sweep.slope, ahead, mask);
                for (row, sums) in sums.iter_mut().enumerate().take(keys.len() - strip) {
                    for lane in 0..W {
                        sums[lane] = exp2::<I>(sums[lane] - log_sum_exp[lane]);
                    }
                    let sums = if self.sweep.layout.shows(start + row) { *sums } else { [0.0; W] };
                    to[(strip + row) * width + first - panels.start * W..][..W].copy_from_slice(&sums);
                }
            }
        }
    }
}

/// Turns probabilities `[row, column]` into gradients at the scores: `P ∘ (a·bᵀ − δ)`.
#[inline(always)]
fn score_gradients<I: Isa, const R: usize, const W: usize>(
    weights: &mut [f32],
    a: &[f32],
    rows: &Range<usize>,
    b: &Panels<W>,
    columns: &Range<usize>,
    d: usize,
    delta: impl Fn(usize, usize) -> f32,
) {
    let panels = panels_of::<W>(columns);
    let width = panels.len() * W;
    for panel in panels.clone() {
        for strip in (0..rows.len()).step_by(R) {
            let of_rows = rows_from(a, d, rows.start + strip, rows.end - 1);
            let sums: Sums<R, W> = tile_of_rows::<I, R, W>([[0.0; W]; R], of_rows, b.panel(panel));
            for (row, sums) in sums.iter().enumerate().take(rows.len() - strip) {
                let column = (panel - panels.start) * W;
                let weights = &mut weights[(strip + row) * width + column..][..W];
                for (lane, (weight, sum)) in weights.iter_mut().zip(sums).enumerate() {
                    *weight *= sum - delta(strip + row, column + lane);
                }
            }
        }
    }
}

/// The sums of the first rows times `factor`, `[row, d]`.
fn rows_times<const W: usize>(sums: &Accumulator<W>, rows: usize, d: usize, factor: f32) -> Vec<f32> {
    (0..rows).flat_map(|row| sums.row(row)[..d].iter().map(|sum| sum * factor)).collect()
}
