//! Layers that every architecture shares. Weights stand as checkpoints store them, `[out, in]`.

use std::ops::Range;

use burn::{
    module::{Module, Param, RunningState},
    tensor::{Int, Tensor},
};
use strandscope_kernels::{Affine, Watch, add_layer_norm, linear};

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

    /// The same of a feed-forward layer, whose table may be kept in half precision.
    pub fn load_wide(weights: &mut Weights, name: &str, inputs: usize, outputs: usize, bias: bool) -> Self {
        Self {
            weight: weights.table(&format!("{name}.weight"), [outputs, inputs], Fill::Normal(INITIAL_DEVIATION)),
            bias: bias.then(|| weights.param(&format!("{name}.bias"), [outputs], Fill::Zeros)),
        }
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

    /// Weights and what is added.
    pub fn tables(&self) -> Affine {
        (self.weight.val(), self.bias.as_ref().map(Param::val))
    }

    /// # Shapes
    /// `[…, in] → […, out]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        self.forward_watched(x, &Watch::default())
    }

    /// The same as long as `watch` lets it go on.
    ///
    /// # Shapes
    /// `[…, in] → […, out]`
    pub fn forward_watched<const D: usize>(&self, x: Tensor<D>, watch: &Watch) -> Tensor<D> {
        let (weight, bias) = self.tables();
        linear(x, weight, bias, watch)
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
        add_layer_norm(x, None, self.weight.val(), self.bias.val(), self.epsilon)
    }

    /// Of the sum of both.
    ///
    /// # Shapes
    /// `[…, width] → […, width]`
    pub fn forward_sum<const D: usize>(&self, x: Tensor<D>, residual: Tensor<D>) -> Tensor<D> {
        add_layer_norm(x, Some(residual), self.weight.val(), self.bias.val(), self.epsilon)
    }
}

/// How much of its running statistics a [`BatchNorm`] takes from each batch.
const MOMENTUM: f64 = 0.1;

/// Normalizes each channel over all places of a batch, then scales and shifts (Ioffe and Szegedy 2015,
/// arXiv 1502.03167).
///
/// On a device that does not differentiate it uses the running statistics of training: there it is a plain scale and
/// shift, and the answer for a place depends on nothing else in its batch.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// `[channel]`.
    pub weight: Param<Tensor<1>>,
    /// `[channel]`.
    pub bias: Param<Tensor<1>>,
    /// `[channel]`.
    pub running_mean: RunningState<Tensor<1>>,
    /// `[channel]`.
    pub running_var: RunningState<Tensor<1>>,
    epsilon: f64,
}

impl BatchNorm {
    /// Takes `name.weight`, `name.bias`, `name.running_mean` and `name.running_var`.
    pub fn load(weights: &mut Weights, name: &str, channels: usize, epsilon: f64) -> Self {
        Self {
            weight: weights.param(&format!("{name}.weight"), [channels], Fill::Ones),
            bias: weights.param(&format!("{name}.bias"), [channels], Fill::Zeros),
            running_mean: weights.buffer(&format!("{name}.running_mean"), [channels], Fill::Zeros),
            running_var: weights.buffer(&format!("{name}.running_var"), [channels], Fill::Ones),
            epsilon,
        }
    }

    /// # Shapes
    /// `[batch, base, channel] → [batch, base, channel]`
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        if !x.device().is_autodiff() {
            let scale = self.weight.val() / (self.running_var.value() + self.epsilon).sqrt();
            let shift = self.bias.val() - self.running_mean.value() * scale.clone();
            return x * scale.unsqueeze() + shift.unsqueeze();
        }
        let shape = x.dims();
        let places = x.reshape([shape[0] * shape[1], shape[2]]);
        // In plain operations: burn's own transposes the places, which takes longer than all of this.
        let mean = places.clone().mean_dim(0);
        let centred = places - mean.clone();
        let variance = (centred.clone() * centred.clone()).mean_dim(0);
        let scale = self.weight.val().unsqueeze() / (variance.clone() + self.epsilon).sqrt();
        for (running, seen) in [(&self.running_mean, mean), (&self.running_var, variance)] {
            let known = running.value_sync();
            running.update((known * (1.0 - MOMENTUM) + seen.squeeze_dim(0) * MOMENTUM).detach());
        }
        (centred * scale + self.bias.val().unsqueeze()).reshape(shape)
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

    /// Some rows of the table.
    ///
    /// # Shapes
    /// `[row, hidden]`
    pub fn rows(&self, rows: Range<usize>) -> Tensor<2> {
        self.weight.val().slice_dim(0, rows)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn batch_norm_scores_with_the_statistics_it_saw() {
        let plain = Device::flex();
        let device = plain.clone().autodiff();
        let norm = BatchNorm::load(&mut Weights::random(1, &device), "norm", 2, 0.0);
        let seen = [[[1.0f32, 10.0], [3.0, 30.0]]];
        let assert_close = |tensor: Tensor<3>, want: &[f32]| {
            let got: Vec<f32> = tensor.into_data().try_to_vec().expect("floats");
            for (got, want) in got.iter().zip(want) {
                assert!((got - want).abs() < 1e-4, "got {got}, want {want}");
            }
        };
        assert_close(norm.forward(Tensor::from_floats(seen, &device)).inner(), &[-1.0, -1.0, 1.0, 1.0]);
        for _ in 0..200 {
            norm.forward(Tensor::from_floats(seen, &device));
        }
        // Means 2 and 20, variances 1 and 100: whatever else is in the batch.
        let scoring = norm.valid();
        assert_close(scoring.forward(Tensor::from_floats([[[2.0f32, 30.0]]], &plain)), &[0.0, 1.0]);
        assert_close(scoring.forward(Tensor::from_floats([[[2.0f32, 30.0], [9.0, 9.0]]], &plain)), &[0.0, 1.0]);
    }
}
