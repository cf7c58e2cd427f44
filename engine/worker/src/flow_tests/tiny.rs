//! A tiny model and heads with random weights, in folders as they would be published.

use std::{fs, path::PathBuf};

use burn::tensor::Device;
use serde_json::{Value, json};
use strandscope_models::{
    card::HeadKind,
    checkpoint::{Storage, Weights, sha256, to_safetensors},
    config::Config,
    head::{HeadConfig, HeadNetwork, Pooling, TaskHead, TrunkSizes},
    network::Network,
};
use tempfile::TempDir;

const WIDTH: usize = 16;

/// Folders of a model and of heads that belong to it.
pub(crate) struct Tiny {
    pub(crate) folder: TempDir,
}

impl Tiny {
    pub(crate) fn new() -> Self {
        let tiny = Self { folder: tempfile::tempdir().expect("a scratch folder") };
        let model_sha256 = tiny.write_model();
        let base = config(HeadKind::Base, 3, None, None);
        tiny.write_head("splice", &base, &["none", "donor", "acceptor"], 400, "stranded", &model_sha256);
        let pooling = Pooling { channels: 2, every_bp: 5, dense: 8 };
        let fixed = config(HeadKind::Sequence, 2, Some(120), Some(pooling.clone()));
        tiny.write_head("promoter", &fixed, &["none", "promoter"], 120, "symmetric", &model_sha256);
        let mut source = config(HeadKind::Sequence, 2, None, Some(pooling));
        source.network.composition = Some(2);
        tiny.write_head("source", &source, &["one", "other"], 200, "symmetric", &model_sha256);
        tiny
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A name as a command line gives it.
    pub(crate) fn name(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Writes a file and names it.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("a scratch file");
        path
    }

    fn write_model(&self) -> String {
        let tokenizer = tokenizer();
        let config = json!({
            "model_type": "dnagrinder", "vocab_size": tokenizer["model"]["vocab"].as_object().expect("a map").len(),
            "hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
            "hidden_act": "swiglu", "position_embedding_type": "alibi", "norm_position": "pre",
            "attention_bias": false, "ffn_bias": false, "tie_word_embeddings": true, "layer_norm_eps": 1e-5,
            "pad_token_id": 3,
        });
        let parsed = Config::parse(config.to_string().as_bytes(), "config.json").expect("a configuration");
        let network = Network::load(&parsed, &mut Weights::random(1, &Device::flex()));
        let weights = to_safetensors(&network, Storage::F32).expect("weights");
        let card = json!({
            "name": "tiny", "title": "Tiny", "description": "Random weights.", "family": "dnagrinder",
            "parameters": 1, "context_tokens": 128, "training": [], "figures": [], "licence": "none",
            "citation": [], "command": "none",
        });
        let sha256 = sha256(&weights);
        self.write_folder(
            "model",
            &[
                ("config.json", config.to_string().into()),
                ("model.safetensors", weights),
                ("tokenizer.json", tokenizer.to_string().into()),
                ("card.json", card.to_string().into()),
            ],
        );
        sha256
    }

    fn write_head(
        &self,
        name: &str,
        config: &HeadConfig,
        labels: &[&str],
        input_length_bp: u64,
        strand: &str,
        model_sha256: &str,
    ) {
        let network = TaskHead::load(config, &mut Weights::random(2, &Device::flex()));
        let labels: Vec<Value> =
            labels.iter().map(|label| json!({ "name": label, "description": "Random." })).collect();
        let card = json!({
            "name": name, "title": name, "description": "Random weights.", "kind": config.kind, "labels": labels,
            "activation": "softmax", "input_length_bp": input_length_bp, "strand": strand, "training": [],
            "figures": [], "intended_use": "tests", "limits": [], "licence": "none", "citation": [],
            "model_sha256": model_sha256, "command": "none",
        });
        self.write_folder(
            name,
            &[
                ("head.json", serde_json::to_vec(config).expect("JSON")),
                ("head.safetensors", to_safetensors(&network, Storage::F32).expect("weights")),
                ("card.json", card.to_string().into()),
            ],
        );
    }

    fn write_folder(&self, name: &str, files: &[(&str, Vec<u8>)]) {
        fs::create_dir(self.path(name)).expect("a scratch folder");
        for (file, bytes) in files {
            fs::write(self.path(name).join(file), bytes).expect("a scratch file");
        }
    }
}

fn config(kind: HeadKind, labels: usize, fixed_length_bp: Option<usize>, pooling: Option<Pooling>) -> HeadConfig {
    HeadConfig {
        kind,
        labels,
        hidden_size: WIDTH,
        network: HeadNetwork {
            trunk: Some(TrunkSizes {
                reads_tokens: true,
                channels: 8,
                stem_width_bp: 9,
                block_width_bp: 5,
                dilations: vec![1, 4],
                fixed_length_bp,
            }),
            pooling,
            composition: None,
            dropout: 0.1,
        },
    }
}

/// A tokenizer of bases and pairs of bases, in the form of the published ones.
fn tokenizer() -> Value {
    let special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"];
    let merges: Vec<[String; 2]> = "ACGT"
        .chars()
        .flat_map(|left| "ACGT".chars().map(move |right| [left.to_string(), right.to_string()]))
        .collect();
    let bases = "ACGT".chars().map(|base| base.to_string());
    let words =
        special.iter().map(|text| (*text).to_owned()).chain(bases).chain(merges.iter().map(|pair| pair.concat()));
    let vocab: serde_json::Map<String, Value> = words.enumerate().map(|(id, text)| (text, id.into())).collect();
    let added: Vec<Value> = special
        .iter()
        .enumerate()
        .map(|(id, text)| {
            json!({
                "id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true,
            })
        })
        .collect();
    let around = |text: &str, id: u32| json!({ "id": text, "ids": [id], "tokens": [text] });
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": { "type": "Whitespace" }, "decoder": null,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                { "SpecialToken": { "id": "[CLS]", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } },
                { "SpecialToken": { "id": "[SEP]", "type_id": 0 } },
            ],
            "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 1 } }],
            "special_tokens": { "[CLS]": around("[CLS]", 1), "[SEP]": around("[SEP]", 2) },
        },
        "model": {
            "type": "BPE", "dropout": null, "unk_token": "[UNK]", "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocab, "merges": merges,
        },
    })
}

/// Bases that follow a fixed pattern.
pub(crate) fn bases(length_bp: usize) -> String {
    let mut state = 12_345_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b"ACGT"[(state >> 30) as usize])
    };
    std::iter::repeat_with(next).take(length_bp).collect()
}
