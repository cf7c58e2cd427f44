//! The open genome, the loci of it that are in view side by side, and moving about in them.

use strandscope_worker::{Contig, GenomeSummary, genome::Region};

use super::{
    FIRST_VIEW_BP, file_name,
    view::{History, View},
};
use crate::locus::Place;

/// Most loci in view at once.
pub(crate) const MOST_LOCI: usize = 12;

/// What is looked at in one panel.
#[derive(Clone, Debug)]
pub(crate) struct Locus {
    /// Which record.
    pub(crate) record: usize,
    pub(crate) view: View,
    /// Where one has been in this panel.
    pub(crate) history: History,
    /// Whether it is A, with which the locus beside it is compared.
    pub(crate) pinned: Option<Pinned>,
}

/// What a locus is pinned with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pinned {
    /// The head that was picked then, whose scores are A's.
    pub(crate) head: Option<String>,
}

impl Locus {
    /// The start of a record.
    fn of(record: usize, contigs: &[Contig]) -> Self {
        Self { record, view: first_view(contigs[record].length_bp), history: History::default(), pinned: None }
    }

    /// Goes elsewhere; where one was can be gone back to.
    fn go(&mut self, record: usize, view: View) {
        self.history.leave(self.record, self.view);
        (self.record, self.view) = (record, view.as_seen_in(&self.view));
    }
}

/// An opened file and where one is in it.
#[derive(Clone, Debug)]
pub(crate) struct Genome {
    pub(crate) summary: GenomeSummary,
    /// Tells it from what was opened before, even under the same path.
    pub(crate) opening: u64,
    /// The loci in view from left to right; never none.
    loci: Vec<Locus>,
    /// Which of them keys and the locus box act on.
    active: usize,
    /// Whether all of them move together.
    pub(crate) linked: bool,
}

impl Genome {
    /// The first record from its start; `None` where there is no record.
    pub(crate) fn of(summary: GenomeSummary, opening: u64) -> Option<Self> {
        summary.contigs.first()?;
        let loci = vec![Locus::of(0, &summary.contigs)];
        Some(Self { summary, opening, loci, active: 0, linked: true })
    }

    /// Shows what `before` has shown, as far as the same contigs are there.
    pub(crate) fn look_as(&mut self, before: &Self) {
        let contigs = &self.summary.contigs;
        let same = |locus: &Locus| {
            let name = &before.contig_of(locus).name;
            let record = contigs.iter().position(|contig| contig.name == *name)?;
            let (start_bp, end_bp) = locus.view.range_bp();
            let view = View::of(start_bp, end_bp, contigs[record].length_bp).as_seen_in(&locus.view);
            Some(Locus { record, view, history: History::default(), pinned: locus.pinned.clone() })
        };
        let loci: Vec<Locus> = before.loci.iter().filter_map(same).collect();
        if !loci.is_empty() {
            (self.active, self.linked) = (before.active.min(loci.len() - 1), before.linked);
            self.loci = loci;
        }
    }

    /// The loci in view from left to right.
    pub(crate) fn loci(&self) -> &[Locus] {
        &self.loci
    }

    /// Number of the locus that keys act on.
    pub(crate) fn active(&self) -> usize {
        self.active
    }

    /// The locus that keys act on.
    pub(crate) fn locus(&self) -> &Locus {
        &self.loci[self.active]
    }

    /// Its record.
    pub(crate) fn record(&self) -> usize {
        self.locus().record
    }

    /// What is in view of it.
    pub(crate) fn view(&self) -> &View {
        &self.locus().view
    }

    /// The contig it lies on.
    pub(crate) fn contig(&self) -> &Contig {
        self.contig_of(self.locus())
    }

    /// The region it shows.
    pub(crate) fn region(&self) -> Region {
        self.region_of(self.locus())
    }

    /// The contig a locus lies on.
    pub(crate) fn contig_of(&self, locus: &Locus) -> &Contig {
        &self.summary.contigs[locus.record]
    }

    /// The region a locus shows.
    pub(crate) fn region_of(&self, locus: &Locus) -> Region {
        locus.view.region(&self.contig_of(locus).name)
    }

    /// Name of the file, without its folder.
    pub(crate) fn file_name(&self) -> String {
        file_name(&self.summary.path)
    }

    /// Number of the record of this name.
    pub(crate) fn record_named(&self, name: &str) -> Option<usize> {
        self.summary.contigs.iter().position(|contig| contig.name == name)
    }

    /// Makes another locus the one that keys act on.
    pub(crate) fn activate(&mut self, number: usize) {
        self.active = number.min(self.loci.len() - 1);
    }

    /// Shows another locus at the right, which starts as a copy of the active one.
    pub(crate) fn add_locus(&mut self) {
        if self.loci.len() < MOST_LOCI {
            let copy = Locus { pinned: None, ..self.locus().clone() };
            self.loci.insert(self.active + 1, copy);
            self.active += 1;
        }
    }

    /// Takes a locus away, unless it is the last one.
    pub(crate) fn close_locus(&mut self, number: usize) {
        if self.loci.len() > 1 && number < self.loci.len() {
            self.loci.remove(number);
            self.active = if self.active > number { self.active - 1 } else { self.active.min(self.loci.len() - 1) };
        }
        if self.loci.len() == 1 {
            self.unpin();
        }
    }

    /// Makes the active locus A, and the one beside it, which is added where there is none, B: the one that keys act on.
    pub(crate) fn pin(&mut self, head: Option<String>) {
        self.unpin();
        let a = self.active;
        if a + 1 == self.loci.len() {
            self.add_locus();
        }
        self.loci[a].pinned = Some(Pinned { head });
        self.linked = true;
        if let Some((a, b)) = self.compared() {
            self.align(b, a);
            self.active = b;
        }
    }

    /// Makes B, with a head, what A was, and A what B was: the one that keys act on.
    pub(crate) fn exchange(&mut self, head: Option<String>) {
        let Some((a, b)) = self.compared() else { return };
        self.loci.swap(a, b);
        self.unpin();
        self.loci[a].pinned = Some(Pinned { head });
        self.active = b;
    }

    /// Compares with nothing any more.
    pub(crate) fn unpin(&mut self) {
        self.loci.iter_mut().for_each(|locus| locus.pinned = None);
    }

    /// Numbers of the loci that are compared, A and B.
    pub(crate) fn compared(&self) -> Option<(usize, usize)> {
        let a = self.loci.iter().position(|locus| locus.pinned.is_some())?;
        let b = if a + 1 < self.loci.len() { a + 1 } else { a.checked_sub(1)? };
        Some((a, b))
    }

    /// The locus that is A, where `locus` is B and both show as many bases.
    pub(crate) fn counterpart(&self, locus: &Locus) -> Option<&Locus> {
        let (a, b) = self.compared()?;
        let is_b = self.loci[b].record == locus.record && self.loci[b].view == locus.view;
        (is_b && self.is_aligned()).then(|| &self.loci[a])
    }

    /// Whether A and B show as many bases, so that they can be compared.
    pub(crate) fn is_aligned(&self) -> bool {
        self.compared().is_some_and(|(a, b)| {
            let (a, b) = (&self.loci[a].view, &self.loci[b].view);
            (a.span_bp() - b.span_bp()).abs() < 0.5 && a.is_reversed() == b.is_reversed()
        })
    }

    /// Of A and B, which move together, the other one shows as many bases as the active one.
    fn follow(&mut self) {
        match self.compared().filter(|_| self.linked) {
            Some((a, b)) if self.active == a => self.align(b, a),
            Some((a, b)) if self.active == b => self.align(a, b),
            _ => {}
        }
    }

    /// Shows as many bases in locus `moved` as in `other`, of the same strand, with its left edge where it is.
    fn align(&mut self, moved: usize, other: usize) {
        let wanted = self.loci[other].view;
        let view = &mut self.loci[moved].view;
        view.set_reversed(wanted.is_reversed());
        let left = view.bp_from_left(0.0);
        let start_bp = if view.is_reversed() { left - wanted.span_bp() } else { left };
        view.set(start_bp, wanted.span_bp());
    }

    /// Shows these places side by side in place of what is in view.
    pub(crate) fn show_places(&mut self, places: &[(usize, u64, u64)]) {
        let contigs = &self.summary.contigs;
        let view = |&(record, start_bp, end_bp): &(usize, u64, u64)| {
            let mut locus = Locus::of(record, contigs);
            locus.view = View::of(start_bp, end_bp, contigs[record].length_bp);
            locus
        };
        let loci: Vec<Locus> = places.iter().take(MOST_LOCI).map(view).collect();
        if !loci.is_empty() {
            (self.loci, self.active) = (loci, 0);
        }
    }

    /// Goes to a place with the active locus.
    pub(crate) fn go_to(&mut self, place: Place) {
        const AROUND_BP: f64 = 120.0;
        let contigs = &self.summary.contigs;
        let (record, view) = match place {
            Place::Record(record) => (record, first_view(contigs[record].length_bp)),
            Place::Stretch(record, start_bp, end_bp) => (record, View::of(start_bp, end_bp, contigs[record].length_bp)),
            Place::Around(record, start_bp, end_bp) => {
                let margin_bp = ((end_bp - start_bp) / 10).max(20);
                let length_bp = contigs[record].length_bp;
                (record, View::of(start_bp.saturating_sub(margin_bp), end_bp + margin_bp, length_bp))
            }
            Place::Base(record, position_bp) => {
                let span_bp = self.view().span_bp().min(AROUND_BP);
                let mut view = View::whole(contigs[record].length_bp);
                view.set(position_bp as f64 - (span_bp / 2.0).floor(), span_bp);
                (record, view)
            }
        };
        self.loci[self.active].go(record, view);
        self.follow();
    }

    /// Shows a stretch of the active record; `jump` says whether it can be gone back from.
    pub(crate) fn show(&mut self, start_bp: f64, span_bp: f64, jump: bool) {
        let locus = &mut self.loci[self.active];
        if jump {
            locus.history.leave(locus.record, locus.view);
        }
        locus.view.set(start_bp, span_bp);
        self.follow();
    }

    /// Goes back to where the active locus was.
    pub(crate) fn go_back(&mut self) {
        let locus = &mut self.loci[self.active];
        if let Some((record, view)) = locus.history.back(locus.record, locus.view) {
            (locus.record, locus.view) = (record, view);
        }
        self.follow();
    }

    /// Goes forward again.
    pub(crate) fn go_forward(&mut self) {
        let locus = &mut self.loci[self.active];
        if let Some((record, view)) = locus.history.forward() {
            (locus.record, locus.view) = (record, view);
        }
        self.follow();
    }

    /// Moves by a fraction of what is in view; positive goes to the right.
    pub(crate) fn pan(&mut self, fraction: f64) {
        self.moved().for_each(|locus| locus.view.pan(fraction));
    }

    /// Shows `factor` times fewer bases, with the place `anchor` (0 left, 1 right) where it is.
    pub(crate) fn zoom(&mut self, factor: f64, anchor: f64) {
        self.moved().for_each(|locus| locus.view.zoom(factor, anchor));
    }

    /// Reads the other strand from left to right.
    pub(crate) fn turn_round(&mut self) {
        let is_reversed = !self.view().is_reversed();
        self.moved().for_each(|locus| locus.view.set_reversed(is_reversed));
    }

    /// The loci that move when the active one does.
    fn moved(&mut self) -> impl Iterator<Item = &mut Locus> {
        let (active, linked) = (self.active, self.linked);
        self.loci.iter_mut().enumerate().filter(move |(number, _)| linked || *number == active).map(|(_, locus)| locus)
    }

    /// The base of another locus that lies as far from its left edge as `position_bp` does in locus `from`.
    pub(crate) fn beside(&self, from: usize, position_bp: u64, other: usize) -> Option<u64> {
        if from == other {
            return Some(position_bp);
        }
        self.loci.get(from)?.view.beside(position_bp, &self.loci.get(other)?.view)
    }
}

/// What is shown first of a record.
fn first_view(length_bp: u64) -> View {
    if length_bp <= 2 * FIRST_VIEW_BP { View::whole(length_bp) } else { View::of(0, FIRST_VIEW_BP, length_bp) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn genome() -> Genome {
        let contig = |name: &str, length_bp| Contig { name: name.into(), length_bp, ..Contig::default() };
        let contigs = vec![contig("chr1", 100_000), contig("chr2", 50_000)];
        Genome::of(GenomeSummary { path: "a.fa".into(), contigs, warnings: vec![] }, 1).expect("records")
    }

    #[test]
    fn loci_are_added_moved_together_and_closed() {
        let mut genome = genome();
        genome.go_to(Place::Stretch(0, 1_000, 2_000));
        genome.add_locus();
        genome.go_to(Place::Stretch(1, 5_000, 6_000));
        let seen =
            |genome: &Genome| genome.loci().iter().map(|locus| genome.region_of(locus).to_string()).collect::<Vec<_>>();
        assert_eq!(seen(&genome), ["chr1:1,001-2,000", "chr2:5,001-6,000"], "side by side");
        genome.pan(0.5);
        assert_eq!(seen(&genome), ["chr1:1,501-2,500", "chr2:5,501-6,500"], "linked");
        genome.linked = false;
        genome.pan(0.5);
        assert_eq!(seen(&genome), ["chr1:1,501-2,500", "chr2:6,001-7,000"], "free");
        assert_eq!(genome.beside(1, 6_010, 0), Some(1_510), "as far from the left");
        genome.close_locus(0);
        assert_eq!((seen(&genome), genome.active()), (vec!["chr2:6,001-7,000".to_owned()], 0), "one is left");
        genome.close_locus(0);
        assert_eq!(genome.loci().len(), 1, "the last one stays");
    }

    #[test]
    fn a_locus_is_pinned_and_the_one_beside_it_shows_as_much() {
        let mut genome = genome();
        genome.go_to(Place::Stretch(0, 1_000, 2_000));
        genome.pin(Some("splice".into()));
        assert_eq!((genome.compared(), genome.active(), genome.linked), (Some((0, 1)), 1, true), "B is moved");
        genome.go_to(Place::Stretch(1, 5_000, 5_500));
        let seen = |genome: &Genome, number: usize| genome.region_of(&genome.loci()[number]).to_string();
        assert_eq!((seen(&genome, 0), seen(&genome, 1)), ("chr1:1,001-1,500".into(), "chr2:5,001-5,500".into()));
        assert_eq!(genome.counterpart(genome.locus()).map(|locus| locus.record), Some(0), "A of B");
        assert!(genome.counterpart(&genome.loci()[0]).is_none(), "A has none");
        genome.turn_round();
        genome.go_to(Place::Stretch(1, 7_000, 7_100));
        // From the right, since the other strand is read: the left edge is base 1,500.
        assert_eq!(seen(&genome, 0), "chr1:1,401-1,500", "the left edge stays");
        genome.linked = false;
        genome.zoom(2.0, 0.5);
        assert!(genome.counterpart(genome.locus()).is_none(), "not as many bases any more");
        genome.close_locus(1);
        assert_eq!(genome.compared(), None, "nothing to compare with");
    }

    #[test]
    fn the_strand_that_is_read_stays_when_one_goes_elsewhere() {
        let mut genome = genome();
        genome.turn_round();
        genome.go_to(Place::Record(1));
        assert!(genome.view().is_reversed(), "as it was");
        genome.add_locus();
        genome.linked = false;
        genome.turn_round();
        genome.go_to(Place::Stretch(0, 0, 10_000));
        genome.activate(0);
        genome.go_to(Place::Stretch(0, 0, 10_000));
        assert_eq!(genome.beside(0, 0, 1), Some(9_999), "the first base is at the other end");
    }
}
