//! Trees as BigWig has them: all nodes full but the last of each level, the root first.

use std::ops::Range;

/// Entries of a node.
pub(super) const FAN_OUT: usize = 256;

/// A tree over entries that are known by their numbers.
pub(super) struct Tree<L, B> {
    /// Where its root will lie in the file.
    pub(super) at: u64,
    pub(super) entries: usize,
    pub(super) leaf_entry_bytes: usize,
    pub(super) branch_entry_bytes: usize,
    /// Writes entry of this number.
    pub(super) leaf_entry: L,
    /// Writes the entry of a node that holds these entries and lies at this byte.
    pub(super) branch_entry: B,
}

impl<L, B> Tree<L, B>
where
    L: FnMut(&mut Vec<u8>, usize),
    B: FnMut(&mut Vec<u8>, Range<usize>, u64),
{
    /// The bytes of all nodes.
    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        // Number of nodes on each level, leaves first.
        let mut levels = vec![self.entries.div_ceil(FAN_OUT).max(1)];
        while let Some(&nodes) = levels.last().filter(|nodes| **nodes > 1) {
            levels.push(nodes.div_ceil(FAN_OUT));
        }
        let mut bytes = Vec::new();
        for level in (0..levels.len()).rev() {
            let below_at = self.at + (bytes.len() + self.level_bytes(&levels, level)) as u64;
            for node in 0..levels[level] {
                self.write_node(&mut bytes, &levels, level, node, below_at);
            }
        }
        bytes
    }

    fn write_node(&mut self, bytes: &mut Vec<u8>, levels: &[usize], level: usize, node: usize, below_at: u64) {
        let below = self.below(levels, level);
        let children = node * FAN_OUT..((node + 1) * FAN_OUT).min(below);
        bytes.extend([u8::from(level == 0), 0]);
        bytes.extend(u16::try_from(children.len()).unwrap_or(u16::MAX).to_le_bytes());
        for child in children {
            if level == 0 {
                (self.leaf_entry)(bytes, child);
                continue;
            }
            let child_entries = FAN_OUT.pow(u32::try_from(level).unwrap_or(0));
            let entries = child * child_entries..((child + 1) * child_entries).min(self.entries);
            // All nodes before it on its level are full.
            let child_at = below_at + (child * self.node_bytes(level - 1, FAN_OUT)) as u64;
            (self.branch_entry)(bytes, entries, child_at);
        }
    }

    /// How many nodes or entries lie directly below a level.
    fn below(&self, levels: &[usize], level: usize) -> usize {
        level.checked_sub(1).map_or(self.entries, |below| levels[below])
    }

    fn level_bytes(&self, levels: &[usize], level: usize) -> usize {
        4 * levels[level] + self.node_bytes(level, self.below(levels, level)) - 4
    }

    fn node_bytes(&self, level: usize, children: usize) -> usize {
        4 + children * if level == 0 { self.leaf_entry_bytes } else { self.branch_entry_bytes }
    }
}
