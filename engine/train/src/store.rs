//! Folders that training writes, and the checkpoints it resumes from.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use burn::{module::Module, optim::ModuleOptimizer};
use serde::{Deserialize, Serialize};
use strandscope_genome::AtomicFile;
use strandscope_models::checkpoint::{Storage, to_safetensors};

use crate::TrainError;

/// Where checkpoints lie inside the folder of a model or head in the making.
const CHECKPOINT: &str = "checkpoint";

/// How far a run was when its checkpoint was written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) step: u64,
    /// The best figure on held-out data so far, and the step it was reached at.
    pub(crate) best: Option<(f64, u64)>,
    /// What was measured on the way, one line each.
    pub(crate) history: Vec<String>,
}

/// The folder of a model or head in the making.
pub(crate) struct Store {
    folder: PathBuf,
}

impl Store {
    /// Makes the folder; one that exists is only used to resume in, or to overwrite with `force`.
    pub(crate) fn create(folder: &Path, resume: bool, force: bool) -> Result<Self, TrainError> {
        let taken = folder.read_dir().is_ok_and(|mut entries| entries.next().is_some());
        if taken && !resume && !force {
            return Err(TrainError::Store {
                action: "making the output folder",
                path: folder.to_owned(),
                reason: "it is not empty; use --force to overwrite or --resume to go on".to_owned(),
            });
        }
        let path = folder.join(CHECKPOINT);
        fs::create_dir_all(&path).map_err(TrainError::store("making the output folder", &path))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Writes a file of the folder, whole or not at all.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), TrainError> {
        let path = self.folder.join(name);
        let mut file = AtomicFile::create(&path, true)?;
        file.write_all(bytes).map_err(TrainError::store("writing", &path))?;
        Ok(file.commit()?)
    }

    /// Takes away a file that something else left in the folder.
    pub(crate) fn remove(&self, name: &str) -> Result<(), TrainError> {
        let path = self.folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(TrainError::store("removing what is overwritten", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Writes the network and, with an optimizer, what is needed to go on from here.
    pub(crate) fn save(
        &self,
        name: &str,
        network: &impl Module,
        optimizer: &ModuleOptimizer,
        state: &State,
    ) -> Result<(), TrainError> {
        self.save_bytes(name, &to_safetensors(network, Storage::F32)?, optimizer, state)
    }

    /// The same of a network that is bytes already.
    pub(crate) fn save_bytes(
        &self,
        name: &str,
        network: &[u8],
        optimizer: &ModuleOptimizer,
        state: &State,
    ) -> Result<(), TrainError> {
        self.write(&format!("{CHECKPOINT}/{name}"), network)?;
        let path = self.checkpoint("optimizer");
        let bytes = optimizer.into_bytes().map_err(|error| unreadable(&path, &error))?;
        self.write(&format!("{CHECKPOINT}/optimizer"), &bytes)?;
        let state = serde_json::to_vec_pretty(state).map_err(|error| unreadable(&path, &error))?;
        self.write(&format!("{CHECKPOINT}/state.json"), &state)
    }

    /// How far the run in this folder was; `None` where there is no checkpoint.
    pub(crate) fn state(&self) -> Result<Option<State>, TrainError> {
        let path = self.checkpoint("state.json");
        if !path.is_file() {
            return Ok(None);
        }
        let bytes = fs::read(&path).map_err(TrainError::store("reading a checkpoint", &path))?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(&path, &error))
    }

    /// Where a file of the checkpoint is.
    pub(crate) fn checkpoint(&self, name: &str) -> PathBuf {
        self.folder.join(CHECKPOINT).join(name)
    }

    /// Gives the optimizer back what it knew at the checkpoint.
    pub(crate) fn restore(&self, optimizer: ModuleOptimizer) -> Result<ModuleOptimizer, TrainError> {
        let path = self.checkpoint("optimizer");
        let bytes = fs::read(&path).map_err(TrainError::store("reading a checkpoint", &path))?;
        optimizer.from_bytes(burn::tensor::Bytes::from_bytes_vec(bytes)).map_err(|error| unreadable(&path, &error))
    }

    /// Removes the checkpoint of a run that is done.
    pub(crate) fn clear_checkpoint(&self) -> Result<(), TrainError> {
        let path = self.folder.join(CHECKPOINT);
        fs::remove_dir_all(&path).map_err(TrainError::store("removing the checkpoint", &path))
    }
}

fn unreadable(path: &Path, error: &impl ToString) -> TrainError {
    TrainError::Store { action: "using a checkpoint", path: path.to_owned(), reason: error.to_string() }
}
