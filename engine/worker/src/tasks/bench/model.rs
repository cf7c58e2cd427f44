//! Passes of a model that needs no tokenizer.

use std::time::Instant;

use burn::tensor::Tensor;
use serde_json::json;
use strandscope_analysis::predict::host;
use strandscope_kernels::{Conduct, peak_bytes};
use strandscope_models::{
    ModelError,
    config::{Config, Sizes},
    memory::EncoderPass,
    model::Model,
    pass::{Pass, Tokens},
};
use strandscope_train::timed::TimedTraining;

use super::{
    super::{
        device::ComputeDevice,
        memory::{self, peak_rss_bytes, rss_bytes},
        shelf::Shelf,
    },
    measure::{Measured, Passes, restart_peak, sizes},
};
use crate::{
    BenchModelRequest, ErrorKind, JobError, Outcome,
    engine::{Job, Stop},
};

/// Rows of logits computed at once.
const LOGIT_ROWS: usize = 4096;

/// Ids below this are special tokens in the formula.
const FIRST_ID: u64 = 5;

/// Most tokens of all rows together.
const MOST_TOKENS: u64 = 1 << 32;

/// Times forward passes of a model, or steps of training.
pub(crate) fn model(
    shelf: &Shelf,
    device: &ComputeDevice,
    request: &BenchModelRequest,
    job: &Job,
) -> Result<Outcome, Stop> {
    let rss_before_load_bytes = rss_bytes();
    let start = Instant::now();
    let model = if request.train { shelf.network_to_train(&request.model)? } else { shelf.network(&request.model)? };
    let load_seconds = start.elapsed().as_secs_f64();
    let rss_after_load_bytes = rss_bytes();
    let [batch, tokens] = sizes([request.batch, request.tokens], MOST_TOKENS)?;
    model.check_length(tokens)?;
    let vocab = vocab(model.sizes())?;
    let mut estimate_bytes = None;
    if !request.train {
        let pass = EncoderPass { positions: (batch * tokens) as u64, observed: None, on_gpu: device.is_gpu() };
        // Logits are there in blocks, and then in one.
        let logits = if request.logits { 8 * (batch * tokens) as u64 * vocab } else { 0 };
        let pass = model.sizes().pass_bytes(&pass) + logits;
        memory::check(device, pass, "ask for fewer --tokens")?;
        estimate_bytes = Some(memory::expected(device, &model, pass));
    }
    let ids = Tokens::new(token_ids(batch, tokens, vocab), tokens, None);
    job.started(request.repeats + 1, "passes");
    let mut passes = Passes::default();
    let mut peak_covers = "whole process";
    let mut output = None;
    let mut conduct = Conduct::default();
    let mut work = Work::new(&model, ids, request)?;
    for pass in 0..=request.repeats {
        if pass == 1 {
            peak_covers = restart_peak();
            let _ = peak_bytes(&device.device);
        }
        drop(output.take());
        conduct = job.counting(!request.no_skip);
        output = Some(passes.time(&device.device, job, || work.pass(&conduct))?);
        job.progress(pass + 1, format!("{:.3} s", passes.last()));
    }
    let (peak_rss_bytes, peak_device_bytes) = (peak_rss_bytes(), peak_bytes(&device.device));
    let output = output.map(Given::values).transpose()?.unwrap_or_default();
    let Sizes { hidden_size, num_hidden_layers, num_attention_heads, intermediate_size, vocab_size, .. } =
        model.sizes();
    let of_its_own = json!({
        "tokens": request.tokens,
        "batch": request.batch,
        "layers": num_hidden_layers,
        "hidden": hidden_size,
        "heads": num_attention_heads,
        "ffn": intermediate_size,
        "vocab": vocab_size,
        "pass": if request.train { "train" } else { "forward" },
        "output": work.gives(),
        "parameters": model.parameters,
        "dtype": model.tables.name(),
        "load_seconds": load_seconds,
        "rss_before_load_bytes": rss_before_load_bytes,
        "rss_after_load_bytes": rss_after_load_bytes,
    });
    let measured = Measured {
        device,
        passes: &passes,
        tokens: (batch * tokens) as f64,
        flop: flop(&model.config, batch, tokens, request),
        kept: conduct.watch.kept(),
        peak_covers,
        peak_rss_bytes,
        peak_device_bytes,
        estimate_bytes,
        output: &output,
    };
    Ok(Outcome::Json(measured.document(of_its_own)))
}

/// Entries of the vocabulary, where the formula for ids can be used.
fn vocab(sizes: &Sizes) -> Result<u64, Stop> {
    let vocab = sizes.vocab_size as u64;
    if vocab <= FIRST_ID {
        let message = format!("the model has {vocab} tokens; the formula for ids needs more");
        return Err(JobError::new(ErrorKind::BadInput, message).into());
    }
    Ok(vocab)
}

/// What a pass does.
struct Work<'a> {
    model: &'a Model,
    tokens: Tokens,
    logits: bool,
    /// Where it is a step of training.
    training: Option<TimedTraining>,
}

/// What a pass gives.
enum Given {
    /// `[batch · seq, width]`.
    Rows(Box<Tensor<2>>),
    Loss(f32),
}

impl Given {
    fn values(self) -> Result<Vec<f32>, ModelError> {
        match self {
            Self::Rows(rows) => host(*rows),
            Self::Loss(loss) => Ok(vec![loss]),
        }
    }
}

impl<'a> Work<'a> {
    fn new(model: &'a Model, tokens: Tokens, request: &BenchModelRequest) -> Result<Self, Stop> {
        let training = || TimedTraining::new(model.network.clone(), tokens.clone()).ok_or_else(no_logits);
        let training = request.train.then(training).transpose()?;
        Ok(Self { model, tokens, logits: request.logits, training })
    }

    /// What the checksum is of.
    fn gives(&self) -> &'static str {
        match (&self.training, self.logits) {
            (Some(_), _) => "loss",
            (None, true) => "logits",
            (None, false) => "hidden",
        }
    }

    fn pass(&mut self, conduct: &Conduct) -> Result<Given, Stop> {
        match &mut self.training {
            Some(training) => Ok(Given::Loss(training.step(conduct)?)),
            None => forward(self.model, &self.tokens, self.logits, conduct).map(Box::new).map(Given::Rows),
        }
    }
}

/// The states of the last layer or the token logits, `[batch · seq, width]`.
fn forward(model: &Model, tokens: &Tokens, logits: bool, conduct: &Conduct) -> Result<Tensor<2>, Stop> {
    let mut pass = Pass { conduct: conduct.clone(), ..Pass::default() };
    let states: Tensor<2> = model.network.encode(tokens, &mut pass).last.flatten(0, 1);
    if conduct.watch.is_stopped() {
        return Err(Stop::Cancelled);
    }
    if !logits {
        return Ok(states);
    }
    let blocks = states.split(LOGIT_ROWS, 0).into_iter().map(|rows| model.network.token_logits(rows));
    let blocks = blocks.collect::<Option<Vec<_>>>().ok_or_else(no_logits)?;
    Ok(Tensor::cat(blocks, 0))
}

fn no_logits() -> Stop {
    let message = "this checkpoint predicts no tokens; leave out --output logits and --pass train";
    JobError::new(ErrorKind::Usage, message).into()
}

/// Ids that follow a formula, the same in every row.
fn token_ids(batch: usize, tokens: usize, vocab: u64) -> Vec<i64> {
    let id = |index: u64| {
        let mixed = (index.wrapping_mul(2_654_435_761).wrapping_add(12_345) % (1 << 32)) >> 16;
        i64::try_from(FIRST_ID + mixed % (vocab - FIRST_ID)).unwrap_or(i64::MAX)
    };
    let row: Vec<i64> = (0..tokens as u64).map(id).collect();
    row.repeat(batch)
}

/// Floating-point operations of a pass, a product and a sum counted apart.
///
/// Backwards there are twice as many for each weight, and five products of each pair instead of two.
fn flop(config: &Config, batch: usize, tokens: usize, request: &BenchModelRequest) -> f64 {
    let sizes = config.sizes();
    let [n, d, f] = [tokens, sizes.hidden_size, sizes.intermediate_size].map(|size| size as f64);
    let tables = if config.is_gated() { 3.0 } else { 2.0 };
    let (of_weights, of_pairs) = (n * 2.0 * (4.0 * d * d + tables * d * f), 4.0 * n * n * d);
    let logits = 2.0 * n * (d * d + d * sizes.vocab_size as f64);
    let layers = sizes.num_hidden_layers as f64;
    let one = if request.train {
        layers * (3.0 * of_weights + 3.5 * of_pairs) + 3.0 * logits / 7.0
    } else {
        layers * (of_weights + of_pairs) + if request.logits { logits } else { 0.0 }
    };
    batch as f64 * one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_formula() {
        // The first values that bench/peers.py gives for a vocabulary of 4,096.
        assert_eq!(token_ids(1, 4, 4096), [5, 3689, 3203, 2796]);
    }
}
