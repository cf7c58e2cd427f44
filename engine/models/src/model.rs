//! An encoder ready to run.

use burn::{module::Module, tensor::Device};
use strandscope_tokens::Tokenizer;

use crate::{
    ModelError,
    checkpoint::WeightType,
    config::{Config, Sizes},
    folder::Folder,
    names,
    network::Network,
};

/// Tokens that a model reads at once which does not tell what it was trained on.
const PLAIN_TOKENS: u64 = 512;

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
        let config = folder.config()?;
        let (weights, sha256) = folder.model_weights(device)?;
        let mut weights = weights.with_tables(tables);
        let config = names::settled(&config, &mut weights)?;
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
        self.config.weight_bytes(self.parameters as u64, self.tables, on_gpu)
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
