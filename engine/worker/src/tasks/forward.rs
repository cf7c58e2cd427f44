//! The raw network on given token ids, for comparing with other programs.

use std::{fs, io::Write as _, path::Path};

use burn::tensor::{Bool, Int, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};
use strandscope_analysis::predict::host;
use strandscope_genome::{AtomicFile, OutputError};
use strandscope_kernels::{RowStatistics, Segments, Statistics, attention_probabilities};
use strandscope_models::{
    ModelError,
    checkpoint::{sha256, write_tensors},
    dnagrinder::{Encoded, Pass, Seen},
    folder::Model,
};

use super::{command_line::of_forward, errors::kind_of_io, library::Shelf, provenance::Setting};
use crate::{
    ErrorKind, ForwardRequest, JobError, Outcome,
    engine::{Job, Stop},
};

/// Rows of logits computed at once.
const LOGIT_ROWS: usize = 4096;

/// Largest size of all attention probabilities together that is computed.
const MOST_PROBABILITY_BYTES: usize = 2 << 30;

/// Largest input file that is read.
const MOST_INPUT_BYTES: u64 = 1 << 30;

/// Runs the network and writes the tensors that were asked for.
pub(crate) fn forward(shelf: &Shelf, setting: &Setting, request: &ForwardRequest, job: &Job) -> Result<Outcome, Stop> {
    let model = shelf.network(&request.model)?;
    let input = Input::read(&request.input, model.config.vocab_size)?;
    let mut file = AtomicFile::create(&request.output, request.force)?;
    let wanted = Wanted(&request.outputs);
    wanted.check(&model, &input)?;
    job.started(1, "passes");
    let tensors = Outputs::compute(&model, &input, &wanted, job)?.0;
    if tensors.is_empty() {
        let message = format!(
            "none of the outputs '{}' is a tensor of this model; there are hidden.0, attention.0, logits, class_logits, \
             mean_pool, summary.attn_received, summary.attn_entropy, summary.attn_distance and summary.rollout",
            request.outputs.join(",")
        );
        return Err(JobError::new(ErrorKind::Usage, message).into());
    }
    let count = tensors.len();
    let provenance = if setting.no_provenance {
        Vec::new()
    } else {
        let (model, input) = ((&model.folder, model.sha256.as_str()), (request.input.as_path(), input.sha256));
        setting.record(model, None, input, || of_forward(request)).pairs()
    };
    let bytes = write_tensors(tensors, Dtype::F32, &provenance)?;
    file.write_all(&bytes).map_err(|error| OutputError::from_write(&request.output, error))?;
    if job.is_cancelled() {
        return Err(Stop::Cancelled);
    }
    file.commit()?;
    job.progress(1, "");
    Ok(Outcome::Written { paths: vec![request.output.clone()], notes: vec![format!("{count} tensors")] })
}

/// Token ids and which of them are real.
struct Input {
    rows: usize,
    tokens: usize,
    ids: Vec<i64>,
    real: Vec<bool>,
    /// Of the file.
    sha256: String,
}

impl Input {
    /// Which tokens are real.
    fn segments(&self) -> Segments {
        Segments::from_mask(self.real.iter().copied(), self.tokens).expect("ids and mask have one shape")
    }

    fn read(path: &Path, vocab_size: usize) -> Result<Self, Stop> {
        let bytes = read_bytes(path)?;
        let shown = path.display();
        let bad = |reason: String| JobError::new(ErrorKind::BadInput, format!("cannot use {shown}: {reason}"));
        let file =
            SafeTensors::deserialize(&bytes).map_err(|error| bad(format!("it is no safetensors file: {error}")))?;
        let (shape, ids) =
            integers(&file, "input_ids").map_err(bad)?.ok_or_else(|| bad("input_ids is missing".to_owned()))?;
        let [rows, tokens] = shape[..] else {
            return Err(bad(format!("input_ids has shape {shape:?}, [batch, tokens] is needed")).into());
        };
        if let Some(place) = ids.iter().position(|&id| !usize::try_from(id).is_ok_and(|id| id < vocab_size)) {
            let (row, column) = (place / tokens, place % tokens);
            let id = ids[place];
            let reason = format!("input_ids[{row},{column}] is {id}; the model has tokens 0 to {}", vocab_size - 1);
            return Err(bad(reason).into());
        }
        if ids.is_empty() {
            return Err(bad("input_ids is empty".to_owned()).into());
        }
        let real = match integers(&file, "attention_mask").map_err(bad)? {
            None => vec![true; ids.len()],
            Some((mask_shape, mask)) if mask_shape == shape => mask.iter().map(|&value| value != 0).collect(),
            Some((other, _)) => {
                return Err(bad(format!("attention_mask has shape {other:?}, input_ids has {shape:?}")).into());
            }
        };
        Ok(Self { rows, tokens, ids, real, sha256: sha256(&bytes) })
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, JobError> {
    let failed = |kind, reason: String| {
        JobError::new(kind, format!("cannot read {}: {reason}; give a safetensors file with input_ids", path.display()))
    };
    let of_io = |error: std::io::Error| failed(kind_of_io(&error), error.to_string());
    let metadata = fs::metadata(path).map_err(of_io)?;
    if !metadata.is_file() || metadata.len() > MOST_INPUT_BYTES {
        return Err(failed(ErrorKind::BadInput, "it is no regular file or too large".to_owned()));
    }
    fs::read(path).map_err(of_io)
}

/// Shape and values.
type Integers = (Vec<usize>, Vec<i64>);

/// A tensor of whole numbers, where the file has it.
fn integers(file: &SafeTensors<'_>, name: &str) -> Result<Option<Integers>, String> {
    let Ok(tensor) = file.tensor(name) else { return Ok(None) };
    let data = tensor.data();
    let values = match tensor.dtype() {
        Dtype::I64 => data.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect(),
        Dtype::I32 => data.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes).into()).collect(),
        Dtype::U8 | Dtype::BOOL => data.iter().map(|&byte| byte.into()).collect(),
        other => return Err(format!("{name} is stored as {other:?}; whole numbers (I64) are needed")),
    };
    Ok(Some((tensor.shape().to_vec(), values)))
}

/// Names or beginnings of names; none means all.
struct Wanted<'a>(&'a [String]);

impl Wanted<'_> {
    fn takes(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|wanted| name.starts_with(wanted.trim()))
    }

    /// Whether a tensor beginning with this is wanted, or one that it begins.
    fn takes_some(&self, stem: &str) -> bool {
        self.takes(stem) || self.0.iter().any(|wanted| wanted.trim().starts_with(stem))
    }

    /// Refuses what takes too much memory.
    fn check(&self, model: &Model, input: &Input) -> Result<(), Stop> {
        let heads = model.config.num_hidden_layers * model.config.num_attention_heads;
        let bytes = (4 * heads * input.rows).saturating_mul(input.tokens.saturating_mul(input.tokens));
        let of_pairs = ["attention.", "summary.rollout"].iter().any(|stem| self.takes_some(stem));
        if of_pairs && bytes > MOST_PROBABILITY_BYTES {
            let message = format!(
                "all attention probabilities of {} tokens take {bytes} bytes; name the outputs you need, for example \
                 --outputs hidden,logits,summary.attn_received",
                input.tokens
            );
            return Err(JobError::new(ErrorKind::Usage, message).into());
        }
        Ok(())
    }
}

/// What was seen of the attention of a layer.
struct LayerSeen {
    probabilities: Option<Tensor<4>>,
    statistics: Statistics,
    rows: Option<RowStatistics>,
}

/// Name, shape and bytes of the tensors to write.
struct Outputs(Vec<(String, Vec<usize>, Vec<u8>)>);

impl Outputs {
    fn compute(model: &Model, input: &Input, wanted: &Wanted<'_>, job: &Job) -> Result<Self, Stop> {
        let device = model.network.device();
        let shape = [input.rows, input.tokens];
        let ids = Tensor::<2, Int>::from_data(TensorData::new(input.ids.clone(), shape), &device);
        let segments = input.real.iter().any(|real| !real).then(|| input.segments());
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
            observe: wanted.takes_some("attention.").then_some(()).or(wanted.takes_some("summary.").then_some(())).map(
                |()| -> strandscope_models::dnagrinder::Observe<'_> { &mut observe },
            ),
        };
        let encoded = model.network.encode(ids, segments.as_ref(), &mut pass);
        if job.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        let mut outputs = Self(Vec::new());
        // 1 where a token is real, [batch, seq].
        let real = Tensor::<2, Bool>::from_data(TensorData::new(input.real.clone(), shape), &device).float();
        outputs.states(model, &encoded, &real, wanted)?;
        outputs.attention(&layers, &real, input, wanted)?;
        Ok(outputs)
    }

    fn add_values(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.0.push((name.to_owned(), shape.to_vec(), bytes));
    }

    fn add<const D: usize>(&mut self, name: &str, tensor: Tensor<D>, wanted: &Wanted<'_>) -> Result<(), ModelError> {
        if wanted.takes(name) {
            let shape = tensor.dims().to_vec();
            let bytes = host(tensor)?.iter().flat_map(|value| value.to_le_bytes()).collect();
            self.0.push((name.to_owned(), shape, bytes));
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
            self.add("class_logits", logits, wanted)?;
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
        let of_rows: [(&str, fn(&RowStatistics) -> &Vec<f32>); 2] = [
            ("summary.attn_entropy", |rows| &rows.entropy),
            ("summary.attn_distance", |rows| &rows.distance),
        ];
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
        .map(|start| (0..places).map(|place| if place % seq == start && input.real[place] { 1.0 } else { 0.0 }).collect())
        .collect();
    for layer in layers.iter().rev() {
        let weights: Vec<&[f32]> = found.iter().map(Vec::as_slice).collect();
        found = layer.statistics.rollout_step(&weights);
    }
    let of_row = |row: usize| found.iter().flat_map(move |found| found[row * seq..(row + 1) * seq].iter().copied());
    (0..input.rows).flat_map(of_row).collect()
}
