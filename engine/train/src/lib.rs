//! Training: vocabularies, encoders by masking, heads on labelled tables, and how good they are.
//!
//! A recipe (TOML) names everything that a run depends on; the same recipe, data and seed give the same network.

pub mod bpe;
pub mod dataset;
mod error;
pub mod evaluate;
pub mod finetune;
mod gradients;
mod masking;
pub mod metrics;
pub mod pretrain;
pub mod recipe;
mod schedule;
mod store;
pub mod timed;

pub use error::TrainError;

/// What a training run tells while it works; returning `false` stops it after the present step.
pub type Report<'a> = dyn FnMut(Progress) -> bool + 'a;

/// How far a training run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Something to say: the loss, a figure on held-out data.
    pub note: String,
}
