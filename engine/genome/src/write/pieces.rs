//! A track as a row of pieces, each with a value or with the reason why there is none.

use crate::{MissingRun, Track, TrackLayout};

/// A stretch of a track.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Piece<'a> {
    pub(crate) start_bp: u64,
    pub(crate) end_bp: u64,
    /// The value, or why it is missing.
    pub(crate) value: Result<f32, &'a str>,
}

/// Said of a value that is not finite where the track gives no reason.
const NOT_FINITE: &str = "not_finite";

/// The pieces of `track` in order; between spans only what is listed as missing.
pub(crate) fn pieces(track: &Track) -> impl Iterator<Item = Piece<'_>> {
    let count = match &track.layout {
        TrackLayout::Bins { .. } => track.values.len(),
        TrackLayout::Spans(spans) => spans.len().min(track.values.len()),
    };
    let mut end_bp = track.region.start_bp;
    (0..=count).flat_map(move |index| {
        let span = (index < count).then(|| track.span_of(index));
        let next_bp = span.map_or(track.region.end_bp, |(start_bp, _)| start_bp);
        let gap = missing_between(track, end_bp, next_bp);
        end_bp = span.map_or(end_bp, |(_, span_end_bp)| span_end_bp);
        gap.chain(span.map(|(start_bp, end_bp)| Piece { start_bp, end_bp, value: value_or_reason(track, index) }))
    })
}

fn value_or_reason(track: &Track, index: usize) -> Result<f32, &str> {
    let value = track.values[index];
    if value.is_finite() {
        return Ok(value);
    }
    let (start_bp, end_bp) = track.span_of(index);
    let run = runs_from(track, start_bp).first().filter(|run| run.start_bp < end_bp);
    Err(run.map_or(NOT_FINITE, |run| &run.reason))
}

fn missing_between(track: &Track, start_bp: u64, end_bp: u64) -> impl Iterator<Item = Piece<'_>> {
    let runs = if start_bp < end_bp { runs_from(track, start_bp) } else { &[] };
    runs.iter().take_while(move |run| run.start_bp < end_bp).map(move |run| Piece {
        start_bp: run.start_bp.max(start_bp),
        end_bp: run.end_bp.min(end_bp),
        value: Err(run.reason.as_str()),
    })
}

/// The missing runs that end behind `start_bp`.
fn runs_from(track: &Track, start_bp: u64) -> &[MissingRun] {
    &track.missing[track.missing.partition_point(|run| run.end_bp <= start_bp)..]
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{Region, Strand};

    pub(crate) fn track(layout: TrackLayout, values: &[f32], missing: &[(u64, u64, &str)]) -> Track {
        let end_bp = match &layout {
            TrackLayout::Bins { width_bp } => 10 + width_bp * values.len() as u64,
            TrackLayout::Spans(spans) => spans.last().map_or(10, |span| span.1),
        };
        let run =
            |&(start_bp, end_bp, reason): &(u64, u64, &str)| MissingRun { start_bp, end_bp, reason: reason.into() };
        Track {
            name: "splice donor".into(),
            label: "donor".into(),
            unit: "probability".into(),
            region: Region::new("chr1", 10, end_bp),
            strand: Strand::Forward,
            layout,
            values: values.to_vec(),
            missing: missing.iter().map(run).collect(),
        }
    }

    #[test]
    fn each_value_has_its_place_and_each_gap_its_reason() {
        let spans = TrackLayout::Spans(vec![(10, 13), (13, 14), (17, 20)]);
        let track = track(spans, &[0.5, f32::INFINITY, f32::NAN], &[(14, 19, "n_run")]);
        let piece = |start_bp, end_bp, value| Piece { start_bp, end_bp, value };
        let found: Vec<_> = pieces(&track).collect();
        let wanted = [
            piece(10, 13, Ok(0.5)),
            piece(13, 14, Err("not_finite")),
            piece(14, 17, Err("n_run")),
            piece(17, 20, Err("n_run")),
        ];
        assert_eq!(found, wanted);
    }
}
