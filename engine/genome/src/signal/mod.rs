//! Values along a genome that other programs made: coverage, conservation, scores; and features in BigBed.
//!
//! [`Signal`] reads bedGraph, wig and BigWig, [`BigBed`] features, [`BigWigWriter`] writes values as BigWig.
//! Text is kept in memory, the binary formats are read by region.

mod auto_sql;
mod bbi;
mod bed_columns;
mod bigbed;
mod bigwig;
mod bins;
mod declaration;
mod intervals;
mod kind;
mod names;
mod refused;
mod report;
mod search;
mod sections;
mod settings;
mod text;
mod track_file;
mod write;
mod zoom_records;

pub use bigbed::BigBed;
pub use bins::Bin;
pub use kind::SignalKind;
pub use names::Reference;
pub use report::{SignalContig, SignalReport, inspect_signal};
pub use search::Found;
pub use track_file::Signal;
pub use write::BigWigWriter;

#[cfg(test)]
mod fixture_tests;
#[cfg(test)]
mod hostile_tests;
