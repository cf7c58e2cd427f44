//! What every bench measures alike: time of the passes, memory, and a checksum of what came out.

use std::{fs, time::Instant};

use burn::tensor::Device;
use serde_json::{Value, json};
use strandscope_kernels::Kept;
use strandscope_models::ModelError;

use super::super::{device::ComputeDevice, doctor::cpu_name};
use crate::{
    ErrorKind, JobError,
    engine::{Job, Stop},
};

/// Samples of the output that show that two programs computed the same.
const SAMPLES: usize = 16;

/// Times of passes; the first warms up and is told apart.
#[derive(Default)]
pub(super) struct Passes {
    pub(super) seconds: Vec<f64>,
    pub(super) cpu_seconds: Vec<Option<f64>>,
    warmup_seconds: Vec<f64>,
}

impl Passes {
    /// Does `work` and waits until the device has done it.
    pub(super) fn time<T>(
        &mut self,
        device: &Device,
        job: &Job,
        work: impl FnOnce() -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        if job.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        let (cpu_before, start) = (cpu_time(), Instant::now());
        let result = work()?;
        device.sync().map_err(|error| ModelError::Device { reason: format!("{error:?}") })?;
        let elapsed = start.elapsed().as_secs_f64();
        if job.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        if self.warmup_seconds.is_empty() {
            self.warmup_seconds.push(elapsed);
        } else {
            self.seconds.push(elapsed);
            self.cpu_seconds.push(cpu_before.zip(cpu_time()).map(|(before, after)| after - before));
        }
        Ok(result)
    }

    /// Seconds of the pass that ended last.
    pub(super) fn last(&self) -> f64 {
        self.seconds.last().or(self.warmup_seconds.last()).copied().unwrap_or(f64::NAN)
    }

    /// The middle of the timed passes.
    pub(super) fn median(&self) -> f64 {
        median(&self.seconds)
    }
}

/// What is told of any bench.
pub(super) struct Measured<'a> {
    pub(super) device: &'a ComputeDevice,
    pub(super) passes: &'a Passes,
    /// Of all rows of the batch.
    pub(super) tokens: f64,
    /// Of a pass, a product and a sum counted apart.
    pub(super) flop: f64,
    pub(super) kept: Kept,
    /// What the memory told covers.
    pub(super) peak_covers: &'a str,
    pub(super) peak_rss_bytes: Option<u64>,
    /// Of buffers on the GPU.
    pub(super) peak_device_bytes: Option<u64>,
    /// What a pass was expected to take, where tensors live.
    pub(super) estimate_bytes: Option<u64>,
    pub(super) output: &'a [f32],
}

impl Measured<'_> {
    /// The document of a bench: `of_its_own`, an object, between what was run on and what was measured.
    pub(super) fn document(&self, of_its_own: Value) -> Value {
        let (passes, median) = (self.passes, self.passes.median());
        let mut all = json!({
            "program": format!("strandscope {}", env!("CARGO_PKG_VERSION")),
            "device": self.device.name,
            "dtype": "f32",
            "threads": self.device.threads,
        });
        let measured = json!({
            "seconds": passes.seconds,
            "median_seconds": median,
            "min_seconds": passes.seconds.iter().copied().fold(f64::INFINITY, f64::min),
            "cpu_seconds": passes.cpu_seconds,
            "warmup_seconds": passes.warmup_seconds,
            "tokens_per_s": self.tokens / median,
            "flop": self.flop,
            "gflop": self.flop / 1e9,
            "gflop_per_second": self.flop / 1e9 / median,
            "kept_fraction": self.kept.fraction(),
            "norm_bound": self.kept.norm_bound,
            "estimate_bytes": self.estimate_bytes,
            "peak_device_bytes": self.peak_device_bytes,
            "peak_rss_bytes": self.peak_rss_bytes,
            "peak_covers": self.peak_covers,
            "checksum": checksum(self.output),
            "cpu": cpu_name(),
            "load_average": load_average(),
        });
        for part in [of_its_own, measured] {
            if let (Value::Object(all), Value::Object(part)) = (&mut all, part) {
                all.extend(part);
            }
        }
        all
    }
}

/// A size from the command line, when all of `shape` together is at most `most`.
pub(super) fn sizes<const N: usize>(shape: [u64; N], most: u64) -> Result<[usize; N], Stop> {
    let all = shape.iter().copied().fold(1, u64::saturating_mul);
    if all == 0 || all > most {
        let shape = shape.map(|size| size.to_string()).join(" × ");
        let message = format!("{shape} cannot be run; together give 1 to {most}");
        return Err(JobError::new(ErrorKind::Usage, message).into());
    }
    Ok(shape.map(|size| usize::try_from(size).unwrap_or(usize::MAX)))
}

/// Memory is that of what follows, where Linux starts its high-water mark again; says what it covers.
pub(super) fn restart_peak() -> &'static str {
    if fs::write("/proc/self/clear_refs", "5").is_ok() { "timed runs" } else { "whole process" }
}

pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

/// Sum, sum of squares and evenly spaced values, in double precision.
pub(super) fn checksum(output: &[f32]) -> Value {
    let sum: f64 = output.iter().map(|&value| f64::from(value)).sum();
    let sum_squares: f64 = output.iter().map(|&value| f64::from(value).powi(2)).sum();
    let last = output.len().saturating_sub(1);
    let samples: Vec<f64> = (0..SAMPLES)
        .filter_map(|index| output.get(last * index / (SAMPLES - 1)).map(|&value| f64::from(value)))
        .collect();
    json!({ "sum": sum, "sum_squares": sum_squares, "samples": samples, "elements": output.len() })
}

/// How many threads of all programs wanted to compute in the last 1, 5 and 15 minutes, where the system tells it.
pub(super) fn load_average() -> Option<Vec<f64>> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().take(3).map(|number| number.parse().ok()).collect()
}

/// Seconds that all threads of this process have computed, where the system tells it.
pub(super) fn cpu_time() -> Option<f64> {
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
    fn an_even_number_of_values_has_its_median_between_two() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0])), (2.0, 2.5));
    }

    #[test]
    fn samples_reach_from_the_first_value_to_the_last() {
        let values: Vec<f32> = (0..31u8).map(f32::from).collect();
        let told = checksum(&values);
        let samples = told["samples"].as_array().expect("a list");
        assert_eq!(
            (samples.len(), &samples[0], &samples[1], &samples[15]),
            (16, &0.0.into(), &2.0.into(), &30.0.into())
        );
        assert_eq!(told["sum"], 465.0, "{told}");
    }

    #[test]
    fn sizes_that_make_no_sense_are_refused() {
        assert!(sizes([2, 3], 6).is_ok_and(|sizes| sizes == [2, 3]), "as much as is allowed");
        for shape in [[0, 3], [7, 1], [u64::MAX, 2]] {
            assert!(sizes(shape, 6).is_err(), "{shape:?}");
        }
    }
}
