//! What is known of a model and a head without their weights.

use strandscope_models::{card::HeadCard, config::Sizes, head::HeadConfig};
use strandscope_tokens::Tokenizer;

/// What is known of a model and a head without their weights: enough to say which windows a region takes.
#[derive(Clone, Copy)]
pub struct Outline<'a> {
    /// Card of the head.
    pub card: &'a HeadCard,
    /// Shape of the head, where it has a network of its own.
    pub config: Option<&'a HeadConfig>,
    /// Tokenizer of the model.
    pub tokenizer: &'a Tokenizer,
    /// Sizes of the model.
    pub sizes: &'a Sizes,
    /// Tokens that the model reads at once where a stretch is read between its contexts.
    pub between_tokens: u64,
}

impl Outline<'_> {
    /// Whether the encoder's states are read at all.
    pub fn reads_tokens(&self) -> bool {
        self.config.is_none_or(HeadConfig::reads_tokens)
    }

    /// The one length the head reads; `None` where it reads any.
    pub fn fixed_length_bp(&self) -> Option<usize> {
        self.config.and_then(HeadConfig::fixed_length_bp)
    }

    /// How far, to either side, the answer for a base depends on other bases by convolution.
    pub fn reach_bp(&self) -> usize {
        self.config.map_or(0, HeadConfig::reach_bp)
    }
}
