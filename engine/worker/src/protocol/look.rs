//! What a folder holds that may be added to the library.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A model or head as its files tell, before anything of it is loaded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelLook {
    /// Its folder.
    pub folder: PathBuf,
    /// The name it would have in the library.
    pub name: String,
    /// What its card calls it; its name where it has none.
    pub title: String,
    /// What its card says of it.
    pub description: Option<String>,
    /// Whether it is a head that needs a model.
    pub is_head: bool,
    /// Architecture of a model: `dnabert2`.
    pub family: Option<String>,
    /// How a model cuts bases into tokens, for people.
    pub tokenizer: Option<String>,
    /// Weights in its files.
    pub parameters: u64,
    /// Tokens it reads at once, where its files tell.
    pub context_tokens: Option<u64>,
    /// Its labels, where it answers.
    pub labels: Vec<String>,
    /// What its card says that it was trained on.
    pub trained_on: Vec<String>,
    /// Its licence, where its card tells.
    pub licence: Option<String>,
    /// SHA-256 of its weights.
    pub sha256: String,
    /// What its weights take in memory, in bytes.
    pub memory_bytes: u64,
    /// What it would be computed on; `None` while that is brought up.
    pub device: Option<String>,
}
