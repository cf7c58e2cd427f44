//! The features of a contig in order of their places, found by region.

use crate::Feature;

/// Features, or groups of the level below, that a group holds.
const GROUP: usize = 16;

/// Features of one contig, sorted by start.
///
/// Over groups of them lies the farthest end within, so that a region skips all that ends before it.
#[derive(Clone, Debug, Default)]
pub(super) struct Sorted {
    features: Vec<Feature>,
    /// The farthest end in each group of 16, of 256, and so on.
    farthest: Vec<Vec<u64>>,
    /// All ends, sorted.
    ends: Vec<u64>,
}

/// One past the last base; a feature without bases is as long as one here, so that it can be found.
fn end_of(feature: &Feature) -> u64 {
    feature.end_bp.max(feature.start_bp.saturating_add(1))
}

impl Sorted {
    pub(super) fn new(mut features: Vec<Feature>) -> Self {
        features.sort_by_key(|feature| (feature.start_bp, feature.end_bp, feature.line));
        let mut ends: Vec<u64> = features.iter().map(end_of).collect();
        let mut farthest: Vec<Vec<u64>> = Vec::new();
        loop {
            let below = farthest.last().unwrap_or(&ends);
            if below.len() <= 1 {
                break;
            }
            let level = below.chunks(GROUP).map(|group| group.iter().copied().max().unwrap_or_default()).collect();
            farthest.push(level);
        }
        ends.sort_unstable();
        Self { features, farthest, ends }
    }

    pub(super) fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Bases of the longest feature.
    pub(super) fn longest_bp(&self) -> u64 {
        self.features.iter().map(Feature::len_bp).max().unwrap_or_default()
    }

    /// All features with a base in `start_bp..end_bp`, by start; those without bases also where they touch its ends.
    pub(super) fn overlapping(&self, start_bp: u64, end_bp: u64) -> impl Iterator<Item = &Feature> {
        let to = self.features.partition_point(|feature| feature.start_bp <= end_bp);
        let mut at = 0;
        std::iter::from_fn(move || {
            while at < to {
                if let Some(size) = self.skippable(at, start_bp) {
                    at += size;
                    continue;
                }
                let feature = &self.features[at];
                at += 1;
                let touches = feature.is_empty() && (start_bp..=end_bp).contains(&feature.start_bp);
                if touches || (feature.start_bp < end_bp && feature.end_bp > start_bp) {
                    return Some(feature);
                }
            }
            None
        })
    }

    /// How many features from `at` on are known to end before a region.
    fn skippable(&self, at: usize, start_bp: u64) -> Option<usize> {
        let mut size = GROUP;
        let mut best = None;
        for level in &self.farthest {
            if !at.is_multiple_of(size) || level.get(at / size).is_some_and(|&end| end > start_bp) {
                break;
            }
            best = Some(size);
            size = size.saturating_mul(GROUP);
        }
        best
    }

    /// The first feature that begins after `bp`.
    pub(super) fn next_after(&self, bp: u64) -> Option<&Feature> {
        self.features.get(self.features.partition_point(|feature| feature.start_bp <= bp))
    }

    /// The last feature that begins before `bp`.
    pub(super) fn previous_before(&self, bp: u64) -> Option<&Feature> {
        let before = self.features.partition_point(|feature| feature.start_bp < bp);
        before.checked_sub(1).and_then(|index| self.features.get(index))
    }

    /// How many features have a base in each of `bins` equal parts of a region.
    pub(super) fn density(&self, start_bp: u64, end_bp: u64, bins: usize) -> Vec<u32> {
        let length = u128::from(end_bp.saturating_sub(start_bp));
        let edge = |bin: usize| {
            let offset = length * bin as u128 / bins.max(1) as u128;
            start_bp.saturating_add(u64::try_from(offset).unwrap_or(u64::MAX))
        };
        // A bin narrower than a base takes part of that base.
        let counted = |bin: usize| {
            let (from, to) = (edge(bin), edge(bin + 1).max(edge(bin).saturating_add(1)));
            let begun = self.features.partition_point(|feature| feature.start_bp < to);
            let ended = self.ends.partition_point(|&end| end <= from);
            u32::try_from(begun.saturating_sub(ended)).unwrap_or(u32::MAX)
        };
        (0..bins).map(counted).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(spans: &[(u64, u64)]) -> Sorted {
        let feature =
            |&(start_bp, length): &(u64, u64)| Feature { start_bp, end_bp: start_bp + length, ..Feature::default() };
        Sorted::new(spans.iter().map(feature).collect())
    }

    proptest! {
        #[test]
        fn regions_and_bins_hold_what_a_plain_search_finds(
            spans in prop::collection::vec((0_u64..500, prop_oneof![0_u64..4, 0_u64..400]), 0..400),
            start in 0_u64..600,
            length in 0_u64..100,
            bins in 1_usize..40,
        ) {
            let sorted = sorted(&spans);
            let end = start + length;
            let has = |feature: &&Feature, from: u64, to: u64| feature.start_bp < to && feature.end_bp > from;
            let plain: Vec<&Feature> = sorted.features().iter().filter(|feature| {
                has(feature, start, end) || feature.is_empty() && feature.start_bp >= start && feature.start_bp <= end
            }).collect();
            prop_assert_eq!(sorted.overlapping(start, end).collect::<Vec<_>>(), plain);

            let density = sorted.density(start, end, bins);
            prop_assert_eq!(density.len(), bins);
            if length >= bins as u64 {
                let edge = |bin: usize| start + length * bin as u64 / bins as u64;
                for (bin, &count) in density.iter().enumerate() {
                    let (from, to) = (edge(bin), edge(bin + 1));
                    let here = sorted.features().iter().filter(|feature| feature.start_bp < to && end_of(feature) > from);
                    prop_assert_eq!(count as usize, here.count(), "bin {}", bin);
                }
            }
        }
    }

    #[test]
    fn jumps_lead_to_the_nearest_start() {
        let sorted = sorted(&[(5, 10), (5, 2), (20, 1)]);
        let starts = |feature: Option<&Feature>| feature.map(|feature| feature.start_bp);
        assert_eq!(starts(sorted.next_after(4)), Some(5));
        assert_eq!(starts(sorted.next_after(5)), Some(20), "not the one here");
        assert_eq!(starts(sorted.next_after(20)), None);
        assert_eq!(starts(sorted.previous_before(20)), Some(5));
        assert_eq!(starts(sorted.previous_before(5)), None);
        assert_eq!(sorted.longest_bp(), 10);
    }

    #[test]
    fn ends_of_what_numbers_can_say_are_no_trouble() {
        let sorted = sorted(&[(0, u64::MAX), (u64::MAX - 1, 1)]);
        assert_eq!(sorted.overlapping(u64::MAX - 1, u64::MAX).count(), 2);
        assert_eq!(sorted.density(0, u64::MAX, 2), [1, 2]);
        assert!(sorted.density(5, 5, 0).is_empty(), "no bins");
    }
}
