//! Values as a block of a BigWig file.

use super::ITEMS_PER_BLOCK;

/// Bases that share a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) start_bp: u32,
    pub(super) end_bp: u32,
    pub(super) value: f32,
}

/// The block of `items`, sorted ones of one contig, in the shortest layout that holds them; `None` without any.
pub(super) fn encode_section(contig: u32, items: &[Item]) -> Option<Vec<u8>> {
    let (first, last) = (items.first()?, items.last()?);
    let span_bp = first.end_bp - first.start_bp;
    let step_bp = items.get(1).map_or(span_bp, |second| second.start_bp - first.start_bp);
    let same_span = items.iter().all(|item| item.end_bp - item.start_bp == span_bp);
    let same_step = items.windows(2).all(|pair| pair[1].start_bp - pair[0].start_bp == step_bp);
    let layout: u8 = match (same_span, same_step) {
        (true, true) => 3,
        (true, false) => 2,
        _ => 1,
    };
    let (step_bp, span_bp) = (if layout == 3 { step_bp } else { 0 }, if layout == 1 { 0 } else { span_bp });
    let mut bytes = Vec::with_capacity(24 + 12 * items.len());
    for number in [contig, first.start_bp, last.end_bp, step_bp, span_bp] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend([layout, 0]);
    debug_assert!(items.len() <= ITEMS_PER_BLOCK, "blocks have a limit");
    bytes.extend(u16::try_from(items.len()).ok()?.to_le_bytes());
    for item in items {
        if layout < 3 {
            bytes.extend(item.start_bp.to_le_bytes());
        }
        if layout < 2 {
            bytes.extend(item.end_bp.to_le_bytes());
        }
        bytes.extend(item.value.to_le_bytes());
    }
    Some(bytes)
}
