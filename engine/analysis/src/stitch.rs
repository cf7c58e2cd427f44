//! Joins the answers of overlapping windows.

use std::ops::Range;

/// Weighted sums of answers along a contig, handed out as soon as no later window can change them.
#[derive(Debug)]
pub(crate) struct Stitcher {
    labels: usize,
    /// Position of the first sum.
    start_bp: u64,
    end_bp: u64,
    sums: Vec<f32>,
    weights: Vec<f32>,
    votes: Option<Votes>,
}

/// How many windows answered for each base, and between which values.
#[derive(Debug, Default)]
struct Votes {
    counts: Vec<f32>,
    lowest: Vec<f32>,
    highest: Vec<f32>,
}

/// A stretch that no later window changes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stitched {
    pub(crate) range: Range<u64>,
    /// For each label the weighted mean at each base; NaN where there was no answer.
    pub(crate) means: Vec<Vec<f32>>,
    /// Windows that answered for each base; empty unless they are counted.
    pub(crate) counts: Vec<f32>,
    /// For each label how far the lowest and the highest answer lie apart, where a mean is a number; as above.
    pub(crate) spreads: Vec<Vec<f32>>,
}

impl Stitcher {
    /// `with_votes`: windows are counted, and how far their answers lie apart.
    pub(crate) fn new(region: Range<u64>, labels: usize, with_votes: bool) -> Self {
        let votes = with_votes.then(Votes::default);
        Self { labels, start_bp: region.start, end_bp: region.end, sums: Vec::new(), weights: Vec::new(), votes }
    }

    /// Adds one answer for one base; bases outside the region are passed over.
    pub(crate) fn add(&mut self, position_bp: u64, weight: f32, values: &[f32]) {
        if weight == 0.0 || position_bp < self.start_bp || position_bp >= self.end_bp {
            return;
        }
        let index = usize::try_from(position_bp - self.start_bp).expect("windows are added in order, so few are open");
        if self.weights.len() <= index {
            self.resize(index + 1);
        }
        self.weights[index] += weight;
        let first = index * self.labels;
        for (sum, value) in self.sums[first..].iter_mut().zip(values) {
            *sum += weight * value;
        }
        let Some(votes) = &mut self.votes else { return };
        votes.counts[index] += 1.0;
        for (at, &value) in (first..first + self.labels).zip(values) {
            votes.lowest[at] = votes.lowest[at].min(value);
            votes.highest[at] = votes.highest[at].max(value);
        }
    }

    fn resize(&mut self, count: usize) {
        self.weights.resize(count, 0.0);
        self.sums.resize(count * self.labels, 0.0);
        if let Some(votes) = &mut self.votes {
            votes.counts.resize(count, 0.0);
            votes.lowest.resize(count * self.labels, f32::INFINITY);
            votes.highest.resize(count * self.labels, f32::NEG_INFINITY);
        }
    }

    /// Takes out what is known up to `until_bp`.
    pub(crate) fn take(&mut self, until_bp: u64) -> Option<Stitched> {
        let until_bp = until_bp.min(self.end_bp);
        let count = usize::try_from(until_bp.checked_sub(self.start_bp)?).ok().filter(|count| *count > 0)?;
        self.resize(self.weights.len().max(count));
        let of_labels = |mean: &dyn Fn(usize, usize) -> f32| -> Vec<Vec<f32>> {
            (0..self.labels)
                .map(|label| (0..count).map(|base| mean(base, base * self.labels + label)).collect())
                .collect()
        };
        let mean = |base: usize, at: usize| {
            if self.weights[base] > 0.0 { self.sums[at] / self.weights[base] } else { f32::NAN }
        };
        let means = of_labels(&mean);
        let spreads = self.votes.as_ref().map(|votes| {
            of_labels(&|base, at| {
                if mean(base, at).is_finite() { votes.highest[at] - votes.lowest[at] } else { f32::NAN }
            })
        });
        self.weights.drain(..count);
        self.sums.drain(..count * self.labels);
        let counts = self.votes.as_mut().map(|votes| {
            votes.lowest.drain(..count * self.labels);
            votes.highest.drain(..count * self.labels);
            votes.counts.drain(..count).collect()
        });
        let range = self.start_bp..until_bp;
        self.start_bp = until_bp;
        Some(Stitched { range, means, counts: counts.unwrap_or_default(), spreads: spreads.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_weighted_and_gaps_are_missing() {
        let mut stitcher = Stitcher::new(10..13, 2, false);
        stitcher.add(9, 1.0, &[9.0, 9.0]);
        stitcher.add(10, 1.0, &[1.0, 0.0]);
        stitcher.add(10, 3.0, &[0.0, 1.0]);
        stitcher.add(12, 1.0, &[0.5, 0.5]);
        let first = stitcher.take(11).expect("one base");
        assert_eq!((first.range, first.means), (10..11, vec![vec![0.25], vec![0.75]]));
        assert!(first.counts.is_empty() && first.spreads.is_empty(), "nobody counts");
        let rest = stitcher.take(99).expect("the rest");
        assert_eq!(rest.range, 11..13);
        assert!(rest.means[0][0].is_nan(), "no answer is missing");
        assert_eq!(rest.means[0][1], 0.5);
        assert_eq!(stitcher.take(99), None);
    }

    #[test]
    fn windows_are_counted_and_their_answers_held_against_each_other() {
        let mut stitcher = Stitcher::new(0..4, 1, true);
        stitcher.add(0, 1.0, &[0.5]);
        for (weight, value) in [(1.0, 0.25), (0.5, 1.0), (0.0, 9.0), (0.5, 0.5)] {
            stitcher.add(1, weight, &[value]);
        }
        stitcher.add(2, 1.0, &[f32::NAN]);
        stitcher.add(2, 1.0, &[0.5]);
        let stitched = stitcher.take(4).expect("four bases");
        assert_eq!(stitched.counts, [1.0, 3.0, 2.0, 0.0], "those that weigh nothing do not count");
        assert_eq!(stitched.spreads[0][..2], [0.0, 0.75], "highest minus lowest");
        assert!(stitched.spreads[0][2..].iter().all(|value| value.is_nan()), "nothing where there is no score");
    }
}
