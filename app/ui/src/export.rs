//! What is seen, cut out of what has arrived, for files and figures.

use strandscope_worker::{
    RunRecord,
    genome::{MissingRun, Region, Track, TrackLayout},
};

use crate::state::{
    State,
    lanes::{Lane, LaneId},
};

/// The lanes that go into tables: those of the head that is picked, since labels of two heads may be one word.
pub(crate) fn lanes(state: &State) -> Vec<Lane> {
    let is_picked = |lane: &Lane| match &lane.id {
        LaneId::Score { head, .. } => state.head.as_ref() == Some(head),
        LaneId::Attention => true,
        _ => false,
    };
    state.all_lanes().into_iter().filter(is_picked).collect()
}

/// The tracks of lanes in a region of the record in view; their labels tell scores from attention.
pub(crate) fn tracks(state: &State, lanes: &[Lane], region: &Region) -> Vec<Track> {
    lanes.iter().flat_map(|lane| lane_tracks(state, lane, region)).collect()
}

/// What was run for lanes in a region; of several runs the first, with the commands of all.
pub(crate) fn record(state: &State, lanes: &[Lane], region: &Region) -> Option<RunRecord> {
    let layers = lanes.iter().flat_map(|lane| state.layers(lane, &region.contig));
    let drawn = layers.filter(|layer| layer.overlaps(region.start_bp, region.end_bp)).filter_map(|layer| layer.record);
    let mut commands: Vec<&str> = Vec::new();
    let mut first: Option<RunRecord> = None;
    for record in drawn {
        if !commands.contains(&record.command.as_str()) {
            commands.push(&record.command);
        }
        let first = first.get_or_insert_with(|| record.clone());
        first.beyond_trained_length |= record.beyond_trained_length;
    }
    Some(RunRecord { command: commands.join(" && "), ..first? })
}

/// What is drawn of a lane in a region, in order.
fn lane_tracks(state: &State, lane: &Lane, region: &Region) -> Vec<Track> {
    let layers = state.layers(lane, &region.contig);
    let parts = layers.iter().flat_map(|layer| layer.parts.iter().map(|&part| (layer.track, part)));
    let mut tracks: Vec<Track> = parts
        .filter_map(|(track, (start_bp, end_bp))| cut(track, start_bp.max(region.start_bp), end_bp.min(region.end_bp)))
        .collect();
    tracks.sort_by_key(|track| track.region.start_bp);
    tracks
}

/// The values of a track that overlap `from..to`, cut at both ends as the engine cuts them; `None` where there are none.
fn cut(track: &Track, from: u64, to: u64) -> Option<Track> {
    let (from, to) = (from.max(track.region.start_bp), to.min(track.region.end_bp));
    if from >= to {
        return None;
    }
    let kept = track.values_in(from, to);
    let values = track.values.get(kept.clone()).filter(|values| !values.is_empty())?.to_vec();
    let layout = match &track.layout {
        TrackLayout::Spans(spans) => {
            TrackLayout::Spans(spans[kept].iter().map(|span| (span.0.max(from), span.1.min(to))).collect())
        }
        bins @ TrackLayout::Bins { .. } => bins.clone(),
    };
    let missing = track.missing.iter().filter(|run| run.end_bp > from && run.start_bp < to);
    let missing = missing
        .map(|run| MissingRun {
            start_bp: run.start_bp.max(from),
            end_bp: run.end_bp.min(to),
            reason: run.reason.clone(),
        })
        .collect();
    let region = Region::new(&track.region.contig, from, to);
    let (name, label, unit) = (track.name.clone(), track.label.clone(), track.unit.clone());
    Some(Track { name, label, unit, region, strand: track.strand, layout, values, missing })
}

#[cfg(test)]
mod tests {
    use strandscope_worker::genome::Strand;

    use super::*;

    fn track(start_bp: u64, end_bp: u64, layout: TrackLayout, values: &[f32]) -> Track {
        Track {
            name: "a".into(),
            label: "a".into(),
            unit: "probability".into(),
            region: Region::new("chr1", start_bp, end_bp),
            strand: Strand::Forward,
            layout,
            values: values.to_vec(),
            missing: vec![MissingRun { start_bp: 102, end_bp: 108, reason: "n_run".into() }],
        }
    }

    #[test]
    fn bins_are_cut_at_the_ends_and_begin_at_multiples_of_their_width() {
        let track = track(101, 110, TrackLayout::Bins { width_bp: 4 }, &[1.0, 2.0, 3.0]);
        assert_eq!(cut(&track, 0, 200), Some(track.clone()), "101..104, 104..108 and 108..110");
        let part = cut(&track, 105, 109).expect("overlaps");
        assert_eq!((part.region.start_bp, part.region.end_bp), (105, 109), "what was asked for");
        assert_eq!(part.values, [2.0, 3.0], "the bins it lies in");
        assert_eq!([0, 1].map(|at| part.span_of(at)), [(105, 108), (108, 109)], "each where it was, cut at the ends");
        assert_eq!((part.missing[0].start_bp, part.missing[0].end_bp), (105, 108), "missing runs are cut");
        assert_eq!(cut(&track, 110, 200), None, "beside it");
    }

    #[test]
    fn spans_are_cut_at_the_ends() {
        let spans = TrackLayout::Spans(vec![(100, 103), (103, 107), (107, 110)]);
        let part = cut(&track(100, 110, spans, &[1.0, 2.0, 3.0]), 105, 108).expect("overlaps");
        assert_eq!(part.layout, TrackLayout::Spans(vec![(105, 107), (107, 108)]), "the spans it lies in");
        assert_eq!(part.values, [2.0, 3.0], "their values");
    }
}
