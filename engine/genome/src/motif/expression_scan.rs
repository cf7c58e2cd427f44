//! Regular expressions over a sequence that comes in pieces.

use regex::bytes::Regex;

use super::{MotifHit, Strands};
use crate::{Strand, reverse_complement};

/// Bases that are searched at once: few enough that an expression which is slow on them can be stopped between pieces.
const BLOCK_BP: usize = 1 << 16;

/// Searches blocks of fixed size, whatever the pieces are.
///
/// Which hit begins at a base depends on the bases of one longest hit from there on. So on the forward strand a base
/// is tried as soon as that many follow it; on the reverse strand, where hits begin at their right ends, at once.
#[derive(Debug)]
pub(super) struct ExpressionScan {
    regex: Regex,
    longest_bp: usize,
    strands: Strands,
    most_hits: usize,
    pub(super) block_bp: usize,
    /// Bases that are still needed; the first is at `buffer_bp`.
    buffer: Vec<u8>,
    buffer_bp: u64,
    /// First base of the buffer at which no forward hit has been looked for.
    forward_from: usize,
    /// First base of the buffer that no reverse hit could begin with so far.
    reverse_from: usize,
    forward: Vec<MotifHit>,
    reverse: Vec<MotifHit>,
}

impl ExpressionScan {
    pub(super) fn new(regex: Regex, longest_bp: usize, offset_bp: u64, strands: Strands, most_hits: usize) -> Self {
        Self {
            regex,
            longest_bp,
            strands,
            most_hits,
            block_bp: BLOCK_BP,
            buffer: Vec::new(),
            buffer_bp: offset_bp,
            forward_from: 0,
            reverse_from: 0,
            forward: Vec::new(),
            reverse: Vec::new(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.forward.len() + self.reverse.len() > self.most_hits
    }

    pub(super) fn feed(&mut self, bases: &[u8]) {
        let mut rest = bases;
        while !rest.is_empty() && !self.is_full() {
            let room = self.reverse_from + self.block_bp - self.buffer.len();
            let (part, after) = rest.split_at(room.min(rest.len()));
            self.buffer.extend_from_slice(part);
            if part.len() == room {
                self.search(false);
            }
            rest = after;
        }
    }

    pub(super) fn finish(mut self) -> Vec<MotifHit> {
        if !self.is_full() {
            self.search(true);
        }
        self.forward.append(&mut self.reverse);
        self.forward
    }

    fn search(&mut self, is_last: bool) {
        let kept = self.longest_bp - 1;
        let without_end = self.buffer.len().saturating_sub(kept);
        let forward_to = if is_last { self.buffer.len() } else { without_end };
        if self.strands.has(Strand::Forward) {
            self.search_forward(forward_to);
        }
        if self.strands.has(Strand::Reverse) {
            self.search_reverse();
        }
        self.buffer.drain(..without_end);
        self.buffer_bp += without_end as u64;
        self.forward_from = forward_to - without_end;
        self.reverse_from = self.buffer.len();
    }

    fn search_forward(&mut self, to: usize) {
        let mut from = self.forward_from;
        while let Some(found) = self.regex.find_at(&self.buffer, from).filter(|found| found.start() < to) {
            let hit = self.hit(found.start(), found.end(), Strand::Forward);
            // Hits come by rising start, so the last one reaches furthest.
            if self.forward.last().is_none_or(|last| hit.end_bp > last.end_bp) {
                self.forward.push(hit);
            }
            from = found.start() + 1;
        }
    }

    fn search_reverse(&mut self) {
        let text = reverse_complement(&self.buffer);
        let to = text.len() - self.reverse_from;
        let mut here = Vec::<MotifHit>::new();
        let mut from = 0;
        while let Some(found) = self.regex.find_at(&text, from).filter(|found| found.start() < to) {
            let hit = self.hit(text.len() - found.end(), text.len() - found.start(), Strand::Reverse);
            if here.last().is_none_or(|last| hit.start_bp < last.start_bp) {
                here.push(hit);
            }
            from = found.start() + 1;
        }
        if let Some(leftmost) = here.last() {
            while self.reverse.last().is_some_and(|known| known.start_bp >= leftmost.start_bp) {
                self.reverse.pop();
            }
        }
        self.reverse.extend(here.into_iter().rev());
    }

    fn hit(&self, start: usize, end: usize, strand: Strand) -> MotifHit {
        MotifHit { start_bp: self.buffer_bp + start as u64, end_bp: self.buffer_bp + end as u64, strand, mismatches: 0 }
    }
}
