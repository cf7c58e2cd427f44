//! The operations this program exists for, each beside a plain form of itself.
//!
//! Attention is written here once in tensor operations, over blocks of queries, so that nothing of size
//! `seq × seq` is ever held.
//! It runs on every device burn reaches and is the reference that faster forms are measured against.

mod alibi;
mod attention;

pub use alibi::alibi_slopes;
pub use attention::{Attention, AttentionInput, PositionRule, attention, attention_probabilities, attention_received};
