//! Where windows, batches and pieces lie on a contig.

use std::ops::Range;

use strandscope_genome::Region;
use strandscope_models::card::HeadKind;

use super::{BATCH_BP, Outline, ScorePlan};
use crate::windows::{Bins, Tiling};

/// Bases that a piece answers for, at least: few enough that an edit takes little to score again, and enough that files
/// of pieces are not tiny.
const PIECE_BP: u64 = 16_384;

/// Neighbouring windows whose answers are kept together: all those of a stretch of the contig's grid, or those of them
/// that a region takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Their numbers on the grid.
    pub numbers: Range<u64>,
    /// The bases that their answers depend on; empty where there is no window.
    pub reads: Range<u64>,
}

/// The windows of a plan, numbered along the contig.
#[derive(Clone, Copy, Debug)]
pub(super) enum Grid {
    /// Overlapping windows, stitched.
    Tiles {
        tiling: Tiling,
        /// Length of those that do not end with the contig.
        window_bp: u64,
        /// What is read besides, at either end.
        context_bp: u64,
    },
    /// One window around the centre of each bin.
    Bins(Bins),
}

impl Grid {
    pub(super) fn of(outline: &Outline<'_>, plan: &ScorePlan) -> Self {
        let &ScorePlan { contig_bp, window_bp, stride_bp, .. } = plan;
        if outline.card.kind == HeadKind::Sequence {
            return Self::Bins(Bins { contig_bp, window_bp: window_bp.max(1), stride_bp: stride_bp.max(1) });
        }
        let context_bp = outline.card.context_bp.unwrap_or(0);
        let (window_bp, flank_bp) = match outline.card.context_bp {
            // What is answered for; the context is read besides.
            Some(context_bp) => (window_bp.saturating_sub(context_bp.saturating_mul(2)).max(1), 0),
            None => (window_bp.max(1), outline.reach_bp() as u64),
        };
        let tiling = Tiling::new(contig_bp, window_bp, flank_bp);
        let tiling = plan.overlap.map_or(tiling, |share| tiling.with_overlap(share));
        Self::Tiles { tiling, window_bp, context_bp }
    }

    /// The windows or bins that answer for any base of a region.
    pub(super) fn numbers(&self, region: &Region) -> Range<u64> {
        let (start_bp, end_bp) = (region.start_bp, region.end_bp);
        match self {
            Self::Tiles { tiling, .. } => tiling.numbers(start_bp, end_bp),
            Self::Bins(bins) => bins.numbers(start_bp, end_bp),
        }
    }

    /// The window of this number; `None` where a bin has none.
    pub(super) fn window(&self, number: u64) -> Option<Range<u64>> {
        match self {
            Self::Tiles { tiling, .. } => Some(tiling.window(number)),
            Self::Bins(bins) => bins.window(number),
        }
    }

    /// How many of these numbers have a window.
    pub(super) fn windows_in(&self, numbers: &Range<u64>) -> u64 {
        match self {
            Self::Tiles { .. } => numbers.end - numbers.start,
            Self::Bins(bins) => {
                let with_window = bins.with_window();
                with_window.end.min(numbers.end).saturating_sub(with_window.start.max(numbers.start))
            }
        }
    }

    /// Windows computed at once.
    fn batch(&self) -> u64 {
        let window_bp = match self {
            Self::Tiles { window_bp, .. } => *window_bp,
            Self::Bins(bins) => bins.window_bp,
        };
        (BATCH_BP / window_bp).max(1)
    }

    fn step_bp(&self) -> u64 {
        match self {
            Self::Tiles { tiling, .. } => tiling.step_bp(),
            Self::Bins(bins) => bins.stride_bp,
        }
    }

    /// The pieces of a region. All but the first and the last are whole batches, at places that the contig fixes.
    pub(super) fn pieces(self, region: &Region) -> impl Iterator<Item = Piece> + use<> {
        let batch = self.batch();
        let windows = batch * PIECE_BP.div_ceil(batch.saturating_mul(self.step_bp()).max(1));
        aligned(self.numbers(region), windows).map(move |numbers| {
            let reads = self.reads(&numbers);
            Piece { numbers, reads }
        })
    }

    /// The batches of a piece: windows of equal length, as many as are computed at once.
    pub(super) fn batches(self, piece: &Piece) -> impl Iterator<Item = Range<u64>> + use<> {
        let length = move |number| self.window(number).map_or(0, |window| window.end - window.start);
        aligned(piece.numbers.clone(), self.batch()).flat_map(move |batch| {
            let mut rest = batch;
            std::iter::from_fn(move || {
                // Windows at the ends of a contig are shorter; a bin without one goes with any.
                let first = rest.clone().map(length).find(|length| *length > 0);
                let differs = |number: &u64| length(*number) > 0 && Some(length(*number)) != first;
                let end = rest.clone().find(differs).unwrap_or(rest.end);
                let equal = rest.start..end;
                rest.start = end;
                (!equal.is_empty()).then_some(equal)
            })
        })
    }

    /// The bases that the answers of these windows depend on.
    fn reads(&self, numbers: &Range<u64>) -> Range<u64> {
        match self {
            Self::Tiles { context_bp, tiling, .. } => {
                let (first, last) = (tiling.window(numbers.start), tiling.window(numbers.end - 1));
                let end = last.end.saturating_add(*context_bp);
                first.start.saturating_sub(*context_bp)..end.min(tiling.contig_bp())
            }
            Self::Bins(bins) => {
                let with_window = bins.with_window();
                let numbers = numbers.start.max(with_window.start)..numbers.end.min(with_window.end);
                if numbers.is_empty() {
                    return 0..0;
                }
                let ends = [numbers.start, numbers.end - 1].map(|number| bins.window(number).unwrap_or(0..0));
                ends[0].start..ends[1].end
            }
        }
    }
}

/// Cuts numbers at the multiples of `every`.
fn aligned(numbers: Range<u64>, every: u64) -> impl Iterator<Item = Range<u64>> {
    let mut rest = numbers;
    std::iter::from_fn(move || {
        let end = ((rest.start / every + 1).saturating_mul(every)).min(rest.end);
        let part = rest.start..end;
        rest.start = end.max(rest.start);
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiles(contig_bp: u64) -> Grid {
        Grid::Tiles { tiling: Tiling::new(contig_bp, 400, 61), window_bp: 400, context_bp: 0 }
    }

    fn pieces(grid: Grid, start_bp: u64, end_bp: u64) -> Vec<Piece> {
        grid.pieces(&Region::new("chr1", start_bp, end_bp)).collect()
    }

    #[test]
    fn inner_pieces_are_the_same_in_every_region() {
        let bins = Grid::Bins(Bins { contig_bp: 300_000, window_bp: 70, stride_bp: 17 });
        for grid in [tiles(300_000), bins] {
            let (all, some) = (pieces(grid, 0, 300_000), pieces(grid, 70_003, 210_001));
            assert!(some.len() > 5, "several pieces: {}", some.len());
            for piece in &some[1..some.len() - 1] {
                assert!(all.contains(piece), "{piece:?}");
                let span_bp = (piece.numbers.end - piece.numbers.start) * grid.step_bp();
                assert!((PIECE_BP..2 * PIECE_BP).contains(&span_bp), "{span_bp}");
            }
            let numbers = grid.numbers(&Region::new("chr1", 70_003, 210_001));
            assert_eq!((some[0].numbers.start, some[some.len() - 1].numbers.end), (numbers.start, numbers.end), "all");
        }
    }

    #[test]
    fn batches_hold_windows_of_one_length_and_lie_on_the_grid() {
        for grid in [tiles(5_000), tiles(399), tiles(1)] {
            let mut next = 0;
            for piece in pieces(grid, 0, 5_000.min(grid.window(0).map_or(0, |window| window.end * 100))) {
                for batch in grid.batches(&piece) {
                    assert_eq!(batch.start, next, "no window is left out");
                    next = batch.end;
                    let lengths = batch.clone().filter_map(|number| grid.window(number));
                    let lengths: std::collections::BTreeSet<u64> =
                        lengths.map(|window| window.end - window.start).collect();
                    assert_eq!(lengths.len(), 1, "{batch:?}");
                    assert_eq!(batch.start / 20, (batch.end - 1) / 20, "cut at every twentieth window");
                }
            }
        }
    }

    #[test]
    fn bins_without_a_window_are_counted_out() {
        let grid = Grid::Bins(Bins { contig_bp: 100, window_bp: 70, stride_bp: 20 });
        assert_eq!((grid.windows_in(&(0..5)), grid.windows_in(&(0..2)), grid.windows_in(&(2..3))), (1, 0, 1));
        let pieces = pieces(grid, 0, 100);
        assert_eq!(pieces, [Piece { numbers: 0..5, reads: 15..85 }], "one piece, which reads one window");
        let batches: Vec<_> = grid.batches(&pieces[0]).collect();
        assert_eq!((batches.len(), &batches[0]), (1, &(0..5)), "one batch");
        let short = Grid::Bins(Bins { contig_bp: 50, window_bp: 70, stride_bp: 20 });
        assert_eq!((short.windows_in(&(0..3)), short.reads(&(0..3))), (0, 0..0), "none at all");
    }
}
