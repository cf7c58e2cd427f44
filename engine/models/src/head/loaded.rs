//! A head ready to run: a network of its own, or the classes of a fine-tuned checkpoint.

use burn::tensor::Device;

use super::{HeadConfig, TaskHead};
use crate::{
    ModelError,
    card::{HeadCard, HeadKind},
    folder::{CHECKPOINT_CARD, Folder, HEAD_CONFIG, HEAD_WEIGHTS, MODEL_CONFIG},
    model::Model,
};

/// A task head ready to run.
pub struct Head {
    /// Where it came from.
    pub folder: Folder,
    /// What it answers with.
    pub answers: Answers,
    /// Its card.
    pub card: HeadCard,
    /// SHA-256 of its weights.
    pub sha256: String,
}

/// Tokens that set a stretch and its contexts apart: one before each and one at the end.
pub const TOKENS_APART: usize = 4;

/// What a head answers with.
pub enum Answers {
    /// A network of its own, on bases and the encoder's states.
    Own {
        /// Its shape.
        config: HeadConfig,
        /// The network.
        network: Box<TaskHead>,
    },
    /// The classes that the encoder itself was fine-tuned to tell apart.
    OfModel,
}

impl Head {
    /// Loads the head of a folder and checks that it belongs to `model`. The folder of a fine-tuned checkpoint is the
    /// head of that checkpoint.
    ///
    /// # Errors
    /// When a file is missing or damaged, or the head was trained on another model.
    pub fn load(folder: &Folder, model: &Model, device: &Device) -> Result<Self, ModelError> {
        if !folder.is_head() && folder.has(MODEL_CONFIG) {
            return Self::of_checkpoint(folder, model);
        }
        let mismatch = |reason| ModelError::Mismatch { head: folder.name(), model: model.folder.name(), reason };
        let (config, card) = Self::described(folder)?;
        if config.hidden_size != model.sizes().hidden_size {
            let (reads, gives) = (config.hidden_size, model.sizes().hidden_size);
            return Err(mismatch(format!("it reads states of width {reads}, the model gives {gives}")));
        }
        check_model(folder, &card, model)?;
        let (network, sha256) = Self::network(folder, &config, device)?;
        Ok(Self { folder: folder.clone(), answers: Answers::Own { config, network: Box::new(network) }, card, sha256 })
    }

    /// Whether the folder of a head with a network of its own is whole, whatever model it belongs to.
    ///
    /// # Errors
    /// When a file is missing or damaged, or they do not fit each other.
    pub fn examine(folder: &Folder, device: &Device) -> Result<(), ModelError> {
        let (config, _) = Self::described(folder)?;
        Self::network(folder, &config, device).map(|_| ())
    }

    /// Shape and card, which say the same.
    fn described(folder: &Folder) -> Result<(HeadConfig, HeadCard), ModelError> {
        let (config, card) = (folder.head_config()?, folder.head_card()?);
        let odd =
            |reason: &str| Err(ModelError::Config { origin: folder.origin(HEAD_CONFIG), reason: reason.to_owned() });
        if card.labels.len() != config.labels || card.kind != config.kind {
            return odd("its card and its head.json name other labels or another kind");
        }
        if card.context_bp.is_some() {
            return odd("its card has context_bp, which only the classes of a checkpoint read");
        }
        if config.fixed_length_bp().is_some_and(|length| length as u64 != card.input_length_bp) {
            return odd("its card and its head.json name different lengths");
        }
        Ok((config, card))
    }

    fn network(folder: &Folder, config: &HeadConfig, device: &Device) -> Result<(TaskHead, String), ModelError> {
        let (mut weights, sha256) = folder.weights(HEAD_WEIGHTS, device)?;
        let network = TaskHead::load(config, &mut weights);
        weights.finish()?;
        Ok((network, sha256))
    }

    /// The classes that `model` was fine-tuned to tell apart, with the card beside it or one that says what is known.
    fn of_checkpoint(folder: &Folder, model: &Model) -> Result<Self, ModelError> {
        let mismatch = |reason| ModelError::Mismatch { head: folder.name(), model: model.folder.name(), reason };
        let Some(classes) = model.config.classes().filter(|_| *folder == model.folder) else {
            return Err(mismatch(
                "a checkpoint is the head of itself alone, and of one fine-tuned to classify".to_owned(),
            ));
        };
        let card = match folder.checkpoint_card()? {
            Some(card) => card,
            None => {
                let length_bp = model.tokenizer()?.typical_bp(model.context_tokens());
                HeadCard::of_checkpoint(&folder.name(), classes, length_bp, &model.sha256)
            }
        };
        check_model(folder, &card, model)?;
        let kind = if classes.per_token { HeadKind::Token } else { HeadKind::Sequence };
        if card.labels.len() != classes.labels.len() || card.kind != kind {
            return Err(mismatch(format!("{CHECKPOINT_CARD} and config.json name other labels or another kind")));
        }
        check_context(&card, model).map_err(mismatch)?;
        Ok(Self { folder: folder.clone(), answers: Answers::OfModel, card, sha256: model.sha256.clone() })
    }

    /// Its shape, where it has a network of its own.
    pub fn config(&self) -> Option<&HeadConfig> {
        match &self.answers {
            Answers::Own { config, .. } => Some(config),
            Answers::OfModel => None,
        }
    }

    /// Whether the encoder's states are read at all.
    pub fn reads_tokens(&self) -> bool {
        self.config().is_none_or(HeadConfig::reads_tokens)
    }

    /// The one length it reads; `None` where it reads any.
    pub fn fixed_length_bp(&self) -> Option<usize> {
        self.config().and_then(HeadConfig::fixed_length_bp)
    }

    /// How far, to either side, the answer for a base depends on other bases by convolution.
    pub fn reach_bp(&self) -> usize {
        self.config().map_or(0, HeadConfig::reach_bp)
    }
}

/// Whether the model can read what a card says of context.
fn check_context(card: &HeadCard, model: &Model) -> Result<(), String> {
    let Some(context_bp) = card.context_bp else { return Ok(()) };
    let refuse = |reason: &str| Err(format!("the card has \"context_bp\": {context_bp}, but {reason}; leave it out"));
    if card.kind != HeadKind::Token {
        return refuse("it answers once for a sequence");
    }
    if card.input_length_bp <= context_bp.saturating_mul(2) {
        return refuse("nothing of a window is left between two of these");
    }
    let tokenizer = model.tokenizer().map_err(|error| error.to_string())?;
    let special = tokenizer.special();
    if special.cls.is_none() || special.sep.is_none() {
        return refuse("its tokenizer has no tokens to set sequences apart");
    }
    if tokenizer.overlap() > 1 {
        return refuse("its tokens overlap, so that a stretch cannot be cut between them");
    }
    if model.config.most_tokens().is_some_and(|most| most <= TOKENS_APART) {
        return refuse("the model has no place for a token of the stretch");
    }
    Ok(())
}

/// Whether a card is that of a head of `model`.
fn check_model(folder: &Folder, card: &HeadCard, model: &Model) -> Result<(), ModelError> {
    if card.model_sha256 == model.sha256 {
        return Ok(());
    }
    let reason = format!("it was trained on weights {}, these are {}", card.model_sha256, model.sha256);
    Err(ModelError::Mismatch { head: folder.name(), model: model.folder.name(), reason })
}
