//! Passes of attention alone, on values that look random.

use burn::tensor::{Device, Tensor, TensorData};
use serde_json::json;
use strandscope_analysis::predict::host;
use strandscope_kernels::{
    AttentionInput, ColumnStatistics, Conduct, PositionRule, Statistics, alibi_slopes, attention as attend,
    attention_with_rows, peak_bytes,
};

use super::{
    super::{device::ComputeDevice, memory::peak_rss_bytes, noise::noise},
    measure::{Measured, Passes, checksum, restart_peak, sizes},
};
use crate::{
    AttentionBias, AttentionPass, BenchAttentionRequest, ErrorKind, JobError, Outcome,
    engine::{Job, Stop},
};

/// Most values of one of q, k and v.
const MOST_VALUES: u64 = 1 << 31;

/// Times attention on the device.
///
/// Statistics are timed in turn with plain forward passes, so that their ratio holds on a busy computer too.
pub(crate) fn attention(
    device: &ComputeDevice,
    seed: u64,
    request: &BenchAttentionRequest,
    job: &Job,
) -> Result<Outcome, Stop> {
    let shape = sizes([request.batch, request.heads, request.tokens, request.dim], MOST_VALUES)?;
    let work = Work::new(request, shape, seed, &device.device);
    let of_statistics = request.pass == AttentionPass::Statistics;
    job.started(request.repeats + 1, "passes");
    let (mut passes, mut forward) = (Passes::default(), Passes::default());
    let mut peak_covers = "whole process";
    let mut given = None;
    let mut conduct = Conduct::default();
    for pass in 0..=request.repeats {
        if pass == 1 {
            peak_covers = restart_peak();
            let _ = peak_bytes(&device.device);
        }
        drop(given.take());
        if of_statistics {
            forward.time(&device.device, job, || Ok(attend(&work.input, &job.counting(!request.no_skip)).out))?;
        }
        conduct = job.counting(!request.no_skip);
        given = Some(passes.time(&device.device, job, || work.run(&conduct))?);
        job.progress(pass + 1, format!("{:.3} s", passes.last()));
    }
    let (peak_rss_bytes, peak_device_bytes) = (peak_rss_bytes(), peak_bytes(&device.device));
    let Some(Given { out, gradients, columns }) = given else { return Err(Stop::Cancelled) };
    let output = host(out)?;
    let mut of_its_own = json!({
        "tokens": request.tokens,
        "heads": request.heads,
        "dim": request.dim,
        "batch": request.batch,
        "bias": match request.bias {
            AttentionBias::Alibi => "alibi",
            AttentionBias::None => "none",
        },
        "pass": match request.pass {
            AttentionPass::Forward => "forward",
            AttentionPass::ForwardBackward => "forward-backward",
            AttentionPass::Statistics => "statistics",
        },
        "skip": !request.no_skip,
        "seed": seed,
    });
    if let Some(gradients) = gradients {
        let gradients = gradients.map(host).into_iter().collect::<Result<Vec<_>, _>>()?.concat();
        of_its_own["gradient_checksum"] = checksum(&gradients);
    }
    if let Some(columns) = columns {
        of_its_own["statistics_ratio"] = json!(passes.median() / forward.median());
        of_its_own["forward_median_seconds"] = json!(forward.median());
        of_its_own["forward_seconds"] = json!(forward.seconds);
        of_its_own["forward_cpu_seconds"] = json!(forward.cpu_seconds);
        of_its_own["received_checksum"] = checksum(&columns.sums);
        of_its_own["maxima_checksum"] = checksum(&columns.max);
    }
    let measured = Measured {
        device,
        passes: &passes,
        tokens: request.batch as f64 * request.tokens as f64,
        flop: flop(shape, request.pass),
        kept: conduct.watch.kept(),
        peak_covers,
        peak_rss_bytes,
        peak_device_bytes,
        estimate_bytes: None,
        output: &output,
    };
    Ok(Outcome::Json(measured.document(of_its_own)))
}

/// What a pass computes from.
struct Work {
    input: AttentionInput,
    pass: AttentionPass,
    /// Gradient at the output, where the pass goes back.
    grad_out: Option<Tensor<4>>,
    /// 1 for each query, `[batch, seq]`, where attention received is summed up.
    ones: Vec<f32>,
}

/// What a pass gives.
struct Given {
    out: Tensor<4>,
    /// At q, k and v.
    gradients: Option<[Tensor<4>; 3]>,
    columns: Option<ColumnStatistics>,
}

impl Work {
    fn new(request: &BenchAttentionRequest, shape: [usize; 4], seed: u64, device: &Device) -> Self {
        let goes_back = request.pass == AttentionPass::ForwardBackward;
        let device = if goes_back { device.clone().autodiff() } else { device.clone() };
        let [batch, heads, seq, _] = shape;
        let count = shape.iter().product();
        // The seeds of one bench stand side by side, and far from those of the next.
        let tensor = |which: u64| {
            let values = noise(seed.wrapping_mul(4).wrapping_add(which), count);
            Tensor::<4>::from_data(TensorData::new(values, shape), &device)
        };
        let rule = match request.bias {
            AttentionBias::Alibi => PositionRule::Alibi(alibi_slopes(heads)),
            AttentionBias::None => PositionRule::None,
        };
        Self {
            input: AttentionInput { q: tensor(0), k: tensor(1), v: tensor(2), segments: None, rule },
            pass: request.pass,
            grad_out: goes_back.then(|| tensor(3)),
            ones: vec![1.0; batch * seq],
        }
    }

    fn run(&self, conduct: &Conduct) -> Result<Given, Stop> {
        match self.pass {
            AttentionPass::Forward => {
                Ok(Given { out: attend(&self.input, conduct).out, gradients: None, columns: None })
            }
            AttentionPass::Statistics => {
                let (found, _) = attention_with_rows(&self.input, conduct);
                let columns = Statistics::new(&self.input, &found.log_sum_exp, conduct).columns(&[&self.ones]);
                Ok(Given { out: found.out, gradients: None, columns: Some(columns) })
            }
            AttentionPass::ForwardBackward => self.forward_and_back(conduct),
        }
    }

    fn forward_and_back(&self, conduct: &Conduct) -> Result<Given, Stop> {
        let [q, k, v] =
            [&self.input.q, &self.input.k, &self.input.v].map(|tensor| tensor.clone().detach().require_grad());
        let input =
            AttentionInput { q: q.clone(), k: k.clone(), v: v.clone(), segments: None, rule: self.input.rule.clone() };
        let out = attend(&input, conduct).out;
        let weighed = match &self.grad_out {
            Some(grad_out) => out.clone() * grad_out.clone(),
            None => out.clone(),
        };
        let gradients = weighed.sum().backward();
        let [q, k, v] = [q, k, v].map(|tensor| tensor.grad(&gradients));
        match (q, k, v) {
            (Some(q), Some(k), Some(v)) => Ok(Given { out: out.inner(), gradients: Some([q, k, v]), columns: None }),
            _ => Err(JobError::new(ErrorKind::Runtime, "attention gave no gradients; please report this").into()),
        }
    }
}

/// Floating-point operations of a pass over all pairs, a product and a sum counted apart.
///
/// Forwards there are two products of each pair, five backwards, and one more for statistics of the columns.
fn flop(shape: [usize; 4], pass: AttentionPass) -> f64 {
    let [batch, heads, seq, d] = shape.map(|size| size as f64);
    let products = match pass {
        AttentionPass::Forward => 2.0,
        AttentionPass::ForwardBackward => 7.0,
        AttentionPass::Statistics => 3.0,
    };
    2.0 * products * batch * heads * seq * seq * d
}
