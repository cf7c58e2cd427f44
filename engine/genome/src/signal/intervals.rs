//! Values of a contig in memory, summed up so that wide regions are as quick as narrow ones.

use super::bins::{Bin, Cuts, Tally};

/// Intervals under one entry of the level above.
const FAN_OUT: usize = 64;

/// Bases that share a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    pub(crate) start_bp: u32,
    pub(crate) end_bp: u32,
    pub(crate) value: f32,
    /// The line of the file it comes from.
    pub(crate) line: u32,
}

impl Interval {
    fn tally(&self) -> Tally {
        self.tally_within(0, u64::MAX)
    }

    /// What it holds of `start_bp..end_bp`.
    fn tally_within(&self, start_bp: u64, end_bp: u64) -> Tally {
        let (from, to) = (start_bp.max(self.start_bp.into()), end_bp.min(self.end_bp.into()));
        if from < to { Tally::of(self.value, to - from) } else { Tally::default() }
    }
}

/// Sorted intervals without overlap, and sums over them: of 64, of 64 × 64, and so on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Intervals {
    intervals: Vec<Interval>,
    levels: Vec<Vec<Tally>>,
}

impl Intervals {
    /// Of `intervals` that are sorted and do not overlap.
    pub(crate) fn new(intervals: Vec<Interval>) -> Self {
        let mut levels: Vec<Vec<Tally>> = Vec::new();
        if intervals.len() > FAN_OUT {
            let together = |part: &[Interval]| sum(part.iter().map(Interval::tally));
            levels.push(intervals.chunks(FAN_OUT).map(together).collect());
        }
        while let Some(last) = levels.last().filter(|last| last.len() > FAN_OUT) {
            levels.push(last.chunks(FAN_OUT).map(|part| sum(part.iter().copied())).collect());
        }
        Self { intervals, levels }
    }

    /// One past the last base that has a value.
    pub(crate) fn end_bp(&self) -> u64 {
        self.intervals.last().map_or(0, |interval| interval.end_bp.into())
    }

    /// Over all of them.
    pub(crate) fn total(&self) -> Tally {
        self.total_of(0, self.intervals.len())
    }

    /// Those that hold a base of `start_bp..end_bp`.
    pub(crate) fn within(&self, start_bp: u64, end_bp: u64) -> &[Interval] {
        let (from, to) = self.range(start_bp, end_bp);
        &self.intervals[from..to.max(from)]
    }

    /// A bin for each of `cuts`; exact whatever their width.
    pub(crate) fn summary(&self, cuts: &Cuts) -> Vec<Bin> {
        cuts.map(|bin| self.tally_of(bin.start, bin.end))
    }

    fn range(&self, start_bp: u64, end_bp: u64) -> (usize, usize) {
        let from = self.intervals.partition_point(|interval| u64::from(interval.end_bp) <= start_bp);
        let to = self.intervals.partition_point(|interval| u64::from(interval.start_bp) < end_bp);
        (from, to)
    }

    fn tally_of(&self, start_bp: u64, end_bp: u64) -> Tally {
        let (from, to) = self.range(start_bp, end_bp);
        let part = &self.intervals[from..to.max(from)];
        let cut = |interval: &Interval| interval.tally_within(start_bp, end_bp);
        // Only the outermost can reach past the bin.
        match part {
            [] => Tally::default(),
            [only] => cut(only),
            [first, .., last] => sum([cut(first), self.total_of(from + 1, to - 1), cut(last)].into_iter()),
        }
    }

    /// Over the intervals `from..to`, by the coarsest sums that fit.
    fn total_of(&self, mut from: usize, mut to: usize) -> Tally {
        let mut total = Tally::default();
        let mut depth = 0;
        while from < to {
            let whole = from.div_ceil(FAN_OUT)..to / FAN_OUT;
            if whole.is_empty() || depth == self.levels.len() {
                (from..to).for_each(|index| total.add(&self.entry(depth, index)));
                break;
            }
            (from..whole.start * FAN_OUT).for_each(|index| total.add(&self.entry(depth, index)));
            (whole.end * FAN_OUT..to).for_each(|index| total.add(&self.entry(depth, index)));
            (from, to) = (whole.start, whole.end);
            depth += 1;
        }
        total
    }

    /// Depth 0 is the intervals themselves.
    fn entry(&self, depth: usize, index: usize) -> Tally {
        match depth.checked_sub(1) {
            None => self.intervals[index].tally(),
            Some(level) => self.levels[level][index],
        }
    }
}

fn sum(tallies: impl Iterator<Item = Tally>) -> Tally {
    let mut total = Tally::default();
    tallies.for_each(|tally| total.add(&tally));
    total
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn summaries_are_those_of_the_bases_one_by_one(
            parts in prop::collection::vec((0_u32..4, 1_u32..4, -50_i8..50), 0..6000), start in 0_u64..3000, count in 1_usize..50,
        ) {
            let mut end_bp = 0;
            let intervals: Vec<Interval> = parts.iter().map(|&(gap, length, value)| {
                let start_bp = end_bp + gap;
                end_bp = start_bp + length;
                Interval { start_bp, end_bp, value: value.into(), line: 0 }
            }).collect();
            let cuts = Cuts { start_bp: start, end_bp: start + 9_001, count };
            let mut slow = cuts.tallies();
            for interval in &intervals {
                for base in interval.start_bp..interval.end_bp {
                    slow.add_value(base.into(), u64::from(base) + 1, interval.value);
                }
            }
            for (fast, slow) in Intervals::new(intervals).summary(&cuts).iter().zip(slow.into_bins()) {
                prop_assert_eq!(fast.covered_bp, slow.covered_bp, "bases");
                let same = slow.covered_bp == 0 || (fast.min, fast.mean, fast.max) == (slow.min, slow.mean, slow.max);
                prop_assert!(same, "{:?} {:?}", fast, slow);
            }
        }
    }
}
