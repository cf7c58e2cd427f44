//! The raw network on given token ids, for comparing with other programs.

use std::{fs, io::Write as _, path::Path};

use burn::tensor::{Bool, Int, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};
use strandscope_analysis::predict::host;
use strandscope_genome::{AtomicFile, OutputError};
use strandscope_models::{
    ModelError,
    checkpoint::{sha256, write_tensors},
    dnagrinder::{Encoded, Keep},
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
    let keep = wanted.keep(&model, &input)?;
    job.started(1, "passes");
    let tensors = Outputs::compute(&model, &input, &wanted, keep, job)?.0;
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

    fn keep(&self, model: &Model, input: &Input) -> Result<Keep, Stop> {
        let of_rows = ["attention.", "summary.attn_entropy", "summary.attn_distance", "summary.rollout"];
        let probabilities = of_rows.iter().any(|stem| self.takes_some(stem));
        let heads = model.config.num_hidden_layers * model.config.num_attention_heads;
        let bytes = (4 * heads * input.rows).saturating_mul(input.tokens.saturating_mul(input.tokens));
        if probabilities && bytes > MOST_PROBABILITY_BYTES {
            let message = format!(
                "all attention probabilities of {} tokens take {bytes} bytes; name the outputs you need, for example \
                 --outputs hidden,logits,summary.attn_received",
                input.tokens
            );
            return Err(JobError::new(ErrorKind::Usage, message).into());
        }
        Ok(Keep { hidden: self.takes_some("hidden."), received: self.takes("summary.attn_received"), probabilities })
    }
}

/// Name, shape and bytes of the tensors to write.
struct Outputs(Vec<(String, Vec<usize>, Vec<u8>)>);

impl Outputs {
    fn compute(model: &Model, input: &Input, wanted: &Wanted<'_>, keep: Keep, job: &Job) -> Result<Self, Stop> {
        let device = model.network.device();
        let shape = [input.rows, input.tokens];
        let ids = Tensor::<2, Int>::from_data(TensorData::new(input.ids.clone(), shape), &device);
        let real = Tensor::<2, Bool>::from_data(TensorData::new(input.real.clone(), shape), &device);
        let padded = input.real.iter().any(|real| !real);
        let encoded = model.network.encode(ids, padded.then_some(&real), keep);
        if job.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        let mut outputs = Self(Vec::new());
        // 1 where a token is real, [batch, seq].
        let real = real.float();
        outputs.states(model, &encoded, &real, wanted)?;
        outputs.attention(&encoded, &real, wanted)?;
        Ok(outputs)
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
    fn attention(&mut self, encoded: &Encoded, real: &Tensor<2>, wanted: &Wanted<'_>) -> Result<(), Stop> {
        let queries = real.clone().unsqueeze_dims::<4>(&[1, 3]);
        let keys = real.clone().unsqueeze_dim::<3>(1);
        let probabilities: Vec<_> = encoded.probabilities.iter().map(|layer| layer.clone() * queries.clone()).collect();
        for (index, layer) in probabilities.iter().enumerate() {
            self.add(&format!("attention.{index}"), layer.clone(), wanted)?;
        }
        if !encoded.received.is_empty() {
            let layers = encoded.received.iter().map(|layer| layer.clone() * keys.clone()).collect();
            self.add("summary.attn_received", Tensor::stack::<4>(layers, 0), wanted)?;
        }
        if probabilities.is_empty() {
            return Ok(());
        }
        let of_layers =
            |row: &dyn Fn(&Tensor<4>) -> Tensor<3>| Tensor::stack::<4>(probabilities.iter().map(row).collect(), 0);
        if wanted.takes("summary.attn_entropy") {
            // A probability of 0 adds nothing; the logarithm of the smallest number keeps the product finite.
            let entropy = |p: &Tensor<4>| {
                let terms = p.clone() * p.clone().clamp_min(f32::MIN_POSITIVE).log();
                terms.sum_dim(3).squeeze_dim::<3>(3).neg()
            };
            self.add("summary.attn_entropy", of_layers(&entropy), wanted)?;
        }
        let seq = real.dims()[1];
        if wanted.takes("summary.attn_distance") {
            let places = Tensor::<1, Int>::arange(0..i64::try_from(seq).unwrap_or(i64::MAX), &real.device()).float();
            let gaps = (places.clone().unsqueeze_dim::<2>(1) - places.unsqueeze_dim::<2>(0)).abs().unsqueeze::<4>();
            let distance = |p: &Tensor<4>| (p.clone() * gaps.clone()).sum_dim(3).squeeze_dim::<3>(3);
            self.add("summary.attn_distance", of_layers(&distance), wanted)?;
        }
        if wanted.takes("summary.rollout") {
            let rows = real.clone().unsqueeze_dim::<3>(2) * keys;
            self.add("summary.rollout", rollout(&probabilities, seq) * rows, wanted)?;
        }
        Ok(())
    }
}

/// Attention followed through the layers (Abnar and Zuidema 2020, arXiv 2005.00928): the product of
/// `½ · mean over heads + ½ · I`, later layers on the left, `[batch, seq, seq]`.
fn rollout(probabilities: &[Tensor<4>], seq: usize) -> Tensor<3> {
    let device = probabilities[0].device();
    let eye: Tensor<3> = Tensor::<2>::eye(seq, &device).unsqueeze();
    let steps = probabilities.iter().map(|layer| (layer.clone().mean_dim(1).squeeze_dim::<3>(1) + eye.clone()) / 2.0);
    let joined = steps.reduce(|below, layer| layer.matmul(below));
    joined.unwrap_or_else(|| eye.clone())
}
