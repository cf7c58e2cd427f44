//! A stretch of a sequence between its contexts, as the splice heads of GENA-LM were trained to read it.
//!
//! Upstream: `downstream_tasks/SpliceAI/SpliceAIDataset.py` of <https://github.com/AIRI-Institute/GENA_LM>, whose rows
//! are always of full length.

use strandscope_models::head::TOKENS_APART;
use strandscope_tokens::{Encoding, TokenError, Tokenizer};

/// A stretch and what lies around it, any of them empty.
#[derive(Clone, Copy, Debug)]
pub struct Between<'a> {
    /// Bases before the stretch.
    pub left: &'a [u8],
    /// The bases that are answered for.
    pub stretch: &'a [u8],
    /// Bases behind it.
    pub right: &'a [u8],
}

impl<'a> Between<'a> {
    /// A stretch of a sequence, with so many bases of context on either side as there are.
    pub fn new(bases: &'a [u8], stretch: std::ops::Range<usize>, context_bp: usize) -> Self {
        let (start, end) = (stretch.start, stretch.end);
        Self {
            left: &bases[start.saturating_sub(context_bp)..start],
            stretch: &bases[stretch],
            right: &bases[end..(end + context_bp).min(bases.len())],
        }
    }

    /// `[CLS] left [SEP] stretch [SEP] right [SEP]` of exactly `length` tokens, which are all attended to; only those of
    /// the stretch have spans.
    ///
    /// Contexts lose tokens at their outer ends until both are as long as each other and all fits; what is missing is
    /// filled up before the last token. A stretch with too many tokens is cut at its end and has no context.
    ///
    /// # Errors
    /// When there are bytes that stand for no base.
    pub(crate) fn encode(&self, tokenizer: &Tokenizer, length: usize) -> Result<Encoding, TokenError> {
        let special = tokenizer.special();
        let [cls, sep, pad] = [special.cls, special.sep, special.pad].map(|id| id.unwrap_or(special.unknown));
        let stretch = inner(tokenizer, self.stretch)?;
        let room = length.saturating_sub(TOKENS_APART);
        let [mut left, mut right] = [Vec::new(), Vec::new()];
        if stretch.ids.len() <= room {
            let unknown_ends = |base: &u8| base.eq_ignore_ascii_case(&b'N');
            let first = self.left.iter().position(|base| !unknown_ends(base)).unwrap_or(self.left.len());
            let end = self.right.iter().rposition(|base| !unknown_ends(base)).map_or(0, |last| last + 1);
            left = inner(tokenizer, &self.left[first..])?.ids;
            right = inner(tokenizer, &self.right[..end])?.ids;
            trim(&mut left, &mut right, room - stretch.ids.len());
        }
        let kept = stretch.ids.len().min(room);
        let mut ids = vec![cls];
        ids.extend(left);
        ids.push(sep);
        let mut spans = vec![None; ids.len()];
        ids.extend(&stretch.ids[..kept]);
        spans.extend(&stretch.spans[..kept]);
        ids.push(sep);
        ids.extend(right);
        ids.resize(length.saturating_sub(1).max(ids.len()), pad);
        ids.push(sep);
        spans.resize(ids.len(), None);
        Ok(Encoding { ids, spans, unknown_bp: stretch.unknown_bp })
    }
}

/// The tokens of a sequence without those around it.
fn inner(tokenizer: &Tokenizer, bases: &[u8]) -> Result<Encoding, TokenError> {
    if bases.is_empty() {
        return Ok(Encoding::default());
    }
    let encoding = tokenizer.encode(bases)?;
    let pairs = encoding.ids.into_iter().zip(encoding.spans).filter(|(_, span)| span.is_some());
    let (ids, spans) = pairs.unzip();
    Ok(Encoding { ids, spans, unknown_bp: encoding.unknown_bp })
}

/// Takes tokens off the outer ends until there is room: off the longer one first, the left one where both are as long.
fn trim(left: &mut Vec<u32>, right: &mut Vec<u32>, room: usize) {
    let over = (left.len() + right.len()).saturating_sub(room);
    let of_left = (over + left.len()).saturating_sub(right.len()).div_ceil(2).min(over);
    left.drain(..of_left);
    right.truncate(right.len() - (over - of_left));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_become_as_long_as_each_other() {
        let trimmed = |left: u32, right: u32, room| {
            let (mut left, mut right): (Vec<u32>, Vec<u32>) = ((0..left).collect(), (0..right).collect());
            trim(&mut left, &mut right, room);
            (left, right)
        };
        assert_eq!(trimmed(3, 2, 9), (vec![0, 1, 2], vec![0, 1]), "all of them fit");
        assert_eq!(trimmed(5, 2, 5), (vec![2, 3, 4], vec![0, 1]), "the longer one first");
        assert_eq!(trimmed(2, 5, 5), (vec![0, 1], vec![0, 1, 2]), "on either side");
        assert_eq!(trimmed(4, 4, 5), (vec![2, 3], vec![0, 1, 2]), "the left one where they are equal");
        assert_eq!(trimmed(4, 4, 0), (vec![], vec![]));
    }
}
