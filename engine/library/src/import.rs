//! Import: a folder of the user's own is copied into the library, whole or not at all.

use std::{
    error::Error,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{
    Added, Adding, FileRecord, Library, LibraryError, Manifest, Source, Step, Verified, Watch,
    checksum::hex,
    disk::{Output, check_room},
    manifest::{MANIFEST, read_json},
    name,
    progress::Watched,
    shelf::Place,
};

impl Library {
    /// Copies the folder `dir` into the library. Only files that a model may have are taken; `check` sees the copy
    /// before it gets its name and may refuse it.
    ///
    /// # Errors
    /// When the name is taken or cannot be given, the folder holds no model, a file leads out of it, the disk is full,
    /// `check` refuses, or `watch` stops it. Nothing is left behind then.
    pub fn import<E: Into<Box<dyn Error + Send + Sync>>>(
        &self,
        dir: &Path,
        adding: &Adding,
        watch: &mut Watch<'_>,
        check: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<Added, LibraryError> {
        let place = self.claim(&adding.name)?;
        place.check_free(adding.force)?;
        let from = Folder::read(dir)?;
        let staged = Staged { folder: place.staging(), place: &place };
        fs::create_dir(&staged.folder).map_err(|error| LibraryError::writing(&staged.folder, error))?;
        check_room(&*self.disk, &staged.folder, from.bytes())?;
        let mut files = Vec::new();
        for name in &from.files {
            files.push(self.copy(&from.path, &staged.folder, name, watch)?);
        }
        let source = Source::Folder { path: from.path.display().to_string() };
        let manifest = Manifest::new(source, &licence(&staged.folder), None, files);
        manifest.write(&*self.disk, &staged.folder)?;
        check(&staged.folder).map_err(|error| LibraryError::Unusable {
            name: adding.name.clone(),
            remedy: "Put the folder right and import it again",
            source: error.into(),
        })?;
        let installed = place.put(&staged.folder)?;
        Ok(Added { installed, warnings: from.warnings() })
    }

    /// Copies one file and makes the copy last.
    fn copy(&self, from: &Path, to: &Path, name: &str, watch: &mut Watch<'_>) -> Result<FileRecord, LibraryError> {
        let (from, to) = (from.join(name), to.join(name));
        let unread = |error| LibraryError::importing(&from, error);
        let mut source = File::open(&from).map_err(unread)?;
        let mut target = Output::create(&*self.disk, &to)?;
        let mut watched = Watched::new(watch, name);
        watched.total_bytes = Some(source.metadata().map_err(unread)?.len());
        let (mut sha256, mut size_bytes) = (Sha256::new(), 0);
        let mut buffer = vec![0; 1 << 20];
        loop {
            watched.at(Step::Copying, size_bytes)?;
            let read = source.read(&mut buffer).map_err(unread)?;
            if read == 0 {
                break;
            }
            sha256.update(&buffer[..read]);
            target.write(&buffer[..read])?;
            size_bytes += read as u64;
        }
        target.sync()?;
        let (name, sha256) = (name.to_owned(), hex(&sha256.finalize()));
        Ok(FileRecord { name, size_bytes, sha256, verified: Verified::Copied })
    }
}

/// What the card says about the licence.
fn licence(folder: &Path) -> String {
    let card: Option<serde_json::Value> = read_json(&folder.join("card.json")).unwrap_or_default();
    let licence = card.as_ref().and_then(|card| card.get("licence")?.as_str());
    licence.unwrap_or("unclear").to_owned()
}

/// The folder that is imported.
struct Folder {
    path: PathBuf,
    /// The folder that links may not lead out of.
    root: PathBuf,
    /// Files that are taken, by name.
    files: Vec<String>,
    /// What is left out, by name.
    left_out: Vec<String>,
}

impl Folder {
    fn read(dir: &Path) -> Result<Self, LibraryError> {
        let no_model = |reason: &str| LibraryError::NoModel { folder: dir.to_owned(), reason: reason.to_owned() };
        let unread = |error| LibraryError::importing(dir, error);
        let path = dir.canonicalize().map_err(unread)?;
        if !path.is_dir() {
            return Err(no_model("it is no folder"));
        }
        let root = root_of(&path).to_owned();
        let mut folder = Self { path, root, files: Vec::new(), left_out: Vec::new() };
        for entry in fs::read_dir(&folder.path).map_err(unread)? {
            let name = entry.map_err(unread)?.file_name();
            match name.to_str().filter(|name| name::is_model_file(name)) {
                Some(name) => {
                    folder.check_file(name)?;
                    folder.files.push(name.to_owned());
                }
                None => folder.left_out.push(name.to_string_lossy().into_owned()),
            }
        }
        folder.files.sort();
        folder.left_out.sort();
        if !folder.files.iter().any(|name| name == "config.json" || name == "head.json") {
            return Err(no_model("it has neither config.json nor head.json"));
        }
        Ok(folder)
    }

    fn bytes(&self) -> u64 {
        let sizes = self.files.iter().filter_map(|name| fs::metadata(self.path.join(name)).ok());
        sizes.map(|metadata| metadata.len()).sum()
    }

    /// Only plain files, and links that stay inside.
    fn check_file(&self, name: &str) -> Result<(), LibraryError> {
        let path = self.path.join(name);
        let refused = |reason: String| Err(LibraryError::NotInFolder { path: path.clone(), reason });
        let target = path.canonicalize().map_err(|error| LibraryError::importing(&path, error))?;
        if !target.starts_with(&self.root) {
            return refused(format!("it is a link that leads out of the folder, to {}", target.display()));
        }
        if !target.is_file() {
            return refused("it is no regular file".to_owned());
        }
        Ok(())
    }

    fn warnings(&self) -> Vec<String> {
        let ours = [".gitattributes", MANIFEST];
        let left_out: Vec<_> = self.left_out.iter().filter(|name| !ours.contains(&name.as_str())).cloned().collect();
        if left_out.is_empty() {
            return Vec::new();
        }
        vec![format!("left out, since no model needs them: {}", left_out.join(", "))]
    }
}

/// The folder itself, or the model's folder in the hub's own cache: there `snapshots/COMMIT` links to files in `blobs`.
fn root_of(path: &Path) -> &Path {
    let above = path.parent().filter(|above| above.file_name().is_some_and(|name| name == "snapshots"));
    above.and_then(Path::parent).filter(|root| root.join("blobs").is_dir()).unwrap_or(path)
}

/// A copy that goes away unless it was put in place.
struct Staged<'a> {
    folder: PathBuf,
    place: &'a Place,
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.place.discard(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "a copy could not be removed");
        }
    }
}
