//! What attention did: a second sweep over its tiles with the saved log-sum-exp, for any length and all attention
//! heads at once (`received`, maxima, entropy, distance, strongest partners, maps and cut-outs).
//!
//! Everything is told as host numbers. What the kernels of the GPU do not do, the processor does with the states
//! fetched.

use std::{cell::OnceCell, ops::Range};

use burn::{
    backend::wgpu::{CubeBackend, CubeTensor},
    tensor::{Device, Tensor},
};

use crate::{
    attention::{Attention, AttentionInput, Conduct, NO_PARTNER, attention, is_processor},
    backend::{Asked, attend_on_gpu, attend_on_processor, with_all_values, with_values},
    cpu,
    gpu::{self, Attended, KernelError, OnGpu},
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
    log_sum_exp: Tensor<3>,
    asked: Asked,
    on_gpu: Option<OnGpu>,
    /// Made when the first question comes that the GPU does not answer.
    on_processor: OnceCell<OnProcessor>,
}

/// The same on the processor.
#[derive(Debug)]
struct OnProcessor {
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    /// `[batch, head, seq]`.
    log_sum_exp: Vec<f32>,
}

/// [`crate::attention()`] and entropy and distance of each query in the same sweep; nothing is differentiated.
pub fn attention_with_rows(input: &AttentionInput, conduct: &Conduct) -> (Attention, RowStatistics) {
    let asked = Asked::new(input, conduct);
    let tensors = [&input.q, &input.k, &input.v].map(Tensor::clone);
    if input.q.device().is_autodiff() {
        let found = attention(input, conduct);
        let rows = Statistics::new(input, &found.log_sum_exp, conduct).rows();
        return (found, rows);
    }
    if is_processor(&input.q.device()) {
        return attend_on_processor(tensors, &asked, true);
    }
    let found = primitives(tensors).and_then(|tensors| attend_on_gpu(&tensors, &asked, true));
    let Some(Attended { out, log_sums, rows: Some(rows) }) = found else {
        let found = attention(input, conduct);
        let rows = Statistics::new(input, &found.log_sum_exp, conduct).rows();
        return (found, rows);
    };
    let [_, batch, heads, seq] = rows.dims();
    let spread = read_or_noted(rows, 2 * batch * heads * seq);
    (Attention { out, log_sum_exp: log_sums }, RowStatistics::by_head(&spread, [batch, heads, seq]))
}

/// The values of a tensor; where they cannot be read the device is told so, and none of them is a number.
fn read_or_noted<const D: usize>(tensor: Tensor<D>, count: usize) -> Vec<f32> {
    let device = tensor.device();
    tensor.try_into_vec_as::<f32>().unwrap_or_else(|error| {
        if let Some(opened) = gpu::opened(&device) {
            opened.note_unless_cancelled(KernelError::NoTensor { problem: format!("{error:?}") });
        }
        vec![f32::NAN; count]
    })
}

/// Tensors as the GPU has them; `None` where they are elsewhere.
fn primitives<const N: usize>(tensors: [Tensor<4>; N]) -> Option<[CubeTensor; N]> {
    let tensors = tensors.map(|tensor| tensor.try_into_primitive::<CubeBackend>().ok());
    tensors.iter().all(Option::is_some).then(|| tensors.map(|tensor| tensor.expect("all are there")))
}

impl RowStatistics {
    /// From entropy and distance as kernels give them, `[2, batch, head, seq]`.
    pub(crate) fn by_head(spread: &[f32], [batch, heads, seq]: [usize; 3]) -> Self {
        let turned = |values: &[f32]| {
            let at = |place: usize| {
                let (row, position, head) = (place / heads / seq, place / heads % seq, place % heads);
                values[(row * heads + head) * seq + position]
            };
            (0..values.len()).map(at).collect()
        };
        let (entropy, distance) = spread.split_at(batch * heads * seq);
        Self { entropy: turned(entropy), distance: turned(distance) }
    }
}

impl Statistics {
    /// Of an attention whose log-sum-exp is known, `[batch, head, seq]`.
    pub fn new(input: &AttentionInput, log_sum_exp: &Tensor<3>, conduct: &Conduct) -> Self {
        fn plain<const D: usize>(tensor: &Tensor<D>) -> Tensor<D> {
            if tensor.device().is_autodiff() { tensor.clone().inner() } else { tensor.clone() }
        }
        let [q, k, v] = [&input.q, &input.k, &input.v].map(plain);
        let (log_sum_exp, asked) = (plain(log_sum_exp), Asked::new(input, conduct));
        let on_gpu = gpu::opened(&q.device()).and_then(|opened| {
            let [q, k] = primitives([q.clone(), k.clone()])?;
            let log_sums = log_sum_exp.clone().try_into_primitive::<CubeBackend>().ok()?;
            Some(OnGpu { opened, q, k, log_sums, asked: asked.clone() })
        });
        Self { q, k, v, log_sum_exp, asked, on_gpu, on_processor: OnceCell::new() }
    }

    /// Entropy and distance of each query: the cost of a forward pass.
    pub fn rows(&self) -> RowStatistics {
        let [batch, heads, seq, _] = self.q.dims();
        let nothing = || RowStatistics::by_head(&vec![f32::NAN; 2 * batch * heads * seq], [batch, heads, seq]);
        self.told(OnGpu::rows, nothing, || {
            let here = self.here();
            attend_on_processor([here.q.clone(), here.k.clone(), here.v.clone()], &self.asked, true).1
        })
    }

    /// Weighted sums and maxima over the queries; each of `weights` is `[batch, seq]`.
    ///
    /// What is left out of a sum is below 2⁻²⁴ of the largest weight.
    pub fn columns(&self, weights: &[&[f32]]) -> ColumnStatistics {
        let [batch, heads, seq, _] = self.q.dims();
        let none = |vectors: usize| vec![f32::NAN; vectors * batch * heads * seq];
        let nothing = || ColumnStatistics { sums: none(weights.len()), max: none(1) };
        self.told(
            |gpu| gpu.columns(weights),
            nothing,
            || {
                let here = self.here();
                let problem = self.asked.problem(self.q.dims(), false);
                let found = with_values([here.q.clone(), here.k.clone()], |qk| {
                    cpu::columns(&problem, qk, &here.log_sum_exp, weights)
                });
                ColumnStatistics { sums: found.sums, max: found.max }
            },
        )
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
        let (ranges, count) = ([queries.clone(), keys.clone()], queries.len() * keys.len());
        let here = || with_sources(&[self], of, |sources| cpu::cut_out(sources, [queries, keys]));
        self.told(|gpu| gpu.cut_out(of, ranges), || vec![f32::NAN; count], here)
    }

    /// Asks the GPU, and where it has no kernel for it the processor. When the device fails it is told there, and
    /// `nothing` stands in place of an answer.
    fn told<T>(
        &self,
        on_gpu: impl FnOnce(&OnGpu) -> Result<T, KernelError>,
        nothing: impl FnOnce() -> T,
        here: impl FnOnce() -> T,
    ) -> T {
        let Some(gpu) = &self.on_gpu else { return here() };
        match on_gpu(gpu) {
            Ok(found) => found,
            Err(error) if error.is_of_one_kernel() => {
                tracing::debug!(%error, "statistics by the processor");
                here()
            }
            Err(error) => {
                gpu.opened.note_unless_cancelled(error);
                nothing()
            }
        }
    }

    /// Everything on the processor.
    fn here(&self) -> &OnProcessor {
        self.on_processor.get_or_init(|| {
            let moved = |tensor: &Tensor<4>| {
                if is_processor(&tensor.device()) { tensor.clone() } else { tensor.clone().to_device(&Device::flex()) }
            };
            let [q, k, v] = [&self.q, &self.k, &self.v].map(moved);
            let count = self.log_sum_exp.dims().iter().product();
            let log_sum_exp = read_or_noted(self.log_sum_exp.clone(), count);
            OnProcessor { q, k, v, log_sum_exp }
        })
    }
}

/// [`Statistics::partners`] of the mean over several layers of one shape; the processor averages over layers.
pub fn partners(layers: &[&Statistics], of: &MeanOf, places: usize) -> Vec<(u32, f32)> {
    let here = || with_sources(layers, of, |sources| cpu::partners(sources, places));
    let [layer] = layers else { return here() };
    let nothing = || vec![(NO_PARTNER, f32::NAN); layer.q.dims()[2] * places];
    layer.told(|gpu| gpu.partners(of, places), nothing, here)
}

/// [`Statistics::map`] of the mean over several layers of one shape; the processor averages over layers.
pub fn pooled_map(layers: &[&Statistics], of: &MeanOf, edges: &[usize]) -> PooledMap {
    let here = || {
        let found = with_sources(layers, of, |sources| cpu::cells(sources, edges));
        PooledMap { sum: found.sum, max: found.max }
    };
    let [layer] = layers else { return here() };
    let none = || vec![f32::NAN; edges.len().saturating_sub(1).pow(2)];
    layer.told(|gpu| gpu.map(of, edges), || PooledMap { sum: none(), max: none() }, here)
}

/// Calls `work` with the attention heads of all layers that are averaged.
fn with_sources<T>(layers: &[&Statistics], of: &MeanOf, work: impl FnOnce(&[cpu::Source<'_>]) -> T) -> T {
    let places: Vec<&OnProcessor> = layers.iter().map(|layer| layer.here()).collect();
    let tensors = places.iter().flat_map(|here| [here.q.clone(), here.k.clone()]).collect();
    with_all_values(tensors, |values| {
        let sources =
            layers.iter().zip(&places).zip(values.as_chunks().0).map(|((layer, here), &[q, k])| cpu::Source {
                problem: layer.asked.problem(layer.q.dims(), false),
                q,
                k,
                log_sum_exp: &here.log_sum_exp,
                row: of.row,
                heads: of.heads.clone(),
            });
        work(&sources.collect::<Vec<_>>())
    })
}
