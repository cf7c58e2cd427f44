//! What a sequence is made of: counts of short words, both strands counted as one.

use std::collections::HashMap;

/// Frequencies of all words of 1 to `longest` bases, a word and its reverse complement counted together.
#[derive(Clone, Debug)]
pub struct Composition {
    longest: usize,
    /// For each length, which value a word counts for.
    columns: Vec<Vec<usize>>,
    /// For each length, where its values begin.
    starts: Vec<usize>,
    width: usize,
}

impl Composition {
    /// Longest words that are counted; with 8 bases there are 32,896, both strands as one.
    pub const LONGEST: usize = 8;

    /// Words up to `longest` bases, at most [`Self::LONGEST`].
    pub fn new(longest: usize) -> Self {
        let longest = longest.clamp(1, Self::LONGEST);
        let mut columns = Vec::new();
        let mut starts = Vec::new();
        let mut width = 0;
        for length in 1..=longest {
            let words = word_columns(length);
            starts.push(width);
            width += words.iter().max().map_or(0, |last| last + 1);
            columns.push(words);
        }
        Self { longest, columns, starts, width }
    }

    /// Number of values.
    pub fn width(&self) -> usize {
        self.width
    }

    /// For each word, the square root of its share among words of its length, times that of their number:
    /// 1 where all words are equally frequent. Words with other letters than A, C, G, T are passed over.
    pub fn of(&self, bases: &[u8]) -> Vec<f32> {
        let mut counts = vec![0u32; self.width];
        let mut totals = vec![0u32; self.longest];
        for length in 1..=self.longest {
            for word in bases.windows(length).filter_map(word_number) {
                counts[self.starts[length - 1] + self.columns[length - 1][word]] += 1;
                totals[length - 1] += 1;
            }
        }
        let ends = self.starts[1..].iter().copied().chain([self.width]);
        let mut values = vec![0.0; self.width];
        for ((start, end), total) in self.starts.iter().copied().zip(ends).zip(totals) {
            let scale = (end - start) as f32 / total.max(1) as f32;
            for column in start..end {
                values[column] = (counts[column] as f32 * scale).sqrt();
            }
        }
        values
    }
}

/// 0 to 3 for A, C, G, T in either case; U counts as T.
fn base_number(base: u8) -> Option<usize> {
    let base = base.to_ascii_uppercase();
    b"ACGT".iter().position(|&known| known == base).or((base == b'U').then_some(3))
}

fn word_number(word: &[u8]) -> Option<usize> {
    word.iter().try_fold(0, |number, &base| Some(number * 4 + base_number(base)?))
}

/// Numbers the words of one length; a word and its reverse complement share a number.
fn word_columns(length: usize) -> Vec<usize> {
    let mut numbers = HashMap::new();
    (0..4usize.pow(u32::try_from(length).unwrap_or(0)))
        .map(|word| {
            let next = numbers.len();
            *numbers.entry(word.min(reverse_complement(word, length))).or_insert(next)
        })
        .collect()
}

fn reverse_complement(word: usize, length: usize) -> usize {
    (0..length).fold((word, 0), |(rest, turned), _| (rest / 4, turned * 4 + 3 - rest % 4)).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_strands_give_the_same_values() {
        let composition = Composition::new(4);
        assert_eq!(composition.width(), 2 + 10 + 32 + 136);
        assert_eq!(composition.of(b"GATTACAGGC"), composition.of(b"GCCTGTAATC"));
        assert_eq!(composition.of(b"GATTACAGGC"), composition.of(b"GAUUACAGGC"), "RNA");
    }

    #[test]
    fn shares_are_scaled_to_one() {
        // A and T are one word of the two of length 1: shares 3/4 and 1/4, times 2.
        let values = Composition::new(1).of(b"AtTGN");
        assert_eq!(values, [1.5f32.sqrt(), 0.5f32.sqrt()]);
    }
}
