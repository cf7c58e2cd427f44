//! Which letters a sequence is made of, and where it is not plain.

use crate::iupac::{ANY_BASE, mask_of};

/// How many of the bases in a bin are G or C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GcBin {
    /// First base that was counted.
    pub start_bp: u64,
    /// One past the last base that was counted.
    pub end_bp: u64,
    /// G, C and S (G or C), in either case.
    pub gc: u64,
    /// Those and A, T, U and W (A or T): all letters of which it is known whether they are G or C.
    pub known: u64,
}

impl GcBin {
    /// Share of G and C among the bases of which it is known; `None` where there are none.
    pub fn gc_share(&self) -> Option<f64> {
        (self.known > 0).then(|| self.gc as f64 / self.known as f64)
    }
}

/// Counts G and C in bins of `bin_bp` bases that begin at multiples of `bin_bp`; `bases` begin at `start_bp`.
///
/// The first and the last bin hold only the bases they share with `bases`. A `bin_bp` of 0 is taken as 1.
///
/// ```
/// use strandscope_genome::gc_bins;
///
/// let bins = gc_bins(b"GGATTNNNNN", 3, 5);
/// assert_eq!((bins[0].start_bp, bins[0].end_bp, bins[0].gc, bins[0].known), (3, 5, 2, 2));
/// assert_eq!((bins[1].start_bp, bins[1].end_bp, bins[1].gc_share()), (5, 10, Some(0.0)));
/// assert_eq!((bins[2].start_bp, bins[2].end_bp, bins[2].gc_share()), (10, 13, None));
/// ```
pub fn gc_bins(bases: &[u8], start_bp: u64, bin_bp: u64) -> Vec<GcBin> {
    let mut bins = Vec::new();
    extend_gc_bins(&mut bins, bases, start_bp, bin_bp);
    bins
}

/// Goes on where `bins` end: the next piece of a sequence that comes in pieces, which do not show in the result.
pub fn extend_gc_bins(bins: &mut Vec<GcBin>, bases: &[u8], start_bp: u64, bin_bp: u64) {
    let bin_bp = bin_bp.max(1);
    let (mut rest, mut at_bp) = (bases, start_bp);
    while !rest.is_empty() {
        let room_bp = bin_bp - at_bp % bin_bp;
        let taken = usize::try_from(room_bp).map_or(rest.len(), |room| room.min(rest.len()));
        let (part, after) = rest.split_at(taken);
        let (gc, known) = count_gc(part);
        let end_bp = at_bp + taken as u64;
        match bins.last_mut() {
            Some(last) if last.end_bp == at_bp && last.start_bp / bin_bp == at_bp / bin_bp => {
                last.end_bp = end_bp;
                last.gc += gc;
                last.known += known;
            }
            _ => bins.push(GcBin { start_bp: at_bp, end_bp, gc, known }),
        }
        (rest, at_bp) = (after, end_bp);
    }
}

/// G and C, and the letters of which it is known.
fn count_gc(bases: &[u8]) -> (u64, u64) {
    let (mut gc, mut known) = (0, 0);
    // Sums of 255 fit a byte, so that the loop becomes vector code.
    for part in bases.chunks(255) {
        let (mut gc_here, mut known_here) = (0_u8, 0_u8);
        for &base in part {
            let upper = base & 0xdf;
            // `C` and `G` differ in one bit; so do `S` and `W`, and `T` and `U`.
            let is_c_or_g = (upper & 0xfb) == b'C';
            let is_s_or_w = (upper & 0xfb) == b'S';
            gc_here += u8::from(is_c_or_g | (upper == b'S'));
            known_here += u8::from(is_c_or_g | is_s_or_w | (upper == b'A') | ((upper & 0xfe) == b'T'));
        }
        gc += u64::from(gc_here);
        known += u64::from(known_here);
    }
    (gc, known)
}

/// How often each letter occurs.
///
/// ```
/// use strandscope_genome::Composition;
///
/// let composition = Composition::of(b"ACGTacgtNNR-");
/// assert_eq!((composition.count(b'A'), composition.soft_masked(), composition.ambiguous()), (2, 4, 1));
/// assert_eq!(composition.gc_share(), Some(0.5));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composition {
    /// By byte.
    counts: [u64; 256],
}

impl Default for Composition {
    fn default() -> Self {
        Self { counts: [0; 256] }
    }
}

impl Composition {
    /// Counts the letters of `bases`.
    pub fn of(bases: &[u8]) -> Self {
        let mut composition = Self::default();
        composition.extend(bases);
        composition
    }

    /// Counts on.
    pub fn extend(&mut self, bases: &[u8]) {
        // Four tables, since the same letter twice in a row would have to wait for its own count.
        let mut tables = [[0_u64; 256]; 4];
        let (fours, rest) = bases.as_chunks::<4>();
        for four in fours {
            for (table, &base) in tables.iter_mut().zip(four) {
                table[usize::from(base)] += 1;
            }
        }
        for &base in rest {
            tables[0][usize::from(base)] += 1;
        }
        for (byte, count) in self.counts.iter_mut().enumerate() {
            *count += tables.iter().map(|table| table[byte]).sum::<u64>();
        }
    }

    /// How often `letter` occurs, in either case; `T` and `U` are counted apart.
    pub fn count(&self, letter: u8) -> u64 {
        let (upper, lower) = (letter.to_ascii_uppercase(), letter.to_ascii_lowercase());
        let both = self.counts[usize::from(upper)];
        if upper == lower { both } else { both + self.counts[usize::from(lower)] }
    }

    /// All letters.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// A, C, G, T and U.
    pub fn plain(&self) -> u64 {
        self.of_kind(BaseKind::Plain)
    }

    /// N.
    pub fn unknown(&self) -> u64 {
        self.of_kind(BaseKind::Unknown)
    }

    /// IUPAC codes for two or three bases.
    pub fn ambiguous(&self) -> u64 {
        self.of_kind(BaseKind::Ambiguous)
    }

    /// Gaps and all else that is no nucleotide code.
    pub fn other(&self) -> u64 {
        self.of_kind(BaseKind::Other)
    }

    /// Letters in lower case, whatever they are.
    pub fn soft_masked(&self) -> u64 {
        (b'a'..=b'z').map(|letter| self.counts[usize::from(letter)]).sum()
    }

    /// Share of G and C among the letters of which it is known, as in [`GcBin`].
    pub fn gc_share(&self) -> Option<f64> {
        let counts = |letters: &[u8]| letters.iter().map(|&letter| self.count(letter)).sum::<u64>();
        let (gc, known) = (counts(b"GCS"), counts(b"GCSATUW"));
        (known > 0).then(|| gc as f64 / known as f64)
    }

    fn of_kind(&self, kind: BaseKind) -> u64 {
        (0..=u8::MAX).filter(|&byte| kind_of(byte) == kind).map(|byte| self.counts[usize::from(byte)]).sum()
    }
}

/// What a letter tells of its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseKind {
    /// A, C, G, T or U.
    Plain,
    /// N: nothing is known.
    Unknown,
    /// An IUPAC code for two or three bases.
    Ambiguous,
    /// A gap, or no nucleotide code at all.
    Other,
}

fn kind_of(byte: u8) -> BaseKind {
    match mask_of(byte) {
        0 => BaseKind::Other,
        ANY_BASE => BaseKind::Unknown,
        mask if mask.is_power_of_two() => BaseKind::Plain,
        _ => BaseKind::Ambiguous,
    }
}

/// Letters of one kind in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaseRun {
    /// First of them, 0-based.
    pub start_bp: u64,
    /// One past the last.
    pub end_bp: u64,
    /// What they are; never [`BaseKind::Plain`].
    pub kind: BaseKind,
}

/// The runs of letters that are not plain, from left to right; `bases` begin at `start_bp`.
///
/// ```
/// use strandscope_genome::{BaseKind, BaseRun, base_runs};
///
/// let runs = base_runs(b"TTNnNRYAC", 10);
/// assert_eq!(runs, [
///     BaseRun { start_bp: 12, end_bp: 15, kind: BaseKind::Unknown },
///     BaseRun { start_bp: 15, end_bp: 17, kind: BaseKind::Ambiguous },
/// ]);
/// ```
pub fn base_runs(bases: &[u8], start_bp: u64) -> Vec<BaseRun> {
    let mut runs = Vec::new();
    extend_base_runs(&mut runs, bases, start_bp);
    runs
}

/// Goes on where `runs` may have been cut: the next piece of a sequence that comes in pieces.
pub fn extend_base_runs(runs: &mut Vec<BaseRun>, bases: &[u8], start_bp: u64) {
    let mut at_bp = start_bp;
    for part in bases.chunks(64) {
        if !all_plain(part) {
            for (bp, &base) in (at_bp..).zip(part) {
                let kind = kind_of(base);
                match runs.last_mut() {
                    _ if kind == BaseKind::Plain => {}
                    Some(last) if last.end_bp == bp && last.kind == kind => last.end_bp += 1,
                    _ => runs.push(BaseRun { start_bp: bp, end_bp: bp + 1, kind }),
                }
            }
        }
        at_bp += part.len() as u64;
    }
}

/// Whether all are A, C, G, T or U; without branches, so that it becomes vector code.
fn all_plain(bases: &[u8]) -> bool {
    bases.iter().fold(true, |all, &base| {
        let upper = base & 0xdf;
        all & ((upper == b'A') | ((upper & 0xfb) == b'C') | ((upper & 0xfe) == b'T'))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_byte_is_counted_as_what_it_is() {
        for byte in 0..=u8::MAX {
            let upper = byte.to_ascii_uppercase();
            let (is_gc, is_known) = (b"GCS".contains(&upper), b"GCSATUW".contains(&upper));
            assert_eq!(count_gc(&[byte]), (u64::from(is_gc), u64::from(is_known)), "byte {byte}");
            assert_eq!(all_plain(&[byte]), kind_of(byte) == BaseKind::Plain, "byte {byte}");
            let composition = Composition::of(&[byte]);
            let kinds = [composition.plain(), composition.unknown(), composition.ambiguous(), composition.other()];
            assert_eq!((kinds.iter().sum::<u64>(), composition.total(), composition.count(byte)), (1, 1, 1));
            assert_eq!(composition.gc_share(), is_known.then_some(f64::from(u8::from(is_gc))), "byte {byte}");
        }
        assert_eq!(count_gc(&[b'g'; 1_000]), (1_000, 1_000), "sums of bytes do not overflow");
    }

    #[test]
    fn bins_begin_at_multiples() {
        assert_eq!(gc_bins(b"", 5, 10), []);
        assert_eq!(gc_bins(b"GC", 5, 0).len(), 2, "no bin is 0 wide");
        assert_eq!(gc_bins(b"GC", 5, u64::MAX).len(), 1, "one bin for all");
    }

    proptest! {
        #[test]
        fn bins_and_runs_hold_each_base_once_and_pieces_do_not_show(
            pieces in prop::collection::vec("([ACGTUSWacgtusw]{0,200}|[ACGTNRY-]{0,30}|N{0,90}){0,3}", 0..6),
            start_bp in 0_u64..50,
            bin_bp in 1_u64..40,
        ) {
            let whole = pieces.concat().into_bytes();
            let (mut bins, mut runs, mut composition) = (Vec::new(), Vec::new(), Composition::default());
            let mut at_bp = start_bp;
            for piece in &pieces {
                extend_gc_bins(&mut bins, piece.as_bytes(), at_bp, bin_bp);
                extend_base_runs(&mut runs, piece.as_bytes(), at_bp);
                composition.extend(piece.as_bytes());
                at_bp += piece.len() as u64;
            }
            prop_assert_eq!(&bins, &gc_bins(&whole, start_bp, bin_bp));
            prop_assert_eq!(&runs, &base_runs(&whole, start_bp));
            prop_assert_eq!(&composition, &Composition::of(&whole));

            let gc = bins.iter().map(|bin| bin.gc).sum::<u64>();
            prop_assert_eq!(gc, b"GCS".iter().map(|&letter| composition.count(letter)).sum::<u64>());
            for bin in &bins {
                prop_assert_eq!(bin.start_bp / bin_bp, (bin.end_bp - 1) / bin_bp);
            }
            let mut kinds = vec![BaseKind::Plain; whole.len()];
            for run in &runs {
                for bp in run.start_bp..run.end_bp {
                    kinds[usize::try_from(bp - start_bp).unwrap()] = run.kind;
                }
            }
            prop_assert_eq!(kinds, whole.iter().map(|&base| kind_of(base)).collect::<Vec<_>>());
            for pair in runs.windows(2) {
                prop_assert!(pair[0].end_bp < pair[1].start_bp || pair[0].kind != pair[1].kind);
            }
        }
    }
}
