//! How numbers go with other numbers, and scores with what is true.
//!
//! A value that is not finite (NaN stands for *missing* in tracks) is left out together with its partner. Two lists of
//! different lengths have no answer.

mod correlation;
mod lags;
mod reliability;
mod roc;

pub use correlation::{Moments, pearson, spearman};
pub use lags::lagged;
pub use reliability::{Reliability, ReliabilityBin, reliability};
pub use roc::{CutOff, RocCurve, RocPoint};

use thiserror::Error;

/// Scores and labels that cannot be compared.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum RelateError {
    /// Not one label per score.
    #[error("{scores} scores cannot be compared with {labels} labels; give each score one label")]
    Lengths {
        /// Number of scores.
        scores: usize,
        /// Number of labels.
        labels: usize,
    },
    /// All labels are the same.
    #[error(
        "scores cannot be judged with {positives} positive and {negatives} negative cases; add cases of both kinds"
    )]
    OneClass {
        /// Number of positive cases with a score.
        positives: u64,
        /// Number of negative cases with a score.
        negatives: u64,
    },
    /// No case has a score.
    #[error("scores cannot be judged: no case has one; give scores from 0 to 1")]
    NoScores,
    /// A score that is no probability.
    #[error("score {score} of case {case} is no probability; give scores from 0 to 1")]
    NoProbability {
        /// The score.
        score: f64,
        /// Which one, counted from 1.
        case: usize,
    },
}

#[cfg(test)]
#[path = "relate_tests.rs"]
mod tests;
