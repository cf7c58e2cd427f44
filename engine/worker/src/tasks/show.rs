//! A model or head in full: its card, its tensors, and whether they fit.

use burn::tensor::Device;
use serde_json::{Value, json};
use strandscope_models::{
    ModelError,
    folder::{Folder, HEAD_WEIGHTS},
    model::Model,
};

use super::known::Known;
use crate::{ErrorKind, JobError, Outcome, engine::Stop};

/// The document of `models show`.
pub(crate) fn show(known: &Known, name: &str) -> Result<Outcome, Stop> {
    let folder = known.head_or_model(name)?;
    Ok(Outcome::Json(if folder.is_head() { head(&folder)? } else { model(&folder)? }))
}

fn model(folder: &Folder) -> Result<Value, Stop> {
    let tensors = listed(folder.model_tensors()?);
    let problems = match Model::load(folder, &Device::flex()) {
        Ok(_) => Vec::new(),
        Err(ModelError::Misfit { problems, .. }) => problems,
        Err(error) => return Err(error.into()),
    };
    Ok(json!({
        "name": folder.name(),
        "kind": "model",
        "source": folder.source(),
        "family": folder.config()?.family().name(),
        "sha256": folder.model_sha256()?,
        "usable": problems.is_empty(),
        "problems": problems,
        "card": folder.model_card()?,
        "head_card": folder.checkpoint_card()?,
        "tensors": tensors,
    }))
}

fn head(folder: &Folder) -> Result<Value, Stop> {
    let card = serde_json::to_value(folder.head_card()?).map_err(|error| JobError::of(ErrorKind::Runtime, &error))?;
    Ok(json!({
        "name": folder.name(),
        "kind": "head",
        "source": folder.source(),
        "sha256": folder.sha256(HEAD_WEIGHTS)?,
        "card": card,
        "tensors": listed(folder.tensors(HEAD_WEIGHTS)?),
    }))
}

fn listed(tensors: Vec<(String, String, Vec<usize>)>) -> Vec<Value> {
    let tensor = |(name, dtype, shape)| json!({ "name": name, "dtype": dtype, "shape": shape });
    tensors.into_iter().map(tensor).collect()
}
