//! Folders as the published programs read them: `config.json`, what stands beside weights, and the weights themselves.

use std::{
    fs,
    io::{self, Write},
};

use burn::tensor::Device;
use serde::Serialize;
use serde_json::{Map, Value, json};
use strandscope_tokens::TokenizerFiles;

use crate::{
    ModelError,
    card::HeadCard,
    checkpoint::Stored,
    config::Config,
    folder::{CARD, CHECKPOINT_CARD, Folder, HEAD_CONFIG, HEAD_WEIGHTS, MODEL_CONFIG, read_small},
    names,
    network::Network,
};

/// Files of a folder besides configuration, weights and cards that programs read.
const COMPANIONS: [&str; 5] = [
    TokenizerFiles::TOKENIZER_JSON,
    TokenizerFiles::VOCAB_TXT,
    TokenizerFiles::TOKENIZER_CONFIG,
    "special_tokens_map.json",
    "added_tokens.json",
];

/// Names of files that say what a folder holds: one that is left of another model would be taken for part of this one.
pub const LAYOUT: [&str; 14] = [
    MODEL_CONFIG,
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    TokenizerFiles::TOKENIZER_JSON,
    TokenizerFiles::VOCAB_TXT,
    TokenizerFiles::TOKENIZER_CONFIG,
    "special_tokens_map.json",
    "added_tokens.json",
    CARD,
    CHECKPOINT_CARD,
    HEAD_CONFIG,
    HEAD_WEIGHTS,
];

/// What stands beside the weights of a folder, by name.
pub type Companions = Vec<(String, Vec<u8>)>;

/// The files of the tokenizer of `folder`, and the Python code beside it, which `auto_map` of its `config.json` may name.
///
/// # Errors
/// When one cannot be read or is far too large.
pub fn companions(folder: &Folder) -> Result<Companions, ModelError> {
    let there = COMPANIONS.into_iter().filter(|name| folder.has(name));
    let read = |name: &'static str| -> Result<_, ModelError> { Ok((name.to_owned(), folder.read(name)?)) };
    let mut files = there.map(read).collect::<Result<Companions, _>>()?;
    if let Folder::Disk(path) = folder {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut code: Vec<String> = names.filter(|name| name.ends_with(".py") && path.join(name).is_file()).collect();
        code.sort();
        for name in code {
            let bytes = read_small(&path.join(&name))?;
            files.push((name, bytes));
        }
    }
    Ok(files)
}

/// Files of code that `auto_map` of a `config.json` says stand beside it and that are not among `files`.
pub fn missing_code(document: &[u8], files: &[(String, Vec<u8>)]) -> Vec<String> {
    let fields: Map<String, Value> = serde_json::from_slice(document).unwrap_or_default();
    let classes = fields.get("auto_map").and_then(Value::as_object).into_iter().flat_map(Map::values);
    // `REPOSITORY--MODULE.CLASS` is fetched from elsewhere.
    let local = classes.filter_map(Value::as_str).filter(|class| !class.contains("--"));
    let modules = local.filter_map(|class| class.split_once('.')).map(|(module, _)| format!("{module}.py"));
    let mut missing: Vec<String> = modules.filter(|file| !files.iter().any(|(name, _)| name == file)).collect();
    missing.sort();
    missing.dedup();
    missing
}

/// `config.json` of a checkpoint as that of one with classes: what it says stays, but for the class and the labels.
///
/// # Errors
/// When it is no JSON object or describes no network that is known here.
pub(crate) fn classifier_document(json: &[u8], origin: &str, labels: &[String]) -> Result<Vec<u8>, ModelError> {
    let class = class_of_rows(&Config::parse(json, origin)?);
    changed(json, origin, |fields| {
        let numbered = labels.iter().enumerate();
        let names: Map<String, Value> = numbered.clone().map(|(id, name)| (id.to_string(), json!(name))).collect();
        let ids: Map<String, Value> = numbered.map(|(id, name)| (name.clone(), json!(id))).collect();
        fields.insert("architectures".to_owned(), json!([class]));
        fields.insert("num_labels".to_owned(), json!(labels.len()));
        fields.insert("id2label".to_owned(), names.into());
        fields.insert("label2id".to_owned(), ids.into());
        fields.insert("problem_type".to_owned(), json!("single_label_classification"));
    })
}

/// What the published class that tells rows apart is called.
fn class_of_rows(config: &Config) -> &'static str {
    match config {
        Config::DnaGrinder(_) => "DnaGrinderForSequenceClassification",
        Config::Bert(_) | Config::MosaicBert(_) => "BertForSequenceClassification",
        Config::BigBird(_) => "BigBirdForSequenceClassification",
        Config::Rmt(_) => "RMTEncoderForSequenceClassification",
        Config::Esm(_) => "EsmForSequenceClassification",
    }
}

/// `config.json` beside weights in single precision.
///
/// Where it names neither a kind of model nor code of its own, it is told the kind: without it no program finds the class.
fn exported_document(json: &[u8], origin: &str) -> Result<Vec<u8>, ModelError> {
    let kind = match Config::parse(json, origin)? {
        Config::DnaGrinder(_) => "dnagrinder",
        Config::Bert(_) | Config::MosaicBert(_) | Config::Rmt(_) => "bert",
        Config::BigBird(_) => "big_bird",
        Config::Esm(_) => "esm",
    };
    changed(json, origin, |fields| {
        if !fields.contains_key("model_type") && !fields.contains_key("auto_map") {
            fields.insert("model_type".to_owned(), json!(kind));
        }
        for dtype in ["torch_dtype", "dtype"] {
            if let Some(value) = fields.get_mut(dtype) {
                *value = json!("float32");
            }
        }
    })
}

/// A JSON object with some fields changed; the others stay in their order.
fn changed(json: &[u8], origin: &str, change: impl FnOnce(&mut Map<String, Value>)) -> Result<Vec<u8>, ModelError> {
    let wrong = |error: serde_json::Error| ModelError::Json {
        what: MODEL_CONFIG,
        origin: origin.to_owned(),
        reason: error.to_string(),
    };
    let mut fields: Map<String, Value> = serde_json::from_slice(json).map_err(wrong)?;
    change(&mut fields);
    serde_json::to_vec_pretty(&fields).map_err(wrong)
}

/// A model about to be written as the published programs read it.
pub struct Published {
    /// `config.json`.
    pub document: Vec<u8>,
    /// The files of its tokenizer, and code.
    pub companions: Companions,
    /// What was odd about its files, though it can be used.
    pub warnings: Vec<String>,
    stored: Stored,
    /// What stands before the names that networks ask for.
    prefix: &'static str,
}

impl Published {
    /// Opens the model of a folder, and checks that weights, configuration and tokenizer fit each other.
    ///
    /// # Errors
    /// When a file is missing or damaged, or they do not fit.
    pub fn open(folder: &Folder) -> Result<Self, ModelError> {
        let origin = folder.origin(MODEL_CONFIG);
        let document = folder.read(MODEL_CONFIG)?;
        let (mut weights, _) = folder.model_weights(&Device::flex())?;
        let config = names::settled(&folder.config()?, &mut weights)?;
        drop(Network::load(&config, &mut weights));
        let (used, warnings) = weights.finish_with_used()?;
        let stored = used.expect("the weights of a folder are stored");
        // The wrapper of an RMT keeps its BERT under a name of its own.
        let prefix = if matches!(config, Config::Rmt(_)) { "model." } else { "" };
        let document = exported_document(&document, &origin)?;
        Ok(Self { document, companions: companions(folder)?, warnings, stored, prefix })
    }

    /// Number of its tensors.
    pub fn tensors(&self) -> usize {
        self.stored.tensors().len()
    }

    /// Writes its weights as one safetensors file in single precision, by their published names; `goes_on` is told how
    /// many tensors are done. `false` where it said to stop.
    ///
    /// # Errors
    /// When a tensor cannot be read, or `out` takes no more.
    pub fn write_weights(
        &mut self,
        out: &mut dyn Write,
        provenance: &[(String, String)],
        goes_on: &mut dyn FnMut(usize) -> bool,
    ) -> io::Result<bool> {
        // Programs that read checkpoints refuse a file that does not say so.
        let mut metadata = vec![("format".to_owned(), "pt".to_owned())];
        metadata.extend_from_slice(provenance);
        let Self { stored, prefix, .. } = self;
        stored.write_to(out, |name| format!("{prefix}{name}"), &metadata, goes_on)
    }
}

/// The cards of a folder by name: that of a model, and that of its classes with `sha256` as that of their weights.
///
/// # Errors
/// When one cannot be read.
pub fn cards(folder: &Folder, sha256: &str) -> Result<Vec<(&'static str, Vec<u8>)>, ModelError> {
    let of_model = folder.model_card()?.map(|card| bytes_of(CARD, folder, &card));
    let of_classes = folder.checkpoint_card()?.map(|card| {
        // Reading checks that a card is that of the weights beside it.
        let card = HeadCard { model_sha256: sha256.to_owned(), ..card };
        bytes_of(CHECKPOINT_CARD, folder, &card)
    });
    of_model.into_iter().chain(of_classes).collect()
}

fn bytes_of(file: &'static str, folder: &Folder, card: &impl Serialize) -> Result<(&'static str, Vec<u8>), ModelError> {
    let bytes = serde_json::to_vec_pretty(card).map_err(|error| ModelError::Json {
        what: file,
        origin: folder.origin(file),
        reason: error.to_string(),
    })?;
    Ok((file, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERT: &[u8] = br#"{"model_type": "bert", "vocab_size": 9, "hidden_size": 4, "num_hidden_layers": 1,
        "num_attention_heads": 1, "intermediate_size": 4, "max_position_embeddings": 8, "torch_dtype": "float16",
        "architectures": ["BertForMaskedLM"], "of_its_own": [1, 2]}"#;

    #[test]
    fn a_configuration_gets_classes_and_keeps_the_rest() {
        let labels = ["none", "promoter"].map(str::to_owned);
        let document = classifier_document(BERT, "here", &labels).expect("a configuration");
        let config = Config::parse(&document, "here").expect("a configuration");
        let classes = config.classes().expect("classes");
        assert!(classes.labels == labels && classes.is_certain && !classes.per_token, "{classes:?}");
        let fields: Value = serde_json::from_slice(&document).expect("JSON");
        assert_eq!(fields["of_its_own"], json!([1, 2]), "what nobody here reads");
        assert_eq!(fields["label2id"]["promoter"], 1, "{fields}");
        assert_eq!(fields["architectures"], json!(["BertForSequenceClassification"]), "{fields}");
    }

    #[test]
    fn a_configuration_is_told_its_kind_where_nothing_else_tells_the_class() {
        let exported = |json: &[u8]| -> Value {
            serde_json::from_slice(&exported_document(json, "here").expect("a configuration")).expect("JSON")
        };
        assert_eq!(exported(BERT)["torch_dtype"], "float32", "as the weights are");
        let nameless = String::from_utf8_lossy(BERT).replace(r#""model_type": "bert","#, "");
        assert_eq!(exported(nameless.as_bytes())["model_type"], "bert", "its kind");
        let code = nameless.replacen('{', r#"{"auto_map": {"AutoModel": "layers.Bert", "AutoConfig": "a/b--c.D"},"#, 1);
        assert_eq!(exported(code.as_bytes()).get("model_type"), None, "code of its own");
        assert_eq!(missing_code(code.as_bytes(), &[]), ["layers.py"], "which is not there");
        assert!(missing_code(code.as_bytes(), &[("layers.py".to_owned(), Vec::new())]).is_empty(), "which is");
    }
}
