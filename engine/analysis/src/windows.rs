//! Where windows lie.

use std::ops::Range;

use strandscope_tokens::{TokenError, Tokenizer};

/// Share of the trusted middle of a window that it shares with its neighbour.
const RAMP_SHARE: u64 = 4;

/// The largest share that may be asked for: each base is then read by about twenty windows.
pub const MOST_OVERLAP: f32 = 0.95;

/// Overlapping windows over a contig, for heads that answer for bases or tokens.
///
/// Window `k` begins at `k · step − flank`; the flanks only give context.
/// Places depend on the contig alone, so that a score does not depend on the region asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    contig_bp: u64,
    window_bp: u64,
    flank_bp: u64,
    ramp_bp: u64,
}

impl Tiling {
    /// Windows of `window_bp` over a contig of `contig_bp`, of which `flank_bp` on each side are only context.
    pub fn new(contig_bp: u64, window_bp: u64, flank_bp: u64) -> Self {
        let flank_bp = flank_bp.min(window_bp / 4);
        let ramp_bp = (window_bp - 2 * flank_bp) / RAMP_SHARE;
        Self { contig_bp, window_bp, flank_bp, ramp_bp }
    }

    /// The same where neighbours share so much of their trusted middles, from 0 to [`MOST_OVERLAP`].
    #[must_use]
    pub fn with_overlap(self, share: f32) -> Self {
        /// Shares are rounded in single precision: 0.95 of 400 is 380.
        const ROUNDED: f64 = 1e-3;
        let trusted_bp = self.window_bp - 2 * self.flank_bp;
        #[expect(clippy::cast_possible_truncation, reason = "a share of it is no larger than itself")]
        let ramp_bp = (trusted_bp as f64 * f64::from(share.clamp(0.0, MOST_OVERLAP)) + ROUNDED) as u64;
        Self { ramp_bp, ..self }
    }

    /// Length of the contig.
    pub(crate) fn contig_bp(&self) -> u64 {
        self.contig_bp
    }

    /// Distance between the beginnings of neighbours.
    pub(crate) fn step_bp(&self) -> u64 {
        (self.window_bp - 2 * self.flank_bp - self.ramp_bp).max(1)
    }

    /// The windows that answer for any base of `start_bp..end_bp`, by number.
    pub fn numbers(&self, start_bp: u64, end_bp: u64) -> Range<u64> {
        if start_bp >= end_bp {
            return 0..0;
        }
        let step = self.step_bp();
        // A window that ends with the contig answers up to its end, flank included.
        let first = start_bp.saturating_sub(self.window_bp - self.flank_bp - 1).div_ceil(step);
        first..((end_bp - 1) / step + 1).max(first)
    }

    /// The window of this number.
    pub fn window(&self, number: u64) -> Range<u64> {
        let start = (number * self.step_bp()).saturating_sub(self.flank_bp);
        let end = (number * self.step_bp() + self.window_bp - self.flank_bp).min(self.contig_bp);
        start..end
    }

    /// How much the answer of the window of this number counts for the base at `position_bp`: 0 in a flank, rising
    /// inwards, and 0 outside.
    ///
    /// At the ends of the contig there is no better window, so that flanks count as well.
    pub fn weight(&self, number: u64, position_bp: u64) -> f32 {
        let end_bp = self.window(number).end;
        let rise = |inside: Option<u64>| {
            inside.map_or(0.0, |inside| ((inside + 1) as f32 / (self.ramp_bp + 1) as f32).min(1.0))
        };
        // Further windows may begin with the contig as well where they overlap by much; there the first is the better.
        let left = if number == 0 { 1.0 } else { rise(position_bp.checked_sub(number * self.step_bp())) };
        let right = match end_bp.checked_sub(position_bp + 1) {
            None => 0.0,
            Some(_) if end_bp == self.contig_bp => 1.0,
            Some(distance) => rise(distance.checked_sub(self.flank_bp)),
        };
        left * right
    }
}

/// Windows of one length around the centres of bins, for heads that answer once for a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bins {
    /// Length of the contig.
    pub contig_bp: u64,
    /// Length of a window.
    pub window_bp: u64,
    /// Width of a bin.
    pub stride_bp: u64,
}

impl Bins {
    /// The bins that overlap `start_bp..end_bp`, by number; bin `k` begins at `k · stride`.
    pub fn numbers(&self, start_bp: u64, end_bp: u64) -> Range<u64> {
        start_bp / self.stride_bp..end_bp.div_ceil(self.stride_bp)
    }

    /// The numbers of the bins that have a window.
    pub(crate) fn with_window(&self) -> Range<u64> {
        // Bin `k` has one where `half ≤ k · stride + stride / 2` and `k · stride + stride / 2 − half + window ≤ contig`.
        let (half, middle) = (self.window_bp / 2, self.stride_bp / 2);
        let first = half.saturating_sub(middle).div_ceil(self.stride_bp);
        let Some(last_centre) = (self.contig_bp + half).checked_sub(self.window_bp) else { return 0..0 };
        let Some(last) = last_centre.checked_sub(middle).map(|start| start / self.stride_bp) else { return 0..0 };
        first..(last + 1).max(first)
    }

    /// The window around the centre of bin `number`; `None` where it would leave the contig.
    pub fn window(&self, number: u64) -> Option<Range<u64>> {
        let centre = number * self.stride_bp + self.stride_bp / 2;
        let start = centre.checked_sub(self.window_bp / 2)?;
        let end = start + self.window_bp;
        (end <= self.contig_bp).then_some(start..end)
    }
}

/// Where a stretch lies in a window that holds it.
pub(crate) fn inside(window: &Range<u64>, stretch: &Range<u64>) -> Range<usize> {
    let place = |position: u64| usize::try_from(position - window.start).unwrap_or(usize::MAX);
    place(stretch.start)..place(stretch.end)
}

/// A region cut into cores, each read with context around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cores {
    /// The region, on its contig.
    pub region: Range<u64>,
    /// Length of the contig.
    pub contig_bp: u64,
    /// Bases read at once, context included.
    pub window_bp: u64,
}

impl Cores {
    /// Context on each side of a window, as a share of it.
    const FLANK_SHARE: u64 = 8;

    /// Windows of fewer bases are not halved.
    const SHORTEST_BP: u64 = 64;

    /// Number of cores.
    pub fn count(&self) -> u64 {
        self.region_bp().div_ceil(self.core_bp())
    }

    /// The core that begins at `start_bp`.
    pub fn core_from(&self, start_bp: u64) -> Range<u64> {
        start_bp..start_bp.saturating_add(self.core_bp()).min(self.region.end)
    }

    /// What is read first.
    pub fn first_window(&self) -> Range<u64> {
        self.window_around(&self.core_from(self.region.start))
    }

    /// Tokens of the longest window, as far as the bases of the first tell.
    ///
    /// # Errors
    /// When there are bytes that stand for no base.
    pub fn longest_tokens(&self, first: &[u8], tokenizer: &Tokenizer) -> Result<u64, TokenError> {
        let tokens = tokenizer.encode(first)?.ids.len() as u64;
        let longest_bp = self.window_bp.min(self.region_bp());
        Ok((tokens * longest_bp).div_ceil((first.len() as u64).max(1)))
    }

    /// What is read for a core.
    pub fn window_around(&self, core: &Range<u64>) -> Range<u64> {
        core.start.saturating_sub(self.flank_bp())..(core.end + self.flank_bp()).min(self.contig_bp)
    }

    /// The same with windows half as wide; `None` where they are as narrow as can be.
    pub fn halved(&self) -> Option<Self> {
        let window_bp = self.window_bp.min(self.region_bp()) / 2;
        (window_bp >= Self::SHORTEST_BP).then(|| Self { window_bp, ..self.clone() })
    }

    fn region_bp(&self) -> u64 {
        self.region.end - self.region.start
    }

    fn flank_bp(&self) -> u64 {
        if self.region_bp() <= self.window_bp { 0 } else { self.window_bp / Self::FLANK_SHARE }
    }

    fn core_bp(&self) -> u64 {
        (self.window_bp - 2 * self.flank_bp()).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_base_has_an_answer_and_the_same_one_in_every_region() {
        let overlaps = [None, Some(0.0), Some(0.1), Some(0.5), Some(MOST_OVERLAP), Some(7.0), Some(f32::NAN)];
        let contigs = [1, 50, 399, 400, 401, 1_234];
        for (contig_bp, overlap) in contigs.into_iter().flat_map(|bp| overlaps.map(|overlap| (bp, overlap))) {
            let tiling = Tiling::new(contig_bp, 400, 61);
            let tiling = overlap.map_or(tiling, |share| tiling.with_overlap(share));
            let answers = |region: Range<u64>, position: u64| -> Vec<(u64, f32)> {
                let numbers = tiling.numbers(region.start, region.end);
                let weighted = numbers.map(|number| (number, tiling.weight(number, position)));
                weighted.filter(|(_, weight)| *weight > 0.0).collect()
            };
            for position in 0..contig_bp {
                let alone = answers(position..position + 1, position);
                assert!(!alone.is_empty(), "base {position} of {contig_bp}");
                assert_eq!(alone, answers(0..contig_bp, position), "base {position} of {contig_bp}");
            }
        }
    }

    #[test]
    fn more_windows_answer_where_more_is_shared() {
        let votes = |share| {
            let tiling = Tiling::new(10_000, 400, 0).with_overlap(share);
            let numbers = tiling.numbers(5_000, 5_001);
            numbers.filter(|number| tiling.weight(*number, 5_000) > 0.0).count()
        };
        assert_eq!([0.0, 0.5, 0.75, 0.95].map(votes), [1, 2, 4, 20], "windows of one base");
        assert_eq!(Tiling::new(10_000, 400, 0).with_overlap(0.25), Tiling::new(10_000, 400, 0), "a quarter is usual");
    }

    #[test]
    fn cores_cover_the_region_and_windows_stay_on_the_contig() {
        let cores = Cores { region: 10..1_000, contig_bp: 1_005, window_bp: 160 };
        let mut start = 10;
        let mut count = 0;
        while start < 1_000 {
            let core = cores.core_from(start);
            let window = cores.window_around(&core);
            assert!(
                window.start <= core.start && core.end <= window.end && window.end <= 1_005,
                "{core:?}, {window:?}"
            );
            assert!(window.end - window.start <= 160, "{window:?}");
            (start, count) = (core.end, count + 1);
        }
        assert_eq!(count, cores.count());
        assert_eq!(cores.halved().map(|halved| halved.window_bp), Some(80));
        assert_eq!(Cores { window_bp: 127, ..cores.clone() }.halved(), None);
        let whole = Cores { window_bp: 5_000, ..cores };
        assert_eq!((whole.count(), whole.window_around(&(10..1_000))), (1, 10..1_000), "nothing but the region");
    }

    #[test]
    fn windows_around_bins_stay_on_the_contig() {
        let bins = Bins { contig_bp: 100, window_bp: 70, stride_bp: 20 };
        assert_eq!(bins.numbers(25, 61), 1..4);
        assert_eq!(bins.window(1), None);
        assert_eq!(bins.window(2), Some(15..85));
        assert_eq!(bins.window(3), None);
        for (contig_bp, window_bp, stride_bp) in
            (0..90).flat_map(|bp| [(bp, 70, 17), (bp, 7, 20), (bp, 8, 1), (bp, 1, 3)])
        {
            let bins = Bins { contig_bp, window_bp, stride_bp };
            let with_window = bins.with_window();
            for number in 0..100 {
                assert_eq!(with_window.contains(&number), bins.window(number).is_some(), "bin {number} of {bins:?}");
            }
        }
    }
}
