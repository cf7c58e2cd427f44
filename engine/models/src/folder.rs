//! Models and heads as folders, on disk or inside the binary.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use burn::{module::Module, tensor::Device};
use serde::de::DeserializeOwned;
use strandscope_tokens::Tokenizer;

use crate::{
    ModelError,
    card::{HeadCard, ModelCard},
    checkpoint::{self, Weights, sha256},
    dnagrinder::{Config, DnaGrinder},
    head::{HeadConfig, TaskHead},
};

/// Largest JSON file that is read.
const MAX_JSON_BYTES: u64 = 64 << 20;

/// Where the files of a model or head are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folder {
    /// A folder on disk.
    Disk(PathBuf),
    /// Files inside the binary: a name, and for each file its name and content.
    BuiltIn(&'static str, &'static [(&'static str, &'static [u8])]),
}

impl Folder {
    /// Name for people: the built-in name, or the last part of the path.
    pub fn name(&self) -> String {
        match self {
            Self::Disk(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            Self::BuiltIn(name, _) => (*name).to_owned(),
        }
    }

    /// `built-in`, or the path.
    pub fn source(&self) -> String {
        match self {
            Self::Disk(path) => path.display().to_string(),
            Self::BuiltIn(..) => "built-in".to_owned(),
        }
    }

    /// How messages name one of its files.
    pub fn origin(&self, file: &str) -> String {
        match self {
            Self::Disk(path) => path.join(file).display().to_string(),
            Self::BuiltIn(name, _) => format!("built-in {name}/{file}"),
        }
    }

    /// Whether it has this file.
    pub fn has(&self, file: &str) -> bool {
        match self {
            Self::Disk(path) => path.join(file).is_file(),
            Self::BuiltIn(_, files) => files.iter().any(|(name, _)| *name == file),
        }
    }

    /// The content of a small file.
    ///
    /// # Errors
    /// When it is missing, no regular file, too large, or cannot be read.
    pub fn read(&self, file: &'static str) -> Result<Vec<u8>, ModelError> {
        match self {
            Self::Disk(path) => read_small(&path.join(file)),
            Self::BuiltIn(..) => Ok(self.embedded(file)?.to_vec()),
        }
    }

    fn embedded(&self, file: &str) -> Result<&'static [u8], ModelError> {
        let Self::BuiltIn(_, files) = self else { return Err(self.missing(file)) };
        files.iter().find(|(name, _)| *name == file).map(|(_, bytes)| *bytes).ok_or_else(|| self.missing(file))
    }

    fn missing(&self, file: &str) -> ModelError {
        let source = io::Error::from(io::ErrorKind::NotFound);
        ModelError::Io { action: "reading a model file", path: self.origin(file).into(), remedy: COMPLETE, source }
    }

    fn json<T: DeserializeOwned>(&self, file: &'static str) -> Result<T, ModelError> {
        serde_json::from_slice(&self.read(file)?).map_err(|error| ModelError::Json {
            what: file,
            origin: self.origin(file),
            reason: error.to_string(),
        })
    }

    /// Opens a weights file; tells its SHA-256 as well.
    fn weights(&self, file: &str, device: &Device) -> Result<(Weights, String), ModelError> {
        match self {
            Self::Disk(path) => {
                let path = path.join(file);
                Ok((Weights::open(&path, device)?, sha256_of_file(&path)?))
            }
            Self::BuiltIn(..) => {
                let bytes = self.embedded(file)?;
                Ok((Weights::from_bytes(bytes, &self.origin(file), device)?, sha256(bytes)))
            }
        }
    }

    /// SHA-256 of one of its files.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn sha256(&self, file: &str) -> Result<String, ModelError> {
        match self {
            Self::Disk(path) => sha256_of_file(&path.join(file)),
            Self::BuiltIn(..) => Ok(sha256(self.embedded(file)?)),
        }
    }

    /// Name, type and shape of every tensor of a weights file.
    ///
    /// # Errors
    /// When the file cannot be read or its header is damaged.
    pub fn tensors(&self, file: &str) -> Result<Vec<(String, String, Vec<usize>)>, ModelError> {
        match self {
            Self::Disk(path) => checkpoint::list_tensors(&path.join(file)),
            Self::BuiltIn(..) => checkpoint::list_tensors_of(self.embedded(file)?, &self.origin(file)),
        }
    }

    /// The card of a model, where it has one.
    ///
    /// # Errors
    /// When the card cannot be read.
    pub fn model_card(&self) -> Result<Option<ModelCard>, ModelError> {
        self.has(CARD).then(|| self.json(CARD)).transpose()
    }

    /// The card of a head.
    ///
    /// # Errors
    /// When it is missing or cannot be read.
    pub fn head_card(&self) -> Result<HeadCard, ModelError> {
        self.json(CARD)
    }
}

const COMPLETE: &str = "Check that the folder is complete and readable";
const CARD: &str = "card.json";

/// Weights of a model.
pub const MODEL_WEIGHTS: &str = "model.safetensors";
/// Weights of a head.
pub const HEAD_WEIGHTS: &str = "head.safetensors";

/// An encoder ready to run.
pub struct Model {
    /// Where it came from.
    pub folder: Folder,
    /// Its configuration.
    pub config: Config,
    /// Its network.
    pub network: DnaGrinder,
    /// SHA-256 of its weights.
    pub sha256: String,
    /// Number of parameters.
    pub parameters: usize,
    /// Longest input seen in training, where its card says.
    pub context_tokens: Option<u64>,
}

impl Model {
    /// Loads the encoder of a folder onto a device.
    ///
    /// # Errors
    /// When a file is missing or damaged, or weights and configuration do not fit each other.
    pub fn load(folder: &Folder, device: &Device) -> Result<Self, ModelError> {
        let config = Config::parse(&folder.read("config.json")?, &folder.origin("config.json"))?;
        let (mut weights, sha256) = folder.weights(MODEL_WEIGHTS, device)?;
        let network = DnaGrinder::load(&config, &mut weights);
        weights.finish()?;
        let parameters = network.num_params();
        let context_tokens = folder.model_card()?.map(|card| card.context_tokens);
        Ok(Self { folder: folder.clone(), config, network, sha256, parameters, context_tokens })
    }

    /// The tokenizer beside the weights, checked against the vocabulary of the network.
    ///
    /// # Errors
    /// When it is missing, damaged, or larger than the network's vocabulary.
    pub fn tokenizer(&self) -> Result<Tokenizer, ModelError> {
        let tokenizer =
            Tokenizer::from_json(&self.folder.read("tokenizer.json")?, &self.folder.origin("tokenizer.json"))?;
        let (entries, rows) = (tokenizer.vocab_size(), self.config.vocab_size);
        if entries > rows {
            let reason = format!("it has {entries} entries, the network {rows}");
            return Err(ModelError::Config { origin: self.folder.origin("tokenizer.json"), reason });
        }
        Ok(tokenizer)
    }
}

/// A task head ready to run.
pub struct Head {
    /// Where it came from.
    pub folder: Folder,
    /// Its shape.
    pub config: HeadConfig,
    /// Its network.
    pub network: TaskHead,
    /// Its card.
    pub card: HeadCard,
    /// SHA-256 of its weights.
    pub sha256: String,
}

impl Head {
    /// Loads the head of a folder and checks that it belongs to `model`.
    ///
    /// # Errors
    /// When a file is missing or damaged, or the head was trained on another model.
    pub fn load(folder: &Folder, model: &Model, device: &Device) -> Result<Self, ModelError> {
        let config = HeadConfig::parse(&folder.read("head.json")?, &folder.origin("head.json"))?;
        let card = folder.head_card()?;
        let mismatch = |reason| ModelError::Mismatch { head: folder.name(), model: model.folder.name(), reason };
        if config.hidden_size != model.config.hidden_size {
            let (reads, gives) = (config.hidden_size, model.config.hidden_size);
            return Err(mismatch(format!("it reads states of width {reads}, the model gives {gives}")));
        }
        if card.model_sha256 != model.sha256 {
            return Err(mismatch(format!(
                "it was trained on weights {}, these are {}",
                card.model_sha256, model.sha256
            )));
        }
        if card.labels.len() != config.labels || card.kind != config.kind {
            return Err(mismatch("its card and its head.json name other labels or another kind".to_owned()));
        }
        if config.fixed_length_bp().is_some_and(|length| length as u64 != card.input_length_bp) {
            return Err(mismatch("its card and its head.json name different lengths".to_owned()));
        }
        let (mut weights, sha256) = folder.weights(HEAD_WEIGHTS, device)?;
        let network = TaskHead::load(&config, &mut weights);
        weights.finish()?;
        Ok(Self { folder: folder.clone(), config, network, card, sha256 })
    }
}

fn read_small(path: &Path) -> Result<Vec<u8>, ModelError> {
    let failed =
        |source| ModelError::Io { action: "reading a model file", path: path.to_owned(), remedy: COMPLETE, source };
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() || metadata.len() > MAX_JSON_BYTES {
        return Err(failed(io::Error::other("it is no regular file or too large")));
    }
    fs::read(path).map_err(failed)
}

fn sha256_of_file(path: &Path) -> Result<String, ModelError> {
    use sha2::{Digest, Sha256};
    let failed = |source| ModelError::Io { action: "reading weights", path: path.to_owned(), remedy: COMPLETE, source };
    let (mut file, _) = checkpoint::open_file(path)?;
    let mut digest = Sha256::new();
    io::copy(&mut file, &mut HashWriter(&mut digest)).map_err(failed)?;
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Feeds what is written to a digest.
struct HashWriter<'a>(&'a mut sha2::Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        sha2::Digest::update(self.0, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
