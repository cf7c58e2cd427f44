//! What files hold.

use std::{fs::File, io::Read as _, path::Path};

use burn::tensor::Device;
use serde::Serialize;
use serde_json::{Value, json};
use strandscope_genome::{AnnotationKind, BigBed, SignalKind, inspect_annotation, inspect_sequences, inspect_signal};
use strandscope_models::{
    checkpoint::{SeenTensor, examine, is_checkpoint},
    config::Config,
    folder::{Folder, HEAD_WEIGHTS, read_small},
    model::Model,
};
use strandscope_tokens::{Tokenizer, TokenizerFiles};

use super::genomes::{Genomes, with_progress};
use crate::{
    ErrorKind, JobError, Outcome,
    engine::{Job, Stop},
};

/// What a file holds, or the folder of a model or head; rows of annotations are held against `reference`.
pub(super) fn inspect(
    path: &Path,
    reference: Option<&Path>,
    genomes: &mut Genomes,
    job: &Job,
) -> Result<Outcome, Stop> {
    let found = match kind_of(path) {
        Kind::Annotation => annotation(path, reference, genomes, job)?,
        Kind::Values => values(path, reference, genomes, job)?,
        Kind::Head => head(path)?,
        Kind::Model => model(path)?,
        Kind::Weights => weights(path, job)?,
        Kind::Tokenizer => tokenizer(path)?,
        Kind::Config => config(path)?,
        Kind::Sequences => {
            let report = with_progress(job, |hooks| inspect_sequences(path, hooks))?;
            to_json(&report)?
        }
    };
    Ok(Outcome::Json(found))
}

fn to_json(report: &impl Serialize) -> Result<Value, JobError> {
    serde_json::to_value(report).map_err(|error| JobError::of(ErrorKind::Runtime, &error))
}

fn annotation(path: &Path, reference: Option<&Path>, genomes: &mut Genomes, job: &Job) -> Result<Value, Stop> {
    let reference = reference.map(|reference| genomes.open(reference, job)).transpose()?;
    Ok(to_json(&with_progress(job, |hooks| inspect_annotation(path, reference, hooks))?)?)
}

fn values(path: &Path, reference: Option<&Path>, genomes: &mut Genomes, job: &Job) -> Result<Value, Stop> {
    let reference = reference.map(|reference| genomes.open(reference, job)).transpose()?;
    let aliases = reference.as_ref().map(|genome| genome.aliases());
    let named = aliases.as_deref().zip(reference.as_ref().map(|genome| genome.contigs()));
    Ok(to_json(&with_progress(job, |hooks| inspect_signal(path, named, hooks))?)?)
}

/// What a file is taken for.
enum Kind {
    /// The folder of a head.
    Head,
    /// The folder of a model.
    Model,
    Weights,
    Tokenizer,
    Config,
    /// BED, GFF3, GTF or VCF.
    Annotation,
    /// Values: bedGraph, wig, BigWig; and BigBed.
    Values,
    Sequences,
}

/// By the content of a file; its name decides where it is damaged, so that the message speaks of what it should be.
fn kind_of(path: &Path) -> Kind {
    if path.is_dir() {
        let is_head = Folder::Disk(path.to_owned()).is_head();
        return if is_head { Kind::Head } else { Kind::Model };
    }
    if is_checkpoint(path) {
        return Kind::Weights;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if name == "vocab.txt" {
        return Kind::Tokenizer;
    }
    if !name.ends_with(".json") && !begins_like_json(path) {
        // What cannot be read is reported by whoever reads it in earnest.
        let is_binary = BigBed::is_one(path).unwrap_or(false);
        return match () {
            () if is_binary || SignalKind::of(path).is_ok_and(|kind| kind.is_some()) => Kind::Values,
            () if AnnotationKind::of(path).is_ok_and(|kind| kind.is_some()) => Kind::Annotation,
            () => Kind::Sequences,
        };
    }
    if name.contains("tokenizer") || name.contains("vocab") || has_key(path, "\"merges\"") {
        return Kind::Tokenizer;
    }
    if name.contains("config") || has_key(path, "\"hidden_size\"") { Kind::Config } else { Kind::Sequences }
}

/// First bytes of a file that tell what it is.
const BEGIN_BYTES: u64 = 1 << 16;

fn begin(path: &Path) -> Vec<u8> {
    let mut begin = Vec::new();
    // What cannot be read is reported by whoever reads it in earnest.
    let _ = path.is_file().then(|| File::open(path).ok()?.take(BEGIN_BYTES).read_to_end(&mut begin).ok());
    begin
}

fn begins_like_json(path: &Path) -> bool {
    begin(path).iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

fn has_key(path: &Path, key: &str) -> bool {
    begin(path).windows(key.len()).any(|text| text == key.as_bytes())
}

fn weights(path: &Path, job: &Job) -> Result<Value, Stop> {
    let seen = examine(path, &|| !job.is_cancelled())?.ok_or(Stop::Cancelled)?;
    let odd = seen.iter().filter(|tensor| tensor.not_finite > 0);
    let warnings: Vec<String> = odd
        .map(|tensor| format!("tensor {} holds {} values that are NaN or infinite", tensor.name, tensor.not_finite))
        .collect();
    let tensor = |SeenTensor { name, dtype, shape, sha256_f32le, .. }| {
        let mut value = json!({ "name": name, "dtype": dtype, "shape": shape });
        if let Some(sha256) = sha256_f32le {
            value["sha256_f32le"] = json!(sha256);
        }
        value
    };
    let tensors: Vec<_> = seen.into_iter().map(tensor).collect();
    Ok(document(path, "checkpoint", json!({ "tensors": tensors, "warnings": warnings })))
}

fn tokenizer(path: &Path) -> Result<Value, Stop> {
    let shown = path.display().to_string();
    let bytes = read_small(path)?;
    let tokenizer = if path.file_name().is_some_and(|name| name == TokenizerFiles::VOCAB_TXT) {
        let files = TokenizerFiles { vocab_txt: Some(bytes), ..TokenizerFiles::default() };
        Tokenizer::from_files(&files, |_| shown.clone())?
    } else {
        Tokenizer::from_json(&bytes, &shown)?
    };
    Ok(document(path, "tokenizer", json!({ "vocab_size": tokenizer.vocab_size() })))
}

fn config(path: &Path) -> Result<Value, Stop> {
    let config = Config::parse(&read_small(path)?, &path.display().to_string())?;
    Ok(document(path, "config", of_config(&config)))
}

fn of_config(config: &Config) -> Value {
    json!({
        "family": config.family().name(),
        "sizes": config.sizes(),
        "most_tokens": config.most_tokens(),
        "classes": config.classes(),
    })
}

/// The folder of a model, loaded as for use.
fn model(path: &Path) -> Result<Value, Stop> {
    let folder = Folder::Disk(path.to_owned());
    let model = Model::load(&folder, &Device::flex())?;
    let mut warnings = model.warnings.clone();
    let vocab_size = if folder.has(folder.tokenizer_file()) {
        Some(model.tokenizer()?.vocab_size())
    } else {
        warnings.push("there is no tokenizer.json and no vocab.txt, so it reads token ids alone".to_owned());
        None
    };
    let mut found = of_config(&model.config);
    found["parameters"] = json!(model.parameters);
    found["sha256"] = json!(model.sha256);
    found["tokenizer_vocab_size"] = json!(vocab_size);
    found["warnings"] = json!(warnings);
    Ok(document(path, "model", found))
}

/// The folder of a head; its model may be elsewhere.
fn head(path: &Path) -> Result<Value, Stop> {
    let folder = Folder::Disk(path.to_owned());
    let found =
        json!({ "head": folder.head_config()?, "card": folder.head_card()?, "sha256": folder.sha256(HEAD_WEIGHTS)? });
    Ok(document(path, "head", found))
}

/// The document of a file, with what was found in it.
fn document(path: &Path, kind: &str, found: Value) -> Value {
    let mut document = json!({ "path": path.to_string_lossy(), "kind": kind, "warnings": [] });
    if let (Value::Object(document), Value::Object(found)) = (&mut document, found) {
        document.extend(found);
    }
    document
}
