//! The tree that tells which blocks hold the data of a region.

use super::{Bbi, Fields, LARGEST_BLOCK_BYTES};
use crate::GenomeError;

const MAGIC: u32 = 0x2468_ace0;
pub(super) const TREE_HEADER_BYTES: usize = 48;
const NODE_HEADER_BYTES: usize = 4;
const LEAF_ENTRY_BYTES: usize = 32;
const BRANCH_ENTRY_BYTES: usize = 24;
/// Entries that are read along with the head of a node.
const USUAL_ENTRIES: usize = 256;
/// Blocks one query may need; those of a chromosome with a value for each base are some 250,000.
const MOST_BLOCKS: usize = 4_000_000;

/// Where a block lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockPlace {
    pub(crate) offset: u64,
    pub(crate) packed_bytes: usize,
}

/// A stretch of a contig, by the number of the contig.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) contig: u32,
    pub(crate) start_bp: u32,
    pub(crate) end_bp: u32,
}

impl Bbi {
    /// The blocks of the index at `index_at` that may hold data of `stretch`, in the order of the index.
    pub(crate) fn find_blocks(&mut self, index_at: u64, stretch: Stretch) -> Result<Vec<BlockPlace>, GenomeError> {
        let head = self.read_at(index_at, TREE_HEADER_BYTES)?;
        if self.fields(&head).u32() != Some(MAGIC) {
            return Err(self.damaged(index_at, "the index does not begin as it must"));
        }
        let mut search = Search { stretch, blocks: Vec::new(), nodes: vec![index_at + TREE_HEADER_BYTES as u64] };
        // Entries and blocks take up bytes of the file: more of them than fit mean that they lead in a circle.
        let mut entries_left = self.size_bytes() / BRANCH_ENTRY_BYTES as u64;
        let mut data_left = self.size_bytes();
        let mut checked = 0;
        while let Some(at) = search.nodes.pop() {
            let entries = self.read_index_node(at, &mut search)?;
            let circle = || self.damaged(at, "the index leads back into itself");
            entries_left = entries_left.checked_sub(entries).ok_or_else(circle)?;
            for block in &search.blocks[checked..] {
                data_left = data_left.checked_sub(block.packed_bytes as u64).ok_or_else(circle)?;
            }
            checked = search.blocks.len();
            if checked > MOST_BLOCKS {
                return Err(self.damaged(at, "the index names more than 4,000,000 blocks for one region"));
            }
        }
        Ok(search.blocks)
    }

    /// Reads one node and says how many entries it has.
    fn read_index_node(&mut self, at: u64, search: &mut Search) -> Result<u64, GenomeError> {
        let room = usize::try_from(self.size_bytes().saturating_sub(at)).unwrap_or(usize::MAX);
        let usual = NODE_HEADER_BYTES + USUAL_ENTRIES * LEAF_ENTRY_BYTES;
        let mut node = self.read_at(at, usual.min(room.max(NODE_HEADER_BYTES)))?;
        let mut fields = self.fields(&node);
        let (is_leaf, _, count) = (fields.u8() == Some(1), fields.u8(), fields.u16().unwrap_or(0));
        let entry_bytes = if is_leaf { LEAF_ENTRY_BYTES } else { BRANCH_ENTRY_BYTES };
        let node_bytes = NODE_HEADER_BYTES + usize::from(count) * entry_bytes;
        if node_bytes > node.len() {
            node = self.read_at(at, node_bytes)?;
        }
        let mut fields = self.fields(&node[NODE_HEADER_BYTES..]);
        let first_child = search.nodes.len();
        for _ in 0..count {
            if search.read_entry(&mut fields, is_leaf).is_none() {
                return Err(self.damaged(at, "the index names a block that cannot be"));
            }
        }
        // The last one is read first.
        search.nodes[first_child..].reverse();
        Ok(u64::from(count))
    }
}

struct Search {
    stretch: Stretch,
    blocks: Vec<BlockPlace>,
    /// Nodes that have yet to be read.
    nodes: Vec<u64>,
}

impl Search {
    fn read_entry(&mut self, fields: &mut Fields<'_>, is_leaf: bool) -> Option<()> {
        let start = (fields.u32()?, fields.u32()?);
        let end = (fields.u32()?, fields.u32()?);
        let offset = fields.u64()?;
        let Stretch { contig, start_bp, end_bp } = self.stretch;
        // An empty feature at the very start or end of the stretch counts: what is read decides.
        let is_near = start <= (contig, end_bp) && end >= (contig, start_bp);
        if is_leaf {
            let packed_bytes = usize::try_from(fields.u64()?).ok()?;
            if is_near {
                let is_possible = (1..=LARGEST_BLOCK_BYTES).contains(&packed_bytes);
                self.blocks.push(is_possible.then_some(BlockPlace { offset, packed_bytes })?);
            }
        } else if is_near {
            self.nodes.push(offset);
        }
        Some(())
    }
}
