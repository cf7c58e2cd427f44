//! What records are made of: G and C, unknown bases; counted for the rows that are looked at.

use std::collections::{BTreeMap, BTreeSet};

use strandscope_worker::{BaseCounts, Task, genome::Region};

use super::{State, work::Purpose};

/// Bases counted at once.
const PIECE_BP: u64 = 16 << 20;

/// Counts of records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    counts: BTreeMap<usize, BaseCounts>,
    /// Records that are to be counted next.
    wanted: BTreeSet<usize>,
    /// Whether a piece is being counted.
    is_counting: bool,
    failed: BTreeSet<usize>,
}

impl Facts {
    /// What is known of a record, once all of it has been counted.
    pub(crate) fn of(&self, record: usize, length_bp: u64) -> Option<&BaseCounts> {
        self.counts.get(&record).filter(|counts| counts.total >= length_bp)
    }
}

impl State {
    /// Counts these records, those that are looked at; others wait no longer.
    pub(crate) fn want_facts(&mut self, records: std::ops::Range<usize>) {
        let Some(genome) = &self.genome else { return };
        let contigs = &genome.summary.contigs;
        let facts = &mut self.facts;
        facts.wanted = records
            .filter(|record| contigs.get(*record).is_some_and(|contig| facts.of(*record, contig.length_bp).is_none()))
            .filter(|record| !facts.failed.contains(record))
            .collect();
        self.count_on();
    }

    /// Counts the next piece, unless one is being counted.
    fn count_on(&mut self) {
        let Some(genome) = &self.genome else { return };
        if self.facts.is_counting {
            return;
        }
        let Some(&record) = self.facts.wanted.first() else { return };
        let contig = &genome.summary.contigs[record];
        let from_bp = self.facts.counts.get(&record).map_or(0, |counts| counts.total);
        let region = Region::new(&contig.name, from_bp, (from_bp + PIECE_BP).min(contig.length_bp));
        let genome = genome.summary.path.clone();
        self.facts.is_counting = true;
        self.order(Purpose::Count { record }, Task::CountBases { genome, region });
    }

    /// A piece has been counted.
    pub(super) fn on_counted(&mut self, record: usize, counts: BaseCounts) {
        let known = self.facts.counts.entry(record).or_default();
        *known = known.and(counts);
        self.facts.is_counting = false;
        let length_bp = self.genome.as_ref().map_or(0, |genome| genome.summary.contigs[record].length_bp);
        if self.facts.of(record, length_bp).is_some() {
            self.facts.wanted.remove(&record);
        }
        self.count_on();
    }

    /// A piece could not be counted; it is not tried again.
    pub(super) fn not_counted(&mut self, record: usize) {
        self.facts.failed.insert(record);
        self.facts.wanted.remove(&record);
        self.facts.is_counting = false;
    }
}
