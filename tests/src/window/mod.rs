//! The window, driven by what is written on it: with an engine that is played, and once with the real one.

mod browse;
mod cards;
mod engine;
mod flows;
mod library;
mod pictures;
mod scenes;
mod scored;
mod stage;
