//! How two tracks of values go together, in all that is known of both.

use std::collections::BTreeSet;

use strandscope_genome::{Moments, Region, lagged, spearman};

use super::TrackTasks;
use crate::{
    ErrorKind, JobError, Outcome, RelateRequest, Related, RelatedValues, Tile,
    engine::{Job, Stop},
};

/// Bins that are compared at most; of longer tracks bins are longer than a base.
const MOST_BINS: u64 = 100_000_000;
/// Bins that are held in memory at most, for ranks and shifts.
const MOST_COARSE: u64 = 500_000;
/// Shifts to either side, in coarse bins.
const MOST_LAG: usize = 500;
/// Of many stretches only the longest are shifted.
const SHIFTED: usize = 64;
/// Bins read at once.
const PIECE_BINS: u64 = 1 << 20;

impl TrackTasks {
    /// Correlates two tracks wherever both are known, and one of them shifted against the other.
    pub(super) fn relate(&mut self, request: &RelateRequest, job: &Job) -> Result<Outcome, Stop> {
        let regions = self.shared(request, job)?;
        let length_bp: u64 = regions.iter().map(Region::len_bp).sum();
        if length_bp == 0 {
            let message = "the tracks cannot be compared: they have no stretch in common; score one, or open a track of \
                           this sequence";
            return Err(JobError::new(ErrorKind::BadInput, message).into());
        }
        let bin_bp = length_bp.div_ceil(MOST_BINS);
        let coarse_bp = bin_bp * length_bp.div_ceil(MOST_COARSE * bin_bp);
        job.started(length_bp, "bases");
        let (mut moments, mut coarse, mut done_bp) = (Moments::default(), Vec::new(), 0);
        for region in &regions {
            let mut means = Coarse::new(coarse_bp / bin_bp);
            for piece in pieces(region, PIECE_BINS.next_multiple_of(coarse_bp / bin_bp) * bin_bp) {
                if job.is_cancelled() {
                    return Err(Stop::Cancelled);
                }
                let first = self.means(&request.first, request, &piece, bin_bp, job)?;
                let second = self.means(&request.second, request, &piece, bin_bp, job)?;
                moments.extend(&first, &second);
                means.extend(&first, &second);
                done_bp += piece.len_bp();
                job.progress(done_bp, "");
            }
            coarse.push(means.done());
        }
        let (of_first, of_second): (Vec<f32>, Vec<f32>) = coarse.iter().flatten().copied().unzip();
        Ok(Outcome::Related(Related {
            stretches: regions.len() as u64,
            length_bp,
            pairs: moments.count,
            bin_bp,
            pearson: moments.pearson(),
            spearman: spearman(&of_first, &of_second),
            coarse_bp,
            lags: lags(coarse, coarse_bp),
        }))
    }

    /// Where both tracks are known.
    fn shared(&mut self, request: &RelateRequest, job: &Job) -> Result<Vec<Region>, Stop> {
        let first = self.known(&request.first, request, job)?;
        let second = self.known(&request.second, request, job)?;
        let mut shared = Vec::new();
        for a in &first {
            for b in second.iter().filter(|b| b.contig == a.contig) {
                let (start_bp, end_bp) = (a.start_bp.max(b.start_bp), a.end_bp.min(b.end_bp));
                if start_bp < end_bp {
                    shared.push(Region::new(&a.contig, start_bp, end_bp));
                }
            }
        }
        Ok(shared)
    }

    fn known(&mut self, values: &RelatedValues, request: &RelateRequest, job: &Job) -> Result<Vec<Region>, Stop> {
        match values {
            RelatedValues::Given(parts) => Ok(parts.iter().map(|(region, _)| region.clone()).collect()),
            RelatedValues::Track(source) => {
                let (content, genome) = self.track(source, &request.genome, job)?;
                let names: BTreeSet<String> = content.contigs(genome).into_iter().collect();
                let contigs = genome.contigs().iter().filter(|contig| names.contains(&contig.name));
                Ok(contigs.map(|contig| Region::new(&contig.name, 0, contig.length_bp)).collect())
            }
        }
    }

    /// Means of the bins of a stretch, the last of which may be cut; NaN where there is no value.
    fn means(
        &mut self,
        values: &RelatedValues,
        request: &RelateRequest,
        region: &Region,
        bin_bp: u64,
        job: &Job,
    ) -> Result<Vec<f32>, Stop> {
        match values {
            RelatedValues::Given(parts) => Ok(means_of(parts, region, bin_bp)),
            RelatedValues::Track(source) => {
                let (content, genome) = self.track(source, &request.genome, job)?;
                match content.tile(genome, region, bin_bp, 0)? {
                    Tile::Values(bins) => Ok(bins.into_iter().map(|bin| bin.mean).collect()),
                    Tile::Features(_) | Tile::Counts(_) | Tile::TooMany => {
                        let message = "the tracks cannot be compared: one of them has features and no values; judge \
                                       scores by it instead";
                        Err(JobError::new(ErrorKind::BadInput, message).into())
                    }
                }
            }
        }
    }
}

/// Stretches of at most `most_bp`.
fn pieces(region: &Region, most_bp: u64) -> impl Iterator<Item = Region> + '_ {
    let starts = (region.start_bp..region.end_bp).step_by(usize::try_from(most_bp).unwrap_or(usize::MAX));
    starts.map(move |start_bp| Region::new(&region.contig, start_bp, (start_bp + most_bp).min(region.end_bp)))
}

/// Means of the bins of a stretch that lies within one of `parts`.
fn means_of(parts: &[(Region, Vec<f32>)], region: &Region, bin_bp: u64) -> Vec<f32> {
    let holds = |part: &Region| {
        part.contig == region.contig && part.start_bp <= region.start_bp && region.end_bp <= part.end_bp
    };
    let Some((part, values)) = parts.iter().find(|(part, _)| holds(part)) else { return Vec::new() };
    let at = |bp: u64| usize::try_from(bp - part.start_bp).unwrap_or(usize::MAX).min(values.len());
    let bin = usize::try_from(bin_bp).unwrap_or(usize::MAX);
    values[at(region.start_bp)..at(region.end_bp)].chunks(bin).map(mean).collect()
}

fn mean(values: &[f32]) -> f32 {
    let finite = values.iter().copied().filter(|value| value.is_finite());
    let (sum, count) = finite.fold((0.0, 0_u32), |(sum, count), value| (sum + f64::from(value), count + 1));
    narrow(sum / f64::from(count))
}

#[expect(clippy::cast_possible_truncation, reason = "a mean of f32 is told as f32")]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// Longer bins, each with the means of the pairs in it; NaN without a pair.
struct Coarse {
    /// Bins in one.
    width: u64,
    filled: u64,
    sums: (f64, f64, u32),
    means: Vec<(f32, f32)>,
}

impl Coarse {
    fn new(width: u64) -> Self {
        Self { width, filled: 0, sums: (0.0, 0.0, 0), means: Vec::new() }
    }

    fn extend(&mut self, first: &[f32], second: &[f32]) {
        for (&first, &second) in first.iter().zip(second) {
            if first.is_finite() && second.is_finite() {
                let (a, b, count) = self.sums;
                self.sums = (a + f64::from(first), b + f64::from(second), count + 1);
            }
            self.filled += 1;
            if self.filled == self.width {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        let (a, b, count) = std::mem::take(&mut self.sums);
        self.means.push((narrow(a / f64::from(count)), narrow(b / f64::from(count))));
        self.filled = 0;
    }

    fn done(mut self) -> Vec<(f32, f32)> {
        if self.filled > 0 {
            self.close();
        }
        self.means
    }
}

/// Correlations of the longest stretches, one track shifted; nothing is compared across their borders.
fn lags(mut stretches: Vec<Vec<(f32, f32)>>, coarse_bp: u64) -> Vec<(i64, f64)> {
    stretches.sort_by_key(|stretch| std::cmp::Reverse(stretch.len()));
    stretches.truncate(SHIFTED);
    let longest = stretches.first().map_or(0, Vec::len);
    let most = MOST_LAG.min(longest / 4);
    let gap = vec![(f32::NAN, f32::NAN); most];
    let (first, second): (Vec<f32>, Vec<f32>) =
        stretches.iter().flat_map(|stretch| stretch.iter().chain(&gap)).copied().unzip();
    let width_bp = i64::try_from(coarse_bp).unwrap_or(i64::MAX);
    let known = lagged(&first, &second, most).into_iter().filter(|(_, r)| r.is_finite());
    known.map(|(lag, r)| (lag.saturating_mul(width_bp), r)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(start_bp: u64, end_bp: u64) -> Region {
        Region::new("chr1", start_bp, end_bp)
    }

    #[test]
    fn bins_have_the_mean_of_what_is_known() {
        let parts = [(region(10, 16), vec![1.0, 3.0, f32::NAN, 4.0, f32::NAN, f32::NAN])];
        let means = means_of(&parts, &region(10, 16), 2);
        assert_eq!((means[0], means[1]), (2.0, 4.0), "means of two, and of the one that is known");
        assert!(means[2].is_nan(), "nothing known");
        assert_eq!(means_of(&parts, &region(11, 14), 2).len(), 2, "the last bin is cut");
    }

    #[test]
    fn coarse_bins_take_pairs_alone() {
        let mut coarse = Coarse::new(2);
        coarse.extend(&[1.0, 2.0, 3.0], &[10.0, f32::NAN, 30.0]);
        coarse.extend(&[5.0, 7.0], &[50.0, 70.0]);
        assert_eq!(coarse.done(), [(1.0, 10.0), (4.0, 40.0), (7.0, 70.0)], "bins go on over pieces");
    }

    #[test]
    fn a_shift_is_found_and_stretches_stay_apart() {
        // The second track does three bins later what the first one does.
        let first: Vec<f32> = (0..200_u16).map(|at| f32::from(at.wrapping_mul(7919) % 101)).collect();
        let shifted = |at: usize| if at < 3 { 0.0 } else { first[at - 3] };
        let stretch: Vec<(f32, f32)> = (0..200).map(|at| (first[at], shifted(at))).collect();
        let found = lags(vec![stretch.clone(), stretch], 10);
        let best = found.iter().max_by(|left, right| left.1.total_cmp(&right.1)).expect("shifts");
        assert!(best.0 == 30 && best.1 > 0.999, "{best:?}");
    }
}
