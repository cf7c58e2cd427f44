//! Patterns of letters, all of whose places are tried at once in the bits of a word.
//!
//! Shift-And: bit `i` of a word tells whether the letters `0..=i` of the pattern match the last bases (Baeza-Yates and
//! Gonnet, 1992). With mismatches there is a word for each number of them (Wu and Manber, 1992). Both strands go side
//! by side. Of a pattern longer than a word its last 64 letters are searched this way, and the rest is compared where
//! they match.

use super::{MotifHit, Strands, is_palindrome};
use crate::{
    Strand,
    iupac::{complement_mask, mask_of},
};

/// Letters in a word.
const WORD: usize = 64;

/// Forward and reverse.
type Both = [u64; 2];

#[derive(Debug)]
pub(super) struct LetterScan {
    /// The pattern as it reads on the forward strand, for each strand.
    masks: [Vec<u8>; 2],
    mismatches: u8,
    /// Bits of the letters that match a byte.
    table: Box<[Both; 256]>,
    /// Bit of the last letter, on the strands that are searched.
    last: Both,
    /// States with at most 0, 1, … mismatches.
    states: [Both; 7],
    /// The last bases fed, where the pattern is longer than a word.
    tail: Vec<u8>,
    next_bp: u64,
    hits: Vec<MotifHit>,
    most_hits: usize,
}

impl LetterScan {
    pub(super) fn new(masks: &[u8], mismatches: u8, offset_bp: u64, strands: Strands, most_hits: usize) -> Self {
        let reverse = masks.iter().rev().map(|&mask| complement_mask(mask)).collect();
        let masks = [masks.to_vec(), reverse];
        let length = masks[0].len().min(WORD);
        let mut table = Box::new([[0; 2]; 256]);
        for (byte, words) in (0..=u8::MAX).zip(table.iter_mut()) {
            for (word, masks) in words.iter_mut().zip(&masks) {
                let ends = &masks[masks.len() - length..];
                *word = ends.iter().enumerate().map(|(at, &mask)| u64::from(matches(byte, mask)) << at).sum();
            }
        }
        let has_reverse = match strands {
            Strands::Both => !is_palindrome(&masks[0]),
            Strands::Forward | Strands::Reverse => strands.has(Strand::Reverse),
        };
        let bit = 1 << (length - 1);
        let last = [if strands.has(Strand::Forward) { bit } else { 0 }, if has_reverse { bit } else { 0 }];
        let states = [[0; 2]; 7];
        Self {
            masks,
            mismatches,
            table,
            last,
            states,
            tail: Vec::new(),
            next_bp: offset_bp,
            hits: Vec::new(),
            most_hits,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.hits.len() > self.most_hits
    }

    pub(super) fn finish(self) -> Vec<MotifHit> {
        self.hits
    }

    pub(super) fn feed(&mut self, bases: &[u8]) {
        if self.masks[0].len() <= WORD {
            return self.search(bases, bases.len());
        }
        let kept = self.masks[0].len() - 1;
        // In parts, so that the copy stays small.
        for part in bases.chunks(1 << 16) {
            let mut text = std::mem::take(&mut self.tail);
            text.extend_from_slice(part);
            self.search(&text, part.len());
            text.drain(..text.len().saturating_sub(kept));
            self.tail = text;
        }
    }

    /// Searches the last `new` bases of `text`.
    fn search(&mut self, text: &[u8], new: usize) {
        match self.mismatches {
            0 => self.search_with::<1>(text, new),
            1 => self.search_with::<2>(text, new),
            2 => self.search_with::<3>(text, new),
            3 => self.search_with::<4>(text, new),
            4 => self.search_with::<5>(text, new),
            5 => self.search_with::<6>(text, new),
            _ => self.search_with::<7>(text, new),
        }
    }

    /// The same with a fixed number of states.
    fn search_with<const STATES: usize>(&mut self, text: &[u8], new: usize) {
        let mut states = [[0; 2]; STATES];
        states.copy_from_slice(&self.states[..STATES]);
        let last = self.last;
        for at in text.len() - new..text.len() {
            let matching = &self.table[usize::from(text[at])];
            let mut fewer = [0; 2];
            for (number, state) in states.iter_mut().enumerate() {
                let before = *state;
                for strand in 0..2 {
                    let with_match = (before[strand] << 1 | 1) & matching[strand];
                    let with_mismatch = if number > 0 { fewer[strand] << 1 | 1 } else { 0 };
                    state[strand] = with_match | with_mismatch;
                }
                fewer = before;
            }
            let most = &states[STATES - 1];
            if (most[0] & last[0]) | (most[1] & last[1]) != 0 && !self.is_full() {
                for strand in [Strand::Forward, Strand::Reverse] {
                    let lane = strand as usize;
                    let mismatches = (0_u8..).zip(&states).find(|(_, state)| state[lane] & last[lane] != 0);
                    if let Some((mismatches, _)) = mismatches {
                        self.found(text, at + 1, text.len() - new, strand, mismatches);
                    }
                }
            }
        }
        self.states[..STATES].copy_from_slice(&states);
        self.next_bp += new as u64;
    }

    /// Keeps a hit that ends at `end` of `text`, whose first new base is at `from`, if its other letters match too.
    fn found(&mut self, text: &[u8], end: usize, from: usize, strand: Strand, mut mismatches: u8) {
        let masks = &self.masks[strand as usize];
        let before = masks.len().saturating_sub(WORD);
        if before > 0 {
            let Some(start) = end.checked_sub(masks.len()) else { return };
            for (&base, &mask) in text[start..].iter().zip(&masks[..before]) {
                mismatches += u8::from(!matches(base, mask));
                if mismatches > self.mismatches {
                    return;
                }
            }
        }
        let end_bp = self.next_bp + (end - from) as u64;
        let start_bp = end_bp - masks.len() as u64;
        self.hits.push(MotifHit { start_bp, end_bp, strand, mismatches });
    }
}

/// Whether every base the letter may stand for is one of `mask`.
pub(super) fn matches(base: u8, mask: u8) -> bool {
    let of_base = mask_of(base);
    of_base != 0 && of_base & !mask == 0
}
