//! Attention between listed blocks alone, as in BigBird (Zaheer et al. 2020, arXiv 2007.14062).

use std::ops::Range;

/// Which blocks of keys each block of queries sees.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockList {
    size: usize,
    heads: usize,
    /// Where the list of each (head, query block) begins in `listed`, and the end of the last.
    starts: Vec<usize>,
    listed: Vec<Listed>,
}

/// A block of keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Listed {
    /// Its number.
    pub block: usize,
    /// Added to its scores: `ln n` for a block that counts n times.
    pub offset: f32,
}

impl BlockList {
    /// Blocks of `size` positions; `lists` holds, for each attention head in turn, one list for each query block.
    ///
    /// # Errors
    /// The head and the query block of a list that names a block twice or one that is not there, or the number of
    /// lists where they do not share out evenly among the heads.
    pub fn new(size: usize, heads: usize, lists: Vec<Vec<Listed>>) -> Result<Self, BlockListError> {
        if size == 0 || heads == 0 || !lists.len().is_multiple_of(heads) {
            return Err(BlockListError::Lists { lists: lists.len(), heads });
        }
        let blocks = lists.len() / heads;
        let mut starts = vec![0];
        let mut listed = Vec::new();
        for (index, mut list) in lists.into_iter().enumerate() {
            list.sort_by_key(|listed| listed.block);
            let twice = list.windows(2).any(|pair| pair[0].block == pair[1].block);
            if twice || list.last().is_some_and(|last| last.block >= blocks) {
                return Err(BlockListError::Block { head: index / blocks, query_block: index % blocks });
            }
            listed.append(&mut list);
            starts.push(listed.len());
        }
        Ok(Self { size, heads, starts, listed })
    }

    /// Positions of a block.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Attention heads.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// Blocks of a sequence.
    pub fn blocks(&self) -> usize {
        (self.starts.len() - 1) / self.heads
    }

    /// The key blocks that a query block sees, in order.
    pub fn seen_by(&self, head: usize, query_block: usize) -> &[Listed] {
        let list = head * self.blocks() + query_block;
        &self.listed[self.starts[list]..self.starts[list + 1]]
    }

    /// The lists of some attention heads, as those of all there are.
    #[must_use]
    pub fn of_heads(&self, heads: Range<usize>) -> Self {
        let blocks = self.blocks();
        let [first, last] = [heads.start, heads.end].map(|head| head * blocks);
        let (start, end) = (self.starts[first], self.starts[last]);
        Self {
            size: self.size,
            heads: heads.len(),
            starts: self.starts[first..=last].iter().map(|list| list - start).collect(),
            listed: self.listed[start..end].to_vec(),
        }
    }

    /// The lists from the side of the keys: which query blocks see each key block.
    pub fn transposed(&self) -> Self {
        let blocks = self.blocks();
        let mut lists = vec![Vec::new(); self.heads * blocks];
        for head in 0..self.heads {
            for query_block in 0..blocks {
                for seen in self.seen_by(head, query_block) {
                    lists[head * blocks + seen.block].push(Listed { block: query_block, offset: seen.offset });
                }
            }
        }
        Self::new(self.size, self.heads, lists).expect("a block is seen by blocks that are there, once each")
    }
}

/// Why lists are no block list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockListError {
    /// They do not share out among the heads.
    #[error("{lists} lists of blocks do not share out among {heads} attention heads")]
    Lists {
        /// How many there are.
        lists: usize,
        /// Attention heads.
        heads: usize,
    },
    /// One names a block twice, or one that is not there.
    #[error("attention head {head}: the list of query block {query_block} names a block twice or one beyond the end")]
    Block {
        /// Attention head.
        head: usize,
        /// The query block whose list it is.
        query_block: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transpose_tells_who_sees_a_block() {
        let seen = |blocks: &[usize]| blocks.iter().map(|&block| Listed { block, offset: 0.5 }).collect::<Vec<_>>();
        let list = BlockList::new(8, 1, vec![seen(&[2, 0]), seen(&[1]), seen(&[0])]).expect("every block is there");
        assert_eq!(list.seen_by(0, 0), seen(&[0, 2]));
        assert_eq!(list.transposed().seen_by(0, 0), seen(&[0, 2]));
        assert_eq!(list.transposed().seen_by(0, 1), seen(&[1]));
        assert_eq!(list.transposed().transposed(), list);
    }

    #[test]
    fn lists_of_some_heads_are_the_same_lists() {
        let seen = |block: usize| vec![Listed { block, offset: 0.0 }];
        let lists: Vec<_> = [0, 1, 1, 0, 1, 1].map(seen).to_vec();
        let list = BlockList::new(8, 3, lists).expect("two blocks, three heads");
        let some = list.of_heads(1..3);
        assert_eq!((some.heads(), some.blocks(), some.size()), (2, 2, 8));
        for (head, block) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            assert_eq!(some.seen_by(head, block), list.seen_by(head + 1, block), "head {head}, block {block}");
        }
    }

    #[test]
    fn a_block_that_is_not_there_is_named_by_its_list() {
        let error = BlockList::new(8, 1, vec![vec![], vec![Listed { block: 2, offset: 0.0 }]]).expect_err("two blocks");
        assert_eq!(error, BlockListError::Block { head: 0, query_block: 1 });
    }
}
