//! From values to height and back, and how the ends of a track's axis are found.

/// Where the ends of an axis come from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Scaling {
    /// All that is known of the record: it stays still while one moves.
    #[default]
    Record,
    /// What is in view.
    View,
    /// These values.
    Fixed(f32, f32),
}

/// How values are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Style {
    /// An area under a line.
    #[default]
    Area,
    /// A line.
    Line,
    /// A bar for each value.
    Bars,
    /// A point for each value.
    Points,
    /// Strength of colour.
    Heat,
}

impl Style {
    pub(crate) const ALL: [Self; 5] = [Self::Area, Self::Line, Self::Bars, Self::Points, Self::Heat];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Area => "Area",
            Self::Line => "Line",
            Self::Bars => "Bars",
            Self::Points => "Points",
            Self::Heat => "Heat strip",
        }
    }
}

/// The axis of a track.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Axis {
    /// The value at its lower end.
    pub(crate) low: f32,
    /// The value at its upper end.
    pub(crate) high: f32,
    /// Whether equal heights are equal factors.
    pub(crate) is_log: bool,
}

/// Decades that a logarithmic axis shows at most.
const DECADES: f32 = 5.0;

impl Axis {
    /// From 0 to 1, as for probabilities.
    pub(crate) const UNIT: Self = Self { low: 0.0, high: 1.0, is_log: false };

    /// An axis for these values, its ends rounded outwards to calm numbers; 0 belongs to it.
    pub(crate) fn around(low: f32, high: f32) -> Self {
        let top = calm(high.max(0.0));
        let bottom = if low < 0.0 { -calm(-low) } else { 0.0 };
        Self { low: bottom, high: if top > bottom { top } else { bottom + 1.0 }, is_log: false }
    }

    /// An axis with 0 in its middle.
    pub(crate) fn about_zero(most: f32) -> Self {
        let most = calm(most);
        let most = if most > 0.0 { most } else { 1.0 };
        Self { low: -most, high: most, is_log: false }
    }

    /// An axis between two values, whichever is the lower one.
    pub(crate) fn between(a: f32, b: f32) -> Self {
        let (low, high) = (a.min(b), a.max(b));
        Self { low, high: if high > low { high } else { low + 1.0 }, is_log: false }
    }

    /// Both ranges in one.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high), is_log: self.is_log || other.is_log }
    }

    /// The lowest value that a logarithmic axis tells from 0.
    fn floor(&self) -> f32 {
        let least = self.high * 10_f32.powf(-DECADES);
        if self.low > 0.0 { self.low.max(least) } else { least }
    }

    /// Whether it really is logarithmic: nothing below 0 can be.
    pub(crate) fn shows_log(&self) -> bool {
        self.is_log && self.low >= 0.0 && self.high > 0.0
    }

    /// How high a value stands, 0 at the lower end and 1 at the upper one.
    pub(crate) fn share(&self, value: f32) -> f32 {
        if self.shows_log() {
            let floor = self.floor();
            return ((value.max(floor) / floor).ln() / (self.high / floor).ln()).clamp(0.0, 1.0);
        }
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// The value that stands so high.
    pub(crate) fn value(&self, share: f32) -> f32 {
        let share = share.clamp(0.0, 1.0);
        if self.shows_log() {
            let floor = self.floor();
            return floor * (self.high / floor).powf(share);
        }
        self.low + share * (self.high - self.low)
    }

    /// How high areas and bars begin: at 0, where that is on the axis.
    pub(crate) fn base(&self) -> f32 {
        if self.shows_log() { 0.0 } else { self.share(0.0) }
    }
}

/// The next of 1, 2, 5, 10, 20 … at or above a value.
pub(crate) fn calm(value: f32) -> f32 {
    if value <= 0.0 || !value.is_finite() {
        return 0.0;
    }
    let power = 10_f32.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|&step| step >= value * 0.999).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_at_calm_numbers() {
        for (value, wanted) in [(0.0031, 0.005), (0.5, 0.5), (0.51, 1.0), (7.2, 10.0), (0.0, 0.0)] {
            assert!((calm(value) - wanted).abs() < 1e-6, "{value} is rounded outwards to {}", calm(value));
        }
        let ends = |axis: Axis| (axis.low, axis.high);
        assert_eq!(ends(Axis::around(0.1, 3.2)), (0.0, 5.0), "0 belongs to it");
        assert_eq!(ends(Axis::around(-1.5, -0.2)), (-2.0, 0.0), "also from below");
        assert_eq!(ends(Axis::about_zero(0.3)), (-0.5, 0.5), "0 in the middle");
        assert_eq!(ends(Axis::between(2.0, 2.0)), (2.0, 3.0), "never without height");
    }

    #[test]
    fn heights_and_values_are_inverse() {
        for axis in [Axis::UNIT, Axis::between(-3.0, 5.0), Axis { low: 0.0, high: 100.0, is_log: true }] {
            for share in [0.0, 0.25, 0.5, 1.0] {
                assert!((axis.share(axis.value(share)) - share).abs() < 1e-5, "{axis:?} at {share}");
            }
        }
    }

    #[test]
    fn a_logarithmic_axis_has_five_decades_and_no_negative_values() {
        let axis = Axis { low: 0.0, high: 100.0, is_log: true };
        assert!((axis.share(10.0) - 0.8).abs() < 1e-5, "one decade of five");
        assert_eq!((axis.share(0.0), axis.share(1e-9)), (0.0, 0.0), "what is too low stands at the lower end");
        assert!(!Axis { low: -1.0, ..axis }.shows_log(), "below 0 there is no logarithm");
    }
}
