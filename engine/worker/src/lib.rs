//! The engine as its users see it: [`Command`] in, [`Event`] out.
//!
//! An [`Engine`] owns the threads that do the work. Files are read on one, tensors live on another;
//! neither is ever waited for. Everything that crosses is plain data that serde can carry.

pub mod card_edit;
mod engine;
#[cfg(test)]
mod flow_tests;
mod protocol;
mod tasks;

pub use engine::{DeviceChoice, Engine, EngineOptions};
pub use protocol::*;
pub use strandscope_genome as genome;
pub use strandscope_models::{card, checkpoint::WeightType};
pub use tasks::{count_in_words, memory_in_words};
