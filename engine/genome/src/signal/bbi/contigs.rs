//! The tree of contig names.

use std::collections::HashSet;

use super::{Bbi, Fields};
use crate::GenomeError;

const MAGIC: u32 = 0x78ca_8c91;
const TREE_HEADER_BYTES: usize = 32;
/// Longest name that is read.
const LONGEST_KEY_BYTES: u32 = 4096;
/// More contigs than any assembly has.
const MOST_CONTIGS: usize = 5_000_000;

/// A contig as the file knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BbiContig {
    pub(crate) name: String,
    pub(crate) id: u32,
    pub(crate) length_bp: u32,
}

impl Bbi {
    /// Reads all leaves of the tree; contigs come in the order of their numbers.
    pub(super) fn read_contigs(&mut self) -> Result<Vec<BbiContig>, GenomeError> {
        let at = self.header.contigs_at;
        let head = self.read_at(at, TREE_HEADER_BYTES)?;
        let mut fields = self.fields(&head);
        let parsed = (fields.u32(), fields.u32(), fields.u32(), fields.u32());
        let (Some(MAGIC), Some(_block), Some(key_bytes @ 1..=LONGEST_KEY_BYTES), Some(8)) = parsed else {
            return Err(self.damaged(at, "the list of contigs does not begin as it must"));
        };
        let mut tree =
            Tree { key_bytes: key_bytes as usize, contigs: Vec::new(), nodes: vec![at + TREE_HEADER_BYTES as u64] };
        // Each entry takes up bytes of the file: more of them than fit mean that the tree leads back into itself.
        let mut entries_left = self.size_bytes() / (u64::from(key_bytes) + 8);
        while let Some(at) = tree.nodes.pop() {
            let entries = self.read_contig_node(at, &mut tree)?;
            entries_left = entries_left
                .checked_sub(entries)
                .ok_or_else(|| self.damaged(at, "the list of contigs leads back into itself"))?;
            if tree.contigs.len() > MOST_CONTIGS {
                return Err(self.damaged(at, "it lists more than 5,000,000 contigs"));
            }
        }
        tree.contigs.sort_by_key(|contig| contig.id);
        self.check_contigs(&tree.contigs)?;
        Ok(tree.contigs)
    }

    /// Reads one node and says how many entries it has.
    fn read_contig_node(&mut self, at: u64, tree: &mut Tree) -> Result<u64, GenomeError> {
        const NODE_HEADER_BYTES: usize = 4;
        let head = self.read_at(at, NODE_HEADER_BYTES)?;
        let mut fields = self.fields(&head);
        let (is_leaf, _, count) = (fields.u8().unwrap_or(0), fields.u8(), fields.u16().unwrap_or(0));
        let entries = self.read_at(at + NODE_HEADER_BYTES as u64, usize::from(count) * (tree.key_bytes + 8))?;
        let mut fields = self.fields(&entries);
        for _ in 0..count {
            if tree.read_entry(&mut fields, is_leaf == 1).is_none() {
                return Err(self.damaged(at, "the list of contigs is cut short"));
            }
        }
        Ok(u64::from(count))
    }

    fn check_contigs(&self, contigs: &[BbiContig]) -> Result<(), GenomeError> {
        let at = self.header.contigs_at;
        if contigs.windows(2).any(|pair| pair[0].id == pair[1].id) {
            return Err(self.damaged(at, "two contigs have the same number"));
        }
        let mut names = HashSet::with_capacity(contigs.len());
        if !contigs.iter().all(|contig| names.insert(contig.name.as_str())) {
            return Err(self.damaged(at, "two contigs have the same name"));
        }
        Ok(())
    }
}

struct Tree {
    key_bytes: usize,
    contigs: Vec<BbiContig>,
    /// Nodes that have yet to be read.
    nodes: Vec<u64>,
}

impl Tree {
    fn read_entry(&mut self, fields: &mut Fields<'_>, is_leaf: bool) -> Option<()> {
        let key = fields.bytes(self.key_bytes)?;
        if is_leaf {
            let end = key.iter().position(|&byte| byte == 0).unwrap_or(key.len());
            let name = String::from_utf8_lossy(&key[..end]).into_owned();
            self.contigs.push(BbiContig { name, id: fields.u32()?, length_bp: fields.u32()? });
        } else {
            self.nodes.push(fields.u64()?);
        }
        Some(())
    }
}
