//! Open reading frames of both strands.

use crate::{
    GeneticCode, Strand,
    iupac::{complement_mask, mask_of},
};

/// Where a reading frame may begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartRule {
    /// At the first `ATG` after a stop.
    #[default]
    Atg,
    /// At the first codon after a stop that can start a protein in the code.
    AnyStartOfCode,
    /// Right after a stop: frames are stretches without stops.
    StopToStop,
}

/// What to look for.
///
/// ```
/// use strandscope_genome::{OrfFinder, Strand};
///
/// let finder = OrfFinder { least_bp: 9, ..OrfFinder::default() };
/// let orfs = finder.find(b"tagATGGCCTAAtag", 100);
/// let orf = orfs.iter().find(|orf| orf.is_whole()).expect("a whole frame");
/// assert_eq!((orf.start_bp, orf.end_bp, orf.strand), (103, 112, Strand::Forward));
/// assert_eq!(orf.amino_acids, 2);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OrfFinder {
    /// The genetic code.
    pub code: &'static GeneticCode,
    /// Shortest frame that is told, in bases with its stop codon.
    pub least_bp: u64,
    /// Where a frame may begin.
    pub start: StartRule,
    /// Most codons in a row that may be unknown (translate to `X`) inside a frame.
    ///
    /// A longer run (a gap of an assembly) ends frames on both of its sides as the end of the sequence does: they are
    /// open there. With `None` frames go on through gaps of any length.
    pub most_unknown_codons: Option<u64>,
}

impl Default for OrfFinder {
    fn default() -> Self {
        Self { code: GeneticCode::standard(), least_bp: 300, start: StartRule::Atg, most_unknown_codons: None }
    }
}

/// A reading frame that no stop codon interrupts.
///
/// A codon with letters for several bases is a stop, or a start, only if all codons it may stand for are. Any other
/// codon that translates to `X` does not end the frame, and is counted.
///
/// Where no stop lies between a frame's beginning and the end of the sequence (or a gap, see
/// [`OrfFinder::most_unknown_codons`]), its start may lie beyond: it is told from its first whole codon on, whatever
/// that codon is, and marked as open on that side. A frame without its stop is open on the other side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Orf {
    /// First base on the forward strand, 0-based.
    pub start_bp: u64,
    /// One past the last base on the forward strand; the stop codon is part of the frame.
    pub end_bp: u64,
    /// The strand it is read on.
    pub strand: Strand,
    /// `start_bp` modulo 3, which is also `end_bp` modulo 3.
    pub frame: u8,
    /// Whether it goes on to the left of `start_bp`, on the forward strand.
    pub is_open_left: bool,
    /// Whether it goes on to the right of `end_bp`, on the forward strand.
    pub is_open_right: bool,
    /// Codons without the stop codon.
    pub amino_acids: u64,
    /// Codons among them that translate to `X`.
    pub unknown_codons: u64,
}

impl Orf {
    /// Whether both its ends have been seen.
    pub fn is_whole(&self) -> bool {
        !self.is_open_left && !self.is_open_right
    }
}

impl OrfFinder {
    /// The frames of `bases`, whose first base is at `offset_bp`, sorted by start, end and strand.
    pub fn find(&self, bases: &[u8], offset_bp: u64) -> Vec<Orf> {
        let mut scan = OrfScan::new(*self, offset_bp);
        scan.feed(bases);
        scan.finish()
    }
}

/// Bits of a class of codons.
mod class {
    pub(super) const FORWARD_STOP: u8 = 1;
    pub(super) const FORWARD_START: u8 = 2;
    pub(super) const FORWARD_UNKNOWN: u8 = 4;
    /// The same three for the reverse complement are shifted by this.
    pub(super) const TO_REVERSE: u32 = 3;
}

/// Finds the frames of a sequence that comes in pieces of any length; the pieces do not show in the result.
///
/// ```
/// use strandscope_genome::{OrfFinder, OrfScan};
///
/// let finder = OrfFinder { least_bp: 9, ..OrfFinder::default() };
/// let mut scan = OrfScan::new(finder, 100);
/// scan.feed(b"tagATGG");
/// scan.feed(b"CCTAAtag");
/// assert_eq!(scan.finish(), finder.find(b"tagATGGCCTAAtag", 100));
/// ```
#[derive(Clone, Debug)]
pub struct OrfScan {
    finder: OrfFinder,
    /// What each codon of three masks means, on both strands.
    classes: Vec<u8>,
    offset_bp: u64,
    next_bp: u64,
    /// Masks of the last three bases.
    last_masks: usize,
    /// For each strand and frame.
    stretches: [[Stretch; 3]; 2],
    closed: Vec<Orf>,
}

/// What is known of a stretch without stops that is being read.
#[derive(Clone, Copy, Debug, Default)]
struct Stretch {
    /// Its first codon; on the reverse strand that is the stop on its left, where there is one.
    from_bp: u64,
    /// Whether a stop bounds it on the left.
    is_closed_left: bool,
    /// The outermost start codon seen: on the forward strand the first, on the reverse strand the last one.
    start: Option<Start>,
    unknown_codons: u64,
    /// Unknown codons in a row up to `unknown_end_bp`.
    unknown_run: u64,
    unknown_end_bp: u64,
}

#[derive(Clone, Copy, Debug)]
struct Start {
    /// On the forward strand where the codon begins, on the reverse strand where it ends.
    at_bp: u64,
    /// Unknown codons of the stretch to the left of it.
    unknown_before: u64,
}

impl OrfScan {
    /// Begins with the base at `offset_bp`.
    pub fn new(finder: OrfFinder, offset_bp: u64) -> Self {
        let stretches = [0, 1, 2].map(|frame| {
            let from_bp = offset_bp + (frame + 3 - offset_bp % 3) % 3;
            Stretch { from_bp, ..Stretch::default() }
        });
        Self {
            finder,
            classes: classes(&finder),
            offset_bp,
            next_bp: offset_bp,
            last_masks: 0,
            stretches: [stretches; 2],
            closed: Vec::new(),
        }
    }

    /// Reads on.
    pub fn feed(&mut self, bases: &[u8]) {
        for &base in bases {
            self.last_masks = (self.last_masks << 4 | usize::from(mask_of(base))) & 0xfff;
            self.next_bp += 1;
            let class = self.classes[self.last_masks];
            if class != 0 && self.next_bp >= self.offset_bp + 3 {
                let codon_bp = self.next_bp - 3;
                self.step(Strand::Forward, codon_bp, class);
                self.step(Strand::Reverse, codon_bp, class >> class::TO_REVERSE);
            }
        }
    }

    /// Takes out the frames that have ended since this was last called, in the order in which they ended.
    ///
    /// For those who want to keep memory bounded on a long sequence.
    pub fn take_closed(&mut self) -> Vec<Orf> {
        std::mem::take(&mut self.closed)
    }

    /// Ends the sequence: the frames not taken before, sorted by start, end and strand.
    pub fn finish(mut self) -> Vec<Orf> {
        for strand in [Strand::Forward, Strand::Reverse] {
            for frame in 0..3 {
                let from_bp = self.stretches[strand as usize][frame].from_bp;
                let codons = self.next_bp.saturating_sub(from_bp) / 3;
                self.close(strand, frame, from_bp + 3 * codons, false);
            }
        }
        self.closed.sort_unstable();
        self.closed
    }

    fn step(&mut self, strand: Strand, codon_bp: u64, class: u8) {
        // At most 2, so nothing is lost.
        let frame = (codon_bp % 3) as usize;
        let is_reverse = strand == Strand::Reverse;
        let stretch = &mut self.stretches[strand as usize][frame];
        if class & class::FORWARD_STOP != 0 {
            let end_bp = if is_reverse { codon_bp } else { codon_bp + 3 };
            self.close(strand, frame, end_bp, true);
            self.stretches[strand as usize][frame] =
                Stretch { from_bp: end_bp, is_closed_left: true, ..Stretch::default() };
            return;
        }
        let is_start = class & class::FORWARD_START != 0;
        if is_start && !is_reverse && stretch.start.is_none() {
            stretch.start = Some(Start { at_bp: codon_bp, unknown_before: stretch.unknown_codons });
        }
        let is_unknown = class & class::FORWARD_UNKNOWN != 0;
        if is_unknown {
            stretch.unknown_codons += 1;
            stretch.unknown_run = if stretch.unknown_end_bp == codon_bp { stretch.unknown_run + 1 } else { 1 };
            stretch.unknown_end_bp = codon_bp + 3;
        }
        if is_start && is_reverse {
            stretch.start = Some(Start { at_bp: codon_bp + 3, unknown_before: stretch.unknown_codons });
        }
        if is_unknown {
            self.end_at_gap(strand, frame);
        }
    }

    /// Ends the stretch before a run of unknown codons that has become too long, and begins the next after it.
    fn end_at_gap(&mut self, strand: Strand, frame: usize) {
        let stretch = &mut self.stretches[strand as usize][frame];
        let (run, end_bp) = (stretch.unknown_run, stretch.unknown_end_bp);
        let Some(most) = self.finder.most_unknown_codons.filter(|&most| run > most) else { return };
        if run == most + 1 {
            stretch.unknown_codons -= run;
            self.close(strand, frame, end_bp - 3 * run, false);
        }
        self.stretches[strand as usize][frame] =
            Stretch { from_bp: end_bp, unknown_run: run, unknown_end_bp: end_bp, ..Stretch::default() };
    }

    /// Tells the frame of a stretch that ends at `end_bp`, where there is one of sufficient length.
    fn close(&mut self, strand: Strand, frame: usize, end_bp: u64, is_closed_right: bool) {
        let stretch = self.stretches[strand as usize][frame];
        let mut told =
            Told { start_bp: stretch.from_bp, end_bp, unknown_codons: stretch.unknown_codons, has_stop: false };
        let needs_start = self.finder.start != StartRule::StopToStop;
        match strand {
            Strand::Forward => {
                told.has_stop = is_closed_right;
                if needs_start && stretch.is_closed_left {
                    let Some(start) = stretch.start else { return };
                    told.start_bp = start.at_bp;
                    told.unknown_codons = stretch.unknown_codons.saturating_sub(start.unknown_before);
                }
            }
            Strand::Reverse => {
                told.has_stop = stretch.is_closed_left;
                if needs_start && is_closed_right {
                    let Some(start) = stretch.start else { return };
                    told.end_bp = start.at_bp;
                    told.unknown_codons = start.unknown_before;
                }
            }
        }
        let length_bp = told.end_bp.saturating_sub(told.start_bp);
        let amino_acids = (length_bp / 3).saturating_sub(u64::from(told.has_stop));
        if amino_acids == 0 || length_bp < self.finder.least_bp {
            return;
        }
        self.closed.push(Orf {
            start_bp: told.start_bp,
            end_bp: told.end_bp,
            strand,
            // A remainder of 3.
            frame: (told.start_bp % 3) as u8,
            is_open_left: !stretch.is_closed_left,
            is_open_right: !is_closed_right,
            amino_acids,
            unknown_codons: told.unknown_codons,
        });
    }
}

/// What is told of a stretch.
struct Told {
    start_bp: u64,
    end_bp: u64,
    unknown_codons: u64,
    has_stop: bool,
}

/// The class of each codon of three masks.
fn classes(finder: &OrfFinder) -> Vec<u8> {
    let forward = |masks: [u8; 3]| {
        let is_start = match finder.start {
            StartRule::Atg => masks == [b'A', b'T', b'G'].map(mask_of),
            StartRule::AnyStartOfCode => finder.code.is_start_masks(masks),
            StartRule::StopToStop => false,
        };
        let mut class = if is_start { class::FORWARD_START } else { 0 };
        match finder.code.translate_masks(masks) {
            b'*' => class |= class::FORWARD_STOP,
            b'X' => class |= class::FORWARD_UNKNOWN,
            _ => {}
        }
        class
    };
    let codons = (0..16_u8).flat_map(|a| (0..16_u8).flat_map(move |b| (0..16_u8).map(move |c| [a, b, c])));
    codons
        .map(|masks| {
            let [a, b, c] = masks.map(complement_mask);
            forward(masks) | forward([c, b, a]) << class::TO_REVERSE
        })
        .collect()
}

#[cfg(test)]
#[path = "orfs_tests.rs"]
mod tests;
