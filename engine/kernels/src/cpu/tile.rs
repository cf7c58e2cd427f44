//! Products of small tiles, from which every product on the processor is made.

use rayon::prelude::*;

use super::{
    isa::Isa,
    stored::{Number, Stored},
};

/// Numbers side by side, aligned so that no load crosses a cache line (unaligned ones cost a third of the speed).
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Lane<const W: usize>(pub(crate) [f32; W]);

/// Sums of a tile, `[row, width]`.
pub(crate) type Sums<const R: usize, const W: usize> = [[f32; W]; R];

/// `start + a · b` for `R` rows `a`, `[depth, R]`, and a panel `b`, `[depth, W]`.
///
/// All sums stay in vector registers: each step multiplies one number of every row with one lane.
#[inline(always)]
pub(crate) fn tile<I: Isa, const R: usize, const W: usize>(
    start: Sums<R, W>,
    a: &[[f32; R]],
    b: &[Lane<W>],
) -> Sums<R, W> {
    let mut sums = start;
    for (factors, lane) in a.iter().zip(b) {
        step::<I, R, W>(&mut sums, factors, lane);
    }
    sums
}

/// Adds the product of a number of every row with one lane.
#[inline(always)]
fn step<I: Isa, const R: usize, const W: usize>(sums: &mut Sums<R, W>, factors: &[f32; R], lane: &Lane<W>) {
    for (sums, factor) in sums.iter_mut().zip(factors) {
        for (sum, value) in sums.iter_mut().zip(&lane.0) {
            *sum = I::mul_add(*factor, *value, *sum);
        }
    }
}

/// The same for rows that stand where they are, of any depth.
#[inline(always)]
pub(crate) fn tile_of_rows<I: Isa, const R: usize, const W: usize>(
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

/// Rows cut into strips of `R`, each `[depth, R]`; the last one is filled up with zeros.
pub(crate) struct Strips<const R: usize> {
    factors: Vec<[f32; R]>,
    depth: usize,
}

impl<const R: usize> Strips<R> {
    /// So many strips of zeros.
    pub(crate) fn zeros(count: usize, depth: usize) -> Self {
        Self { factors: vec![[0.0; R]; count * depth], depth }
    }

    /// Of rows of any number.
    #[inline(always)]
    pub(crate) fn of<'a>(rows: impl ExactSizeIterator<Item = &'a [f32]>, depth: usize) -> Self {
        let mut strips = Self::zeros(rows.len().div_ceil(R), depth);
        for (index, row) in rows.enumerate() {
            let strip = &mut strips.factors[index / R * depth..][..depth];
            for (value, factors) in row.iter().zip(strip) {
                factors[index % R] = *value;
            }
        }
        strips
    }

    /// How many strips there are.
    pub(crate) fn count(&self) -> usize {
        self.factors.len() / self.depth.max(1)
    }

    /// The strip of that number.
    pub(crate) fn strip(&self, index: usize) -> &[[f32; R]] {
        &self.factors[index * self.depth..][..self.depth]
    }

    /// Writes what a tile gave as the columns of a strip from `first` on, as far as it is deep.
    #[inline(always)]
    pub(crate) fn write<const W: usize>(&mut self, strip: usize, first: usize, sums: &Sums<R, W>) {
        let factors = &mut self.factors[strip * self.depth..][..self.depth][first..];
        for (column, factors) in factors.iter_mut().take(W).enumerate() {
            *factors = std::array::from_fn(|row| sums[row][column]);
        }
    }
}

/// Rows cut into pieces of `R` × `R`, `[strip of rows][strip of columns]`, filled up with zeros.
pub(crate) struct Pieces<const R: usize> {
    pieces: Vec<[[f32; R]; R]>,
    across: usize,
}

impl<const R: usize> Pieces<R> {
    /// Of rows of a width.
    #[inline(always)]
    pub(crate) fn of(rows: &[&[f32]], width: usize) -> Self {
        let across = width.div_ceil(R);
        let mut pieces = vec![[[0.0; R]; R]; rows.len().div_ceil(R) * across];
        for (index, row) in rows.iter().enumerate() {
            let strip = &mut pieces[index / R * across..][..across];
            for (piece, columns) in strip.iter_mut().zip(row[..width].chunks(R)) {
                match columns.as_array::<R>() {
                    Some(columns) => piece[index % R] = *columns,
                    None => piece[index % R][..columns.len()].copy_from_slice(columns),
                }
            }
        }
        Self { pieces, across }
    }

    /// `columns · b` of a strip of columns and the rows from the strip `first` on, as many as `b`, `[row, W]`, has.
    #[inline(always)]
    pub(crate) fn times<I: Isa, const W: usize>(&self, first: usize, column: usize, b: &[Lane<W>]) -> Sums<R, W> {
        let mut sums = [[0.0; W]; R];
        let strips = self.pieces[first * self.across..].chunks_exact(self.across);
        for (pieces, lanes) in strips.zip(b.as_chunks::<R>().0) {
            for (factors, lane) in pieces[column].iter().zip(lanes) {
                step::<I, R, W>(&mut sums, factors, lane);
            }
        }
        sums
    }
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
    #[inline(always)]
    pub(crate) fn of_transposed<'a>(rows: impl ExactSizeIterator<Item = &'a [f32]>, depth: usize) -> Self {
        let mut panels = Self::zeros(rows.len().div_ceil(W), depth);
        let mut rows = rows;
        for panel in panels.lanes.chunks_exact_mut(depth.max(1)) {
            transpose(rows.by_ref().take(W), panel);
        }
        panels
    }

    /// Of the transpose of a large table `[row, depth]`, by all threads.
    pub(crate) fn of_table<I: Isa>(table: Stored<'_>, depth: usize) -> Self {
        match table {
            Stored::F32(table) => Self::of_numbers::<I, _>(table, depth),
            Stored::F16(table) => Self::of_numbers::<I, _>(table, depth),
            Stored::Bf16(table) => Self::of_numbers::<I, _>(table, depth),
        }
    }

    fn of_numbers<I: Isa, N: Number>(table: &[N], depth: usize) -> Self {
        let rows = table.len() / depth.max(1);
        let mut panels = Self::zeros(rows.div_ceil(W), depth);
        let of_panels = panels.lanes.par_chunks_mut(depth.max(1)).zip(table.par_chunks((W * depth).max(1)));
        of_panels.for_each(|(panel, rows)| {
            I::enter(
                #[inline(always)]
                || transpose(rows.chunks_exact(depth), panel),
            );
        });
        panels
    }

    /// So many panels of zeros.
    pub(crate) fn zeros(count: usize, depth: usize) -> Self {
        Self { lanes: vec![Lane([0.0; W]); count * depth], depth }
    }

    /// How many panels there are.
    pub(crate) fn count(&self) -> usize {
        self.lanes.len() / self.depth.max(1)
    }

    /// The panel of that number.
    pub(crate) fn panel_mut(&mut self, index: usize) -> &mut [Lane<W>] {
        &mut self.lanes[index * self.depth..][..self.depth]
    }

    /// The panel of that number.
    pub(crate) fn panel(&self, index: usize) -> &[Lane<W>] {
        &self.lanes[index * self.depth..][..self.depth]
    }
}

/// Writes rows, as many as there are lanes at most, into the lanes of a panel.
#[inline(always)]
fn transpose<'a, N: Number + 'a, const W: usize>(rows: impl Iterator<Item = &'a [N]>, panel: &mut [Lane<W>]) {
    /// Numbers of a row, some cache lines that follow each other: as many rows are read from as there are lanes, and
    /// the memory is slow to see where so many go on.
    const PIECE: usize = 64;
    let mut of_lanes: [&[N]; W] = [&[]; W];
    let mut count = 0;
    for (lane, row) in of_lanes.iter_mut().zip(rows) {
        *lane = &row[..panel.len()];
        count += 1;
    }
    let rows = &of_lanes[..count];
    let mut block = [[0.0; PIECE]; W];
    for (piece, lanes) in panel.chunks_mut(PIECE).enumerate() {
        for (to, row) in block.iter_mut().zip(rows) {
            let row = &row[piece * PIECE..];
            if row.len() >= PIECE { N::widen(&row[..PIECE], to) } else { N::widen(row, &mut to[..row.len()]) }
        }
        for (step, lane) in lanes.iter_mut().enumerate() {
            for (to, row) in lane.0.iter_mut().zip(&block) {
                *to = row[step];
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cpu::isa::{Baseline, on_this_processor},
        tests::Numbers,
    };

    fn check_product<I: Isa, const R: usize, const W: usize>() {
        let mut numbers = Numbers(1);
        for depth in [0, 1, 7, 64, 131] {
            // More than two panels of columns, and the last strip of rows is short.
            let (rows, columns) = (2 * R - 1, 2 * W + 3);
            let (a, b) = (numbers.values(rows * depth), numbers.values(depth * columns));
            let panels = Panels::<W>::of((0..depth).map(|step| &b[step * columns..][..columns]), columns);
            for panel in 0..columns.div_ceil(W) {
                for first in [0, R] {
                    let start = [[2.5; W]; R];
                    let of_rows = rows_from(&a, depth, first, rows - 1);
                    let strips = Strips::<R>::of(of_rows.iter().map(|row| &row[..depth]), depth);
                    let sums = I::enter(|| tile_of_rows::<I, R, W>(start, of_rows, panels.panel(panel)));
                    let of_strip = I::enter(|| tile::<I, R, W>(start, strips.strip(0), panels.panel(panel)));
                    assert_eq!(of_strip, sums, "rows where they stand, and in a strip");
                    for (row, sums) in sums.iter().enumerate() {
                        for (lane, got) in sums.iter().enumerate() {
                            let (row, column) = ((first + row).min(rows - 1), panel * W + lane);
                            let factors =
                                |step: usize| f64::from(a[row * depth + step]) * f64::from(b[step * columns + column]);
                            let sum = if column < columns { (0..depth).map(factors).sum() } else { 0.0 };
                            let (got, want) = (f64::from(*got), 2.5 + sum);
                            assert!((got - want).abs() < 2e-5, "row {row}, column {column}: got {got}, want {want}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn products_agree() {
        check_product::<Baseline, 2, 16>();
        // The shapes for AVX-512, also where there is none.
        check_product::<Baseline, 12, 32>();
        check_product::<Baseline, 6, 64>();
        on_this_processor!(check_product());
        on_this_processor!(wide check_product());
    }

    #[test]
    fn panels_hold_columns_or_rows_and_zeros_behind_the_last() {
        for (rows, columns) in [(1, 1), (16, 5), (17, 40), (3, 16), (33, 17)] {
            let matrix = Numbers(2).values(rows * columns);
            let by_row = || matrix.chunks_exact(columns);
            let along = Panels::<16>::of(by_row(), columns);
            let across = Panels::<16>::of_transposed(by_row(), columns);
            let of_table = Panels::<16>::of_table::<Baseline>(Stored::F32(&matrix), columns);
            let at = |row: usize, column: usize| {
                if row < rows && column < columns { matrix[row * columns + column] } else { 0.0 }
            };
            for panel in 0..columns.div_ceil(16) {
                for (row, lanes) in along.panel(panel).iter().enumerate() {
                    assert_eq!(lanes.0, std::array::from_fn(|lane| at(row, panel * 16 + lane)), "row {row}");
                }
            }
            for panel in 0..rows.div_ceil(16) {
                for (column, lanes) in across.panel(panel).iter().enumerate() {
                    let want = std::array::from_fn(|lane| at(panel * 16 + lane, column));
                    assert_eq!(lanes.0, want, "column {column}");
                    assert_eq!(of_table.panel(panel)[column].0, want, "column {column} of a table");
                }
            }
        }
    }

    #[test]
    fn pieces_multiply_columns_of_rows() {
        const R: usize = 6;
        let mut numbers = Numbers(3);
        for (rows, width) in [(6, 1), (12, 6), (17, 40), (31, 13)] {
            let matrix = numbers.values(rows * width);
            let of_rows: Vec<&[f32]> = matrix.chunks_exact(width).collect();
            let pieces = Pieces::<R>::of(&of_rows, width);
            for first in 0..rows.div_ceil(R) {
                let lanes: Vec<Lane<16>> = (0..(rows.div_ceil(R) - first) * R)
                    .map(|_| Lane(numbers.values(16).try_into().expect("as many as there are lanes")))
                    .collect();
                for column in 0..width {
                    let sums = pieces.times::<Baseline, 16>(first, column / R, &lanes);
                    for (lane, got) in sums[column % R].iter().enumerate() {
                        let products =
                            (first * R..rows).map(|row| matrix[row * width + column] * lanes[row - first * R].0[lane]);
                        let want: f32 = products.sum();
                        assert!((got - want).abs() < 1e-5, "column {column} from {first}: got {got}, want {want}");
                    }
                }
            }
        }
    }

    #[test]
    fn aligned_numbers_begin_with_a_cache_line() {
        for count in [0, 1, 16, 1000] {
            let zeros = Aligned::zeros(count);
            assert!(zeros.len() >= count && zeros.iter().all(|value| *value == 0.0), "{count} zeros");
            assert!(zeros.as_ptr().addr().is_multiple_of(Aligned::LINE), "{count} of them begin where a line does");
        }
    }
}
