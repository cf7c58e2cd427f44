//! What stands between the two tables of a feed-forward layer.

use burn::tensor::{
    Tensor,
    activation::{relu, silu},
};

/// An activation function, as configurations name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HiddenAct {
    /// `max(x, 0)`.
    Relu,
    /// The Gaussian error linear unit, `x · Φ(x)` (Hendrycks and Gimpel 2016, arXiv 1606.08415).
    Gelu,
    /// The same with a hyperbolic tangent in place of the error function.
    GeluNew,
    /// `x / (1 + e^−x)`.
    Silu,
}

impl HiddenAct {
    /// The one that a configuration calls so.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "relu" => Some(Self::Relu),
            "gelu" => Some(Self::Gelu),
            "gelu_new" => Some(Self::GeluNew),
            "silu" | "swish" => Some(Self::Silu),
            _ => None,
        }
    }

    /// Of each number, in tensor operations.
    ///
    /// With its exact gradient: on the GPU burn's own GELU differentiates the approximation by a hyperbolic tangent
    /// instead, which is off by 10⁻³.
    ///
    /// # Shapes
    /// `[…] → […]`
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Relu => relu(x),
            Self::Gelu if !x.device().is_autodiff() => burn::tensor::activation::gelu(x),
            Self::Gelu => x.clone() * ((x / std::f64::consts::SQRT_2).erf() + 1.0) * 0.5,
            Self::GeluNew => {
                let cubed = x.clone() * x.clone() * x.clone();
                let inner = (x.clone() + cubed * TANH_CUBE) * (2.0 / std::f64::consts::PI).sqrt();
                x * (inner.tanh() + 1.0) * 0.5
            }
            Self::Silu => silu(x),
        }
    }
}

/// Weight of the cube in GELU by a hyperbolic tangent.
pub(crate) const TANH_CUBE: f64 = 0.044_715;
