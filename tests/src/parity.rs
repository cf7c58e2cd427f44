//! The dnaGrinder network against the reference implementation, tensor by tensor.
//!
//! The fixtures are random checkpoints with the outputs of a plain PyTorch reference in double precision; where they
//! come from is told in `tests/fixtures/README.md`.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use half::f16;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use strandscope_worker::{ForwardRequest, GradientsOf, Task};

use crate::engine::TestEngine;

const MODELS: [&str; 3] = ["dnagrinder", "dnagrinder_preln_tied", "dnagrinder_classifier"];

/// What a case asks; everything else in its file is an answer.
const ASKED: [&str; 4] = ["input_ids", "attention_mask", "labels", "class_target"];

#[test]
fn every_fixture_is_met_on_the_cpu() {
    check_all(TestEngine::on_cpu());
}

#[test]
fn every_fixture_is_met_on_the_gpu() {
    if let Some(engine) = TestEngine::on_gpu() {
        check_all(engine);
    }
}

fn check_all(mut engine: TestEngine) {
    let mut report = String::new();
    let mut compared = 0;
    for (model, case) in cases() {
        let expected = read(&case);
        let got = forward(&mut engine, &model, &case);
        let attention_mask = &expected["attention_mask"].values;
        for (name, want) in expected.iter().filter(|(name, _)| !ASKED.contains(&name.as_str())) {
            compared += 1;
            let problem = match got.get(name) {
                None => Some("missing".to_owned()),
                Some(got) => difference(name, got, want, attention_mask),
            };
            if let Some(problem) = problem {
                report += &format!("{} {name}: {problem}\n", case.display());
            }
        }
    }
    assert_eq!(compared, 124, "the fixtures are complete");
    assert!(report.is_empty(), "on {}:\n{report}", engine.device);
}

/// Folder of the model and file of expected tensors, of every case.
fn cases() -> Vec<(PathBuf, PathBuf)> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parity");
    let mut cases = Vec::new();
    for model in MODELS.map(|name| fixtures.join(name)) {
        for entry in fs::read_dir(&model).expect("a fixture") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with("expected_") || name.starts_with("gradients_") {
                cases.push((model.clone(), path));
            }
        }
    }
    cases.sort();
    cases
}

/// What the network makes of a case's input.
fn forward(engine: &mut TestEngine, model: &Path, case: &Path) -> BTreeMap<String, Tensor> {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let (input, output) = (folder.path().join("in.safetensors"), folder.path().join("out.safetensors"));
    let bytes = fs::read(case).expect("a case");
    let tensors = SafeTensors::deserialize(&bytes).expect("safetensors");
    let inputs = ASKED.into_iter().filter_map(|name| Some((name, tensors.tensor(name).ok()?)));
    let packed = safetensors::serialize(inputs, None::<HashMap<String, String>>).expect("tensors");
    fs::write(&input, packed).expect("a scratch file");
    let of_gradients = case.file_name().is_some_and(|name| name.to_string_lossy().starts_with("gradients_"));
    let classifies = model.ends_with("dnagrinder_classifier");
    let request = ForwardRequest {
        model: model.to_owned(),
        input,
        outputs: Vec::new(),
        gradients: of_gradients.then_some(if classifies { GradientsOf::Class } else { GradientsOf::Mlm }),
        output: output.clone(),
        force: false,
    };
    if let Err(error) = engine.run(Task::Forward(request)) {
        panic!("{}: {error} {:?}", case.display(), error.causes);
    }
    read(&output)
}

/// A tensor of a fixture.
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f64>,
}

pub(crate) fn read(path: &Path) -> BTreeMap<String, Tensor> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let tensors = SafeTensors::deserialize(&bytes).expect("safetensors");
    tensors.iter().map(|(name, view)| (name.to_owned(), host(&view))).collect()
}

fn host(view: &TensorView<'_>) -> Tensor {
    let data = view.data();
    let values = match view.dtype() {
        Dtype::F16 => data.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).into()).collect(),
        Dtype::F32 => data.as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect(),
        Dtype::I64 => {
            let whole = data.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes));
            whole.map(|value| f64::from(i32::try_from(value).expect("ids and masks are small"))).collect()
        }
        other => panic!("no fixture holds {other:?}"),
    };
    Tensor { shape: view.shape().to_vec(), values }
}

/// Absolute and relative tolerance. Float32 alone differs from the truth by at most half of each: 1.3e-5 in hidden
/// states, 2e-5 in logits, 1.1e-6 in class logits.
fn tolerance(name: &str) -> (f64, f64) {
    match name {
        "logits" => (5e-5, 1e-5),
        "loss" => (0.0, 1e-5),
        _ if name.starts_with("grad") => (1e-5, 1e-4),
        _ if name.starts_with("hidden.") => (3e-5, 0.0),
        _ if name.starts_with("summary.attn_") => (2e-5, 1e-5),
        _ => (1e-5, 0.0),
    }
}

/// Which token of the batch an element belongs to, as `(row, token)`; `None` where an element is of a whole row.
fn token_of(name: &str, shape: &[usize], index: &[usize]) -> Option<(usize, usize)> {
    match (name, shape.len()) {
        ("mean_pool" | "class_logits" | "loss", _) => None,
        ("grad.word_embedding_output" | "grad_times_input", _) => Some((index[0], index[1])),
        _ if name.starts_with("grad.") => None,
        // [batch, head, query, key]: by its query. [layer, batch, head, key]: by its key.
        (_, 4) if name.starts_with("attention.") => Some((index[0], index[2])),
        (_, 4) => Some((index[1], index[3])),
        // [batch, seq, …]
        _ => Some((index[0], index[1])),
    }
}

/// What is wrong with a tensor, if anything: the worst element, and how many are beyond tolerance.
fn difference(name: &str, got: &Tensor, want: &Tensor, attention_mask: &[f64]) -> Option<String> {
    if got.shape != want.shape {
        return Some(format!("shape {:?}, want {:?}", got.shape, want.shape));
    }
    let (absolute, relative) = tolerance(name);
    let mut beyond = 0;
    let mut worst = (0.0, 0);
    let mut largest: f64 = 0.0;
    for (at, (&got, &want_here)) in got.values.iter().zip(&want.values).enumerate() {
        let token = token_of(name, &want.shape, &unravel(at, &want.shape));
        let padded = token.is_some_and(|(row, token)| {
            let seq = attention_mask.len() / batch_size(name, &want.shape);
            attention_mask[row * seq + token] == 0.0
        });
        // Padded places are written as zeros, exactly.
        let (want_here, limit) = if padded { (0.0, 0.0) } else { (want_here, absolute + relative * want_here.abs()) };
        let apart = (got - want_here).abs();
        largest = largest.max(apart);
        if apart > limit || apart.is_nan() {
            beyond += 1;
            let share = if apart.is_nan() { f64::INFINITY } else { apart / limit.max(1e-30) };
            if share > worst.0 {
                worst = (share, at);
            }
        }
    }
    (beyond > 0).then(|| {
        let (index, at) = (unravel(worst.1, &want.shape), worst.1);
        let limit = absolute + relative * want.values[at].abs();
        format!(
            "{beyond} of {} beyond tolerance; at {index:?} got {:e}, want {:e}, tolerance {limit:e}; largest difference {largest:e}",
            want.values.len(),
            got.values[at],
            want.values[at],
        )
    })
}

fn batch_size(name: &str, shape: &[usize]) -> usize {
    if name.starts_with("summary.attn_") { shape[1] } else { shape[0] }
}

/// The index of an element in a tensor of that shape.
pub(crate) fn unravel(mut at: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (place, size) in index.iter_mut().zip(shape).rev() {
        *place = at % size;
        at /= size;
    }
    index
}
