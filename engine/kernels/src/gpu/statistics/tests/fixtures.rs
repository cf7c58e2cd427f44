//! Numbers of an independent implementation, with norms, log-sum-exp and all from the GPU.

use std::{fs, path::Path};

use half::f16;
use safetensors::{Dtype, SafeTensors};

use super::{
    super::{truth::Case, *},
    Bench, assert_close, floats, gpu, on, upload,
};
use crate::gpu::{
    forward::{Form, Forward, forward_with},
    norms::Workspace,
    plan::Plan,
};

/// A file of expected numbers.
struct Fixture {
    name: &'static str,
    file: Vec<u8>,
}

impl Fixture {
    fn read(name: &'static str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/parity/attention_kernel");
        let file = fs::read(folder.join(format!("{name}.safetensors"))).unwrap();
        Self { name, file }
    }

    fn tensor(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let file = SafeTensors::deserialize(&self.file).unwrap();
        let tensor = file.tensor(name).unwrap();
        let values = match tensor.dtype() {
            Dtype::F32 => tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            Dtype::F16 => tensor.data().as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
            Dtype::I64 => tensor.data().as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes) as f32).collect(),
            other => panic!("{name} has numbers of {other:?}"),
        };
        (tensor.shape().to_vec(), values)
    }

    fn values(&self, name: &str) -> Vec<f32> {
        self.tensor(name).1
    }

    fn doubles(&self, name: &str) -> Vec<f64> {
        self.values(name).into_iter().map(f64::from).collect()
    }

    fn case(&self, skip: bool) -> Case {
        let (shape, q) = self.tensor("q");
        let mut case = Case::new([1, shape[0], shape[1], shape[2]], 1.0);
        case.name = format!("{}, skipping {skip}", self.name);
        (case.q, case.k, case.slopes, case.skip) = (q, self.values("k"), self.values("slopes"), skip);
        case.segments = Some(self.values("key_mask").into_iter().map(|mask| u32::from(mask != 0.0)).collect());
        case
    }
}

#[test]
fn fixtures_agree() {
    let Some(gpu) = gpu() else { return };
    for name in [
        "one_token",
        "plain_17x32",
        "alibi_64x64",
        "alibi_129x64",
        "alibi_masked_200x64",
        "sharp_100x64",
        "plain_77x80",
        "alibi_long_3000x32",
    ] {
        let fixture = Fixture::read(name);
        for skip in [true, false] {
            agree(&gpu, &fixture, skip);
        }
    }
}

/// Compares what keys get, in both forms; the rest is compared where all that a fixture has is asked of the operation.
fn agree(gpu: &Gpu, fixture: &Fixture, skip: bool) {
    let case = fixture.case(skip);
    let problem = case.problem();
    let shape = case.shape.map(word);
    let plan = Plan::new(gpu, &problem).unwrap();
    let sweep_plan = SweepPlan::new(gpu, &problem).unwrap();
    let view = |values: &[f32]| View::contiguous(upload(gpu, values), shape);
    let views = [&case.q, &case.k].map(|values| view(values));
    let (v, out) = (view(&fixture.values("v")), view(&case.q));
    let log_sums = gpu.buffer("log-sum-exp", 4 * u64::from(shape[1] * shape[2])).unwrap();
    let bound = wgpu::BufferBinding { buffer: &log_sums, offset: 0, size: None };
    let inputs = Forward { q: &views[0], k: &views[1], v: &v, out: &out, log_sums: &bound, statistics: None };
    forward_with(gpu, &plan, Form::Plain, inputs, &mut on).unwrap();
    let norms = Workspace::new(gpu, &plan, 0, 0).unwrap();
    norms.measure(gpu, &plan, [&views[0], &views[1]], &mut on).unwrap();
    let norms = norms.buffer.as_entire_binding();
    let sweep = Sweep::new(gpu, &sweep_plan, views, log_sums.as_entire_binding(), norms, &mut on).unwrap();

    let real = case.segments.as_ref().unwrap().iter().filter(|segment| **segment != 0).count();
    // A column takes at most its share of what each of its queries leaves out.
    let left_out = if case.slopes.iter().any(|slope| *slope != 0.0) { super::SKIPPED * real as f64 } else { 0.0 };
    let sharp = if fixture.name.starts_with("sharp") { 3e-5 } else { 1e-5 };
    let size = case.shape[1] * case.shape[2];
    let weights = upload(gpu, &vec![1.0; case.shape[2]]);
    let mut off = Vec::new();
    let mut kept = Vec::new();
    for form in [ColumnsForm::Plain, ColumnsForm::Wide] {
        let asked = Columns { weights: weights.as_entire_binding(), count: 1, form };
        let found = sweep.columns(&asked, &mut on).unwrap();
        kept.push(sweep.kept(&found.looked_at).unwrap().fraction());
        let name = format!("{}, {form:?}", case.name);
        let (sums, maxima) = (floats(gpu, &found.sums, size), floats(gpu, &found.maxima, size));
        off.push(assert_close(&name, &sums, &fixture.doubles("column_sum"), 2e-5 + left_out, 1e-5));
        off.push(assert_close(&name, &maxima, &fixture.doubles("column_max"), sharp, 0.0));
    }
    let off: Vec<String> = off.iter().map(|off| format!("{off:.1e}")).collect();
    eprintln!("{}: off {}; kept {kept:.3?}", case.name, off.join(" "));
    if fixture.name == "alibi_long_3000x32" {
        assert!(kept[0] < 0.45 || !skip, "{}: kept {kept:?}", case.name);
    }
}

#[test]
fn what_the_forward_pass_tells_is_enough() {
    let Some(gpu) = gpu() else { return };
    // Nothing is real here, so that nothing is anywhere.
    let mut case = Case::new([1, 2, 70, 16], 1.0).named("nothing real");
    case.segments = Some(vec![0; 70]);
    Bench::new(&gpu, &case).all();
}
