//! Weights in several files, and the index that says which tensor is in which.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Component, Path},
};

use serde::Deserialize;

use crate::ModelError;

/// Largest index that is read.
const MAX_INDEX_BYTES: u64 = 64 << 20;

/// An index: for each tensor the name of its file, in the folder of the index.
pub(super) struct Index {
    what: &'static str,
    origin: String,
    shard_of: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct IndexFile {
    weight_map: BTreeMap<String, String>,
}

impl Index {
    /// Reads `what`, and sees that all files it names are there.
    pub(super) fn read(folder: &Path, what: &'static str) -> Result<Self, ModelError> {
        let path = folder.join(what);
        let failed = |source| ModelError::Io {
            action: "reading a model file",
            path: path.clone(),
            remedy: "Check that the folder is complete and readable",
            source,
        };
        if fs::metadata(&path).map_err(failed)?.len() > MAX_INDEX_BYTES {
            return Err(failed(io::Error::other("it is too large")));
        }
        let text = fs::read(&path).map_err(failed)?;
        let origin = path.display().to_string();
        let file: IndexFile = serde_json::from_slice(&text).map_err(|error| ModelError::Json {
            what,
            origin: origin.clone(),
            reason: error.to_string(),
        })?;
        let index = Self { what, origin, shard_of: file.weight_map };
        index.check(folder)?;
        Ok(index)
    }

    /// How messages name it.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Names of the files, sorted.
    pub(super) fn shards(&self) -> BTreeSet<&str> {
        self.shard_of.values().map(String::as_str).collect()
    }

    /// Whether every tensor was found in the file the index names; `found` are the files in which tensors are.
    pub(super) fn check_tensors(&self, found: &BTreeMap<String, String>) -> Result<(), ModelError> {
        match self.shard_of.iter().find(|(tensor, shard)| found.get(*tensor) != Some(shard)) {
            Some((tensor, shard)) => Err(self.wrong(format!("{tensor} is not in {shard}"))),
            None => Ok(()),
        }
    }

    pub(super) fn wrong(&self, reason: String) -> ModelError {
        ModelError::Json { what: self.what, origin: self.origin.clone(), reason }
    }

    fn check(&self, folder: &Path) -> Result<(), ModelError> {
        let shards = self.shards();
        if shards.is_empty() {
            return Err(self.wrong("weight_map names no tensors".to_owned()));
        }
        if let Some(shard) = shards.iter().find(|shard| !is_inside(shard)) {
            return Err(self.wrong(format!("weight_map names the file {shard:?}, which is not in its folder")));
        }
        let missing: Vec<String> =
            shards.into_iter().filter(|shard| !folder.join(shard).is_file()).map(str::to_owned).collect();
        if missing.is_empty() { Ok(()) } else { Err(ModelError::Shards { origin: self.origin.clone(), missing }) }
    }
}

/// Whether a path stays inside the folder it is joined to.
fn is_inside(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_out_of_the_folder_are_told() {
        for path in ["", "..", "../model.bin", "/etc/passwd", "a/../../b", "."] {
            assert!(!is_inside(path), "{path} is not inside");
        }
        for path in ["model-00001-of-00002.safetensors", "parts/1.bin", "a..b"] {
            assert!(is_inside(path), "{path} is inside");
        }
    }
}
