//! Attention: one operation, whatever the device.

use std::ops::Range;

use burn::{
    backend::Dispatch,
    tensor::{Device, Tensor},
};

use crate::{
    backend::{Asked, AttentionBackend},
    blocks::BlockList,
    segments::Segments,
    watch::Watch,
};

/// Stands for minus infinity: shaders may assume that infinities do not occur.
pub(crate) const MASKED: f32 = -3e38;

/// Stands where a query has no further partner.
pub const NO_PARTNER: u32 = u32::MAX;

/// How the distance of query and key enters a score.
#[derive(Clone, Debug, PartialEq)]
pub enum PositionRule {
    /// Not at all; positions are in the states themselves.
    None,
    /// `−slope · |i − j|`, one slope for each attention head.
    Alibi(Vec<f32>),
    /// Listed blocks alone are seen.
    Blocks(BlockList),
}

impl PositionRule {
    /// That of some attention heads, as if there were no others.
    #[must_use]
    pub fn of_heads(&self, heads: Range<usize>) -> Self {
        match self {
            Self::None => Self::None,
            Self::Alibi(slopes) => Self::Alibi(slopes[heads].to_vec()),
            Self::Blocks(list) => Self::Blocks(list.of_heads(heads)),
        }
    }
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
    /// Which positions belong together; `None` where each row of the batch is one whole sequence.
    pub segments: Option<Segments>,
    /// How distance enters.
    pub rule: PositionRule,
}

/// How attention is computed; it changes nothing but the time it takes.
#[derive(Clone, Debug)]
pub struct Conduct {
    /// Whether keys so far away that they cannot count are left out (ALiBi alone has such).
    pub skip: bool,
    /// Sees how far the work is, and may end it.
    pub watch: Watch,
    /// Whether the watch is told what was looked at; the GPU then has to be waited for.
    pub count: bool,
}

impl Default for Conduct {
    fn default() -> Self {
        Self { skip: true, watch: Watch::default(), count: true }
    }
}

/// What attention gives.
#[derive(Clone, Debug)]
pub struct Attention {
    /// Weighted means of the values, `[batch, head, seq, d]`; 0 where there is nothing to attend to, NaN in an attention
    /// head and sequence whose numbers are not finite.
    pub out: Tensor<4>,
    /// Logarithm of each row's sum of exponentials, `[batch, head, seq]`; −3e38 where there is nothing to attend to.
    /// It is not differentiated.
    pub log_sum_exp: Tensor<3>,
}

/// `softmax(q·kᵀ/√d + position) · v`, with the log-sum-exp of each row.
///
/// Memory grows linearly with `seq`, forwards and backwards. Work that was ended through the watch gives numbers that
/// mean nothing.
pub fn attention(input: &AttentionInput, conduct: &Conduct) -> Attention {
    let asked = Asked::new(input, conduct);
    let [q, k, v] = [&input.q, &input.k, &input.v].map(|tensor| tensor.clone().into_dispatch());
    let (out, log_sum_exp) = Dispatch::attend(q, k, v, asked);
    Attention { out: Tensor::from_dispatch(out), log_sum_exp: Tensor::from_dispatch(log_sum_exp) }
}

/// Whether a device is the processor itself.
pub fn is_processor(device: &Device) -> bool {
    *device == Device::flex() || *device == Device::flex().autodiff()
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::reference::attention_probabilities;

    fn input(q: [f32; 4], k: [f32; 4], shown: Option<[bool; 2]>, rule: PositionRule) -> AttentionInput {
        let device = Device::flex();
        let tensor = |values: [f32; 4]| Tensor::from_data(TensorData::new(values.to_vec(), [1, 1, 2, 2]), &device);
        AttentionInput {
            q: tensor(q),
            k: tensor(k),
            v: tensor([1.0, 0.0, 0.0, 1.0]),
            segments: shown.map(|shown| Segments::from_mask(shown, 2).expect("one row")),
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
        let attention = attention(&input, &Conduct::default());
        // A neighbour weighs half as much as the position itself: 2/3 and 1/3.
        assert_close(&values(attention.out), &[2.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0]);
        assert_close(&values(attention.log_sum_exp), &[1.5f32.ln(); 2]);
    }

    #[test]
    fn hidden_positions_neither_see_nor_are_seen() {
        let input = input([1.0; 4], [1.0, 1.0, 50.0, 50.0], Some([true, false]), PositionRule::None);
        let attention = attention(&input, &Conduct::default());
        assert_close(&values(attention.out), &[1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_row_without_keys_gives_zero() {
        let input = input([1.0; 4], [1.0; 4], Some([false, false]), PositionRule::Alibi(vec![0.5]));
        let attention = attention(&input, &Conduct::default());
        assert_close(&values(attention.out), &[0.0; 4]);
        assert!(values(attention.log_sum_exp.clone()).iter().all(|value| *value < -1e38), "finite sentinel");
        assert_close(&values(attention_probabilities(&input, &attention.log_sum_exp)), &[0.0; 4]);
    }

    #[test]
    fn large_scores_do_not_overflow() {
        let input = input([100.0, 0.0, 0.0, 100.0], [10.0, 0.0, 0.0, 10.0], None, PositionRule::None);
        assert_close(&values(attention(&input, &Conduct::default()).out), &[1.0, 0.0, 0.0, 1.0]);
    }
}
