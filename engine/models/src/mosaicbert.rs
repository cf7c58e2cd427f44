//! MosaicBERT (Portes et al. 2023, arXiv 2312.17482) as DNABERT-2 has it (Zhou et al. 2023, arXiv 2306.15006):
//! ALiBi in place of positions, gated feed-forward layers, layer norms behind the sums.
//!
//! Tensor names as in `bert_layers.py`: `bert.encoder.layer.N.attention.self.Wqkv`, `mlp.gated_layers`, `mlp.wo`.

#![expect(non_snake_case, reason = "fields are named as the tensors of checkpoints")]

use burn::{
    module::{Module, Param},
    tensor::Tensor,
};
use strandscope_kernels::{
    AttentionInput, Between, HiddenAct, PositionRule, Segments, Watch, alibi_slopes, by_rows, feed_forward, linear,
};

use crate::{
    architecture::Architecture,
    attention_layer::{AttentionLayer, Qkv},
    bert::{Pooler, Transform, WORDS, predicts_tokens},
    checkpoint::{Fill, Weights},
    config::{Classes, Fields, Sizes, hidden_act},
    layers::{Embedding, LayerNorm, Linear},
    pass::{Pass, Tokens},
};

/// `config.json` of a MosaicBERT.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What every network has. Its `pad_token_id` is a default that the tokenizer contradicts: masks alone tell what is
    /// padding.
    pub sizes: Sizes,
    /// Activation of the gates.
    pub hidden_act: HiddenAct,
    /// Tokens for which the published code makes its table of distances at first; rows may be longer.
    pub alibi_starting_size: usize,
    /// Rows of the table of kinds of tokens; all tokens are of the first kind.
    pub type_vocab_size: usize,
    /// What it was fine-tuned to tell apart.
    pub classes: Option<Classes>,
    /// Whether it must have the layers that predict tokens.
    pub predicts_tokens: bool,
}

impl Config {
    pub(crate) fn read(fields: &Fields) -> Result<Self, String> {
        Ok(Self {
            sizes: Sizes::read(fields)?,
            hidden_act: hidden_act(fields)?,
            alibi_starting_size: fields.size("alibi_starting_size", 1 << 24)?,
            type_vocab_size: fields.size_or("type_vocab_size", 2, 1 << 10)?,
            classes: Classes::read(fields)?,
            predicts_tokens: predicts_tokens(fields),
        })
    }
}

/// The network: an encoder, and what a checkpoint holds on top of it.
#[derive(Module, Debug)]
pub struct MosaicBert {
    bert: Model,
    cls: Option<TokenHead>,
    classifier: Option<Linear>,
    #[module(skip)]
    per_token: bool,
}

#[derive(Module, Debug)]
struct Model {
    embeddings: Embeddings,
    encoder: Encoder,
    pooler: Option<Pooler>,
}

#[derive(Module, Debug)]
struct Embeddings {
    word_embeddings: Embedding,
    token_type_embeddings: Embedding,
    LayerNorm: LayerNorm,
}

#[derive(Module, Debug)]
struct Encoder {
    layer: Vec<Layer>,
}

#[derive(Module, Debug)]
struct Layer {
    attention: AttentionBlock,
    mlp: Mlp,
}

#[derive(Module, Debug)]
struct AttentionBlock {
    /// `self` is no name that a field can have.
    self_: SelfAttention,
    output: Output,
}

#[derive(Module, Debug)]
struct SelfAttention {
    Wqkv: Linear,
    #[module(skip)]
    heads: usize,
}

#[derive(Module, Debug)]
struct Output {
    dense: Linear,
    LayerNorm: LayerNorm,
}

#[derive(Module, Debug)]
struct Mlp {
    gated_layers: Linear,
    wo: Linear,
    layernorm: LayerNorm,
    #[module(skip)]
    hidden_act: HiddenAct,
}

/// The layers that predict tokens; the table of the last is that of the vectors of tokens.
#[derive(Module, Debug)]
struct TokenHead {
    predictions: Predictions,
}

#[derive(Module, Debug)]
struct Predictions {
    transform: Transform,
    decoder: Decoder,
}

#[derive(Module, Debug)]
struct Decoder {
    bias: Param<Tensor<1>>,
}

impl MosaicBert {
    /// Builds the network `config` describes from `weights`.
    pub(crate) fn load(config: &Config, weights: &mut Weights) -> Self {
        let Config { sizes, type_vocab_size, classes, .. } = config;
        let (hidden, epsilon) = (sizes.hidden_size, sizes.layer_norm_eps);
        let pooler = Pooler::load(hidden, classes.as_ref(), weights);
        let cls = TokenHead::load(config, weights);
        let embeddings = Embeddings {
            word_embeddings: Embedding::load(weights, "bert.embeddings.word_embeddings", sizes.vocab_size, hidden),
            token_type_embeddings: Embedding::load(
                weights,
                "bert.embeddings.token_type_embeddings",
                *type_vocab_size,
                hidden,
            ),
            LayerNorm: LayerNorm::load(weights, "bert.embeddings.LayerNorm", hidden, epsilon),
        };
        let layer = (0..sizes.num_hidden_layers).map(|index| Layer::load(config, index, weights)).collect();
        let labels = classes.as_ref().map(|classes| classes.labels.len());
        Self {
            bert: Model { embeddings, encoder: Encoder { layer }, pooler },
            cls,
            classifier: labels.map(|labels| Linear::load(weights, "classifier", hidden, labels, true)),
            per_token: classes.as_ref().is_some_and(|classes| classes.per_token),
        }
    }
}

impl Architecture for MosaicBert {
    fn word_embeddings(&self) -> &Embedding {
        &self.bert.embeddings.word_embeddings
    }

    fn embedded(&self, words: Tensor<3>, _tokens: &Tokens) -> Tensor<3> {
        let Embeddings { token_type_embeddings, LayerNorm, .. } = &self.bert.embeddings;
        let kind = token_type_embeddings.rows(0..1).unsqueeze_dim(0);
        by_rows(words, |words| LayerNorm.forward(words + kind.clone()))
    }

    fn layers(&self) -> usize {
        self.bert.encoder.layer.len()
    }

    fn heads(&self) -> usize {
        self.bert.encoder.layer.first().map_or(0, |layer| layer.attention.self_.heads)
    }

    fn layer(&self, index: usize, x: Tensor<3>, segments: Option<&Segments>, pass: &mut Pass<'_>) -> Tensor<3> {
        self.bert.encoder.layer[index].forward(x, index, segments, pass)
    }

    fn attention_input(&self, layer: usize, x: Tensor<3>, segments: Option<&Segments>) -> AttentionInput {
        let attention = self.bert.encoder.layer[layer].attention.layer();
        attention.input(x, 0..self.heads(), segments, &Watch::default())
    }

    fn projections(&self, layer: usize) -> Qkv<'_> {
        self.bert.encoder.layer[layer].attention.layer().qkv
    }

    fn predicts_tokens(&self) -> bool {
        self.cls.is_some()
    }

    fn token_logits(&self, states: Tensor<2>) -> Option<Tensor<2>> {
        let Predictions { transform, decoder } = &self.cls.as_ref()?.predictions;
        let table = self.word_embeddings().weight.val();
        Some(linear(transform.forward(states), table, Some(decoder.bias.val()), &Watch::default()))
    }

    fn pooled(&self, last: &Tensor<3>) -> Option<Tensor<2>> {
        Some(self.bert.pooler.as_ref()?.forward(last))
    }

    fn class_logits(&self, last: Tensor<3>) -> Option<Tensor<3>> {
        let classifier = self.classifier.as_ref()?;
        if self.per_token {
            return Some(classifier.forward(last));
        }
        Some(classifier.forward(self.pooled(&last)?).unsqueeze_dim(1))
    }
}

impl Layer {
    fn load(config: &Config, index: usize, weights: &mut Weights) -> Self {
        let Sizes { hidden_size: hidden, intermediate_size: wide, layer_norm_eps, num_attention_heads, .. } =
            config.sizes;
        let name = |part: &str| format!("bert.encoder.layer.{index}.{part}");
        Self {
            attention: AttentionBlock {
                self_: SelfAttention {
                    Wqkv: Linear::load(weights, &name("attention.self.Wqkv"), hidden, 3 * hidden, true),
                    heads: num_attention_heads,
                },
                output: Output {
                    dense: Linear::load(weights, &name("attention.output.dense"), hidden, hidden, true),
                    LayerNorm: LayerNorm::load(weights, &name("attention.output.LayerNorm"), hidden, layer_norm_eps),
                },
            },
            mlp: Mlp {
                gated_layers: Linear::load_wide(weights, &name("mlp.gated_layers"), hidden, 2 * wide, false),
                wo: Linear::load_wide(weights, &name("mlp.wo"), wide, hidden, true),
                layernorm: LayerNorm::load(weights, &name("mlp.layernorm"), hidden, layer_norm_eps),
                hidden_act: config.hidden_act,
            },
        }
    }

    /// Attention, then feed-forward, each added to what came in and normalized.
    fn forward(&self, x: Tensor<3>, index: usize, segments: Option<&Segments>, pass: &mut Pass<'_>) -> Tensor<3> {
        let states = x.clone();
        let watch = pass.conduct.watch.clone();
        // From here on `x` is what came in and what attention gave.
        let x = self.attention.layer().add(x, &states, index, segments, pass);
        drop(states);
        by_rows(x, |x| {
            let x = self.attention.output.LayerNorm.forward(x);
            self.mlp.layernorm.forward_sum(self.mlp.forward(x.clone(), &watch), x)
        })
    }
}

impl AttentionBlock {
    fn layer(&self) -> AttentionLayer<'_> {
        let heads = self.self_.heads;
        AttentionLayer {
            qkv: Qkv::Fused(&self.self_.Wqkv),
            output: &self.output.dense,
            heads,
            rule: PositionRule::Alibi(alibi_slopes(heads)),
            rotary: None,
        }
    }
}

impl Mlp {
    fn forward(&self, x: Tensor<3>, watch: &Watch) -> Tensor<3> {
        let between = Between { act: self.hidden_act, gated: true };
        feed_forward(x, self.gated_layers.tables(), self.wo.tables(), between, watch)
    }
}

impl TokenHead {
    /// Where the configuration wants it, or where the file has a part of it.
    fn load(config: &Config, weights: &mut Weights) -> Option<Self> {
        const BIAS: &str = "cls.predictions.decoder.bias";
        /// Whatever the configuration says.
        const EPSILON: f64 = 1e-12;
        weights.tied("cls.predictions.decoder.weight", WORDS);
        if !config.predicts_tokens && !weights.has(BIAS) && !weights.has(&format!("{}.weight", Transform::DENSE)) {
            return None;
        }
        let transform = Transform::load(config.sizes.hidden_size, EPSILON, HiddenAct::Gelu, weights);
        let decoder = Decoder { bias: weights.param(BIAS, [config.sizes.vocab_size], Fill::Zeros) };
        Some(Self { predictions: Predictions { transform, decoder } })
    }
}
