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
    #[error("reading weights failed, {origin}: {reason}. The file is damaged or no safetensors file; fetch it again")]
    Damaged {
        /// The file.
        origin: String,
        /// Where and why.
        reason: String,
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
    /// Numbers in the weights are not finite.
    #[error("weights cannot be used, {origin}: tensor {tensor} holds NaN or infinity. Fetch the file again")]
    NotFinite {
        /// The file.
        origin: String,
        /// The tensor.
        tensor: String,
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

impl From<KernelError> for ModelError {
    fn from(fault: KernelError) -> Self {
        Self::Device { reason: fault.to_string() }
    }
}
