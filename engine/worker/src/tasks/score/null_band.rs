//! The scores that chance alone would give.

use std::{cell::Cell, ops::Range};

use strandscope_analysis::{
    AnalysisError,
    batch::is_base,
    score::{ScoreHost, score_region, track_names},
};
use strandscope_genome::{MissingRun, Region, ShuffleRule, Strand, Track, shuffle_bases};
use strandscope_models::card::{HeadCard, StrandRule};

use super::{
    host::shift,
    plan::{Plan, check_request, read_of},
    predictor, warn_of_length, warn_of_unknown,
};
use crate::{
    ErrorKind, JobError, NullBandRequest, NullRule, Outcome, ScoreRequest, TrackAssembly, TrackChunk,
    engine::{Job, Stop},
    tasks::{command_line::of_null_band, fallback::Fallback, places::places, tensors::TensorTasks},
};

/// The percentiles of the tracks, by the end of their labels.
const PERCENTILES: [(&str, f64); 3] = [("null05", 0.05), ("null50", 0.5), ("null95", 0.95)];

impl TensorTasks {
    /// Scores shuffled bases and tells between which values they mostly lie.
    pub(in crate::tasks) fn null_band(&mut self, request: &NullBandRequest, job: &Job) -> Result<Outcome, Stop> {
        check(request)?;
        let score = ScoreRequest { window_votes: false, keep_going: false, ..request.score.clone() };
        let model = self.shelf.model_of(&score.head, score.model.as_deref())?;
        model.tell_oddities(job);
        let head = self.shelf.head(&score.head, &model.model)?;
        let fallback = Fallback::new(job, &self.device.name);
        let done = Cell::new(0);
        let predictor = predictor(&model, &head, job, &fallback, &done);
        let outline = predictor.outline();
        check_request(&score, &outline)?;
        let genome = self.genomes.open(&score.genome, job)?;
        let places = places(&score.regions, false, genome, job)?;
        let plans: Vec<Plan> = places.iter().map(|place| Plan::new(&score, &outline, place)).collect();
        let mut record = self.record_of(&score, &model, &head, &outline, &plans, job)?;
        record.command = self.setting.command(|| of_null_band(request));
        let shuffles = u64::from(request.shuffles);
        job.started(shuffles * plans.iter().map(|plan| plan.score.window_count(&outline)).sum::<u64>(), "windows");
        let scored = scored_names(outline.card, score.both_strands);
        let names =
            scored.iter().flat_map(|(label, strand)| PERCENTILES.map(|(end, _)| (format!("{label}.{end}"), *strand)));
        job.record(record.clone(), names.collect());
        warn_of_length(&record, &head, &plans, job);
        let genome = self.genomes.open(&score.genome, job)?;
        for plan in &plans {
            let pieces = plan.score.pieces(&outline).map(|piece| piece.reads).filter(|reads| !reads.is_empty());
            let reads = pieces.reduce(|all, reads| all.start.min(reads.start)..all.end.max(reads.end)).unwrap_or(0..0);
            let (start_bp, bases) = (reads.start, read_of(genome, plan, reads)?);
            let seen_unknown = Cell::new(false);
            let mut of_shuffles = Vec::new();
            for shuffle in 0..shuffles {
                let bases = shuffle_bases(&bases, rule(request.rule), request.seed.wrapping_add(shuffle));
                let tracks = TrackAssembly::default();
                let mut host =
                    Shuffled { bases: &bases, start_bp, job, done: &done, seen_unknown: &seen_unknown, tracks };
                score_region(&predictor, &plan.score, &mut host)?;
                of_shuffles.push(host.tracks.into_tracks());
            }
            if seen_unknown.get() {
                let Region { start_bp, end_bp, .. } = plan.score.region;
                let bases = read_of(genome, plan, start_bp..end_bp)?;
                record.unknown_bp += bases.iter().filter(|base| !is_base(**base)).count() as u64;
            }
            hand_out(plan, &scored, &of_shuffles, job);
        }
        record.windows = done.get();
        record.device = fallback.devices();
        warn_of_unknown(&record, job);
        Ok(Outcome::Run(record))
    }
}

/// Refuses what would take long or say little.
fn check(request: &NullBandRequest) -> Result<(), Stop> {
    let usage = |message: String| Err(JobError::new(ErrorKind::Usage, message).into());
    let (shuffles, most) = (request.shuffles, NullBandRequest::MOST_SHUFFLES);
    if !(2..=most).contains(&shuffles) {
        return usage(format!("a band of {shuffles} shuffles is none; ask for 2 to {most}"));
    }
    let [region] = request.score.regions.as_slice() else {
        return usage("a band of shuffles lies behind one region; name one".to_owned());
    };
    let most = NullBandRequest::MOST_BP;
    if region.len_bp() > most {
        return usage(format!(
            "the region {region} has {} bases, and a band of shuffles takes {most} at most; name a shorter one",
            region.len_bp()
        ));
    }
    if request.score.window_votes {
        return usage("a band of shuffles tells nothing of single windows; leave out --window-votes".to_owned());
    }
    Ok(())
}

fn rule(rule: NullRule) -> ShuffleRule {
    match rule {
        NullRule::Pairs => ShuffleRule::Pairs,
        NullRule::Letters => ShuffleRule::Letters,
    }
}

/// The tracks of scores alone, without how far strands lie apart.
fn scored_names(card: &HeadCard, both_strands: bool) -> Vec<(String, Strand)> {
    track_names(card, both_strands && card.strand == StrandRule::Stranded, false)
}

/// Gives shuffled bases in place of the real ones, and gathers what they score.
struct Shuffled<'a> {
    bases: &'a [u8],
    /// Position of the first.
    start_bp: u64,
    job: &'a Job,
    /// Windows of all shuffles.
    done: &'a Cell<u64>,
    seen_unknown: &'a Cell<bool>,
    tracks: TrackAssembly,
}

impl ScoreHost for Shuffled<'_> {
    fn bases(&mut self, range: Range<u64>) -> Result<Vec<u8>, AnalysisError> {
        let at = |position: u64| usize::try_from(position.checked_sub(self.start_bp)?).ok();
        let bases = at(range.start).zip(at(range.end)).and_then(|(start, end)| self.bases.get(start..end));
        let outside = || AnalysisError::Request(format!("bases {range:?} were not shuffled; please report this"));
        Ok(bases.ok_or_else(outside)?.to_vec())
    }

    fn part(&mut self, track: usize, part: Track) {
        let whole = part.region.clone();
        self.tracks.add(TrackChunk { track, part, whole });
    }

    fn done(&mut self, windows: u64, unknown_bp: u64) -> Result<(), AnalysisError> {
        self.done.set(self.done.get() + windows);
        self.seen_unknown.set(self.seen_unknown.get() || unknown_bp > 0);
        self.job.progress(self.done.get(), "");
        if self.job.is_cancelled() { Err(AnalysisError::Cancelled) } else { Ok(()) }
    }
}

/// Hands out three tracks for each scored one; `shuffles` is `[shuffle][track]`.
fn hand_out(plan: &Plan, scored: &[(String, Strand)], shuffles: &[Vec<Track>], job: &Job) {
    for (number, (label, _)) in scored.iter().enumerate() {
        let of_track: Vec<&Track> = shuffles.iter().filter_map(|tracks| tracks.get(number)).collect();
        for (at, (end, share)) in PERCENTILES.into_iter().enumerate() {
            let Some(mut part) = percentile(&of_track, share) else { continue };
            part.label = format!("{label}.{end}");
            part.name = format!("{}.{end}", part.name);
            shift(&mut part, plan.offset_bp);
            let track = number * PERCENTILES.len() + at;
            job.chunk(TrackChunk { track, part, whole: plan.region.clone() });
        }
    }
}

/// A percentile of tracks of the same places, at each of them.
///
/// A place where fewer than half of the shuffles have a value is missing, for the reason that the first of them gives:
/// each `N` stays in its place, but other letters that are no base move.
fn percentile(tracks: &[&Track], share: f64) -> Option<Track> {
    let mut band = (*tracks.first()?).clone();
    band.missing.clear();
    for index in 0..band.values.len() {
        let values = tracks.iter().filter_map(|track| track.values.get(index)).copied();
        let mut values: Vec<f32> = values.filter(|value| value.is_finite()).collect();
        if values.len() * 2 >= tracks.len() && !values.is_empty() {
            values.sort_by(f32::total_cmp);
            band.values[index] = interpolated(&values, share);
            continue;
        }
        band.values[index] = f32::NAN;
        let (start_bp, end_bp) = band.span_of(index);
        let reason = tracks.iter().find_map(|track| track.reason_at(start_bp)).unwrap_or("not_finite");
        match band.missing.last_mut() {
            Some(last) if last.end_bp == start_bp && last.reason == reason => last.end_bp = end_bp,
            _ => band.missing.push(MissingRun { start_bp, end_bp, reason: reason.to_owned() }),
        }
    }
    Some(band)
}

/// The value below which this share of sorted values lies, on the line between the two around it.
fn interpolated(sorted: &[f32], share: f64) -> f32 {
    let rank = share * (sorted.len() - 1) as f64;
    #[expect(clippy::cast_possible_truncation, reason = "a share of a length is below it")]
    let below = rank as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    #[expect(clippy::cast_possible_truncation, reason = "scores are told in single precision")]
    let value = (f64::from(low) + (rank - below as f64) * (f64::from(high) - f64::from(low))) as f32;
    value
}

#[cfg(test)]
mod tests {
    use strandscope_genome::TrackLayout;

    use super::*;

    fn track(values: &[f32]) -> Track {
        let missing = values.iter().zip(5..).filter(|(value, _)| value.is_nan());
        let missing = missing.map(|(_, at)| MissingRun { start_bp: at, end_bp: at + 1, reason: "n_run".to_owned() });
        Track {
            name: "splice donor".to_owned(),
            label: "donor".to_owned(),
            unit: "probability".to_owned(),
            region: Region::new("chr1", 5, 5 + values.len() as u64),
            strand: Strand::Forward,
            layout: TrackLayout::Bins { width_bp: 1 },
            values: values.to_vec(),
            missing: missing.collect(),
        }
    }

    #[test]
    fn percentiles_lie_between_neighbours() {
        let sorted: Vec<f32> = (0..=20_u8).map(f32::from).collect();
        assert_eq!([0.05, 0.5, 0.95].map(|share| interpolated(&sorted, share)), [1.0, 10.0, 19.0]);
        assert_eq!([0.0, 0.25, 1.0].map(|share| interpolated(&[1.0, 3.0], share)), [1.0, 1.5, 3.0]);
        assert_eq!(interpolated(&[4.0], 0.95), 4.0, "one value");
    }

    #[test]
    fn a_place_that_few_shuffles_answer_for_is_missing() {
        let tracks = [[0.1, f32::NAN, f32::NAN], [0.3, 0.2, f32::NAN], [0.2, 0.4, 0.5]].map(|values| track(&values));
        let band = percentile(&tracks.each_ref(), 0.5).expect("tracks");
        assert_eq!(band.values[0], 0.2, "the middle one");
        assert!((band.values[1] - 0.3).abs() < 1e-6, "of two out of three");
        assert!(band.values[2].is_nan() && band.reason_at(7) == Some("n_run"), "{band:?}");
        assert_eq!(band.missing.len(), 1, "and no other");
    }
}
