//! Tokenizers whose tokens are k-mers: all words of k letters A, C, G and T.

pub(crate) use overlapping::Overlapping;
pub(crate) use separate::{LETTERS, Separate};

use crate::bases::code_of;

mod overlapping;
mod separate;

/// The ids of all words of `k` letters, by their number: two bits a base, the first base highest.
#[derive(Debug)]
pub(crate) struct KmerTable {
    k: usize,
    ids: Vec<u32>,
}

impl KmerTable {
    /// Takes the ids of the words in the order of their numbers.
    ///
    /// # Panics
    ///
    /// When `ids` are not as many as there are words.
    pub(crate) fn new(k: usize, ids: Vec<u32>) -> Self {
        assert_eq!(ids.len(), 1 << (2 * k), "one id for each word of {k} letters");
        Self { k, ids }
    }

    /// The id of a word of `k` letters; `None` when one of them is no base.
    fn id_of(&self, word: &[u8]) -> Option<u32> {
        let number = word.iter().try_fold(0, |number, &letter| Some(number << 2 | code_of(letter)?))?;
        self.ids.get(number).copied()
    }
}

#[cfg(test)]
mod tests;
