//! Where a motif occurs in a sequence.

mod expression;
mod expression_scan;
mod letter_scan;

use std::fmt;

use thiserror::Error;

use self::{expression::parse_expression, expression_scan::ExpressionScan, letter_scan::LetterScan};
use crate::{
    Strand,
    iupac::{ANY_BASE, complement_mask, mask_of},
};

/// Longest pattern of letters.
const MOST_LETTERS: usize = 1_000;

/// Most mismatches that can be asked for.
pub const MOST_MISMATCHES: u8 = 6;

/// What to look for in a sequence.
///
/// Written in one of three ways:
///
/// * `TATAWR`: letters, each of which may be an IUPAC code;
/// * `TATAWR~1`: the same with at most so many mismatches, up to 6;
/// * `/GGG[ACT]{1,7}GGG/`: a regular expression, in which letters are IUPAC codes too, `.` is `N`, and every repeat has
///   an end.
///
/// Case does not matter and `U` is `T`, in the pattern and in the sequence. A letter of the sequence matches where
/// every base it may stand for does: `N` matches only `N` (or `.`, or a class of all four bases), `R` matches `R` and
/// `N`. A gap matches nothing. What does not match is a mismatch, `N` in the sequence included.
///
/// ```
/// use strandscope_genome::{Pattern, Strand, Strands};
///
/// let pattern = Pattern::parse("GATNAC")?;
/// let found = pattern.scan(b"ccGATTACccGTTATCcc", 0, Strands::Both, 100);
/// let places = found.hits.iter().map(|hit| (hit.start_bp, hit.end_bp, hit.strand)).collect::<Vec<_>>();
/// assert_eq!(places, [(2, 8, Strand::Forward), (10, 16, Strand::Reverse)]);
/// # Ok::<(), strandscope_genome::PatternError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Letters { masks: Vec<u8>, mismatches: u8 },
    Expression { regex: regex::bytes::Regex, longest_bp: usize },
}

/// Text that is no pattern, or none that could be looked for.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("pattern '{text}' cannot be used: {reason}; {remedy}")]
pub struct PatternError {
    text: String,
    reason: String,
    remedy: &'static str,
}

impl PatternError {
    pub(crate) fn new(text: &str, reason: impl Into<String>, remedy: &'static str) -> Self {
        Self { text: crate::error::shortened(text), reason: reason.into(), remedy }
    }
}

/// Which strands are searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strands {
    /// Both of them.
    #[default]
    Both,
    /// The one in the file.
    Forward,
    /// Its reverse complement.
    Reverse,
}

impl Strands {
    fn has(self, strand: Strand) -> bool {
        match self {
            Self::Both => true,
            Self::Forward => strand == Strand::Forward,
            Self::Reverse => strand == Strand::Reverse,
        }
    }
}

/// A place where a pattern matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MotifHit {
    /// First base on the forward strand, 0-based.
    pub start_bp: u64,
    /// One past the last base on the forward strand.
    pub end_bp: u64,
    /// The strand on which the pattern reads.
    pub strand: Strand,
    /// Letters that do not match.
    pub mismatches: u8,
}

/// The places where a pattern matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MotifHits {
    /// Sorted by start, end and strand.
    pub hits: Vec<MotifHit>,
    /// Whether there are more than were asked for, so that the search ended early.
    pub is_cut: bool,
}

impl Pattern {
    /// Reads a pattern as people write it.
    ///
    /// # Errors
    ///
    /// Where it is no pattern, where it could match nothing at all or matches everywhere, where it is too long, and
    /// where a repeat has no end.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let text = text.trim();
        if text.starts_with('/') {
            return Self::of_expression(text);
        }
        let (letters, mismatches) = match text.split_once('~') {
            None => (text, 0),
            Some((letters, number)) => {
                let number = number.trim();
                let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
                let mismatches = number.parse().ok().filter(|_| is_number).ok_or_else(|| {
                    PatternError::new(text, "there is no number of 0 to 6 after '~'", "write it as in TATAWR~1")
                })?;
                (letters.trim_end(), mismatches)
            }
        };
        let mut masks = Vec::with_capacity(letters.len().min(MOST_LETTERS));
        for (index, letter) in letters.chars().enumerate() {
            masks.push(mask_of_char(letter).ok_or_else(|| no_code(text, letter, index))?);
        }
        Self::of_masks(text.to_owned(), masks, mismatches)
    }

    /// The same pattern with at most so many mismatches.
    ///
    /// # Errors
    ///
    /// Where there are too many, and in regular expressions.
    pub fn with_mismatches(&self, mismatches: u8) -> Result<Self, PatternError> {
        match &self.kind {
            _ if self.mismatches() == mismatches => Ok(self.clone()),
            Kind::Letters { masks, .. } if !self.text.starts_with('/') => {
                let letters = self.text.split('~').next().unwrap_or_default().trim_end();
                let text = if mismatches == 0 { letters.to_owned() } else { format!("{letters}~{mismatches}") };
                Self::of_masks(text, masks.clone(), mismatches)
            }
            _ => Err(PatternError::new(
                &self.text,
                "mismatches go with letters, not with regular expressions",
                "write the pattern without slashes, or without mismatches",
            )),
        }
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Bases of its longest hit: pieces of a sequence must overlap by one less, if searched apart.
    pub fn longest_bp(&self) -> usize {
        match &self.kind {
            Kind::Letters { masks, .. } => masks.len(),
            Kind::Expression { longest_bp, .. } => *longest_bp,
        }
    }

    /// Most mismatches of a hit.
    pub fn mismatches(&self) -> u8 {
        match &self.kind {
            Kind::Letters { mismatches, .. } => *mismatches,
            Kind::Expression { .. } => 0,
        }
    }

    /// Whether it consists of letters and reads the same on both strands, so that each of its hits is on both.
    ///
    /// Such hits are told once: as forward, unless only the reverse strand is searched.
    pub fn is_palindrome(&self) -> bool {
        match &self.kind {
            Kind::Letters { masks, .. } => is_palindrome(masks),
            Kind::Expression { .. } => false,
        }
    }

    /// All hits in `bases`, whose first base is at `offset_bp`, up to `most_hits`.
    ///
    /// * Hits that overlap are all told.
    /// * A pattern of letters that is a palindrome has one hit where others have two, see [`Self::is_palindrome`].
    /// * A regular expression has at each base at most one hit that begins there on its strand, the one it prefers;
    ///   a hit inside a longer one on the same strand is left out. One of fixed length without `|` is a pattern of
    ///   letters and treated as such; others are told on each strand on which they match, over the same bases too.
    pub fn scan(&self, bases: &[u8], offset_bp: u64, strands: Strands, most_hits: usize) -> MotifHits {
        let mut scan = MotifScan::new(self, offset_bp, strands, most_hits);
        scan.feed(bases);
        scan.finish()
    }

    fn of_masks(text: String, masks: Vec<u8>, mismatches: u8) -> Result<Self, PatternError> {
        let refuse = |reason: String, remedy| Err(PatternError::new(&text, reason, remedy));
        let informative = masks.iter().filter(|&&mask| mask != ANY_BASE).count();
        if masks.is_empty() {
            return refuse("there is no letter in it".into(), "write bases or IUPAC codes, as in TATAWR");
        }
        if masks.len() > MOST_LETTERS {
            return refuse(format!("it has {} letters, more than 1,000", masks.len()), "search for a part of it");
        }
        if informative == 0 {
            return refuse("it matches everywhere, since all of it is N".into(), "add a letter other than N");
        }
        if mismatches > MOST_MISMATCHES {
            return refuse(format!("{mismatches} mismatches are more than {MOST_MISMATCHES}"), "ask for fewer");
        }
        if usize::from(mismatches) >= informative {
            let reason =
                format!("it matches everywhere: of its letters {informative} are not N, and {mismatches} may mismatch");
            return refuse(reason, "ask for fewer mismatches or write more letters");
        }
        Ok(Self { text, kind: Kind::Letters { masks, mismatches } })
    }

    fn of_expression(text: &str) -> Result<Self, PatternError> {
        let node = parse_expression(text)?;
        if let Some(masks) = node.fixed_masks() {
            return Self::of_masks(text.to_owned(), masks, 0);
        }
        let (regex, longest_bp) = node.compile(text)?;
        Ok(Self { text: text.to_owned(), kind: Kind::Expression { regex, longest_bp } })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_palindrome(masks: &[u8]) -> bool {
    masks.iter().zip(masks.iter().rev()).all(|(&left, &right)| left == complement_mask(right))
}

/// The mask of a nucleotide code.
fn mask_of_char(letter: char) -> Option<u8> {
    u8::try_from(letter).ok().map(mask_of).filter(|&mask| mask != 0)
}

fn no_code(text: &str, letter: char, index: usize) -> PatternError {
    let reason = format!("'{}' in place {} is no nucleotide code", letter.escape_default(), index + 1);
    PatternError::new(text, reason, "use A, C, G, T, U, N or IUPAC codes, or put a regular expression between slashes")
}

/// Searches a sequence that comes in pieces of any length; the pieces do not show in the result.
///
/// ```
/// use strandscope_genome::{MotifScan, Pattern, Strands};
///
/// let pattern = Pattern::parse("GATTACA")?;
/// let mut scan = MotifScan::new(&pattern, 0, Strands::Forward, 10);
/// scan.feed(b"ccGAT");
/// scan.feed(b"TACAcc");
/// assert_eq!(scan.finish().hits[0].start_bp, 2);
/// # Ok::<(), strandscope_genome::PatternError>(())
/// ```
#[derive(Debug)]
pub struct MotifScan {
    kind: ScanKind,
    most_hits: usize,
}

#[derive(Debug)]
enum ScanKind {
    Letters(Box<LetterScan>),
    Expression(ExpressionScan),
}

impl MotifScan {
    /// Begins with the base at `offset_bp`.
    pub fn new(pattern: &Pattern, offset_bp: u64, strands: Strands, most_hits: usize) -> Self {
        let kind = match &pattern.kind {
            Kind::Letters { masks, mismatches } => {
                ScanKind::Letters(Box::new(LetterScan::new(masks, *mismatches, offset_bp, strands, most_hits)))
            }
            Kind::Expression { regex, longest_bp } => {
                ScanKind::Expression(ExpressionScan::new(regex.clone(), *longest_bp, offset_bp, strands, most_hits))
            }
        };
        Self { kind, most_hits }
    }

    /// Reads on.
    pub fn feed(&mut self, bases: &[u8]) {
        match &mut self.kind {
            ScanKind::Letters(scan) => scan.feed(bases),
            ScanKind::Expression(scan) => scan.feed(bases),
        }
    }

    /// Whether more hits have been found than were asked for: reading on changes nothing.
    pub fn is_full(&self) -> bool {
        match &self.kind {
            ScanKind::Letters(scan) => scan.is_full(),
            ScanKind::Expression(scan) => scan.is_full(),
        }
    }

    /// Ends the sequence.
    pub fn finish(self) -> MotifHits {
        let mut hits = match self.kind {
            ScanKind::Letters(scan) => scan.finish(),
            ScanKind::Expression(scan) => scan.finish(),
        };
        hits.sort_unstable();
        let is_cut = hits.len() > self.most_hits;
        hits.truncate(self.most_hits);
        MotifHits { hits, is_cut }
    }
}

#[cfg(test)]
#[path = "motif_tests.rs"]
mod tests;
