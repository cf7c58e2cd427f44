//! A checkpoint with layers that tell rows apart, to be trained as a whole.

use std::path::Path;

use burn::{
    module::{Module, ModuleMapper, Param, ParamId},
    tensor::{Device, Tensor},
};

use crate::{
    ModelError,
    checkpoint::{NamedArray, PlaceInNetwork, Storage, WeightType, Weights, to_safetensors_beside},
    config::Config,
    folder::{Folder, MODEL_CONFIG},
    model::Model,
    names,
    network::Network,
    published::classifier_document,
};

/// A checkpoint with layers that tell rows apart, but for its weights.
pub struct Trainable {
    /// Its `config.json`, with the labels.
    pub document: Vec<u8>,
    /// What that says.
    pub config: Config,
    /// What belongs to the checkpoint and is no parameter.
    beside: Vec<NamedArray>,
    /// Tensors that the checkpoint lacked, which were drawn at random.
    pub drawn: Vec<String>,
    /// What was odd about its files, though it can be used.
    pub warnings: Vec<String>,
    /// SHA-256 of the weights it begins with.
    pub sha256: String,
    /// Longest input seen in training, where its card or its configuration says.
    pub context_tokens: Option<u64>,
}

impl Trainable {
    /// Loads the checkpoint of a folder with layers that tell `labels` apart, and the network onto `device`.
    ///
    /// What predicts tokens is left out, as the published classes have it. Layers of classes that the checkpoint lacks,
    /// or has for other labels, are drawn at random: the same `seed` draws the same.
    ///
    /// # Errors
    /// When a file is missing or damaged, or weights and configuration do not fit each other.
    pub fn load(folder: &Folder, labels: &[String], seed: u64, device: &Device) -> Result<(Self, Network), ModelError> {
        let origin = folder.origin(MODEL_CONFIG);
        let document = classifier_document(&folder.read(MODEL_CONFIG)?, &origin, labels)?;
        let config = Config::parse(&document, &origin)?;
        let before = folder.config()?;
        let (weights, sha256) = folder.model_weights(device)?;
        let mut weights = weights.drawing(seed, is_of_classes);
        names::adapt(&config, &mut weights)?;
        weights.ignore(|name| ["cls.", "lm_head."].iter().any(|stem| name.starts_with(stem)));
        let has_these = before.classes().is_some_and(|classes| !classes.per_token && classes.labels == labels);
        if !has_these {
            weights.ignore(|name| name.starts_with("classifier."));
        }
        let network = Network::load(&config, &mut weights);
        let (beside, drawn) = (weights.beside()?, weights.drawn().to_vec());
        let warnings = weights.finish()?;
        let of_card = folder.model_card()?.map(|card| card.context_tokens);
        let context_tokens = of_card.or_else(|| config.context_tokens().map(|tokens| tokens as u64));
        Ok((Self { document, config, beside, drawn, warnings, sha256, context_tokens }, network))
    }

    /// A network of the same shape, from a file that [`Self::bytes`] gave.
    ///
    /// # Errors
    /// When the file cannot be read or is of another network.
    pub fn load_network(&self, path: &Path, device: &Device) -> Result<Network, ModelError> {
        let mut weights = Weights::open(path, device)?;
        names::adapt(&self.config, &mut weights)?;
        let network = Network::load(&self.config, &mut weights);
        weights.finish()?;
        Ok(network)
    }

    /// A network of this shape as the bytes of a weights file.
    ///
    /// # Errors
    /// When the device gives the values back in another type.
    pub fn bytes(&self, network: &Network) -> Result<Vec<u8>, ModelError> {
        to_safetensors_beside(network, Storage::F32, &self.beside)
    }

    /// A network of this shape as a model that runs; it has no checksum yet.
    pub fn model(&self, folder: &Folder, network: Network) -> Model {
        Model {
            folder: folder.clone(),
            config: self.config.clone(),
            parameters: network.num_params(),
            network,
            sha256: String::new(),
            context_tokens: self.context_tokens,
            tables: WeightType::F32,
            warnings: Vec::new(),
        }
    }
}

/// The network with every parameter fixed but those of the layers that tell rows apart, and `tables`.
#[must_use]
pub fn learning_classes_and(network: Network, tables: &[ParamId]) -> Network {
    struct Fix<'a>(PlaceInNetwork, &'a [ParamId]);
    impl ModuleMapper for Fix<'_> {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.0.enter(name, container);
        }
        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.0.leave();
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let name = self.0.name();
            // The wrapper of an RMT keeps its BERT under a name of its own.
            let learns = is_of_classes(name.strip_prefix("model.").unwrap_or(&name)) || self.1.contains(&param.id);
            param.set_require_grad(learns)
        }
    }
    network.map(&mut Fix(PlaceInNetwork::default(), tables))
}

/// Whether a tensor is one of the layers that tell rows apart.
fn is_of_classes(name: &str) -> bool {
    name.starts_with("classifier.") || name.starts_with("bert.pooler.")
}
