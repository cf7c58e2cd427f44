//! A model, its tokenizer and a head, as one function from windows to probabilities.

use std::cell::OnceCell;

use burn::tensor::{
    Tensor,
    activation::{sigmoid, softmax},
};
use strandscope_kernels::{Conduct, KernelError};
use strandscope_models::{
    ModelError,
    card::Activation,
    composition::Composition,
    head::{Answers, Head},
    model::Model,
    pass::Pass,
};
use strandscope_tokens::Tokenizer;

use crate::{AnalysisError, batch::Batch, between::Between, device::on_device, score::Outline};

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
    /// Loads model and head on the processor when the device fails.
    load_spare: Option<LoadSpare<'a>>,
    /// What computes from then on.
    spare: OnceCell<(Model, Head)>,
}

/// Loads a model and its head again, on the processor; told why.
pub type LoadSpare<'a> = Box<dyn Fn(&KernelError) -> Result<(Model, Head), AnalysisError> + 'a>;

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
        let composition = head.config().and_then(|config| config.network.composition).map(Composition::new);
        Self { model, tokenizer, head, composition, conduct, load_spare: None, spare: OnceCell::new() }
    }

    /// Goes on with what `load` gives when the device fails.
    #[must_use]
    pub fn with_spare(self, load: LoadSpare<'a>) -> Self {
        Self { load_spare: Some(load), ..self }
    }

    /// What is known of it without its weights.
    pub fn outline(&self) -> Outline<'a> {
        let Head { card, .. } = self.head;
        let (config, sizes) = (self.head.config(), self.model.sizes());
        Outline { card, config, tokenizer: self.tokenizer, sizes, between_tokens: self.between_tokens() }
    }

    /// Whether the device failed, and something else computes since then.
    pub fn is_on_spare(&self) -> bool {
        self.spare.get().is_some()
    }

    /// Whether the model has places for all tokens of a window, where the head reads tokens.
    ///
    /// # Errors
    /// When the window holds bytes that stand for no base.
    pub fn fits(&self, window: &[u8]) -> Result<bool, AnalysisError> {
        let Some(most) = self.model.config.most_tokens().filter(|_| self.head.reads_tokens()) else { return Ok(true) };
        Ok(self.tokenizer.encode(window)?.ids.len() <= most)
    }

    /// Answers for windows of equal length.
    ///
    /// Where there is no memory for all at once they are computed in halves, and where the device fails altogether by
    /// what takes its place.
    ///
    /// # Errors
    /// When a window holds bytes that stand for no base, the device fails and nothing takes its place, or the work is
    /// stopped.
    pub fn predict(&self, windows: &[&[u8]]) -> Result<Prediction, AnalysisError> {
        if let Some((model, head)) = self.spare.get() {
            return self.predict_with(model, head, windows);
        }
        match on_device(&self.model.network.device(), || self.predict_with(self.model, self.head, windows)) {
            Ok(done) => done,
            Err(fault) if fault.is_of_memory() && windows.len() > 1 => {
                tracing::warn!(%fault, windows = windows.len(), "computing windows in halves");
                let (first, second) = windows.split_at(windows.len() / 2);
                Ok(self.predict(first)?.joined(self.predict(second)?))
            }
            Err(fault) => {
                let (model, head) = self.in_place_of(fault)?;
                self.predict_with(model, head, windows)
            }
        }
    }

    /// Answers for the tokens of a stretch between its contexts, as many from its first one on as there is room for.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub fn predict_between(&self, between: &Between<'_>) -> Result<Prediction, AnalysisError> {
        let length = usize::try_from(self.between_tokens()).unwrap_or(usize::MAX);
        let encoding = between.encode(self.tokenizer, length)?;
        let windows = [between.stretch];
        let batch = Batch::of(&windows, vec![encoding], self.tokenizer);
        if let Some((model, head)) = self.spare.get() {
            return self.predict_batch(model, head, &windows, batch);
        }
        let here = || self.predict_batch(self.model, self.head, &windows, batch.clone());
        match on_device(&self.model.network.device(), here) {
            Ok(done) => done,
            Err(fault) => {
                let (model, head) = self.in_place_of(fault)?;
                self.predict_batch(model, head, &windows, batch)
            }
        }
    }

    /// Tokens of a stretch with its contexts.
    pub fn between_tokens(&self) -> u64 {
        self.model.config.most_tokens().map_or(self.model.context_tokens(), |tokens| tokens as u64)
    }

    /// What computes from now on, since the device failed.
    fn in_place_of(&self, fault: KernelError) -> Result<&(Model, Head), AnalysisError> {
        let Some(load) = &self.load_spare else { return Err(fault.into()) };
        let spare = load(&fault)?;
        Ok(self.spare.get_or_init(|| spare))
    }

    fn predict_with(&self, model: &Model, head: &Head, windows: &[&[u8]]) -> Result<Prediction, AnalysisError> {
        self.predict_batch(model, head, windows, Batch::new(windows, self.tokenizer)?)
    }

    fn predict_batch(
        &self,
        model: &Model,
        head: &Head,
        windows: &[&[u8]],
        batch: Batch,
    ) -> Result<Prediction, AnalysisError> {
        let device = model.network.device();
        if head.reads_tokens() {
            model.check_length(batch.longest())?;
        }
        let states = head.reads_tokens().then(|| {
            let mut pass = Pass { conduct: self.conduct.clone(), ..Pass::default() };
            model.network.encode(&batch.tokens(), &mut pass).last
        });
        if self.conduct.watch.is_stopped() {
            return Err(AnalysisError::Cancelled);
        }
        let logits = match (&head.answers, states) {
            (Answers::Own { network, .. }, states) => {
                network.forward(&batch.head_input(windows, states, self.composition.as_ref(), &device))
            }
            (Answers::OfModel, states) => states
                .and_then(|states| model.network.class_logits(states))
                .expect("a checkpoint that classifies, as the head was loaded"),
        };
        let values = nested(activated(logits, head.card.activation))?;
        Ok(Prediction { values, spans: batch.spans, unknown_bp: batch.unknown_bp })
    }
}

impl Prediction {
    fn joined(mut self, other: Self) -> Self {
        self.values.extend(other.values);
        self.spans.extend(other.spans);
        Self { unknown_bp: self.unknown_bp + other.unknown_bp, ..self }
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
