//! From bases to pixels and back: the only place where the two meet.

use egui::Rangef;

/// How a stretch of a contig lies on screen: from left to right, or from right to left where the reverse strand is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    start_bp: f64,
    bp_per_px: f64,
    x: Rangef,
    is_reversed: bool,
}

impl Scale {
    /// Lays `span_bp` bases from `start_bp` on the pixels of `x`.
    pub(crate) fn new(start_bp: f64, span_bp: f64, x: Rangef) -> Self {
        Self { start_bp, bp_per_px: span_bp / f64::from(x.span().max(1.0)), x, is_reversed: false }
    }

    /// The same from right to left.
    pub(crate) fn reversed(self, is_reversed: bool) -> Self {
        Self { is_reversed, ..self }
    }

    /// Whether positions fall from left to right.
    pub(crate) fn is_reversed(&self) -> bool {
        self.is_reversed
    }

    /// Width of a base.
    pub(crate) fn px_per_bp(&self) -> f64 {
        1.0 / self.bp_per_px
    }

    /// Bases under a pixel.
    pub(crate) fn bp_per_px(&self) -> f64 {
        self.bp_per_px
    }

    /// Bases over all its pixels.
    pub(crate) fn span_bp(&self) -> f64 {
        self.bp_per_px * f64::from(self.x.span())
    }

    /// The pixels it covers.
    pub(crate) fn x(&self) -> Rangef {
        self.x
    }

    /// Where the edge before base `bp` lies; far places end a little outside, so that drawing never overflows.
    pub(crate) fn px_from_bp(&self, bp: f64) -> f32 {
        let px = (bp - self.start_bp) / self.bp_per_px;
        let px = narrow(px.clamp(-10_000.0, f64::from(self.x.span()) + 10_000.0));
        if self.is_reversed { self.x.max - px } else { self.x.min + px }
    }

    /// The pixels under `start_bp..end_bp`.
    pub(crate) fn px_range(&self, start_bp: u64, end_bp: u64) -> Rangef {
        let (a, b) = (self.px_from_bp(start_bp as f64), self.px_from_bp(end_bp as f64));
        if self.is_reversed { Rangef::new(b, a) } else { Rangef::new(a, b) }
    }

    /// The place under a pixel, fractions of a base included.
    pub(crate) fn bp_from_px(&self, px: f32) -> f64 {
        let from_start = if self.is_reversed { self.x.max - px } else { px - self.x.min };
        self.start_bp + f64::from(from_start) * self.bp_per_px
    }

    /// The bases that any pixel of `x` lies over, parts of bases counted, half-open.
    pub(crate) fn bp_range(&self, x: Rangef) -> (u64, u64) {
        let (a, b) = (self.bp_from_px(x.min), self.bp_from_px(x.max));
        (whole(a.min(b)), whole(a.max(b).ceil()))
    }

    /// The first base in view.
    pub(crate) fn first_bp(&self) -> u64 {
        self.bp_range(self.x).0
    }

    /// One past the last base in view.
    pub(crate) fn end_bp(&self) -> u64 {
        self.bp_range(self.x).1
    }
}

/// A whole number of bases; what lies before the first base is the first base.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "contigs are far shorter than 2^53")]
pub(crate) fn whole(bp: f64) -> u64 {
    bp.max(0.0) as u64
}

/// A pixel or value with the precision of the screen.
#[expect(clippy::cast_possible_truncation, reason = "screens need no more than f32")]
pub(crate) fn narrow(value: f64) -> f32 {
    value as f32
}

/// An index into what is held in memory.
pub(crate) fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_and_pixels_are_inverse() {
        let scale = Scale::new(1_000.0, 200.0, Rangef::new(100.0, 900.0));
        assert_eq!(scale.px_per_bp(), 4.0, "800 pixels for 200 bases");
        assert_eq!(scale.px_from_bp(1_000.0), 100.0, "left edge");
        assert_eq!(scale.px_from_bp(1_200.0), 900.0, "right edge");
        assert_eq!(scale.bp_from_px(500.0), 1_100.0, "middle");
        assert_eq!((scale.first_bp(), scale.end_bp()), (1_000, 1_200), "what is in view");
    }

    #[test]
    fn positions_far_away_stay_finite_and_exact_ones_near() {
        let scale = Scale::new(248_000_000.0, 10.0, Rangef::new(0.0, 1_000.0));
        assert_eq!(scale.px_from_bp(248_000_001.0), 100.0, "f32 alone would be off by several bases here");
        assert!(scale.px_from_bp(0.0) >= -10_000.0, "clamped");
    }

    #[test]
    fn parts_of_bases_are_in_view() {
        let scale = Scale::new(10.5, 3.0, Rangef::new(0.0, 30.0));
        assert_eq!((scale.first_bp(), scale.end_bp()), (10, 14), "half bases at both ends");
    }

    #[test]
    fn the_reverse_strand_is_read_from_right_to_left() {
        let scale = Scale::new(1_000.0, 200.0, Rangef::new(100.0, 900.0)).reversed(true);
        assert_eq!((scale.px_from_bp(1_000.0), scale.px_from_bp(1_200.0)), (900.0, 100.0), "ends");
        assert_eq!(scale.bp_from_px(700.0), 1_050.0, "and back");
        assert_eq!(scale.px_range(1_000, 1_001), Rangef::new(896.0, 900.0), "the first base is the last one");
        assert_eq!(scale.bp_range(Rangef::new(890.0, 900.0)), (1_000, 1_003), "parts of bases counted");
        assert_eq!((scale.first_bp(), scale.end_bp()), (1_000, 1_200), "what is in view");
    }
}
