//! Models and heads as folders, on disk or inside the binary.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use burn::{module::Module, tensor::Device};
use serde::de::DeserializeOwned;
use strandscope_tokens::{Tokenizer, TokenizerFiles};

use crate::{
    ModelError,
    card::{HeadCard, HeadKind, ModelCard},
    checkpoint::{self, Stored, WeightType, Weights, sha256},
    config::{Config, Sizes},
    head::{HeadConfig, TaskHead},
    names,
    network::Network,
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
    fn model_weights(&self, device: &Device) -> Result<(Weights, String), ModelError> {
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
const HEAD_CONFIG: &str = "head.json";
/// The card of the classes of a fine-tuned checkpoint, beside that of the checkpoint itself.
const CHECKPOINT_CARD: &str = "head-card.json";
/// Tokens that a model reads at once which does not tell what it was trained on.
const PLAIN_TOKENS: u64 = 512;

/// Weights of a model, where they are in one safetensors file.
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
    pub network: Network,
    /// SHA-256 of its weights; of several files, that of the list of theirs.
    pub sha256: String,
    /// Number of parameters.
    pub parameters: usize,
    /// Longest input seen in training, where its card or its configuration says.
    pub context_tokens: Option<u64>,
    /// In which type the tables of its feed-forward layers are kept.
    pub tables: WeightType,
    /// What was odd about its files, though it can be used.
    pub warnings: Vec<String>,
}

impl Model {
    /// Loads the encoder of a folder onto a device.
    ///
    /// # Errors
    /// When a file is missing or damaged, or weights and configuration do not fit each other.
    pub fn load(folder: &Folder, device: &Device) -> Result<Self, ModelError> {
        Self::load_as(folder, device, WeightType::F32)
    }

    /// The same with the tables of feed-forward layers kept in this type.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_as(folder: &Folder, device: &Device, tables: WeightType) -> Result<Self, ModelError> {
        let config = Config::parse(&folder.read("config.json")?, &folder.origin("config.json"))?;
        let (weights, sha256) = folder.model_weights(device)?;
        let mut weights = weights.with_tables(tables);
        names::adapt(&config, &mut weights)?;
        let there = weights.names();
        let config = config.settled(|stem| there.iter().any(|name| name.starts_with(stem)));
        let network = Network::load(&config, &mut weights);
        let warnings = weights.finish()?;
        let parameters = network.num_params();
        let of_card = folder.model_card()?.map(|card| card.context_tokens);
        let context_tokens = of_card.or_else(|| config.context_tokens().map(|tokens| tokens as u64));
        Ok(Self { folder: folder.clone(), config, network, sha256, parameters, context_tokens, tables, warnings })
    }

    /// Tokens that are read at once where nobody says otherwise: the longest row in training, as far as that is known.
    pub fn context_tokens(&self) -> u64 {
        self.context_tokens.unwrap_or(PLAIN_TOKENS)
    }

    /// What its weights take in memory, in bytes.
    pub fn weight_bytes(&self, on_gpu: bool) -> u64 {
        let Sizes { hidden_size, intermediate_size, num_hidden_layers, .. } = self.sizes();
        let tables = if self.config.is_gated() { 3 } else { 2 };
        let narrow = (tables * num_hidden_layers * hidden_size * intermediate_size) as u64;
        let saved = if on_gpu { 0 } else { WeightType::F32.bytes() - self.tables.bytes() };
        self.parameters as u64 * WeightType::F32.bytes() - narrow * saved
    }

    /// What every network has.
    pub fn sizes(&self) -> &Sizes {
        self.config.sizes()
    }

    /// Whether rows of so many tokens can be read.
    ///
    /// # Errors
    /// When it has places for fewer.
    pub fn check_length(&self, tokens: usize) -> Result<(), ModelError> {
        match self.config.most_tokens() {
            Some(most) if tokens > most => Err(ModelError::TooLong { model: self.folder.name(), tokens, most }),
            _ => Ok(()),
        }
    }

    /// The tokenizer beside the weights, checked against the vocabulary of the network.
    ///
    /// # Errors
    /// When it is missing, damaged, or its vocabulary is not the network's.
    pub fn tokenizer(&self) -> Result<Tokenizer, ModelError> {
        let tokenizer = self.folder.tokenizer()?;
        let rows = match &self.config {
            Config::Rmt(config) => config.memory.base_vocab_size,
            config => config.sizes().vocab_size,
        };
        let entries = tokenizer.vocab_size();
        if entries != rows {
            let origin = self.folder.origin(self.folder.tokenizer_file());
            let reason =
                format!("the tokenizer has a vocabulary of {entries} tokens, the embedding of the network {rows} rows");
            return Err(ModelError::Vocabulary { origin, reason });
        }
        Ok(tokenizer)
    }
}

/// A task head ready to run.
pub struct Head {
    /// Where it came from.
    pub folder: Folder,
    /// What it answers with.
    pub answers: Answers,
    /// Its card.
    pub card: HeadCard,
    /// SHA-256 of its weights.
    pub sha256: String,
}

/// What a head answers with.
pub enum Answers {
    /// A network of its own, on bases and the encoder's states.
    Own {
        /// Its shape.
        config: HeadConfig,
        /// The network.
        network: Box<TaskHead>,
    },
    /// The classes that the encoder itself was fine-tuned to tell apart.
    OfModel,
}

impl Head {
    /// Loads the head of a folder and checks that it belongs to `model`. The folder of a fine-tuned checkpoint is the
    /// head of that checkpoint.
    ///
    /// # Errors
    /// When a file is missing or damaged, or the head was trained on another model.
    pub fn load(folder: &Folder, model: &Model, device: &Device) -> Result<Self, ModelError> {
        if !folder.has(HEAD_CONFIG) && folder.has("config.json") {
            return Self::of_checkpoint(folder, model);
        }
        let config = HeadConfig::parse(&folder.read(HEAD_CONFIG)?, &folder.origin(HEAD_CONFIG))?;
        let card = folder.head_card()?;
        let mismatch = |reason| ModelError::Mismatch { head: folder.name(), model: model.folder.name(), reason };
        if config.hidden_size != model.sizes().hidden_size {
            let (reads, gives) = (config.hidden_size, model.sizes().hidden_size);
            return Err(mismatch(format!("it reads states of width {reads}, the model gives {gives}")));
        }
        check_model(folder, &card, model)?;
        if card.labels.len() != config.labels || card.kind != config.kind {
            return Err(mismatch("its card and its head.json name other labels or another kind".to_owned()));
        }
        if config.fixed_length_bp().is_some_and(|length| length as u64 != card.input_length_bp) {
            return Err(mismatch("its card and its head.json name different lengths".to_owned()));
        }
        let (mut weights, sha256) = folder.weights(HEAD_WEIGHTS, device)?;
        let network = Box::new(TaskHead::load(&config, &mut weights));
        weights.finish()?;
        Ok(Self { folder: folder.clone(), answers: Answers::Own { config, network }, card, sha256 })
    }

    /// The classes that `model` was fine-tuned to tell apart, with the card beside it or one that says what is known.
    fn of_checkpoint(folder: &Folder, model: &Model) -> Result<Self, ModelError> {
        let mismatch = |reason| ModelError::Mismatch { head: folder.name(), model: model.folder.name(), reason };
        let Some(classes) = model.config.classes().filter(|_| *folder == model.folder) else {
            return Err(mismatch(
                "a checkpoint is the head of itself alone, and of one fine-tuned to classify".to_owned(),
            ));
        };
        let card = if folder.has(CHECKPOINT_CARD) {
            folder.json(CHECKPOINT_CARD)?
        } else {
            let tokens = usize::try_from(model.context_tokens()).unwrap_or(usize::MAX);
            HeadCard::of_checkpoint(&folder.name(), classes, model.tokenizer()?.typical_bp(tokens), &model.sha256)
        };
        check_model(folder, &card, model)?;
        let kind = if classes.per_token { HeadKind::Token } else { HeadKind::Sequence };
        if card.labels.len() != classes.labels.len() || card.kind != kind {
            return Err(mismatch(format!("{CHECKPOINT_CARD} and config.json name other labels or another kind")));
        }
        Ok(Self { folder: folder.clone(), answers: Answers::OfModel, card, sha256: model.sha256.clone() })
    }

    /// Its shape, where it has a network of its own.
    pub fn config(&self) -> Option<&HeadConfig> {
        match &self.answers {
            Answers::Own { config, .. } => Some(config),
            Answers::OfModel => None,
        }
    }

    /// Whether the encoder's states are read at all.
    pub fn reads_tokens(&self) -> bool {
        self.config().is_none_or(HeadConfig::reads_tokens)
    }

    /// The one length it reads; `None` where it reads any.
    pub fn fixed_length_bp(&self) -> Option<usize> {
        self.config().and_then(HeadConfig::fixed_length_bp)
    }

    /// How far, to either side, the answer for a base depends on other bases by convolution.
    pub fn reach_bp(&self) -> usize {
        self.config().map_or(0, HeadConfig::reach_bp)
    }
}

/// Whether a card is that of a head of `model`.
fn check_model(folder: &Folder, card: &HeadCard, model: &Model) -> Result<(), ModelError> {
    if card.model_sha256 == model.sha256 {
        return Ok(());
    }
    let reason = format!("it was trained on weights {}, these are {}", card.model_sha256, model.sha256);
    Err(ModelError::Mismatch { head: folder.name(), model: model.folder.name(), reason })
}

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
