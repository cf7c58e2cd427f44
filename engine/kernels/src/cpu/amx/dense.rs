//! Dense layers on the matrix unit.
//!
//! Rows are cut into stripes, which the threads share; where there are fewer of them than threads, the outputs of a
//! stripe are shared too. What a row gives depends on neither.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    Ahead, Amx, Block,
    parts::{SIDE, Step, WIDTH, pack_rows, pack_sums, pack_weights, transposed},
};
use crate::{
    cpu::{
        activation::activate,
        dense::Table,
        isa::{Avx512, Isa},
        stored::Stored,
    },
    dense::Between,
    watch::Watch,
};

/// Rows of a stripe.
const ROWS: usize = 256;

/// Steps of inputs that are multiplied before the next ones are looked at: of a stripe so many stay in a core's own
/// cache while all weights pass.
const NEAR_STEPS: usize = 24;

/// Bytes that a feed-forward layer takes at most, apart from its input, output and weights, `in → wide → in`.
pub(in crate::cpu) fn feed_forward_bytes(rows: usize, inputs: usize, wide: usize) -> usize {
    /// Bytes of a number in thirds, and of sums: both are there of what is between, with a gate the sums twice.
    const PACKED: usize = 6;
    const SUMS: usize = size_of::<f32>();
    let at_once = rows.next_multiple_of(WIDTH).min(ROWS * rayon::current_num_threads());
    at_once * ((PACKED + SUMS) * inputs + (PACKED + 2 * SUMS) * wide)
}

/// Adds `x·Wᵀ + b` to `out`, `[row, in] → [row, out]`.
pub(in crate::cpu) fn add_linear(unit: Amx, out: &mut [f32], x: &[f32], table: Table<'_>, watch: &Watch) {
    by_stripes([table.outputs(), table.inputs], out, x, watch, |out, x| {
        let sums = products(unit, &Packed::of(x, table.inputs), table, watch);
        add_sums(&sums, out, table.outputs());
    });
}

/// A feed-forward layer, `[row, in] → [row, out]`; with a gate its rows stand first in `first`.
pub(in crate::cpu) fn feed_forward(
    unit: Amx,
    x: &[f32],
    first: Table<'_>,
    second: Table<'_>,
    between: Between,
    watch: &Watch,
) -> Vec<f32> {
    let outputs = second.outputs();
    let mut out = vec![0.0; x.len() / first.inputs * outputs];
    by_stripes([outputs, first.inputs], &mut out, x, watch, |out, x| {
        let x = Packed::of(x, first.inputs);
        let middle = if between.gated {
            let [gate, up] = first.halves().map(|half| products(unit, &x, half, watch));
            Packed::between(between, gate, Some(&up))
        } else {
            Packed::between(between, products(unit, &x, first, watch), None)
        };
        add_sums(&products(unit, &middle, second, watch), out, outputs);
    });
    out
}

/// Does `of` for each stripe of rows of the output and the input, for no more of them at once than there are threads: a
/// thread that waits for the shares of one stripe would begin another one, and each takes memory. None is begun where
/// the watch is stopped.
fn by_stripes(
    [outputs, inputs]: [usize; 2],
    out: &mut [f32],
    x: &[f32],
    watch: &Watch,
    of: impl Fn(&mut [f32], &[f32]) + Send + Sync,
) {
    let (rows, threads) = (x.len() / inputs.max(1), rayon::current_num_threads());
    let stripes = rows.div_ceil(ROWS).max(1);
    let stripes = if stripes > threads { stripes.next_multiple_of(threads) } else { stripes };
    let rows = rows.div_ceil(stripes).next_multiple_of(WIDTH);
    let at_once = out.chunks_mut((threads * rows * outputs).max(1)).zip(x.chunks((threads * rows * inputs).max(1)));
    for (out, x) in at_once {
        let stripes = out.par_chunks_mut((rows * outputs).max(1)).zip(x.par_chunks((rows * inputs).max(1)));
        stripes.filter(|_| !watch.is_stopped()).for_each(|(out, x)| of(out, x));
    }
}

/// The rows of a stripe, `[step, group of 32]`.
struct Packed {
    steps: Vec<Step>,
    groups: usize,
}

impl Packed {
    /// Of rows of a width.
    fn of(rows: &[f32], width: usize) -> Self {
        let groups = rows.len().div_ceil(width * WIDTH);
        let pack = |place: usize| {
            Avx512::enter(
                #[inline(always)]
                || {
                    let group = rows.chunks(WIDTH * width).nth(place % groups).unwrap_or_default();
                    pack_rows(group.chunks_exact(width).map(|row| &row[place / groups * WIDTH..]))
                },
            )
        };
        Self { steps: (0..width.div_ceil(WIDTH) * groups).into_par_iter().map(pack).collect(), groups }
    }

    /// Of what stands between the two tables of a feed-forward layer: `gate` alone, or the gate and what it weighs.
    fn between(between: Between, gate: Sums, up: Option<&Sums>) -> Self {
        let pack = |(place, mut sums): (usize, Block)| {
            Avx512::enter(
                #[inline(always)]
                || {
                    let values = sums.as_flattened_mut().as_flattened_mut().as_flattened_mut();
                    activate::<Avx512>(between.act, values);
                    if let Some(up) = up {
                        let up = up.blocks[place].as_flattened().as_flattened().as_flattened();
                        values.iter_mut().zip(up).for_each(|(gate, up)| *gate *= up);
                    }
                    pack_sums(&sums)
                },
            )
        };
        Self { steps: gate.blocks.into_par_iter().enumerate().map(pack).collect(), groups: gate.groups }
    }

    /// How many steps a row takes.
    fn depth(&self) -> usize {
        self.steps.len() / self.groups
    }
}

/// Sums of the outputs of a stripe, `[panel of 32 outputs, group of 32 rows]`.
struct Sums {
    blocks: Vec<Block>,
    groups: usize,
}

impl Sums {
    fn of_panel(&self, panel: usize) -> &[Block] {
        &self.blocks[panel * self.groups..][..self.groups]
    }
}

/// Rows × a table, with the bias; nothing of use where the watch is stopped.
fn products(unit: Amx, rows: &Packed, table: Table<'_>, watch: &Watch) -> Sums {
    let panels = table.outputs().div_ceil(WIDTH);
    let bias = |place: usize| bias(table, place / rows.groups * WIDTH);
    let mut blocks: Vec<Block> = (0..panels * rows.groups).into_par_iter().map(bias).collect();
    // As many shares as threads: all of them at work where there is but one stripe.
    let share = panels.div_ceil(rayon::current_num_threads()).max(1);
    blocks.par_chunks_mut((share * rows.groups).max(1)).enumerate().for_each(|(index, blocks)| {
        Avx512::enter(
            #[inline(always)]
            || add_products(unit, rows, table, index * share, blocks, watch),
        );
    });
    Sums { blocks, groups: rows.groups }
}

/// The bias of 32 outputs at most, for each row.
fn bias(table: Table<'_>, first: usize) -> Block {
    let mut sums = [[[[0.0; SIDE]; SIDE]; 2]; 2];
    for (output, bias) in table.bias.map_or(&[][..], |bias| &bias[first..]).iter().take(WIDTH).enumerate() {
        for half in &mut sums[output / SIDE] {
            half[output % SIDE] = [*bias; SIDE];
        }
    }
    sums
}

/// Adds the products of the panels from `first` on to as many `blocks` as there are.
#[inline(always)]
fn add_products(unit: Amx, rows: &Packed, table: Table<'_>, first: usize, blocks: &mut [Block], watch: &Watch) {
    let depth = rows.depth();
    let near = depth.div_ceil(depth.div_ceil(NEAR_STEPS).max(1));
    let mut weights = vec![Step::ZERO; near];
    let tiles = unit.tiles();
    for near in (0..depth).step_by(near.max(1)).map(|start| start..(start + near).min(depth)) {
        for (panel, blocks) in blocks.chunks_exact_mut(rows.groups).enumerate() {
            if watch.is_stopped() {
                return;
            }
            let outputs = (first + panel) * WIDTH..table.outputs().min((first + panel + 1) * WIDTH);
            let weights = &mut weights[..near.len()];
            pack(table, outputs, &near, weights);
            let next = ahead(table, (first + panel + 1) * WIDTH, near.start * WIDTH);
            for (group, sums) in blocks.iter_mut().enumerate() {
                let ahead = Ahead { first: next.first.wrapping_byte_add(group * 4 * next.output), ..next };
                tiles.add_product(sums, weights, &rows.steps[near.start * rows.groups + group..], rows.groups, ahead);
            }
        }
    }
}

/// Where the weights of an output and an input lie.
fn ahead(table: Table<'_>, output: usize, input: usize) -> Ahead {
    let (first, size) = match table.weight {
        Stored::F32(weights) => (weights.as_ptr().cast::<u8>(), 4),
        Stored::F16(weights) => (weights.as_ptr().cast(), 2),
        Stored::Bf16(weights) => (weights.as_ptr().cast(), 2),
    };
    let place = (output * table.inputs + input) * size;
    Ahead { first: first.wrapping_byte_add(place), output: table.inputs * size, step: WIDTH * size }
}

/// Packs the weights of some outputs, 32 at most, for some steps of inputs.
#[inline(always)]
fn pack(table: Table<'_>, outputs: Range<usize>, near: &Range<usize>, steps: &mut [Step]) {
    let inputs = near.start * WIDTH..table.inputs.min(near.end * WIDTH);
    let of = |output: usize| output * table.inputs + inputs.start..output * table.inputs + inputs.end;
    match table.weight {
        Stored::F32(weights) => pack_weights(outputs.map(|output| &weights[of(output)]), steps),
        Stored::F16(weights) => pack_weights(outputs.map(|output| &weights[of(output)]), steps),
        Stored::Bf16(weights) => pack_weights(outputs.map(|output| &weights[of(output)]), steps),
    }
}

/// Adds sums to the rows of a stripe.
fn add_sums(sums: &Sums, out: &mut [f32], outputs: usize) {
    out.par_chunks_mut(WIDTH * outputs).enumerate().for_each(|(group, out)| {
        Avx512::enter(
            #[inline(always)]
            || {
                for panel in 0..outputs.div_ceil(WIDTH) {
                    add_block(&sums.of_panel(panel)[group], out, outputs, panel * WIDTH);
                }
            },
        );
    });
}

/// Adds 32 outputs from `first` on, as far as there are so many, to 32 rows at most.
#[inline(always)]
fn add_block(sums: &Block, out: &mut [f32], outputs: usize, first: usize) {
    for (half, of_rows) in sums.iter().enumerate() {
        let first = first + half * SIDE;
        let columns = first.min(outputs)..(first + SIDE).min(outputs);
        for (sums, out) in of_rows.iter().zip(out.chunks_mut(SIDE * outputs)) {
            let sums = transposed(sums.map(|sums| sums.map(f32::to_bits)));
            for (out, sums) in out.chunks_exact_mut(outputs).zip(sums) {
                let sums = sums.map(f32::from_bits);
                // A width that the compiler knows gives whole vectors.
                match out[columns.clone()].as_mut_array::<SIDE>() {
                    Some(out) => out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum),
                    None => out[columns.clone()].iter_mut().zip(sums).for_each(|(out, sum)| *out += sum),
                }
            }
        }
    }
}
