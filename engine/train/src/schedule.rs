//! How large a step is.

use std::f64::consts::PI;

/// Linear warm-up, then half a cosine down to zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LearningRate {
    pub(crate) peak: f64,
    pub(crate) warmup_share: f64,
    pub(crate) steps: u64,
}

impl LearningRate {
    /// The rate of step `step`, counted from 0.
    pub(crate) fn at(&self, step: u64) -> f64 {
        let warmup = (self.steps as f64 * self.warmup_share).max(1.0);
        let position = step as f64 + 1.0;
        if position < warmup {
            return self.peak * position / warmup;
        }
        let rest = (self.steps as f64 - warmup).max(1.0);
        let done = ((position - warmup) / rest).min(1.0);
        self.peak * (0.5 * (1.0 + (PI * done).cos())).max(1e-3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_then_falls() {
        let rate = LearningRate { peak: 1.0, warmup_share: 0.1, steps: 100 };
        assert!((rate.at(4) - 0.5).abs() < 1e-9, "half way up");
        assert!((rate.at(9) - 1.0).abs() < 1e-3, "the peak");
        assert!(rate.at(99) < 0.01, "the end");
    }
}
