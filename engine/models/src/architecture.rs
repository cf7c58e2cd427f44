//! What every architecture can do; each does it in a file of its own.

use burn::tensor::Tensor;
use strandscope_kernels::{AttentionInput, Segments};

use crate::{
    attention_layer::Qkv,
    layers::Embedding,
    pass::{Pass, Tokens},
};

/// A network of encoder layers with what checkpoints hold on top.
pub(crate) trait Architecture {
    /// The vectors of tokens.
    fn word_embeddings(&self) -> &Embedding;

    /// What comes into the first layer, of the vectors of tokens.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, seq, hidden]`
    fn embedded(&self, words: Tensor<3>, tokens: &Tokens) -> Tensor<3>;

    /// Number of layers.
    fn layers(&self) -> usize;

    /// Attention heads of a layer.
    fn heads(&self) -> usize;

    /// One layer.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, seq, hidden]`
    fn layer(&self, index: usize, x: Tensor<3>, segments: Option<&Segments>, pass: &mut Pass<'_>) -> Tensor<3>;

    /// What the attention of a layer is computed from, given what comes into the layer.
    ///
    /// # Shapes
    /// `[batch, seq, hidden]`
    fn attention_input(&self, layer: usize, x: Tensor<3>, segments: Option<&Segments>) -> AttentionInput;

    /// What makes the queries, keys and values of a layer.
    fn projections(&self, layer: usize) -> Qkv<'_>;

    /// The last states, of what the last layer gives.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, seq, hidden]`
    fn finished(&self, x: Tensor<3>) -> Tensor<3> {
        x
    }

    /// Whether it has the layers that predict tokens.
    fn predicts_tokens(&self) -> bool;

    /// Scores of every vocabulary entry at each row of states; `None` for a checkpoint without this head.
    ///
    /// # Shapes
    /// `[row, hidden] → [row, vocab]`
    fn token_logits(&self, states: Tensor<2>) -> Option<Tensor<2>>;

    /// What the first token's last state says of the row; `None` for a checkpoint without this layer.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, hidden]`
    fn pooled(&self, _last: &Tensor<3>) -> Option<Tensor<2>> {
        None
    }

    /// Class logits from last states, one place for each row or token; `None` for a checkpoint without this head.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, 1 or seq, label]`
    fn class_logits(&self, last: Tensor<3>) -> Option<Tensor<3>>;
}

/// The first token's states.
///
/// # Shapes
/// `[batch, seq, hidden] → [batch, hidden]`
pub(crate) fn first_token(last: &Tensor<3>) -> Tensor<2> {
    last.clone().slice_dim(1, 0..1).squeeze_dim(1)
}
