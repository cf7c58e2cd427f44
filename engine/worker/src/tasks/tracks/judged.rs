//! How well scores tell the features of a track from the rest of the sequence.

use strandscope_genome::{CutOff, RocCurve, Strand};

use super::TrackTasks;
use crate::{
    ErrorKind, JobError, JudgeRequest, Judged, JudgedCut, JudgedPoint, Outcome,
    engine::{Job, Stop},
};

impl TrackTasks {
    /// Takes the highest score in each feature, and in each stretch of the rest that is as long as features are, and
    /// tells how well a threshold tells them apart.
    pub(super) fn judge(&mut self, request: &JudgeRequest, job: &Job) -> Result<Outcome, Stop> {
        let JudgeRequest { source, genome, region, values, strand } = request;
        let (content, _) = self.track(source, genome, job)?;
        let features = content.all_in(region, job)?;
        let mut spans: Vec<(u64, u64)> = features
            .iter()
            .filter(|feature| strand.is_none() || feature.strand.is_none() || feature.strand == *strand)
            .map(|feature| (feature.start_bp.max(region.start_bp), feature.end_bp.min(region.end_bp)))
            .filter(|span| span.0 < span.1)
            .collect();
        spans.sort_unstable();
        spans.dedup();
        if spans.is_empty() {
            let on = strand.map_or(String::new(), |strand| format!(" on strand {strand}"));
            let message = format!(
                "cannot judge the scores: the track has no features{on} where they are; score a stretch that has some"
            );
            return Err(JobError::new(ErrorKind::BadInput, message).into());
        }
        let width_bp = median_length(&spans);
        let rest = between(&spans, (region.start_bp, region.end_bp), width_bp);
        let highest = |&(start_bp, end_bp): &(u64, u64)| -> f32 {
            let at = |bp: u64| usize::try_from(bp - region.start_bp).unwrap_or(usize::MAX).min(values.len());
            let known = values[at(start_bp)..at(end_bp)].iter().copied().filter(|value| value.is_finite());
            known.reduce(f32::max).unwrap_or(f32::NAN)
        };
        let scores: Vec<f32> = spans.iter().chain(&rest).map(highest).collect();
        let labels: Vec<bool> = (0..scores.len()).map(|number| number < spans.len()).collect();
        let curve = RocCurve::of(&scores, &labels).map_err(|error| JobError::of(ErrorKind::BadInput, &error))?;
        Ok(Outcome::Judged(judged(&curve, width_bp, *strand)))
    }
}

fn judged(curve: &RocCurve, width_bp: u64, strand: Option<Strand>) -> Judged {
    let cut = |cut: &CutOff| JudgedCut {
        threshold: cut.threshold,
        recall: cut.true_positives as f64 / curve.positives.max(1) as f64,
        precision: cut.precision,
    };
    let point = |point: &strandscope_genome::RocPoint| JudgedPoint {
        false_positive_share: point.false_positive_share,
        recall: point.true_positive_share,
        precision: point.precision,
    };
    Judged {
        positives: curve.positives,
        negatives: curve.negatives,
        without_score: curve.without_score,
        auroc: curve.auroc,
        auprc: curve.auprc,
        points: curve.points.iter().map(point).collect(),
        best_youden: cut(&curve.best_youden),
        best_f1: cut(&curve.best_f1),
        width_bp,
        strand,
    }
}

/// The length of the feature in the middle when they stand in order of length.
fn median_length(spans: &[(u64, u64)]) -> u64 {
    let mut lengths: Vec<u64> = spans.iter().map(|span| span.1 - span.0).collect();
    lengths.sort_unstable();
    lengths.get(lengths.len() / 2).copied().unwrap_or(1).max(1)
}

/// Stretches of `width_bp` between the sorted spans; what is left over beside a span is left out.
fn between(spans: &[(u64, u64)], (from_bp, to_bp): (u64, u64), width_bp: u64) -> Vec<(u64, u64)> {
    let mut stretches = Vec::new();
    let mut at = from_bp;
    for &(start_bp, end_bp) in spans.iter().chain(&[(to_bp, to_bp)]) {
        while at + width_bp <= start_bp {
            stretches.push((at, at + width_bp));
            at += width_bp;
        }
        at = at.max(end_bp);
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_cut_into_stretches_as_long_as_features() {
        let spans = [(10, 14), (12, 20), (25, 27)];
        assert_eq!(median_length(&spans), 4, "of 2, 4 and 8");
        assert_eq!(between(&spans, (0, 36), 4), [(0, 4), (4, 8), (20, 24), (27, 31), (31, 35)], "none overlaps a span");
        assert_eq!(between(&[], (0, 9), 4), [(0, 4), (4, 8)], "without features all is rest");
    }
}
