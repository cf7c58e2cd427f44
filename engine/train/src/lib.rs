//! Data sets, training and metrics.

pub mod bpe;
pub mod dataset;
pub mod metrics;
