//! Tracks, maps and partners as a figure.

use strandscope_figure::{ATTENTION, Figure, FigureColours, FigureLinks, FigureMap, FigureStep, FigureTrack};
use strandscope_worker::{
    AttentionMap, AttentionPairs, Partner,
    genome::{Region, Track},
};

use super::{Name, form::Found};

/// Spans in view that are wide enough to be told apart.
const MOST_TOKENS: usize = 400;

impl Found {
    /// What was found, as a figure; `provenance` stands at its foot.
    pub(super) fn figure(&self, provenance: &[(String, String)]) -> Figure {
        let region = self.region.clone().unwrap_or_else(|| Region::new("", 0, 0));
        let tracks: Vec<FigureTrack> =
            self.names.iter().zip(self.tracks.tracks()).map(|(name, track)| drawn(name, track, &region)).collect();
        let tokens = self.tracks.tracks().next().map_or_else(Vec::new, |track| {
            if track.values.len() > MOST_TOKENS { Vec::new() } else { super::form::spans(track) }
        });
        Figure {
            title: region.to_string(),
            subtitle: format!("{}  ·  {}", self.stat.title(), self.stat.unit()),
            bases: Vec::new(),
            tokens,
            tracks,
            maps: self.pairs.iter().filter_map(|(name, pairs)| map(name, pairs)).collect(),
            links: self.pairs.iter().filter_map(|(name, pairs)| links(name, pairs)).collect(),
            provenance: provenance.iter().map(|(key, value)| format!("{key}: {value}")).collect(),
            colours: FigureColours::PAPER,
            region,
        }
    }
}

fn lines(name: &Name) -> [String; 2] {
    [format!("layer {}", name.layer), format!("head {}", name.head)]
}

fn drawn(name: &Name, track: &Track, region: &Region) -> FigureTrack {
    let [name, unit] = lines(name);
    let largest = track.values.iter().copied().filter(|value| value.is_finite()).fold(0f32, f32::max);
    let missing = track.missing.iter().map(|run| (run.start_bp, run.end_bp, run.reason.clone()));
    FigureTrack {
        name,
        unit,
        colour: ATTENTION,
        range: (0.0, if largest > 0.0 { largest } else { 1.0 }),
        steps: steps(track, region),
        missing: missing.collect(),
        threshold: None,
    }
}

/// The values of a track, one step each, or the extents of columns where there are too many.
fn steps(track: &Track, region: &Region) -> Vec<FigureStep> {
    let values = track.values.iter().enumerate().filter(|(_, value)| value.is_finite());
    let all = values.map(|(index, value)| {
        let (start_bp, end_bp) = track.span_of(index);
        FigureStep { start_bp, end_bp, low: *value, high: *value }
    });
    if (track.values.len() as u64) <= FigureTrack::COLUMNS {
        return all.collect();
    }
    let column = |step: &FigureStep| (step.start_bp - region.start_bp) * FigureTrack::COLUMNS / region.len_bp().max(1);
    let mut steps: Vec<FigureStep> = Vec::new();
    for step in all {
        match steps.last_mut() {
            Some(last) if column(last) == column(&step) => {
                last.end_bp = step.end_bp;
                (last.low, last.high) = (last.low.min(step.low), last.high.max(step.high));
            }
            _ => steps.push(step),
        }
    }
    steps
}

fn map(name: &Name, pairs: &AttentionPairs) -> Option<FigureMap> {
    let AttentionPairs::Map(AttentionMap { edges_bp, values }) = pairs else { return None };
    let bins = edges_bp.len().saturating_sub(1);
    Some(FigureMap { name: lines(name).join(", "), bins, values: values.clone(), colour: ATTENTION })
}

/// Partners other than the token itself, the strongest first.
fn links(name: &Name, pairs: &AttentionPairs) -> Option<FigureLinks> {
    let AttentionPairs::Partners(partners) = pairs else { return None };
    let middle = |(start_bp, end_bp): (u64, u64)| u64::midpoint(start_bp, end_bp);
    let link = |partner: &Partner| {
        let (from, to) = (middle(partner.span_bp), middle(partner.partner_bp?));
        (from != to && partner.weight.is_finite()).then_some((from, to, partner.weight))
    };
    let mut links: Vec<_> = partners.iter().filter_map(link).collect();
    links.sort_by(|(.., a), (.., b)| b.total_cmp(a));
    let [name, detail] = lines(name);
    Some(FigureLinks { name, detail, links, colour: ATTENTION })
}
