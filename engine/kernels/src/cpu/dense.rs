//! Dense layers: products of rows with a table of weights, with what follows done while the rows are still in the
//! cache.
//!
//! Where the processor has a matrix unit, it multiplies; everywhere else vectors do, as written here: the table is packed
//! once for a call; rows are shared among the threads, and what a row gives depends on nothing else.

use rayon::prelude::*;

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use super::amx::{self, Amx};
use super::{
    activation::activate,
    isa::{Isa, on_this_processor},
    stored::Stored,
    tile::{Lane, Panels, Strips, Sums, tile},
};
use crate::{dense::Between, watch::Watch};

/// Rows that one thread normalizes at a time.
const ROWS: usize = 96;

/// A table of weights and what is added, as checkpoints store them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'a> {
    /// `[out, in]`.
    pub(crate) weight: Stored<'a>,
    /// `[out]`.
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) inputs: usize,
}

impl Table<'_> {
    pub(super) fn outputs(&self) -> usize {
        self.weight.len() / self.inputs.max(1)
    }

    /// The first and the second half of the outputs.
    pub(super) fn halves(self) -> [Self; 2] {
        let (weights, biases) = (self.weight.len() / 2, self.outputs() / 2);
        let half = |weight, bias| Self { weight, bias, inputs: self.inputs };
        let [first, second] = self.weight.split_at(weights);
        let bias = self.bias.map(|bias| bias.split_at(biases));
        [half(first, bias.map(|bias| bias.0)), half(second, bias.map(|bias| bias.1))]
    }
}

/// Adds `x·Wᵀ + b` to `out`, `[row, in] → [row, out]`.
pub(crate) fn add_linear(out: &mut [f32], x: &[f32], table: Table<'_>, watch: &Watch) {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if let Some(unit) = Amx::here() {
        return amx::dense::add_linear(unit, out, x, table, watch);
    }
    on_this_processor!(wide add_linear_with(out, x, table, watch));
}

pub(super) fn add_linear_with<I: Isa, const R: usize, const W: usize>(
    out: &mut [f32],
    x: &[f32],
    table: Table<'_>,
    watch: &Watch,
) {
    let outputs = table.outputs();
    let packed = Packed::<W>::new::<I>(table);
    blocks::<R, W>(out, outputs, x, table.inputs).for_each(|(out, x)| {
        if watch.is_stopped() {
            return;
        }
        I::enter(
            #[inline(always)]
            || packed.add::<I, R>(&Strips::of(x.chunks_exact(table.inputs), table.inputs), out),
        );
    });
}

/// A feed-forward layer, `[row, in] → [row, out]`; with a gate its rows stand first in `first`.
pub(crate) fn feed_forward(
    x: &[f32],
    first: Table<'_>,
    second: Table<'_>,
    between: Between,
    watch: &Watch,
) -> Vec<f32> {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if let Some(unit) = Amx::here() {
        return amx::dense::feed_forward(unit, x, first, second, between, watch);
    }
    on_this_processor!(wide feed_forward_with(x, first, second, between, watch))
}

pub(super) fn feed_forward_with<I: Isa, const R: usize, const W: usize>(
    x: &[f32],
    first: Table<'_>,
    second: Table<'_>,
    between: Between,
    watch: &Watch,
) -> Vec<f32> {
    let (wide, outputs) = (second.inputs, second.outputs());
    let (gate, up) = match between.gated.then(|| first.halves().map(Packed::<W>::new::<I>)) {
        Some([gate, up]) => (gate, Some(up)),
        None => (Packed::<W>::new::<I>(first), None),
    };
    let down = Packed::<W>::new::<I>(second);
    let mut out = vec![0.0; x.len() / first.inputs * outputs];
    blocks::<R, W>(&mut out, outputs, x, first.inputs).for_each(|(out, x)| {
        if watch.is_stopped() {
            return;
        }
        I::enter(
            #[inline(always)]
            || {
                let x = Strips::<R>::of(x.chunks_exact(first.inputs), first.inputs);
                let mut middle = Strips::<R>::zeros(x.count(), wide);
                let mut both = [vec![[[0.0; W]; R]; x.count()], vec![[[0.0; W]; R]; x.count()]];
                for panel in 0..wide.div_ceil(W) {
                    let [gates, ups] = &mut both;
                    gate.product::<I, R>(&x, panel, gates);
                    if let Some(up) = &up {
                        up.product::<I, R>(&x, panel, ups);
                    }
                    // Apart from the products, which need all registers.
                    for (strip, gates) in gates.iter_mut().enumerate() {
                        activate::<I>(between.act, gates.as_flattened_mut());
                        if between.gated {
                            let ups = ups[strip].as_flattened();
                            gates.as_flattened_mut().iter_mut().zip(ups).for_each(|(gate, up)| *gate *= up);
                        }
                        middle.write(strip, panel * W, gates);
                    }
                }
                down.add::<I, R>(&middle, out);
            },
        );
    });
    out
}

/// Normalizes each row of `x + residual` to mean 0 and variance 1, then scales and shifts, in place.
pub(crate) fn add_layer_norm(x: &mut [f32], residual: Option<&[f32]>, [scale, shift]: [&[f32]; 2], epsilon: f32) {
    on_this_processor!(add_layer_norm_with(x, residual, [scale, shift], epsilon));
}

fn add_layer_norm_with<I: Isa, const R: usize, const W: usize>(
    x: &mut [f32],
    residual: Option<&[f32]>,
    [scale, shift]: [&[f32]; 2],
    epsilon: f32,
) {
    let width = scale.len();
    x.par_chunks_mut(ROWS * width).enumerate().for_each(|(block, x)| {
        I::enter(
            #[inline(always)]
            || {
                for (row, x) in x.chunks_exact_mut(width).enumerate() {
                    if let Some(residual) = residual {
                        let residual = &residual[(block * ROWS + row) * width..][..width];
                        x.iter_mut().zip(residual).for_each(|(x, residual)| *x += residual);
                    }
                    let mean = sum::<W>(x, |value| value) / width as f32;
                    let variance = sum::<W>(x, |value| (value - mean) * (value - mean)) / width as f32;
                    let factor = 1.0 / (variance + epsilon).sqrt();
                    for ((x, scale), shift) in x.iter_mut().zip(scale).zip(shift) {
                        *x = I::mul_add((*x - mean) * factor, *scale, *shift);
                    }
                }
            },
        );
    });
}

/// The sum of what `of` makes of numbers, over several sums side by side.
#[inline(always)]
fn sum<const W: usize>(values: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0; W];
    for values in values.chunks(W) {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += of(*value);
        }
    }
    sums.iter().sum()
}

/// Of a panel so much is used at a time: it stays in the innermost cache, with the rows it meets.
const NEAR_BYTES: usize = 32 << 10;

/// Rows in a block, for each output of a panel.
const ROWS_OF_BLOCK: usize = 8;

/// Bytes that a feed-forward layer takes at most, apart from its input, output and weights, `in → wide → in`.
pub fn feed_forward_bytes(rows: usize, inputs: usize, wide: usize) -> usize {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if Amx::here().is_some() {
        return amx::dense::feed_forward_bytes(rows, inputs, wide);
    }
    on_this_processor!(wide feed_forward_bytes_with(rows, inputs, wide))
}

fn feed_forward_bytes_with<I: Isa, const R: usize, const W: usize>(rows: usize, inputs: usize, wide: usize) -> usize {
    let at_once = rows.min(ROWS_OF_BLOCK * W * rayon::current_num_threads());
    size_of::<f32>() * (2 * inputs * wide + at_once * (inputs + wide))
}

/// Blocks of rows of the output with those of the input.
fn blocks<'a, const R: usize, const W: usize>(
    out: &'a mut [f32],
    outputs: usize,
    x: &'a [f32],
    inputs: usize,
) -> impl ParallelIterator<Item = (&'a mut [f32], &'a [f32])> {
    // The same number of equal blocks for each thread. The wider a panel of weights, the more rows must share it while
    // it is near.
    let (rows, threads) = (x.len() / inputs.max(1), rayon::current_num_threads());
    let rows = rows.div_ceil(rows.div_ceil(ROWS_OF_BLOCK * W * threads).max(1) * threads).next_multiple_of(R);
    out.par_chunks_mut((rows * outputs).max(1)).zip(x.par_chunks((rows * inputs).max(1)))
}

/// A packed table.
struct Packed<const W: usize> {
    panels: Panels<W>,
    bias: Vec<Lane<W>>,
    outputs: usize,
}

impl<const W: usize> Packed<W> {
    fn new<I: Isa>(table: Table<'_>) -> Self {
        let outputs = table.outputs();
        let mut bias = vec![Lane([0.0; W]); outputs.div_ceil(W)];
        for (index, value) in table.bias.unwrap_or_default().iter().enumerate() {
            bias[index / W].0[index % W] = *value;
        }
        Self { panels: Panels::of_table::<I>(table.weight, table.inputs), bias, outputs }
    }

    /// Rows × a panel with the bias, strip by strip; of the panel as much at a time as stays near for all strips.
    #[inline(always)]
    fn product<I: Isa, const R: usize>(&self, rows: &Strips<R>, panel: usize, sums: &mut [Sums<R, W>]) {
        sums.fill([self.bias[panel].0; R]);
        let panel = self.panels.panel(panel);
        let steps = NEAR_BYTES / size_of::<Lane<W>>();
        for (part, lanes) in panel.chunks(steps).enumerate() {
            for (strip, sums) in sums.iter_mut().enumerate() {
                *sums = tile::<I, R, W>(*sums, &rows.strip(strip)[part * steps..], lanes);
            }
        }
    }

    /// Adds rows × all panels with the bias to `out`, `[row, outputs]`.
    #[inline(always)]
    fn add<I: Isa, const R: usize>(&self, rows: &Strips<R>, out: &mut [f32]) {
        let mut all = vec![[[0.0; W]; R]; rows.count()];
        for panel in 0..self.panels.count() {
            let columns = panel * W..(panel * W + W).min(self.outputs);
            self.product::<I, R>(rows, panel, &mut all);
            for (sums, out) in all.iter().zip(out.chunks_mut(R * self.outputs)) {
                for (out, sums) in out.chunks_exact_mut(self.outputs).zip(sums) {
                    // A width that the compiler knows gives whole vectors.
                    match out[columns.clone()].as_mut_array::<W>() {
                        Some(out) => out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum),
                        None => out[columns.clone()].iter_mut().zip(sums).for_each(|(out, sum)| *out += sum),
                    }
                }
            }
        }
    }
}
