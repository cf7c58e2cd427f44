//! How far attention with linear biases reaches: which keys cannot count.
//!
//! A score is at most `‖q‖·‖k‖/√d − slope·distance`, so that from some distance on no key can matter any more.
//! On each side of a query, the keys beyond a distance Δ weigh together at most
//! `e^(U − slope·Δ) · (1 + e^−slope + e^−2·slope + …) = e^(U − slope·Δ) / (1 − e^−slope)`, where U is the largest
//! product of norms. Once that is below 2⁻²⁵ of the weight seen so far, both sides together stay below 2⁻²⁴ of the
//! row's sum, which is what a single-precision number resolves.

/// Bits below which the keys of one side do not count.
const BITS: f32 = 25.0;

/// The test for one attention head, in units of the logarithm to base 2.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    slope: f32,
    /// Logarithm of `1 − e^−slope`; `None` where nothing may be left out.
    tail: Option<f32>,
}

impl Reach {
    /// For a slope as it stands in front of a distance, in nats; without `skip` everything counts.
    pub(crate) fn new(slope: f32, skip: bool) -> Self {
        let tail = (skip && slope > 0.0).then(|| (-(-slope).exp_m1()).log2());
        Self { slope: slope * std::f32::consts::LOG2_E, tail }
    }

    /// Whether keys at `distance` and farther are without weight.
    ///
    /// `excess` is the largest, over the queries at hand, of the bound on their scores less the logarithm of their
    /// sum so far.
    pub(crate) fn ends(&self, excess: f32, distance: usize) -> bool {
        self.tail.is_some_and(|tail| excess - self.slope * distance as f32 - tail < -BITS)
    }
}

/// How much of the square of queries and keys was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Kept {
    /// Scores that were computed.
    pub scores: u64,
    /// Scores that there are.
    pub of: u64,
    /// The largest `‖q‖·‖k‖/√d` of an attention head: what scores cannot exceed.
    pub norm_bound: f32,
}

impl Kept {
    /// The share that was computed; 1 where there is nothing to compute.
    pub fn fraction(&self) -> f64 {
        if self.of == 0 { 1.0 } else { self.scores as f64 / self.of as f64 }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            scores: self.scores + other.scores,
            of: self.of + other.of,
            norm_bound: self.norm_bound.max(other.norm_bound),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond_is_lighter_than_a_number_resolves() {
        for slope in [0.7, 0.1, 1.0f32 / 256.0] {
            let reach = Reach::new(slope, true);
            // Scores of up to 8 nats against a row whose weights sum up to 1.
            let excess = 8.0 * std::f32::consts::LOG2_E;
            let end = (0..).find(|&distance| reach.ends(excess, distance)).expect("weights fall");
            let beyond: f64 =
                (end..end + 100_000).map(|distance| (8.0 - f64::from(slope) * distance as f64).exp()).sum();
            assert!(2.0 * beyond < 2f64.powi(-24), "slope {slope}: {beyond} beyond {end}");
            assert!(2.0 * beyond > 2f64.powi(-26), "slope {slope}: {beyond} beyond {end} need not be looked at");
        }
    }

    #[test]
    fn without_a_slope_everything_counts() {
        assert!(!Reach::new(0.0, true).ends(-1e9, 1 << 40), "nothing falls off");
        assert!(!Reach::new(0.5, false).ends(-1e9, 1 << 40), "skipping is off");
    }
}
