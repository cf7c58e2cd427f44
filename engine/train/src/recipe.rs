//! Recipes: everything a training run depends on, in one TOML file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use strandscope_genome::{Hooks, sha256_of_file};
use strandscope_models::{
    card::{Activation, DataSource, HeadKind, Label, StrandRule},
    head::{HeadNetwork, Pooling, TrunkSizes},
};

use crate::{TrainError, dataset::survey};

/// How an encoder is trained by masking.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PretrainRecipe {
    /// Name on the command line.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// What it is, for people.
    pub description: String,
    /// Licence of the weights.
    pub licence: String,
    /// Works to cite.
    pub citation: Vec<String>,
    /// Seed of everything random.
    pub seed: u64,
    /// The vocabulary.
    pub tokenizer: TokenizerRecipe,
    /// The network.
    pub network: EncoderRecipe,
    /// The run.
    pub schedule: PretrainSchedule,
    /// Regions (`CONTIG` or `CONTIG:START-END`) that are never trained on; masked accuracy is measured there.
    pub held_out: Vec<String>,
    /// Tables whose sequences are trained on as well, labels unseen.
    #[serde(default)]
    pub tables: Vec<TableRecipe>,
    /// List of table rows that share sequence with genomes.
    pub overlaps: Option<PathBuf>,
    /// Genomes whose shared rows are left out.
    #[serde(default)]
    pub leave_out: Vec<String>,
    /// Where the sequences come from and on what terms.
    pub sources: Vec<DataSource>,
}

/// How a vocabulary is learnt.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerRecipe {
    /// Number of entries.
    pub vocab_size: usize,
    /// Longest token.
    pub max_token_bp: usize,
}

/// Sizes of an encoder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderRecipe {
    /// Width of the states.
    pub hidden_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Attention heads of a layer.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer behind the gate.
    pub intermediate_size: usize,
}

/// How long and how fast an encoder is trained.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PretrainSchedule {
    /// Steps in all.
    pub steps: u64,
    /// Tokens of a step.
    pub batch_tokens: usize,
    /// Sequence lengths in tokens, each for an equal share of the steps, rising.
    pub lengths: Vec<usize>,
    /// Share of steps whose sequences come from tables.
    #[serde(default)]
    pub table_share: f64,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Share of steps with a rising rate.
    pub warmup_share: f64,
    /// Decay of weights.
    pub weight_decay: f32,
    /// Share of tokens that are hidden.
    pub mask_share: f64,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
}

/// How a head is trained.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadRecipe {
    /// Name on the command line.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// What it answers, for people.
    pub description: String,
    /// What it answers for.
    pub kind: HeadKind,
    /// Labels in the order of the logits.
    pub labels: Vec<Label>,
    /// How probabilities follow from logits.
    pub activation: Activation,
    /// Default window.
    pub input_length_bp: u64,
    /// Labels whose base is the one left of the centre of a row, not the one right of it; base heads only.
    #[serde(default)]
    pub left_of_centre: Vec<String>,
    /// Whether strands may be averaged.
    pub strand: StrandRule,
    /// What it is for, and what it is not for.
    pub intended_use: String,
    /// Known limits.
    pub limits: Vec<String>,
    /// Licence of the weights.
    pub licence: String,
    /// Works to cite.
    pub citation: Vec<String>,
    /// Seed of everything random.
    pub seed: u64,
    /// The network of a head; a checkpoint that is trained as a whole has its own.
    pub network: Option<HeadNetwork>,
    /// Low-rank changes of a checkpoint, where these are what is trained.
    pub lora: Option<LoraRecipe>,
    /// The run.
    pub schedule: HeadSchedule,
    /// Tables to train on.
    pub train: Vec<TableRecipe>,
    /// Tables to measure on; the first one decides when to stop.
    pub dev: Vec<TableRecipe>,
    /// List of table rows that share sequence with genomes.
    pub overlaps: Option<PathBuf>,
    /// Genomes whose shared rows are left out.
    #[serde(default)]
    pub leave_out: Vec<String>,
}

/// Low-rank changes to the tables of queries and values: `W + alpha / rank · B · A`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoraRecipe {
    /// Rank of `B · A`.
    pub rank: usize,
    /// How much the change counts, for its rank.
    pub alpha: f64,
}

impl Default for LoraRecipe {
    fn default() -> Self {
        Self { rank: 8, alpha: 16.0 }
    }
}

impl LoraRecipe {
    /// Checks that a model of this width can be changed so.
    pub(crate) fn check(&self, width: usize) -> Result<(), String> {
        let Self { rank, alpha } = self;
        if !(1..=width).contains(rank) {
            return Err(format!("[lora] rank is {rank}; give a number from 1 to {width}, the width of the model"));
        }
        if !alpha.is_finite() || *alpha <= 0.0 {
            return Err(format!("[lora] alpha is {alpha}; give a number above 0, for example twice the rank"));
        }
        Ok(())
    }

    /// What a card says of it.
    pub(crate) fn sentence(&self) -> String {
        let Self { rank, alpha } = self;
        format!(
            "Trained with low-rank adapters (LoRA) of queries and values, rank {rank} and alpha {alpha}, which are part \
             of its weights."
        )
    }
}

/// How long and how fast a head is trained.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadSchedule {
    /// Passes over the rows.
    pub epochs: u64,
    /// Bases of a step.
    pub batch_bp: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Share of steps with a rising rate.
    pub warmup_share: f64,
    /// Decay of weights.
    pub weight_decay: f32,
    /// Probability moved from the true label to all labels.
    #[serde(default)]
    pub label_smoothing: f64,
    /// Share of rows read from the other strand with the same label.
    #[serde(default)]
    pub other_strand_share: f64,
    /// Share of rows read from the other strand as background; base heads only.
    #[serde(default)]
    pub antisense_share: f64,
    /// Share of rows cut around the centre to between 60 bp and their length; base heads only.
    #[serde(default)]
    pub crop_share: f64,
    /// Epochs without a better figure after which training ends.
    pub patience: u64,
}

/// A labelled table.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableRecipe {
    /// The file, from the folder the command runs in or absolute.
    pub file: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
    /// Name in the list of overlaps.
    pub name: String,
    /// Name, origin and licence, for the card.
    pub origin: String,
    /// Licence.
    pub licence: String,
    /// What 0, 1, 2 … mean in it; empty means the order of the head's labels.
    #[serde(default)]
    pub label_names: Vec<String>,
    /// What a simple baseline reaches on it (MCC), for tables to measure on.
    pub baseline_mcc: Option<f64>,
    /// What the baseline is.
    pub baseline_name: Option<String>,
}

/// Names that say that there is nothing to see.
const BACKGROUND: [&str; 5] = ["0", "none", "background", "decoy", "negative"];

/// A recipe for a table about which nothing more is known: labels and length are those of the table.
///
/// # Errors
/// When the table cannot be read or has a single label.
pub fn plain_head(name: &str, kind: HeadKind, train: &Path) -> Result<HeadRecipe, TrainError> {
    let (labels, length_bp) = survey(train)?;
    let is_sequence = kind == HeadKind::Sequence;
    let label = |name: String| Label {
        description: format!("'{name}' in the training table."),
        background: BACKGROUND.contains(&name.as_str()),
        name,
    };
    Ok(HeadRecipe {
        name: name.to_owned(),
        title: name.to_owned(),
        description: format!("A head trained on {} with the settings of a plain recipe.", train.display()),
        kind,
        labels: labels.into_iter().map(label).collect(),
        activation: Activation::Softmax,
        input_length_bp: length_bp as u64,
        left_of_centre: Vec::new(),
        strand: StrandRule::Stranded,
        intended_use: "Not stated.".to_owned(),
        limits: vec!["Nobody has written down the limits of this head.".to_owned()],
        licence: "not stated".to_owned(),
        citation: Vec::new(),
        seed: 1,
        network: Some(HeadNetwork {
            trunk: Some(TrunkSizes {
                reads_tokens: true,
                channels: 32,
                stem_width_bp: 11,
                block_width_bp: 5,
                dilations: vec![1, 2, 4, 8],
                fixed_length_bp: None,
            }),
            pooling: is_sequence.then_some(Pooling { channels: 8, every_bp: 10, dense: 64 }),
            composition: is_sequence.then_some(4),
            dropout: 0.1,
        }),
        lora: None,
        schedule: HeadSchedule {
            epochs: 10,
            batch_bp: 16_384,
            learning_rate: 2e-3,
            warmup_share: 0.05,
            weight_decay: 0.02,
            label_smoothing: 0.0,
            other_strand_share: 0.0,
            antisense_share: 0.0,
            crop_share: 0.0,
            patience: 3,
        },
        train: Vec::new(),
        dev: Vec::new(),
        overlaps: None,
        leave_out: Vec::new(),
    })
}

/// Rows of a step where a whole checkpoint is trained and nobody says otherwise.
const ROWS_OF_STEP: usize = 16;

/// The same for a checkpoint that is trained as a whole: small steps, as its weights know something already.
///
/// # Errors
/// When the table cannot be read or has a single label.
pub fn plain_checkpoint(name: &str, train: &Path) -> Result<HeadRecipe, TrainError> {
    let head = plain_head(name, HeadKind::Sequence, train)?;
    Ok(HeadRecipe {
        description: format!("A checkpoint fine-tuned on {} with the settings of a plain recipe.", train.display()),
        limits: vec!["Nobody has written down the limits of this checkpoint.".to_owned()],
        network: None,
        schedule: HeadSchedule {
            batch_bp: ROWS_OF_STEP * usize::try_from(head.input_length_bp).unwrap_or(usize::MAX / ROWS_OF_STEP),
            learning_rate: 3e-5,
            warmup_share: 0.1,
            weight_decay: 0.01,
            ..head.schedule
        },
        ..head
    })
}

/// The same for low-rank changes to a checkpoint, which begin at nothing: larger steps.
///
/// # Errors
/// When the table cannot be read or has a single label.
pub fn plain_lora(name: &str, train: &Path) -> Result<HeadRecipe, TrainError> {
    let whole = plain_checkpoint(name, train)?;
    Ok(HeadRecipe { schedule: HeadSchedule { learning_rate: 3e-4, ..whole.schedule }, ..whole })
}

impl HeadRecipe {
    /// Index of the label that says that there is nothing to see.
    pub fn background(&self) -> Option<usize> {
        self.labels.iter().position(|label| label.background)
    }
}

/// Reads a recipe.
///
/// # Errors
/// When it cannot be read or says something else than a recipe says.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, TrainError> {
    let wrong = |reason: String| TrainError::Recipe { path: path.to_owned(), reason };
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    toml::from_str(&text).map_err(|error| wrong(error.to_string()))
}

impl TableRecipe {
    /// Checks that the file is the one the recipe was written for.
    ///
    /// # Errors
    /// When it cannot be read or is another one.
    pub fn check(&self) -> Result<(), TrainError> {
        let found = sha256_of_file(&self.file, &mut Hooks::default())?;
        if found == self.sha256 {
            return Ok(());
        }
        Err(TrainError::OtherFile { path: self.file.clone(), found, wanted: self.sha256.clone() })
    }

    /// What the card says of it.
    pub fn source(&self, rows: usize) -> DataSource {
        DataSource {
            name: self.name.clone(),
            origin: self.origin.clone(),
            licence: self.licence.clone(),
            size: format!("{rows} rows"),
            sha256: self.sha256.clone(),
        }
    }
}
