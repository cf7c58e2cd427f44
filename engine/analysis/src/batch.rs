//! Windows of equal length, made ready for the network.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};
use strandscope_kernels::Segments;
use strandscope_models::{
    composition::Composition,
    head::{Covering, HeadInput},
    pass::Tokens,
};
use strandscope_tokens::{Encoding, TokenError, Tokenizer};

/// Windows of equal length as tokens and bases, on the host.
#[derive(Clone, Debug)]
pub struct Batch {
    rows: usize,
    length_bp: usize,
    /// Longest row in tokens, special tokens included.
    tokens: usize,
    ids: Vec<i64>,
    real: Vec<bool>,
    /// The tokens that cover each base, as many for each as for the base with most, `[batch, base, cover]`; the number
    /// behind the last token stands for none.
    covering: Vec<i64>,
    cover: usize,
    bases: Vec<f32>,
    /// Bases the vocabulary does not know.
    pub unknown_bp: usize,
    /// Spans of each row's tokens, in bases of its window.
    pub spans: Vec<Vec<Option<(usize, usize)>>>,
}

impl Batch {
    /// Cuts windows of equal length into tokens and pads them to the longest row.
    ///
    /// # Errors
    /// When a window holds bytes that stand for no base.
    pub fn new(windows: &[&[u8]], tokenizer: &Tokenizer) -> Result<Self, TokenError> {
        let length_bp = windows.first().map_or(0, |window| window.len());
        assert!(windows.iter().all(|window| window.len() == length_bp), "windows of a batch have one length");
        let encodings = windows.iter().map(|window| tokenizer.encode(window)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::of(windows, encodings, tokenizer))
    }

    /// The same of windows whose tokens are there.
    pub(crate) fn of(windows: &[&[u8]], encodings: Vec<Encoding>, tokenizer: &Tokenizer) -> Self {
        let length_bp = windows.first().map_or(0, |window| window.len());
        let tokens = encodings.iter().map(|encoding| encoding.ids.len()).max().unwrap_or(0);
        let pad = tokenizer.special().pad.unwrap_or(tokenizer.special().unknown);
        let mut batch = Self {
            rows: windows.len(),
            length_bp,
            tokens,
            ids: Vec::with_capacity(windows.len() * tokens),
            real: Vec::with_capacity(windows.len() * tokens),
            covering: Vec::new(),
            cover: tokenizer.overlap(),
            bases: windows.iter().flat_map(|window| one_hot(window)).collect(),
            unknown_bp: encodings.iter().map(|encoding| encoding.unknown_bp).sum(),
            spans: Vec::with_capacity(windows.len()),
        };
        for encoding in encodings {
            let count = encoding.ids.len();
            batch.ids.extend(encoding.ids.iter().map(|&id| i64::from(id)));
            batch.ids.resize(batch.ids.len() + tokens - count, i64::from(pad));
            batch.real.resize(batch.real.len() + count, true);
            batch.real.resize(batch.real.len() + tokens - count, false);
            let signed = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
            for covering in encoding.covering() {
                let none = std::iter::repeat(signed(tokens));
                batch.covering.extend(covering.map(signed).chain(none).take(batch.cover));
            }
            batch.spans.push(encoding.spans);
        }
        batch
    }

    /// Number of windows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Real tokens of all rows, special tokens included.
    pub fn token_count(&self) -> usize {
        self.real.iter().filter(|real| **real).count()
    }

    /// Tokens of the longest row, special tokens included.
    pub fn longest(&self) -> usize {
        self.tokens
    }

    /// Token ids, and which of them are real.
    pub fn tokens(&self) -> Tokens {
        let full = self.real.iter().all(|&real| real);
        let segments = Segments::from_mask(self.real.iter().copied(), self.tokens);
        let segments = (!full).then(|| segments.expect("rows of a batch have one length"));
        Tokens::new(self.ids.clone(), self.tokens, segments)
    }

    /// What a head reads, with `states` from the encoder where it reads tokens.
    pub fn head_input(
        &self,
        windows: &[&[u8]],
        states: Option<Tensor<3>>,
        composition: Option<&Composition>,
        device: &Device,
    ) -> HeadInput {
        let composition = composition.map(|composition| {
            let values: Vec<f32> = windows.iter().flat_map(|window| composition.of(window)).collect();
            Tensor::from_data(TensorData::new(values, [self.rows, composition.width()]), device)
        });
        HeadInput {
            bases: Tensor::from_data(TensorData::new(self.bases.clone(), [self.rows, self.length_bp, 4]), device),
            states,
            covering: self.covering(device),
            composition,
        }
    }

    fn covering(&self, device: &Device) -> Covering {
        let shape = [self.rows, self.length_bp, self.cover];
        let none = i64::try_from(self.tokens).unwrap_or(i64::MAX);
        let share = |covering: &[i64]| 1.0 / covering.iter().filter(|token| **token != none).count().max(1) as f32;
        let share = (self.cover > 1).then(|| {
            let values: Vec<f32> = self.covering.chunks(self.cover).map(share).collect();
            Tensor::from_data(TensorData::new(values, [self.rows, self.length_bp, 1]), device)
        });
        let tokens = TensorData::new(self.covering.clone(), shape);
        Covering { tokens: Tensor::from_data(tokens, &device.clone().inner()), share }
    }
}

/// Letters in a part of a window that stand for no base.
pub fn unknown_bp(window: &[u8], part: Range<usize>) -> u64 {
    window[part].iter().filter(|letter| !is_base(**letter)).count() as u64
}

/// Whether a letter stands for one base.
pub fn is_base(letter: u8) -> bool {
    matches!(letter.to_ascii_uppercase(), b'A' | b'C' | b'G' | b'T' | b'U')
}

/// Four values for each base: 1 in the column of A, C, G or T (U counts as T), all 0 for any other letter.
fn one_hot(bases: &[u8]) -> impl Iterator<Item = f32> {
    bases.iter().flat_map(|base| {
        let column = match base.to_ascii_uppercase() {
            b'A' => 0,
            b'C' => 1,
            b'G' => 2,
            b'T' | b'U' => 3,
            _ => 4,
        };
        (0..4).map(move |other| if other == column { 1.0 } else { 0.0 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_are_no_base_have_no_column() {
        let values: Vec<f32> = one_hot(b"aNu").collect();
        assert_eq!(values, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    }
}
