//! Scoring a whole record piece by piece: what is in view first, wherever one scrolls, with a pause when one wants it.
//!
//! Scores do not depend on the region asked for, so that pieces give what the record would give at once.

use strandscope_worker::{card::HeadKind, genome::Region};

use super::{
    Order, State,
    work::{Purpose, duration},
};
use crate::scale::index;

/// Bases of a piece, about; small enough that what one scrolls to comes soon.
const PIECE_BP: u64 = 1 << 16;

/// A record that is being scored.
#[derive(Clone, Debug)]
pub(crate) struct RecordRun {
    /// Number of the record, its contig and length.
    record: usize,
    contig: String,
    length_bp: u64,
    piece_bp: u64,
    /// Whether each piece has been asked for.
    asked: Vec<bool>,
    /// Pieces that have been scored.
    done: usize,
    /// Names of the pieces that are being scored now, one for each head.
    current: Vec<u64>,
    pub(crate) is_paused: bool,
    /// When the first piece was asked for, and how many were done at the last pause.
    begun_s: Option<(f64, usize)>,
    latest_s: f64,
}

impl RecordRun {
    /// How much of it is done, 0 to 1.
    pub(crate) fn fraction(&self) -> f32 {
        self.done as f32 / self.asked.len().max(1) as f32
    }

    /// What is said of it: how far it is and how long it takes.
    pub(crate) fn in_words(&self) -> String {
        let mut text = format!("Scoring {}  {:.0} %", self.contig, 100.0 * self.fraction());
        if self.is_paused {
            return text + "  ·  paused";
        }
        let since = self.begun_s.map(|(begun_s, done)| (self.latest_s - begun_s, self.done.saturating_sub(done)));
        if let Some((elapsed_s, done)) = since.filter(|(elapsed_s, done)| *elapsed_s > 0.5 && *done > 0) {
            let left = self.asked.len() - self.done;
            text += &format!("  ·  {} left", duration(elapsed_s / done as f64 * left as f64));
        }
        text
    }

    fn region(&self, piece: usize) -> Region {
        let start_bp = piece as u64 * self.piece_bp;
        Region::new(&self.contig, start_bp, (start_bp + self.piece_bp).min(self.length_bp))
    }

    /// The piece to score next: the first one in view that has not been asked for, otherwise the next one after the
    /// view, and then from the start.
    fn next(&self, view_bp: Option<(u64, u64)>) -> Option<usize> {
        let from = view_bp.map_or(0, |view| index(view.0 / self.piece_bp));
        let is_open = |piece: &usize| !self.asked[*piece];
        (from..self.asked.len()).find(is_open).or_else(|| (0..from.min(self.asked.len())).find(is_open))
    }
}

impl State {
    /// Scores the record in view piece by piece.
    pub(crate) fn score_record(&mut self) {
        let Some(genome) = self.genome.as_ref().filter(|_| self.can_score()) else { return };
        let (record, contig, region) = (genome.record(), genome.contig().clone(), genome.region());
        let piece_bp = self.piece_bp();
        self.begin_analysis();
        if region.len_bp() < piece_bp.min(contig.length_bp) {
            self.score_with_kept(&region);
        }
        self.attend(region);
        let pieces = index(contig.length_bp.div_ceil(piece_bp));
        self.record_run = Some(RecordRun {
            record,
            contig: contig.name,
            length_bp: contig.length_bp,
            piece_bp,
            asked: vec![false; pieces],
            done: 0,
            current: Vec::new(),
            is_paused: false,
            begun_s: None,
            latest_s: 0.0,
        });
        self.score_on();
    }

    /// Bases of a piece: a whole number of bins for heads that answer once for a window.
    fn piece_bp(&self) -> u64 {
        let strides =
            std::iter::once(self.head.as_deref()).flatten().chain(self.kept.iter().map(|kept| kept.head.as_str()));
        let bins =
            strides.filter_map(|head| self.head_named(head)).filter(|entry| entry.card.kind == HeadKind::Sequence);
        let width_bp = bins.map(|entry| (entry.card.input_length_bp / 4).max(1)).fold(1, least_common_multiple);
        (PIECE_BP / width_bp).max(1) * width_bp
    }

    /// Asks for the next piece, unless one is being scored.
    fn score_on(&mut self) {
        let Some(mut run) = self.record_run.take() else { return };
        if !run.current.is_empty() || run.is_paused {
            self.record_run = Some(run);
            return;
        }
        let view_bp =
            self.genome.as_ref().filter(|genome| genome.record() == run.record).map(|genome| genome.view().range_bp());
        // Without a next piece the run is over.
        let Some(piece) = run.next(view_bp) else { return };
        run.asked[piece] = true;
        run.current = self.score_with_kept(&run.region(piece));
        self.record_run = Some(run);
    }

    /// A piece of scores is whole: it is joined with its neighbours, and the next one is asked for.
    pub(super) fn piece_scored(&mut self, piece: u64) {
        let end_bp = self.record_run.as_ref().map_or(0, |run| run.length_bp);
        self.scores_with(piece).join(piece, end_bp);
        let now_s = self.now_s;
        let Some(run) = &mut self.record_run else { return };
        if !run.current.contains(&piece) {
            return;
        }
        run.current.retain(|other| *other != piece);
        run.latest_s = now_s;
        run.begun_s.get_or_insert((now_s, run.done + 1));
        if run.current.is_empty() {
            run.done += 1;
            self.score_on();
        }
    }

    /// Stops scoring the record for a while, or goes on.
    pub(crate) fn pause_record(&mut self, pause: bool) {
        if let Some(run) = &mut self.record_run {
            run.is_paused = pause;
            run.begun_s = None;
            self.score_on();
        }
    }

    /// A piece that is being scored will not come: the run ends.
    pub(super) fn piece_lost(&mut self, piece: u64) {
        if self.record_run.as_ref().is_some_and(|run| run.current.contains(&piece)) {
            self.record_run = None;
        }
    }

    /// Gives the run up; what has been scored stays.
    pub(super) fn end_record_run(&mut self) {
        if let Some(run) = self.record_run.take() {
            let is_of_run =
                |purpose: &Purpose| matches!(purpose, Purpose::Score { piece } if run.current.contains(piece));
            let jobs = self.jobs.cancel(is_of_run);
            self.orders.extend(jobs.into_iter().map(Order::Cancel));
        }
    }
}

fn least_common_multiple(a: u64, b: u64) -> u64 {
    let (mut high, mut low) = (a.max(b), a.min(b));
    while low > 0 {
        (high, low) = (low, high % low);
    }
    a / high.max(1) * b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_view_comes_first_then_what_follows_then_the_rest() {
        let mut run = RecordRun {
            record: 0,
            contig: "chr1".into(),
            length_bp: 950,
            piece_bp: 100,
            asked: vec![false; 10],
            done: 0,
            current: vec![],
            is_paused: false,
            begun_s: None,
            latest_s: 0.0,
        };
        let mut order = Vec::new();
        let mut view = (420, 610);
        while let Some(piece) = run.next(Some(view)) {
            run.asked[piece] = true;
            order.push(piece);
            if order.len() == 3 {
                view = (110, 190);
            }
        }
        assert_eq!(order, [4, 5, 6, 1, 2, 3, 7, 8, 9, 0], "and where one scrolls to");
        assert_eq!(run.region(9), Region::new("chr1", 900, 950), "the last one is cut");
    }

    #[test]
    fn pieces_hold_whole_bins() {
        assert_eq!(
            [(1, 1), (125, 17), (125, 250), (6, 4)].map(|(a, b)| least_common_multiple(a, b)),
            [1, 2_125, 250, 12]
        );
    }
}
