//! Steps of training that are only timed.

use burn::{
    optim::ModuleOptimizer,
    tensor::{Int, Tensor, activation::log_softmax},
};
use strandscope_analysis::predict::host;
use strandscope_kernels::{Conduct, sound};
use strandscope_models::{ModelError, network::Network, pass::Tokens};

use crate::{
    gradients::{Batch, gradients},
    pretrain::optimizer,
};

/// Every so many tokens one is predicted: about as many as are hidden in training.
const EVERY: usize = 7;

/// A rate at which the network stays what it is, more or less.
const RATE: f64 = 1e-6;

/// Training of a network on one batch, over and over.
pub struct TimedTraining {
    /// `None` while a step is under way.
    network: Option<Network>,
    optimizer: ModuleOptimizer,
    tokens: Tokens,
}

impl TimedTraining {
    /// Of a network on a device that differentiates; `None` where it has no layer that predicts tokens.
    pub fn new(network: Network, tokens: Tokens) -> Option<Self> {
        network.predicts_tokens().then(|| Self { network: Some(network), optimizer: optimizer(0.01), tokens })
    }

    /// One step: forwards, backwards, and new weights. Gives the loss.
    ///
    /// # Errors
    /// When the device fails.
    pub fn step(&mut self, conduct: &Conduct) -> Result<f32, ModelError> {
        let Some(network) = self.network.take() else {
            return Err(ModelError::Device { reason: "a step of training went wrong before".to_owned() });
        };
        let ids: Tensor<1, Int> = self.tokens.tensor(&network.device()).flatten(0, 1);
        let device = ids.device();
        let count = ids.dims()[0].div_ceil(EVERY);
        let every = i64::try_from(EVERY).unwrap_or(i64::MAX);
        let places = Tensor::arange(0..i64::try_from(count).unwrap_or(i64::MAX), &device) * every;
        let answers = ids.select(0, places.clone()).unsqueeze_dim(1);
        let batch = Batch { tokens: &self.tokens, conduct };
        let (loss, gradients) = gradients(&network, &batch, |states| {
            let states: Tensor<2> = states.flatten(0, 1);
            let logits = network.token_logits(states.select(0, places));
            log_softmax(logits.expect("a network that predicts tokens, as was looked up"), 1)
                .gather(1, answers)
                .mean()
                .neg()
        });
        let value = host(loss)?;
        self.network = Some(self.optimizer.step(RATE, network, gradients));
        sound(&device)?;
        Ok(value.first().copied().unwrap_or(f32::NAN))
    }
}
