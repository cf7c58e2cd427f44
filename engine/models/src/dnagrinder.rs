//! dnaGrinder (Zhao et al. 2024, arXiv 2409.15697): a light encoder with ALiBi and SwiGLU.
//!
//! The paper leaves open the position of the norms, biases and tying; each is a field of the configuration.
//! Tensor names: `grinder.embeddings`, `grinder.encoder.layer.N`, `grinder.final_norm`, `lm_head`, `classifier`.

use std::ops::Range;

use burn::{
    module::{Module, Param},
    tensor::{Device, Int, Tensor},
};
use serde::{Deserialize, Serialize};
use strandscope_kernels::{
    Attention, AttentionInput, Conduct, PositionRule, RowStatistics, Segments, Watch, add_linear, alibi_slopes,
    attention, attention_with_rows, by_rows, linear, swiglu,
};

use crate::{
    ModelError,
    checkpoint::{Fill, Weights},
    layers::{Embedding, LayerNorm, Linear, gelu},
};

/// Numbers of queries, keys and values that are held at once, where nobody looks on.
pub(crate) const MOST_PROJECTED: usize = 1 << 24;

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

/// How a pass through the encoder goes, and who looks on.
#[derive(Default)]
pub struct Pass<'a> {
    /// How attention is computed.
    pub conduct: Conduct,
    /// Whether the states after the embedding and after each layer are kept.
    pub hidden: bool,
    /// Whether entropy and distance of each query are computed on the way.
    pub row_statistics: bool,
    /// Is shown the attention of each layer.
    pub observe: Option<Observe<'a>>,
}

/// Is given the number of a layer and its attention.
pub type Observe<'a> = &'a mut dyn FnMut(usize, &Seen<'_>);

/// The attention of a layer.
pub struct Seen<'a> {
    /// What it was computed from.
    pub input: &'a AttentionInput,
    /// What it gave.
    pub attention: &'a Attention,
    /// Entropy and distance of each query, where they were asked for.
    pub rows: Option<&'a RowStatistics>,
}

/// What a pass through the encoder gives.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// States after the last layer, `[batch, seq, hidden]`.
    pub last: Tensor<3>,
    /// States after the embedding and each layer, `[batch, seq, hidden]`.
    pub hidden: Vec<Tensor<3>>,
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
    /// Positions of segment 0 are padding; `None` means that all are real and each row is one sequence.
    ///
    /// # Shapes
    /// `[batch, seq] → [batch, seq, hidden]`
    pub fn encode(&self, ids: Tensor<2, Int>, segments: Option<&Segments>, pass: &mut Pass<'_>) -> Encoded {
        self.encode_words(self.words(ids), segments, pass)
    }

    /// The vectors of tokens, before anything is done with them.
    ///
    /// # Shapes
    /// `[batch, seq] → [batch, seq, hidden]`
    pub fn words(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        self.grinder.embeddings.word_embeddings.forward(ids)
    }

    /// Runs the encoder on vectors of tokens.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, seq, hidden]`
    pub fn encode_words(&self, words: Tensor<3>, segments: Option<&Segments>, pass: &mut Pass<'_>) -> Encoded {
        let mut x = self.embedded(words);
        let mut hidden = Vec::new();
        for index in 0..self.layers() {
            if pass.conduct.watch.is_stopped() {
                break;
            }
            if pass.hidden {
                hidden.push(x.clone());
            }
            pass.conduct.watch.part(index, self.layers(), self.scores_of_layer(&x));
            x = self.layer(index, x, segments, pass);
        }
        x = self.finished(x);
        if pass.hidden {
            hidden.push(x.clone());
        }
        Encoded { last: x, hidden }
    }

    /// What comes into the first layer, of vectors of tokens.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, seq, hidden]`
    pub fn embedded(&self, words: Tensor<3>) -> Tensor<3> {
        by_rows(words, |words| self.grinder.embeddings.norm.forward(words))
    }

    /// One layer.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, seq, hidden]`
    pub fn layer(&self, index: usize, x: Tensor<3>, segments: Option<&Segments>, pass: &mut Pass<'_>) -> Tensor<3> {
        self.grinder.encoder.layer[index].forward(x, index, segments, pass)
    }

    /// The last states, of what the last layer gives.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, seq, hidden]`
    pub fn finished(&self, x: Tensor<3>) -> Tensor<3> {
        match &self.grinder.final_norm {
            Some(norm) => by_rows(x, |x| norm.forward(x)),
            None => x,
        }
    }

    /// Scores that a layer's attention looks at or leaves out, given what comes in.
    pub fn scores_of_layer(&self, x: &Tensor<3>) -> usize {
        let [batch, seq, _] = x.dims();
        self.grinder.encoder.layer.first().map_or(0, |layer| layer.attn.heads * batch * seq * seq)
    }

    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.grinder.encoder.layer.len()
    }

    /// Width of the states.
    pub fn hidden_size(&self) -> usize {
        self.grinder.embeddings.word_embeddings.weight.dims()[1]
    }

    /// What the attention of a layer is computed from, given the states that come into the layer.
    ///
    /// # Shapes
    /// `[batch, seq, hidden]`
    pub fn attention_input(&self, layer: usize, states: Tensor<3>, segments: Option<&Segments>) -> AttentionInput {
        let layer = &self.grinder.encoder.layer[layer];
        layer.attn.input(layer.attention_states(states), 0..layer.attn.heads, segments, &Watch::default())
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
        Some(linear(x, table.val(), Some(head.decoder.bias.val()), &Watch::default()))
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
    fn forward(&self, x: Tensor<3>, index: usize, segments: Option<&Segments>, pass: &mut Pass<'_>) -> Tensor<3> {
        let pre = self.norm_position == NormPosition::Pre;
        let states = self.attention_states(x.clone());
        let watch = pass.conduct.watch.clone();
        // From here on `x` is what came in and what attention gave.
        let x = self.attn.add(x, &states, index, segments, pass);
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
    /// What attention is computed from, of some attention heads.
    fn input(
        &self,
        states: Tensor<3>,
        heads: Range<usize>,
        segments: Option<&Segments>,
        watch: &Watch,
    ) -> AttentionInput {
        let [batch, seq, hidden] = states.dims();
        let width = hidden / self.heads;
        let count = heads.len();
        // Rows of wqkv are all queries, then all keys, then all values.
        let rows =
            [0, 1, 2].map(|part| (part * self.heads + heads.start) * width..(part * self.heads + heads.end) * width);
        let qkv = if count == self.heads {
            self.wqkv.forward_watched(states, watch)
        } else {
            let weight = rows.clone().map(|rows| self.wqkv.weight.val().slice_dim(0, rows)).to_vec();
            let bias = self
                .wqkv
                .bias
                .as_ref()
                .map(|bias| Tensor::cat(rows.map(|rows| bias.val().slice_dim(0, rows)).to_vec(), 0));
            linear(states, Tensor::cat(weight, 0), bias, watch)
        };
        let qkv = qkv.reshape([batch, seq, 3 * count, width]).swap_dims(1, 2);
        let [q, k, v] = [0, 1, 2].map(|part| qkv.clone().slice_dim(1, part * count..(part + 1) * count));
        let slopes = alibi_slopes(self.heads)[heads].to_vec();
        AttentionInput { q, k, v, segments: segments.cloned(), rule: PositionRule::Alibi(slopes) }
    }

    /// Adds what attention gives for `states` to `x`.
    ///
    /// Where nobody looks on it goes group by group of attention heads, so that queries, keys and values of a long
    /// sequence are never in memory all at once.
    fn add(
        &self,
        mut x: Tensor<3>,
        states: &Tensor<3>,
        index: usize,
        segments: Option<&Segments>,
        pass: &mut Pass<'_>,
    ) -> Tensor<3> {
        let [batch, seq, hidden] = states.dims();
        let width = hidden / self.heads;
        let watch = &pass.conduct.watch;
        let fitting = (MOST_PROJECTED / (3 * batch * seq * width).max(1)).clamp(1, self.heads);
        let group = if pass.observe.is_some() { self.heads } else { fitting };
        let mut bias = self.wo.bias.as_ref().map(Param::val);
        for first in (0..self.heads).step_by(group) {
            let heads = first..(first + group).min(self.heads);
            let columns = heads.start * width..heads.end * width;
            let input = self.input(states.clone(), heads, segments, watch);
            let (found, rows) = if pass.row_statistics {
                let (found, rows) = attention_with_rows(&input, &pass.conduct);
                (found, Some(rows))
            } else {
                (attention(&input, &pass.conduct), None)
            };
            if let Some(observe) = &mut pass.observe {
                observe(index, &Seen { input: &input, attention: &found, rows: rows.as_ref() });
            }
            drop(input);
            let weight = self.wo.weight.val().slice_dim(1, columns);
            x = add_linear(x, gathered(found.out), weight, bias.take(), watch);
        }
        x
    }
}

/// `[batch, head, seq, d]` as `[batch, seq, head · d]`.
fn gathered(out: Tensor<4>) -> Tensor<3> {
    let [batch, heads, seq, width] = out.dims();
    out.swap_dims(1, 2).reshape([batch, seq, heads * width])
}

impl FeedForward {
    fn forward(&self, x: Tensor<3>, watch: &Watch) -> Tensor<3> {
        let [w12, w3] = [&self.w12, &self.w3].map(|layer| (layer.weight.val(), layer.bias.as_ref().map(Param::val)));
        swiglu(x, w12, w3, watch)
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
