//! Which stretch of which record is looked at, and how one moves about.

use egui::Rangef;
use strandscope_worker::genome::Region;

use crate::scale::{Scale, whole};

/// Fewest bases that fill the window.
pub(crate) const MIN_SPAN_BP: f64 = 16.0;

/// The stretch in view. Fractions of a base are kept, so that panning is smooth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct View {
    start_bp: f64,
    span_bp: f64,
    length_bp: u64,
    /// Whether the reverse strand is read from left to right.
    is_reversed: bool,
}

impl View {
    /// A whole contig.
    pub(crate) fn whole(length_bp: u64) -> Self {
        Self { start_bp: 0.0, span_bp: (length_bp as f64).max(1.0), length_bp, is_reversed: false }
    }

    /// `start_bp..end_bp` of a contig, as near as its ends allow.
    pub(crate) fn of(start_bp: u64, end_bp: u64, length_bp: u64) -> Self {
        let mut view = Self::whole(length_bp);
        view.set(start_bp as f64, end_bp.saturating_sub(start_bp) as f64);
        view
    }

    /// First base and one past the last, parts of bases counted.
    pub(crate) fn range_bp(&self) -> (u64, u64) {
        (whole(self.start_bp.floor()), whole((self.start_bp + self.span_bp).ceil()).min(self.length_bp))
    }

    /// The region in view.
    pub(crate) fn region(&self, contig_name: &str) -> Region {
        let (start_bp, end_bp) = self.range_bp();
        Region::new(contig_name, start_bp, end_bp)
    }

    /// Number of bases in view.
    pub(crate) fn span_bp(&self) -> f64 {
        self.span_bp
    }

    /// Whether the reverse strand is read from left to right.
    pub(crate) fn is_reversed(&self) -> bool {
        self.is_reversed
    }

    /// Reads the reverse strand from left to right, or the forward one.
    pub(crate) fn set_reversed(&mut self, is_reversed: bool) {
        self.is_reversed = is_reversed;
    }

    /// The same place, seen from the strand that `other` shows.
    pub(crate) fn as_seen_in(self, other: &Self) -> Self {
        Self { is_reversed: other.is_reversed, ..self }
    }

    /// Length of the contig.
    pub(crate) fn length_bp(&self) -> u64 {
        self.length_bp
    }

    /// How it lies on the pixels of `x`.
    pub(crate) fn scale(&self, x: Rangef) -> Scale {
        Scale::new(self.start_bp, self.span_bp, x).reversed(self.is_reversed)
    }

    /// How far a place lies from the left edge of the view, in bases.
    pub(crate) fn left_from_bp(&self, bp: f64) -> f64 {
        if self.is_reversed { self.start_bp + self.span_bp - bp } else { bp - self.start_bp }
    }

    /// The place that lies so far from the left edge.
    pub(crate) fn bp_from_left(&self, left: f64) -> f64 {
        if self.is_reversed { self.start_bp + self.span_bp - left } else { self.start_bp + left }
    }

    /// The base of another view that lies as far from its left edge as this one does here; `None` off the contig's ends.
    pub(crate) fn beside(&self, position_bp: u64, other: &Self) -> Option<u64> {
        let bp = other.bp_from_left(self.left_from_bp(position_bp as f64 + 0.5));
        (bp >= 0.0 && bp < other.length_bp as f64).then(|| whole(bp))
    }

    /// Moves by a fraction of what is in view; positive goes to the right.
    pub(crate) fn pan(&mut self, fraction: f64) {
        let fraction = if self.is_reversed { -fraction } else { fraction };
        self.set(self.start_bp + fraction * self.span_bp, self.span_bp);
    }

    /// Shows `factor` times fewer bases; the place `anchor` (0 left, 1 right) stays where it is.
    pub(crate) fn zoom(&mut self, factor: f64, anchor: f64) {
        let anchor = if self.is_reversed { 1.0 - anchor } else { anchor };
        let place = self.start_bp + anchor * self.span_bp;
        let span_bp = self.bounded(self.span_bp / factor);
        self.set(place - anchor * span_bp, span_bp);
    }

    /// Shows `span_bp` bases from `start_bp`, as near as the contig's ends allow.
    pub(crate) fn set(&mut self, start_bp: f64, span_bp: f64) {
        let wanted_middle = start_bp + span_bp / 2.0;
        let bounded = self.bounded(span_bp);
        let start_bp = if bounded > span_bp { wanted_middle - bounded / 2.0 } else { start_bp };
        self.span_bp = bounded;
        self.start_bp = start_bp.clamp(0.0, (self.length_bp as f64 - bounded).max(0.0));
    }

    fn bounded(&self, span_bp: f64) -> f64 {
        let longest = (self.length_bp as f64).max(1.0);
        span_bp.clamp(MIN_SPAN_BP.min(longest), longest)
    }
}

/// Where one has been, for going back and forward.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    places: Vec<(usize, View)>,
    at: usize,
}

impl History {
    /// Keeps a place one leaves by a jump; places that were gone back from are forgotten.
    pub(crate) fn leave(&mut self, record: usize, view: View) {
        const KEPT: usize = 100;
        self.places.truncate(self.at);
        if self.places.last() != Some(&(record, view)) {
            self.places.push((record, view));
        }
        if self.places.len() > KEPT {
            self.places.remove(0);
        }
        self.at = self.places.len();
    }

    /// The place before this one.
    pub(crate) fn back(&mut self, record: usize, view: View) -> Option<(usize, View)> {
        let before = self.at.checked_sub(1)?;
        if self.at == self.places.len() {
            self.places.push((record, view));
        }
        self.at = before;
        self.places.get(before).copied()
    }

    /// The place after this one.
    pub(crate) fn forward(&mut self) -> Option<(usize, View)> {
        let place = self.places.get(self.at + 1).copied()?;
        self.at += 1;
        Some(place)
    }

    pub(crate) fn can_go_back(&self) -> bool {
        self.at > 0
    }

    pub(crate) fn can_go_forward(&self) -> bool {
        self.at + 1 < self.places.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zooming_keeps_the_place_under_the_pointer() {
        let mut view = View::of(1_000, 2_000, 100_000);
        view.zoom(2.0, 0.25);
        assert_eq!(view.range_bp(), (1_125, 1_625), "1,250 stays at a quarter");
        view.zoom(0.5, 0.25);
        assert_eq!(view.range_bp(), (1_000, 2_000), "and back");
    }

    #[test]
    fn moving_follows_the_strand_that_is_read() {
        let mut view = View::of(1_000, 2_000, 100_000);
        view.set_reversed(true);
        view.pan(0.5);
        assert_eq!(view.range_bp(), (500, 1_500), "to the right is towards the start");
        view.zoom(2.0, 0.25);
        assert_eq!(view.range_bp(), (875, 1_375), "1,250 stays at a quarter from the left");
    }

    #[test]
    fn ends_hold() {
        let mut view = View::of(0, 100, 1_000);
        view.pan(-3.0);
        assert_eq!(view.range_bp(), (0, 100), "left end");
        view.pan(50.0);
        assert_eq!(view.range_bp(), (900, 1_000), "right end");
        view.zoom(1e-9, 0.5);
        assert_eq!(view.range_bp(), (0, 1_000), "no further out than the whole");
        view.zoom(1e9, 0.5);
        assert_eq!(view.span_bp(), MIN_SPAN_BP, "no further in than the fewest bases");
    }

    #[test]
    fn a_tiny_contig_can_be_seen() {
        let view = View::of(0, 1, 1);
        assert_eq!(view.range_bp(), (0, 1), "one base");
        assert_eq!(View::whole(0).range_bp(), (0, 0), "none");
    }

    #[test]
    fn back_and_forward() {
        let (a, b, c) = (View::of(0, 10, 99), View::of(20, 60, 99), View::of(50, 90, 99));
        let mut history = History::default();
        history.leave(0, a);
        history.leave(0, b);
        assert_eq!(history.back(0, c), Some((0, b)), "one back");
        assert_eq!(history.back(0, b), Some((0, a)), "two back");
        assert_eq!(history.back(0, a), None, "no further");
        assert_eq!(history.forward(), Some((0, b)), "forward");
        assert_eq!(history.forward(), Some((0, c)), "where it began");
        assert!(!history.can_go_forward(), "that was the last");
    }
}
