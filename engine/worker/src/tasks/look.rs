//! What a folder holds, told from its files: nothing is loaded and nothing is copied.

use std::path::{Path, PathBuf};

use strandscope_genome::sha256_of_file;
use strandscope_models::{
    card::DataSource,
    checkpoint::WeightType,
    folder::{Folder, HEAD_WEIGHTS, sha256_of_several},
};
use strandscope_tokens::TokenizerKind;

use super::{facts::Facts, genomes::with_progress};
use crate::{
    ErrorKind, JobError, ModelLook, Outcome,
    engine::{Job, Stop},
};

/// Looks at a folder, or at the folder that a file of weights is in.
pub(super) fn look(path: &Path, facts: &Facts, job: &Job) -> Result<Outcome, Stop> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let device = facts.device();
    let on_gpu = device.as_ref().is_some_and(|device| device.is_gpu);
    let opened = Folder::Disk(folder.clone());
    let look = if opened.is_head() { of_head(&opened)? } else { of_model(&opened, on_gpu, job)? };
    let device = device.map(|device| device.name);
    Ok(Outcome::Looked(Box::new(ModelLook { folder, name: opened.name(), device, ..look })))
}

fn of_head(folder: &Folder) -> Result<ModelLook, Stop> {
    let card = folder.head_card()?;
    let parameters = weights(&folder.tensors(HEAD_WEIGHTS)?);
    Ok(ModelLook {
        is_head: true,
        labels: card.labels.into_iter().map(|label| label.name).collect(),
        trained_on: names(&card.training),
        licence: Some(card.licence),
        sha256: folder.sha256(HEAD_WEIGHTS)?,
        memory_bytes: parameters * size_of::<f32>() as u64,
        title: card.title,
        description: Some(card.description),
        parameters,
        ..ModelLook::default()
    })
}

fn of_model(folder: &Folder, on_gpu: bool, job: &Job) -> Result<ModelLook, Stop> {
    let config = folder.config()?;
    let tensors = folder.model_tensors()?;
    if tensors.is_empty() {
        let message = format!("{} cannot be used: its weights hold no tensor", folder.source());
        return Err(JobError::new(ErrorKind::BadInput, message).into());
    }
    let parameters = weights(&tensors);
    let card = folder.model_card()?;
    let of_classes = folder.checkpoint_card()?;
    let labels = match (&of_classes, config.classes()) {
        (Some(card), _) => card.labels.iter().map(|label| label.name.clone()).collect(),
        (None, Some(classes)) => classes.labels.clone(),
        (None, None) => Vec::new(),
    };
    let trained_on = card.iter().flat_map(|card| names(&card.training));
    let of_head = of_classes.iter().flat_map(|card| names(&card.training));
    let told = card.as_ref().map(|card| card.context_tokens);
    Ok(ModelLook {
        family: Some(config.family().name().to_owned()),
        tokenizer: Some(in_words(folder.tokenizer()?.kind())),
        context_tokens: told.or_else(|| config.context_tokens().map(|tokens| tokens as u64)),
        labels,
        trained_on: trained_on.chain(of_head).collect(),
        licence: card.as_ref().map(|card| card.licence.clone()),
        sha256: sha256_of(&folder.model_files()?, job)?,
        memory_bytes: config.weight_bytes(parameters, WeightType::F32, on_gpu),
        description: card.as_ref().map(|card| card.description.clone()),
        title: card.map_or_else(|| folder.name(), |card| card.title),
        parameters,
        ..ModelLook::default()
    })
}

/// SHA-256 of weights, which can be long enough to be stopped.
fn sha256_of(files: &[PathBuf], job: &Job) -> Result<String, Stop> {
    let mut known = Vec::with_capacity(files.len());
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        known.push((name, with_progress(job, |hooks| sha256_of_file(file, hooks))?));
    }
    Ok(sha256_of_several(&known))
}

fn weights(tensors: &[(String, String, Vec<usize>)]) -> u64 {
    tensors.iter().map(|(_, _, shape)| shape.iter().map(|&size| size as u64).product::<u64>()).sum()
}

fn names(sources: &[DataSource]) -> Vec<String> {
    sources.iter().map(|source| source.name.clone()).collect()
}

fn in_words(kind: TokenizerKind) -> String {
    match kind {
        TokenizerKind::Bpe => "BPE tokens".to_owned(),
        TokenizerKind::OverlappingKmers { k } => format!("overlapping {k}-mers"),
        TokenizerKind::Kmers { k } => format!("{k}-mers"),
    }
}
