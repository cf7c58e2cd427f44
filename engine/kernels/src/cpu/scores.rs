//! Scores of a tile, and running sums of weights × rows: what attention forwards, backwards and its statistics share.

use std::ops::Range;

use super::{
    isa::Isa,
    tile::{Aligned, Lane, Panels, Sums, rows_from, tile_of_rows},
};

/// Scores of `R` rows against a panel: `offset + a·b`, less what the distance costs, plus the mask of the panel.
///
/// `ahead` is by how much the first row stands behind the first position of the panel.
#[inline(always)]
pub(super) fn scores<I: Isa, const R: usize, const W: usize>(
    rows: [&[f32]; R],
    panel: &[Lane<W>],
    offset: f32,
    slope: f32,
    ahead: f32,
    mask: Option<Lane<W>>,
) -> Sums<R, W> {
    let mut sums = tile_of_rows::<I, R, W>([[offset; W]; R], rows, panel);
    if slope != 0.0 {
        for (row, sums) in sums.iter_mut().enumerate() {
            for (lane, score) in sums.iter_mut().enumerate() {
                *score = I::mul_add(-slope, (ahead + row as f32 - lane as f32).abs(), *score);
            }
        }
    }
    if let Some(mask) = mask {
        for sums in &mut sums {
            sums.iter_mut().zip(mask.0).for_each(|(score, mask)| *score += mask);
        }
    }
    sums
}

/// The panels that hold some positions.
pub(super) fn panels_of<const W: usize>(positions: &Range<usize>) -> Range<usize> {
    positions.start / W..positions.end.div_ceil(W)
}

/// Sums of weights × rows of a matrix.
pub(super) struct Accumulator<const W: usize> {
    /// `[row, panel · W]`, rows filled up to whole strips.
    sums: Aligned,
    panels: usize,
}

impl<const W: usize> Accumulator<W> {
    /// For so many rows of width `d`.
    pub(super) fn new(rows: usize, d: usize) -> Self {
        let panels = d.div_ceil(W);
        // No strip has more rows than a panel has columns.
        Self { sums: Aligned::zeros((rows + W) * panels * W), panels }
    }

    /// Adds `weights`, `[row, panels of members · W]`, × the rows of `matrix` at the members.
    #[inline(always)]
    pub(super) fn add<I: Isa, const R: usize>(
        &mut self,
        weights: &[f32],
        rows: usize,
        members: &Range<usize>,
        matrix: &Panels<W>,
    ) {
        let panels = panels_of::<W>(members);
        let width = panels.len() * W;
        let columns = self.panels * W;
        for panel in 0..self.panels {
            let of_panel = matrix.panel(panel);
            let of_members = &of_panel[panels.start * W..(panels.end * W).min(of_panel.len())];
            for strip in (0..rows).step_by(R) {
                let of_rows = rows_from(weights, width, strip, rows - 1);
                let mut sums: Sums<R, W> = [[0.0; W]; R];
                for (row, sums) in sums.iter_mut().enumerate() {
                    sums.copy_from_slice(&self.sums[(strip + row) * columns + panel * W..][..W]);
                }
                let sums = tile_of_rows::<I, R, W>(sums, of_rows, of_members);
                for (row, sums) in sums.iter().enumerate() {
                    self.sums[(strip + row) * columns + panel * W..][..W].copy_from_slice(sums);
                }
            }
        }
    }

    /// The sums of a row, filled up to whole panels.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> &[f32] {
        let columns = self.panels * W;
        &self.sums[row * columns..][..columns]
    }
}
