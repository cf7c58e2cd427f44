//! The operations this program exists for, each beside a plain form of itself.
//!
//! Attention never holds anything of size `seq × seq`: it works on tiles, skips those that cannot count, and takes its
//! gradients and its statistics from the log-sum-exp of each row. Kernels of our own do it, on the processor and on
//! GPUs; the twin, in tensor operations, runs on every device burn reaches: the reference that they are measured
//! against, and the last resort where a GPU does not run them.

mod activation;
mod alibi;
mod attention;
mod backend;
mod blocks;
mod cpu;
mod dense;
mod gpu;
mod problem;
mod reach;
mod reference;
mod segments;
mod statistics;
#[cfg(test)]
mod tests;
mod watch;

pub use activation::HiddenAct;
pub use alibi::alibi_slopes;
pub use attention::is_processor;
pub use attention::{Attention, AttentionInput, Conduct, NO_PARTNER, PositionRule, attention};
pub use backend::{Asked, AttentionBackend};
pub use blocks::{BlockList, BlockListError, Listed};
pub use cpu::{MOST_PACKED, feed_forward_bytes};
pub use dense::{Affine, Between, add_layer_norm, add_linear, by_rows, feed_forward, linear};
pub use gpu::{
    KernelError, attention_forms, close_gpu, is_broken, open_gpu, peak_bytes, sound, watched, watched_around,
};
pub use reach::Kept;
pub use reference::attention_probabilities;
pub use segments::{Segments, SegmentsError};
pub use statistics::{
    ColumnStatistics, MeanOf, PooledMap, RowStatistics, Statistics, attention_with_rows, partners, pooled_map,
};
pub use watch::Watch;
