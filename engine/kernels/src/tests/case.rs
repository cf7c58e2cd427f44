//! Inputs of attention.

use burn::tensor::{Device, Tensor, TensorData};

use super::Numbers;
use crate::{AttentionInput, BlockList, Listed, PositionRule, Segments, alibi_slopes};

/// Values of attention on the host.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// `[batch, head, seq, d]`.
    pub(crate) shape: [usize; 4],
    pub(crate) q: Vec<f32>,
    pub(crate) k: Vec<f32>,
    pub(crate) v: Vec<f32>,
    /// The gradient at the output.
    pub(crate) grad_out: Vec<f32>,
    /// `[batch, seq]`.
    pub(crate) segments: Option<Vec<u32>>,
    pub(crate) rule: PositionRule,
}

impl Case {
    pub(crate) fn new(numbers: &mut Numbers, shape: [usize; 4], rule: PositionRule) -> Self {
        let [q, k, v, grad_out] = [0; 4].map(|_| numbers.values(shape.iter().product()));
        Self { shape, q, k, v, grad_out, segments: None, rule }
    }

    pub(crate) fn segmented(self, segments: Vec<u32>) -> Self {
        Self { segments: Some(segments), ..self }
    }

    /// With scores that lie up to about so far apart.
    pub(crate) fn spread(mut self, spread: f32) -> Self {
        // Scores of independent values have variance 1: among some thousand, 7 lie between the largest and the least.
        self.q.iter_mut().for_each(|value| *value *= spread / 7.0);
        self
    }

    pub(crate) fn input(&self, device: &Device) -> AttentionInput {
        let [q, k, v] = [&self.q, &self.k, &self.v].map(|values| self.tensor(values, device));
        let segments = self.segments.as_ref().map(|numbers| Segments::new(numbers.clone(), self.shape[2]));
        let segments = segments.map(|segments| segments.expect("sequences stand together"));
        AttentionInput { q, k, v, segments, rule: self.rule.clone() }
    }

    pub(crate) fn tensor(&self, values: &[f32], device: &Device) -> Tensor<4> {
        Tensor::from_data(TensorData::new(values.to_vec(), self.shape), device)
    }

    /// Where the values of a position begin.
    pub(crate) fn offset(&self, [row, head, position]: [usize; 3]) -> usize {
        let [_, heads, seq, d] = self.shape;
        ((row * heads + head) * seq + position) * d
    }

    /// Whether a query sees a key as far as the segments go.
    pub(crate) fn are_together(&self, row: usize, query: usize, key: usize) -> bool {
        let seq = self.shape[2];
        self.segments.as_ref().is_none_or(|numbers| {
            let [query, key] = [query, key].map(|position| numbers[row * seq + position]);
            query == key && query != 0
        })
    }

    /// Row of the batch, attention head and position of each place of `[batch, head, seq]`.
    pub(crate) fn places(&self) -> impl Iterator<Item = [usize; 3]> + use<> {
        let [batch, heads, seq, _] = self.shape;
        (0..batch * heads * seq).map(move |place| [place / seq / heads, place / seq % heads, place % seq])
    }

    /// Values `[batch, seq, head]` as `[batch, head, seq]`.
    pub(crate) fn by_head(&self, values: &[f32]) -> Vec<f32> {
        let [_, heads, seq, _] = self.shape;
        self.places().map(|[row, head, position]| values[(row * seq + position) * heads + head]).collect()
    }

    /// What it is, for messages.
    pub(crate) fn name(&self, what: &str) -> String {
        let rule = match &self.rule {
            PositionRule::None => "no rule".to_owned(),
            PositionRule::Alibi(_) => "ALiBi".to_owned(),
            PositionRule::Blocks(list) => format!("blocks of {}", list.size()),
        };
        let segments = if self.segments.is_some() { ", segments" } else { "" };
        format!("{what} of {:?}, {rule}{segments}", self.shape)
    }
}

/// About the edges of the tiles of the processor and of GPUs, and primes.
const LENGTHS: [usize; 13] = [1, 2, 31, 32, 33, 47, 48, 49, 63, 64, 65, 131, 509];
const WIDTHS: [usize; 7] = [16, 32, 48, 64, 80, 96, 128];

/// Every length with every rule; widths, attention heads, batches and segments take turns.
pub(crate) fn cases() -> impl Iterator<Item = Case> {
    (0..4 * LENGTHS.len()).map(|index| {
        let mut numbers = Numbers(1000 + index as u64);
        let seq = LENGTHS[index / 4];
        // Long ones are cheap enough with few heads.
        let heads = if seq > 200 { 1 + index % 3 } else { 1 + index * 7 % 16 };
        let shape = [1 + index % 2, heads, seq, WIDTHS[index % WIDTHS.len()]];
        let rule = rule(&mut numbers, index % 4, shape);
        let case = Case::new(&mut numbers, shape, rule);
        match (index / 4 + index % 4) % 3 {
            0 => case,
            1 => case.segmented(with_holes(&mut numbers, shape)),
            _ => case.segmented(packed(&mut numbers, shape)),
        }
    })
}

/// One of four rules.
pub(crate) fn rule(numbers: &mut Numbers, number: usize, [_, heads, seq, _]: [usize; 4]) -> PositionRule {
    match number {
        0 => PositionRule::None,
        1 => PositionRule::Alibi(alibi_slopes(heads)),
        2 => PositionRule::Blocks(block_list(numbers, 8, heads, seq)),
        _ => PositionRule::Blocks(block_list(numbers, 64, heads, seq)),
    }
}

/// Lists that differ from head to head; some blocks count twice, and some lists are empty.
fn block_list(numbers: &mut Numbers, size: usize, heads: usize, seq: usize) -> BlockList {
    let blocks = seq.div_ceil(size);
    let mut listed = |block: usize| {
        let offset = if numbers.happens(0.25) { 2f32.ln() } else { 0.0 };
        numbers.happens(0.6).then_some(Listed { block, offset })
    };
    let lists = (0..heads * blocks).map(|_| (0..blocks).filter_map(&mut listed).collect());
    BlockList::new(size, heads, lists.collect()).expect("every block is there")
}

/// One sequence in each row, with hidden positions.
pub(crate) fn with_holes(numbers: &mut Numbers, [batch, _, seq, _]: [usize; 4]) -> Vec<u32> {
    (0..batch * seq).map(|_| u32::from(!numbers.happens(0.2))).collect()
}

/// Several sequences in each row, with hidden positions inside and between them.
pub(crate) fn packed(numbers: &mut Numbers, [batch, _, seq, _]: [usize; 4]) -> Vec<u32> {
    let mut number = 1;
    let position = |_| {
        number += u32::from(numbers.happens(0.03));
        if numbers.happens(0.1) { 0 } else { number }
    };
    (0..batch * seq).map(position).collect()
}
