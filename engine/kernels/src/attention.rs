//! Attention over blocks of queries, in tensor operations.

use std::ops::Range;

use burn::tensor::{Bool, Device, Int, Tensor};

use crate::attention_cpu::attention_on_cpu;

/// Stands for minus infinity: shaders may assume that infinities do not occur.
pub(crate) const MASKED: f32 = -3e38;

/// A sum of probabilities below this is no sum: every key of the row is masked.
const NOTHING: f32 = 1e-30;

/// Scores held at once. A constant, so that results do not depend on the machine.
const BLOCK_SCORES: usize = 1 << 20;

/// How the distance of query and key enters a score.
#[derive(Clone, Debug, PartialEq)]
pub enum PositionRule {
    /// Not at all; positions are in the states themselves.
    None,
    /// `−slope · |i − j|`, one slope for each attention head.
    Alibi(Vec<f32>),
}

/// What attention is computed from.
#[derive(Clone, Debug)]
pub struct AttentionInput {
    /// Queries, `[batch, head, seq, d]`.
    pub q: Tensor<4>,
    /// Keys, `[batch, head, seq, d]`.
    pub k: Tensor<4>,
    /// Values, `[batch, head, seq, d]`.
    pub v: Tensor<4>,
    /// Which positions are real, `[batch, seq]`; `None` means all.
    pub key_mask: Option<Tensor<2, Bool>>,
    /// How distance enters.
    pub rule: PositionRule,
}

/// What attention gives.
#[derive(Clone, Debug)]
pub struct Attention {
    /// Weighted means of the values, `[batch, head, seq, d]`; 0 where every key is masked.
    pub out: Tensor<4>,
    /// Logarithm of each row's sum of exponentials, `[batch, head, seq]`; about −3e38 where every key is masked.
    pub log_sum_exp: Tensor<3>,
}

/// `softmax(q·kᵀ/√d + position) · v`, with the log-sum-exp of each row.
///
/// Memory grows linearly with `seq`; on a differentiating device the graph keeps every block.
pub fn attention(input: &AttentionInput) -> Attention {
    let device = input.q.device();
    if device == Device::flex() && !device.is_autodiff() {
        return attention_on_cpu(input);
    }
    attention_in_blocks(input)
}

/// The same in tensor operations, on any device.
pub(crate) fn attention_in_blocks(input: &AttentionInput) -> Attention {
    let scorer = Scorer::new(input);
    let mut out = Vec::new();
    let mut log_sum_exp = Vec::new();
    for rows in scorer.query_blocks() {
        let scores = scorer.scores(rows);
        // The maximum only keeps the exponentials in range: its gradient cancels.
        let max = scores.clone().detach().max_dim(3);
        let weights = scorer.only_real_keys((scores - max.clone()).exp());
        let sum = weights.clone().sum_dim(3).clamp_min(NOTHING);
        log_sum_exp.push((max + sum.clone().log()).squeeze_dim(3));
        out.push(weights.matmul(input.v.clone()) / sum);
    }
    Attention { out: joined(out, 2), log_sum_exp: joined(log_sum_exp, 2) }
}

/// The probability that each query gives to each key, `[batch, head, query, key]`.
///
/// Holds `seq × seq` values for each head: for comparisons on short inputs only.
pub fn attention_probabilities(input: &AttentionInput, log_sum_exp: &Tensor<3>) -> Tensor<4> {
    let scorer = Scorer::new(input);
    let blocks = scorer.query_blocks().map(|rows| scorer.probabilities(rows, log_sum_exp)).collect();
    joined(blocks, 2)
}

/// How much attention each key receives: the sum over real queries of the probability given to it,
/// `[batch, head, key]`.
///
/// A second sweep over blocks with the saved log-sum-exp; memory is linear in `seq`.
pub fn attention_received(input: &AttentionInput, log_sum_exp: &Tensor<3>) -> Tensor<3> {
    let scorer = Scorer::new(input);
    let [batch, heads, seq, _] = input.q.dims();
    let mut received = Tensor::zeros([batch, heads, seq], &input.q.device());
    for rows in scorer.query_blocks() {
        let mut probabilities = scorer.probabilities(rows.clone(), log_sum_exp);
        if let Some(real) = &scorer.real {
            let queries = real.clone().slice([0..batch, rows]).unsqueeze_dims::<4>(&[1, 3]);
            probabilities = probabilities * queries;
        }
        received = received + probabilities.sum_dim(2).squeeze_dim(2);
    }
    received
}

/// Computes blocks of scores.
struct Scorer {
    /// Queries with the scale folded in, `[batch, head, seq, d]`.
    q: Tensor<4>,
    /// Keys, transposed, `[batch, head, d, seq]`.
    k: Tensor<4>,
    /// 1 for real positions, 0 for padding, `[batch, seq]`.
    real: Option<Tensor<2>>,
    /// Slopes with the sign folded in, `[1, head, 1, 1]`.
    slopes: Option<Tensor<4>>,
}

impl Scorer {
    fn new(input: &AttentionInput) -> Self {
        let device = input.q.device();
        let [_, heads, _, d] = input.q.dims();
        let slopes = match &input.rule {
            PositionRule::None => None,
            PositionRule::Alibi(slopes) => {
                let negated: Vec<f32> = slopes.iter().map(|slope| -slope).collect();
                Some(Tensor::<1>::from_floats(negated.as_slice(), &device).reshape([1, heads, 1, 1]))
            }
        };
        Self {
            q: input.q.clone() / (d as f64).sqrt(),
            k: input.k.clone().transpose(),
            real: input.key_mask.clone().map(|real| real.float()),
            slopes,
        }
    }

    /// Ranges of queries that keep a block of scores small.
    fn query_blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let [batch, heads, seq, _] = self.q.dims();
        let rows = (BLOCK_SCORES / (batch * heads * seq).max(1)).clamp(1, seq.max(1));
        (0..seq).step_by(rows).map(move |start| start..(start + rows).min(seq))
    }

    /// Scores of some queries against all keys, `[batch, head, rows, seq]`; masked keys get [`MASKED`].
    fn scores(&self, rows: Range<usize>) -> Tensor<4> {
        let device = self.q.device();
        let seq = self.q.dims()[2];
        let mut scores = self.q.clone().slice_dim(2, rows.clone()).matmul(self.k.clone());
        if let Some(slopes) = &self.slopes {
            let distance =
                (positions(rows, &device).unsqueeze_dim::<2>(1) - positions(0..seq, &device).unsqueeze()).abs();
            scores = scores + slopes.clone() * distance.unsqueeze::<4>();
        }
        if let Some(real) = &self.real {
            let masked = (real.clone() - 1.0) * -MASKED;
            scores = scores + masked.unsqueeze_dims::<4>(&[1, 2]);
        }
        scores
    }

    /// Sets the weights of masked keys to exactly 0, also in rows where nothing else is left.
    fn only_real_keys(&self, weights: Tensor<4>) -> Tensor<4> {
        match &self.real {
            Some(real) => weights * real.clone().unsqueeze_dims::<4>(&[1, 2]),
            None => weights,
        }
    }

    fn probabilities(&self, rows: Range<usize>, log_sum_exp: &Tensor<3>) -> Tensor<4> {
        let total = log_sum_exp.clone().slice_dim(2, rows.clone()).unsqueeze_dim::<4>(3);
        self.only_real_keys((self.scores(rows) - total).exp())
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

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    fn input(q: [f32; 4], k: [f32; 4], mask: Option<[bool; 2]>, rule: PositionRule) -> AttentionInput {
        let device = Device::flex();
        let tensor = |values: [f32; 4]| Tensor::from_data(TensorData::new(values.to_vec(), [1, 1, 2, 2]), &device);
        AttentionInput {
            q: tensor(q),
            k: tensor(k),
            v: tensor([1.0, 0.0, 0.0, 1.0]),
            key_mask: mask.map(|mask| Tensor::from_data(TensorData::new(mask.to_vec(), [1, 2]), &device)),
            rule,
        }
    }

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_to_vec().expect("floats")
    }

    fn assert_close(got: &[f32], want: &[f32]) {
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() < 1e-6, "got {got}, want {want}");
        }
    }

    #[test]
    fn equal_keys_are_told_apart_by_distance_alone() {
        let input = input([0.0; 4], [0.0; 4], None, PositionRule::Alibi(vec![2f32.ln()]));
        let attention = attention(&input);
        // A neighbour weighs half as much as the position itself: 2/3 and 1/3.
        assert_close(&values(attention.out), &[2.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0]);
        assert_close(&values(attention.log_sum_exp.clone()), &[1.5f32.ln(); 2]);
        assert_close(&values(attention_received(&input, &attention.log_sum_exp)), &[1.0, 1.0]);
    }

    #[test]
    fn masked_keys_count_for_nothing() {
        let input = input([1.0; 4], [1.0, 1.0, 50.0, 50.0], Some([true, false]), PositionRule::None);
        let attention = attention(&input);
        assert_close(&values(attention.out), &[1.0, 0.0, 1.0, 0.0]);
        assert_close(&values(attention_received(&input, &attention.log_sum_exp)), &[1.0, 0.0]);
    }

    #[test]
    fn a_row_without_keys_gives_zero() {
        let input = input([1.0; 4], [1.0; 4], Some([false, false]), PositionRule::Alibi(vec![0.5]));
        let attention = attention(&input);
        assert_close(&values(attention.out), &[0.0; 4]);
        assert!(values(attention.log_sum_exp.clone()).iter().all(|value| *value < -1e38), "finite sentinel");
        assert_close(&values(attention_probabilities(&input, &attention.log_sum_exp)), &[0.0; 4]);
    }

    #[test]
    fn large_scores_do_not_overflow() {
        let input = input([100.0, 0.0, 0.0, 100.0], [10.0, 0.0, 0.0, 10.0], None, PositionRule::None);
        assert_close(&values(attention(&input).out), &[1.0, 0.0, 0.0, 1.0]);
    }
}
