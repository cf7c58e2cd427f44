//! dnaGrinder (Zhao et al. 2024, arXiv 2409.15697): a light encoder with ALiBi and SwiGLU.
//!
//! The paper leaves open the position of the norms, biases and tying; each is a field of the configuration.
//! Tensor names: `grinder.embeddings`, `grinder.encoder.layer.N`, `grinder.final_norm`, `lm_head`, `classifier`.

use burn::{
    module::{Module, Param},
    tensor::{
        Bool, Device, Int, Tensor,
        activation::{gelu, silu},
        module::linear,
    },
};
use serde::{Deserialize, Serialize};
use strandscope_kernels::{
    AttentionInput, PositionRule, alibi_slopes, attention, attention_probabilities, attention_received,
};

use crate::{
    ModelError,
    checkpoint::{Fill, Weights},
    layers::{Embedding, LayerNorm, Linear},
};

/// Rows of the feed-forward layer computed at once: its wide states never cover a long sequence.
const FEED_FORWARD_ROWS: usize = 4096;

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Names of the upstream classes; tells masked-token from classification checkpoints.
    #[serde(default)]
    pub architectures: Vec<String>,
    /// Always `dnagrinder`.
    pub model_type: String,
    /// Entries of the vocabulary.
    pub vocab_size: usize,
    /// Width of the states.
    pub hidden_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Attention heads of a layer.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer behind the gate.
    pub intermediate_size: usize,
    /// Always `swiglu`.
    pub hidden_act: String,
    /// Always `alibi`.
    pub position_embedding_type: String,
    /// Where layer norms stand.
    pub norm_position: NormPosition,
    /// Whether the projections of attention have biases.
    pub attention_bias: bool,
    /// Whether the feed-forward layer has biases.
    pub ffn_bias: bool,
    /// Whether the decoder of masked tokens is the embedding table.
    pub tie_word_embeddings: bool,
    /// Added to variances.
    pub layer_norm_eps: f64,
    /// Id that fills short rows.
    pub pad_token_id: u32,
    /// Classes of the classification head, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_labels: Option<usize>,
}

impl Config {
    /// Reads `config.json`.
    ///
    /// # Errors
    /// When it is no JSON, a field is missing, or the fields describe no network.
    pub fn parse(json: &[u8], origin: &str) -> Result<Self, ModelError> {
        let config: Self = serde_json::from_slice(json).map_err(|error| ModelError::Json {
            what: "config.json",
            origin: origin.to_owned(),
            reason: error.to_string(),
        })?;
        config.check().map_err(|reason| ModelError::Config { origin: origin.to_owned(), reason })?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let fixed = [
            ("model_type", self.model_type.as_str(), "dnagrinder"),
            ("hidden_act", self.hidden_act.as_str(), "swiglu"),
            ("position_embedding_type", self.position_embedding_type.as_str(), "alibi"),
        ];
        if let Some((field, found, wanted)) = fixed.into_iter().find(|(_, found, wanted)| found != wanted) {
            return Err(format!("{field} is '{found}', this family has '{wanted}'"));
        }
        let sizes = [
            ("vocab_size", self.vocab_size, 1 << 24),
            ("hidden_size", self.hidden_size, 1 << 16),
            ("num_hidden_layers", self.num_hidden_layers, 1 << 12),
            ("num_attention_heads", self.num_attention_heads, 1 << 12),
            ("intermediate_size", self.intermediate_size, 1 << 18),
            ("num_labels", self.num_labels.unwrap_or(1), 1 << 20),
        ];
        if let Some((field, size, most)) = sizes.into_iter().find(|(_, size, most)| *size == 0 || size > most) {
            return Err(format!("{field} is {size}, it must be between 1 and {most}"));
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let (hidden, heads) = (self.hidden_size, self.num_attention_heads);
            return Err(format!("hidden_size {hidden} is no multiple of num_attention_heads {heads}"));
        }
        if !(self.layer_norm_eps > 0.0 && self.layer_norm_eps < 1.0) {
            return Err(format!("layer_norm_eps is {}, it must lie between 0 and 1", self.layer_norm_eps));
        }
        Ok(())
    }
}

/// The network: an encoder, and what a checkpoint holds on top of it.
#[derive(Module, Debug)]
pub struct DnaGrinder {
    grinder: Grinder,
    lm_head: Option<LmHead>,
    classifier: Option<Classifier>,
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

/// What a pass through the encoder shall keep beside its last states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// The states after the embedding and after each layer.
    pub hidden: bool,
    /// Attention received, of each layer.
    pub received: bool,
    /// Attention probabilities of each layer; `seq²` values for each head.
    pub probabilities: bool,
}

/// What a pass through the encoder gives.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// States after the last layer, `[batch, seq, hidden]`.
    pub last: Tensor<3>,
    /// States after the embedding and each layer, `[batch, seq, hidden]`.
    pub hidden: Vec<Tensor<3>>,
    /// Attention received, for each layer, `[batch, head, seq]`.
    pub received: Vec<Tensor<3>>,
    /// Attention probabilities, for each layer, `[batch, head, query, key]`.
    pub probabilities: Vec<Tensor<4>>,
}

impl DnaGrinder {
    /// Builds the network `config` describes from `weights`.
    ///
    /// Whether it can predict masked tokens or classify follows from the tensors that are there.
    pub fn load(config: &Config, weights: &mut Weights) -> Self {
        let grinder = Grinder::load(config, weights);
        let classifies = config.num_labels.is_some();
        Self {
            grinder,
            lm_head: (!classifies || weights.has("lm_head.dense.weight")).then(|| LmHead::load(config, weights)),
            classifier: config.num_labels.map(|labels| Classifier::load(config, labels, weights)),
        }
    }

    /// Runs the encoder.
    ///
    /// `mask` is true where a token is real; `None` means that all are.
    ///
    /// # Shapes
    /// `[batch, seq] → [batch, seq, hidden]`
    pub fn encode(&self, ids: Tensor<2, Int>, mask: Option<&Tensor<2, Bool>>, keep: Keep) -> Encoded {
        let x = self.grinder.embeddings.forward(ids);
        let mut encoded = Encoded { last: x, hidden: Vec::new(), received: Vec::new(), probabilities: Vec::new() };
        let layers = self.grinder.encoder.layer.len();
        for (index, layer) in self.grinder.encoder.layer.iter().enumerate() {
            if keep.hidden {
                encoded.hidden.push(encoded.last.clone());
            }
            encoded = layer.forward(encoded, mask, keep);
            if let Some(norm) = self.grinder.final_norm.as_ref().filter(|_| index + 1 == layers) {
                encoded.last = norm.forward(encoded.last);
            }
        }
        if keep.hidden {
            encoded.hidden.push(encoded.last.clone());
        }
        encoded
    }

    /// Whether it has the layer that predicts tokens.
    pub fn predicts_tokens(&self) -> bool {
        self.lm_head.is_some()
    }

    /// Scores of every vocabulary entry at each row of states; `None` for a checkpoint without this head.
    ///
    /// # Shapes
    /// `[row, hidden] → [row, vocab]`
    pub fn token_logits(&self, states: Tensor<2>) -> Option<Tensor<2>> {
        let head = self.lm_head.as_ref()?;
        let x = head.norm.forward(gelu(head.dense.forward(states)));
        let table = head.decoder.weight.as_ref().unwrap_or(&self.grinder.embeddings.word_embeddings.weight);
        Some(linear(x, table.val().transpose(), Some(head.decoder.bias.val())))
    }

    /// Class logits from the first token's last state; `None` for a checkpoint without this head.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, label]`
    pub fn class_logits(&self, last: Tensor<3>) -> Option<Tensor<2>> {
        let head = self.classifier.as_ref()?;
        let first = last.slice_dim(1, 0..1).squeeze_dim::<2>(1);
        Some(head.out.forward(gelu(head.norm.forward(head.dense.forward(first)))))
    }

    /// The device its weights are on.
    pub fn device(&self) -> Device {
        self.grinder.embeddings.word_embeddings.weight.val().device()
    }
}

impl Grinder {
    fn load(config: &Config, weights: &mut Weights) -> Self {
        let (hidden, epsilon) = (config.hidden_size, config.layer_norm_eps);
        let embeddings = Embeddings {
            word_embeddings: Embedding::load(weights, "grinder.embeddings.word_embeddings", config.vocab_size, hidden),
            norm: LayerNorm::load(weights, "grinder.embeddings.norm", hidden, epsilon),
        };
        let layer = (0..config.num_hidden_layers).map(|index| Layer::load(config, index, weights)).collect();
        let final_norm = (config.norm_position == NormPosition::Pre)
            .then(|| LayerNorm::load(weights, "grinder.final_norm", hidden, epsilon));
        Self { embeddings, encoder: Encoder { layer }, final_norm }
    }
}

impl Embeddings {
    fn forward(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        self.norm.forward(self.word_embeddings.forward(ids))
    }
}

impl Layer {
    fn load(config: &Config, index: usize, weights: &mut Weights) -> Self {
        let (hidden, wide, epsilon) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        let name = |part: &str| format!("grinder.encoder.layer.{index}.{part}");
        Self {
            attn: AttentionBlock {
                wqkv: Linear::load(weights, &name("attn.wqkv"), hidden, 3 * hidden, config.attention_bias),
                wo: Linear::load(weights, &name("attn.wo"), hidden, hidden, config.attention_bias),
                heads: config.num_attention_heads,
            },
            attn_norm: LayerNorm::load(weights, &name("attn_norm"), hidden, epsilon),
            ffn: FeedForward {
                w12: Linear::load(weights, &name("ffn.w12"), hidden, 2 * wide, config.ffn_bias),
                w3: Linear::load(weights, &name("ffn.w3"), wide, hidden, config.ffn_bias),
            },
            ffn_norm: LayerNorm::load(weights, &name("ffn_norm"), hidden, epsilon),
            norm_position: config.norm_position,
        }
    }

    /// Attention, then feed-forward, each added to what came in.
    fn forward(&self, mut encoded: Encoded, mask: Option<&Tensor<2, Bool>>, keep: Keep) -> Encoded {
        let pre = self.norm_position == NormPosition::Pre;
        let x = encoded.last.clone();
        let input = if pre { self.attn_norm.forward(x.clone()) } else { x.clone() };
        let x = x + self.attn.forward(input, mask, keep, &mut encoded);
        let x = if pre { x } else { self.attn_norm.forward(x) };
        let input = if pre { self.ffn_norm.forward(x.clone()) } else { x.clone() };
        let x = x + self.ffn.forward(input);
        encoded.last = if pre { x } else { self.ffn_norm.forward(x) };
        encoded
    }
}

impl AttentionBlock {
    fn forward(&self, x: Tensor<3>, mask: Option<&Tensor<2, Bool>>, keep: Keep, into: &mut Encoded) -> Tensor<3> {
        let [batch, seq, hidden] = x.dims();
        let width = hidden / self.heads;
        // Rows of wqkv are all queries, then all keys, then all values.
        let qkv = self.wqkv.forward(x).reshape([batch, seq, 3 * self.heads, width]).swap_dims(1, 2);
        let [q, k, v] = [0, 1, 2].map(|part| qkv.clone().slice_dim(1, part * self.heads..(part + 1) * self.heads));
        let input =
            AttentionInput { q, k, v, key_mask: mask.cloned(), rule: PositionRule::Alibi(alibi_slopes(self.heads)) };
        let result = attention(&input);
        if keep.received {
            into.received.push(attention_received(&input, &result.log_sum_exp));
        }
        if keep.probabilities {
            into.probabilities.push(attention_probabilities(&input, &result.log_sum_exp));
        }
        self.wo.forward(result.out.swap_dims(1, 2).reshape([batch, seq, hidden]))
    }
}

impl FeedForward {
    /// SwiGLU (Shazeer 2020, arXiv 2002.05202): `w3(silu(gate) ⊙ up)`, the gate rows first in `w12`.
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, seq, _] = x.dims();
        let rows = (FEED_FORWARD_ROWS / batch).max(1);
        if seq <= rows {
            return self.forward_rows(x);
        }
        Tensor::cat(x.split(rows, 1).into_iter().map(|rows| self.forward_rows(rows)).collect(), 1)
    }

    fn forward_rows(&self, x: Tensor<3>) -> Tensor<3> {
        let both = self.w12.forward(x);
        let wide = both.dims()[2] / 2;
        let gate = both.clone().slice_dim(2, 0..wide);
        let up = both.slice_dim(2, wide..2 * wide);
        self.w3.forward(silu(gate) * up)
    }
}

impl LmHead {
    fn load(config: &Config, weights: &mut Weights) -> Self {
        let (vocab, hidden) = (config.vocab_size, config.hidden_size);
        let mut table = || weights.param("lm_head.decoder.weight", [vocab, hidden], Fill::Normal(0.02));
        let weight = (!config.tie_word_embeddings).then(&mut table);
        Self {
            dense: Linear::load(weights, "lm_head.dense", hidden, hidden, true),
            norm: LayerNorm::load(weights, "lm_head.norm", hidden, config.layer_norm_eps),
            decoder: Decoder { weight, bias: weights.param("lm_head.decoder.bias", [vocab], Fill::Zeros) },
        }
    }
}

impl Classifier {
    fn load(config: &Config, labels: usize, weights: &mut Weights) -> Self {
        let hidden = config.hidden_size;
        Self {
            dense: Linear::load(weights, "classifier.dense", hidden, hidden, true),
            norm: LayerNorm::load(weights, "classifier.norm", hidden, config.layer_norm_eps),
            out: Linear::load(weights, "classifier.out", hidden, labels, true),
        }
    }
}
