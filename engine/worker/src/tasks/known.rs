//! Models and heads by name: those in the binary, those of the user's library, and any folder.

use std::path::{Path, PathBuf};

use strandscope_library::{Catalogue, Installed, Library as Installation, Manifest};
use strandscope_models::{
    ModelError, builtin,
    card::{HeadCard, ModelCard},
    folder::{Folder, HEAD_WEIGHTS},
};

use crate::{
    EngineOptions, ErrorKind, HeadEntry, JobError, Library, ModelEntry, Published, UnusableEntry, engine::Stop,
};

/// What is known by name.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) installation: Installation,
}

impl Known {
    pub(crate) fn new(options: &EngineOptions) -> Self {
        Self { installation: Installation::open(options.data_folder()) }
    }

    /// Where the model of this name or folder is; the built-in one without a name.
    pub(crate) fn model(&self, name: Option<&str>) -> Result<Folder, Stop> {
        match name {
            Some(name) => self.found(name, builtin::models()).ok_or_else(|| self.unknown("model", name)),
            None => builtin::models().first().cloned().ok_or_else(no_model),
        }
    }

    /// Where the head of this name or folder is.
    pub(crate) fn head(&self, name: &str) -> Result<Folder, Stop> {
        self.found(name, builtin::heads()).ok_or_else(|| self.unknown("head", name))
    }

    /// Where the head or model of this name or folder is; what it is, its files say.
    pub(crate) fn head_or_model(&self, name: &str) -> Result<Folder, Stop> {
        self.head(name).or_else(|_| self.model(Some(name)))
    }

    /// Where the model is that a head with a network of its own was trained on, if it is known here.
    pub(crate) fn model_beneath(&self, head: &HeadCard) -> Result<Option<Folder>, Stop> {
        let library = self.list()?;
        library.model_beneath(head).map(|model| self.model(Some(&model.card.name))).transpose()
    }

    /// SHA-256 of the weights of a model or head, where it is known without reading much.
    pub(crate) fn sha256(&self, folder: &Folder) -> Option<String> {
        let Folder::Disk(path) = folder else {
            let weights = if folder.is_head() { folder.sha256(HEAD_WEIGHTS) } else { folder.model_sha256() };
            return weights.ok();
        };
        let installed = self.installation.installed().ok()?;
        let manifest = installed.into_iter().find(|installed| installed.folder == *path)?.manifest?;
        let files = if folder.is_head() { vec![PathBuf::from(HEAD_WEIGHTS)] } else { folder.model_files().ok()? };
        sha256_of(&manifest, &files)
    }

    fn found(&self, name: &str, built_in: &[Folder]) -> Option<Folder> {
        let named = built_in.iter().find(|folder| folder.name() == name).cloned();
        let installed = || self.installation.find(name).map(Folder::Disk);
        named.or_else(installed).or_else(|| Path::new(name).is_dir().then(|| Folder::Disk(name.into())))
    }

    /// Nothing has this name; where the catalogue has it, that is told.
    fn unknown(&self, kind: &'static str, name: &str) -> Stop {
        if Catalogue::built_in().is_ok_and(|catalogue| catalogue.entry(name).is_ok()) {
            let message = format!(
                "{kind} {name} is published, but not on this computer: fetch it with 'strandscope models get {name}'"
            );
            return JobError::new(ErrorKind::BadInput, message).into();
        }
        let built_in = if kind == "model" { builtin::models() } else { builtin::heads() };
        let installed = self.installation.installed().unwrap_or_default();
        let installed = installed.into_iter().map(|installed| installed.name);
        let names: Vec<String> = built_in.iter().map(Folder::name).chain(installed).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        ModelError::Unknown { kind, name: name.to_owned(), known }.into()
    }

    /// Every model and head known here, and those that can be fetched.
    pub(crate) fn list(&self) -> Result<Library, Stop> {
        let mut library = built_in()?;
        let installed = self.installation.installed()?;
        let is_there = |name: &str| installed.iter().any(|installed| installed.name == name);
        let unfinished = self.installation.unfinished()?;
        let entries = Catalogue::built_in()?.entries.into_iter().filter(|entry| !is_there(&entry.name));
        let published = |entry: strandscope_library::Entry| {
            let is_begun = unfinished.contains(&entry.name);
            Published { entry, is_begun }
        };
        library.published = entries.map(published).collect();
        for installed in installed {
            let name = installed.name.clone();
            if let Err(error) = add(&mut library, installed) {
                library.unusable.push(UnusableEntry { name, reason: error.message });
            }
        }
        Ok(library)
    }
}

fn no_model() -> Stop {
    let message = "no model is built into this copy of the program; name a folder with --model";
    JobError::new(ErrorKind::BadInput, message).into()
}

/// What is inside the binary.
fn built_in() -> Result<Library, Stop> {
    let mut library = Library::default();
    for folder in builtin::models() {
        let Some(card) = folder.model_card()? else { continue };
        let sha256 = Some(folder.model_sha256()?);
        library.models.push(ModelEntry { card, sha256, source: folder.source(), origin: None, commercial_use: None });
    }
    for folder in builtin::heads() {
        let (card, sha256) = (folder.head_card()?, Some(folder.sha256(HEAD_WEIGHTS)?));
        library.heads.push(HeadEntry { card, sha256, source: folder.source(), origin: None, commercial_use: None });
    }
    Ok(library)
}

/// Adds a model or head of the user's library, or both where it is both.
fn add(library: &mut Library, installed: Installed) -> Result<(), JobError> {
    let Installed { name, folder, manifest, problem } = installed;
    if let Some(problem) = problem {
        return Err(JobError::new(ErrorKind::BadInput, problem));
    }
    let folder = Folder::Disk(folder);
    let source = folder.source();
    let commercial_use = manifest.as_ref().and_then(|manifest| manifest.commercial_use);
    let origin = manifest.as_ref().map(|manifest| manifest.source.to_string());
    if folder.is_head() {
        let card = HeadCard { name, ..folder.head_card()? };
        let sha256 = manifest.as_ref().and_then(|manifest| sha256_of(manifest, &[PathBuf::from(HEAD_WEIGHTS)]));
        library.heads.push(HeadEntry { card, sha256, source, origin, commercial_use });
        return Ok(());
    }
    let no_card = || {
        let message = "it has no card.json; add it with 'strandscope models import', which looks at all of it";
        JobError::new(ErrorKind::BadInput, message)
    };
    let card = ModelCard { name: name.clone(), ..folder.model_card()?.ok_or_else(no_card)? };
    let files = folder.model_files()?;
    let sha256 = manifest.as_ref().and_then(|manifest| sha256_of(manifest, &files));
    if let Some(card) = folder.checkpoint_card()? {
        let card = HeadCard { name, ..card };
        let (sha256, source, origin) = (sha256.clone(), source.clone(), origin.clone());
        library.heads.push(HeadEntry { card, sha256, source, origin, commercial_use });
    }
    library.models.push(ModelEntry { card, sha256, source, origin, commercial_use });
    Ok(())
}

/// SHA-256 of weights as they were when they came; `None` where that is not written down of all of them.
fn sha256_of(manifest: &Manifest, files: &[PathBuf]) -> Option<String> {
    let of_file = |path: &PathBuf| {
        let name = path.file_name()?.to_str()?;
        let record = manifest.files.iter().find(|record| record.name == name)?;
        Some((name.to_owned(), record.sha256.clone()))
    };
    let files: Vec<(String, String)> = files.iter().map(of_file).collect::<Option<_>>()?;
    Some(strandscope_models::folder::sha256_of_several(&files))
}
