//! Tokens of a sequence and the bases they cover.

use std::ops::Range;

/// The tokens of a sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoding {
    /// Ids in the order the model reads them, special tokens included.
    pub ids: Vec<u32>,
    /// Bases covered by each token, 0-based and half-open; `None` for the special tokens around the sequence.
    ///
    /// Taken in order, the spans tile the sequence: each begins where the one before it ends, the first at 0,
    /// the last ends with the sequence. Overlapping k-mers are the exception ([`crate::Tokenizer::overlap`] is more
    /// than 1): each begins one base behind the one before it and has its full length, the first and the last as above.
    pub spans: Vec<Option<(usize, usize)>>,
    /// Bases that the vocabulary does not know, and that the model reads as its unknown token.
    pub unknown_bp: usize,
}

impl Encoding {
    /// The tokens that cover each base; see [`covering`].
    pub fn covering(&self) -> Vec<Range<usize>> {
        covering(&self.spans)
    }
}

/// The tokens that cover each base, as ranges of places in `spans`, for spans as [`Encoding::spans`] has them.
///
/// What a base is given is the mean over the tokens of its range. Where spans tile, that is exactly one token; where
/// they overlap, a base well inside the sequence has as many as a token has bases, and one near an end has fewer.
///
/// ```
/// use strandscope_tokens::covering;
///
/// let spans = [None, Some((0, 3)), Some((1, 4)), None];
/// let values = [9.0, 2.0, 4.0, 9.0];
/// let mean = |tokens: std::ops::Range<usize>| {
///     let count = tokens.len() as f32;
///     values[tokens].iter().sum::<f32>() / count
/// };
/// let of_bases: Vec<f32> = covering(&spans).into_iter().map(mean).collect();
/// assert_eq!(of_bases, [2.0, 3.0, 3.0, 4.0]);
/// ```
pub fn covering(spans: &[Option<(usize, usize)>]) -> Vec<Range<usize>> {
    let length_bp = spans.iter().rev().flatten().next().map_or(0, |&(_, end)| end);
    let mut covering = vec![Range::default(); length_bp];
    for (token, span) in spans.iter().enumerate() {
        let Some((start, end)) = *span else { continue };
        for tokens in covering.get_mut(start..end).into_iter().flatten() {
            let first = if tokens.end == 0 { token } else { tokens.start };
            *tokens = first..token + 1;
        }
    }
    covering
}

/// The tokens of a text as the tokenizer library reports them, for comparison with other programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CharEncoding {
    /// Ids, special tokens included.
    pub ids: Vec<u32>,
    /// Offsets in code points; (0, 0) for special tokens, and only the last N of a run that became a gap token.
    ///
    /// Nothing needs to be tiled: what the text has between tokens, as blanks, belongs to none.
    pub offsets: Vec<(usize, usize)>,
}

/// Stretches raw offsets until they tile a sequence of `length_bp` bases.
///
/// Tokenizers that replace a run of N by one gap token report only the last N of the run: what lies between the end of
/// one token and the end of the next belongs to the next. `special` marks tokens that cover nothing.
/// A token without a base of its own is an error, because no track could show it.
pub(crate) fn tiled(
    offsets: &[(usize, usize)],
    special: &[bool],
    length_bp: usize,
) -> Result<Vec<Option<(usize, usize)>>, String> {
    let mut spans = Vec::with_capacity(offsets.len());
    let mut end_bp = 0;
    let mut last = None;
    for (index, (&(_, end), &is_special)) in offsets.iter().zip(special).enumerate() {
        if is_special {
            spans.push(None);
            continue;
        }
        if end <= end_bp || end > length_bp {
            return Err(format!("token {index} ends at base {end}, after a token that ends at base {end_bp}"));
        }
        spans.push(Some((end_bp, end)));
        end_bp = end;
        last = Some(index);
    }
    match last {
        Some(index) => {
            if let Some(Some((_, end))) = spans.get_mut(index) {
                *end = length_bp;
            }
            Ok(spans)
        }
        None if length_bp == 0 => Ok(spans),
        None => Err("no token covers it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_token_covers_its_whole_run() {
        let offsets = [(0, 0), (0, 4), (15, 16), (16, 18), (0, 0)];
        let special = [true, false, false, false, true];
        let spans = tiled(&offsets, &special, 20).expect("the offsets rise");
        assert_eq!(spans, [None, Some((0, 4)), Some((4, 16)), Some((16, 20)), None], "gap before, tail after");
    }

    #[test]
    fn tokens_that_tile_cover_a_base_alone() {
        let spans = [None, Some((0, 2)), Some((2, 3)), None];
        assert_eq!(covering(&spans), [1..2, 1..2, 2..3], "the token of each base");
        assert!(covering(&[None, None]).is_empty(), "no base");
    }

    #[test]
    fn tokens_that_overlap_cover_a_base_together() {
        let encoding = Encoding { spans: vec![None, Some((0, 3)), Some((1, 4)), Some((2, 5))], ..Encoding::default() };
        assert_eq!(encoding.covering(), [1..2, 1..3, 1..4, 2..4, 3..4], "fewer near the ends");
    }

    #[test]
    fn tokens_without_a_base_are_refused() {
        assert!(tiled(&[(0, 2), (2, 2)], &[false, false], 4).is_err(), "an empty token");
        assert!(tiled(&[(0, 2), (2, 5)], &[false, false], 4).is_err(), "a token past the end");
        assert!(tiled(&[(0, 0)], &[true], 4).is_err(), "only special tokens");
        assert_eq!(tiled(&[(0, 0)], &[true], 0), Ok(vec![None]), "nothing to cover");
    }
}
