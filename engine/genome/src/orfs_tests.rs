//! Reading frames against a search codon by codon.

use proptest::prelude::*;

use super::*;
use crate::reverse_complement;

fn finder(start: StartRule, most_unknown_codons: Option<u64>) -> OrfFinder {
    OrfFinder { code: GeneticCode::by_id(11).unwrap(), least_bp: 6, start, most_unknown_codons }
}

/// The frames of the forward strand: each frame is cut into codons, each run between stops and gaps is looked at.
fn slowly(finder: &OrfFinder, bases: &[u8], offset_bp: u64) -> Vec<Orf> {
    let mut orfs = Vec::new();
    for skipped in 0..3.min(bases.len()) {
        let codons = bases[skipped..].as_chunks::<3>().0;
        let proteins = codons.iter().map(|&codon| finder.code.translate(codon)).collect::<Vec<_>>();
        let gap_at = |at: usize| {
            let run = proteins[at..].iter().take_while(|&&letter| letter == b'X').count();
            (finder.most_unknown_codons.is_some_and(|most| run as u64 > most)).then_some(run)
        };
        let (mut from, mut is_open_left, mut at) = (0, true, 0);
        while at <= codons.len() {
            let gap = if at < codons.len() { gap_at(at) } else { Some(1) };
            if gap.is_none() && proteins[at] != b'*' {
                at += 1;
                continue;
            }
            let is_stop = gap.is_none();
            let is_start = |codon: &[u8; 3]| match finder.start {
                StartRule::Atg => codon.map(mask_of) == b"ATG".map(mask_of),
                StartRule::AnyStartOfCode => finder.code.is_start(*codon),
                StartRule::StopToStop => true,
            };
            let first = if is_open_left { Some(0) } else { codons[from..at].iter().position(is_start) };
            if let Some(first) = first.map(|first| from + first).filter(|&first| first < at) {
                let bp = |codon: usize| offset_bp + (skipped + 3 * codon) as u64;
                let end = at + usize::from(is_stop);
                if bp(end) - bp(first) >= finder.least_bp {
                    orfs.push(Orf {
                        start_bp: bp(first),
                        end_bp: bp(end),
                        strand: Strand::Forward,
                        frame: u8::try_from(bp(first) % 3).unwrap(),
                        is_open_left,
                        is_open_right: !is_stop,
                        amino_acids: (at - first) as u64,
                        unknown_codons: proteins[first..at].iter().filter(|&&letter| letter == b'X').count() as u64,
                    });
                }
            }
            is_open_left = !is_stop;
            at += gap.unwrap_or(1);
            from = at;
        }
    }
    orfs
}

fn slowly_both(finder: &OrfFinder, bases: &[u8], offset_bp: u64) -> Vec<Orf> {
    let mut orfs = slowly(finder, bases, offset_bp);
    let end_bp = offset_bp + bases.len() as u64;
    for orf in slowly(finder, &reverse_complement(bases), 0) {
        let (start_bp, end_bp) = (end_bp - orf.end_bp, end_bp - orf.start_bp);
        orfs.push(Orf {
            start_bp,
            end_bp,
            strand: Strand::Reverse,
            frame: u8::try_from(start_bp % 3).unwrap(),
            is_open_left: orf.is_open_right,
            is_open_right: orf.is_open_left,
            ..orf
        });
    }
    orfs.sort_unstable();
    orfs
}

fn rule() -> impl Strategy<Value = StartRule> {
    prop_oneof![Just(StartRule::Atg), Just(StartRule::AnyStartOfCode), Just(StartRule::StopToStop)]
}

proptest! {
    #[test]
    fn as_a_search_codon_by_codon(
        bases in "([ACGT]{0,60}|[ATGatgU]{0,60}|[ACGTRYN-]{0,30}|N{0,20}){0,6}",
        offset_bp in 0_u64..7,
        start in rule(),
        gap in prop_oneof![Just(None), (0_u64..4).prop_map(Some)],
    ) {
        let finder = finder(start, gap);
        prop_assert_eq!(finder.find(bases.as_bytes(), offset_bp), slowly_both(&finder, bases.as_bytes(), offset_bp));
    }

    #[test]
    fn pieces_do_not_show(
        pieces in prop::collection::vec("[ACGT]{0,40}|[ATGN]{0,40}|N{0,9}", 0..8),
        offset_bp in 0_u64..7,
        start in rule(),
    ) {
        let finder = finder(start, Some(1));
        let mut scan = OrfScan::new(finder, offset_bp);
        let mut taken = Vec::new();
        for piece in &pieces {
            scan.feed(piece.as_bytes());
            taken.extend(scan.take_closed());
        }
        taken.extend(scan.finish());
        taken.sort_unstable();
        prop_assert_eq!(taken, finder.find(pieces.concat().as_bytes(), offset_bp));
    }
}

#[test]
fn a_frame_on_either_strand() {
    let finder = OrfFinder { least_bp: 0, start: StartRule::Atg, ..finder(StartRule::Atg, None) };
    let bases = b"TAAATGAANTGATAA";
    let whole = |bases: &[u8]| finder.find(bases, 0).into_iter().filter(Orf::is_whole).collect::<Vec<_>>();
    let expected = Orf {
        start_bp: 3,
        end_bp: 12,
        strand: Strand::Forward,
        frame: 0,
        is_open_left: false,
        is_open_right: false,
        amino_acids: 2,
        unknown_codons: 1,
    };
    assert_eq!(whole(bases), std::slice::from_ref(&expected), "forward");
    assert_eq!(whole(&reverse_complement(bases)), [Orf { strand: Strand::Reverse, ..expected }], "reverse");
}

#[test]
fn ends_of_the_sequence_leave_frames_open() {
    let finder = OrfFinder { start: StartRule::Atg, ..finder(StartRule::Atg, None) };
    let orfs = finder.find(b"CCCCCCCCC", 3);
    assert_eq!(orfs.len(), 6, "each frame of each strand");
    assert!(orfs.iter().all(|orf| orf.is_open_left && orf.is_open_right), "nothing bounds them");
    assert_eq!((orfs[0].start_bp, orfs[0].end_bp, orfs[0].amino_acids), (3, 12, 3));
    assert_eq!(finder.find(b"", 0), [], "no base, no frame");
    assert_eq!(finder.find(b"ATG", 0), [], "shorter than asked for");
}
