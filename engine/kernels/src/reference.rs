//! The plain twin of attention, in tensor operations that run on every device burn reaches: the reference that the
//! kernels are measured against, and the last resort where they cannot run.

use std::ops::Range;

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

use crate::attention::{Attention, AttentionInput, MASKED, PositionRule};

/// A sum of probabilities below this is no sum: every key of the row is masked.
const NOTHING: f32 = 1e-30;

/// Scores held at once. A constant, so that results do not depend on the machine.
const BLOCK_SCORES: usize = 1 << 20;

/// [`crate::attention()`] over blocks of queries.
pub(crate) fn attention_in_blocks(input: &AttentionInput) -> Attention {
    let scorer = Scorer::new(input);
    let mut out = Vec::new();
    let mut log_sum_exp = Vec::new();
    for rows in scorer.query_blocks() {
        let (scores, seen) = scorer.scores(rows);
        let max = scores.clone().max_dim(3);
        let weights = only_seen((scores - max.clone()).exp(), seen.as_ref());
        let sum = weights.clone().sum_dim(3).clamp_min(NOTHING);
        let nothing = sum.clone().lower_equal_elem(NOTHING);
        let total = (max + sum.clone().log()).mask_fill(nothing, MASKED);
        log_sum_exp.push(total.squeeze_dim(3));
        out.push(weights.matmul(input.v.clone()) / sum);
    }
    Attention { out: joined(out, 2), log_sum_exp: joined(log_sum_exp, 2) }
}

/// The gradients at q, k and v, each `[batch, head, seq, d]`, from what the forward pass gave and the gradient at
/// `out`.
pub(crate) fn gradients_in_blocks(input: &AttentionInput, forward: &Attention, grad_out: Tensor<4>) -> [Tensor<4>; 3] {
    let scorer = Scorer::new(input);
    let [batch, heads, seq, d] = input.q.dims();
    let scale = 1.0 / (d as f64).sqrt();
    let delta = (grad_out.clone() * forward.out.clone()).sum_dim(3);
    let mut of_q = Vec::new();
    let mut of_k = Tensor::zeros([batch, heads, seq, d], &input.q.device());
    let mut of_v = of_k.clone();
    for rows in scorer.query_blocks() {
        let at_rows = |tensor: &Tensor<4>| tensor.clone().slice_dim(2, rows.clone());
        let probabilities = scorer.probabilities(rows.clone(), &forward.log_sum_exp);
        let grad_rows = at_rows(&grad_out);
        of_v = of_v + probabilities.clone().transpose().matmul(grad_rows.clone());
        let of_scores = probabilities * (grad_rows.matmul(input.v.clone().transpose()) - at_rows(&delta));
        of_q.push(of_scores.clone().matmul(input.k.clone()) * scale);
        of_k = of_k + of_scores.transpose().matmul(at_rows(&input.q)) * scale;
    }
    [joined(of_q, 2), of_k, of_v]
}

/// The probability that each query gives to each key, `[batch, head, query, key]`.
///
/// Holds `seq × seq` values for each head: for comparisons on short inputs only.
pub fn attention_probabilities(input: &AttentionInput, log_sum_exp: &Tensor<3>) -> Tensor<4> {
    let scorer = Scorer::new(input);
    let blocks = scorer.query_blocks().map(|rows| scorer.probabilities(rows, log_sum_exp)).collect();
    joined(blocks, 2)
}

/// Computes blocks of scores.
struct Scorer<'a> {
    input: &'a AttentionInput,
    /// Queries with the scale folded in, `[batch, head, seq, d]`.
    q: Tensor<4>,
    /// Keys, transposed, `[batch, head, d, seq]`.
    k: Tensor<4>,
}

impl<'a> Scorer<'a> {
    fn new(input: &'a AttentionInput) -> Self {
        let d = input.q.dims()[3];
        Self { input, q: input.q.clone() / (d as f64).sqrt(), k: input.k.clone().transpose() }
    }

    /// Ranges of queries that keep a block of scores small.
    fn query_blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let [batch, heads, seq, _] = self.q.dims();
        let rows = (BLOCK_SCORES / (batch * heads * seq).max(1)).clamp(1, seq.max(1));
        (0..seq).step_by(rows).map(move |start| start..(start + rows).min(seq))
    }

    /// Scores of some queries against all keys, `[batch, head, rows, seq]`, and which of them are seen: others get
    /// [`MASKED`]. `None` where all are.
    fn scores(&self, rows: Range<usize>) -> (Tensor<4>, Option<Tensor<4, Bool>>) {
        let device = self.q.device();
        let [batch, heads, seq, _] = self.q.dims();
        let mut scores = self.q.clone().slice_dim(2, rows.clone()).matmul(self.k.clone());
        let mut hidden: Option<Tensor<4, Bool>> = None;
        match &self.input.rule {
            PositionRule::None => {}
            PositionRule::Alibi(slopes) => {
                let negated: Vec<f32> = slopes.iter().map(|slope| -slope).collect();
                let slopes = Tensor::<1>::from_floats(negated.as_slice(), &device).reshape([1, heads, 1, 1]);
                let distance =
                    positions(rows.clone(), &device).unsqueeze_dim::<2>(1) - positions(0..seq, &device).unsqueeze();
                scores = scores + slopes * distance.abs().unsqueeze::<4>();
            }
            PositionRule::Blocks(list) => {
                let offsets = self.block_offsets(list, rows.clone());
                hidden = Some(offsets.clone().lower_elem(MASKED / 2.0).expand([batch, heads, rows.len(), seq]));
                scores = scores + offsets;
            }
        }
        if let Some(segments) = &self.input.segments {
            let apart = self.apart(segments.numbers(), rows);
            let shape = scores.dims();
            let apart = apart.unsqueeze_dim::<4>(1).expand(shape);
            hidden = Some(match hidden {
                Some(hidden) => hidden.bool_or(apart),
                None => apart,
            });
        }
        match hidden {
            Some(hidden) => (scores.mask_fill(hidden.clone(), MASKED), Some(hidden.bool_not())),
            None => (scores, None),
        }
    }

    /// Which keys are not of a query's sequence, `[batch, rows, seq]`.
    fn apart(&self, numbers: &[u32], rows: Range<usize>) -> Tensor<3, Bool> {
        let [batch, _, seq, _] = self.q.dims();
        let numbers: Vec<i32> = numbers.iter().map(|number| number.cast_signed()).collect();
        let device = self.q.device();
        let of = Tensor::<2, Int>::from_data(TensorData::new(numbers, [batch, seq]), &device);
        let keys = of.clone().unsqueeze_dim::<3>(1).expand([batch, rows.len(), seq]);
        let queries = of.slice_dim(1, rows.clone()).unsqueeze_dim::<3>(2).expand([batch, rows.len(), seq]);
        keys.clone().not_equal(queries).bool_or(keys.equal_elem(0))
    }

    /// What listed blocks add to scores, `[1, head, rows, seq]`; [`MASKED`] where a block is not listed.
    fn block_offsets(&self, list: &crate::blocks::BlockList, rows: Range<usize>) -> Tensor<4> {
        let [_, heads, seq, _] = self.q.dims();
        let mut offsets = vec![MASKED; heads * rows.len() * seq];
        for (index, offsets) in offsets.chunks_mut(seq).enumerate() {
            let (head, query) = (index / rows.len(), rows.start + index % rows.len());
            for seen in list.seen_by(head, query / list.size()) {
                let keys = seen.block * list.size()..((seen.block + 1) * list.size()).min(seq);
                offsets[keys].fill(seen.offset);
            }
        }
        Tensor::from_data(TensorData::new(offsets, [1, heads, rows.len(), seq]), &self.q.device())
    }

    fn probabilities(&self, rows: Range<usize>, log_sum_exp: &Tensor<3>) -> Tensor<4> {
        let total = log_sum_exp.clone().slice_dim(2, rows.clone()).unsqueeze_dim::<4>(3);
        let (scores, seen) = self.scores(rows);
        only_seen((scores - total).exp(), seen.as_ref())
    }
}

/// Sets the weights of what is not seen to exactly 0, also in rows where nothing else is left.
fn only_seen(weights: Tensor<4>, seen: Option<&Tensor<4, Bool>>) -> Tensor<4> {
    match seen {
        Some(seen) => weights.mask_fill(seen.clone().bool_not(), 0.0),
        None => weights,
    }
}

fn positions(range: Range<usize>, device: &Device) -> Tensor<1> {
    let range = i64::try_from(range.start).unwrap_or(i64::MAX)..i64::try_from(range.end).unwrap_or(i64::MAX);
    Tensor::<1, Int>::arange(range, device).float()
}

/// One tensor from blocks along `dim`, without a copy where there is a single one.
fn joined<const D: usize>(mut blocks: Vec<Tensor<D>>, dim: usize) -> Tensor<D> {
    match blocks.len() {
        1 => blocks.remove(0),
        _ => Tensor::cat(blocks, dim),
    }
}
