//! Model families, task heads, and their files.
//!
//! A model is a folder in the Hugging Face layout: `config.json`, weights, the tokenizer's files, and where it was made or
//! described here a `card.json`. A head is a folder too: `head.json`, `head.safetensors`, `card.json`.
//! Each architecture stands in one file that is read top to bottom, with the field names of its checkpoints.

mod architecture;
mod attention_layer;
pub mod bert;
pub mod bigbird;
mod block_layout;
pub mod builtin;
pub mod card;
pub mod checkpoint;
mod classifier;
pub mod composition;
pub mod config;
pub mod dnagrinder;
mod error;
pub mod esm;
pub mod folder;
pub mod head;
pub mod layers;
pub mod memory;
pub mod model;
pub mod mosaicbert;
mod names;
pub mod network;
pub mod pass;
pub mod published;
pub mod rmt;
mod rotary;
pub mod trainable;

pub use error::ModelError;
