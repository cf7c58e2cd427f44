//! Summaries of a region in bins.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// What the bases of one bin of a region hold; numbers are NaN where `covered_bp` is 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Smallest value.
    pub min: f32,
    /// Mean over the covered bases.
    pub mean: f32,
    /// Largest value.
    pub max: f32,
    /// Bases that have a value.
    pub covered_bp: u64,
}

/// The stretches of `start_bp..end_bp` cut into `count` bins: as equal as whole bases allow.
///
/// Where there are more bins than bases, neighbouring bins show the same base.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cuts {
    pub(crate) start_bp: u64,
    pub(crate) end_bp: u64,
    pub(crate) count: usize,
}

impl Cuts {
    pub(crate) fn len_bp(&self) -> u64 {
        self.end_bp - self.start_bp
    }

    /// Number of bins that are no copies of their neighbours.
    fn distinct(&self) -> usize {
        usize::try_from(self.len_bp()).unwrap_or(usize::MAX).min(self.count)
    }

    /// The bases of distinct bin `index`.
    fn distinct_bin(&self, index: usize) -> Range<u64> {
        self.start_bp + scaled(index, self.len_bp(), self.distinct())
            ..self.start_bp + scaled(index + 1, self.len_bp(), self.distinct())
    }

    /// The distinct bins that the bases `start_bp..end_bp`, at least one, lie in.
    pub(crate) fn bins_of(&self, start_bp: u64, end_bp: u64) -> Range<usize> {
        let (start_bp, end_bp) = (start_bp.max(self.start_bp), end_bp.min(self.end_bp));
        if start_bp >= end_bp {
            return 0..0;
        }
        let bin_of = |base_bp: u64| {
            let through = u128::from(base_bp - self.start_bp + 1) * self.distinct() as u128 - 1;
            usize::try_from(through / u128::from(self.len_bp())).unwrap_or(usize::MAX)
        };
        bin_of(start_bp)..bin_of(end_bp - 1) + 1
    }

    /// One for each bin that was asked for, from one for each distinct bin.
    fn spread<T: Copy>(&self, distinct: Vec<T>) -> Vec<T> {
        if distinct.len() == self.count {
            return distinct;
        }
        let source = |index| usize::try_from(scaled(index, distinct.len() as u64, self.count)).unwrap_or(0);
        (0..self.count).filter_map(|index| distinct.get(source(index)).copied()).collect()
    }

    /// A bin for each cut, each made of its bases.
    pub(crate) fn map(&self, mut bin: impl FnMut(Range<u64>) -> Tally) -> Vec<Bin> {
        let distinct = (0..self.distinct()).map(|index| bin(self.distinct_bin(index)).bin()).collect();
        self.spread(distinct)
    }

    /// Counts for each bin, from the differences between each distinct bin and the one before it.
    pub(crate) fn running_sums(&self, steps: &[i64]) -> Vec<u32> {
        let sums = steps.iter().scan(0_i64, |sum, step| {
            *sum += step;
            Some(u32::try_from(*sum).unwrap_or(u32::MAX))
        });
        self.spread(sums.take(self.distinct()).collect())
    }

    /// Zeros for [`Self::running_sums`].
    pub(crate) fn steps(&self) -> Vec<i64> {
        vec![0; self.distinct() + 1]
    }

    /// Empty tallies for [`Tallies`].
    pub(crate) fn tallies(self) -> Tallies {
        Tallies { tallies: vec![Tally::default(); self.distinct()], cuts: self, last: 0..0, last_index: 0 }
    }
}

/// `index / count` of `length`, rounded down.
fn scaled(index: usize, length: u64, count: usize) -> u64 {
    u64::try_from(index as u128 * u128::from(length) / (count as u128).max(1)).unwrap_or(length)
}

/// What has been seen of the bases of a bin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) min: f32,
    pub(crate) max: f32,
    pub(crate) sum: f64,
    /// Whole, unless a zoom level was shared out between bins.
    pub(crate) covered_bp: f64,
}

impl Default for Tally {
    fn default() -> Self {
        Self { min: f32::INFINITY, max: f32::NEG_INFINITY, sum: 0.0, covered_bp: 0.0 }
    }
}

impl Tally {
    /// `count_bp` bases of one value.
    pub(crate) fn of(value: f32, count_bp: u64) -> Self {
        let covered_bp = count_bp as f64;
        Self { min: value, max: value, sum: f64::from(value) * covered_bp, covered_bp }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.covered_bp += other.covered_bp;
    }

    /// The share of it that falls to a part of its bases; extremes are those of the whole.
    pub(crate) fn share(&self, share: f64) -> Self {
        Self { sum: self.sum * share, covered_bp: self.covered_bp * share, ..*self }
    }

    pub(crate) fn bin(&self) -> Bin {
        if self.covered_bp <= 0.0 {
            return Bin { min: f32::NAN, mean: f32::NAN, max: f32::NAN, covered_bp: 0 };
        }
        // Rounding may not push the mean past the extremes.
        let mean = nearest_f32(self.sum / self.covered_bp).clamp(self.min, self.max);
        Bin { min: self.min, mean, max: self.max, covered_bp: whole_bp(self.covered_bp).max(1) }
    }
}

/// The bins of a region while data comes in.
#[derive(Debug)]
pub(crate) struct Tallies {
    cuts: Cuts,
    tallies: Vec<Tally>,
    /// Bases of the bin that was added to last: the next data mostly lie in it too.
    last: Range<u64>,
    last_index: usize,
}

impl Tallies {
    /// Adds the bases `start_bp..end_bp`, all of one value.
    pub(crate) fn add_value(&mut self, start_bp: u64, end_bp: u64, value: f32) {
        self.each_part(start_bp, end_bp, |tally, count_bp| tally.add(&Tally::of(value, count_bp)));
    }

    /// Adds what is known of the bases `start_bp..end_bp` together: each bin gets its share.
    pub(crate) fn add_shared(&mut self, start_bp: u64, end_bp: u64, whole: &Tally) {
        let length_bp = (end_bp - start_bp) as f64;
        self.each_part(start_bp, end_bp, |tally, count_bp| tally.add(&whole.share(count_bp as f64 / length_bp)));
    }

    /// Gives `add` each bin that has bases of `start_bp..end_bp`, and how many.
    fn each_part(&mut self, start_bp: u64, end_bp: u64, mut add: impl FnMut(&mut Tally, u64)) {
        if self.last.start <= start_bp && start_bp < end_bp && end_bp <= self.last.end {
            return add(&mut self.tallies[self.last_index], end_bp - start_bp);
        }
        for index in self.cuts.bins_of(start_bp, end_bp) {
            let bin = self.cuts.distinct_bin(index);
            add(&mut self.tallies[index], end_bp.min(bin.end) - start_bp.max(bin.start));
            (self.last, self.last_index) = (bin, index);
        }
    }

    pub(crate) fn into_bins(self) -> Vec<Bin> {
        self.cuts.spread(self.tallies.iter().map(Tally::bin).collect())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the nearest single-precision number is meant")]
pub(crate) fn nearest_f32(value: f64) -> f32 {
    value as f32
}

#[expect(clippy::cast_possible_truncation, reason = "counts of bases stay far below 2^53")]
fn whole_bp(count: f64) -> u64 {
    count.round() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bins_tile_the_region_and_each_base_knows_its_bin(
            start_bp in 0_u64..1_000_000_000_000, len_bp in 1_u64..500, count in 1_usize..700,
        ) {
            let cuts = Cuts { start_bp, end_bp: start_bp + len_bp, count };
            let mut end_bp = start_bp;
            for index in 0..cuts.distinct() {
                let bin = cuts.distinct_bin(index);
                prop_assert_eq!(bin.start, end_bp, "no gap");
                prop_assert!(bin.end > bin.start, "at least one base");
                for base in bin.clone() {
                    prop_assert_eq!(cuts.bins_of(base, base + 1), index..index + 1, "its bin");
                }
                end_bp = bin.end;
            }
            prop_assert_eq!(end_bp, cuts.end_bp, "to the end");
            prop_assert_eq!(cuts.bins_of(0, u64::MAX), 0..cuts.distinct(), "all of them");
            prop_assert_eq!(cuts.tallies().into_bins().len(), count, "as many as were asked for");
        }
    }

    #[test]
    fn a_bin_has_the_mean_of_its_covered_bases() {
        let mut bins = Cuts { start_bp: 10, end_bp: 20, count: 2 }.tallies();
        bins.add_value(5, 12, 1.0);
        bins.add_value(14, 16, 4.0);
        let bins = bins.into_bins();
        assert_eq!(bins[0], Bin { min: 1.0, mean: 2.0, max: 4.0, covered_bp: 3 }, "two bases of 1, one of 4");
        assert_eq!(bins[1], Bin { min: 4.0, mean: 4.0, max: 4.0, covered_bp: 1 }, "one base");
    }

    #[test]
    fn more_bins_than_bases_show_bases_several_times() {
        let mut bins = Cuts { start_bp: 0, end_bp: 2, count: 5 }.tallies();
        bins.add_value(1, 2, 3.0);
        let covered: Vec<u64> = bins.into_bins().iter().map(|bin| bin.covered_bp).collect();
        assert_eq!(covered, [0, 0, 0, 1, 1], "the second base fills the last bins");
    }
}
