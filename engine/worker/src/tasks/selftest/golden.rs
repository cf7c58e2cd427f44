//! What the built-in model and heads should give: values stored with the program.

use serde::{Deserialize, Serialize};

use super::check::{Comparison, Tolerance, exact};

/// The values that are built in; `assets/selftest/README.md` says how they are made.
pub(super) const BUILT_IN: &str = include_str!("../../../../../assets/selftest/golden.json");

/// What a model and heads give on a sequence.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Golden {
    /// How it was made.
    pub(super) made: String,
    pub(super) sequence: Sequence,
    pub(super) model: OfModel,
    pub(super) heads: Vec<OfHead>,
}

/// Bases, and where they are from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sequence {
    /// Below `assets/examples`.
    pub(super) file: String,
    /// 1-based, inclusive.
    pub(super) region: String,
    pub(super) bases: String,
}

/// What a model gives on the whole sequence.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OfModel {
    pub(super) name: String,
    /// Of its weights.
    pub(super) sha256: String,
    pub(super) token_ids: Vec<u32>,
    /// After the last layer.
    pub(super) states: Sample,
    /// For the entries of the vocabulary.
    pub(super) token_scores: Sample,
}

/// What a head gives on windows that lie side by side from the first base on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OfHead {
    pub(super) name: String,
    /// Of its weights.
    pub(super) sha256: String,
    /// Length of a window.
    pub(super) window_bp: usize,
    /// Number of windows.
    pub(super) windows: usize,
    /// `[window, place, label]`.
    pub(super) probabilities: Vec<f32>,
}

/// Every so many of a long list of values.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sample {
    /// Values in all.
    of: usize,
    /// From one stored value to the next.
    step: usize,
    values: Vec<f32>,
}

impl Sample {
    /// Compares `all` with the stored values; not one of `all` may be without a number.
    pub(super) fn compare(&self, what: &'static str, all: &[f32], tolerance: Tolerance) -> Comparison {
        let comparison = Comparison::default();
        if all.len() != self.of {
            return comparison.or_fault(format!("{what}: there are {} values and should be {}", all.len(), self.of));
        }
        let broken = all.iter().filter(|value| !value.is_finite()).count();
        if broken > 0 {
            return comparison.or_fault(format!("{what}: {broken} of {} values are no numbers", self.of));
        }
        comparison.with(what, exact(all).step_by(self.step.max(1)), exact(&self.values), tolerance)
    }

    /// Takes a value in `step`.
    #[cfg(test)]
    pub(super) fn of(all: &[f32], step: usize) -> Self {
        Self { of: all.len(), step, values: all.iter().copied().step_by(step).collect() }
    }
}
