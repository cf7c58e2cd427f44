//! Bare attention against the reference implementation: outputs, statistics and gradients of the kernels.
//!
//! Where the fixtures come from is told in `tests/reference/README.md`.

use std::{collections::BTreeMap, fs, path::Path};

use burn::tensor::{Device, Tensor as Values, TensorData};
use strandscope_kernels::{
    AttentionInput, Conduct, MeanOf, NO_PARTNER, PositionRule, Segments, Statistics, attention, attention_with_rows,
    sound,
};

use crate::{
    gpu,
    parity::{Tensor, read, unravel},
};

/// What may be skipped of a row holds less than this of its sum.
const SKIPPED: f64 = 1.0 / (1 << 24) as f64;

#[test]
fn every_fixture_is_met_with_skipping() {
    check_all(true, &Device::flex());
}

#[test]
fn every_fixture_is_met_without_skipping() {
    check_all(false, &Device::flex());
}

#[test]
fn every_fixture_is_met_on_the_gpu() {
    if let Some(device) = gpu::device() {
        check_all(true, &device);
        check_all(false, &device);
        sound(&device).expect("the device is as it was");
    }
}

fn check_all(skip: bool, device: &Device) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parity/attention_kernel");
    let told = fs::read_to_string(folder.join("fixture.json")).expect("what the cases are");
    let told: BTreeMap<String, serde_json::Value> = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told.len(), 8, "the fixtures are complete");
    let mut report = String::new();
    for (name, settings) in told {
        let whole = |key: &str| settings[key].as_u64().and_then(|value| usize::try_from(value).ok()).expect("a number");
        let want = read(&folder.join(format!("{name}.safetensors")));
        let case = Case { want, pool_block: whole("pool_block"), name, device: device.clone() };
        report += &case.check(skip);
    }
    assert!(report.is_empty(), "skipping {skip}:\n{report}");
}

struct Case {
    name: String,
    /// Inputs and what must come of them.
    want: BTreeMap<String, Tensor>,
    pool_block: usize,
    device: Device,
}

impl Case {
    /// What is wrong, a line for each tensor.
    fn check(&self, skip: bool) -> String {
        let conduct = Conduct { skip, ..Conduct::default() };
        let mut report = String::new();
        let mut compared = 0;
        for (name, got) in self.outputs(&conduct).into_iter().chain(self.gradients(&conduct)) {
            compared += 1;
            report +=
                &self.difference(name, &got).map(|what| format!("{} {name}: {what}\n", self.name)).unwrap_or_default();
        }
        assert_eq!(compared, 11, "every tensor of {}", self.name);
        let fraction = conduct.watch.kept().fraction();
        eprintln!("{}: kept {fraction:.4} with skipping {skip}", self.name);
        let is_long = self.name.starts_with("alibi_long");
        // The GPU passes over tiles in which no query is real, skipping or not.
        let all = if self.device == Device::flex() { 1.0 } else { 0.9 };
        let right = if skip && is_long { fraction < 0.6 } else { fraction <= 1.0 && (skip || fraction >= all) };
        assert!(right, "{}: the share that was looked at is {fraction}, skipping {skip}", self.name);
        report
    }

    /// Attention heads, positions, and numbers of each.
    fn shape(&self) -> [usize; 3] {
        self.want["q"].shape.as_slice().try_into().expect("[head, seq, d]")
    }

    fn input(&self, device: &Device) -> AttentionInput {
        let seq = self.shape()[1];
        let [q, k, v] = ["q", "k", "v"].map(|name| self.tensor(name, device));
        let slopes = single(&self.want["slopes"].values);
        let rule =
            if slopes.iter().any(|slope| *slope > 0.0) { PositionRule::Alibi(slopes) } else { PositionRule::None };
        let mask = self.want["key_mask"].values.iter().map(|real| *real != 0.0);
        AttentionInput { q, k, v, segments: Some(Segments::from_mask(mask, seq).expect("one row")), rule }
    }

    fn tensor(&self, name: &str, device: &Device) -> Values<4> {
        let [heads, seq, d] = self.shape();
        Values::from_data(TensorData::new(single(&self.want[name].values), [1, heads, seq, d]), device)
    }

    /// Everything that is told without differentiation, in the order of the file's tensors.
    fn outputs(&self, conduct: &Conduct) -> Vec<(&'static str, Vec<f64>)> {
        let [heads, seq, _] = self.shape();
        let input = self.input(&self.device);
        let (found, _) = attention_with_rows(&input, conduct);
        let statistics = Statistics::new(&input, &found.log_sum_exp, conduct);
        let columns = statistics.columns(&[&vec![1.0; seq]]);
        let edges: Vec<usize> = (0..seq).step_by(self.pool_block).chain([seq]).collect();
        let places = self.want["top_index"].shape[2];
        let (mut pool_sum, mut pool_max, mut top_value, mut top_index) = (vec![], vec![], vec![], vec![]);
        for head in 0..heads {
            let of = MeanOf { row: 0, heads: head..head + 1 };
            let map = statistics.map(&of, &edges);
            pool_sum.extend(double(&map.sum));
            pool_max.extend(double(&map.max));
            let partners = statistics.partners(&of, places);
            top_value.extend(partners.iter().map(|(_, value)| f64::from(*value)));
            top_index.extend(partners.iter().map(|(key, _)| f64::from(*key)));
        }
        vec![
            ("out", host(found.out)),
            ("lse", double(&found.log_sum_exp.into_data().try_to_vec::<f32>().expect("single precision"))),
            ("column_sum", double(&columns.sums)),
            ("column_max", double(&columns.max)),
            ("pool_sum", pool_sum),
            ("pool_max", pool_max),
            ("top_value", top_value),
            ("top_index", top_index),
        ]
    }

    /// Gradients of `Σ out ∘ grad_out`, at the rows that are stored.
    fn gradients(&self, conduct: &Conduct) -> Vec<(&'static str, Vec<f64>)> {
        let device = self.device.clone().autodiff();
        let mut input = self.input(&device);
        for tensor in [&mut input.q, &mut input.k, &mut input.v] {
            *tensor = tensor.clone().require_grad();
        }
        let found = (attention(&input, conduct).out * self.tensor("grad_out", &device)).sum().backward();
        let [heads, seq, d] = self.shape();
        let stored: Vec<usize> = match self.want.get("grad_rows") {
            Some(rows) => (0..seq).filter(|row| rows.values.contains(&(*row as f64))).collect(),
            None => (0..seq).collect(),
        };
        let at_rows = |tensor: &Values<4>| {
            let all = host(tensor.grad(&found).expect("it was asked for"));
            let places = (0..heads).flat_map(|head| stored.iter().map(move |row| (head * seq + row) * d));
            places.flat_map(|place| all[place..][..d].to_vec()).collect()
        };
        vec![("grad_q", at_rows(&input.q)), ("grad_k", at_rows(&input.k)), ("grad_v", at_rows(&input.v))]
    }

    /// Absolute and relative tolerance. Plain single precision stays below half of each; where scores are as sharp as
    /// 100 and more, a probability is good to 1e-5 of itself.
    fn tolerance(&self, name: &str) -> (f64, f64) {
        let sharp = self.name.starts_with("sharp");
        match name {
            "out" => {
                if sharp {
                    (1e-4, 2e-5)
                } else {
                    (3e-6, 0.0)
                }
            }
            "grad_q" | "grad_k" | "grad_v" => {
                if sharp {
                    (5e-4, 2e-5)
                } else {
                    (3e-6, 0.0)
                }
            }
            "lse" => (2e-6, 2e-6),
            // A column takes at most its share of what each of its queries skips.
            "column_sum" if self.want["slopes"].values.iter().any(|slope| *slope != 0.0) => {
                (2e-5 + SKIPPED * self.want["key_mask"].values.iter().sum::<f64>(), 1e-5)
            }
            "column_sum" | "pool_sum" => (2e-5, 1e-5),
            _ => {
                if sharp {
                    (3e-5, 0.0)
                } else {
                    (1e-5, 0.0)
                }
            }
        }
    }

    /// Whether an element is of a padded position, where the fixtures mean nothing.
    fn is_padded(&self, name: &str, index: &[usize]) -> bool {
        let by_position = !name.starts_with("pool_") && !name.starts_with("grad_");
        by_position && self.want["key_mask"].values[index[1]] == 0.0
    }

    /// Whether a partner may stand in this place, too: one as strong as its neighbours, or too weak to be told.
    fn may_change_places(&self, at: usize) -> bool {
        let places = self.want["top_index"].shape[2];
        let value = &self.want["top_value"].values;
        let (limit, _) = self.tolerance("top_value");
        let is_near = |other: usize| other / places == at / places && (value[other] - value[at]).abs() <= limit;
        value[at] <= SKIPPED || (at > 0 && is_near(at - 1)) || (at + 1 < value.len() && is_near(at + 1))
    }

    /// What is wrong with a tensor, if anything: the worst element, and how many are beyond tolerance.
    fn difference(&self, name: &str, got: &[f64]) -> Option<String> {
        let Tensor { shape, values: want } = &self.want[name];
        assert_eq!(got.len(), want.len(), "{name} of {} has shape {shape:?}", self.name);
        let (absolute, relative) = if name == "top_index" { (0.0, 0.0) } else { self.tolerance(name) };
        let (mut beyond, mut largest, mut worst) = (0, 0.0, (0.0, 0));
        for (at, (got, want)) in got.iter().zip(want).enumerate() {
            let counts = !self.is_padded(name, &unravel(at, shape));
            if !counts || (name == "top_index" && self.may_change_places(at) && *got <= f64::from(NO_PARTNER)) {
                continue;
            }
            let (apart, limit) = ((got - want).abs(), absolute + relative * want.abs());
            largest = f64::max(largest, apart);
            if apart > limit || apart.is_nan() {
                beyond += 1;
                let times = if apart.is_nan() { f64::INFINITY } else { apart / limit.max(1e-30) };
                if times > worst.0 {
                    worst = (times, at);
                }
            }
        }
        eprintln!("{} {name}: largest difference {largest:e}, tolerance {absolute:e} + {relative:e}", self.name);
        (beyond > 0).then(|| {
            let at = worst.1;
            let limit = absolute + relative * want[at].abs();
            format!(
                "{beyond} of {} beyond tolerance; at {:?} got {:e}, want {:e}, tolerance {limit:e}; largest difference {largest:e}",
                want.len(),
                unravel(at, shape),
                got[at],
                want[at],
            )
        })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the files hold single precision, or less")]
fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

fn double(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

fn host(tensor: Values<4>) -> Vec<f64> {
    double(&tensor.into_data().try_to_vec::<f32>().expect("single precision"))
}
