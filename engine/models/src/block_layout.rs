//! The stored layouts of sparse attention.

use strandscope_kernels::{BlockList, Listed};

use crate::checkpoint::Weights;

/// Which blocks of keys each block of queries sees, for the longest row; shorter rows see its upper left corner.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BlockLayout {
    size: usize,
    blocks: usize,
    /// `[head, query block, key block]`.
    seen: Vec<bool>,
}

impl BlockLayout {
    /// Takes the tensor `name`, `[head, block, block]`, of blocks of `size` positions.
    pub(crate) fn load(weights: &mut Weights, name: &str, size: usize, shape: [usize; 3]) -> Self {
        let seen = weights.integers(name, &shape).into_iter().map(|value| value != 0).collect();
        Self { size, blocks: shape[1], seen }
    }

    /// The lists for a row of so many tokens.
    pub(crate) fn list(&self, seq: usize) -> BlockList {
        let blocks = seq.div_ceil(self.size).min(self.blocks);
        let heads = self.seen.len() / (self.blocks * self.blocks).max(1);
        let of_query = |list: usize| {
            let row = &self.seen[(list / blocks * self.blocks + list % blocks) * self.blocks..][..blocks];
            let seen = row.iter().enumerate().filter(|(_, seen)| **seen);
            seen.map(|(block, _)| Listed { block, offset: 0.0 }).collect()
        };
        let lists = (0..heads * blocks).map(of_query).collect();
        BlockList::new(self.size, heads, lists).expect("each block once, and none beyond the last")
    }
}
