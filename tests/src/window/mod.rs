//! The window, driven by what is written on it, with an engine that is played.

mod flows;
mod pictures;
mod stage;
