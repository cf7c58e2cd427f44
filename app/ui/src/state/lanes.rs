//! Which lanes are drawn, from top to bottom, and what is known of them.

use egui::Color32;
use strandscope_worker::{
    AttentionStat, HeadEntry, Tile,
    card::{Activation, StrandRule},
    genome::{Feature, Region},
};

use super::{
    State,
    arrangement::Setting,
    axis::{Axis, Scaling},
    files::OpenFile,
    loci::Locus,
    pieces::{Layer, Pieces, TrackKey},
    pyramid::{Extent, Summary},
    work::Purpose,
};

/// What a lane shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum LaneId {
    /// The bases.
    Sequence,
    /// The tokens of the model.
    Tokens,
    /// Amino acids of the reading frames.
    Translation,
    /// Regions of interest.
    Marks,
    /// A file beside the sequence, by its number.
    File(u64),
    /// Scores of a label of a head.
    Score {
        /// Name of the head.
        head: String,
        /// Its label and strand.
        key: TrackKey,
    },
    /// Attention that each token receives.
    Attention,
    /// The values of the second lane less those of the first.
    Difference(Box<(Self, Self)>),
    /// The values of the second lane where B is less those of the first where A is.
    Versus(Box<(Self, Self)>),
}

impl LaneId {
    /// Whether it stays above those that scroll unless the user says otherwise.
    fn is_pinned_by_itself(&self) -> bool {
        matches!(self, Self::Sequence | Self::Tokens | Self::Translation | Self::Marks)
    }

    /// Whether it is drawn only where the user wants it.
    fn is_hidden_by_itself(&self) -> bool {
        *self == Self::Translation
    }
}

/// What colour a lane has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ink {
    /// One of the theme's track colours.
    Track(usize),
    /// That of attention.
    Attention,
    /// What a file asks for.
    Own(Color32),
    /// That of text.
    Plain,
}

/// A lane as it stands on screen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lane {
    pub(crate) id: LaneId,
    /// What is written beside it.
    pub(crate) name: String,
    /// Whose it is, where there are tracks of several heads.
    pub(crate) of: Option<String>,
    pub(crate) unit: String,
    pub(crate) ink: Ink,
    pub(crate) axis: Axis,
    pub(crate) setting: Setting,
}

impl Lane {
    fn new(id: LaneId, name: impl Into<String>, unit: impl Into<String>, ink: Ink) -> Self {
        Self { id, name: name.into(), of: None, unit: unit.into(), ink, axis: Axis::UNIT, setting: Setting::default() }
    }

    /// Its name, with that of its head where there are tracks of several.
    pub(crate) fn full_name(&self) -> String {
        self.of.as_ref().map_or_else(|| self.name.clone(), |of| format!("{} {of}", self.name))
    }

    /// A lane of differences.
    pub(super) fn difference(id: LaneId, name: String) -> Self {
        Self::new(id, name, "difference", Ink::Plain)
    }

    /// Whether it stays above those that scroll.
    pub(crate) fn is_pinned(&self) -> bool {
        self.setting.pinned.unwrap_or_else(|| self.id.is_pinned_by_itself())
    }

    /// Whether it is not drawn.
    pub(crate) fn is_hidden(&self) -> bool {
        self.setting.hidden.unwrap_or_else(|| self.id.is_hidden_by_itself())
    }

    /// Whether it shows what a model has computed.
    pub(crate) fn is_of_model(&self) -> bool {
        matches!(self.id, LaneId::Score { .. } | LaneId::Attention)
    }

    /// Whether it tells something of another lane and is low for that: disagreement, votes of windows.
    pub(crate) fn is_beside(&self) -> bool {
        matches!(&self.id, LaneId::Score { key, .. } if key.label == "windows" || super::beside(&key.label).is_some())
    }

    /// Whether it has values on an axis.
    pub(crate) fn has_axis(&self, state: &State) -> bool {
        match &self.id {
            LaneId::Score { .. } | LaneId::Attention | LaneId::Difference(_) | LaneId::Versus(_) => true,
            LaneId::File(id) => state.file(*id).is_some_and(|file| file.summary.kind.is_signal()),
            LaneId::Sequence | LaneId::Tokens | LaneId::Translation | LaneId::Marks => false,
        }
    }
}

impl State {
    /// The lanes that are drawn, as the user arranged them.
    pub(crate) fn lanes(&self) -> Vec<Lane> {
        let all = self.all_lanes();
        let ids: Vec<LaneId> = all.iter().map(|lane| lane.id.clone()).collect();
        let order = self.arrangement.arranged(&ids);
        let find = |id: &LaneId| all.iter().find(|lane| lane.id == *id).cloned();
        let shown = order.iter().filter_map(find).filter(|lane| !lane.is_hidden());
        let mut lanes: Vec<Lane> = shown.collect();
        self.share_axes(&mut lanes);
        lanes
    }

    /// Whether a lane is the uppermost of those that show scores.
    pub(crate) fn is_first_score(&self, lane: &Lane) -> bool {
        let mut lanes = self.lanes().into_iter();
        lanes.find(|lane| matches!(lane.id, LaneId::Score { .. })).is_some_and(|first| first.id == lane.id)
    }

    /// All lanes there are, in the order of their kinds.
    pub(crate) fn all_lanes(&self) -> Vec<Lane> {
        let mut lanes = vec![
            Lane::new(LaneId::Sequence, "sequence", "", Ink::Plain),
            Lane::new(LaneId::Tokens, "tokens", "", Ink::Plain),
            Lane::new(LaneId::Translation, "translation", "", Ink::Plain),
        ];
        if !self.marks.list.is_empty() {
            lanes.push(Lane::new(LaneId::Marks, "regions of interest", "", Ink::Plain));
        }
        lanes.extend(self.files.iter().enumerate().map(|(at, file)| file_lane(at, file)));
        lanes.extend(self.model_lanes());
        let differences: Vec<Lane> = self.differences.iter().filter_map(|pair| difference_lane(&lanes, pair)).collect();
        lanes.extend(differences);
        // Beneath the scores that are compared.
        let below = lanes.iter().rposition(|lane| matches!(lane.id, LaneId::Score { .. })).map_or(0, |last| last + 1);
        lanes.splice(below..below, self.compared_lanes(&lanes));
        for lane in &mut lanes {
            lane.setting = self.arrangement.setting(&lane.id);
            lane.axis = self.axis_of(lane);
        }
        lanes
    }

    /// Scores of the heads whose tracks are kept and of the head that is picked, and attention received.
    fn model_lanes(&self) -> Vec<Lane> {
        let Some(picked) = self.head_entry() else { return Vec::new() };
        // Each head has colours of its own: those of its card for the one that is picked.
        let mut colours = picked.card.labels.len();
        let mut lanes = Vec::new();
        for kept in &self.kept {
            let Some(entry) = self.head_named(&kept.head) else { continue };
            lanes.extend(self.score_lanes(entry, &kept.scores, colours));
            colours += entry.card.labels.len();
        }
        lanes.extend(self.score_lanes(picked, &self.scores, 0));
        if self.options.attention && !lanes.is_empty() {
            lanes.push(self.attention_lane());
        }
        lanes
    }

    fn score_lanes(&self, entry: &HeadEntry, scores: &Pieces, first_colour: usize) -> Vec<Lane> {
        let card = &entry.card;
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
            let name = format!("{}{}", key.label, if key.reverse { " −" } else { "" });
            let id = LaneId::Score { head: card.name.clone(), key };
            Lane { of: of.clone(), ..Lane::new(id, name, unit, Ink::Track(colour)) }
        };
        keys.into_iter().map(lane).collect()
    }

    /// What a head has scored: the one that is picked, or one whose tracks are kept.
    pub(super) fn scores_of(&self, head: &str) -> Option<&Pieces> {
        if self.head.as_deref() == Some(head) {
            return Some(&self.scores);
        }
        self.kept.iter().find(|kept| kept.head == head).map(|kept| &kept.scores)
    }

    pub(crate) fn attention_lane(&self) -> Lane {
        let known = self.attention.keys().into_iter().next();
        let unit = known.map_or_else(|| AttentionStat::Received.unit().to_owned(), |(_, unit)| unit);
        let of = self.head_entry().filter(|_| !self.kept.is_empty()).map(|entry| entry.card.title.clone());
        Lane { of, ..Lane::new(LaneId::Attention, "attention", unit, Ink::Attention) }
    }

    fn attention_key(&self) -> TrackKey {
        let known = self.attention.keys().into_iter().next();
        known.map_or_else(
            || TrackKey { label: AttentionStat::Received.name().to_owned(), reverse: false },
            |(key, _)| key,
        )
    }

    /// The axis of a lane by itself.
    fn axis_of(&self, lane: &Lane) -> Axis {
        let axis = match lane.setting.scaling {
            Scaling::Fixed(low, high) => Axis::between(low, high),
            Scaling::Record if lane.unit == "probability" => Axis::UNIT,
            Scaling::Record => {
                self.known_extent(lane).map_or(Axis::UNIT, |extent| Axis::around(extent.low, extent.high))
            }
            Scaling::View => {
                self.extent_in_view(lane).map_or(Axis::UNIT, |extent| Axis::around(extent.low, extent.high))
            }
        };
        Axis { is_log: lane.setting.is_log, ..axis }
    }

    /// Lanes of one group have one axis.
    fn share_axes(&self, lanes: &mut [Lane]) {
        for at in 0..lanes.len() {
            let Some(group) = lanes[at].setting.group else { continue };
            let members = lanes.iter().filter(|lane| lane.setting.group == Some(group) && lane.has_axis(self));
            if let Some(axis) = members.map(|lane| lane.axis).reduce(Axis::and)
                && lanes[at].has_axis(self)
            {
                lanes[at].axis = axis;
            }
        }
    }

    /// Lowest and highest value of all that is known of a lane on the record that keys act on.
    fn known_extent(&self, lane: &Lane) -> Option<Extent> {
        if let LaneId::File(id) = lane.id {
            let (low, high) = self.file(id)?.summary.range?;
            return Some(Extent { low, high });
        }
        let contig = &self.genome.as_ref()?.contig().name;
        let all = |layer: &Layer<'_>| layer.strip.pyramid.extent(&layer.track.values, 0, layer.track.values.len());
        self.layers(lane, contig).iter().filter_map(all).reduce(Extent::and)
    }

    /// Lowest and highest value of a lane in all loci in view.
    fn extent_in_view(&self, lane: &Lane) -> Option<Extent> {
        let genome = self.genome.as_ref()?;
        genome.loci().iter().filter_map(|locus| self.extent(lane, locus)).reduce(Extent::and)
    }

    /// What is to be drawn of a lane on a contig, newest first.
    pub(crate) fn layers(&self, lane: &Lane, contig_name: &str) -> Vec<Layer<'_>> {
        match &lane.id {
            LaneId::Score { head, key } => {
                self.scores_of(head).map_or_else(Vec::new, |pieces| pieces.layers(contig_name, key))
            }
            LaneId::Attention => self.attention.layers(contig_name, &self.attention_key()),
            _ => Vec::new(),
        }
    }

    /// The contigs on which something is known of a lane of a model.
    pub(super) fn contigs_of(&self, lane: &Lane) -> Vec<String> {
        let pieces = match &lane.id {
            LaneId::Score { head, .. } => self.scores_of(head),
            LaneId::Attention => Some(&self.attention),
            _ => None,
        };
        pieces.map_or_else(Vec::new, |pieces| pieces.contigs().into_iter().map(str::to_owned).collect())
    }

    /// Where scores of shuffled bases lie behind those of a lane, lowest and highest, where that has been computed.
    pub(crate) fn null_band(&self, lane: &Lane, contig_name: &str) -> Option<[Vec<Layer<'_>>; 2]> {
        let LaneId::Score { head, key } = &lane.id else { return None };
        if self.head.as_ref() != Some(head) || self.null_bands.is_empty() {
            return None;
        }
        let of = |end: &str| {
            let key = TrackKey { label: format!("{}.{end}", key.label), reverse: key.reverse };
            self.null_bands.layers(contig_name, &key)
        };
        Some([of("null05"), of("null95")])
    }

    /// The line across a lane: where the user put it, or at a half of a probability.
    pub(crate) fn threshold(&self, lane: &Lane) -> Option<f32> {
        let LaneId::Score { key, .. } = &lane.id else { return None };
        (lane.unit == "probability" && !lane.is_beside())
            .then(|| self.thresholds.get(&key.label).copied().unwrap_or(0.5))
    }

    /// Whether results of a lane for a region are on their way.
    pub(crate) fn is_coming(&self, lane: &Lane, region: &Region) -> bool {
        self.jobs.any(|purpose| match (&lane.id, purpose) {
            (LaneId::Score { head, .. }, Purpose::Score { piece }) => {
                self.scores_of(head).is_some_and(|scores| scores.reaches(*piece, region))
            }
            (LaneId::Attention, Purpose::Attention { piece }) => self.attention.reaches(*piece, region),
            _ => false,
        })
    }

    /// Lowest and highest value of a lane in what a locus shows.
    pub(crate) fn extent(&self, lane: &Lane, locus: &Locus) -> Option<Extent> {
        let genome = self.genome.as_ref()?;
        let (start_bp, end_bp) = locus.view.range_bp();
        if let LaneId::File(id) = lane.id {
            return self.file(id)?.extent(locus.record, (start_bp, end_bp));
        }
        let layers = self.layers(lane, &genome.contig_of(locus).name);
        let in_view = layers.iter().flat_map(|layer| {
            layer.parts.iter().filter_map(|&(from, to)| layer.extent(from.max(start_bp), to.min(end_bp)))
        });
        in_view.reduce(Extent::and)
    }
}

/// The lane of a difference, where both its lanes are there.
fn difference_lane(lanes: &[Lane], pair: &(LaneId, LaneId)) -> Option<Lane> {
    let named = |id: &LaneId| lanes.iter().find(|lane| lane.id == *id).map(Lane::full_name);
    let (first, second) = (named(&pair.0)?, named(&pair.1)?);
    Some(Lane::difference(LaneId::Difference(Box::new(pair.clone())), format!("{second} − {first}")))
}

/// The lane of a file; files take colours in turn unless they ask for one.
fn file_lane(at: usize, file: &OpenFile) -> Lane {
    let own = file.summary.colour.map(|[r, g, b]| Ink::Own(Color32::from_rgb(r, g, b)));
    let unit = if file.summary.kind.is_signal() { "value" } else { "" };
    Lane::new(LaneId::File(file.id), file.name(), unit, own.unwrap_or(Ink::Track(at + 3)))
}

impl OpenFile {
    /// Lowest and highest value that is here for a stretch.
    fn extent(&self, record: usize, range_bp: (u64, u64)) -> Option<Extent> {
        let span_bp = (range_bp.1 - range_bp.0) as f64;
        let pieces = self.tiles.best(record, super::tiles::level(span_bp), range_bp);
        let bins = pieces.iter().flat_map(|piece| match piece.tile {
            Tile::Values(bins) => {
                let width_bp = 1_u64 << piece.key.level;
                let from = crate::scale::index((piece.range_bp.0 - piece.key.range_bp().0) / width_bp).min(bins.len());
                let to = crate::scale::index((piece.range_bp.1 - piece.key.range_bp().0).div_ceil(width_bp));
                &bins[from..to.min(bins.len())]
            }
            Tile::Features(_) | Tile::Counts(_) | Tile::TooMany => &[],
        });
        let known = bins.filter(|bin| bin.low.is_finite() && bin.high.is_finite());
        known.map(|bin| Extent { low: bin.low, high: bin.high }).reduce(Extent::and)
    }

    /// The features that are here for a stretch, each once, as far as they are told one by one.
    pub(crate) fn features_in_view(&self, record: usize, range_bp: (u64, u64)) -> Vec<&Feature> {
        let span_bp = (range_bp.1 - range_bp.0) as f64;
        let mut known = std::collections::BTreeSet::new();
        let mut features = Vec::new();
        for piece in self.tiles.best(record, super::tiles::level(span_bp), range_bp) {
            let Tile::Features(here) = piece.tile else { continue };
            let here = here.iter().filter(|feature| {
                // A place between two bases is drawn as one of them.
                let end_bp = feature.end_bp.max(feature.start_bp + 1);
                end_bp > piece.range_bp.0 && feature.start_bp < piece.range_bp.1
            });
            features.extend(
                here.filter(|feature| known.insert((feature.line, feature.start_bp, feature.end_bp, &feature.name))),
            );
        }
        features
    }
}

impl Layer<'_> {
    /// Whether it is what is drawn at a base.
    pub(super) fn holds(&self, position_bp: u64) -> bool {
        self.parts.iter().any(|&(start_bp, end_bp)| (start_bp..end_bp).contains(&position_bp))
    }

    /// Whether any of it is drawn in `from..to`.
    pub(crate) fn overlaps(&self, from: u64, to: u64) -> bool {
        self.parts.iter().any(|&(start_bp, end_bp)| end_bp > from && start_bp < to)
    }

    /// What `from..to` holds.
    pub(crate) fn summary(&self, from: u64, to: u64) -> Option<Summary> {
        if from >= to {
            return None;
        }
        let values = self.track.values_in(from, to);
        self.strip.pyramid.summary(&self.track.values, values.start, values.end)
    }

    /// Lowest and highest value in `from..to`.
    pub(crate) fn extent(&self, from: u64, to: u64) -> Option<Extent> {
        self.summary(from, to).map(Summary::extent)
    }
}
