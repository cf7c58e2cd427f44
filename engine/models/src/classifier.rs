//! The classifier of fine-tuned checkpoints that has two tables for a row and one for a token.

use burn::{module::Module, tensor::Tensor};

use crate::{architecture::first_token, checkpoint::Weights, config::Classes, layers::Linear};

/// Tells rows or tokens apart; tensor names `classifier.dense` and `classifier.out_proj`, or `classifier` itself.
#[derive(Module, Debug)]
pub(crate) enum Classifier {
    /// From the state of a row's first token.
    Rows(RowClassifier),
    /// From the state of each token.
    Tokens(Linear),
}

#[derive(Module, Debug)]
pub(crate) struct RowClassifier {
    dense: Linear,
    out_proj: Linear,
}

impl Classifier {
    pub(crate) fn load(classes: &Classes, hidden: usize, weights: &mut Weights) -> Self {
        let labels = classes.labels.len();
        if classes.per_token {
            return Self::Tokens(Linear::load(weights, "classifier", hidden, labels, true));
        }
        Self::Rows(RowClassifier {
            dense: Linear::load(weights, "classifier.dense", hidden, hidden, true),
            out_proj: Linear::load(weights, "classifier.out_proj", hidden, labels, true),
        })
    }

    /// `between` stands between the two tables.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, 1 or seq, label]`
    pub(crate) fn forward(&self, last: Tensor<3>, between: impl Fn(Tensor<2>) -> Tensor<2>) -> Tensor<3> {
        match self {
            Self::Tokens(table) => table.forward(last),
            Self::Rows(RowClassifier { dense, out_proj }) => {
                out_proj.forward(between(dense.forward(first_token(&last)))).unsqueeze_dim(1)
            }
        }
    }
}
