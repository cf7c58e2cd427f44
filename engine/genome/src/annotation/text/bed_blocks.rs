//! Blocks and the thick part of a BED row.

use super::fields::{Refusal, whole_number};
use crate::{Block, BlockKind};

/// A stretch, 0-based and half-open.
pub(super) type Span = (u64, u64);

/// The thick part within `bounds`; nothing where the row has none.
pub(super) fn thick_of(start: &str, end: &str, bounds: Span) -> Result<Option<Span>, Refusal> {
    if matches!((start, end), ("." | "", "." | "")) {
        return Ok(None);
    }
    let thick = (whole_number(start, "thickStart")?, whole_number(end, "thickEnd")?);
    if thick.0 == thick.1 {
        return Ok(None);
    }
    if thick.1 < thick.0 || thick.0 < bounds.0 || thick.1 > bounds.1 {
        let reason =
            format!("its thick part {}-{} is not within start {} and end {}", thick.0, thick.1, bounds.0, bounds.1);
        return Err(Refusal::coordinates(reason, "mend thickStart and thickEnd, or set both to the start"));
    }
    Ok(Some(thick))
}

/// The blocks of the columns `blockCount`, `blockSizes`, `blockStarts`, from left to right.
pub(super) fn blocks_of(columns: &[&str], bounds: Span) -> Result<Vec<Span>, Refusal> {
    const REMEDY: &str = "write as many blockSizes and blockStarts as blockCount says";
    let [count, sizes, starts] = columns else {
        return Err(Refusal::columns("its blocks are cut off: 12 columns are expected", "complete the row"));
    };
    let count = whole_number(count, "blockCount")?;
    let (sizes, starts) = (numbers(sizes, "a block size")?, numbers(starts, "a block start")?);
    if sizes.len() as u64 != count || starts.len() as u64 != count {
        let reason = format!(
            "blockCount is {count}, and there are {} block sizes and {} block starts",
            sizes.len(),
            starts.len()
        );
        return Err(Refusal::columns(reason, REMEDY));
    }
    let mut blocks = Vec::with_capacity(sizes.len());
    for (size, start) in sizes.into_iter().zip(starts) {
        let block = (bounds.0 + start, bounds.0 + start + size);
        if block.1 > bounds.1 || size == 0 {
            let reason =
                format!("a block at {} of {size} bases is not within start {} and end {}", block.0, bounds.0, bounds.1);
            return Err(Refusal::coordinates(reason, "mend blockSizes and blockStarts, which count from the start"));
        }
        blocks.push(block);
    }
    blocks.sort_unstable();
    Ok(blocks)
}

/// Numbers between commas; writers often leave one at the end.
fn numbers(text: &str, what: &str) -> Result<Vec<u64>, Refusal> {
    let text = text.strip_suffix(',').unwrap_or(text);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(',').map(|number| whole_number(number.trim(), what)).collect()
}

/// Cuts blocks at the ends of the thick part: inside it they are coding.
pub(super) fn with_thick(blocks: &[Span], thick: Option<Span>) -> Vec<Block> {
    let (thick_start, thick_end) = thick.unwrap_or_default();
    let mut cut = Vec::with_capacity(blocks.len() + 2);
    let mut push = |start_bp: u64, end_bp: u64, kind| {
        if start_bp < end_bp {
            cut.push(Block { start_bp, end_bp, kind });
        }
    };
    for &(start, end) in blocks {
        let (left, right) = (thick_start.clamp(start, end), thick_end.clamp(start, end));
        push(start, left, BlockKind::Untranslated);
        push(left, right, BlockKind::Coding);
        push(right, end, BlockKind::Untranslated);
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use BlockKind::{Coding, Untranslated};

    #[test]
    fn thick_parts_cut_blocks() {
        let cut = |blocks: &[Span], thick| {
            with_thick(blocks, thick).iter().map(|block| (block.start_bp, block.end_bp, block.kind)).collect::<Vec<_>>()
        };
        let blocks = [(10, 20), (80, 100)];
        assert_eq!(
            cut(&blocks, Some((15, 90))),
            [(10, 15, Untranslated), (15, 20, Coding), (80, 90, Coding), (90, 100, Untranslated)]
        );
        assert_eq!(cut(&blocks, Some((20, 90))), [(10, 20, Untranslated), (80, 90, Coding), (90, 100, Untranslated)]);
        assert_eq!(cut(&blocks, Some((10, 100))), [(10, 20, Coding), (80, 100, Coding)]);
        assert_eq!(
            cut(&blocks, Some((12, 15))),
            [(10, 12, Untranslated), (12, 15, Coding), (15, 20, Untranslated), (80, 100, Untranslated)]
        );
        assert_eq!(cut(&blocks, None), [(10, 20, Untranslated), (80, 100, Untranslated)], "nothing is coding");
    }

    #[test]
    fn blocks_lie_within_the_row() {
        assert_eq!(blocks_of(&["2", "10,20,", "0,70,"], (10, 100)), Ok(vec![(10, 20), (80, 100)]));
        assert_eq!(blocks_of(&["2", "20,10", "70,0"], (10, 100)), Ok(vec![(10, 20), (80, 100)]), "sorted");
        for (columns, status) in [
            (["2", "10", "0,70"], "columns"),
            (["1", "10,20", "0,70"], "columns"),
            (["2", "10,21", "0,70"], "coordinates"),
            (["2", "10,0", "0,70"], "coordinates"),
            (["2", "10,-20", "0,70"], "coordinates"),
            (["2", "10,2x", "0,70"], "number"),
            (["two", "10,20", "0,70"], "number"),
        ] {
            assert_eq!(blocks_of(&columns, (10, 100)).map_err(|refusal| refusal.status), Err(status), "{columns:?}");
        }
    }

    #[test]
    fn a_thick_part_without_bases_is_none() {
        assert_eq!(thick_of("0", "0", (10, 100)), Ok(None));
        assert_eq!(thick_of(".", ".", (10, 100)), Ok(None));
        assert_eq!(thick_of("10", "100", (10, 100)), Ok(Some((10, 100))));
        for (start, end) in [("9", "50"), ("50", "101"), ("60", "50")] {
            assert!(thick_of(start, end, (10, 100)).is_err(), "{start}-{end} is refused");
        }
    }
}
