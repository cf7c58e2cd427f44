//! Whether probabilities mean what they say.

use super::RelateError;

/// How often cases were positive where a score said they would be, in bins of equal width.
#[derive(Clone, Debug, PartialEq)]
pub struct Reliability {
    /// The bins from 0 to 1, empty ones too.
    pub bins: Vec<ReliabilityBin>,
    /// Cases left out since their score is NaN.
    pub without_score: u64,
    /// Expected calibration error: the distance between mean score and share of positive cases, weighted by cases.
    pub calibration_error: f64,
}

/// The cases with scores in a range.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReliabilityBin {
    /// Scores above this; in the first bin also at it.
    pub low: f64,
    /// Scores up to and with this.
    pub high: f64,
    /// Number of cases.
    pub count: u64,
    /// Mean of their scores; `None` without cases.
    pub mean_score: Option<f64>,
    /// Share of positive cases; `None` without cases.
    pub positive_share: Option<f64>,
}

/// Sorts cases by score into `bins` ranges of equal width (at least 1), the upper end belonging to each.
///
/// ```
/// use strandscope_genome::reliability;
///
/// let found = reliability(&[0.1, 0.3, 0.9, 0.7], &[false, false, true, false], 2)?;
/// assert_eq!((found.bins[1].count, found.bins[1].positive_share), (2, Some(0.5)));
/// assert!((found.calibration_error - 0.25).abs() < 1e-12);
/// # Ok::<(), strandscope_genome::RelateError>(())
/// ```
///
/// # Errors
///
/// Where there is not one label per score, where a score is no probability, and where no case has a score.
pub fn reliability<T: Copy + Into<f64>>(
    scores: &[T],
    labels: &[bool],
    bins: usize,
) -> Result<Reliability, RelateError> {
    if scores.len() != labels.len() {
        return Err(RelateError::Lengths { scores: scores.len(), labels: labels.len() });
    }
    let bins = bins.max(1);
    let edges = (1..=bins).map(|edge| edge as f64 / bins as f64).collect::<Vec<_>>();
    let mut sums = vec![(0_u64, 0_u64, 0.0); bins];
    let mut without_score = 0;
    for (at, (&score, &label)) in scores.iter().zip(labels).enumerate() {
        let score: f64 = score.into();
        if score.is_nan() {
            without_score += 1;
            continue;
        }
        if !(0.0..=1.0).contains(&score) {
            return Err(RelateError::NoProbability { score, case: at + 1 });
        }
        // The last edge is exactly 1, so that there always is one.
        let (count, positives, sum) = &mut sums[edges.partition_point(|&edge| edge < score)];
        *count += 1;
        *positives += u64::from(label);
        *sum += score;
    }
    let total = sums.iter().map(|(count, ..)| count).sum::<u64>();
    if total == 0 {
        return Err(RelateError::NoScores);
    }
    let distance = sums.iter().map(|&(_, positives, sum)| (sum - positives as f64).abs()).sum::<f64>();
    let bins = sums.into_iter().zip(&edges).enumerate().map(|(at, ((count, positives, sum), &high))| ReliabilityBin {
        low: if at == 0 { 0.0 } else { edges[at - 1] },
        high,
        count,
        mean_score: (count > 0).then(|| sum / count as f64),
        positive_share: (count > 0).then(|| positives as f64 / count as f64),
    });
    Ok(Reliability { bins: bins.collect(), without_score, calibration_error: distance / total as f64 })
}
