//! Products of small tiles, from which every product on the processor is made.

use rayon::prelude::*;

use super::isa::Isa;

/// Numbers side by side, aligned so that no load crosses a cache line (unaligned ones cost a third of the speed).
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Lane<const W: usize>(pub(crate) [f32; W]);

/// Sums of a tile, `[row, width]`.
pub(crate) type Sums<const R: usize, const W: usize> = [[f32; W]; R];

/// `start + a · b` for `R` rows `a` of any depth and a panel `b`, `[depth, W]`.
///
/// All sums stay in vector registers: each step multiplies one number of every row with one lane.
#[inline(always)]
pub(crate) fn tile<I: Isa, const R: usize, const W: usize>(
    start: Sums<R, W>,
    a: [&[f32]; R],
    b: &[Lane<W>],
) -> Sums<R, W> {
    assert!(a.iter().all(|row| row.len() >= b.len()), "rows are as deep as the panel");
    let mut sums = start;
    for (step, lane) in b.iter().enumerate() {
        let lane = lane.0;
        for row in 0..R {
            #[expect(unsafe_code, reason = "the compiler keeps a check of the index in this innermost of all loops")]
            // SAFETY: `step < b.len()`, and every row is at least as long, as was just asserted.
            let factor = unsafe { *a[row].get_unchecked(step) };
            for column in 0..W {
                sums[row][column] = I::mul_add(factor, lane[column], sums[row][column]);
            }
        }
    }
    sums
}

/// `R` rows from `first` on; beyond `last` the last one stands again, whose sums nobody reads.
#[inline(always)]
pub(crate) fn rows_from<const R: usize>(values: &[f32], stride: usize, first: usize, last: usize) -> [&[f32]; R] {
    std::array::from_fn(|row| &values[(first + row).min(last) * stride..])
}

/// A matrix cut into panels of `W` columns, each `[depth, W]`; the last one is filled up with zeros.
pub(crate) struct Panels<const W: usize> {
    lanes: Vec<Lane<W>>,
    depth: usize,
}

impl<const W: usize> Panels<W> {
    /// Of a matrix that is given by its rows: columns lie in the lanes.
    pub(crate) fn of<'a>(rows: impl ExactSizeIterator<Item = &'a [f32]>, width: usize) -> Self {
        let depth = rows.len();
        let mut lanes = vec![Lane([0.0; W]); depth * width.div_ceil(W)];
        for (step, row) in rows.enumerate() {
            for (panel, columns) in row[..width].chunks(W).enumerate() {
                lanes[panel * depth + step].0[..columns.len()].copy_from_slice(columns);
            }
        }
        Self { lanes, depth }
    }

    /// Of the transpose of a matrix that is given by its rows: they lie in the lanes.
    pub(crate) fn of_transposed<'a>(rows: impl ExactSizeIterator<Item = &'a [f32]>, depth: usize) -> Self {
        let mut lanes = vec![Lane([0.0; W]); rows.len().div_ceil(W) * depth];
        for (index, row) in rows.enumerate() {
            let panel = &mut lanes[index / W * depth..][..depth];
            for (value, lane) in row[..depth].iter().zip(panel) {
                lane.0[index % W] = *value;
            }
        }
        Self { lanes, depth }
    }

    /// Of the transpose of a large table `[row, depth]`, by all threads.
    pub(crate) fn of_table(table: &[f32], depth: usize) -> Self {
        let rows = table.len() / depth.max(1);
        let mut lanes = vec![Lane([0.0; W]); rows.div_ceil(W) * depth];
        lanes.par_chunks_mut(depth.max(1)).zip(table.par_chunks((W * depth).max(1))).for_each(|(panel, rows)| {
            // Pieces of a row that fill a cache line: each lane is written to while it is near.
            for first in (0..depth).step_by(W) {
                for (index, row) in rows.chunks_exact(depth).enumerate() {
                    for (value, lane) in row[first..].iter().zip(&mut panel[first..(first + W).min(depth)]) {
                        lane.0[index] = *value;
                    }
                }
            }
        });
        Self { lanes, depth }
    }

    /// The panel of that number.
    pub(crate) fn panel(&self, index: usize) -> &[Lane<W>] {
        &self.lanes[index * self.depth..][..self.depth]
    }

    /// Number of panels.
    pub(crate) fn count(&self) -> usize {
        self.lanes.len().checked_div(self.depth).unwrap_or(0)
    }
}

/// Zeros that begin where a cache line does, so that no vector of them crosses one.
pub(crate) struct Aligned {
    values: Vec<f32>,
    start: usize,
}

impl Aligned {
    /// Bytes of a cache line.
    const LINE: usize = 64;

    /// `count` zeros.
    pub(crate) fn zeros(count: usize) -> Self {
        let values = vec![0.0; count + Self::LINE / size_of::<f32>()];
        // Where an allocator cannot tell, vectors cross lines and the work is slower, no more.
        let start = Some(values.as_ptr().align_offset(Self::LINE)).filter(|start| start + count <= values.len());
        Self { values, start: start.unwrap_or(0) }
    }
}

impl std::ops::Deref for Aligned {
    type Target = [f32];

    #[inline(always)]
    fn deref(&self) -> &[f32] {
        &self.values[self.start..]
    }
}

impl std::ops::DerefMut for Aligned {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.start..]
    }
}
