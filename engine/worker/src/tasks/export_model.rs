//! A model in the folder that the published programs load.

use strandscope_genome::{AtomicFolder, Hooks, sha256_of_file};
use strandscope_models::{
    folder::{Folder, MODEL_CONFIG, MODEL_WEIGHTS},
    published::{LAYOUT, Published, cards, missing_code},
};

use super::{command_line::of_model_export, known::Known, provenance::Setting, training::check_apart};
use crate::{
    ErrorKind, ExportModelRequest, JobError, Outcome,
    engine::{Job, Stop},
};

/// Writes configuration, weights, tokenizer and cards of a model.
pub(crate) fn export_model(
    known: &Known,
    setting: &Setting,
    request: &ExportModelRequest,
    job: &Job,
) -> Result<Outcome, Stop> {
    let source = source(known, &request.name)?;
    check_apart(&source, &request.output)?;
    let folder = AtomicFolder::create(&request.output, request.force)?;
    let mut model = Published::open(&source)?;
    for oddity in &model.warnings {
        job.warn(format!("{}: {oddity}", source.name()));
    }
    let tensors = model.tensors();
    job.started(tensors as u64, "tensors");
    let provenance = provenance(setting, request, &source)?;
    let is_whole = folder.write_with(MODEL_WEIGHTS, |out| {
        model.write_weights(out, &provenance, &mut |done| {
            job.progress(done as u64, "");
            !job.is_cancelled()
        })
    })?;
    if !is_whole {
        return Err(Stop::Cancelled);
    }
    let sha256 = sha256_of_file(&folder.path(MODEL_WEIGHTS), &mut Hooks::default())?;
    folder.write(MODEL_CONFIG, &model.document)?;
    for (name, bytes) in &model.companions {
        folder.write(name, bytes)?;
    }
    for (name, bytes) in cards(&source, &sha256)? {
        folder.write(name, &bytes)?;
    }
    folder.commit(&LAYOUT)?;
    job.progress(tensors as u64, "");
    let mut notes = vec![format!("{tensors} tensors, sha256 {sha256}")];
    let missing = missing_code(&model.document, &model.companions);
    if !missing.is_empty() {
        let missing = missing.join(", ");
        notes.push(format!(
            "config.json names code that was not beside the weights: put {missing} beside it for Python"
        ));
    }
    Ok(Outcome::Written { paths: vec![request.output.clone()], notes })
}

/// The folder of a model or of a fine-tuned checkpoint; a head with a network of its own is refused.
fn source(known: &Known, name: &str) -> Result<Folder, Stop> {
    let folder = known.head_or_model(name)?;
    if folder.is_head() {
        let message = format!(
            "head {name} has a network of its own, which no published layout holds; fine-tune its model with \
             finetune --method full, and export what that gives"
        );
        return Err(JobError::new(ErrorKind::Usage, message).into());
    }
    Ok(folder)
}

/// What the weights say of how they were made.
fn provenance(setting: &Setting, request: &ExportModelRequest, source: &Folder) -> Result<Vec<(String, String)>, Stop> {
    if setting.no_provenance {
        return Ok(Vec::new());
    }
    let pairs = [
        ("program", format!("strandscope {}", env!("CARGO_PKG_VERSION"))),
        ("command", setting.command(|| of_model_export(request))),
        ("model", format!("{} sha256:{}", source.name(), source.model_sha256()?)),
    ];
    Ok(pairs.map(|(key, value)| (key.to_owned(), value)).into())
}
