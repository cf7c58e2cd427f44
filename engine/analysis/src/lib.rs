//! From bases to tracks: windows, batches, stitching, scores and attention.
//!
//! Windows lie at fixed places of a contig, whatever region is asked for: the score of a base is the same in every
//! view and every file.

pub mod attention;
pub mod batch;
pub mod between;
mod device;
pub mod embed;
mod error;
pub mod host;
pub mod predict;
pub mod score;
mod stitch;
pub mod windows;

pub use error::AnalysisError;
