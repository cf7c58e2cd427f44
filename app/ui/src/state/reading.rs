//! What lanes say of single bases.

use strandscope_worker::Tile;

use super::{
    State,
    files::OpenFile,
    lanes::{Lane, LaneId},
    loci::Locus,
};

/// What is known of a track at a base.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reading {
    /// A value.
    Value(f32),
    /// The mean of so many bases around it, where single values have not been read.
    Mean(f32, u64),
    /// It was scored, and there is none, for this reason.
    Missing(String),
    /// It was not scored.
    NotScored,
}

impl State {
    /// What is known of a lane at a base.
    pub(crate) fn reading(&self, lane: &Lane, locus: &Locus, position_bp: u64) -> Reading {
        let Some(genome) = &self.genome else { return Reading::NotScored };
        if let LaneId::File(id) = lane.id {
            let value = self.file(id).and_then(|file| file.value_at(locus.record, position_bp));
            return value.unwrap_or(Reading::Missing("no value here".to_owned()));
        }
        if let LaneId::Difference(pair) = &lane.id {
            return self.difference_at(pair, locus, position_bp);
        }
        if let LaneId::Versus(pair) = &lane.id {
            return self.compared_at(pair, locus, position_bp);
        }
        for layer in self.layers(lane, &genome.contig_of(locus).name) {
            if layer.holds(position_bp) {
                return match (layer.track.value_at(position_bp), layer.track.reason_at(position_bp)) {
                    (Some(value), _) => Reading::Value(value),
                    (None, Some(reason)) => Reading::Missing(reason_in_words(reason)),
                    (None, None) => Reading::Missing("no value here".to_owned()),
                };
            }
        }
        Reading::NotScored
    }

    /// The difference of two lanes at a base; missing where one of them is.
    fn difference_at(&self, pair: &(LaneId, LaneId), locus: &Locus, position_bp: u64) -> Reading {
        let value = |id: &LaneId| self.value_of(id, locus, position_bp);
        match value(&pair.0).zip(value(&pair.1)) {
            Some((first, second)) => Reading::Value(second - first),
            None => Reading::Missing("not known for both".to_owned()),
        }
    }

    /// The values of a lane at bases, NaN where it has none.
    pub(crate) fn values_at(&self, id: &LaneId, locus: &Locus, positions_bp: &[u64]) -> Vec<f32> {
        let lanes = self.all_lanes();
        let Some((lane, genome)) = lanes.iter().find(|lane| lane.id == *id).zip(self.genome.as_ref()) else {
            return vec![f32::NAN; positions_bp.len()];
        };
        let layers = self.layers(lane, &genome.contig_of(locus).name);
        let value = |&position_bp: &u64| {
            if !lane.is_of_model() {
                return match self.reading(lane, locus, position_bp) {
                    Reading::Value(value) => value,
                    _ => f32::NAN,
                };
            }
            let layer = layers.iter().find(|layer| layer.holds(position_bp));
            layer.and_then(|layer| layer.track.value_at(position_bp)).unwrap_or(f32::NAN)
        };
        positions_bp.iter().map(value).collect()
    }

    /// The value of a lane at a base, where it has one.
    pub(super) fn value_of(&self, id: &LaneId, locus: &Locus, position_bp: u64) -> Option<f32> {
        self.values_at(id, locus, &[position_bp]).first().copied().filter(|value| value.is_finite())
    }
}

impl OpenFile {
    /// The value at a base, from the finest tile that is here.
    fn value_at(&self, record: usize, position_bp: u64) -> Option<Reading> {
        let pieces = self.tiles.best(record, 0, (position_bp, position_bp + 1));
        let piece = pieces.first()?;
        let Tile::Values(bins) = piece.tile else { return None };
        let at = (position_bp - piece.key.range_bp().0) >> piece.key.level;
        let mean = bins.get(crate::scale::index(at)).map(|bin| bin.mean).filter(|mean| mean.is_finite())?;
        Some(if piece.key.level == 0 { Reading::Value(mean) } else { Reading::Mean(mean, 1 << piece.key.level) })
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
