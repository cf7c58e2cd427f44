//! Comparing lanes: differences, and scores judged by features.

use strandscope_worker::{
    JudgeRequest, Judged, Task,
    genome::{Region, Strand},
};

use super::{
    State,
    lanes::{Lane, LaneId},
    work::Purpose,
};
use crate::scale::index;

/// Most bases whose scores are looked at at once.
pub(super) const MOST_COMPARED_BP: u64 = 50_000_000;

/// How well a lane's scores find the features of another one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judgement {
    /// The lane that was judged.
    pub(crate) lane: LaneId,
    /// Its name, and that of the features.
    pub(crate) names: (String, String),
    /// Where.
    pub(crate) region: Region,
    /// The curves; `None` until they have been computed.
    pub(crate) judged: Option<Judged>,
}

impl State {
    /// Shows the difference of two lanes of values as a lane of its own: the lower one less the upper one.
    pub(crate) fn show_difference(&mut self) {
        let selected: Vec<LaneId> = self
            .lanes()
            .into_iter()
            .filter(|lane| lane.has_axis(self) && self.arrangement.selected.contains(&lane.id))
            .map(|lane| lane.id)
            .collect();
        match &selected[..] {
            [first, second] => {
                let pair = (first.clone(), second.clone());
                if !self.differences.contains(&pair) {
                    self.differences.push(pair);
                }
            }
            _ => {
                let how = "Select two lanes of values first: click one, then the other with Ctrl held";
                self.message = Some(how.to_owned());
            }
        }
    }

    /// Takes a difference away.
    pub(crate) fn drop_difference(&mut self, pair: &(LaneId, LaneId)) {
        self.differences.retain(|known| known != pair);
    }

    /// Judges the scores of the selected lane, or of the first one, by the features of a file.
    pub(crate) fn judge(&mut self, file: u64, lane: Option<LaneId>) {
        let lanes = self.lanes();
        let is_score = |lane: &&Lane| matches!(lane.id, LaneId::Score { .. });
        let wanted =
            lane.or_else(|| self.arrangement.selected.iter().find(|id| matches!(id, LaneId::Score { .. })).cloned());
        let lane = match wanted {
            Some(id) => lanes.iter().find(|lane| lane.id == id),
            None => lanes.iter().find(is_score),
        };
        let (Some(lane), Some(genome), Some(file)) = (lane, &self.genome, self.file(file)) else { return };
        let contig = genome.contig().name.clone();
        let Some((region, values)) = self.values_of(lane, &contig, MOST_COMPARED_BP) else {
            self.message = Some("Nothing is scored on this record yet: score it, then judge the scores".to_owned());
            return;
        };
        let LaneId::Score { key, head } = &lane.id else { return };
        let is_stranded = self
            .head_named(head)
            .is_some_and(|entry| entry.card.strand == strandscope_worker::card::StrandRule::Stranded);
        let strand = if key.reverse { Strand::Reverse } else { Strand::Forward };
        let request = JudgeRequest {
            source: file.summary.source.clone(),
            genome: genome.summary.path.clone(),
            region: region.clone(),
            values,
            strand: is_stranded.then_some(strand),
        };
        let names = (lane.name.clone(), file.name());
        self.judgement = Some(Judgement { lane: lane.id.clone(), names, region, judged: None });
        self.failure = None;
        self.order_instead(Purpose::Judge, Task::Judge(request));
    }

    pub(super) fn on_judged(&mut self, judged: Judged) {
        if let Some(judgement) = &mut self.judgement {
            judgement.judged = Some(judged);
        }
    }

    /// The values of a lane for each base of what has been scored on a contig, from its first base on, of at most so many
    /// bases.
    pub(super) fn values_of(&self, lane: &Lane, contig: &str, most_bp: u64) -> Option<(Region, Vec<f32>)> {
        let layers = self.layers(lane, contig);
        let parts = || layers.iter().flat_map(|layer| layer.parts.iter().map(move |part| (*part, layer)));
        let start_bp = parts().map(|(part, _)| part.0).min()?;
        let end_bp = parts().map(|(part, _)| part.1).max()?.min(start_bp + most_bp);
        let mut values = vec![f32::NAN; index(end_bp - start_bp)];
        for ((from, to), layer) in parts() {
            let to = to.min(end_bp);
            for at in layer.track.values_in(from, to) {
                let (first, last) = layer.track.span_of(at);
                let span = index(first.max(from) - start_bp)..index(last.min(to) - start_bp);
                if let (Some(span), Some(value)) = (values.get_mut(span), layer.track.values.get(at)) {
                    span.fill(*value);
                }
            }
        }
        Some((Region::new(contig, start_bp, end_bp), values))
    }
}
