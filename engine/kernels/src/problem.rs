//! What is asked of attention, beside its tensors.

use crate::{attention::PositionRule, blocks::BlockList, watch::Watch};

/// Sizes and rules of one attention.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Problem<'a> {
    pub(crate) batch: usize,
    pub(crate) heads: usize,
    pub(crate) seq: usize,
    pub(crate) d: usize,
    pub(crate) rule: Rule<'a>,
    /// Which sequence a position belongs to, `[batch, seq]`, 0 for none; `None` for one whole sequence in each row.
    pub(crate) segments: Option<&'a [u32]>,
    /// Whether keys too far to count are left out.
    pub(crate) skip: bool,
    /// Whether entropy and distance are asked for.
    pub(crate) row_statistics: bool,
    pub(crate) watch: &'a Watch,
}

/// How positions enter a score.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule<'a> {
    /// `−slope · |i − j|`, `[head]`; empty for slopes of 0.
    Slopes(&'a [f32]),
    /// Listed blocks alone.
    Blocks(&'a BlockList),
}

impl<'a> Rule<'a> {
    /// As kernels take it.
    pub(crate) fn of(rule: &'a PositionRule) -> Self {
        match rule {
            PositionRule::None => Self::Slopes(&[]),
            PositionRule::Alibi(slopes) => Self::Slopes(slopes),
            PositionRule::Blocks(list) => Self::Blocks(list),
        }
    }
}

impl Rule<'_> {
    /// The slope of an attention head.
    pub(crate) fn slope(&self, head: usize) -> f32 {
        match self {
            Self::Slopes(slopes) => slopes.get(head).copied().unwrap_or(0.0),
            Self::Blocks(_) => 0.0,
        }
    }

    /// Positions of a block, where there are blocks.
    pub(crate) fn block_size(&self) -> Option<usize> {
        match self {
            Self::Slopes(_) => None,
            Self::Blocks(list) => Some(list.size()),
        }
    }
}

impl<'a> Problem<'a> {
    /// Segment numbers of a row of the batch.
    pub(crate) fn segments_of(&self, row: usize) -> Option<&'a [u32]> {
        self.segments.map(|segments| &segments[row * self.seq..][..self.seq])
    }
}
