//! Cards: what a model or a head is, what it was made from, and how far it can be trusted.
//!
//! A card is the file `card.json` beside the weights; what it says is shown to users word for word.

use serde::{Deserialize, Serialize};

use crate::config::{Classes, Problem};

/// What a head answers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeadKind {
    /// One answer for a window; as a track, the answer stands at the window's centre.
    Sequence,
    /// One answer for a token, spread over its bases.
    Token,
    /// One answer for a base.
    Base,
}

/// Whether an answer depends on the strand it is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StrandRule {
    /// Both strands mean the same: they may be averaged.
    Symmetric,
    /// Each strand has answers of its own.
    Stranded,
}

/// How answers follow from logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// Exactly one label holds: softmax.
    Softmax,
    /// Labels hold independently: sigmoid.
    Sigmoid,
    /// A measured value: none.
    Identity,
}

/// One label of a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Short name, used in files: `donor`.
    pub name: String,
    /// What it means, one sentence.
    pub description: String,
    /// Whether it says that there is nothing to see (`none`, `background`): not drawn by default.
    #[serde(default)]
    pub background: bool,
}

/// A data set a head or model was trained or measured on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSource {
    /// Name and version.
    pub name: String,
    /// Where it comes from.
    pub origin: String,
    /// Its licence, or `unclear`.
    pub licence: String,
    /// Rows or bases used.
    pub size: String,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
}

/// A figure on data that training never saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Data set and split.
    pub data: String,
    /// Name of the metric: `mcc`, `auroc`, `accuracy`, …
    pub metric: String,
    /// What the head reaches.
    pub value: f64,
    /// What a simple baseline reaches on the same data, where measured.
    pub baseline: Option<f64>,
    /// What the baseline is.
    pub baseline_name: Option<String>,
}

/// How often one label held where it was given a probability, on data that training never saw: a reliability curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Data set and split.
    pub data: String,
    /// The label.
    pub label: String,
    /// From the least probable to the most; bins without a row are left out.
    pub bins: Vec<CalibrationBin>,
}

/// The rows whose probability of a label lies in one tenth of the range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Mean probability that they were given.
    pub probability: f64,
    /// Share of them that have the label.
    pub share: f64,
    /// Number of rows.
    pub n: u64,
}

/// The card of a task head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadCard {
    /// Name on the command line: `splice`.
    pub name: String,
    /// Name for people: `Splice sites (human)`.
    pub title: String,
    /// What it answers, in two or three sentences for a biologist.
    pub description: String,
    /// What it answers for.
    pub kind: HeadKind,
    /// Labels in the order of the logits.
    pub labels: Vec<Label>,
    /// How probabilities follow from logits.
    pub activation: Activation,
    /// Length of the windows it was trained on, and its default window.
    pub input_length_bp: u64,
    /// Bases at either end of a window that are no more than context, and that the model reads as sequences of their own:
    /// `[CLS] left [SEP] stretch [SEP] right [SEP]` (the splice heads of GENA-LM). `None` where a window is one sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_bp: Option<u64>,
    /// Whether strands may be averaged.
    pub strand: StrandRule,
    /// What it was trained on.
    pub training: Vec<DataSource>,
    /// Held-out figures beside a simple baseline's.
    pub figures: Vec<Figure>,
    /// How far its probabilities can be taken at their word, for each data set and each label that is drawn by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calibration: Vec<Calibration>,
    /// What it is for, and what it is not for.
    pub intended_use: String,
    /// Known limits, leakage notes and failures.
    pub limits: Vec<String>,
    /// Licence of the head's weights.
    pub licence: String,
    /// Works to cite.
    pub citation: Vec<String>,
    /// SHA-256 of the weights of the model it belongs to.
    pub model_sha256: String,
    /// The command that made it.
    pub command: String,
}

/// What the card of a checkpoint says while nobody has told the length of its windows.
pub const LENGTH_UNTOLD: &str =
    "The checkpoint does not tell the length it was fine-tuned on: the window is the longest it reads at once.";
/// The same of its strands.
pub const STRAND_UNTOLD: &str =
    "The checkpoint does not tell whether strands may be averaged: each strand is answered for by itself.";

impl HeadCard {
    /// What is known of the classes of a fine-tuned checkpoint whose makers left no card.
    pub fn of_checkpoint(name: &str, classes: &Classes, input_length_bp: u64, model_sha256: &str) -> Self {
        let label = |label: &String| Label {
            name: label.clone(),
            description: format!("As the checkpoint names it: {label}."),
            background: false,
        };
        Self {
            name: name.to_owned(),
            title: name.to_owned(),
            description:
                "The classes that this checkpoint was fine-tuned to tell apart, as its config.json lists them."
                    .to_owned(),
            kind: if classes.per_token { HeadKind::Token } else { HeadKind::Sequence },
            labels: classes.labels.iter().map(label).collect(),
            activation: match classes.problem {
                Problem::SingleLabelClassification => Activation::Softmax,
                Problem::MultiLabelClassification => Activation::Sigmoid,
                Problem::Regression => Activation::Identity,
            },
            input_length_bp,
            context_bp: None,
            strand: StrandRule::Stranded,
            training: Vec::new(),
            figures: Vec::new(),
            calibration: Vec::new(),
            intended_use: "What its makers say; the checkpoint does not tell.".to_owned(),
            limits: vec![LENGTH_UNTOLD.to_owned(), STRAND_UNTOLD.to_owned()],
            licence: "unclear".to_owned(),
            citation: Vec::new(),
            model_sha256: model_sha256.to_owned(),
            command: String::new(),
        }
    }
}

/// The card of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// Name on the command line.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// What it is, in two or three sentences.
    pub description: String,
    /// Architecture: `dnagrinder`.
    pub family: String,
    /// Number of parameters.
    pub parameters: u64,
    /// Longest input seen in training, in tokens.
    pub context_tokens: u64,
    /// What it was trained on.
    pub training: Vec<DataSource>,
    /// Held-out figures.
    pub figures: Vec<Figure>,
    /// Licence of the weights.
    pub licence: String,
    /// Works to cite.
    pub citation: Vec<String>,
    /// The command that made it.
    pub command: String,
}
