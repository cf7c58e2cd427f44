//! Learns a BPE vocabulary from sequence and writes it as a `tokenizer.json`.
//!
//! The file has the form of DNABERT-2's: five special tokens, no normalizer, `[CLS] … [SEP]` around a sequence.
//! The single letters are A C G T and N. N takes part in no merge, so it never hides inside a token that also holds
//! bases: "nothing is known here" is one token per base, apart from `[UNK]`, which is left for letters that say
//! something else (R, Y, …). It is a token of its own because runs of N occur in every genome and keep their length
//! that way, which the position rule of the model needs.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
};

use serde_json::{Map, Value, json};
use thiserror::Error;

/// Special tokens in the order of their ids.
const SPECIAL: [&str; 5] = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"];
/// Letters that merges are built from, then the one that stays alone.
const LETTERS: [&str; 5] = ["A", "C", "G", "T", "N"];
/// Stands between pieces; no vocabulary grows this far.
const BORDER: u16 = u16::MAX;

/// Why no vocabulary could be learned.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BpeError {
    /// The size cannot be had.
    #[error("a vocabulary of {wanted} tokens cannot be made: choose between {min} and {max}")]
    Size {
        /// Tokens asked for.
        wanted: usize,
        /// Special tokens and letters.
        min: usize,
        /// Most tokens the trainer can number.
        max: usize,
    },
    /// No token may be longer than a base.
    #[error("tokens of at most {max_token_bp} bases cannot be merged from letters: allow 2 or more")]
    Length {
        /// Longest token asked for.
        max_token_bp: usize,
    },
    /// Nothing repeats often enough.
    #[error(
        "the sequence given ({bases} bases of A, C, G, T) yields {reached} tokens of {wanted}: give more sequence, allow longer tokens, or ask for fewer"
    )]
    TooLittle {
        /// Bases of A, C, G, T given.
        bases: usize,
        /// Tokens found.
        reached: usize,
        /// Tokens asked for.
        wanted: usize,
    },
    /// Places are numbered in 32 bits.
    #[error("a vocabulary is learned from fewer than 4,294,967,295 bases: give a sample of the genome")]
    TooMuch,
    /// The caller asked to stop.
    #[error("learning the vocabulary was cancelled after {reached} tokens")]
    Cancelled {
        /// Tokens found until then.
        reached: usize,
    },
}

/// Learns `vocab_size` tokens of at most `max_token_bp` bases and returns the bytes of a `tokenizer.json`.
///
/// Again and again the pair of neighbouring tokens that occurs most often becomes a token; between equals the one whose
/// parts were found first wins, so the same pieces in the same order give the same bytes.
/// Letters are upper-cased; pieces are cut wherever something else than A, C, G or T stands.
/// A vocabulary for both strands needs the reverse complements among the pieces.
/// `go_on` is asked after each token, with the number found so far, and ends the work by returning `false`.
///
/// # Errors
///
/// When the settings cannot be met by the sequence, or `go_on` said no.
pub fn train_bpe(
    pieces: impl Iterator<Item = Vec<u8>>,
    vocab_size: usize,
    max_token_bp: usize,
    mut go_on: impl FnMut(usize) -> bool,
) -> Result<Vec<u8>, BpeError> {
    let (min, max) = (SPECIAL.len() + LETTERS.len(), usize::from(BORDER));
    if !(min..=max).contains(&vocab_size) {
        return Err(BpeError::Size { wanted: vocab_size, min, max });
    }
    if max_token_bp < 2 {
        return Err(BpeError::Length { max_token_bp });
    }
    let mut learner = Learner::new(pieces, max_token_bp)?;
    while learner.tokens.len() < vocab_size {
        let reached = learner.tokens.len();
        if !learner.merge_commonest() {
            return Err(BpeError::TooLittle { bases: learner.bases, reached, wanted: vocab_size });
        }
        if !go_on(learner.tokens.len()) {
            return Err(BpeError::Cancelled { reached: learner.tokens.len() });
        }
    }
    Ok(tokenizer_json(&learner.tokens, &learner.merges))
}

type Pair = (u16, u16);

/// A pair of neighbouring tokens that may be merged.
#[derive(Default)]
struct Candidate {
    count: usize,
    /// Where the left token begins; places that a merge has changed since are skipped when the pair's turn comes.
    places: Vec<u32>,
}

/// What one merge does to the pairs with one particular neighbour.
#[derive(Clone, Default)]
struct Change {
    lost: usize,
    gained: Vec<u32>,
}

/// All pieces in one row, split into the tokens found so far.
struct Learner {
    /// Token at its first and at its last base; what stands between is never read.
    at: Vec<u16>,
    /// Whether a token begins here.
    begins: Vec<bool>,
    tokens: Vec<String>,
    known: HashSet<String>,
    merges: Vec<Pair>,
    candidates: HashMap<Pair, Candidate>,
    /// Candidates by count, then by age of their parts; counts only fall, so an outdated one is seen and put back.
    queue: BinaryHeap<(usize, Reverse<Pair>)>,
    max_token_bp: usize,
    bases: usize,
}

impl Learner {
    fn new(pieces: impl Iterator<Item = Vec<u8>>, max_token_bp: usize) -> Result<Self, BpeError> {
        let mut at = vec![BORDER];
        for piece in pieces {
            at.extend(piece.iter().map(|base| match base.to_ascii_uppercase() {
                b'A' => 5,
                b'C' => 6,
                b'G' => 7,
                b'T' => 8,
                _ => BORDER,
            }));
            at.push(BORDER);
            if u32::try_from(at.len()).is_err() {
                return Err(BpeError::TooMuch);
            }
        }
        let mut candidates: HashMap<Pair, Candidate> = HashMap::new();
        for (place, pair) in (0_u32..).zip(at.windows(2)) {
            if pair[0] != BORDER && pair[1] != BORDER {
                let candidate = candidates.entry((pair[0], pair[1])).or_default();
                candidate.count += 1;
                candidate.places.push(place);
            }
        }
        let queue = candidates.iter().map(|(&pair, candidate)| (candidate.count, Reverse(pair))).collect();
        let tokens: Vec<_> = SPECIAL.iter().chain(&LETTERS).map(|&token| token.to_owned()).collect();
        Ok(Self {
            bases: at.iter().filter(|&&token| token != BORDER).count(),
            begins: vec![true; at.len()],
            at,
            known: tokens.iter().cloned().collect(),
            tokens,
            merges: Vec::new(),
            candidates,
            queue,
            max_token_bp,
        })
    }

    /// Makes a token of the commonest pair; `false` when no pair occurs twice.
    fn merge_commonest(&mut self) -> bool {
        while let Some((count, Reverse(pair))) = self.queue.pop() {
            let now = self.candidates.get(&pair).map_or(0, |candidate| candidate.count);
            if now < 2 {
                self.candidates.remove(&pair);
                continue;
            }
            if now < count {
                self.queue.push((now, Reverse(pair)));
                continue;
            }
            let Some(candidate) = self.candidates.remove(&pair) else { continue };
            let text = format!("{}{}", self.tokens[usize::from(pair.0)], self.tokens[usize::from(pair.1)]);
            // One merge per token: a second way to the same text would add a merge and no token.
            if self.known.insert(text.clone()) {
                self.tokens.push(text);
                self.merges.push(pair);
                self.merge(pair, candidate.places);
                return true;
            }
        }
        false
    }

    /// Number of bases of a token; a border takes one place.
    fn length(&self, token: u16) -> usize {
        self.tokens.get(usize::from(token)).map_or(1, String::len)
    }

    /// Joins `pair` at each of its places to the newest token, and counts the pairs that vanish and arise.
    fn merge(&mut self, pair: Pair, mut places: Vec<u32>) {
        let (left, right) = pair;
        let (left_bp, right_bp) = (self.length(left), self.length(right));
        let newest = self.newest();
        // Ascending, so that a run of one letter is joined from its start, as the tokenizer will do.
        places.sort_unstable();
        places.dedup();
        let mut before = vec![Change::default(); self.tokens.len()];
        let mut after = vec![Change::default(); self.tokens.len()];
        for place in places {
            let start = place as usize;
            let middle = start + left_bp;
            if !self.begins[start] || self.at[start] != left || self.at[middle] != right {
                continue;
            }
            let end = middle + right_bp;
            let (previous, next) = (self.at[start - 1], self.at[end]);
            self.begins[middle] = false;
            self.at[start] = newest;
            self.at[end - 1] = newest;
            if previous != BORDER {
                let change = &mut before[usize::from(previous)];
                change.lost += 1;
                #[expect(clippy::cast_possible_truncation, reason = "it lies before `place`, a 32-bit number")]
                change.gained.push((start - self.tokens[usize::from(previous)].len()) as u32);
            }
            if next != BORDER {
                let change = &mut after[usize::from(next)];
                change.lost += 1;
                change.gained.push(place);
            }
        }
        self.apply(pair, before, after);
    }

    /// The token made last.
    fn newest(&self) -> u16 {
        u16::try_from(self.tokens.len() - 1).unwrap_or(BORDER)
    }

    /// Enters the pairs that arose and takes away those that vanished.
    fn apply(&mut self, (left, right): Pair, before: Vec<Change>, after: Vec<Change>) {
        let newest = self.newest();
        let mut losses = Vec::new();
        for (token, (before, after)) in (0_u16..).zip(before.into_iter().zip(after)) {
            losses.push(((token, left), before.lost));
            losses.push(((right, token), after.lost));
            self.gain((token, newest), before.gained);
            self.gain((newest, token), after.gained);
        }
        // Losses come last: a pair may arise and vanish in one merge, as in ACAC.
        for (pair, lost) in losses {
            if let Some(candidate) = self.candidates.get_mut(&pair) {
                candidate.count = candidate.count.saturating_sub(lost);
            }
        }
    }

    /// Counts new places of a pair, unless it is too long to become a token.
    fn gain(&mut self, pair: Pair, places: Vec<u32>) {
        if places.is_empty() || self.length(pair.0) + self.length(pair.1) > self.max_token_bp {
            return;
        }
        let candidate = self.candidates.entry(pair).or_default();
        candidate.count += places.len();
        candidate.places.extend(places);
        self.queue.push((candidate.count, Reverse(pair)));
    }
}

/// The file, in the form the tokenizer libraries read; merges as `A B`, which older ones need.
fn tokenizer_json(tokens: &[String], merges: &[Pair]) -> Vec<u8> {
    let added: Vec<Value> = SPECIAL
        .iter()
        .enumerate()
        .map(|(id, content)| {
            json!({
                "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true,
            })
        })
        .collect();
    let special = |name: &str, type_id: u32| json!({ "SpecialToken": { "id": name, "type_id": type_id } });
    let sequence = |name: &str, type_id: u32| json!({ "Sequence": { "id": name, "type_id": type_id } });
    let around = |name: &str, id: u32| json!({ "id": name, "ids": [id], "tokens": [name] });
    let vocab: Map<String, Value> = tokens.iter().cloned().zip((0_u32..).map(Value::from)).collect();
    let text = |token: u16| &tokens[usize::from(token)];
    let merges: Vec<_> = merges.iter().map(|&(left, right)| format!("{} {}", text(left), text(right))).collect();
    let file = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": null,
        "pre_tokenizer": { "type": "Whitespace" },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0)],
            "pair": [special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0), sequence("B", 1), special("[SEP]", 1)],
            "special_tokens": { "[CLS]": around("[CLS]", 1), "[SEP]": around("[SEP]", 2) },
        },
        "decoder": null,
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": "[UNK]",
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": false,
            "byte_fallback": false,
            "ignore_merges": false,
            "vocab": vocab,
            "merges": merges,
        },
    });
    format!("{file:#}\n").into_bytes()
}

#[cfg(test)]
mod tests;
