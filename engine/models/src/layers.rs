//! Layers that every architecture shares. Weights stand as checkpoints store them, `[out, in]`.

use burn::{
    module::{Module, Param},
    tensor::{Int, Tensor, module::linear},
};

use crate::checkpoint::{Fill, Weights};

/// Standard deviation of freshly made weights.
const INITIAL_DEVIATION: f32 = 0.02;

/// `y = x·Wᵀ + b`.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[out, in]`.
    pub weight: Param<Tensor<2>>,
    /// `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// Takes `name.weight` and, with `bias`, `name.bias`.
    pub fn load(weights: &mut Weights, name: &str, inputs: usize, outputs: usize, bias: bool) -> Self {
        Self::load_filled(weights, name, inputs, outputs, bias, Fill::Normal(INITIAL_DEVIATION))
    }

    /// The same with a fill of its own.
    pub fn load_filled(
        weights: &mut Weights,
        name: &str,
        inputs: usize,
        outputs: usize,
        bias: bool,
        fill: Fill,
    ) -> Self {
        Self {
            weight: weights.param(&format!("{name}.weight"), [outputs, inputs], fill),
            bias: bias.then(|| weights.param(&format!("{name}.bias"), [outputs], Fill::Zeros)),
        }
    }

    /// # Shapes
    /// `[…, in] → […, out]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        linear(x, self.weight.val().transpose(), self.bias.as_ref().map(Param::val))
    }
}

/// Normalizes the last axis to mean 0 and variance 1, then scales and shifts (Ba et al. 2016, arXiv 1607.06450).
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// `[width]`.
    pub weight: Param<Tensor<1>>,
    /// `[width]`.
    pub bias: Param<Tensor<1>>,
    epsilon: f64,
}

impl LayerNorm {
    /// Takes `name.weight` and `name.bias`.
    pub fn load(weights: &mut Weights, name: &str, width: usize, epsilon: f64) -> Self {
        Self {
            weight: weights.param(&format!("{name}.weight"), [width], Fill::Ones),
            bias: weights.param(&format!("{name}.bias"), [width], Fill::Zeros),
            epsilon,
        }
    }

    /// # Shapes
    /// `[…, width] → […, width]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        burn::tensor::module::layer_norm(x, self.weight.val(), Some(self.bias.val()), self.epsilon)
    }
}

/// A table of vectors.
#[derive(Module, Debug)]
pub struct Embedding {
    /// `[vocab, hidden]`.
    pub weight: Param<Tensor<2>>,
}

impl Embedding {
    /// Takes `name.weight`.
    pub fn load(weights: &mut Weights, name: &str, vocab: usize, hidden: usize) -> Self {
        Self { weight: weights.param(&format!("{name}.weight"), [vocab, hidden], Fill::Normal(INITIAL_DEVIATION)) }
    }

    /// # Shapes
    /// `[batch, seq] → [batch, seq, hidden]`
    pub fn forward(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        burn::tensor::module::embedding(self.weight.val(), ids)
    }
}
