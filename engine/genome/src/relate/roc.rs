//! How well scores tell positive from negative cases.

use super::RelateError;

/// Points that a curve keeps for drawing, about.
const DRAWN_POINTS: f64 = 1_000.0;

/// The curves of a score: true against false positives, and precision against recall.
///
/// A case counts as positive where its score is at or above the threshold. Equal scores pass it together, so that no
/// order among them matters.
///
/// ```
/// use strandscope_genome::RocCurve;
///
/// let curve = RocCurve::of(&[0.9, 0.8, 0.3, 0.1], &[true, false, true, false])?;
/// assert_eq!(curve.auroc, 0.75);
/// assert_eq!(curve.best_f1.threshold, 0.3);
/// # Ok::<(), strandscope_genome::RelateError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RocCurve {
    /// Positive cases with a score.
    pub positives: u64,
    /// Negative cases with a score.
    pub negatives: u64,
    /// Cases left out since their score is NaN.
    pub without_score: u64,
    /// Area under the curve of true against false positives: the chance that a positive case scores above a negative
    /// one, equal scores counting half. Exact.
    pub auroc: f64,
    /// Area under precision against recall, as average precision: a sum of steps, without interpolation.
    pub auprc: f64,
    /// The curve from its first point (nothing passes) to its last (all pass), thinned for drawing.
    pub points: Vec<RocPoint>,
    /// Where the share of true positives exceeds that of false positives most (Youden's J); the highest of equals.
    pub best_youden: CutOff,
    /// Where F1 is largest; the highest of equals.
    pub best_f1: CutOff,
    /// Each distinct score with the cases at or above it, from the highest on.
    steps: Vec<Step>,
}

/// A point of both curves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RocPoint {
    /// Score at and above which a case passes; infinite at the first point.
    pub threshold: f64,
    /// Share of the negative cases that pass.
    pub false_positive_share: f64,
    /// Share of the positive cases that pass, also called recall or sensitivity.
    pub true_positive_share: f64,
    /// Share of positive cases among those that pass; 1 where none do.
    pub precision: f64,
}

/// What a threshold makes of the cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CutOff {
    /// Score at and above which a case passes.
    pub threshold: f64,
    /// Positive cases that pass.
    pub true_positives: u64,
    /// Negative cases that pass.
    pub false_positives: u64,
    /// Positive cases that do not pass.
    pub false_negatives: u64,
    /// Negative cases that do not pass.
    pub true_negatives: u64,
    /// Share of positive cases among those that pass.
    pub precision: f64,
    /// Share of the positive cases that pass.
    pub recall: f64,
    /// Share of the negative cases that do not pass.
    pub specificity: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Recall plus specificity minus 1.
    pub youden: f64,
}

/// The cases at or above a score.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Step {
    threshold: f64,
    true_positives: u64,
    false_positives: u64,
}

impl RocCurve {
    /// The curves of `scores`, where a higher one should mean that the label is `true`.
    ///
    /// # Errors
    ///
    /// Where there is not one label per score, and where there are not both positive and negative cases.
    pub fn of<T: Copy + Into<f64>>(scores: &[T], labels: &[bool]) -> Result<Self, RelateError> {
        if scores.len() != labels.len() {
            return Err(RelateError::Lengths { scores: scores.len(), labels: labels.len() });
        }
        let cases = scores.iter().zip(labels).map(|(&score, &label)| (score.into(), label));
        let mut cases = cases.filter(|(score, _): &(f64, bool)| !score.is_nan()).collect::<Vec<_>>();
        cases.sort_unstable_by(|left, right| right.0.total_cmp(&left.0));
        let steps = steps(&cases);
        let last = steps.last().copied().unwrap_or_default();
        let (positives, negatives) = (last.true_positives, last.false_positives);
        if positives == 0 || negatives == 0 {
            return Err(RelateError::OneClass { positives, negatives });
        }
        let cut = |step: Step| CutOff::of(step, positives, negatives);
        Ok(Self {
            positives,
            negatives,
            without_score: (scores.len() - cases.len()) as u64,
            auroc: auroc(&steps, positives, negatives),
            auprc: auprc(&steps, positives),
            points: thinned(&steps, positives, negatives),
            best_youden: cut(first_best(&steps, |step, best| {
                // Shares are compared as whole numbers, so that equals are equal.
                let youden = |step: &Step| {
                    i128::from(step.true_positives) * i128::from(negatives)
                        - i128::from(step.false_positives) * i128::from(positives)
                };
                youden(step) > youden(best)
            })),
            best_f1: cut(first_best(&steps, |step, best| {
                let passing = |step: &Step| u128::from(step.true_positives + step.false_positives + positives);
                u128::from(step.true_positives) * passing(best) > u128::from(best.true_positives) * passing(step)
            })),
            steps,
        })
    }

    /// The threshold of most recall at which precision is at least so much; `None` where there is none.
    pub fn at_precision(&self, least: f64) -> Option<CutOff> {
        let cuts = self.steps.iter().rev().map(|&step| CutOff::of(step, self.positives, self.negatives));
        // Of thresholds with the same recall the highest lets fewest negative cases pass.
        cuts.filter(|cut| cut.precision >= least && cut.true_positives > 0)
            .reduce(|best, cut| if cut.true_positives == best.true_positives { cut } else { best })
    }

    /// What any threshold makes of the cases.
    pub fn at_threshold(&self, threshold: f64) -> CutOff {
        let passing = self.steps.partition_point(|step| step.threshold >= threshold);
        let step = passing.checked_sub(1).map(|at| self.steps[at]).unwrap_or_default();
        CutOff::of(Step { threshold, ..step }, self.positives, self.negatives)
    }
}

impl CutOff {
    fn of(step: Step, positives: u64, negatives: u64) -> Self {
        let Step { threshold, true_positives, false_positives } = step;
        let share = |part: u64, whole: u64| part as f64 / whole as f64;
        let recall = share(true_positives, positives);
        let specificity = share(negatives - false_positives, negatives);
        Self {
            threshold,
            true_positives,
            false_positives,
            false_negatives: positives - true_positives,
            true_negatives: negatives - false_positives,
            precision: precision(step),
            recall,
            specificity,
            f1: share(2 * true_positives, true_positives + false_positives + positives),
            youden: recall + specificity - 1.0,
        }
    }
}

fn precision(step: Step) -> f64 {
    let passing = step.true_positives + step.false_positives;
    if passing == 0 { 1.0 } else { step.true_positives as f64 / passing as f64 }
}

/// One step for each distinct score of sorted cases.
fn steps(cases: &[(f64, bool)]) -> Vec<Step> {
    let mut passed = Step::default();
    let mut steps = Vec::new();
    for equal in cases.chunk_by(|left, right| left.0 == right.0) {
        let positives = equal.iter().filter(|(_, label)| *label).count();
        passed.threshold = equal[0].0;
        passed.true_positives += positives as u64;
        passed.false_positives += (equal.len() - positives) as u64;
        steps.push(passed);
    }
    steps
}

fn auroc(steps: &[Step], positives: u64, negatives: u64) -> f64 {
    let mut before = Step::default();
    let mut twice_area = 0_u128;
    for &step in steps {
        let width = u128::from(step.false_positives - before.false_positives);
        twice_area += width * u128::from(step.true_positives + before.true_positives);
        before = step;
    }
    twice_area as f64 / (2.0 * positives as f64 * negatives as f64)
}

fn auprc(steps: &[Step], positives: u64) -> f64 {
    let mut before = 0;
    let mut area = 0.0;
    for &step in steps {
        area += (step.true_positives - before) as f64 * precision(step);
        before = step.true_positives;
    }
    area / positives as f64
}

fn first_best(steps: &[Step], is_better: impl Fn(&Step, &Step) -> bool) -> Step {
    let best = steps.iter().reduce(|best, step| if is_better(step, best) { step } else { best });
    best.copied().unwrap_or_default()
}

/// The first and the last point, and between them one for about each thousandth of the way along both curves.
fn thinned(steps: &[Step], positives: u64, negatives: u64) -> Vec<RocPoint> {
    let point = |step: Step| RocPoint {
        threshold: step.threshold,
        false_positive_share: step.false_positives as f64 / negatives as f64,
        true_positive_share: step.true_positives as f64 / positives as f64,
        precision: precision(step),
    };
    let way = |from: RocPoint, to: RocPoint| {
        to.false_positive_share - from.false_positive_share + to.true_positive_share - from.true_positive_share
            + (to.precision - from.precision).abs()
    };
    let first = point(Step { threshold: f64::INFINITY, ..Step::default() });
    let all = || std::iter::once(first).chain(steps.iter().map(|&step| point(step)));
    let whole = all().zip(all().skip(1)).map(|(from, to)| way(from, to)).sum::<f64>();
    let mut points = vec![first];
    let mut gone = 0.0;
    for (from, to) in all().zip(all().skip(1)) {
        gone += way(from, to);
        if gone >= whole / DRAWN_POINTS {
            points.push(to);
            gone = 0.0;
        }
    }
    let last = point(steps.last().copied().unwrap_or_default());
    if points.last() != Some(&last) {
        points.push(last);
    }
    points
}
