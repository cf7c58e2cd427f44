//! K-mers one after the other, as the Nucleotide Transformer reads them, with `<cls>` before them and nothing after.
//!
//! Dalla-Torre et al. 2024, <https://doi.org/10.1038/s41592-024-02523-z>;
//! <https://github.com/instadeepai/nucleotide-transformer>.
//! From the left: where the next k letters are bases they are a token, otherwise the next letter is one. So the frame
//! of the k-mers begins anew behind every N.

use super::KmerTable;
use crate::{CharEncoding, Encoding, TokenError, bases::upper_case};

/// Letters with a token of their own.
pub(crate) const LETTERS: [u8; 5] = *b"ACGTN";

/// The rules of a Nucleotide Transformer vocabulary.
#[derive(Debug)]
pub(crate) struct Separate {
    pub(crate) table: KmerTable,
    /// The ids of [`LETTERS`].
    pub(crate) letters: [u32; 5],
    pub(crate) unknown: u32,
    pub(crate) cls: u32,
    /// Texts and ids of the tokens in angle brackets.
    pub(crate) special: Vec<(&'static str, u32)>,
}

/// `<cls>`.
const AROUND: usize = 1;

impl Separate {
    /// Bases of a token that is no single letter.
    pub(crate) fn k(&self) -> usize {
        self.table.k
    }

    /// The tokens of a sequence; what is none of A, C, G, T and N is read as N and counted.
    pub(crate) fn encode(&self, bases: &[u8]) -> Result<Encoding, TokenError> {
        let text = upper_case(bases)?;
        let room = bases.len() / self.k() + AROUND;
        let (mut ids, mut spans) = (Vec::with_capacity(room), Vec::with_capacity(room));
        ids.push(self.cls);
        spans.push(None);
        let [.., n] = self.letters;
        let (mut start, mut unknown_bp) = (0, 0);
        while start < text.len() {
            let (id, width) = self.longest(&text.as_bytes()[start..]).unwrap_or_else(|| {
                unknown_bp += 1;
                (n, 1)
            });
            ids.push(id);
            spans.push(Some((start, start + width)));
            start += width;
        }
        Ok(Encoding { ids, spans, unknown_bp })
    }

    /// The tokens of a text as the library's `EsmTokenizer` gives them: from the left the longest token of the
    /// vocabulary, and of a stretch where there is none an unknown token for each of its words.
    pub(crate) fn encode_text(&self, text: &str) -> CharEncoding {
        let mut found = CharEncoding { ids: vec![self.cls], offsets: vec![(0, 0)] };
        let mut stretch = Stretch::default();
        let (mut rest, mut place) = (text, 0);
        while let Some(letter) = rest.chars().next() {
            if let Some((id, width)) = self.special(rest).or_else(|| self.longest(rest.as_bytes())) {
                stretch.end(place, self.unknown, &mut found);
                found.ids.push(id);
                found.offsets.push((place, place + width));
                (rest, place) = (&rest[width..], place + width);
            } else {
                stretch.take(letter, place, self.unknown, &mut found);
                (rest, place) = (&rest[letter.len_utf8()..], place + 1);
            }
        }
        stretch.end(place, self.unknown, &mut found);
        found
    }

    /// Id and letters of the longest token of bases and N at the start of `text`.
    fn longest(&self, text: &[u8]) -> Option<(u32, usize)> {
        let word = text.get(..self.k()).and_then(|word| self.table.id_of(word));
        word.map(|id| (id, self.k())).or_else(|| {
            let letter = text.first()?;
            let known = LETTERS.iter().position(|known| known == letter)?;
            Some((self.letters[known], 1))
        })
    }

    /// Id and letters of the special token at the start of `text`.
    fn special(&self, text: &str) -> Option<(u32, usize)> {
        self.special.iter().find(|(name, _)| text.starts_with(name)).map(|(name, id)| (*id, name.len()))
    }
}

/// A word that no token begins in.
#[derive(Default)]
struct Stretch {
    /// Where it began.
    start: Option<usize>,
}

impl Stretch {
    /// Goes on by a letter; a blank ends the word.
    fn take(&mut self, letter: char, place: usize, unknown: u32, found: &mut CharEncoding) {
        if is_blank(letter) {
            self.end(place, unknown, found);
        } else {
            self.start.get_or_insert(place);
        }
    }

    /// Ends the word, if there is one, before `place`.
    fn end(&mut self, place: usize, unknown: u32, found: &mut CharEncoding) {
        if let Some(start) = self.start.take() {
            found.ids.push(unknown);
            found.offsets.push((start, place));
        }
    }
}

/// What Python splits words at: the white space of Unicode and four old separators.
fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{1c}'..='\u{1f}')
}
