//! Dense layers: products of rows with a table of weights, with what follows done while the rows are still in the
//! cache.
//!
//! The table is packed once for a call; rows are shared among the threads, and what a row gives depends on nothing
//! else.

use rayon::prelude::*;

use super::{
    exponential::exp2,
    isa::{Isa, on_this_processor},
    tile::{Aligned, Lane, Panels, Sums, rows_from, tile},
};
use crate::watch::Watch;

/// Rows of a block: with a panel of weights they fit the second cache.
const ROWS: usize = 96;

/// Steps of a product done at once: so deep, a panel of weights stays in the first cache.
const DEPTH: usize = 384;

/// A table of weights and what is added, as checkpoints store them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'a> {
    /// `[out, in]`.
    pub(crate) weight: &'a [f32],
    /// `[out]`.
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) inputs: usize,
}

impl Table<'_> {
    fn outputs(&self) -> usize {
        self.weight.len() / self.inputs.max(1)
    }
}

/// Adds `x·Wᵀ + b` to `out`, `[row, in] → [row, out]`.
pub(crate) fn add_linear(out: &mut [f32], x: &[f32], table: Table<'_>, watch: &Watch) {
    on_this_processor!(add_linear_with(out, x, table, watch));
}

pub(super) fn add_linear_with<I: Isa, const R: usize, const W: usize>(
    out: &mut [f32],
    x: &[f32],
    table: Table<'_>,
    watch: &Watch,
) {
    let outputs = table.outputs();
    let packed = Packed::<W>::new(table);
    blocks(out, outputs, x, table.inputs).for_each(|(out, x)| {
        if watch.is_stopped() {
            return;
        }
        I::enter(
            #[inline(always)]
            || {
                let rows = x.len() / table.inputs;
                let mut room = Aligned::zeros((rows + R) * W);
                for panel in 0..packed.panels() {
                    packed.product::<I, R>(x, rows, panel, &mut room);
                    add_panel::<W>(out, outputs, panel * W, &room);
                }
            },
        );
    });
}

/// SwiGLU (Shazeer 2020, arXiv 2002.05202): `w3(silu(gate) ⊙ up)`, the gate rows first in `w12`;
/// `[row, in] → [row, out]`.
pub(crate) fn swiglu(x: &[f32], w12: Table<'_>, w3: Table<'_>, watch: &Watch) -> Vec<f32> {
    on_this_processor!(swiglu_with(x, w12, w3, watch))
}

pub(super) fn swiglu_with<I: Isa, const R: usize, const W: usize>(
    x: &[f32],
    w12: Table<'_>,
    w3: Table<'_>,
    watch: &Watch,
) -> Vec<f32> {
    let wide = w3.inputs;
    let [gate, up] = [0, 1].map(|half| {
        Packed::<W>::new(Table {
            weight: &w12.weight[half * wide * w12.inputs..(half + 1) * wide * w12.inputs],
            bias: w12.bias.map(|bias| &bias[half * wide..(half + 1) * wide]),
            inputs: w12.inputs,
        })
    });
    let down = Packed::<W>::new(w3);
    let outputs = w3.outputs();
    let mut out = vec![0.0; x.len() / w12.inputs * outputs];
    blocks(&mut out, outputs, x, w12.inputs).for_each(|(out, x)| {
        if watch.is_stopped() {
            return;
        }
        I::enter(
            #[inline(always)]
            || {
                let rows = x.len() / w12.inputs;
                let mut gated = Aligned::zeros(rows * wide);
                let [mut of_gate, mut of_up] = [0, 1].map(|_| Aligned::zeros((rows + R) * W));
                for panel in 0..gate.panels() {
                    gate.product::<I, R>(x, rows, panel, &mut of_gate);
                    up.product::<I, R>(x, rows, panel, &mut of_up);
                    for (gate, up) in of_gate.iter_mut().zip(of_up.iter()) {
                        *gate = silu::<I>(*gate) * up;
                    }
                    write_panel::<W>(&mut gated[..rows * wide], wide, panel * W, &of_gate);
                }
                for panel in 0..down.panels() {
                    down.product::<I, R>(&gated, rows, panel, &mut of_gate);
                    write_panel::<W>(out, outputs, panel * W, &of_gate);
                }
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
    let rows = ROWS / R * R;
    x.par_chunks_mut(rows * width).enumerate().for_each(|(block, x)| {
        I::enter(
            #[inline(always)]
            || {
                for (row, x) in x.chunks_exact_mut(width).enumerate() {
                    if let Some(residual) = residual {
                        let residual = &residual[(block * rows + row) * width..][..width];
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

/// `x / (1 + e^−x)`.
#[inline(always)]
fn silu<I: Isa>(x: f32) -> f32 {
    let power = exp2::<I>(-x.abs() * std::f32::consts::LOG2_E);
    let share = if x < 0.0 { power } else { 1.0 };
    x * share / (1.0 + power)
}

/// Blocks of rows of the output with those of the input.
fn blocks<'a>(
    out: &'a mut [f32],
    outputs: usize,
    x: &'a [f32],
    inputs: usize,
) -> impl ParallelIterator<Item = (&'a mut [f32], &'a [f32])> {
    // Two blocks for each thread at least, where there are so many rows.
    let rows = (x.len() / inputs.max(1)).div_ceil(2 * rayon::current_num_threads()).next_multiple_of(12).min(ROWS);
    out.par_chunks_mut((rows * outputs).max(1)).zip(x.par_chunks((rows * inputs).max(1)))
}

/// Copies the sums of a panel, `[row, W]`, to the columns from `first` on.
#[inline(always)]
fn write_panel<const W: usize>(out: &mut [f32], width: usize, first: usize, panel: &[f32]) {
    let columns = W.min(width - first);
    for (row, sums) in out.chunks_exact_mut(width).zip(panel.chunks_exact(W)) {
        row[first..first + columns].copy_from_slice(&sums[..columns]);
    }
}

/// The same on top of what stands there.
#[inline(always)]
fn add_panel<const W: usize>(out: &mut [f32], width: usize, first: usize, panel: &[f32]) {
    let columns = W.min(width - first);
    for (row, sums) in out.chunks_exact_mut(width).zip(panel.chunks_exact(W)) {
        row[first..first + columns].iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
    }
}

/// A packed table.
struct Packed<'a, const W: usize> {
    panels: Panels<W>,
    bias: Vec<Lane<W>>,
    table: Table<'a>,
}

impl<'a, const W: usize> Packed<'a, W> {
    fn new(table: Table<'a>) -> Self {
        let outputs = table.outputs();
        let mut bias = vec![Lane([0.0; W]); outputs.div_ceil(W)];
        for (index, value) in table.bias.unwrap_or_default().iter().enumerate() {
            bias[index / W].0[index % W] = *value;
        }
        Self { panels: Panels::of_table(table.weight, table.inputs), bias, table }
    }

    fn panels(&self) -> usize {
        self.bias.len()
    }

    /// Sums of rows × a panel with the bias, `[row, W]`.
    #[inline(always)]
    fn product<I: Isa, const R: usize>(&self, x: &[f32], rows: usize, panel: usize, to: &mut [f32]) {
        let inputs = self.table.inputs;
        for (part, lanes) in self.panels.panel(panel).chunks(DEPTH).enumerate() {
            for strip in (0..rows).step_by(R) {
                let mut sums: Sums<R, W> = [self.bias[panel].0; R];
                if part > 0 {
                    for (row, sums) in sums.iter_mut().enumerate() {
                        sums.copy_from_slice(&to[(strip + row) * W..][..W]);
                    }
                }
                let of_rows: [&[f32]; R] = rows_from(&x[part * DEPTH..], inputs, strip, rows - 1);
                let sums = tile::<I, R, W>(sums, of_rows, lanes);
                for (row, sums) in sums.iter().enumerate() {
                    to[(strip + row) * W..][..W].copy_from_slice(sums);
                }
            }
        }
    }
}
