//! The columns of a BigBed feature as a [`Feature`].

use crate::{Block, BlockKind, Feature, Strand};

/// More parts than any transcript has.
const MOST_BLOCKS: usize = 1_000_000;

/// Makes features of rows whose columns have these meanings.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    /// Names of the columns from the fourth on.
    pub(super) names: Vec<String>,
    /// How many of them mean what they mean in BED.
    pub(super) bed: usize,
}

impl Columns {
    /// The feature at `start_bp..end_bp` with the columns `rest`, and what in them could not be used.
    ///
    /// A column that cannot be used as BED means it becomes an attribute as it stands.
    pub(super) fn feature(&self, start_bp: u64, end_bp: u64, rest: &str) -> (Feature, Vec<&'static str>) {
        let columns: Vec<&str> = if rest.is_empty() { Vec::new() } else { rest.split('\t').collect() };
        let mut row = Row { columns: &columns[..columns.len().min(self.bed)], used: Vec::new(), odd: Vec::new() };
        let mut feature = Feature { start_bp, end_bp, ..Feature::default() };
        feature.name =
            row.take(0, "name", |text| Some(if text == "." { "" } else { text }.to_owned())).unwrap_or_default();
        feature.score = row
            .take(1, "score", |text| Some(Some(text.parse().ok().filter(|score: &f32| score.is_finite())?)))
            .flatten();
        feature.strand = row.take(2, "strand", parse_strand).flatten();
        let thick =
            row.take(3, "thickStart", |text| text.parse().ok()).zip(row.take(4, "thickEnd", |text| text.parse().ok()));
        feature.colour = row.take(5, "itemRgb", parse_rgb).flatten();
        let blocks = row.blocks(start_bp, end_bp);
        feature.blocks = parts(start_bp, end_bp, thick, blocks.as_deref());
        let is_left = |index: &usize| !row.used.contains(index);
        let name = |index: usize| self.names.get(index).cloned().unwrap_or_else(|| format!("field{}", index + 4));
        feature.attributes =
            (0..columns.len()).filter(is_left).map(|index| (name(index), columns[index].to_owned())).collect();
        (feature, row.odd)
    }
}

/// The BED columns of a row while they are taken one by one.
struct Row<'a> {
    columns: &'a [&'a str],
    used: Vec<usize>,
    odd: Vec<&'static str>,
}

impl<'a> Row<'a> {
    fn take<T>(&mut self, index: usize, what: &'static str, parse: impl FnOnce(&'a str) -> Option<T>) -> Option<T> {
        let text = *self.columns.get(index)?;
        let value = parse(text.trim());
        match value {
            Some(_) => self.used.push(index),
            None => self.odd.push(what),
        }
        value
    }

    /// The blocks, if all three columns fit together.
    fn blocks(&mut self, start_bp: u64, end_bp: u64) -> Option<Vec<(u64, u64)>> {
        let [count, sizes, starts] = *self.columns.get(6..9)?.first_chunk::<3>()?;
        let blocks = parse_blocks(count, sizes, starts, start_bp, end_bp);
        match blocks {
            Some(_) => self.used.extend([6, 7, 8]),
            None => self.odd.push("blocks"),
        }
        blocks
    }
}

fn parse_strand(text: &str) -> Option<Option<Strand>> {
    match text {
        "+" => Some(Some(Strand::Forward)),
        "-" => Some(Some(Strand::Reverse)),
        "." | "" => Some(None),
        _ => None,
    }
}

/// `255,0,0`, or one number with a byte for each part; 0 is no colour.
fn parse_rgb(text: &str) -> Option<Option<[u8; 3]>> {
    if matches!(text, "." | "" | "0") {
        return Some(None);
    }
    if text.contains(',') {
        return super::settings::parse_colour(text).map(Some);
    }
    let packed = text.parse::<u32>().ok().filter(|packed| *packed < 1 << 24)?;
    let [_, red, green, blue] = packed.to_be_bytes();
    Some(Some([red, green, blue]))
}

/// Blocks from left to right, without overlap, within the feature.
fn parse_blocks(count: &str, sizes: &str, starts: &str, start_bp: u64, end_bp: u64) -> Option<Vec<(u64, u64)>> {
    let count: usize = count.trim().parse().ok().filter(|count| (1..=MOST_BLOCKS).contains(count))?;
    let numbers = |text: &str| -> Option<Vec<u64>> {
        text.trim().trim_end_matches(',').split(',').map(|number| number.trim().parse().ok()).collect()
    };
    let (sizes, starts) = (numbers(sizes)?, numbers(starts)?);
    if sizes.len() != count || starts.len() != count {
        return None;
    }
    let mut done_bp = start_bp;
    let mut blocks = Vec::with_capacity(count);
    for (size_bp, from_bp) in sizes.into_iter().zip(starts) {
        let from_bp = start_bp.checked_add(from_bp)?;
        let to_bp = from_bp.checked_add(size_bp)?;
        if from_bp < done_bp || to_bp > end_bp {
            return None;
        }
        done_bp = to_bp;
        blocks.push((from_bp, to_bp));
    }
    Some(blocks)
}

/// The parts of a feature: what lies in its thick stretch is coding, what lies outside is not.
///
/// A thick stretch that is the whole feature sets nothing apart; an empty one leaves blocks without a coding part.
fn parts(start_bp: u64, end_bp: u64, thick: Option<(u64, u64)>, blocks: Option<&[(u64, u64)]>) -> Vec<Block> {
    let (thick_start, thick_end) = match thick {
        Some((from, to)) if from < to => (from.clamp(start_bp, end_bp), to.clamp(start_bp, end_bp)),
        Some(_) => (start_bp, start_bp),
        None => (start_bp, end_bp),
    };
    let is_all = (thick_start, thick_end) == (start_bp, end_bp);
    let whole = [(start_bp, end_bp)];
    let blocks = match blocks {
        Some([_]) | None if is_all || thick_start == thick_end => return Vec::new(),
        Some(blocks) => blocks,
        None => &whole,
    };
    let part = |start_bp, end_bp, kind| Block { start_bp, end_bp, kind };
    if is_all {
        return blocks.iter().map(|&(from, to)| part(from, to, BlockKind::Part)).collect();
    }
    let split = |&(from, to): &(u64, u64)| {
        let (coding_start, coding_end) = (thick_start.clamp(from, to), thick_end.clamp(from, to));
        [
            part(from, coding_start, BlockKind::Untranslated),
            part(coding_start, coding_end, BlockKind::Coding),
            part(coding_end, to, BlockKind::Untranslated),
        ]
    };
    blocks.iter().flat_map(split).filter(|part| part.start_bp < part.end_bp).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bed12() -> Columns {
        let (names, bed) = super::super::auto_sql::column_names("", 10, 12);
        Columns { names, bed }
    }

    proptest! {
        #[test]
        fn any_row_is_read(rest in "[0-9a+,.\t-]{0,60}", start in 0_u64..90, length in 0_u64..90) {
            let (feature, _) = bed12().feature(start, start + length, &rest);
            for block in &feature.blocks {
                prop_assert!(start <= block.start_bp && block.end_bp <= start + length, "within the feature");
            }
        }
    }

    #[test]
    fn a_transcript_has_coding_and_untranslated_parts() {
        let rest = "NM_1\t960\t-\t120\t320\t255,0,0\t2\t50,100,\t0,200,\tGENE";
        let (feature, odd) = bed12().feature(100, 400, rest);
        assert!(odd.is_empty(), "{odd:?}");
        assert_eq!(
            (feature.name.as_str(), feature.score, feature.strand),
            ("NM_1", Some(960.0), Some(Strand::Reverse)),
            "BED6"
        );
        assert_eq!(feature.colour, Some([255, 0, 0]), "red");
        let parts: Vec<_> = feature.blocks.iter().map(|block| (block.start_bp, block.end_bp, block.kind)).collect();
        let wanted = [
            (100, 120, BlockKind::Untranslated),
            (120, 150, BlockKind::Coding),
            (300, 320, BlockKind::Coding),
            (320, 400, BlockKind::Untranslated),
        ];
        assert_eq!(parts, wanted, "split at the thick stretch");
        assert_eq!(feature.attributes, [("field13".to_owned(), "GENE".to_owned())], "the rest");
    }

    #[test]
    fn what_cannot_be_used_is_kept_as_it_stands() {
        let (feature, odd) = bed12().feature(100, 400, "a\thigh\t?\t1\tx\t0\t2\t50\t0,200");
        assert_eq!(odd, ["score", "strand", "thickEnd", "blocks"], "four of them");
        assert_eq!(feature.attribute("score"), Some("high"), "as it stands");
        assert_eq!((feature.score, feature.blocks.len()), (None, 0), "no guess");
    }

    #[test]
    fn packed_colours_are_read() {
        assert_eq!(parse_rgb("16711680"), Some(Some([255, 0, 0])), "red as one number");
        assert_eq!(
            (parse_rgb("0"), parse_rgb("."), parse_rgb("blue")),
            (Some(None), Some(None), None),
            "none, none, odd"
        );
    }
}
