//! What the engine's threads do: one file for each kind of work.

mod attention;
mod bench;
mod cards;
mod command_line;
mod device;
mod doctor;
mod embed;
mod errors;
mod export_model;
mod facts;
mod fallback;
mod files;
mod forward;
mod genomes;
mod inspect;
mod known;
mod library;
mod memory;
mod noise;
mod pasted;
mod places;
mod provenance;
mod score;
mod selftest;
mod shelf;
mod show;
mod tensors;
mod tokenize;
mod tracks;
mod training;

pub(crate) use facts::Facts;
pub(crate) use files::FileTasks;
pub(crate) use library::LibraryTasks;
pub use memory::{count_in_words, memory_in_words};
pub(crate) use tensors::TensorTasks;
pub(crate) use tracks::TrackTasks;
