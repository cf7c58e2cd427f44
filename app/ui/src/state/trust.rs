//! Whether what this device computes has been checked, and the band that chance alone would give.

use strandscope_worker::{NullBandRequest, NullRule, SelfTestRequest, StoredSelfTest, Task};

use super::{Order, State, work::Purpose};

/// Seed of the first shuffle.
const SEED: u64 = 1;

impl State {
    /// Asks how the last self-test of the device ended.
    pub(super) fn ask_for_trust(&mut self) {
        self.order(Purpose::Trust, Task::LastSelfTest);
    }

    pub(super) fn on_trust(&mut self, stored: Option<StoredSelfTest>) {
        self.self_test = stored;
    }

    /// Compares what is computed here with what it should be.
    pub(crate) fn run_self_test(&mut self) {
        if !self.jobs.any(|purpose| *purpose == Purpose::SelfTest) {
            self.failure = None;
            self.order(Purpose::SelfTest, Task::SelfTest(SelfTestRequest { golden: None }));
        }
    }

    /// Whether a self-test runs or waits.
    pub(crate) fn is_self_testing(&self) -> bool {
        self.jobs.any(|purpose| *purpose == Purpose::SelfTest)
    }

    /// Shows where scores of shuffled bases lie behind those of what is in view, or takes that away again.
    pub(crate) fn toggle_null_band(&mut self) {
        if !self.null_bands.is_empty() {
            self.null_bands.clear();
            let jobs = self.jobs.take_if(|purpose| matches!(purpose, Purpose::NullBand { .. }));
            self.orders.extend(jobs.into_iter().map(Order::Cancel));
            return;
        }
        let Some(genome) = &self.genome else { return };
        let region = genome.region();
        if region.len_bp() > NullBandRequest::MOST_BP {
            let limit = crate::locus::length(NullBandRequest::MOST_BP);
            self.message = Some(format!("Shuffled sequences are scored for up to {limit}: zoom in first"));
            return;
        }
        let Some(score) = self.head.clone().and_then(|head| self.score_request(head, &region)) else { return };
        self.next_piece += 1;
        let piece = self.next_piece;
        self.null_bands.begin(piece, region);
        self.failure = None;
        let request = NullBandRequest { score, shuffles: NullBandRequest::SHUFFLES, rule: NullRule::Pairs, seed: SEED };
        self.order(Purpose::NullBand { piece }, Task::NullBand(request));
    }
}
