//! Tokens of a sequence and the bases they cover.

/// The tokens of a sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoding {
    /// Ids in the order the model reads them, special tokens included.
    pub ids: Vec<u32>,
    /// Bases covered by each token, 0-based and half-open; `None` for the special tokens around the sequence.
    ///
    /// Taken in order, the spans tile the sequence: each begins where the one before it ends, the first at 0,
    /// the last ends with the sequence.
    pub spans: Vec<Option<(usize, usize)>>,
    /// Bases that the vocabulary does not know, and that the model reads as its unknown token.
    pub unknown_bp: usize,
}

/// The tokens of a text as the tokenizer library reports them, for comparison with other programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CharEncoding {
    /// Ids, special tokens included.
    pub ids: Vec<u32>,
    /// Offsets in code points; (0, 0) for special tokens, and only the last N of a run that became a gap token.
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
    fn tokens_without_a_base_are_refused() {
        assert!(tiled(&[(0, 2), (2, 2)], &[false, false], 4).is_err(), "an empty token");
        assert!(tiled(&[(0, 2), (2, 5)], &[false, false], 4).is_err(), "a token past the end");
        assert!(tiled(&[(0, 0)], &[true], 4).is_err(), "only special tokens");
        assert_eq!(tiled(&[(0, 0)], &[true], 0), Ok(vec![None]), "nothing to cover");
    }
}
