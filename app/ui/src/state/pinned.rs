//! Two loci compared: A, which was pinned with its head, and B beside it.

use super::{
    State,
    lanes::{Lane, LaneId},
    loci::Locus,
    reading::Reading,
};

/// Bases of A and B, as far as both are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sameness {
    /// Bases that were compared.
    pub(crate) bases: u64,
    /// Those that differ.
    pub(crate) differ: u64,
}

impl State {
    /// Pins what is in view, with the head that is picked, as A, and shows B beside it.
    pub(crate) fn pin(&mut self) {
        if self.is_scored() {
            self.keep_tracks(true);
        }
        let head = self.head.clone();
        if let Some(genome) = &mut self.genome {
            genome.pin(head);
        }
    }

    /// Compares with A no more; both loci stay.
    pub(crate) fn unpin(&mut self) {
        if let Some(genome) = &mut self.genome {
            genome.unpin();
        }
    }

    /// Makes B what was A, and A what was B, with their heads.
    pub(crate) fn exchange_pinned(&mut self) {
        let Some(genome) = &mut self.genome else { return };
        let Some((a, _)) = genome.compared() else { return };
        let before = genome.loci()[a].pinned.as_ref().and_then(|pinned| pinned.head.clone());
        genome.exchange(self.head.clone());
        if self.is_scored() {
            self.keep_tracks(true);
        }
        if let Some(head) = before {
            self.pick_head(&head);
        }
    }

    /// What B's scores are beside A's: for each label that both heads have, or for the first of each.
    pub(super) fn compared_lanes(&self, lanes: &[Lane]) -> Vec<Lane> {
        let Some(genome) = &self.genome else { return Vec::new() };
        let Some((a, _)) = genome.compared() else { return Vec::new() };
        let Some(picked) = self.head.as_deref() else { return Vec::new() };
        let pinned = genome.loci()[a].pinned.as_ref().and_then(|pinned| pinned.head.as_deref()).unwrap_or(picked);
        let of = |head: &str| -> Vec<&Lane> {
            let is_of =
                |lane: &&Lane| matches!(&lane.id, LaneId::Score { head: of, .. } if of == head) && !lane.is_beside();
            lanes.iter().filter(is_of).collect()
        };
        let (of_a, of_b) = (of(pinned), of(picked));
        let key = |lane: &Lane| match &lane.id {
            LaneId::Score { key, .. } => Some(key.clone()),
            _ => None,
        };
        let mut pairs: Vec<(&Lane, &Lane)> =
            of_b.iter().filter_map(|b| Some((*of_a.iter().find(|a| key(a) == key(b))?, *b))).collect();
        if pairs.is_empty() {
            pairs.extend(of_a.first().copied().zip(of_b.first().copied()));
        }
        pairs.into_iter().map(|(a, b)| versus(a, b)).collect()
    }

    /// B's value at a base less that of A as far from the left edge; missing where one of them is.
    pub(super) fn compared_at(&self, pair: &(LaneId, LaneId), locus: &Locus, position_bp: u64) -> Reading {
        let apart = || {
            let genome = self.genome.as_ref()?;
            let a = genome.counterpart(locus)?;
            let beside = locus.view.beside(position_bp, &a.view)?;
            let (of_a, of_b) = (self.value_of(&pair.0, a, beside)?, self.value_of(&pair.1, locus, position_bp)?);
            Some(of_b - of_a)
        };
        apart().map_or_else(|| Reading::Missing("not known for both".to_owned()), Reading::Value)
    }

    /// The base of A that stands as far from the left edge as one of B, both as they are read; `None` where `locus` is not
    /// B or one of them is not known.
    pub(crate) fn base_of_a(&self, locus: &Locus, position_bp: u64) -> Option<u8> {
        let a = self.genome.as_ref()?.counterpart(locus)?;
        self.base_at(a.record, locus.view.beside(position_bp, &a.view)?)
    }

    /// How many of the bases in view of B differ from those of A; `None` where nothing is compared.
    pub(crate) fn sameness(&self, locus: &Locus) -> Option<Sameness> {
        self.genome.as_ref()?.counterpart(locus)?;
        let (start_bp, end_bp) = locus.view.range_bp();
        let mut found = Sameness::default();
        for position_bp in start_bp..end_bp {
            let pair = self.base_at(locus.record, position_bp).zip(self.base_of_a(locus, position_bp));
            if let Some((b, a)) = pair {
                found.bases += 1;
                found.differ += u64::from(!a.eq_ignore_ascii_case(&b));
            }
        }
        Some(found)
    }
}

/// The lane of what B's is more than A's.
fn versus(a: &Lane, b: &Lane) -> Lane {
    let same = a.id == b.id || a.name == b.name;
    let name = if same { format!("{}, B − A", b.name) } else { format!("{} of B − {} of A", b.name, a.name) };
    Lane::difference(LaneId::Versus(Box::new((a.id.clone(), b.id.clone()))), name)
}
