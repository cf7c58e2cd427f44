//! How two lanes of values go together, in all that is known of both.

use strandscope_worker::{RelateRequest, Related, RelatedValues, Task, genome::Region};

use super::{
    Order, State,
    compare::MOST_COMPARED_BP,
    lanes::{Lane, LaneId},
    work::Purpose,
};

/// Two lanes, and how they go together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Relation {
    /// Their names.
    pub(crate) names: (String, String),
    /// What is known only of a part of one: how much of it was looked at.
    pub(crate) looked_at_bp: Option<u64>,
    /// `None` until it has been computed.
    pub(crate) related: Option<Related>,
}

impl State {
    /// The two selected lanes of values, the upper one first.
    pub(crate) fn lanes_to_relate(&self) -> Option<[Lane; 2]> {
        let has_values =
            |lane: &Lane| lane.has_axis(self) && !matches!(lane.id, LaneId::Difference(_) | LaneId::Versus(_));
        let selected = |lane: &Lane| self.arrangement.selected.contains(&lane.id);
        let lanes: Vec<Lane> = self.lanes().into_iter().filter(|lane| selected(lane) && has_values(lane)).collect();
        lanes.try_into().ok()
    }

    /// Asks how the two selected lanes go together.
    pub(crate) fn relate(&mut self) {
        let Some([first, second]) = self.lanes_to_relate() else {
            let how = "Select two lanes of values first: click one, then the other with Ctrl held";
            self.message = Some(how.to_owned());
            return;
        };
        let Some(genome) = &self.genome else { return };
        let path = genome.summary.path.clone();
        let (Some((a, cut_a)), Some((b, cut_b))) = (self.values_to_relate(&first), self.values_to_relate(&second))
        else {
            self.message = Some("One of the lanes has no values yet: score it first".to_owned());
            return;
        };
        let looked_at_bp = (cut_a || cut_b).then_some(MOST_COMPARED_BP);
        self.relation = Some(Relation { names: (first.full_name(), second.full_name()), looked_at_bp, related: None });
        self.failure = None;
        let request = RelateRequest { genome: path, first: a, second: b };
        self.order_instead(Purpose::Relate, Task::Relate(request));
    }

    /// Asks no more how lanes go together.
    pub(crate) fn stop_relating(&mut self) {
        self.relation = None;
        let jobs = self.jobs.cancel(|purpose| *purpose == Purpose::Relate);
        self.orders.extend(jobs.into_iter().map(Order::Cancel));
    }

    pub(super) fn on_related(&mut self, related: Related) {
        if let Some(relation) = &mut self.relation {
            relation.related = Some(related);
        }
    }

    /// What is known of a lane, and whether that is more than can be looked at.
    fn values_to_relate(&self, lane: &Lane) -> Option<(RelatedValues, bool)> {
        if let LaneId::File(id) = lane.id {
            return Some((RelatedValues::Track(self.file(id)?.summary.source.clone()), false));
        }
        let mut left_bp = MOST_COMPARED_BP;
        let (mut parts, mut is_cut) = (Vec::<(Region, Vec<f32>)>::new(), false);
        for contig in self.contigs_of(lane) {
            let Some((region, values)) = self.values_of(lane, &contig, left_bp) else { continue };
            is_cut |= region.len_bp() == left_bp;
            left_bp -= region.len_bp();
            parts.push((region, values));
        }
        (!parts.is_empty()).then_some((RelatedValues::Given(parts), is_cut))
    }
}
