//! Answers as parts of tracks.

use std::ops::Range;

use strandscope_genome::{MissingRun, Region, Track, TrackLayout};
use strandscope_models::card::{Activation, StrandRule};

use super::{run::Run, track_names};

/// Why a base or bin has no answer, whatever the head says; `None` where the head decides.
pub(super) type Gap = Option<&'static str>;

/// Why answers of windows cannot be held against each other.
pub(super) const VOTES_MISSING: &str = "one_window";

impl Run<'_, '_> {
    /// Hands out the scores of a stretch; `answers` is `[strand][label][base or bin]`, `gaps` as in [`missing_runs`].
    pub(super) fn emit_scores(&mut self, range: &Range<u64>, width_bp: u64, answers: Vec<Vec<Vec<f32>>>, gaps: &[Gap]) {
        let values = match (&self.predictor.head.card.strand, answers.len()) {
            (StrandRule::Symmetric, 2) => averaged(&answers),
            _ => answers.into_iter().flatten().collect(),
        };
        for (number, values) in values.into_iter().enumerate() {
            self.emit(number, range, width_bp, values, gaps, self.unit());
        }
    }

    /// Hands out how many windows answered for each base, and `[strand][label][base]` how far their answers lie apart.
    pub(super) fn emit_votes(
        &mut self,
        range: &Range<u64>,
        counts: Vec<f32>,
        gaps: &[Gap],
        spreads: Vec<Vec<Vec<f32>>>,
        gaps_of_spreads: &[Gap],
    ) {
        let card = &self.predictor.head.card;
        let first = track_names(card, self.plan.both_strands, false).len();
        let spreads = match (&card.strand, spreads.len()) {
            (StrandRule::Symmetric, 2) => larger(&spreads),
            _ => spreads.into_iter().flatten().collect(),
        };
        self.emit(first, range, 1, counts, gaps, "windows");
        for (number, values) in spreads.into_iter().enumerate() {
            self.emit(first + 1 + number, range, 1, values, gaps_of_spreads, self.unit());
        }
    }

    fn unit(&self) -> &'static str {
        match self.predictor.head.card.activation {
            Activation::Identity => "value",
            _ => "probability",
        }
    }

    fn emit(
        &mut self,
        number: usize,
        range: &Range<u64>,
        width_bp: u64,
        mut values: Vec<f32>,
        gaps: &[Gap],
        unit: &str,
    ) {
        let card = &self.predictor.head.card;
        let mut names = track_names(card, self.plan.both_strands, self.plan.votes).into_iter().skip(number);
        let Some((label, strand)) = names.next() else { return };
        let region = Region::new(self.plan.region.contig.clone(), range.start, range.end);
        let missing = missing_runs(&mut values, gaps, range, width_bp);
        let name = format!("{} {label}", card.name);
        let layout = TrackLayout::Bins { width_bp };
        let part = Track { name, label, unit: unit.to_owned(), region, strand, layout, values, missing };
        self.host.part(number, part);
    }
}

/// Takes out the values that are no answers and tells where they were and why; `gaps` has one entry for each value.
fn missing_runs(values: &mut [f32], gaps: &[Gap], range: &Range<u64>, width_bp: u64) -> Vec<MissingRun> {
    let mut missing: Vec<MissingRun> = Vec::new();
    for (index, (value, gap)) in values.iter_mut().zip(gaps).enumerate() {
        let Some(reason) = gap.or((!value.is_finite()).then_some("not_finite")) else { continue };
        *value = f32::NAN;
        // The first bin may begin before the region.
        let start_bp = if index == 0 { range.start } else { (range.start / width_bp + index as u64) * width_bp };
        let end_bp = ((range.start / width_bp + index as u64 + 1) * width_bp).min(range.end);
        match missing.last_mut() {
            Some(last) if last.end_bp == start_bp && last.reason == reason => last.end_bp = end_bp,
            _ => missing.push(MissingRun { start_bp, end_bp, reason: reason.to_owned() }),
        }
    }
    missing
}

/// Means of both strands for each label, then how far the strands lie apart.
fn averaged(strands: &[Vec<Vec<f32>>]) -> Vec<Vec<f32>> {
    let joined = |join: fn(f32, f32) -> f32| {
        let labels = strands[0].iter().zip(&strands[1]);
        labels.map(move |(forward, reverse)| forward.iter().zip(reverse).map(|(&a, &b)| join(a, b)).collect())
    };
    joined(|a, b| (a + b) / 2.0).chain(joined(|a, b| (a - b).abs())).collect()
}

/// The larger of both strands for each label and place.
fn larger(strands: &[Vec<Vec<f32>>]) -> Vec<Vec<f32>> {
    // Unlike `max`, this keeps what is no number.
    let larger = |(&a, &b): (&f32, &f32)| if a >= b || a.is_nan() { a } else { b };
    let labels = strands[0].iter().zip(&strands[1]);
    labels.map(|(forward, reverse)| forward.iter().zip(reverse).map(larger).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strands_are_averaged_and_their_disagreement_told() {
        let strands = [vec![vec![0.2, f32::NAN]], vec![vec![0.6, 0.5]]];
        let values = averaged(&strands);
        assert!((values[0][0] - 0.4).abs() < 1e-6, "mean");
        assert!((values[1][0] - 0.4).abs() < 1e-6, "difference");
        assert!(values[0][1].is_nan(), "missing on one strand is missing");
    }

    #[test]
    fn each_missing_value_has_its_own_reason() {
        let mut values = [f32::NAN, f32::NAN, 0.5, f32::INFINITY, 0.25, 0.75];
        let gaps = [Some("contig_end"), Some("n_run"), Some("n_run"), None, None, None];
        let found = missing_runs(&mut values, &gaps, &(15..65), 10);
        let run = |start_bp, end_bp, reason: &str| MissingRun { start_bp, end_bp, reason: reason.to_owned() };
        assert_eq!(found, [run(15, 20, "contig_end"), run(20, 40, "n_run"), run(40, 50, "not_finite")], "reasons");
        assert_eq!(values.map(f32::is_finite), [false, false, false, false, true, true], "what stays");
    }

    #[test]
    fn what_is_missing_on_one_strand_is_not_the_smaller() {
        let strands = [vec![vec![0.2, f32::NAN, 0.1]], vec![vec![0.6, 0.5, f32::NAN]]];
        let values = larger(&strands);
        assert!(values[0][0] == 0.6 && values[0][1].is_nan() && values[0][2].is_nan(), "{values:?}");
    }
}
