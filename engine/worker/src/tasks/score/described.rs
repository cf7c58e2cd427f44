//! Models and heads as their files describe them, without their weights.

use strandscope_analysis::score::Outline;
use strandscope_models::{
    card::HeadCard,
    checkpoint::WeightType,
    config::Config,
    folder::{Folder, MODEL_CONFIG},
    head::HeadConfig,
};
use strandscope_tokens::Tokenizer;

use crate::{
    ErrorKind, JobError,
    engine::Stop,
    tasks::{known::Known, shelf::Key},
};

/// Descriptions kept at once.
const MOST_KEPT: usize = 8;

/// Tokens that a model reads at once which does not tell what it was trained on, as where it is loaded.
const PLAIN_TOKENS: u64 = 512;

/// A model and a head without their weights.
pub(crate) struct Description {
    pub(super) model: Folder,
    pub(super) head: Folder,
    config: Config,
    head_config: Option<HeadConfig>,
    card: HeadCard,
    tokenizer: Tokenizer,
    context_tokens: u64,
    parameters: u64,
}

/// Descriptions that were read.
#[derive(Default)]
pub(crate) struct Descriptions(Vec<([Key; 2], Description)>);

impl Descriptions {
    /// What the files of a head, and of its model, say.
    pub(super) fn of(&mut self, known: &Known, head: &str, model: Option<&str>) -> Result<&Description, Stop> {
        let head_folder = known.head(head)?;
        let model_folder = match &head_folder {
            folder @ Folder::Disk(_) if model.is_none() && !folder.is_head() => folder.clone(),
            folder @ Folder::Disk(_) if model.is_none() => match known.model_beneath(&folder.head_card()?)? {
                Some(model) => model,
                None => known.model(None)?,
            },
            _ => known.model(model)?,
        };
        let keys = [Key::of(&model_folder), Key::of(&head_folder)];
        let at = match self.0.iter().position(|(known, _)| *known == keys) {
            Some(at) => at,
            None => {
                if self.0.len() >= MOST_KEPT {
                    self.0.remove(0);
                }
                self.0.push((keys, Description::read(model_folder, head_folder)?));
                self.0.len() - 1
            }
        };
        Ok(&self.0[at].1)
    }
}

impl Description {
    fn read(model: Folder, head: Folder) -> Result<Self, Stop> {
        let (config, tokenizer) = (model.config()?, model.tokenizer()?);
        let of_card = model.model_card()?.map(|card| card.context_tokens);
        let context_tokens = of_card.or_else(|| config.context_tokens().map(|tokens| tokens as u64));
        let context_tokens = context_tokens.unwrap_or(PLAIN_TOKENS);
        let (head_config, card) = if !head.is_head() && head.has(MODEL_CONFIG) {
            (None, card_of_checkpoint(&head, &config, tokenizer.typical_bp(context_tokens))?)
        } else {
            (Some(head.head_config()?), head.head_card()?)
        };
        let parameters = model.model_bytes()? / WeightType::F32.bytes();
        Ok(Self { model, head, config, head_config, card, tokenizer, context_tokens, parameters })
    }

    pub(super) fn outline(&self) -> Outline<'_> {
        Outline {
            card: &self.card,
            config: self.head_config.as_ref(),
            tokenizer: &self.tokenizer,
            sizes: self.config.sizes(),
            between_tokens: self.config.most_tokens().map_or(self.context_tokens, |tokens| tokens as u64),
        }
    }

    /// What the weights of the model take in memory, in bytes.
    pub(super) fn weight_bytes(&self, tables: WeightType, on_gpu: bool) -> u64 {
        self.config.weight_bytes(self.parameters, tables, on_gpu)
    }
}

fn card_of_checkpoint(folder: &Folder, config: &Config, length_bp: u64) -> Result<HeadCard, Stop> {
    if let Some(card) = folder.checkpoint_card()? {
        return Ok(card);
    }
    let name = folder.name();
    let classes = config.classes().ok_or_else(|| {
        let message = format!("{name} is a model that was not fine-tuned to classify; name a head");
        JobError::new(ErrorKind::BadInput, message)
    })?;
    Ok(HeadCard::of_checkpoint(&name, classes, length_bp, ""))
}
