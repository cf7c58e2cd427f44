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
}

impl Stitcher {
    pub(crate) fn new(region: Range<u64>, labels: usize) -> Self {
        Self { labels, start_bp: region.start, end_bp: region.end, sums: Vec::new(), weights: Vec::new() }
    }

    /// Adds one answer for one base; bases outside the region are passed over.
    pub(crate) fn add(&mut self, position_bp: u64, weight: f32, values: &[f32]) {
        if weight == 0.0 || position_bp < self.start_bp || position_bp >= self.end_bp {
            return;
        }
        let index = usize::try_from(position_bp - self.start_bp).expect("windows are added in order, so few are open");
        if self.weights.len() <= index {
            self.weights.resize(index + 1, 0.0);
            self.sums.resize((index + 1) * self.labels, 0.0);
        }
        self.weights[index] += weight;
        for (sum, value) in self.sums[index * self.labels..].iter_mut().zip(values) {
            *sum += weight * value;
        }
    }

    /// Takes out the means up to `until_bp`, for each label; NaN where there was no answer.
    pub(crate) fn take(&mut self, until_bp: u64) -> Option<(Range<u64>, Vec<Vec<f32>>)> {
        let until_bp = until_bp.min(self.end_bp);
        let count = usize::try_from(until_bp.checked_sub(self.start_bp)?).ok().filter(|count| *count > 0)?;
        self.weights.resize(self.weights.len().max(count), 0.0);
        self.sums.resize(self.weights.len() * self.labels, 0.0);
        let means = (0..self.labels).map(|label| {
            let pairs = self.weights[..count].iter().zip(self.sums[label..].iter().step_by(self.labels));
            pairs.map(|(&weight, &sum)| if weight > 0.0 { sum / weight } else { f32::NAN }).collect()
        });
        let means = means.collect();
        self.weights.drain(..count);
        self.sums.drain(..count * self.labels);
        let range = self.start_bp..until_bp;
        self.start_bp = until_bp;
        Some((range, means))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_weighted_and_gaps_are_missing() {
        let mut stitcher = Stitcher::new(10..13, 2);
        stitcher.add(9, 1.0, &[9.0, 9.0]);
        stitcher.add(10, 1.0, &[1.0, 0.0]);
        stitcher.add(10, 3.0, &[0.0, 1.0]);
        stitcher.add(12, 1.0, &[0.5, 0.5]);
        let (range, means) = stitcher.take(11).expect("one base");
        assert_eq!((range, means), (10..11, vec![vec![0.25], vec![0.75]]));
        let (range, means) = stitcher.take(99).expect("the rest");
        assert_eq!(range, 11..13);
        assert!(means[0][0].is_nan(), "no answer is missing");
        assert_eq!(means[0][1], 0.5);
        assert_eq!(stitcher.take(99), None);
    }
}
