//! Statistics of single pairs of positions: the strongest partners of each query, maps in cells, and cut-outs.
//!
//! Each block of queries sees its keys once, with all attention heads that are averaged in turn, be they of one layer
//! or of several, so that what is compared and summed up is the mean over them.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    head::{Layout, Strided},
    isa::{Isa, on_this_processor},
    scores::panels_of,
    sweep::{Sweep, steps},
    tile::Aligned,
};
use crate::{attention::NO_PARTNER, problem::Problem};

/// Probabilities below this are no partners: what is skipped stays below it.
const LEAST: f32 = 1.0 / (1 << 24) as f32;

/// A layer, of which some attention heads of a row of the batch are averaged.
#[derive(Clone, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) problem: Problem<'a>,
    pub(crate) q: Strided<'a>,
    pub(crate) k: Strided<'a>,
    /// `[batch, head, seq]`.
    pub(crate) log_sum_exp: &'a [f32],
    pub(crate) row: usize,
    pub(crate) heads: Range<usize>,
}

/// The strongest partners of each query, `[seq][place]`: key and probability, the strongest first; [`NO_PARTNER`] and
/// 0 where there are no more.
pub(crate) fn partners(sources: &[Source<'_>], places: usize) -> Vec<(u32, f32)> {
    on_this_processor!(partners_with(sources, places))
}

fn partners_with<I: Isa, const R: usize, const W: usize>(sources: &[Source<'_>], places: usize) -> Vec<(u32, f32)> {
    let Some(Source { problem, row, .. }) = sources.first() else { return Default::default() };
    let layout = Layout::new(problem.segments_of(*row), problem.seq);
    let sweeps = sweeps::<W>(sources, &layout);
    let mut all = vec![(NO_PARTNER, 0.0); problem.seq * places];
    let blocks = blocks::<W>(&layout, problem, None).into_par_iter();
    let found = blocks.map(|(queries, sequence)| {
        let mut best = vec![(NO_PARTNER, 0.0); queries.len() * places];
        each_tile::<I, R, W>(&sweeps, &queries, sequence, &mut |keys, tile| {
            for (row, best) in tile.chunks_exact(keys.len()).zip(best.chunks_mut(places)) {
                for (key, value) in keys.clone().zip(row) {
                    insert(best, key, *value);
                }
            }
        });
        (queries, best)
    });
    for (queries, best) in found.collect::<Vec<_>>() {
        let shown = queries.clone().zip(best.chunks(places)).filter(|(query, _)| layout.shows(*query));
        for (query, best) in shown {
            all[query * places..][..places].copy_from_slice(best);
        }
    }
    all
}

/// Puts a probability in its place; of equal ones the first key comes first.
fn insert(best: &mut [(u32, f32)], key: usize, value: f32) {
    if value < LEAST || best.last().is_none_or(|(_, last)| value < *last) {
        return;
    }
    let key = u32::try_from(key).unwrap_or(NO_PARTNER);
    let before = |&(other, probability): &(u32, f32)| probability > value || (probability == value && other < key);
    let place = best.iter().position(|place| !before(place));
    if let Some(place) = place {
        best[place..].rotate_right(1);
        best[place] = (key, value);
    }
}

/// A map in cells, `[bin of queries, bin of keys]`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Cells {
    /// Sums of probabilities.
    pub(crate) sum: Vec<f32>,
    /// Largest probabilities.
    pub(crate) max: Vec<f32>,
}

/// A map in cells between `edges`, which rise; positions before the first and from the last on are left out.
pub(crate) fn cells(sources: &[Source<'_>], edges: &[usize]) -> Cells {
    on_this_processor!(cells_with(sources, edges))
}

fn cells_with<I: Isa, const R: usize, const W: usize>(sources: &[Source<'_>], edges: &[usize]) -> Cells {
    let Some(Source { problem, row, .. }) = sources.first() else { return Default::default() };
    let layout = Layout::new(problem.segments_of(*row), problem.seq);
    let sweeps = sweeps::<W>(sources, &layout);
    let bins = edges.len().saturating_sub(1);
    let bin_of = |position: usize| edges.partition_point(|edge| *edge <= position).checked_sub(1);
    let key_bins: Vec<Option<usize>> = (0..problem.seq).map(|key| bin_of(key).filter(|bin| *bin < bins)).collect();
    let blocks = blocks::<W>(&layout, problem, Some(edges));
    let rows = blocks.into_par_iter().filter_map(|(queries, sequence)| {
        let bin = bin_of(queries.start).filter(|bin| *bin < bins)?;
        let mut sums = vec![0.0f64; bins];
        let mut max = vec![0.0f32; bins];
        each_tile::<I, R, W>(&sweeps, &queries, sequence, &mut |keys, tile| {
            for row in tile.chunks_exact(keys.len()) {
                let binned = key_bins[keys.clone()].iter().zip(row).filter_map(|(bin, value)| Some(((*bin)?, *value)));
                for (bin, value) in binned {
                    sums[bin] += f64::from(value);
                    max[bin] = larger(max[bin], value);
                }
            }
        });
        Some((bin, sums, max))
    });
    let mut sum = vec![0.0f64; bins * bins];
    let mut all = Cells { sum: Vec::new(), max: vec![0.0; bins * bins] };
    for (bin, sums, max) in rows.collect::<Vec<_>>() {
        sum[bin * bins..][..bins].iter_mut().zip(sums).for_each(|(all, sum)| *all += sum);
        all.max[bin * bins..][..bins].iter_mut().zip(max).for_each(|(all, max)| *all = larger(*all, max));
    }
    #[expect(clippy::cast_possible_truncation, reason = "sums are told in single precision")]
    let single = sum.into_iter().map(|sum| sum as f32);
    all.sum = single.collect();
    all
}

/// The larger one; what is no number stays none.
fn larger(a: f32, b: f32) -> f32 {
    if b > a || b.is_nan() { b } else { a }
}

/// Probabilities of a cut-out, `[query, key]`.
pub(crate) fn cut_out(sources: &[Source<'_>], [queries, keys]: [Range<usize>; 2]) -> Vec<f32> {
    on_this_processor!(cut_out_with(sources, [queries, keys]))
}

fn cut_out_with<I: Isa, const R: usize, const W: usize>(
    sources: &[Source<'_>],
    [queries, keys]: [Range<usize>; 2],
) -> Vec<f32> {
    let Some(Source { problem, row, .. }) = sources.first() else { return Default::default() };
    let layout = Layout::new(problem.segments_of(*row), problem.seq);
    let sweeps = sweeps::<W>(sources, &layout);
    let mut all = vec![0.0; queries.len() * keys.len()];
    let edges = [queries.start, queries.end];
    let inside =
        blocks::<W>(&layout, problem, Some(&edges)).into_iter().filter(|(block, _)| queries.contains(&block.start));
    for (block, sequence) in inside {
        each_tile::<I, R, W>(&sweeps, &block, sequence, &mut |of_tile, tile| {
            for (query, row) in block.clone().zip(tile.chunks_exact(of_tile.len())) {
                for (key, value) in of_tile.clone().zip(row).filter(|(key, _)| keys.contains(key)) {
                    all[(query - queries.start) * keys.len() + key - keys.start] = *value;
                }
            }
        });
    }
    all
}

fn sweeps<'a, const W: usize>(sources: &'a [Source<'a>], layout: &'a Layout) -> Vec<Sweep<'a, W>> {
    let heads = sources.iter().flat_map(|source| source.heads.clone().map(move |head| (source, head)));
    let heads: Vec<_> = heads.collect();
    let pack = |(source, head): (&'a Source<'a>, usize)| {
        let Source { problem, q, k, log_sum_exp, row, .. } = source;
        let told = &log_sum_exp[(row * problem.heads + head) * problem.seq..][..problem.seq];
        Sweep::pack(problem, [*q, *k], told.iter().copied(), [*row, head], layout)
    };
    heads.into_par_iter().map(pack).collect()
}

/// Blocks of queries, with the number of their sequence, that cross neither blocks of a list nor `edges`.
fn blocks<const W: usize>(
    layout: &Layout,
    problem: &Problem<'_>,
    edges: Option<&[usize]>,
) -> Vec<(Range<usize>, usize)> {
    let mut all = Vec::new();
    for (number, sequence) in layout.sequences.iter().enumerate() {
        let within = edges.unwrap_or_default().iter().filter(|edge| sequence.contains(edge));
        let cuts = std::iter::once(sequence.start).chain(within.copied()).chain(std::iter::once(sequence.end));
        let cuts: Vec<usize> = cuts.collect();
        let parts = cuts.windows(2).flat_map(|cut| steps::<W>(&(cut[0]..cut[1]), problem.rule.block_size()));
        all.extend(parts.map(|part| (part, number)));
    }
    all
}

/// Calls `take` with keys of the sequence of that number and the mean probabilities of the queries, `[query, key]`, tile by tile in rising order.
fn each_tile<I: Isa, const R: usize, const W: usize>(
    sweeps: &[Sweep<'_, W>],
    queries: &Range<usize>,
    number: usize,
    take: &mut dyn FnMut(Range<usize>, &[f32]),
) {
    let Some(Sweep { problem, layout, .. }) = sweeps.first() else { return };
    if problem.watch.is_stopped() {
        return;
    }
    let sequence = &layout.sequences[number];
    problem.watch.add(queries.len() * sequence.len() * sweeps.len());
    if !sweeps.iter().all(|sweep| sweep.sound[number]) {
        // What is not finite in a sequence is in all its pairs, be they in reach or not.
        let none = |query: usize, key: usize| if layout.shows(query) && layout.shows(key) { f32::NAN } else { 0.0 };
        let tile = queries.clone().flat_map(|query| sequence.clone().map(move |key| none(query, key)));
        take(sequence.clone(), &tile.collect::<Vec<_>>());
        return;
    }
    let parts: Vec<_> = sweeps.iter().map(|sweep| sweep.keys_for(queries, sequence)).collect();
    // Every head has its own reach and its own list: the tiles are those of a fixed grid that any of them needs.
    let mut starts: Vec<usize> =
        parts.iter().flatten().flat_map(|(keys, _)| tiles_of(keys, Sweep::<W>::STEP)).collect();
    starts.sort_unstable();
    starts.dedup();
    let mut room = Aligned::zeros(Sweep::<W>::ROOM);
    let share = 1.0 / sweeps.len() as f32;
    for start in starts {
        let keys = start..(start + Sweep::<W>::STEP).min(sequence.end);
        let mut mean = vec![0.0; queries.len() * keys.len()];
        for (sweep, parts) in sweeps.iter().zip(&parts) {
            // Parts stand in rising order.
            let first = parts.partition_point(|(part, _)| part.end <= keys.start);
            for (part, offset) in parts[first..].iter().take_while(|(part, _)| part.start < keys.end) {
                let seen = part.start.max(keys.start)..part.end.min(keys.end);
                I::enter(
                    #[inline(always)]
                    || sweep.probabilities::<I, R>(queries, &seen, *offset, &mut room),
                );
                let width = panels_of::<W>(&seen).len() * W;
                for (mean, row) in mean.chunks_mut(keys.len()).zip(room.chunks(width)) {
                    let to = &mut mean[seen.start - keys.start..][..seen.len()];
                    to.iter_mut().zip(&row[seen.start % W..]).for_each(|(mean, value)| *mean += share * value);
                }
            }
        }
        take(keys, &mean);
    }
}

/// Where the tiles of a fixed grid that a range touches begin.
fn tiles_of(keys: &Range<usize>, step: usize) -> impl Iterator<Item = usize> + use<> {
    (keys.start / step..keys.end.div_ceil(step)).map(move |tile| tile * step)
}
