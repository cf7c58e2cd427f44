//! Tracks that have arrived, piece by piece: each job scores a stretch, and newer stretches lie over older ones.

use std::collections::{BTreeMap, BTreeSet};

use strandscope_worker::{
    RunRecord, TrackAssembly, TrackChunk,
    genome::{Region, Strand, Track, TrackLayout},
};

use super::pyramid::Pyramid;
use crate::scale::index;

/// Pieces kept at once; the oldest go first.
const KEPT: usize = 256;

/// What tells the tracks of a job apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TrackKey {
    /// The label of the head, or the statistic.
    pub(crate) label: String,
    /// Whether it was computed on the reverse strand.
    pub(crate) reverse: bool,
}

impl TrackKey {
    pub(crate) fn of(track: &Track) -> Self {
        Self { label: track.label.clone(), reverse: track.strand == Strand::Reverse }
    }
}

/// One track of a piece, as far as it has arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strip {
    assembly: TrackAssembly,
    pub(crate) pyramid: Pyramid,
}

impl Strip {
    fn add(&mut self, mut chunk: TrackChunk) {
        chunk.track = 0;
        self.assembly.add(chunk);
        if let Some(track) = self.assembly.tracks().next() {
            self.pyramid.extend(&track.values);
        }
    }

    /// The track itself; `None` before its first values.
    pub(crate) fn track(&self) -> Option<&Track> {
        self.assembly.tracks().next()
    }
}

/// The tracks of one job.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    id: u64,
    region: Region,
    strips: BTreeMap<usize, Strip>,
    /// What is run; what is only known at the end is right then.
    pub(crate) record: Option<RunRecord>,
}

impl Piece {
    /// Whether `next` begins where this ends and both are whole and of one kind.
    fn goes_on_in(&self, next: &Self) -> bool {
        let is_whole = |piece: &Self| {
            let to_end = |strip: &Strip| strip.track().is_some_and(|track| track.region == piece.region);
            piece.record.is_some() && !piece.strips.is_empty() && piece.strips.values().all(to_end)
        };
        let same = |(strip, other): (&Strip, &Strip)| {
            let (Some(track), Some(other)) = (strip.track(), other.track()) else { return false };
            let on_border = match track.layout {
                TrackLayout::Bins { width_bp } => self.region.end_bp.is_multiple_of(width_bp),
                TrackLayout::Spans(_) => true,
            };
            TrackKey::of(track) == TrackKey::of(other) && on_border
        };
        (&self.region.contig, self.region.end_bp) == (&next.region.contig, next.region.start_bp)
            && self.strips.len() == next.strips.len()
            && is_whole(self)
            && is_whole(next)
            && self.strips.values().zip(next.strips.values()).all(same)
    }

    /// Makes room for what is expected up to `end_bp`: to move what has come, again and again, takes longer than a frame
    /// may. Where so much memory cannot be had, it grows as it comes.
    fn make_room(&mut self, end_bp: u64) {
        let left_bp = end_bp.saturating_sub(self.region.end_bp);
        for strip in self.strips.values_mut() {
            for track in strip.assembly.tracks_mut() {
                if let TrackLayout::Bins { width_bp } = track.layout {
                    let left = index(left_bp.div_ceil(width_bp));
                    let _ = track.values.try_reserve(left);
                    strip.pyramid.make_room(left);
                }
            }
        }
    }

    /// Adds a piece that goes on from here.
    fn append(&mut self, next: Self) {
        let before = self.region.to_string();
        self.region.end_bp = next.region.end_bp;
        for (strip, other) in self.strips.values_mut().zip(next.strips.into_values()) {
            for (track, part) in strip.assembly.tracks_mut().zip(other.assembly.into_tracks()) {
                track.append(part);
                strip.pyramid.extend(&track.values);
            }
        }
        if let (Some(record), Some(other)) = (&mut self.record, next.record) {
            // Scores do not depend on the region asked for: one command gives both.
            record.command = record.command.replace(&before, &self.region.to_string());
            record.windows += other.windows;
            record.windows_cached += other.windows_cached;
            record.unknown_bp += other.unknown_bp;
            record.beyond_trained_length |= other.beyond_trained_length;
        }
    }
}

/// A strip and the stretches of it that no newer piece lies over.
#[derive(Clone, Debug)]
pub(crate) struct Layer<'a> {
    pub(crate) strip: &'a Strip,
    pub(crate) track: &'a Track,
    pub(crate) record: Option<&'a RunRecord>,
    /// `(start_bp, end_bp)`, sorted, half-open.
    pub(crate) parts: Vec<(u64, u64)>,
}

/// All pieces of one kind, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pieces {
    list: Vec<Piece>,
}

impl Pieces {
    /// Makes room for a job's tracks.
    pub(crate) fn begin(&mut self, id: u64, region: Region) {
        if self.list.len() >= KEPT {
            self.list.remove(0);
        }
        self.list.push(Piece { id, region, strips: BTreeMap::new(), record: None });
    }

    /// Adds what has arrived for a job; a job that is not kept any more has none.
    pub(crate) fn add(&mut self, id: u64, chunk: TrackChunk) {
        if let Some(piece) = self.list.iter_mut().find(|piece| piece.id == id) {
            piece.strips.entry(chunk.track).or_default().add(chunk);
        }
    }

    /// Keeps what a job runs, so that a part of its tracks can be saved with where it comes from.
    pub(crate) fn record(&mut self, id: u64, record: RunRecord) {
        if let Some(piece) = self.list.iter_mut().find(|piece| piece.id == id) {
            piece.record = Some(record);
        }
    }

    /// A job has delivered everything: older pieces that lie wholly under it are dropped.
    pub(crate) fn complete(&mut self, id: u64, record: RunRecord) {
        let Some(at) = self.list.iter().position(|piece| piece.id == id) else { return };
        let over = self.list[at].region.clone();
        self.list[at].record = Some(record);
        let mut position = 0;
        self.list.retain(|piece| {
            let older = position < at;
            position += 1;
            let under = piece.region.contig == over.contig
                && piece.region.start_bp >= over.start_bp
                && piece.region.end_bp <= over.end_bp;
            !(older && under)
        });
    }

    /// Joins a whole piece with whole neighbours, so that a record that is scored piece by piece is one in the end; pieces
    /// up to `end_bp` are expected.
    pub(crate) fn join(&mut self, id: u64, end_bp: u64) {
        let Some(at) = self.list.iter().position(|piece| piece.id == id) else { return };
        let after = self.list.iter().position(|other| self.list[at].goes_on_in(other));
        if let Some(after) = after {
            let other = self.list.remove(after);
            let at = if after < at { at - 1 } else { at };
            self.list[at].append(other);
        }
        let Some(at) = self.list.iter().position(|piece| piece.id == id) else { return };
        let before = self.list.iter().position(|other| other.goes_on_in(&self.list[at]));
        if let Some(before) = before {
            let piece = self.list.remove(at);
            let before = if before > at { before - 1 } else { before };
            self.list[before].make_room(end_bp);
            self.list[before].append(piece);
        }
    }

    /// Names of the pieces.
    pub(crate) fn names(&self) -> impl Iterator<Item = u64> {
        self.list.iter().map(|piece| piece.id)
    }

    /// Gives tracks the labels that `renamed` finds for theirs.
    pub(crate) fn relabel(&mut self, renamed: impl Fn(&str) -> Option<String>) {
        let strips = self.list.iter_mut().flat_map(|piece| piece.strips.values_mut());
        for track in strips.flat_map(|strip| strip.assembly.tracks_mut()) {
            let Some(label) = renamed(&track.label) else { continue };
            if let Some(head) = track.name.strip_suffix(&track.label) {
                track.name = format!("{head}{label}");
            }
            track.label = label;
        }
    }

    /// Whether there is a piece of this name.
    pub(crate) fn holds(&self, id: u64) -> bool {
        self.list.iter().any(|piece| piece.id == id)
    }

    pub(crate) fn clear(&mut self) {
        self.list.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.iter().all(|piece| piece.strips.is_empty())
    }

    /// Keys of all tracks, in the order they were first seen.
    pub(crate) fn keys(&self) -> Vec<(TrackKey, String)> {
        let mut keys: Vec<(TrackKey, String)> = Vec::new();
        for track in self.list.iter().flat_map(|piece| piece.strips.values()).filter_map(Strip::track) {
            let key = TrackKey::of(track);
            if !keys.iter().any(|(known, _)| *known == key) {
                keys.push((key, track.unit.clone()));
            }
        }
        keys
    }

    /// Contigs of which something is known.
    pub(crate) fn contigs(&self) -> BTreeSet<&str> {
        self.list.iter().map(|piece| piece.region.contig.as_str()).collect()
    }

    /// What is to be drawn of one track on one contig, newest first.
    pub(crate) fn layers(&self, contig_name: &str, key: &TrackKey) -> Vec<Layer<'_>> {
        let mut covered: Vec<(u64, u64)> = Vec::new();
        let mut layers = Vec::new();
        for piece in self.list.iter().rev().filter(|piece| piece.region.contig == contig_name) {
            for strip in piece.strips.values() {
                let Some(track) = strip.track().filter(|track| TrackKey::of(track) == *key) else { continue };
                let extent = (track.region.start_bp, track.region.end_bp);
                let parts = without(extent, &covered);
                if !parts.is_empty() {
                    layers.push(Layer { strip, track, record: piece.record.as_ref(), parts });
                    covered.push(extent);
                    covered.sort_unstable();
                }
            }
        }
        layers
    }

    /// Whether a job's tracks will lie on any base of a region.
    pub(crate) fn reaches(&self, id: u64, region: &Region) -> bool {
        self.list.iter().filter(|piece| piece.id == id).any(|Piece { region: whole, .. }| {
            whole.contig == region.contig && whole.end_bp > region.start_bp && whole.start_bp < region.end_bp
        })
    }
}

/// What is left of `stretch` when the sorted `covered` stretches are taken away.
fn without(stretch: (u64, u64), covered: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let (mut from, end) = stretch;
    let mut left = Vec::new();
    for &(start_bp, end_bp) in covered {
        if start_bp > from && start_bp < end {
            left.push((from, start_bp));
        }
        if end_bp > from && start_bp < end {
            from = end_bp;
        }
    }
    if from < end {
        left.push((from, end));
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn chunk(start_bp: u64, values: &[f32]) -> TrackChunk {
        let region = Region::new("chr1", start_bp, start_bp + values.len() as u64);
        let part = Track {
            name: "donor".into(),
            label: "donor".into(),
            unit: "probability".into(),
            region: region.clone(),
            strand: Strand::Forward,
            layout: TrackLayout::Bins { width_bp: 1 },
            values: values.to_vec(),
            missing: vec![],
        };
        TrackChunk { track: 0, part, whole: region }
    }

    fn key() -> TrackKey {
        TrackKey { label: "donor".into(), reverse: false }
    }

    #[test]
    fn what_is_left_of_a_stretch() {
        assert_eq!(without((10, 20), &[]), [(10, 20)], "nothing covered");
        assert_eq!(without((10, 20), &[(0, 12), (15, 16), (19, 30)]), [(12, 15), (16, 19)], "between");
        assert_eq!(without((10, 20), &[(0, 30)]), [], "all covered");
        assert_eq!(without((10, 20), &[(0, 10), (20, 30)]), [(10, 20)], "neighbours do not cover");
    }

    #[test]
    fn newer_values_lie_over_older_ones_as_they_arrive() {
        let mut pieces = Pieces::default();
        pieces.begin(1, Region::new("chr1", 10, 20));
        pieces.add(1, chunk(10, &[0.1; 10]));
        pieces.begin(2, Region::new("chr1", 0, 100));
        pieces.add(2, chunk(0, &[0.2; 13]));
        let layers = pieces.layers("chr1", &key());
        let parts: Vec<_> = layers.iter().map(|layer| layer.parts.clone()).collect();
        assert_eq!(parts, [vec![(0, 13)], vec![(13, 20)]], "newest first, the older one behind it");
        pieces.add(2, chunk(13, &[0.2; 87]));
        pieces.complete(2, RunRecord::default());
        assert_eq!(pieces.layers("chr1", &key()).len(), 1, "the older piece lies wholly under it");
        assert_eq!(pieces.layers("chr2", &key()).len(), 0, "another contig");
    }

    #[test]
    fn neighbours_are_joined_in_any_order_and_one_command_gives_them() {
        let mut pieces = Pieces::default();
        let add = |pieces: &mut Pieces, id: u64, start_bp: u64, value: f32| {
            let region = Region::new("chr1", start_bp, start_bp + 40);
            pieces.begin(id, region.clone());
            pieces.add(id, chunk(start_bp, &[value; 40]));
            let command = format!("score a.fa --region {region}");
            pieces.complete(id, RunRecord { command, windows: 2, ..RunRecord::default() });
            pieces.join(id, 0);
        };
        add(&mut pieces, 1, 80, 0.3);
        add(&mut pieces, 2, 0, 0.1);
        assert_eq!(pieces.list.len(), 2, "they do not touch");
        add(&mut pieces, 3, 40, 0.2);
        assert_eq!(pieces.list.len(), 1, "now they do");
        let layers = pieces.layers("chr1", &key());
        let values: Vec<Option<f32>> = [0, 45, 119].map(|bp| layers[0].track.value_at(bp)).to_vec();
        assert_eq!(values, [Some(0.1), Some(0.2), Some(0.3)], "in their places");
        assert_eq!(layers[0].extent(30, 90).map(|extent| (extent.low, extent.high)), Some((0.1, 0.3)), "at any zoom");
        let record = layers[0].record.expect("what was run");
        assert_eq!((record.command.as_str(), record.windows), ("score a.fa --region chr1:1-120", 6), "all of it");
    }

    #[test]
    fn chunks_of_forgotten_jobs_are_dropped() {
        let mut pieces = Pieces::default();
        pieces.add(7, chunk(0, &[0.5]));
        assert!(pieces.is_empty(), "no such piece");
    }
}
