//! Models and heads, loaded once and kept.

use std::{ffi::OsString, path::Path, rc::Rc};

use burn::tensor::Device;
use strandscope_models::{
    checkpoint::WeightType,
    folder::{CHECKPOINT_CARD, Folder},
    head::Head,
    model::Model,
};
use strandscope_tokens::Tokenizer;

use super::{genomes::Stamp, known::Known};
use crate::engine::{Job, Stop};

/// Models kept in memory; a large one is several hundred megabytes.
const MOST_MODELS: usize = 2;

/// Heads kept in memory.
const MOST_HEADS: usize = 8;

/// A model with its tokenizer.
pub(crate) struct LoadedModel {
    pub(crate) model: Model,
    pub(crate) tokenizer: Tokenizer,
}

impl LoadedModel {
    /// Where it is and the SHA-256 of its weights, for provenance.
    pub(crate) fn identity(&self) -> (&Folder, &str) {
        (&self.model.folder, &self.model.sha256)
    }

    /// Tells what was odd about its files.
    pub(crate) fn tell_oddities(&self, job: &Job) {
        for oddity in &self.model.warnings {
            job.warn(format!("{}: {oddity}", self.model.folder.name()));
        }
    }
}

/// What has been loaded.
pub(crate) struct Shelf {
    known: Known,
    device: Device,
    tables: WeightType,
    models: Vec<(Key, Rc<LoadedModel>)>,
    heads: Vec<(Key, String, Rc<Head>)>,
}

/// A folder as it was when it was loaded.
#[derive(PartialEq, Eq)]
pub(crate) struct Key {
    folder: Folder,
    /// Its files, by name.
    files: Vec<(OsString, Stamp)>,
}

impl Key {
    pub(crate) fn of(folder: &Folder) -> Self {
        let entries = match folder {
            Folder::Disk(path) => path.read_dir().into_iter().flatten().flatten().collect(),
            Folder::BuiltIn(..) => Vec::new(),
        };
        let mut files: Vec<_> = entries.iter().map(|entry| (entry.file_name(), Stamp::of(&entry.path()))).collect();
        files.sort_by(|a, b| a.0.cmp(&b.0));
        Self { folder: folder.clone(), files }
    }

    /// The same of a network alone: whoever edits the card of its classes need not wait for weights again.
    pub(crate) fn of_network(folder: &Folder) -> Self {
        let mut key = Self::of(folder);
        key.files.retain(|(name, _)| name != CHECKPOINT_CARD);
        key
    }
}

impl Shelf {
    pub(crate) fn new(known: Known, device: Device, tables: WeightType) -> Self {
        Self { known, device, tables, models: Vec::new(), heads: Vec::new() }
    }

    /// The model of this name or folder, or the built-in one, with its tokenizer.
    pub(crate) fn model(&mut self, name: Option<&str>) -> Result<Rc<LoadedModel>, Stop> {
        self.model_in(self.known.model(name)?)
    }

    fn model_in(&mut self, folder: Folder) -> Result<Rc<LoadedModel>, Stop> {
        let key = Key::of_network(&folder);
        if let Some((_, model)) = self.models.iter().find(|(known, _)| *known == key) {
            return Ok(Rc::clone(model));
        }
        self.models.retain(|(known, _)| known.folder != folder);
        if self.models.len() >= MOST_MODELS {
            self.models.remove(0);
        }
        let model = Model::load_as(&folder, &self.device, self.tables)?;
        let tokenizer = model.tokenizer()?;
        let loaded = Rc::new(LoadedModel { model, tokenizer });
        self.models.push((key, Rc::clone(&loaded)));
        Ok(loaded)
    }

    /// The model for the head of this name or folder: a fine-tuned checkpoint is its own, and a head with a network of
    /// its own has that on which it was trained, as far as that is known here.
    pub(crate) fn model_of(&mut self, head: &str, name: Option<&str>) -> Result<Rc<LoadedModel>, Stop> {
        match self.known.head(head)? {
            folder @ Folder::Disk(_) if name.is_none() && !folder.is_head() => self.model_in(folder),
            folder @ Folder::Disk(_) if name.is_none() => match self.known.model_beneath(&folder.head_card()?)? {
                Some(model) => self.model_in(model),
                None => self.model(None),
            },
            _ => self.model(name),
        }
    }

    /// The head of this name or folder, for `model`.
    pub(crate) fn head(&mut self, name: &str, model: &Model) -> Result<Rc<Head>, Stop> {
        let folder = self.known.head(name)?;
        let key = Key::of(&folder);
        let known = self.heads.iter().find(|(known, sha256, _)| *known == key && *sha256 == model.sha256);
        if let Some((.., head)) = known {
            return Ok(Rc::clone(head));
        }
        self.heads.retain(|(known, ..)| known.folder != folder);
        if self.heads.len() >= MOST_HEADS {
            self.heads.remove(0);
        }
        let head = Rc::new(Head::load(&folder, model, &self.device)?);
        self.heads.push((key, model.sha256.clone(), Rc::clone(&head)));
        Ok(head)
    }

    /// The same on a device that differentiates.
    pub(crate) fn network_to_train(&self, path: &Path) -> Result<Model, Stop> {
        Ok(Model::load(&self.known.model(Some(&path.to_string_lossy()))?, &self.device.clone().autodiff())?)
    }

    /// The network of a model alone, for work that needs no tokenizer.
    pub(crate) fn network(&self, path: &Path) -> Result<Model, Stop> {
        Ok(Model::load_as(&self.known.model(Some(&path.to_string_lossy()))?, &self.device, self.tables)?)
    }
}

/// The tokenizer that was used last; it takes neither weights nor a device.
#[derive(Default)]
pub(crate) struct LastTokenizer(Option<LoadedTokenizer>);

/// The tokenizer of a model.
pub(crate) struct LoadedTokenizer {
    key: Key,
    pub(crate) tokenizer: Tokenizer,
    sha256: Option<String>,
}

impl LastTokenizer {
    /// The tokenizer of the model in `folder`.
    pub(crate) fn of(&mut self, folder: &Folder) -> Result<&mut LoadedTokenizer, Stop> {
        let key = Key::of_network(folder);
        let loaded = match self.0.take().filter(|loaded| loaded.key == key) {
            Some(loaded) => loaded,
            None => LoadedTokenizer { key, tokenizer: folder.tokenizer()?, sha256: None },
        };
        Ok(self.0.insert(loaded))
    }
}

impl LoadedTokenizer {
    /// SHA-256 of the model's weights, or of the tokenizer where it came alone.
    pub(crate) fn sha256(&mut self) -> Result<&str, Stop> {
        let sha256 = match self.sha256.take() {
            Some(sha256) => sha256,
            None => {
                let folder = &self.key.folder;
                folder.model_sha256().or_else(|_| folder.sha256(folder.tokenizer_file()))?
            }
        };
        Ok(self.sha256.insert(sha256))
    }
}
