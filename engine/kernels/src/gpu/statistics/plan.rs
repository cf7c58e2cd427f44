//! What statistics need to know beside the plan of attention, as words behind it.

use std::collections::BTreeMap;

use crate::{
    gpu::{
        context::Gpu,
        error::KernelError,
        tiles::{PlanWords, usual_keys, word},
    },
    problem::{Problem, Rule},
    segments::sequences,
};

/// Positions of the tiles in lists; block lists are for kernels with such tiles.
pub(super) const TILE: u32 = 64;

/// The plan of attention with lists of tiles, for all layers of one input.
#[derive(Debug)]
pub(crate) struct SweepPlan {
    pub(super) batch: u32,
    pub(super) heads: u32,
    pub(super) seq: u32,
    pub(super) d: u32,
    /// Whether a row of the batch holds several sequences.
    pub(super) packed: bool,
    /// Positions of a block, where blocks are listed.
    pub(super) block: Option<u32>,
    pub(super) blocks: u32,
    pub(super) words: PlanWords,
    /// Pointers and entries of tile lists, from the side of the queries and from the side of the keys.
    pub(super) of_queries: [u32; 2],
    pub(super) of_keys: [u32; 2],
    pub(super) buffer: wgpu::Buffer,
    /// Keys that a query of each attention head looks at, about.
    usual_keys: Vec<f64>,
}

impl SweepPlan {
    /// Puts a problem on the device that a [`crate::gpu::plan::Plan`] was made for; its watch is not looked at.
    ///
    /// # Errors
    /// When there is no memory.
    pub(crate) fn new(gpu: &Gpu, problem: &Problem<'_>) -> Result<Self, KernelError> {
        let mut words = PlanWords::new(problem);
        let [of_queries, of_keys] = match problem.rule {
            Rule::Slopes(_) => [[0; 2]; 2],
            Rule::Blocks(_) => [false, true].map(|keys_stay| push_tiles(&mut words, problem, keys_stay)),
        };
        let buffer = gpu.buffer_of("the plan of statistics", words.words())?;
        let several = |row| sequences(problem.segments_of(row), problem.seq).len() > 1;
        Ok(Self {
            batch: word(problem.batch),
            heads: word(problem.heads),
            seq: word(problem.seq),
            d: word(problem.d),
            packed: (0..problem.batch).any(several),
            block: problem.rule.block_size().map(word),
            blocks: problem.rule.block_size().map_or(1, |size| word(problem.seq.div_ceil(size))),
            words,
            of_queries,
            of_keys,
            buffer,
            usual_keys: (0..problem.heads).map(|head| usual_keys(problem, head)).collect(),
        })
    }

    /// Attention heads of the whole batch.
    pub(super) fn head_rows(&self) -> u32 {
        self.batch * self.heads
    }

    /// Attention heads of the whole batch, those with the most work first.
    pub(super) fn order(&self) -> &[u32] {
        &self.words.words()[self.words.order_at as usize..][..self.head_rows() as usize]
    }

    /// Operations for one query of some attention heads, about.
    pub(super) fn cost_of_query(&self, heads: impl IntoIterator<Item = u32>) -> f64 {
        let keys: f64 = heads.into_iter().map(|head| self.usual_keys[head as usize]).sum();
        keys * 2.0 * f64::from(self.d)
    }
}

/// Adds a list for each tile of each attention head: the tiles that it sees, or with `keys_stay` that see it.
fn push_tiles(words: &mut PlanWords, problem: &Problem<'_>, keys_stay: bool) -> [u32; 2] {
    let tiles = problem.seq.div_ceil(TILE as usize);
    let mut lists = vec![Vec::new(); problem.heads * tiles];
    for ((head, query_tile, key_tile), offset) in tile_pairs(problem) {
        let (own, other) = if keys_stay { (key_tile, query_tile) } else { (query_tile, key_tile) };
        lists[head * tiles + own].push([word(other), (offset * std::f32::consts::LOG2_E).to_bits()]);
    }
    let ends = lists.iter().scan(0, |end, list| {
        *end += list.len();
        Some(word(*end))
    });
    let pointers = words.push(std::iter::once(0).chain(ends));
    [pointers, words.push(lists.into_iter().flatten().flatten())]
}

/// Head, tile of queries and tile of keys of all pairs that hold listed blocks, with the offset where a pair of tiles
/// lies in a single pair of blocks (0 elsewhere: the kernels then look blocks up).
fn tile_pairs(problem: &Problem<'_>) -> BTreeMap<(usize, usize, usize), f32> {
    let mut pairs = BTreeMap::new();
    let Rule::Blocks(list) = problem.rule else {
        return pairs;
    };
    let whole = list.size().is_multiple_of(TILE as usize);
    let tiles_of = |block: usize| {
        let end = ((block + 1) * list.size()).min(problem.seq);
        block * list.size() / TILE as usize..end.div_ceil(TILE as usize)
    };
    for head in 0..problem.heads {
        for query_block in 0..list.blocks() {
            for seen in list.seen_by(head, query_block) {
                for query_tile in tiles_of(query_block) {
                    for key_tile in tiles_of(seen.block) {
                        pairs.insert((head, query_tile, key_tile), if whole { seen.offset } else { 0.0 });
                    }
                }
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        blocks::{BlockList, Listed},
        watch::Watch,
    };

    #[test]
    fn tiles_are_listed_from_both_sides() {
        let seen = |block| Listed { block, offset: 2.0 };
        // Blocks of 32: the first sees itself, the third the second.
        let list = BlockList::new(32, 1, vec![vec![seen(0)], vec![], vec![seen(1)]]).expect("every block is there");
        let watch = Watch::default();
        let rule = Rule::Blocks(&list);
        let problem = Problem {
            batch: 1,
            heads: 1,
            seq: 80,
            d: 4,
            rule,
            segments: None,
            skip: true,
            row_statistics: false,
            watch: &watch,
        };
        let mut words = PlanWords::new(&problem);
        for (keys_stay, pointers, entries) in [(false, [0, 1, 2], [0, 0, 0, 0]), (true, [0, 2, 2], [0, 0, 1, 0])] {
            let at = push_tiles(&mut words, &problem, keys_stay).map(|at| at as usize);
            assert_eq!(words.words()[at[0]..at[0] + 3], pointers, "keys stay: {keys_stay}");
            assert_eq!(words.words()[at[1]..at[1] + 4], entries, "keys stay: {keys_stay}");
        }
    }
}
