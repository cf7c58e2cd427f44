//! What attention did: a second sweep over its tiles with the saved log-sum-exp, for any length and all attention
//! heads at once (`received`, maxima, entropy, distance, strongest partners, maps and cut-outs).
//!
//! Everything is told as host numbers. On the GPU the states are fetched and the processor does the sweep.

use std::ops::Range;

use burn::tensor::{Device, Tensor};

use crate::{
    attention::{Attention, AttentionInput, Conduct, attention, is_processor},
    backend::{Asked, attend_on_processor, with_all_values, with_values},
    cpu,
};

/// Statistics of each query, `[batch, seq, head]`.
#[derive(Clone, Debug, PartialEq)]
pub struct RowStatistics {
    /// Entropy of its probabilities in nats.
    pub entropy: Vec<f32>,
    /// Mean distance to the keys under its probabilities, in positions.
    pub distance: Vec<f32>,
}

/// Statistics of each key.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnStatistics {
    /// Sums over the queries of weight × probability, for each of the weights, `[sum, batch, head, seq]`.
    pub sums: Vec<f32>,
    /// The largest probability that a query gives, `[batch, head, seq]`.
    pub max: Vec<f32>,
}

/// A map of attention in cells, `[bin of queries, bin of keys]`.
#[derive(Clone, Debug, PartialEq)]
pub struct PooledMap {
    /// Sums of probabilities.
    pub sum: Vec<f32>,
    /// Largest probabilities.
    pub max: Vec<f32>,
}

/// A row of the batch and the attention heads whose mean is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeanOf {
    /// Row of the batch.
    pub row: usize,
    /// Attention heads.
    pub heads: Range<usize>,
}

/// Attention with its log-sum-exp, ready to be asked.
#[derive(Debug)]
pub struct Statistics {
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    /// `[batch, head, seq]`.
    log_sum_exp: Vec<f32>,
    asked: Asked,
}

/// [`crate::attention()`] and entropy and distance of each query in the same sweep; nothing is differentiated.
pub fn attention_with_rows(input: &AttentionInput, conduct: &Conduct) -> (Attention, RowStatistics) {
    if !is_processor(&input.q.device()) || input.q.device().is_autodiff() {
        let found = attention(input, conduct);
        let rows = Statistics::new(input, &found.log_sum_exp, conduct).rows();
        return (found, rows);
    }
    let asked = Asked::new(input, conduct);
    attend_on_processor([input.q.clone(), input.k.clone(), input.v.clone()], &asked, true)
}

impl Statistics {
    /// Of an attention whose log-sum-exp is known, `[batch, head, seq]`.
    pub fn new(input: &AttentionInput, log_sum_exp: &Tensor<3>, conduct: &Conduct) -> Self {
        let on_processor = |tensor: &Tensor<4>| {
            let device = tensor.device();
            let tensor = if device.is_autodiff() { tensor.clone().inner() } else { tensor.clone() };
            if is_processor(&device) { tensor } else { tensor.to_device(&Device::flex()) }
        };
        Self {
            q: on_processor(&input.q),
            k: on_processor(&input.k),
            v: on_processor(&input.v),
            log_sum_exp: log_sum_exp.clone().into_data().try_to_vec().expect("the log-sum-exp is in single precision"),
            asked: Asked::new(input, conduct),
        }
    }

    /// Entropy and distance of each query: the cost of a forward pass.
    pub fn rows(&self) -> RowStatistics {
        attend_on_processor([self.q.clone(), self.k.clone(), self.v.clone()], &self.asked, true).1
    }

    /// Weighted sums and maxima over the queries; each of `weights` is `[batch, seq]`.
    ///
    /// What is left out of a sum is below 2⁻²⁴ of the largest weight.
    pub fn columns(&self, weights: &[&[f32]]) -> ColumnStatistics {
        let problem = self.asked.problem(self.q.dims(), false);
        let found = self.with_qk(|qk| cpu::columns(&problem, qk, &self.log_sum_exp, weights));
        ColumnStatistics { sums: found.sums, max: found.max }
    }

    /// One step of attention rollout (Abnar and Zuidema 2020, arXiv 2005.00928) from the last layer to the first:
    /// `½ · mean over heads of weights · P + ½ · weights`, each `[batch, seq]`.
    pub fn rollout_step(&self, weights: &[&[f32]]) -> Vec<Vec<f32>> {
        let [batch, heads, seq, _] = self.q.dims();
        let columns = self.columns(weights).sums;
        let step = |(weights, columns): (&&[f32], &[f32])| {
            let of_place = |place: usize| {
                let (row, position) = (place / seq, place % seq);
                let of_heads = (0..heads).map(|head| columns[(row * heads + head) * seq + position]);
                0.5 * of_heads.sum::<f32>() / heads as f32 + 0.5 * weights[place]
            };
            (0..batch * seq).map(of_place).collect()
        };
        weights.iter().zip(columns.chunks(batch * heads * seq)).map(step).collect()
    }

    /// Attention heads.
    pub fn heads(&self) -> usize {
        self.q.dims()[1]
    }

    /// The strongest partners of each query, `[seq, place]`: key and probability. Where there are no more above 2⁻²⁴,
    /// [`crate::NO_PARTNER`] and 0.
    pub fn partners(&self, of: &MeanOf, places: usize) -> Vec<(u32, f32)> {
        partners(&[self], of, places)
    }

    /// A map in the cells between `edges`, which rise from 0 to at most `seq`.
    pub fn map(&self, of: &MeanOf, edges: &[usize]) -> PooledMap {
        pooled_map(&[self], of, edges)
    }

    /// The probabilities of some queries and keys, `[query, key]`.
    pub fn cut_out(&self, of: &MeanOf, queries: Range<usize>, keys: Range<usize>) -> Vec<f32> {
        with_sources(&[self], of, |sources| cpu::cut_out(sources, [queries, keys]))
    }

    fn with_qk<T>(&self, work: impl FnOnce([cpu::Strided<'_>; 2]) -> T) -> T {
        with_values([self.q.clone(), self.k.clone()], work)
    }
}

/// [`Statistics::partners`] of the mean over several layers of one shape.
pub fn partners(layers: &[&Statistics], of: &MeanOf, places: usize) -> Vec<(u32, f32)> {
    with_sources(layers, of, |sources| cpu::partners(sources, places))
}

/// [`Statistics::map`] of the mean over several layers of one shape.
pub fn pooled_map(layers: &[&Statistics], of: &MeanOf, edges: &[usize]) -> PooledMap {
    let found = with_sources(layers, of, |sources| cpu::cells(sources, edges));
    PooledMap { sum: found.sum, max: found.max }
}

/// Calls `work` with the attention heads of all layers that are averaged.
fn with_sources<T>(layers: &[&Statistics], of: &MeanOf, work: impl FnOnce(&[cpu::Source<'_>]) -> T) -> T {
    let tensors = layers.iter().flat_map(|layer| [layer.q.clone(), layer.k.clone()]).collect();
    with_all_values(tensors, |values| {
        let sources = layers.iter().zip(values.as_chunks().0).map(|(layer, &[q, k])| cpu::Source {
            problem: layer.asked.problem(layer.q.dims(), false),
            q,
            k,
            log_sum_exp: &layer.log_sum_exp,
            row: of.row,
            heads: of.heads.clone(),
        });
        work(&sources.collect::<Vec<_>>())
    })
}
