//! The list of contigs and the index of blocks.

use super::trees::{FAN_OUT, Tree};

/// A block that has been written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Number of the contig and base that it begins at.
    pub(super) start: (u32, u32),
    /// Number of the contig and base that it ends before.
    pub(super) end: (u32, u32),
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

/// The list of contigs at byte `at`: names with numbers and lengths, sorted by name.
pub(super) fn contig_tree(at: u64, contigs: &[(String, u32)]) -> Vec<u8> {
    const HEADER_BYTES: u64 = 32;
    let mut sorted: Vec<(&[u8], u32, u32)> =
        contigs.iter().zip(0..).map(|((name, length_bp), id)| (name.as_bytes(), id, *length_bp)).collect();
    sorted.sort_unstable();
    let key_bytes = sorted.iter().map(|(name, ..)| name.len()).max().unwrap_or(0).max(1);
    let key = |bytes: &mut Vec<u8>, index: usize| {
        bytes.extend(sorted[index].0);
        bytes.resize(bytes.len() + key_bytes - sorted[index].0.len(), 0);
    };
    let mut bytes = Vec::new();
    for number in [0x78ca_8c91, u32_of(FAN_OUT), u32_of(key_bytes), 8] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend((sorted.len() as u64).to_le_bytes());
    bytes.extend([0; 8]);
    let tree = Tree {
        at: at + HEADER_BYTES,
        entries: sorted.len(),
        leaf_entry_bytes: key_bytes + 8,
        branch_entry_bytes: key_bytes + 8,
        leaf_entry: |bytes: &mut Vec<u8>, index: usize| {
            key(bytes, index);
            bytes.extend(sorted[index].1.to_le_bytes());
            bytes.extend(sorted[index].2.to_le_bytes());
        },
        branch_entry: |bytes: &mut Vec<u8>, entries: std::ops::Range<usize>, child_at: u64| {
            key(bytes, entries.start);
            bytes.extend(child_at.to_le_bytes());
        },
    };
    bytes.extend(tree.into_bytes());
    bytes
}

/// The index of `entries` at byte `at`, right behind the data.
pub(super) fn block_index(at: u64, entries: &[Entry]) -> Vec<u8> {
    const HEADER_BYTES: u64 = 48;
    let mut bytes = Vec::new();
    for number in [0x2468_ace0, u32_of(FAN_OUT)] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend((entries.len() as u64).to_le_bytes());
    write_bounds(&mut bytes, entries);
    bytes.extend(at.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend([0; 4]);
    let tree = Tree {
        at: at + HEADER_BYTES,
        entries: entries.len(),
        leaf_entry_bytes: 32,
        branch_entry_bytes: 24,
        leaf_entry: |bytes: &mut Vec<u8>, index: usize| {
            write_bounds(bytes, &entries[index..=index]);
            bytes.extend(entries[index].offset.to_le_bytes());
            bytes.extend(entries[index].bytes.to_le_bytes());
        },
        branch_entry: |bytes: &mut Vec<u8>, range: std::ops::Range<usize>, child_at: u64| {
            write_bounds(bytes, &entries[range]);
            bytes.extend(child_at.to_le_bytes());
        },
    };
    bytes.extend(tree.into_bytes());
    bytes
}

/// Where the first of sorted entries begins and the last to end ends.
fn write_bounds(bytes: &mut Vec<u8>, entries: &[Entry]) {
    let start = entries.first().map_or((0, 0), |entry| entry.start);
    let end = entries.iter().map(|entry| entry.end).max().unwrap_or((0, 0));
    for number in [start.0, start.1, end.0, end.1] {
        bytes.extend(number.to_le_bytes());
    }
}

fn u32_of(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
