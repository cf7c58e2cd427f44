//! What can be wrong with a model or a head.

use std::{io, path::PathBuf};

use strandscope_kernels::KernelError;
use strandscope_tokens::TokenError;
use thiserror::Error;

/// What can be wrong with a model or a head.
#[derive(Debug, Error)]
pub enum ModelError {
    /// A file could not be read or written.
    #[error("{action} failed, {}: {source}. {remedy}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What to do.
        remedy: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A JSON file does not say what it should.
    #[error("reading {what} failed, {origin}: {reason}. Take the file that came with the weights")]
    Json {
        /// `config.json`, `card.json`, `head.json`.
        what: &'static str,
        /// The file.
        origin: String,
        /// Why.
        reason: String,
    },
    /// A configuration describes no network of its family.
    #[error("the configuration cannot be used, {origin}: {reason}. Take the config.json that came with the weights")]
    Config {
        /// The file.
        origin: String,
        /// Which field, and why.
        reason: String,
    },
    /// A weights file is damaged.
    #[error("reading weights failed, {origin}: {reason}. The file is damaged or holds no weights; fetch it again")]
    Damaged {
        /// The file.
        origin: String,
        /// Where and why.
        reason: String,
    },
    /// A pickle asks for more than tensors.
    #[error(
        "reading weights was refused, {origin}: at {place} its pickle imports {import}, which can run code; only \
         tensors are read. Where you trust it, save its tensors with safetensors.torch.save_file in Python"
    )]
    Unsafe {
        /// The file.
        origin: String,
        /// Where in its pickle.
        place: String,
        /// The name of what would be imported.
        import: String,
    },
    /// Weights are stored in a way that is not read.
    #[error(
        "reading weights failed, {origin}: {reason}. Save them anew with torch.save or safetensors.torch.save_file in \
         Python"
    )]
    Unread {
        /// The file.
        origin: String,
        /// What is not read.
        reason: String,
    },
    /// A folder has no weights.
    #[error(
        "no weights were found, {}: it has none of {}. Put one of them beside config.json",
        folder.display(),
        looked_for.join(", ")
    )]
    NoWeights {
        /// The folder.
        folder: PathBuf,
        /// Names of the files that would have been read.
        looked_for: Vec<&'static str>,
    },
    /// Files of weights in several files are not there.
    #[error("weights are not complete, {origin}: {} missing in its folder. Fetch the missing files", are(missing))]
    Shards {
        /// The index.
        origin: String,
        /// The files.
        missing: Vec<String>,
    },
    /// Tensors do not fit the configuration.
    #[error(
        "weights do not fit the configuration, {origin}: {}. Take config.json and weights of the same model",
        listed(problems)
    )]
    Misfit {
        /// The file.
        origin: String,
        /// Every missing, unexpected and mis-shaped tensor.
        problems: Vec<String>,
    },
    /// Tokenizer and network have different vocabularies.
    #[error("tokenizer and weights do not fit each other, {origin}: {reason}. Take both of the same model")]
    Vocabulary {
        /// The tokenizer's file.
        origin: String,
        /// Both sizes.
        reason: String,
    },
    /// Tensors are those of another family.
    #[error(
        "weights do not fit the configuration, {origin}: config.json describes a {wanted}, tensors named {mark} belong to \
         a {found}. Take config.json and weights of the same model"
    )]
    Family {
        /// The file of the tensors.
        origin: String,
        /// The family of the configuration.
        wanted: &'static str,
        /// The family of the tensors.
        found: &'static str,
        /// What tells.
        mark: &'static str,
    },
    /// A row is longer than the model has places for.
    #[error(
        "model {model} cannot read {tokens} tokens at once: it has places for {most}. Take shorter windows or another \
         model"
    )]
    TooLong {
        /// The model.
        model: String,
        /// Tokens of the row, special tokens included.
        tokens: usize,
        /// Most that it reads.
        most: usize,
    },
    /// Head and model do not belong together.
    #[error("head {head} cannot be used with model {model}: {reason}. Take the model the head's card names")]
    Mismatch {
        /// The head.
        head: String,
        /// The model.
        model: String,
        /// Why.
        reason: String,
    },
    /// No such model or head.
    #[error("{kind} '{name}' is not known: it is no built-in name and no folder. Known here: {known}")]
    Unknown {
        /// `model` or `head`.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The tokenizer cannot be used.
    #[error(transparent)]
    Tokenizer(#[from] TokenError),
    /// The device gave no result.
    #[error("computing failed: {reason}. Try --device cpu")]
    Device {
        /// Why.
        reason: String,
    },
}

fn listed(problems: &[String]) -> String {
    problems.join("; ")
}

fn are(files: &[String]) -> String {
    format!("{} {}", files.join(", "), if files.len() == 1 { "is" } else { "are" })
}

impl From<KernelError> for ModelError {
    fn from(fault: KernelError) -> Self {
        Self::Device { reason: fault.to_string() }
    }
}
