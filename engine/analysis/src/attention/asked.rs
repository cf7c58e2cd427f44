//! What can be asked of attention.

use std::{iter::once, ops::Range};

use serde::{Deserialize, Serialize};

use crate::AnalysisError;

/// Which layers or attention heads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pick {
    /// The mean of them.
    #[default]
    Mean,
    /// Each of them.
    All,
    /// This one, counted from 0.
    One(usize),
}

impl Pick {
    /// The groups of `count` that are averaged to one track each.
    ///
    /// # Errors
    /// When there is no such one; `what` names it.
    pub(super) fn groups(self, count: usize, what: &str) -> Result<Vec<Range<usize>>, AnalysisError> {
        match self {
            Self::Mean => Ok(once(0..count).collect()),
            Self::All => Ok((0..count).map(|index| index..index + 1).collect()),
            Self::One(index) if index < count => Ok(once(index..index + 1).collect()),
            Self::One(index) => Err(AnalysisError::Request(format!(
                "there is no {what} {index}: the model has {count}, counted from 0"
            ))),
        }
    }

    /// What a track of `group` is called: by what was asked for, so that the mean of a single one is still `mean`.
    pub(super) fn name(self, group: &Range<usize>) -> String {
        match self {
            Self::Mean => "mean".to_owned(),
            Self::All | Self::One(_) => group.start.to_string(),
        }
    }
}

/// What is told of attention. Positions are 0-based, on the contig.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttentionStat {
    /// What each token is given by all others together.
    Received,
    /// How spread out each token's attention is, in nats.
    Entropy,
    /// How far away each token looks on average, in tokens.
    Distance,
    /// What the token before the sequence gives to each.
    Cls,
    /// What the token at a position gives to each.
    Row {
        /// The position.
        position_bp: u64,
    },
    /// What one token draws on through all layers (Abnar and Zuidema 2020, arXiv 2005.00928), averaged over attention
    /// heads: that at a position or, without one, the token before the sequence.
    Rollout {
        /// The position.
        position_bp: Option<u64>,
    },
    /// Attention between bins of equal width.
    Map {
        /// Bins on each side.
        bins: u32,
        /// What a cell tells.
        pool: MapPool,
    },
    /// To which tokens each gives most.
    Top {
        /// How many.
        places: u32,
    },
}

impl AttentionStat {
    /// As the command line and labels call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Entropy => "entropy",
            Self::Distance => "distance",
            Self::Cls => "cls",
            Self::Row { .. } => "row",
            Self::Rollout { .. } => "rollout",
            Self::Map { .. } => "map",
            Self::Top { .. } => "top",
        }
    }

    /// A track of it, for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Received => "attention received",
            Self::Entropy => "entropy of attention",
            Self::Distance => "distance of attention",
            Self::Cls => "attention of the token before the sequence",
            Self::Row { .. } => "attention of a token",
            Self::Rollout { .. } => "attention rollout",
            Self::Map { .. } => "map of attention",
            Self::Top { .. } => "strongest partners",
        }
    }

    /// What its numbers count.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Received => "sum of weights",
            Self::Entropy => "nats",
            Self::Distance => "tokens",
            _ => "weight",
        }
    }

    /// Whether it makes sense only where all of the region is read at once.
    pub(super) fn needs_one_window(self) -> bool {
        matches!(self, Self::Row { .. } | Self::Rollout { position_bp: Some(_) } | Self::Map { .. })
    }

    /// The position it is about.
    pub(super) fn position_bp(self) -> Option<u64> {
        match self {
            Self::Row { position_bp } | Self::Rollout { position_bp: Some(position_bp) } => Some(position_bp),
            _ => None,
        }
    }
}

/// What a cell of a map tells of the weights in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MapPool {
    /// Their mean.
    #[default]
    Mean,
    /// The largest.
    Max,
    /// Their sum.
    Sum,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_that_is_not_there_is_named() {
        let error = Pick::One(6).groups(6, "layer").expect_err("layers are counted from 0");
        assert!(error.to_string().contains("layer 6"), "{error}");
    }

    #[test]
    fn the_only_layer_is_named_by_what_was_asked_for() {
        for (pick, name) in [(Pick::One(0), "0"), (Pick::All, "0"), (Pick::Mean, "mean")] {
            let groups = pick.groups(1, "layer").expect("there is one");
            assert_eq!(groups.iter().map(|group| pick.name(group)).collect::<Vec<_>>(), [name], "{pick:?}");
        }
    }
}
