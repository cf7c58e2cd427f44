//! Data sets, training and metrics.

pub mod bpe;
