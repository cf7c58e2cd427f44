//! Overlapping k-mers, as DNABERT reads them: one begins at every base, with `[CLS]` before and `[SEP]` after them.
//!
//! Ji et al. 2021, <https://doi.org/10.1093/bioinformatics/btab083>; <https://github.com/jerryji1993/DNABERT>.
//! The original cuts more than 510 tokens into pieces, each with `[CLS]` and `[SEP]` of its own; nothing is cut here.

use super::KmerTable;
use crate::{
    CharEncoding, Encoding, TokenError,
    bases::{code_of, upper_case},
};

/// The rules of a DNABERT vocabulary.
#[derive(Debug)]
pub(crate) struct Overlapping {
    pub(crate) table: KmerTable,
    pub(crate) unknown: u32,
    pub(crate) cls: u32,
    pub(crate) sep: u32,
}

/// `[CLS]` and `[SEP]`.
const AROUND: usize = 2;

impl Overlapping {
    /// Bases of a token.
    pub(crate) fn k(&self) -> usize {
        self.table.k
    }

    /// The tokens of a sequence; a k-mer with a letter that is none of A, C, G, T is the unknown token.
    pub(crate) fn encode(&self, bases: &[u8]) -> Result<Encoding, TokenError> {
        let text = upper_case(bases)?;
        let (length_bp, token_bp) = (bases.len(), self.k());
        if length_bp < token_bp {
            return Err(TokenError::TooShort { length_bp, token_bp });
        }
        let codes = text.bytes().map(code_of);
        let unknown_bp = codes.clone().filter(Option::is_none).count();
        let ids = self.ids(codes, length_bp);
        let spans = (0..=length_bp - token_bp).map(|start| Some((start, start + token_bp)));
        let spans = std::iter::once(None).chain(spans).chain([None]).collect();
        Ok(Encoding { ids, spans, unknown_bp })
    }

    /// The tokens of a text, a k-mer beginning at every code point; fewer than `k` give only the special tokens.
    pub(crate) fn encode_text(&self, text: &str) -> CharEncoding {
        let codes = text.chars().map(|letter| u8::try_from(letter).ok().and_then(code_of));
        let ids = self.ids(codes, text.len());
        let kmers = ids.len() - AROUND;
        let offsets = std::iter::once((0, 0)).chain((0..kmers).map(|start| (start, start + self.k()))).chain([(0, 0)]);
        CharEncoding { offsets: offsets.collect(), ids }
    }

    /// The ids of the k-mers of `codes`, with the special tokens around them; `room` is about how many there are.
    fn ids(&self, codes: impl Iterator<Item = Option<usize>>, room: usize) -> Vec<u32> {
        let KmerTable { k, ids: table } = &self.table;
        let mask = table.len() - 1;
        let (mut number, mut known) = (0, 0);
        let mut ids = Vec::with_capacity(room + AROUND);
        ids.push(self.cls);
        for (index, code) in codes.enumerate() {
            (number, known) = match code {
                Some(code) => ((number << 2 | code) & mask, known + 1),
                None => (0, 0),
            };
            if index + 1 >= *k {
                ids.push(if known >= *k { table[number] } else { self.unknown });
            }
        }
        ids.push(self.sep);
        ids
    }
}
