//! The folders of models and heads, on disk or inside the binary.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use burn::tensor::Device;
use serde::de::DeserializeOwned;
use strandscope_tokens::{Tokenizer, TokenizerFiles};

use crate::{
    ModelError,
    card::{HeadCard, ModelCard},
    checkpoint::{self, Stored, Weights, sha256},
    config::Config,
    head::HeadConfig,
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

    /// Opens the weights of a model, in whichever of the published forms they are; tells their SHA-256 as well.
    pub(crate) fn model_weights(&self, device: &Device) -> Result<(Weights, String), ModelError> {
        let Self::Disk(path) = self else { return self.weights(MODEL_WEIGHTS, device) };
        let stored = Stored::open_folder(path)?;
        let sha256 = sha256_of_files(stored.files())?;
        Ok((Weights::new(stored, device), sha256))
    }

    /// SHA-256 of the weights of a model; of several files, that of the list of theirs.
    ///
    /// # Errors
    /// When they are missing or cannot be read.
    pub fn model_sha256(&self) -> Result<String, ModelError> {
        match self {
            Self::Disk(path) => sha256_of_files(Stored::open_folder(path)?.files()),
            Self::BuiltIn(..) => self.sha256(MODEL_WEIGHTS),
        }
    }

    /// Name, type and shape of every tensor of a model.
    ///
    /// # Errors
    /// When its weights are missing, cannot be read or are damaged.
    pub fn model_tensors(&self) -> Result<Vec<(String, String, Vec<usize>)>, ModelError> {
        match self {
            Self::Disk(path) => Ok(Stored::open_folder(path)?.tensors()),
            Self::BuiltIn(..) => self.tensors(MODEL_WEIGHTS),
        }
    }

    /// The tokenizer of a model.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn tokenizer(&self) -> Result<Tokenizer, ModelError> {
        let files = TokenizerFiles::gather(|file| self.has(file).then(|| self.read(file)).transpose())?;
        Ok(Tokenizer::from_files(&files, |file| self.origin(file))?)
    }

    /// The file that its vocabulary is in.
    pub fn tokenizer_file(&self) -> &'static str {
        let (json, vocab) = (TokenizerFiles::TOKENIZER_JSON, TokenizerFiles::VOCAB_TXT);
        if !self.has(json) && self.has(vocab) { vocab } else { json }
    }

    /// Opens a weights file; tells its SHA-256 as well.
    pub(crate) fn weights(&self, file: &str, device: &Device) -> Result<(Weights, String), ModelError> {
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

    /// The card of the classes of a fine-tuned checkpoint, where somebody wrote one.
    ///
    /// # Errors
    /// When the card cannot be read.
    pub fn checkpoint_card(&self) -> Result<Option<HeadCard>, ModelError> {
        self.has(CHECKPOINT_CARD).then(|| self.json(CHECKPOINT_CARD)).transpose()
    }

    /// The configuration of a model.
    ///
    /// # Errors
    /// When it is missing, or describes no network that is known here.
    pub fn config(&self) -> Result<Config, ModelError> {
        Config::parse(&self.read(MODEL_CONFIG)?, &self.origin(MODEL_CONFIG))
    }

    /// The shape of a head.
    ///
    /// # Errors
    /// When it is missing, or describes no head.
    pub fn head_config(&self) -> Result<HeadConfig, ModelError> {
        HeadConfig::parse(&self.read(HEAD_CONFIG)?, &self.origin(HEAD_CONFIG))
    }

    /// Whether it holds a head with a network of its own.
    pub fn is_head(&self) -> bool {
        self.has(HEAD_CONFIG)
    }
}

const COMPLETE: &str = "Check that the folder is complete and readable";
/// The card of a model or head.
pub const CARD: &str = "card.json";
/// The card of the classes of a fine-tuned checkpoint, beside that of the checkpoint itself.
pub const CHECKPOINT_CARD: &str = "head-card.json";

/// Shape of a head.
pub const HEAD_CONFIG: &str = "head.json";
/// Configuration of a model.
pub const MODEL_CONFIG: &str = "config.json";
/// Weights of a model, where they are in one safetensors file.
pub const MODEL_WEIGHTS: &str = "model.safetensors";
/// Weights of a head.
pub const HEAD_WEIGHTS: &str = "head.safetensors";

/// The content of a small file.
///
/// # Errors
/// When it is missing, no regular file, too large, or cannot be read.
pub fn read_small(path: &Path) -> Result<Vec<u8>, ModelError> {
    let failed =
        |source| ModelError::Io { action: "reading a model file", path: path.to_owned(), remedy: COMPLETE, source };
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() || metadata.len() > MAX_JSON_BYTES {
        return Err(failed(io::Error::other("it is no regular file or too large")));
    }
    fs::read(path).map_err(failed)
}

/// Of one file its own, of several that of the list of theirs.
fn sha256_of_files(files: &[PathBuf]) -> Result<String, ModelError> {
    if let [file] = files {
        return sha256_of_file(file);
    }
    let mut list = String::new();
    for file in files {
        list += &format!("{}  {}\n", sha256_of_file(file)?, file.file_name().unwrap_or_default().to_string_lossy());
    }
    Ok(sha256(list.as_bytes()))
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
