//! BERT (Devlin et al. 2018, arXiv 1810.04805) as DNABERT has it, and as GENA-LM has it.
//!
//! DNABERT (Ji et al. 2021) is stock BERT: layer norms behind the sums, learned positions. GENA-LM (Fishman et al. 2025)
//! sets layer norms before attention and feed-forward (`pre_layer_norm`), in some checkpoints one more at the end
//! (`last_layer_norm`), and its sparse checkpoints turn queries and keys by rotary positions and see the blocks of a
//! stored layout alone (`modeling_bert.py` of `GENA_LM`; `BigBirdSparsityConfig` of `DeepSpeed` 0.6).
//! Tensor names: `bert.embeddings`, `bert.encoder.layer.N`, `bert.pooler`, `cls.predictions`, `classifier`.

#![expect(non_snake_case, reason = "fields are named as the tensors of checkpoints")]

use burn::{
    module::{Module, Param},
    tensor::Tensor,
};
use strandscope_kernels::{
    AttentionInput, Between, HiddenAct, PositionRule, Segments, Watch, by_rows, feed_forward, linear,
};

use crate::{
    architecture::{Architecture, first_token},
    attention_layer::{AttentionLayer, Qkv},
    block_layout::BlockLayout,
    checkpoint::{Fill, Weights},
    config::{Classes, Fields, Sizes, hidden_act},
    layers::{Embedding, LayerNorm, Linear},
    pass::{Pass, Tokens},
    rotary::Rotary,
};

/// `config.json` of a BERT.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What every network has.
    pub sizes: Sizes,
    /// Activation of the feed-forward layers.
    pub hidden_act: HiddenAct,
    /// Rows of the table of positions, or tokens it was trained on.
    pub max_position_embeddings: usize,
    /// Rows of the table of kinds of tokens; all tokens are of the first kind.
    pub type_vocab_size: usize,
    /// Whether layer norms stand before attention and feed-forward.
    pub pre_layer_norm: bool,
    /// Whether there is one more layer norm at the end.
    pub last_layer_norm: bool,
    /// Rotary positions in place of the table.
    pub(crate) rotary: Option<Rotary>,
    /// Positions of a block, where layers see the blocks of a stored layout alone.
    pub sparse_block: Option<usize>,
    /// What it was fine-tuned to tell apart.
    pub classes: Option<Classes>,
    /// Whether it must have the layers that predict tokens.
    pub predicts_tokens: bool,
}

impl Config {
    pub(crate) fn read(fields: &Fields) -> Result<Self, String> {
        let sizes = Sizes::read(fields)?;
        let pre_layer_norm = fields.flag_or("pre_layer_norm", false)?;
        let rotary = match fields.text_or("position_embedding_type", "absolute")?.as_str() {
            "absolute" => None,
            "rotary" => Some(rotary(fields, &sizes)?),
            other => {
                return Err(format!("position_embedding_type '{other}' is unsupported; known are absolute and rotary"));
            }
        };
        let sparse = fields.inner("sparse_attention")?;
        Ok(Self {
            hidden_act: hidden_act(fields)?,
            max_position_embeddings: fields.size("max_position_embeddings", 1 << 24)?,
            type_vocab_size: fields.size_or("type_vocab_size", 2, 1 << 10)?,
            pre_layer_norm,
            last_layer_norm: fields.flag_or("last_layer_norm", pre_layer_norm)?,
            rotary,
            sparse_block: sparse.map(|sparse| sparse.size_or("block", 64, 1 << 12)).transpose()?,
            classes: Classes::read(fields)?,
            predicts_tokens: predicts_tokens(fields),
            sizes,
        })
    }

    /// Most tokens of a row; rotary positions go on without end, a stored layout does not.
    pub(crate) fn most_tokens(&self) -> Option<usize> {
        (self.rotary.is_none() || self.sparse_block.is_some()).then_some(self.max_position_embeddings)
    }
}

fn rotary(fields: &Fields, sizes: &Sizes) -> Result<Rotary, String> {
    let channels = fields.size_or("rotary_dim", sizes.head_width(), sizes.head_width())?;
    let base = fields.number_or("rotary_base", 10_000.0)?;
    if !channels.is_multiple_of(2) || base <= 1.0 || !base.is_finite() {
        return Err(format!("rotary_dim {channels} must be even, and rotary_base {base} above 1"));
    }
    Ok(Rotary { base, channels })
}

/// Whether the upstream class is one that predicts tokens.
pub(crate) fn predicts_tokens(fields: &Fields) -> bool {
    let of_class = |name: &String| name.ends_with("ForMaskedLM") || name.ends_with("ForPreTraining");
    fields.architectures().iter().any(of_class)
}

/// The network: an encoder, and what a checkpoint holds on top of it.
#[derive(Module, Debug)]
pub struct Bert {
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
pub(crate) struct Embeddings {
    pub(crate) word_embeddings: Embedding,
    position_embeddings: Option<Embedding>,
    token_type_embeddings: Embedding,
    LayerNorm: LayerNorm,
}

#[derive(Module, Debug)]
pub(crate) struct Encoder {
    pub(crate) layer: Vec<Layer>,
    last_layer_ln: Option<LayerNorm>,
}

#[derive(Module, Debug)]
pub(crate) struct Layer {
    pre_attention_ln: Option<LayerNorm>,
    attention: AttentionBlock,
    post_attention_ln: Option<LayerNorm>,
    intermediate: Intermediate,
    output: Output,
    #[module(skip)]
    hidden_act: HiddenAct,
}

#[derive(Module, Debug)]
struct AttentionBlock {
    /// `self` is no name that a field can have.
    self_: SelfAttention,
    output: Output,
}

#[derive(Module, Debug)]
struct SelfAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    #[module(skip)]
    pub(crate) heads: usize,
    #[module(skip)]
    rotary: Option<Rotary>,
    #[module(skip)]
    master_layout: Option<BlockLayout>,
}

/// A table, and where layer norms stand behind sums the one behind its sum.
#[derive(Module, Debug)]
struct Output {
    dense: Linear,
    LayerNorm: Option<LayerNorm>,
}

#[derive(Module, Debug)]
struct Intermediate {
    dense: Linear,
}

/// What the first token's state says of a row.
#[derive(Module, Debug)]
pub(crate) struct Pooler {
    dense: Linear,
}

/// The layers that predict tokens; the table of the last is that of the vectors of tokens.
#[derive(Module, Debug)]
pub(crate) struct TokenHead {
    predictions: Predictions,
}

#[derive(Module, Debug)]
struct Predictions {
    transform: Transform,
    bias: Param<Tensor<1>>,
}

/// What states go through before the decoder.
#[derive(Module, Debug)]
pub(crate) struct Transform {
    dense: Linear,
    LayerNorm: LayerNorm,
    #[module(skip)]
    hidden_act: HiddenAct,
}

/// The vectors of tokens, which are also the table of the decoder.
pub(crate) const WORDS: &str = "bert.embeddings.word_embeddings.weight";

impl Bert {
    /// Builds the network `config` describes from `weights`.
    pub(crate) fn load(config: &Config, weights: &mut Weights) -> Self {
        let hidden = config.sizes.hidden_size;
        weights.set_aside(|name| name.starts_with("cls.seq_relationship."));
        let pooler = Pooler::load(hidden, config.classes.as_ref(), weights);
        let cls = TokenHead::load(&config.sizes, config.hidden_act, config.predicts_tokens, weights);
        Self {
            bert: Model {
                embeddings: Embeddings::load(config, weights),
                encoder: Encoder::load(config, weights),
                pooler,
            },
            cls,
            classifier: config
                .classes
                .as_ref()
                .map(|classes| Linear::load(weights, "classifier", hidden, classes.labels.len(), true)),
            per_token: config.classes.as_ref().is_some_and(|classes| classes.per_token),
        }
    }
}

impl Architecture for Bert {
    fn word_embeddings(&self) -> &Embedding {
        &self.bert.embeddings.word_embeddings
    }

    fn embedded(&self, words: Tensor<3>, _tokens: &Tokens) -> Tensor<3> {
        self.bert.embeddings.forward(words)
    }

    fn layers(&self) -> usize {
        self.bert.encoder.layer.len()
    }

    fn heads(&self) -> usize {
        self.bert.encoder.layer.first().map_or(0, |layer| layer.attention.self_.heads)
    }

    fn layer(&self, index: usize, x: Tensor<3>, segments: Option<&Segments>, pass: &mut Pass<'_>) -> Tensor<3> {
        let layer = &self.bert.encoder.layer[index];
        let rule = layer.rule(x.dims()[1]);
        layer.forward(rule, x, index, segments, pass)
    }

    fn attention_input(&self, layer: usize, x: Tensor<3>, segments: Option<&Segments>) -> AttentionInput {
        let layer = &self.bert.encoder.layer[layer];
        layer.attention_input(layer.rule(x.dims()[1]), x, segments)
    }

    fn projections(&self, layer: usize) -> Qkv<'_> {
        self.bert.encoder.layer[layer].projections()
    }

    fn finished(&self, x: Tensor<3>) -> Tensor<3> {
        match &self.bert.encoder.last_layer_ln {
            Some(norm) => by_rows(x, |x| norm.forward(x)),
            None => x,
        }
    }

    fn predicts_tokens(&self) -> bool {
        self.cls.is_some()
    }

    fn token_logits(&self, states: Tensor<2>) -> Option<Tensor<2>> {
        Some(self.cls.as_ref()?.forward(states, self.word_embeddings()))
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

impl Pooler {
    /// Where the file has it, or a classifier of rows needs it.
    pub(crate) fn load(hidden: usize, classes: Option<&Classes>, weights: &mut Weights) -> Option<Self> {
        let is_needed = classes.is_some_and(|classes| !classes.per_token);
        let wanted = is_needed || weights.has("bert.pooler.dense.weight");
        wanted.then(|| Self { dense: Linear::load(weights, "bert.pooler.dense", hidden, hidden, true) })
    }

    /// # Shapes
    /// `[batch, seq, hidden] → [batch, hidden]`
    pub(crate) fn forward(&self, last: &Tensor<3>) -> Tensor<2> {
        self.dense.forward(first_token(last)).tanh()
    }
}

impl Embeddings {
    pub(crate) fn load(config: &Config, weights: &mut Weights) -> Self {
        let name = |part: &str| format!("bert.embeddings.{part}");
        let Config { sizes, max_position_embeddings, type_vocab_size, .. } = config;
        let hidden = sizes.hidden_size;
        let mut table = |part: &str, rows| Embedding::load(weights, &name(part), rows, hidden);
        Self {
            word_embeddings: table("word_embeddings", sizes.vocab_size),
            position_embeddings: config
                .rotary
                .is_none()
                .then(|| table("position_embeddings", *max_position_embeddings)),
            token_type_embeddings: table("token_type_embeddings", *type_vocab_size),
            LayerNorm: LayerNorm::load(weights, &name("LayerNorm"), hidden, sizes.layer_norm_eps),
        }
    }

    /// Adds place and kind of each token; all tokens are of the first kind.
    pub(crate) fn forward(&self, words: Tensor<3>) -> Tensor<3> {
        let seq = words.dims()[1];
        let mut added = self.token_type_embeddings.rows(0..1);
        if let Some(positions) = &self.position_embeddings {
            added = positions.rows(0..seq) + added;
        }
        self.LayerNorm.forward(words + added.unsqueeze_dim(0))
    }
}

impl Encoder {
    pub(crate) fn load(config: &Config, weights: &mut Weights) -> Self {
        let Sizes { hidden_size, num_hidden_layers, layer_norm_eps, .. } = config.sizes;
        let layer = (0..num_hidden_layers).map(|index| Layer::load(config, index, weights)).collect();
        let last = config.pre_layer_norm && config.last_layer_norm;
        let norm = last.then(|| LayerNorm::load(weights, "bert.encoder.last_layer_ln", hidden_size, layer_norm_eps));
        Self { layer, last_layer_ln: norm }
    }
}

impl Layer {
    fn load(config: &Config, index: usize, weights: &mut Weights) -> Self {
        let Sizes { hidden_size: hidden, intermediate_size: wide, layer_norm_eps, .. } = config.sizes;
        let name = |part: &str| format!("bert.encoder.layer.{index}.{part}");
        let pre = config.pre_layer_norm;
        let norm = |weights: &mut Weights, part: &str, wanted: bool| {
            wanted.then(|| LayerNorm::load(weights, &name(part), hidden, layer_norm_eps))
        };
        Self {
            pre_attention_ln: norm(weights, "pre_attention_ln", pre),
            attention: AttentionBlock {
                self_: SelfAttention::load(config, &name("attention.self"), weights),
                output: Output {
                    dense: Linear::load(weights, &name("attention.output.dense"), hidden, hidden, true),
                    LayerNorm: norm(weights, "attention.output.LayerNorm", !pre),
                },
            },
            post_attention_ln: norm(weights, "post_attention_ln", pre),
            intermediate: Intermediate {
                dense: Linear::load_wide(weights, &name("intermediate.dense"), hidden, wide, true),
            },
            output: Output {
                dense: Linear::load_wide(weights, &name("output.dense"), wide, hidden, true),
                LayerNorm: norm(weights, "output.LayerNorm", !pre),
            },
            hidden_act: config.hidden_act,
        }
    }

    /// Attention, then feed-forward, each added to what came in.
    pub(crate) fn forward(
        &self,
        rule: PositionRule,
        x: Tensor<3>,
        index: usize,
        segments: Option<&Segments>,
        pass: &mut Pass<'_>,
    ) -> Tensor<3> {
        let states = self.attention_states(x.clone());
        let watch = pass.conduct.watch.clone();
        // From here on `x` is what came in and what attention gave.
        let x = self.attention.layer(rule).add(x, &states, index, segments, pass);
        drop(states);
        by_rows(x, |x| match (&self.attention.output.LayerNorm, &self.output.LayerNorm, &self.post_attention_ln) {
            (Some(behind_attention), Some(behind), _) => {
                let x = behind_attention.forward(x);
                behind.forward_sum(self.feed_forward(x.clone(), &watch), x)
            }
            (_, _, Some(before)) => self.feed_forward(before.forward(x.clone()), &watch) + x,
            _ => unreachable!("layer norms stand before or behind, as a layer is loaded"),
        })
    }

    pub(crate) fn attention_input(
        &self,
        rule: PositionRule,
        x: Tensor<3>,
        segments: Option<&Segments>,
    ) -> AttentionInput {
        let heads = 0..self.attention.self_.heads;
        self.attention.layer(rule).input(self.attention_states(x), heads, segments, &Watch::default())
    }

    /// What makes queries, keys and values.
    pub(crate) fn projections(&self) -> Qkv<'_> {
        self.attention.layer(PositionRule::None).qkv
    }

    /// Attention heads.
    pub(crate) fn heads(&self) -> usize {
        self.attention.self_.heads
    }

    /// What a stored layout lets it see of a row of so many tokens.
    fn rule(&self, seq: usize) -> PositionRule {
        match &self.attention.self_.master_layout {
            Some(layout) => PositionRule::Blocks(layout.list(seq)),
            None => PositionRule::None,
        }
    }

    /// The states that attention reads.
    fn attention_states(&self, x: Tensor<3>) -> Tensor<3> {
        match &self.pre_attention_ln {
            Some(norm) => by_rows(x, |x| norm.forward(x)),
            None => x,
        }
    }

    fn feed_forward(&self, x: Tensor<3>, watch: &Watch) -> Tensor<3> {
        let between = Between { act: self.hidden_act, gated: false };
        feed_forward(x, self.intermediate.dense.tables(), self.output.dense.tables(), between, watch)
    }
}

impl AttentionBlock {
    fn layer(&self, rule: PositionRule) -> AttentionLayer<'_> {
        let SelfAttention { query, key, value, heads, rotary, .. } = &self.self_;
        AttentionLayer {
            qkv: Qkv::Apart([query, key, value]),
            output: &self.output.dense,
            heads: *heads,
            rule,
            rotary: rotary.as_ref(),
        }
    }
}

impl SelfAttention {
    fn load(config: &Config, name: &str, weights: &mut Weights) -> Self {
        let Sizes { hidden_size: hidden, num_attention_heads: heads, .. } = config.sizes;
        let [query, key, value] = ["query", "key", "value"]
            .map(|part| Linear::load(weights, &format!("{name}.{part}"), hidden, hidden, true));
        let blocks = config.sparse_block.map(|size| (size, config.max_position_embeddings.div_ceil(size)));
        let master_layout = blocks.map(|(size, blocks)| {
            let name = format!("{name}.sparse_self_attention.master_layout");
            BlockLayout::load(weights, &name, size, [heads, blocks, blocks])
        });
        Self { query, key, value, heads, rotary: config.rotary, master_layout }
    }
}

impl Transform {
    pub(crate) const DENSE: &str = "cls.predictions.transform.dense";

    pub(crate) fn load(hidden: usize, epsilon: f64, hidden_act: HiddenAct, weights: &mut Weights) -> Self {
        Self {
            dense: Linear::load(weights, Self::DENSE, hidden, hidden, true),
            LayerNorm: LayerNorm::load(weights, "cls.predictions.transform.LayerNorm", hidden, epsilon),
            hidden_act,
        }
    }

    /// # Shapes
    /// `[row, hidden] → [row, hidden]`
    pub(crate) fn forward(&self, states: Tensor<2>) -> Tensor<2> {
        self.LayerNorm.forward(self.hidden_act.forward(self.dense.forward(states)))
    }
}

impl TokenHead {
    /// Where `wanted`, or where the file has a part of it.
    pub(crate) fn load(sizes: &Sizes, act: HiddenAct, wanted: bool, weights: &mut Weights) -> Option<Self> {
        const BIAS: &str = "cls.predictions.bias";
        weights.tied("cls.predictions.decoder.weight", WORDS);
        weights.tied("cls.predictions.decoder.bias", BIAS);
        if !wanted && !weights.has(BIAS) && !weights.has(&format!("{}.weight", Transform::DENSE)) {
            return None;
        }
        let transform = Transform::load(sizes.hidden_size, sizes.layer_norm_eps, act, weights);
        let bias = weights.param(BIAS, [sizes.vocab_size], Fill::Zeros);
        Some(Self { predictions: Predictions { transform, bias } })
    }

    /// # Shapes
    /// `[row, hidden] → [row, vocab]`
    pub(crate) fn forward(&self, states: Tensor<2>, words: &Embedding) -> Tensor<2> {
        let Predictions { transform, bias } = &self.predictions;
        linear(transform.forward(states), words.weight.val(), Some(bias.val()), &Watch::default())
    }
}
