//! What a pass gives: states, probabilities and their summaries.

use burn::tensor::{Bool, Tensor, TensorData};
use safetensors::Dtype;
use strandscope_analysis::predict::host;
use strandscope_kernels::{RowStatistics, Statistics, attention_probabilities};
use strandscope_models::{
    ModelError,
    checkpoint::NamedArray,
    model::Model,
    network::Network,
    pass::{Encoded, Pass, Seen},
};

use super::{Wanted, input::Input};
use crate::engine::{Job, Stop};

/// Rows of logits computed at once.
const LOGIT_ROWS: usize = 4096;

/// One of the statistics of queries.
type OfRows = fn(&RowStatistics) -> &Vec<f32>;

/// What was seen of the attention of a layer.
struct LayerSeen {
    probabilities: Option<Tensor<4>>,
    statistics: Statistics,
    rows: Option<RowStatistics>,
}

/// Name, shape and bytes of the tensors to write.
#[derive(Default)]
pub(super) struct Outputs(Vec<NamedArray>);

impl Outputs {
    /// Names, types, shapes and bytes.
    pub(super) fn into_tensors(self) -> Vec<NamedArray> {
        self.0
    }

    /// What is wanted of a pass.
    pub(super) fn compute(model: &Model, input: &Input, wanted: &Wanted<'_>, job: &Job) -> Result<Self, Stop> {
        if let Network::Rmt(rmt) = &model.network {
            return Self::of_steps(&model.network, rmt, input, wanted, job);
        }
        let device = model.network.device();
        let conduct = job.conduct(true);
        let mut layers = Vec::new();
        let mut observe = |_: usize, seen: &Seen<'_>| {
            let log_sum_exp = &seen.attention.log_sum_exp;
            layers.push(LayerSeen {
                probabilities: wanted
                    .takes_some("attention.")
                    .then(|| attention_probabilities(seen.input, log_sum_exp)),
                statistics: Statistics::new(seen.input, log_sum_exp, &conduct),
                rows: seen.rows.cloned(),
            });
        };
        let mut pass = Pass {
            conduct: conduct.clone(),
            hidden: wanted.takes_some("hidden."),
            row_statistics: wanted.takes("summary.attn_entropy") || wanted.takes("summary.attn_distance"),
            observe: None,
        };
        if wanted.takes_some("attention.") || wanted.takes_some("summary.") {
            pass.observe = Some(&mut observe);
        }
        let encoded = model.network.encode(&input.tokens(), &mut pass);
        if job.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        let mut outputs = Self::default();
        // 1 where a token is real, [batch, seq].
        let real =
            Tensor::<2, Bool>::from_data(TensorData::new(input.real.clone(), [input.rows, input.tokens]), &device);
        let real = real.float();
        outputs.states(model, &encoded, &real, wanted)?;
        outputs.attention(&layers, &real, input, wanted)?;
        Ok(outputs)
    }

    /// Adds a tensor that is on the host.
    pub(super) fn add_values(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.0.push(NamedArray { name: name.to_owned(), dtype: Dtype::F32, shape: shape.to_vec(), bytes });
    }

    /// Adds whole numbers that are on the host.
    pub(super) fn add_integers(&mut self, name: &str, shape: &[usize], values: &[i64], wanted: &Wanted<'_>) {
        if wanted.takes(name) {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            self.0.push(NamedArray { name: name.to_owned(), dtype: Dtype::I64, shape: shape.to_vec(), bytes });
        }
    }

    pub(super) fn add<const D: usize>(
        &mut self,
        name: &str,
        tensor: Tensor<D>,
        wanted: &Wanted<'_>,
    ) -> Result<(), ModelError> {
        if wanted.takes(name) {
            let shape = tensor.dims().to_vec();
            self.add_values(name, &shape, &host(tensor)?);
        }
        Ok(())
    }

    /// States and what is computed from them; padded rows are zero.
    fn states(&mut self, model: &Model, encoded: &Encoded, real: &Tensor<2>, wanted: &Wanted<'_>) -> Result<(), Stop> {
        let rows = real.clone().unsqueeze_dim::<3>(2);
        for (index, states) in encoded.hidden.iter().enumerate() {
            self.add(&format!("hidden.{index}"), states.clone() * rows.clone(), wanted)?;
        }
        if wanted.takes("mean_pool") {
            let sum = (encoded.last.clone() * rows.clone()).sum_dim(1).squeeze_dim::<2>(1);
            self.add("mean_pool", sum / real.clone().sum_dim(1).clamp_min(1.0), wanted)?;
        }
        if wanted.takes("class_logits")
            && let Some(logits) = model.network.class_logits(encoded.last.clone())
        {
            // A classifier of rows has one place.
            match logits.dims()[1] {
                1 => self.add("class_logits", logits.squeeze_dim::<2>(1), wanted)?,
                _ => self.add("class_logits", logits * rows.clone(), wanted)?,
            }
        }
        if wanted.takes("pooled")
            && let Some(pooled) = model.network.pooled(&encoded.last)
        {
            self.add("pooled", pooled, wanted)?;
        }
        if wanted.takes("logits") {
            let [batch, seq, _] = encoded.last.dims();
            let states: Tensor<2> = encoded.last.clone().flatten(0, 1);
            let blocks = states.split(LOGIT_ROWS, 0).into_iter().map(|rows| model.network.token_logits(rows));
            if let Some(blocks) = blocks.collect::<Option<Vec<_>>>() {
                let logits = Tensor::cat(blocks, 0);
                let vocab = logits.dims()[1];
                self.add("logits", logits.reshape([batch, seq, vocab]) * rows, wanted)?;
            }
        }
        Ok(())
    }

    /// Probabilities and their summaries; rows of padded queries and padded keys are zero.
    fn attention(
        &mut self,
        layers: &[LayerSeen],
        real: &Tensor<2>,
        input: &Input,
        wanted: &Wanted<'_>,
    ) -> Result<(), Stop> {
        let queries = real.clone().unsqueeze_dims::<4>(&[1, 3]);
        for (index, layer) in layers.iter().enumerate() {
            if let Some(probabilities) = &layer.probabilities {
                self.add(&format!("attention.{index}"), probabilities.clone() * queries.clone(), wanted)?;
            }
        }
        let Some(heads) = layers.first().map(|layer| layer.statistics.heads()) else { return Ok(()) };
        let shape = [layers.len(), input.rows, heads, input.tokens];
        if wanted.takes("summary.attn_received") {
            let ones = vec![1.0; input.rows * input.tokens];
            let received: Vec<f32> = layers.iter().flat_map(|layer| layer.statistics.columns(&[&ones]).sums).collect();
            self.add_values("summary.attn_received", &shape, &received);
        }
        let of_rows: [(&str, OfRows); 2] =
            [("summary.attn_entropy", |rows| &rows.entropy), ("summary.attn_distance", |rows| &rows.distance)];
        for (name, of) in of_rows.into_iter().filter(|(name, _)| wanted.takes(name)) {
            let rows = layers.iter().filter_map(|layer| layer.rows.as_ref());
            let by_head = rows.flat_map(|rows| heads_first(of(rows), input.rows, heads));
            self.add_values(name, &shape, &by_head.collect::<Vec<_>>());
        }
        if wanted.takes("summary.rollout") {
            self.add_values("summary.rollout", &[input.rows, input.tokens, input.tokens], &rollout(layers, input));
        }
        Ok(())
    }
}

/// Values `[batch, seq, head]` as `[batch, head, seq]`.
fn heads_first(values: &[f32], rows: usize, heads: usize) -> Vec<f32> {
    let seq = values.len() / (rows * heads).max(1);
    let of_row = |row: usize| {
        (0..heads).flat_map(move |head| (0..seq).map(move |position| values[(row * seq + position) * heads + head]))
    };
    (0..rows).flat_map(of_row).collect()
}

/// Attention followed through the layers (Abnar and Zuidema 2020, arXiv 2005.00928): the product of
/// `½ · mean over heads + ½ · I`, later layers on the left, `[batch, seq, seq]`; rows of padding are zero.
fn rollout(layers: &[LayerSeen], input: &Input) -> Vec<f32> {
    let (seq, places) = (input.tokens, input.rows * input.tokens);
    // Row `i` of the product, of every row of the batch at once: it begins with all weight on `i`.
    let mut found: Vec<Vec<f32>> = (0..seq)
        .map(|start| {
            (0..places).map(|place| if place % seq == start && input.real[place] { 1.0 } else { 0.0 }).collect()
        })
        .collect();
    for layer in layers.iter().rev() {
        let weights: Vec<&[f32]> = found.iter().map(Vec::as_slice).collect();
        found = layer.statistics.rollout_step(&weights);
    }
    let of_row = |row: usize| found.iter().flat_map(move |found| found[row * seq..(row + 1) * seq].iter().copied());
    (0..input.rows).flat_map(of_row).collect()
}
