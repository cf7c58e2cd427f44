//! dnaGrinder (Zhao et al. 2024, arXiv 2409.15697): a light encoder with ALiBi and SwiGLU.
//!
//! The paper leaves open the position of the norms, biases and tying; each is a field of the configuration.
//! Tensor names: `grinder.embeddings`, `grinder.encoder.layer.N`, `grinder.final_norm`, `lm_head`, `classifier`.

use burn::{
    module::{Module, Param},
    tensor::Tensor,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strandscope_kernels::{
    AttentionInput, Between, HiddenAct, PositionRule, Segments, Watch, alibi_slopes, by_rows, feed_forward, linear,
};

use crate::{
    architecture::{Architecture, first_token},
    attention_layer::{AttentionLayer, Qkv},
    checkpoint::{Fill, Weights},
    config::{Classes, Fields, Sizes},
    layers::{Embedding, LayerNorm, Linear},
    pass::{Pass, Tokens},
};

/// Where layer norms stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NormPosition {
    /// Before attention and feed-forward, and once at the end.
    Pre,
    /// After each residual sum.
    Post,
}

/// `config.json` of a dnaGrinder model.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What every network has.
    pub sizes: Sizes,
    /// Where layer norms stand.
    pub norm_position: NormPosition,
    /// Whether the projections of attention have biases.
    pub attention_bias: bool,
    /// Whether the feed-forward layer has biases.
    pub ffn_bias: bool,
    /// Whether the decoder of masked tokens is the embedding table.
    pub tie_word_embeddings: bool,
    /// What it was fine-tuned to tell apart.
    pub classes: Option<Classes>,
}

impl Config {
    pub(crate) fn read(fields: &Fields) -> Result<Self, String> {
        fields.fixed("hidden_act", "swiglu")?;
        fields.fixed("position_embedding_type", "alibi")?;
        let norm_position = match fields.text_or("norm_position", "")?.as_str() {
            "pre" => NormPosition::Pre,
            "post" => NormPosition::Post,
            other => return Err(format!("norm_position is '{other}', it must be pre or post")),
        };
        Ok(Self {
            sizes: Sizes::read(fields)?,
            norm_position,
            attention_bias: fields.flag("attention_bias")?,
            ffn_bias: fields.flag("ffn_bias")?,
            tie_word_embeddings: fields.flag("tie_word_embeddings")?,
            classes: Classes::read(fields)?,
        })
    }

    /// The document that [`crate::config::Config::parse`] reads, of an encoder that predicts tokens.
    pub fn document(&self) -> Value {
        let mut document = json!({
            "architectures": ["DnaGrinderForMaskedLM"],
            "model_type": "dnagrinder",
            "hidden_act": "swiglu",
            "position_embedding_type": "alibi",
            "norm_position": self.norm_position,
            "attention_bias": self.attention_bias,
            "ffn_bias": self.ffn_bias,
            "tie_word_embeddings": self.tie_word_embeddings,
        });
        if let (Value::Object(fields), Ok(Value::Object(sizes))) = (&mut document, serde_json::to_value(&self.sizes)) {
            fields.extend(sizes);
        }
        document
    }
}

/// The network: an encoder, and what a checkpoint holds on top of it.
#[derive(Module, Debug)]
pub struct DnaGrinder {
    grinder: Grinder,
    lm_head: Option<LmHead>,
    classifier: Option<Classifier>,
    #[module(skip)]
    per_token: bool,
}

#[derive(Module, Debug)]
struct Grinder {
    embeddings: Embeddings,
    encoder: Encoder,
    final_norm: Option<LayerNorm>,
}

#[derive(Module, Debug)]
struct Embeddings {
    word_embeddings: Embedding,
    norm: LayerNorm,
}

#[derive(Module, Debug)]
struct Encoder {
    layer: Vec<Layer>,
}

#[derive(Module, Debug)]
struct Layer {
    attn: AttentionBlock,
    attn_norm: LayerNorm,
    ffn: FeedForward,
    ffn_norm: LayerNorm,
    #[module(skip)]
    norm_position: NormPosition,
}

#[derive(Module, Debug)]
struct AttentionBlock {
    wqkv: Linear,
    wo: Linear,
    #[module(skip)]
    heads: usize,
}

#[derive(Module, Debug)]
struct FeedForward {
    w12: Linear,
    w3: Linear,
}

#[derive(Module, Debug)]
struct LmHead {
    dense: Linear,
    norm: LayerNorm,
    decoder: Decoder,
}

/// A linear layer whose table may be the word embeddings.
#[derive(Module, Debug)]
struct Decoder {
    weight: Option<Param<Tensor<2>>>,
    bias: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
struct Classifier {
    dense: Linear,
    norm: LayerNorm,
    out: Linear,
}

impl DnaGrinder {
    /// Builds the network `config` describes from `weights`.
    ///
    /// Whether it can predict masked tokens or classify follows from the tensors that are there.
    pub(crate) fn load(config: &Config, weights: &mut Weights) -> Self {
        let predicts = config.classes.is_none() || weights.has("lm_head.dense.weight");
        let lm_head = predicts.then(|| LmHead::load(config, weights));
        Self {
            grinder: Grinder::load(config, weights),
            lm_head,
            classifier: config.classes.as_ref().map(|classes| Classifier::load(config, classes.labels.len(), weights)),
            per_token: config.classes.as_ref().is_some_and(|classes| classes.per_token),
        }
    }
}

impl Architecture for DnaGrinder {
    fn word_embeddings(&self) -> &Embedding {
        &self.grinder.embeddings.word_embeddings
    }

    fn embedded(&self, words: Tensor<3>, _tokens: &Tokens) -> Tensor<3> {
        by_rows(words, |words| self.grinder.embeddings.norm.forward(words))
    }

    fn layers(&self) -> usize {
        self.grinder.encoder.layer.len()
    }

    fn heads(&self) -> usize {
        self.grinder.encoder.layer.first().map_or(0, |layer| layer.attn.heads)
    }

    fn layer(&self, index: usize, x: Tensor<3>, segments: Option<&Segments>, pass: &mut Pass<'_>) -> Tensor<3> {
        self.grinder.encoder.layer[index].forward(x, index, segments, pass)
    }

    fn attention_input(&self, layer: usize, x: Tensor<3>, segments: Option<&Segments>) -> AttentionInput {
        let layer = &self.grinder.encoder.layer[layer];
        layer.attn.layer().input(layer.attention_states(x), 0..layer.attn.heads, segments, &Watch::default())
    }

    fn projections(&self, layer: usize) -> Qkv<'_> {
        self.grinder.encoder.layer[layer].attn.layer().qkv
    }

    fn finished(&self, x: Tensor<3>) -> Tensor<3> {
        match &self.grinder.final_norm {
            Some(norm) => by_rows(x, |x| norm.forward(x)),
            None => x,
        }
    }

    fn predicts_tokens(&self) -> bool {
        self.lm_head.is_some()
    }

    fn token_logits(&self, states: Tensor<2>) -> Option<Tensor<2>> {
        let head = self.lm_head.as_ref()?;
        let x = head.norm.forward(HiddenAct::Gelu.forward(head.dense.forward(states)));
        let table = head.decoder.weight.as_ref().unwrap_or(&self.word_embeddings().weight);
        Some(linear(x, table.val(), Some(head.decoder.bias.val()), &Watch::default()))
    }

    fn class_logits(&self, last: Tensor<3>) -> Option<Tensor<3>> {
        let head = self.classifier.as_ref()?;
        let states = if self.per_token { last } else { first_token(&last).unsqueeze_dim(1) };
        Some(head.out.forward(HiddenAct::Gelu.forward(head.norm.forward(head.dense.forward(states)))))
    }
}

impl Grinder {
    fn load(config: &Config, weights: &mut Weights) -> Self {
        let Sizes { hidden_size: hidden, layer_norm_eps: epsilon, .. } = config.sizes;
        let embeddings = Embeddings {
            word_embeddings: Embedding::load(
                weights,
                "grinder.embeddings.word_embeddings",
                config.sizes.vocab_size,
                hidden,
            ),
            norm: LayerNorm::load(weights, "grinder.embeddings.norm", hidden, epsilon),
        };
        let layer = (0..config.sizes.num_hidden_layers).map(|index| Layer::load(config, index, weights)).collect();
        let final_norm = (config.norm_position == NormPosition::Pre)
            .then(|| LayerNorm::load(weights, "grinder.final_norm", hidden, epsilon));
        Self { embeddings, encoder: Encoder { layer }, final_norm }
    }
}

impl Layer {
    fn load(config: &Config, index: usize, weights: &mut Weights) -> Self {
        let Sizes { hidden_size: hidden, intermediate_size: wide, layer_norm_eps: epsilon, .. } = config.sizes;
        let name = |part: &str| format!("grinder.encoder.layer.{index}.{part}");
        Self {
            attn: AttentionBlock {
                wqkv: Linear::load(weights, &name("attn.wqkv"), hidden, 3 * hidden, config.attention_bias),
                wo: Linear::load(weights, &name("attn.wo"), hidden, hidden, config.attention_bias),
                heads: config.sizes.num_attention_heads,
            },
            attn_norm: LayerNorm::load(weights, &name("attn_norm"), hidden, epsilon),
            ffn: FeedForward {
                w12: Linear::load_wide(weights, &name("ffn.w12"), hidden, 2 * wide, config.ffn_bias),
                w3: Linear::load_wide(weights, &name("ffn.w3"), wide, hidden, config.ffn_bias),
            },
            ffn_norm: LayerNorm::load(weights, &name("ffn_norm"), hidden, epsilon),
            norm_position: config.norm_position,
        }
    }

    /// Attention, then feed-forward, each added to what came in.
    fn forward(&self, x: Tensor<3>, index: usize, segments: Option<&Segments>, pass: &mut Pass<'_>) -> Tensor<3> {
        let pre = self.norm_position == NormPosition::Pre;
        let states = self.attention_states(x.clone());
        let watch = pass.conduct.watch.clone();
        // From here on `x` is what came in and what attention gave.
        let x = self.attn.layer().add(x, &states, index, segments, pass);
        drop(states);
        by_rows(x, |x| {
            if pre {
                return self.ffn.forward(self.ffn_norm.forward(x.clone()), &watch) + x;
            }
            let x = self.attn_norm.forward(x);
            self.ffn_norm.forward_sum(self.ffn.forward(x.clone(), &watch), x)
        })
    }

    /// The states that attention reads.
    fn attention_states(&self, x: Tensor<3>) -> Tensor<3> {
        if self.norm_position == NormPosition::Pre { by_rows(x, |x| self.attn_norm.forward(x)) } else { x }
    }
}

impl AttentionBlock {
    fn layer(&self) -> AttentionLayer<'_> {
        AttentionLayer {
            qkv: Qkv::Fused(&self.wqkv),
            output: &self.wo,
            heads: self.heads,
            rule: PositionRule::Alibi(alibi_slopes(self.heads)),
            rotary: None,
        }
    }
}

impl FeedForward {
    fn forward(&self, x: Tensor<3>, watch: &Watch) -> Tensor<3> {
        let swiglu = Between { act: HiddenAct::Silu, gated: true };
        feed_forward(x, self.w12.tables(), self.w3.tables(), swiglu, watch)
    }
}

impl LmHead {
    fn load(config: &Config, weights: &mut Weights) -> Self {
        let (vocab, hidden) = (config.sizes.vocab_size, config.sizes.hidden_size);
        let mut table = || weights.param("lm_head.decoder.weight", [vocab, hidden], Fill::Normal(0.02));
        let weight = (!config.tie_word_embeddings).then(&mut table);
        Self {
            dense: Linear::load(weights, "lm_head.dense", hidden, hidden, true),
            norm: LayerNorm::load(weights, "lm_head.norm", hidden, config.sizes.layer_norm_eps),
            decoder: Decoder { weight, bias: weights.param("lm_head.decoder.bias", [vocab], Fill::Zeros) },
        }
    }
}

impl Classifier {
    fn load(config: &Config, labels: usize, weights: &mut Weights) -> Self {
        let hidden = config.sizes.hidden_size;
        Self {
            dense: Linear::load(weights, "classifier.dense", hidden, hidden, true),
            norm: LayerNorm::load(weights, "classifier.norm", hidden, config.sizes.layer_norm_eps),
            out: Linear::load(weights, "classifier.out", hidden, labels, true),
        }
    }
}
