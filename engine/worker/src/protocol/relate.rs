//! How two tracks of values go together.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use strandscope_genome::Region;

use super::TrackSource;

/// One of two tracks that are related.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RelatedValues {
    /// All of a track that has values.
    Track(TrackSource),
    /// What is known of scores: stretches, each with a value for every base, NaN where there is none.
    Given(Vec<(Region, Vec<f32>)>),
}

/// Two tracks of values that are related, wherever both are known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RelateRequest {
    /// The sequence file both stand beside.
    pub genome: PathBuf,
    /// The one.
    pub first: RelatedValues,
    /// The other.
    pub second: RelatedValues,
}

/// How two tracks go together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Related {
    /// Stretches that both cover.
    pub stretches: u64,
    /// Bases in them.
    pub length_bp: u64,
    /// Bins in which both have values.
    pub pairs: u64,
    /// Length of a bin, whose mean is taken: one base unless they are too many.
    pub bin_bp: u64,
    /// Pearson's correlation of the bins; `None` where a side is constant or fewer than two are known.
    pub pearson: Option<f64>,
    /// Spearman's, of bins of [`Self::coarse_bp`].
    pub spearman: Option<f64>,
    /// Length of the bins by which one track is shifted against the other.
    pub coarse_bp: u64,
    /// Pearson's correlation with the second track so many bases further left; shifts without an answer are left out.
    pub lags: Vec<(i64, f64)>,
}

impl Related {
    /// The shift at which both go together most, whatever the sign.
    pub fn strongest(&self) -> Option<(i64, f64)> {
        self.lags.iter().copied().max_by(|left, right| left.1.abs().total_cmp(&right.1.abs()))
    }
}
