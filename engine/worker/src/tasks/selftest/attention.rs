//! Attention of the device against plain loops.

use burn::tensor::{Device, Tensor, TensorData};
use strandscope_analysis::predict::host as fetch;
use strandscope_kernels::{AttentionInput, PositionRule, Segments, Statistics, attention, attention_with_rows};

use super::{
    super::noise::noise,
    check::{Comparison, Report, Tolerance, exact},
    host::{self, Input},
};
use crate::{
    ErrorKind, JobError,
    engine::{Job, Stop},
};

/// Widths of attention heads: that of most models, and one that is no power of two.
const WIDTHS: [usize; 2] = [64, 80];

/// Does the checks of attention, its statistics and its gradients.
pub(super) fn check(device: &Device, report: &mut Report<'_>) -> Result<(), Stop> {
    for (name, input) in WIDTHS.into_iter().flat_map(cases) {
        let should_be = host::attention(&input);
        let (input, should_be, job) = (&input, &should_be, report.job());
        let planned = |what: &str, tolerance| (format!("attention/{name}/{what}"), tolerance);
        let of_forward = [planned("output", Tolerance::ATTENTION), planned("log-sum-exp", Tolerance::LOG_SUM_EXP)];
        report.run(of_forward, || forward(input, should_be, device, job))?;
        report.run([planned("gradients", Tolerance::ATTENTION)], || gradients(input, should_be, device, job))?;
        let of_statistics = [
            planned("received", Tolerance::STATISTICS),
            planned("maxima", Tolerance::PROBABILITIES),
            planned("entropy", Tolerance::STATISTICS),
            planned("distance", Tolerance::STATISTICS),
        ];
        report.run(of_statistics, || statistics(input, should_be, device, job))?;
    }
    Ok(())
}

/// Names and inputs: no positions, ALiBi that lets far keys be skipped, several sequences and padding in a row.
fn cases(d: usize) -> [(String, Input); 3] {
    let case = |name: &str, [batch, seq]: [usize; 2], slopes: &[f32], segments| {
        let shape = [batch, 2, seq, d];
        let values = |seed| noise(seed, shape.iter().product());
        let input = Input {
            shape,
            qkv: [values(1), values(2), values(3)],
            grad_out: values(4),
            slopes: slopes.to_vec(),
            segments,
        };
        (format!("{name}-{d}"), input)
    };
    let of_runs = |runs: &[(u32, usize)]| -> Vec<u32> {
        runs.iter().flat_map(|&(number, count)| std::iter::repeat_n(number, count)).collect()
    };
    let packed = of_runs(&[(1, 40), (2, 43), (0, 6), (0, 5), (1, 20), (0, 3), (1, 1), (3, 60)]);
    [
        case("plain", [1, 97], &[], None),
        case("alibi", [1, 320], &[0.5, 0.01], None),
        case("packed", [2, 89], &[0.25, 0.05], Some(packed)),
    ]
}

/// The same for the device.
fn on_device(input: &Input, device: &Device) -> Result<AttentionInput, Stop> {
    let [q, k, v] = input.qkv.each_ref().map(|values| tensor(values, input.shape, device));
    let segments = input.segments.clone().map(|numbers| Segments::new(numbers, input.shape[2]));
    let segments = segments.transpose().map_err(|error| JobError::of(ErrorKind::Runtime, &error))?;
    let rule = if input.slopes.is_empty() { PositionRule::None } else { PositionRule::Alibi(input.slopes.clone()) };
    Ok(AttentionInput { q, k, v, segments, rule })
}

fn tensor(values: &[f32], shape: [usize; 4], device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

fn forward(input: &Input, should_be: &host::Attention, device: &Device, job: &Job) -> Result<[Comparison; 2], Stop> {
    let found = attention(&on_device(input, device)?, &job.counting(true));
    let out = fetch(found.out)?;
    let output = Comparison::default().with("output", exact(&out), should_be.out.iter().copied(), Tolerance::ATTENTION);
    // Queries without a key have none; what stands for it is a matter of the kernels.
    let of_rows = fetch(found.log_sum_exp)?;
    let of_rows = exact(&of_rows).zip(should_be.log_sum_exp.iter().copied());
    let (is, should_be): (Vec<f64>, Vec<f64>) = of_rows.filter(|(_, should_be)| should_be.is_finite()).unzip();
    let log_sum_exp = Comparison::default().with("log-sum-exp", is, should_be, Tolerance::LOG_SUM_EXP);
    Ok([output, log_sum_exp])
}

fn gradients(input: &Input, should_be: &host::Attention, device: &Device, job: &Job) -> Result<[Comparison; 1], Stop> {
    let device = device.clone().autodiff();
    let AttentionInput { q, k, v, segments, rule } = on_device(input, &device)?;
    let [q, k, v] = [q, k, v].map(Tensor::require_grad);
    let asked = AttentionInput { q: q.clone(), k: k.clone(), v: v.clone(), segments, rule };
    let out = attention(&asked, &job.counting(true)).out;
    let gradients = (out * tensor(&input.grad_out, input.shape, &device)).sum().backward();
    let mut comparison = Comparison::default();
    for ((what, of), should_be) in [("at q", q), ("at k", k), ("at v", v)].into_iter().zip(&should_be.gradients) {
        comparison = match of.grad(&gradients) {
            Some(gradient) => {
                let is = fetch(gradient)?;
                comparison.with(what, exact(&is), should_be.iter().copied(), Tolerance::ATTENTION)
            }
            None => comparison.or_fault(format!("there is no gradient {what}")),
        };
    }
    Ok([comparison])
}

fn statistics(input: &Input, should_be: &host::Attention, device: &Device, job: &Job) -> Result<[Comparison; 4], Stop> {
    let [batch, heads, seq, _] = input.shape;
    let (asked, conduct) = (on_device(input, device)?, job.counting(true));
    let (found, rows) = attention_with_rows(&asked, &conduct);
    let columns = Statistics::new(&asked, &found.log_sum_exp, &conduct).columns(&[&vec![1.0; batch * seq]]);
    let of_head = |values: &[f32]| -> Vec<f64> {
        let places = (0..batch * heads).flat_map(|plane| (0..seq).map(move |place| (plane, place)));
        let index = places.map(|(plane, place)| (plane / heads * seq + place) * heads + plane % heads);
        index.filter_map(|index| values.get(index)).map(|&value| f64::from(value)).collect()
    };
    let compared = |what, is: Vec<f64>, should_be: &[f64], tolerance| {
        Comparison::default().with(what, is, should_be.iter().copied(), tolerance)
    };
    Ok([
        compared("received", exact(&columns.sums).collect(), &should_be.received, Tolerance::STATISTICS),
        compared("maxima", exact(&columns.max).collect(), &should_be.maxima, Tolerance::PROBABILITIES),
        compared("entropy", of_head(&rows.entropy), &should_be.entropy, Tolerance::STATISTICS),
        compared("distance", of_head(&rows.distance), &should_be.distance, Tolerance::STATISTICS),
    ])
}

#[cfg(test)]
mod tests {
    use strandscope_kernels::Conduct;

    use super::*;

    #[test]
    fn keys_are_skipped_where_they_are_to_be() {
        for (name, input) in WIDTHS.into_iter().flat_map(cases) {
            let conduct = Conduct::default();
            let asked = on_device(&input, &Device::flex()).unwrap_or_else(|_| panic!("{name} holds together"));
            attention(&asked, &conduct);
            let share = conduct.watch.kept().fraction();
            assert!(share > 0.1 && share <= 1.0, "{name}: {share}");
            assert!(!name.starts_with("alibi") || share < 0.9, "{name}: nothing is skipped");
        }
    }
}
