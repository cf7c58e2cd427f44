//! What is seen, cut out of what has arrived, for files and figures.

use strandscope_worker::genome::{MissingRun, Region, Track, TrackLayout};

use crate::{
    scale::index,
    state::{
        State,
        lanes::{Lane, LaneKind},
    },
};

/// The tracks that are drawn: of the region in view, or all that has arrived for the record in view.
///
/// Scores only when there are any, otherwise attention: a file holds values of one unit.
pub(crate) fn tracks(state: &State, only_view: bool) -> Vec<Track> {
    let Some(genome) = &state.genome else { return Vec::new() };
    let contig = genome.contig();
    let region = if only_view { genome.region() } else { Region::new(&contig.name, 0, contig.length_bp) };
    let lanes = state.lanes();
    let of =
        |kind| lanes.iter().filter(move |lane| lane.kind == kind).flat_map(|lane| lane_tracks(state, lane, &region));
    let scores: Vec<Track> = of(LaneKind::Score).collect();
    if scores.is_empty() { of(LaneKind::Attention).collect() } else { scores }
}

/// What is drawn of a lane in a region, in order.
fn lane_tracks(state: &State, lane: &Lane, region: &Region) -> Vec<Track> {
    let layers = state.layers(lane);
    let parts = layers.iter().flat_map(|layer| layer.parts.iter().map(|&part| (layer.track, part)));
    let mut tracks: Vec<Track> = parts
        .filter_map(|(track, (start_bp, end_bp))| cut(track, start_bp.max(region.start_bp), end_bp.min(region.end_bp)))
        .collect();
    tracks.sort_by_key(|track| track.region.start_bp);
    tracks
}

/// The values of a track that overlap `from..to`; bins and spans stay whole. `None` where there are none.
pub(crate) fn cut(track: &Track, from: u64, to: u64) -> Option<Track> {
    let (from, to) = (from.max(track.region.start_bp), to.min(track.region.end_bp));
    if from >= to {
        return None;
    }
    let (first, end, start_bp, end_bp, layout) = match &track.layout {
        TrackLayout::Bins { width_bp } => {
            let width = (*width_bp).max(1);
            let first = (from - track.region.start_bp) / width;
            let end = (to - track.region.start_bp).div_ceil(width);
            let start_bp = track.region.start_bp + first * width;
            let end_bp = (track.region.start_bp + end * width).min(track.region.end_bp);
            (index(first), index(end), start_bp, end_bp, TrackLayout::Bins { width_bp: *width_bp })
        }
        TrackLayout::Spans(spans) => {
            let (first, end) =
                (spans.partition_point(|span| span.1 <= from), spans.partition_point(|span| span.0 < to));
            let kept = spans.get(first..end).filter(|kept| !kept.is_empty())?;
            (first, end, kept[0].0.min(from), kept[kept.len() - 1].1.max(to), TrackLayout::Spans(kept.to_vec()))
        }
    };
    let values = track.values.get(first..end.min(track.values.len())).filter(|values| !values.is_empty())?.to_vec();
    let missing = track.missing.iter().filter(|run| run.end_bp > start_bp && run.start_bp < end_bp);
    let missing = missing
        .map(|run| MissingRun {
            start_bp: run.start_bp.max(start_bp),
            end_bp: run.end_bp.min(end_bp),
            reason: run.reason.clone(),
        })
        .collect();
    let region = Region::new(&track.region.contig, start_bp, end_bp);
    let (name, label, unit) = (track.name.clone(), track.label.clone(), track.unit.clone());
    Some(Track { name, label, unit, region, strand: track.strand, layout, values, missing })
}

#[cfg(test)]
mod tests {
    use strandscope_worker::genome::Strand;

    use super::*;

    fn track(layout: TrackLayout, values: &[f32]) -> Track {
        Track {
            name: "a".into(),
            label: "a".into(),
            unit: "probability".into(),
            region: Region::new("chr1", 100, 110),
            strand: Strand::Forward,
            layout,
            values: values.to_vec(),
            missing: vec![MissingRun { start_bp: 102, end_bp: 108, reason: "n_run".into() }],
        }
    }

    #[test]
    fn bins_stay_whole() {
        let track = track(TrackLayout::Bins { width_bp: 4 }, &[1.0, 2.0, 3.0]);
        let part = cut(&track, 105, 109).expect("overlaps");
        assert_eq!((part.region.start_bp, part.region.end_bp), (104, 110), "bins 1 and 2, the last one cut");
        assert_eq!(part.values, [2.0, 3.0], "their values");
        assert_eq!((part.missing[0].start_bp, part.missing[0].end_bp), (104, 108), "missing runs are cut");
        assert_eq!(cut(&track, 110, 200), None, "beside it");
    }

    #[test]
    fn spans_stay_whole() {
        let track = track(TrackLayout::Spans(vec![(100, 103), (103, 107), (107, 110)]), &[1.0, 2.0, 3.0]);
        let part = cut(&track, 104, 105).expect("overlaps");
        assert_eq!((part.region.start_bp, part.region.end_bp), (103, 107), "the span it lies in");
        assert_eq!(part.values, [2.0], "its value");
    }
}
