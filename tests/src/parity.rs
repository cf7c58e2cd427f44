//! The networks of all families against the reference implementations, tensor by tensor.
//!
//! The fixtures are random checkpoints with the outputs of a plain PyTorch reference in double precision; where they
//! come from is told in `tests/reference/README.md`.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use half::f16;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use strandscope_worker::{ForwardRequest, GradientsOf, RmtPadding, Task, WeightType};
use tempfile::TempDir;

use crate::engine::TestEngine;

/// What a case asks; everything else in its file is an answer.
const ASKED: [&str; 4] = ["input_ids", "attention_mask", "labels", "class_target"];

/// Weights in the forms in which they are published, besides `model.safetensors`.
const PICKLES: [&str; 2] = ["pytorch_model.bin", "pytorch_model_legacy.bin"];

#[test]
fn every_fixture_is_met_on_the_cpu() {
    check_all(TestEngine::on_cpu(), WeightType::F32);
}

#[test]
fn weights_in_half_precision_stay_in_their_columns_on_the_cpu() {
    for weights in [WeightType::F16, WeightType::Bf16] {
        check_all(TestEngine::on_cpu_with(weights), weights);
    }
}

#[test]
fn weights_rounded_to_f16_stay_in_their_column_on_the_gpu() {
    if let Some(engine) = TestEngine::on_gpu_with(WeightType::F16) {
        check_all(engine, WeightType::F16);
    }
}

#[test]
fn weights_rounded_to_bf16_stay_in_their_column_on_the_gpu() {
    if let Some(engine) = TestEngine::on_gpu_with(WeightType::Bf16) {
        check_all(engine, WeightType::Bf16);
    }
}

#[test]
fn every_fixture_is_met_on_the_gpu() {
    if let Some(engine) = TestEngine::on_gpu() {
        check_all(engine, WeightType::F32);
    }
}

#[test]
fn pickles_give_the_same_networks() {
    let mut engine = TestEngine::on_cpu();
    let mut report = String::new();
    let mut pickles = 0;
    for model in models() {
        for pickle in PICKLES.map(|name| model.join(name)).into_iter().filter(|path| path.is_file()) {
            let folder = with_pickle(&model, &pickle);
            let cases = cases(&model);
            let (compared, problems) = check(&mut engine, folder.path(), &cases[..1], WeightType::F32);
            assert!(compared > 5, "{} has answers", cases[0].display());
            report += &problems;
            pickles += 1;
        }
    }
    assert_eq!(pickles, 8, "the fixtures are complete");
    assert!(report.is_empty(), "{report}");
}

/// A folder with the configuration of `model`, and with `pickle` in place of its weights.
fn with_pickle(model: &Path, pickle: &Path) -> TempDir {
    let folder = tempfile::tempdir().expect("a scratch folder");
    fs::copy(model.join("config.json"), folder.path().join("config.json")).expect("a configuration");
    fs::copy(pickle, folder.path().join("pytorch_model.bin")).expect("weights");
    folder
}

fn check_all(mut engine: TestEngine, weights: WeightType) {
    let mut report = String::new();
    let mut compared = 0;
    for model in models() {
        let mut cases = cases(&model);
        // Gradients are those of training, which keeps weights in single precision.
        cases.retain(|case| weights == WeightType::F32 || !has(case, "gradients_"));
        let (of_model, problems) = check(&mut engine, &model, &cases, weights);
        compared += of_model;
        report += &problems;
    }
    assert!(report.is_empty(), "on {}:\n{report}", engine.device);
    let complete = if weights == WeightType::F32 { COMPARED } else { COMPARED - GRADIENTS };
    assert_eq!(compared, complete, "the fixtures are complete");
}

/// Tensors of all fixtures together.
const COMPARED: usize = 850;

/// Those of gradients and their losses.
const GRADIENTS: usize = 509;

/// Whether the name of a file has this in it.
fn has(path: &Path, part: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains(part))
}

/// How many tensors of the cases were compared with what the model in `folder` gives, and which of them differ.
fn check(engine: &mut TestEngine, folder: &Path, cases: &[PathBuf], weights: WeightType) -> (usize, String) {
    let (mut compared, mut report) = (0, String::new());
    for case in cases {
        let expected = read(case);
        let got = forward(engine, folder, case);
        for (name, want) in expected.iter().filter(|(name, _)| !ASKED.contains(&name.as_str())) {
            compared += 1;
            let problem = match got.get(name) {
                None => Some("missing".to_owned()),
                Some(got) => difference(name, got, want, mask_of(name, &expected), tolerance(name, weights)),
            };
            if let Some(problem) = problem {
                report += &format!("{} {name}: {problem}\n", case.display());
            }
        }
    }
    (compared, report)
}

/// Which tokens are real, for a tensor of this name.
fn mask_of<'a>(name: &str, expected: &'a BTreeMap<String, Tensor>) -> &'a [f64] {
    let of_segment = name.strip_suffix("last_hidden").map(|segment| format!("{segment}attention_mask"));
    let mask = expected.get(of_segment.as_deref().unwrap_or("attention_mask"));
    mask.map_or(&[], |mask| &mask.values)
}

/// Folders of the models.
fn models() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parity");
    let entries = fs::read_dir(fixtures).expect("the fixtures").map(|entry| entry.expect("an entry").path());
    let mut models: Vec<PathBuf> = entries.filter(|path| path.join("config.json").is_file()).collect();
    models.sort();
    models
}

/// Files of expected tensors, of every case of a model.
fn cases(model: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(model).expect("a fixture").map(|entry| entry.expect("an entry").path());
    let is_case = |path: &PathBuf| has(path, "expected_") || has(path, "gradients_");
    let mut cases: Vec<PathBuf> = entries.filter(is_case).collect();
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
    // A file of gradients is about the classes of rows, or the labels of tokens.
    let of = if model.to_string_lossy().contains("classifier") { GradientsOf::Class } else { GradientsOf::Mlm };
    let request = ForwardRequest {
        model: model.to_owned(),
        input,
        outputs: Vec::new(),
        gradients: has(case, "gradients_").then_some(of),
        rmt_padding: has(case, "masked_padding").then_some(RmtPadding::Masked),
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
/// states, 2e-5 in logits, 1.1e-6 in class logits. The columns of half precision are those of the parity kit.
fn tolerance(name: &str, weights: WeightType) -> (f64, f64) {
    let is_state = ["hidden.", "last_hidden", "memory_after"].iter().any(|part| name.contains(part));
    let columns = match name {
        "logits" => [(5e-5, 1e-5), (2e-2, 0.0), (2e-1, 0.0)],
        "loss" => [(0.0, 1e-5); 3],
        _ if name.starts_with("grad") => [(1e-5, 1e-4); 3],
        _ if is_state => [(3e-5, 0.0), (5e-3, 0.0), (4e-2, 0.0)],
        _ if name.starts_with("summary.attn_") => [(2e-5, 1e-5), (5e-3, 1e-3), (3e-2, 1e-2)],
        _ if name.contains("class_logits") || name == "pooled" || name == "mean_pool" => {
            [(1e-5, 0.0), (5e-3, 0.0), (4e-2, 0.0)]
        }
        _ => [(1e-5, 0.0), (2e-3, 0.0), (1e-2, 0.0)],
    };
    match weights {
        WeightType::F32 => columns[0],
        WeightType::F16 => columns[1],
        WeightType::Bf16 => columns[2],
    }
}

/// Which token of the batch an element belongs to, as `(row, token)`; `None` where an element is of a whole row.
fn token_of(name: &str, shape: &[usize], index: &[usize]) -> Option<(usize, usize)> {
    match (name, shape.len()) {
        ("mean_pool" | "class_logits" | "pooled" | "loss", _) => None,
        // [row, seq, hidden], and what is told of a whole piece.
        _ if name.starts_with("segment.") => name.ends_with("last_hidden").then(|| (index[0], index[1])),
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
fn difference(
    name: &str,
    got: &Tensor,
    want: &Tensor,
    attention_mask: &[f64],
    (absolute, relative): (f64, f64),
) -> Option<String> {
    if got.shape != want.shape {
        return Some(format!("shape {:?}, want {:?}", got.shape, want.shape));
    }
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
