//! Which tracks are drawn, from top to bottom.

use strandscope_worker::{
    AttentionStat, HeadEntry,
    card::{Activation, StrandRule},
    genome::Region,
};

use super::{
    Genome, State,
    pieces::{Layer, Pieces, TrackKey},
    pyramid::Extent,
    work::Purpose,
};

/// What a lane shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LaneKind {
    /// Scores of a label.
    Score,
    /// Attention that each token receives.
    Attention,
}

/// A track as it stands on screen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lane {
    pub(crate) kind: LaneKind,
    pub(crate) key: TrackKey,
    /// Of which of the heads whose tracks are kept; `None` for the head that is picked.
    pub(crate) kept: Option<usize>,
    /// What is written beside it.
    pub(crate) name: String,
    /// Whose it is, where there are tracks of several heads.
    pub(crate) of: Option<String>,
    pub(crate) unit: String,
    /// Which of the theme's track colours it has.
    pub(crate) colour: usize,
    /// The values at its lower and upper edge.
    pub(crate) range: (f32, f32),
}

impl State {
    /// The lanes of the heads whose tracks are kept and of the head that is picked, and attention received.
    pub(crate) fn lanes(&self) -> Vec<Lane> {
        let Some(picked) = self.head_entry() else { return Vec::new() };
        // Each head has colours of its own: those of its card for the one that is picked.
        let mut colours = picked.card.labels.len();
        let mut lanes = Vec::new();
        for (at, kept) in self.kept.iter().enumerate() {
            let Some(entry) = self.head_named(&kept.head) else { continue };
            lanes.extend(self.score_lanes(entry, Some(at), colours));
            colours += entry.card.labels.len();
        }
        lanes.extend(self.score_lanes(picked, None, 0));
        if self.options.attention && !lanes.is_empty() {
            lanes.push(self.attention_lane());
        }
        lanes
    }

    fn score_lanes(&self, entry: &HeadEntry, kept: Option<usize>, first_colour: usize) -> Vec<Lane> {
        let (card, scores) = (&entry.card, self.scores_of(kept));
        let unit = if card.activation == Activation::Identity { "value" } else { "probability" };
        let strands: &[bool] =
            if self.options.both_strands && card.strand == StrandRule::Stranded { &[false, true] } else { &[false] };
        let mut keys: Vec<(TrackKey, String, usize)> = Vec::new();
        for &reverse in strands {
            for (colour, label) in card.labels.iter().enumerate() {
                keys.push((TrackKey { label: label.name.clone(), reverse }, unit.to_owned(), first_colour + colour));
            }
        }
        // Tracks beside the labels, such as the disagreement of both strands, come after them.
        for (key, unit) in scores.keys() {
            if !keys.iter().any(|(known, ..)| *known == key) {
                let colour = first_colour + keys.len();
                keys.push((key, unit, colour));
            }
        }
        keys.retain(|(key, ..)| self.is_label_of_shown(entry, &key.label));
        let of = (!self.kept.is_empty()).then(|| card.title.clone());
        let lane = |(key, unit, colour): (TrackKey, String, usize)| {
            let range = if unit == "probability" { (0.0, 1.0) } else { self.range(scores, &key) };
            let name = format!("{}{}", key.label, if key.reverse { " −" } else { "" });
            Lane { kind: LaneKind::Score, kept, name, of: of.clone(), unit, colour, range, key }
        };
        keys.into_iter().map(lane).collect()
    }

    /// What the head that is picked has scored, or one whose tracks are kept.
    fn scores_of(&self, kept: Option<usize>) -> &Pieces {
        kept.and_then(|at| self.kept.get(at)).map_or(&self.scores, |kept| &kept.scores)
    }

    pub(crate) fn attention_lane(&self) -> Lane {
        let known = self.attention.keys().into_iter().next();
        let (key, unit) = known.unwrap_or_else(|| {
            let asked = AttentionStat::Received;
            (TrackKey { label: asked.name().to_owned(), reverse: false }, asked.unit().to_owned())
        });
        let range = (0.0, self.range(&self.attention, &key).1);
        let of = self.head_entry().filter(|_| !self.kept.is_empty()).map(|entry| entry.card.title.clone());
        Lane { kind: LaneKind::Attention, kept: None, name: "attention".to_owned(), of, unit, colour: 0, range, key }
    }

    /// Lowest and highest value of all that has arrived on this contig, rounded outwards to a calm number.
    fn range(&self, pieces: &Pieces, key: &TrackKey) -> (f32, f32) {
        let Some(genome) = &self.genome else { return (0.0, 1.0) };
        let layers = pieces.layers(&genome.contig().name, key);
        let all = |layer: &Layer<'_>| layer.strip.pyramid.extent(&layer.track.values, 0, layer.track.values.len());
        let Some(extent) = layers.iter().filter_map(all).reduce(Extent::and) else { return (0.0, 1.0) };
        let top = calm(extent.high.max(0.0));
        let bottom = if extent.low < 0.0 { -calm(-extent.low) } else { 0.0 };
        (bottom, if top > bottom { top } else { bottom + 1.0 })
    }

    /// What is to be drawn of a lane in the record in view, newest first.
    pub(crate) fn layers(&self, lane: &Lane) -> Vec<Layer<'_>> {
        let Some(genome) = &self.genome else { return Vec::new() };
        let pieces = match lane.kind {
            LaneKind::Score => self.scores_of(lane.kept),
            LaneKind::Attention => &self.attention,
        };
        pieces.layers(&genome.contig().name, &lane.key)
    }

    /// The line across a lane: where the user put it, or at a half of a probability.
    pub(crate) fn threshold(&self, lane: &Lane) -> Option<f32> {
        let wanted = lane.kind == LaneKind::Score && lane.unit == "probability";
        wanted.then(|| self.thresholds.get(&lane.key.label).copied().unwrap_or(0.5))
    }

    /// Whether results of a lane for what is in view are on their way.
    pub(crate) fn is_coming(&self, lane: &Lane) -> bool {
        let Some(region) = self.genome.as_ref().map(Genome::region) else { return false };
        self.jobs.any(|purpose| match (lane.kind, purpose) {
            (LaneKind::Score, Purpose::Score { piece }) => self.scores_of(lane.kept).reaches(*piece, &region),
            (LaneKind::Attention, Purpose::Attention { piece }) => self.attention.reaches(*piece, &region),
            _ => false,
        })
    }

    /// Lowest and highest value of a lane in a region of the record in view.
    pub(crate) fn extent(&self, lane: &Lane, region: &Region) -> Option<Extent> {
        let layers = self.layers(lane);
        let in_view = layers.iter().flat_map(|layer| {
            layer.parts.iter().filter_map(|&(start_bp, end_bp)| {
                let (from, to) = (start_bp.max(region.start_bp), end_bp.min(region.end_bp));
                layer.extent(from, to)
            })
        });
        in_view.reduce(Extent::and)
    }

    /// What is known of a lane at a base.
    pub(crate) fn reading(&self, lane: &Lane, position_bp: u64) -> Reading {
        for layer in self.layers(lane) {
            if layer.parts.iter().any(|&(start_bp, end_bp)| (start_bp..end_bp).contains(&position_bp)) {
                return match (layer.track.value_at(position_bp), layer.track.reason_at(position_bp)) {
                    (Some(value), _) => Reading::Value(value),
                    (None, Some(reason)) => Reading::Missing(reason_in_words(reason)),
                    (None, None) => Reading::Missing("no value here".to_owned()),
                };
            }
        }
        Reading::NotScored
    }
}

/// What is known of a track at a base.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reading {
    /// A value.
    Value(f32),
    /// It was scored, and there is none, for this reason.
    Missing(String),
    /// It was not scored.
    NotScored,
}

impl Layer<'_> {
    /// Whether any of it is drawn in `from..to`.
    pub(crate) fn overlaps(&self, from: u64, to: u64) -> bool {
        self.parts.iter().any(|&(start_bp, end_bp)| end_bp > from && start_bp < to)
    }

    /// Lowest and highest value in `from..to`.
    pub(crate) fn extent(&self, from: u64, to: u64) -> Option<Extent> {
        if from >= to {
            return None;
        }
        let values = self.track.values_in(from, to);
        self.strip.pyramid.extent(&self.track.values, values.start, values.end)
    }
}

/// A reason of a missing value, for people.
pub(crate) fn reason_in_words(reason: &str) -> String {
    match reason {
        "n_run" => "unknown (N)".to_owned(),
        "contig_end" => "too near the end".to_owned(),
        "not_finite" => "no finite result".to_owned(),
        other => other.replace('_', " "),
    }
}

/// The next of 1, 2, 5, 10, 20 … at or above a value.
fn calm(value: f32) -> f32 {
    if value <= 0.0 || !value.is_finite() {
        return 0.0;
    }
    let power = 10_f32.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|&step| step >= value * 0.999).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calm_numbers_are_at_or_above() {
        assert_eq!([0.7, 1.0, 1.2, 4.0, 0.0, -1.0].map(calm), [1.0, 1.0, 2.0, 5.0, 0.0, 0.0], "next calm number");
        assert!((calm(0.0031) - 0.005).abs() < 1e-6, "small ones too");
    }
}
