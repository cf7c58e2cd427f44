//! Timed passes of a model, in the form other programs are timed in.

use std::{fs, time::Instant};

use burn::tensor::{Int, Tensor, TensorData};
use serde_json::{Value, json};
use strandscope_analysis::predict::host;
use strandscope_kernels::Conduct;
use strandscope_models::{
    ModelError,
    dnagrinder::{Config, Pass},
    folder::Model,
};

use super::{
    device::ComputeDevice,
    doctor::{cpu_name, kibibytes},
    library::Shelf,
};
use crate::{
    BenchModelRequest, ErrorKind, JobError, Outcome,
    engine::{Job, Stop},
};

/// Rows of logits computed at once.
const LOGIT_ROWS: usize = 4096;

/// Samples of the output that show that two programs computed the same.
const SAMPLES: usize = 16;

/// Ids below this are special tokens in the formula.
const FIRST_ID: u64 = 5;

/// Times forward passes of a model.
pub(crate) fn model(
    shelf: &Shelf,
    device: &ComputeDevice,
    request: &BenchModelRequest,
    job: &Job,
) -> Result<Outcome, Stop> {
    let rss_before_load_bytes = memory("VmRSS");
    let start = Instant::now();
    let model = shelf.network(&request.model)?;
    let load_seconds = start.elapsed().as_secs_f64();
    let rss_after_load_bytes = memory("VmRSS");
    let [batch, tokens] = sizes(request, &model.config)?;
    let ids = token_ids(batch, tokens, model.config.vocab_size as u64);
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [batch, tokens]), &model.network.device());
    job.started(request.repeats + 1, "passes");
    let mut seconds = Vec::new();
    let mut cpu_seconds = Vec::new();
    let mut warmup_seconds = 0.0;
    let mut peak_covers = "whole process";
    let mut output = None;
    let mut conduct = Conduct::default();
    for pass in 0..=request.repeats {
        if job.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        drop(output.take());
        let (cpu_before, start) = (cpu_time(), Instant::now());
        conduct = job.conduct(!request.no_skip);
        output = Some(run(&model, &ids, request.logits, &conduct)?);
        model.network.device().sync().map_err(|error| ModelError::Device { reason: format!("{error:?}") })?;
        let elapsed = start.elapsed().as_secs_f64();
        if pass == 0 {
            warmup_seconds = elapsed;
            // Memory is that of the timed passes: Linux starts its high-water mark again.
            if fs::write("/proc/self/clear_refs", "5").is_ok() {
                peak_covers = "timed runs";
            }
        } else {
            seconds.push(elapsed);
            cpu_seconds.push(cpu_before.zip(cpu_time()).map(|(before, after)| after - before));
        }
        job.progress(pass + 1, format!("{elapsed:.3} s"));
    }
    let peak_rss_bytes = memory("VmHWM");
    let output = output.map(host).transpose()?.unwrap_or_default();
    let median = median(&seconds);
    let flop = flop(&model.config, batch, tokens, request.logits);
    let Config { hidden_size, num_hidden_layers, num_attention_heads, intermediate_size, vocab_size, .. } =
        &model.config;
    Ok(Outcome::Json(json!({
        "program": format!("strandscope {}", env!("CARGO_PKG_VERSION")),
        "device": device.name,
        "dtype": "f32",
        "threads": device.threads,
        "tokens": request.tokens,
        "batch": request.batch,
        "layers": num_hidden_layers,
        "hidden": hidden_size,
        "heads": num_attention_heads,
        "ffn": intermediate_size,
        "vocab": vocab_size,
        "output": if request.logits { "logits" } else { "hidden" },
        "parameters": model.parameters,
        "seconds": seconds,
        "median_seconds": median,
        "min_seconds": seconds.iter().copied().fold(f64::INFINITY, f64::min),
        "cpu_seconds": cpu_seconds,
        "warmup_seconds": [warmup_seconds],
        "load_seconds": load_seconds,
        "tokens_per_s": (batch * tokens) as f64 / median,
        "flop": flop,
        "gflop": flop / 1e9,
        "gflop_per_second": flop / 1e9 / median,
        "kept_fraction": conduct.watch.kept().fraction(),
        "norm_bound": conduct.watch.kept().norm_bound,
        // Nothing is estimated or counted on the device yet; those who compare look for the keys.
        "estimate_bytes": null,
        "peak_device_bytes": null,
        "peak_rss_bytes": peak_rss_bytes,
        "peak_covers": peak_covers,
        "rss_before_load_bytes": rss_before_load_bytes,
        "rss_after_load_bytes": rss_after_load_bytes,
        "checksum": checksum(&output),
        "cpu": cpu_name(),
        "load_average": load_average(),
    })))
}

fn sizes(request: &BenchModelRequest, config: &Config) -> Result<[usize; 2], Stop> {
    let usage = |message: String| Stop::from(JobError::new(ErrorKind::Usage, message));
    if config.vocab_size as u64 <= FIRST_ID {
        let message = format!("the model has {} tokens; the formula for ids needs more", config.vocab_size);
        return Err(JobError::new(ErrorKind::BadInput, message).into());
    }
    let most = 1 << 32;
    if request.batch.saturating_mul(request.tokens) > most || request.tokens == 0 || request.batch == 0 {
        return Err(usage(format!("{} × {} tokens cannot be run; give 1 to {most}", request.batch, request.tokens)));
    }
    let size = |count: u64| usize::try_from(count).map_err(|error| usage(error.to_string()));
    Ok([size(request.batch)?, size(request.tokens)?])
}

/// The states of the last layer or the token logits, `[batch · seq, width]`.
fn run(model: &Model, ids: &Tensor<2, Int>, logits: bool, conduct: &Conduct) -> Result<Tensor<2>, Stop> {
    let mut pass = Pass { conduct: conduct.clone(), ..Pass::default() };
    let states: Tensor<2> = model.network.encode(ids.clone(), None, &mut pass).last.flatten(0, 1);
    if conduct.watch.is_stopped() {
        return Err(Stop::Cancelled);
    }
    if !logits {
        return Ok(states);
    }
    let blocks = states.split(LOGIT_ROWS, 0).into_iter().map(|rows| model.network.token_logits(rows));
    let blocks = blocks.collect::<Option<Vec<_>>>();
    let blocks = blocks.ok_or_else(|| {
        JobError::new(ErrorKind::Usage, "this checkpoint predicts no tokens; leave out --output logits")
    })?;
    Ok(Tensor::cat(blocks, 0))
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
fn flop(config: &Config, batch: usize, tokens: usize, logits: bool) -> f64 {
    let [n, d, f] = [tokens, config.hidden_size, config.intermediate_size].map(|size| size as f64);
    let layer = n * (2.0 * (4.0 * d * d + 3.0 * d * f) + 4.0 * n * d);
    let head = if logits { 2.0 * n * (d * d + d * config.vocab_size as f64) } else { 0.0 };
    batch as f64 * (config.num_hidden_layers as f64 * layer + head)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// Sum, sum of squares and evenly spaced values, in double precision.
fn checksum(output: &[f32]) -> Value {
    let sum: f64 = output.iter().map(|&value| f64::from(value)).sum();
    let sum_squares: f64 = output.iter().map(|&value| f64::from(value).powi(2)).sum();
    let last = output.len().saturating_sub(1);
    let samples: Vec<f64> = (0..SAMPLES)
        .filter_map(|index| output.get(last * index / (SAMPLES - 1)).map(|&value| f64::from(value)))
        .collect();
    json!({ "sum": sum, "sum_squares": sum_squares, "samples": samples, "elements": output.len() })
}

/// Memory of this process, by the name that Linux gives it, where the system tells it.
fn memory(key: &str) -> Option<u64> {
    fs::read_to_string("/proc/self/status").ok().and_then(|text| kibibytes(&text, key))
}

/// How many threads of all programs wanted to compute in the last 1, 5 and 15 minutes, where the system tells it.
fn load_average() -> Option<Vec<f64>> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().take(3).map(|number| number.parse().ok()).collect()
}

/// Seconds that all threads of this process have computed, where the system tells it.
fn cpu_time() -> Option<f64> {
    let mut nanoseconds = 0;
    for task in fs::read_dir("/proc/self/task").ok()? {
        let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        nanoseconds += text.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(nanoseconds as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_formula() {
        // The first values that bench/peers.py gives for a vocabulary of 4,096.
        assert_eq!(token_ids(1, 4, 4096), [5, 3689, 3203, 2796]);
    }

    #[test]
    fn an_even_number_of_values_has_its_median_between_two() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0])), (2.0, 2.5));
    }
}
