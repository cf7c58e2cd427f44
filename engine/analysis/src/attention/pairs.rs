//! Weights of attention between pairs of places.

use serde::{Deserialize, Serialize};

/// Weights of attention between pairs of places of a region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AttentionPairs {
    /// A whole map.
    Map(AttentionMap),
    /// The strongest partners of the next tokens: in the order of tokens, the strongest first.
    Partners(Vec<Partner>),
}

/// Attention between bins of a region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttentionMap {
    /// Where each bin begins, and the end of the last, on the contig.
    pub edges_bp: Vec<u64>,
    /// `[bin of queries, bin of keys]`; NaN where a bin has no token.
    pub values: Vec<f32>,
}

/// A token and one of its partners.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Partner {
    /// Where the token lies, on the contig.
    pub span_bp: (u64, u64),
    /// Where the partner lies; `None` for a token that stands for no bases.
    pub partner_bp: Option<(u64, u64)>,
    /// The weight that the token gives to it; NaN where it could not be computed.
    pub weight: f32,
}
