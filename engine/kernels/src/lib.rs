//! The operations this program exists for, each beside a plain form of itself.
//!
//! Attention stands here twice, each time over blocks, so that nothing of size `seq × seq` is ever held: for the
//! processor, and in tensor operations that run on every device burn reaches, differentiate, and are the reference
//! that faster forms are measured against.

mod alibi;
mod attention;
mod attention_cpu;

pub use alibi::alibi_slopes;
pub use attention::{Attention, AttentionInput, PositionRule, attention, attention_probabilities, attention_received};
