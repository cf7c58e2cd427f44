//! Model families, task heads, and their files.
//!
//! A model is a folder: `config.json`, `model.safetensors`, `tokenizer.json`, `card.json`.
//! A head is a folder too: `head.json`, `head.safetensors`, `card.json`.
//! Each architecture stands in one file that is read top to bottom, with the field names of its checkpoints.

pub mod builtin;
pub mod card;
pub mod checkpoint;
pub mod composition;
pub mod dnagrinder;
mod error;
pub mod folder;
pub mod head;
pub mod layers;
pub mod memory;

pub use error::ModelError;
