//! A model, its tokenizer and a head, as one function from windows to probabilities.

use burn::tensor::{
    Tensor,
    activation::{sigmoid, softmax},
};
use strandscope_kernels::Conduct;
use strandscope_models::{
    ModelError,
    card::Activation,
    composition::Composition,
    dnagrinder::Pass,
    folder::{Head, Model},
};
use strandscope_tokens::Tokenizer;

use crate::{AnalysisError, batch::Batch};

/// A model, its tokenizer and a head.
pub struct Predictor<'a> {
    /// The encoder.
    pub model: &'a Model,
    /// Its tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// The head.
    pub head: &'a Head,
    composition: Option<Composition>,
    conduct: Conduct,
}

/// What a batch of windows gives.
pub struct Prediction {
    /// Probabilities (or values), `[window, place, label]`; places are bases, tokens, or one for the whole window.
    pub values: Vec<Vec<Vec<f32>>>,
    /// Spans of each window's tokens, in bases of the window.
    pub spans: Vec<Vec<Option<(usize, usize)>>>,
    /// Bases the vocabulary does not know.
    pub unknown_bp: usize,
}

impl<'a> Predictor<'a> {
    /// Joins the parts.
    pub fn new(model: &'a Model, tokenizer: &'a Tokenizer, head: &'a Head, conduct: Conduct) -> Self {
        let composition = head.config.network.composition.map(Composition::new);
        Self { model, tokenizer, head, composition, conduct }
    }

    /// Answers for windows of equal length.
    ///
    /// # Errors
    /// When a window holds bytes that stand for no base, the device fails, or the work is stopped.
    pub fn predict(&self, windows: &[&[u8]]) -> Result<Prediction, AnalysisError> {
        let batch = Batch::new(windows, self.tokenizer)?;
        let device = self.model.network.device();
        let states = self.head.config.reads_tokens().then(|| {
            let mut pass = Pass { conduct: self.conduct.clone(), ..Pass::default() };
            self.model.network.encode(batch.ids(&device), batch.segments().as_ref(), &mut pass).last
        });
        if self.conduct.watch.is_stopped() {
            return Err(AnalysisError::Cancelled);
        }
        let input = batch.head_input(windows, states, self.composition.as_ref(), &device);
        let logits = self.head.network.forward(&input);
        let values = nested(activated(logits, self.head.card.activation))?;
        Ok(Prediction { values, spans: batch.spans, unknown_bp: batch.unknown_bp })
    }
}

fn activated(logits: Tensor<3>, activation: Activation) -> Tensor<3> {
    match activation {
        Activation::Softmax => softmax(logits, 2),
        Activation::Sigmoid => sigmoid(logits),
        Activation::Identity => logits,
    }
}

/// A tensor as nested lists.
///
/// # Errors
/// When the device fails.
fn nested(tensor: Tensor<3>) -> Result<Vec<Vec<Vec<f32>>>, AnalysisError> {
    let [_, places, labels] = tensor.dims();
    let values = host(tensor)?;
    let windows = values.chunks((places * labels).max(1));
    Ok(windows.map(|window| window.chunks(labels.max(1)).map(<[f32]>::to_vec).collect()).collect())
}

/// The values of a tensor on the host.
///
/// # Errors
/// When the device fails.
pub fn host<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ModelError> {
    tensor.try_into_vec_as::<f32>().map_err(|error| ModelError::Device { reason: format!("{error:?}") })
}
