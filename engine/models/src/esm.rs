//! ESM (Lin et al. 2023) as Nucleotide Transformer has it (Dalla-Torre et al. 2024).
//!
//! Version 1 has learned positions and scales the vectors of tokens by the share that is hidden, at inference too;
//! version 2 has rotary positions and gated feed-forward layers without biases (`modeling_esm.py` beside its weights).
//! Tensor names: `esm.embeddings`, `esm.encoder.layer.N`, `esm.encoder.emb_layer_norm_after`, `lm_head`, `classifier`.

#![expect(non_snake_case, reason = "fields are named as the tensors of checkpoints")]

use burn::{
    module::{Module, Param},
    tensor::{Int, Tensor, TensorData},
};
use strandscope_kernels::{
    AttentionInput, Between, HiddenAct, PositionRule, Segments, Watch, by_rows, feed_forward, linear,
};

use crate::{
    architecture::Architecture,
    attention_layer::{AttentionLayer, Qkv},
    bert::predicts_tokens,
    checkpoint::{Fill, Weights},
    classifier::Classifier,
    config::{Classes, Fields, Sizes},
    layers::{Embedding, LayerNorm, Linear},
    pass::{Pass, Tokens},
    rotary::Rotary,
};

/// Share of tokens that are hidden in training: 15 in 100 are chosen, of which 8 in 10 are hidden.
const HIDDEN_IN_TRAINING: f64 = 0.15 * 0.8;

/// `config.json` of an ESM.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What every network has.
    pub sizes: Sizes,
    /// Rows of the table of positions: those of the longest row, and the padding token's and what is before it.
    pub max_position_embeddings: usize,
    /// Whether queries and keys are turned by their places, and there is no table.
    pub is_rotary: bool,
    /// Whether feed-forward layers have gates, and no biases.
    pub gated: bool,
    /// Whether vectors of tokens are scaled by the share that is hidden; the id of a hidden token.
    pub token_dropout: Option<u32>,
    /// Whether vectors are normalized before the first layer.
    pub emb_layer_norm_before: bool,
    /// Whether the decoder of masked tokens is the table of vectors.
    pub tie_word_embeddings: bool,
    /// What it was fine-tuned to tell apart.
    pub classes: Option<Classes>,
    /// Whether it must have the layers that predict tokens.
    pub predicts_tokens: bool,
}

impl Config {
    pub(crate) fn read(fields: &Fields) -> Result<Self, String> {
        let is_rotary = match fields.text_or("position_embedding_type", "absolute")?.as_str() {
            "absolute" => false,
            "rotary" => true,
            other => {
                return Err(format!("position_embedding_type '{other}' is unsupported; known are absolute and rotary"));
            }
        };
        let sizes = Sizes::read(fields)?;
        if is_rotary && !sizes.head_width().is_multiple_of(2) {
            return Err(format!("attention heads of {} channels cannot be turned", sizes.head_width()));
        }
        let max_position_embeddings = fields.size("max_position_embeddings", 1 << 24)?;
        if max_position_embeddings <= sizes.pad_token_id as usize + 1 {
            return Err(format!("max_position_embeddings is {max_position_embeddings}, which leaves no place"));
        }
        let mask = u32::try_from(fields.id_or("mask_token_id", 2)?).map_err(|error| error.to_string())?;
        Ok(Self {
            max_position_embeddings,
            is_rotary,
            // The key stands in configurations of version 2 alone.
            gated: fields.has("add_bias_fnn"),
            token_dropout: fields.flag_or("token_dropout", false)?.then_some(mask),
            emb_layer_norm_before: fields.flag_or("emb_layer_norm_before", false)?,
            tie_word_embeddings: fields.flag_or("tie_word_embeddings", false)?,
            classes: Classes::read(fields)?,
            predicts_tokens: predicts_tokens(fields),
            sizes,
        })
    }

    /// Most tokens of a row; rotary positions go on without end.
    pub(crate) fn most_tokens(&self) -> Option<usize> {
        (!self.is_rotary).then(|| self.context_tokens())
    }

    /// Tokens of the longest row in training.
    pub(crate) fn context_tokens(&self) -> usize {
        self.max_position_embeddings - self.sizes.pad_token_id as usize - 1
    }
}

/// The network: an encoder, and what a checkpoint holds on top of it.
#[derive(Module, Debug)]
pub struct Esm {
    esm: Model,
    lm_head: Option<TokenHead>,
    classifier: Option<Classifier>,
}

#[derive(Module, Debug)]
struct Model {
    embeddings: Embeddings,
    encoder: Encoder,
}

#[derive(Module, Debug)]
struct Embeddings {
    word_embeddings: Embedding,
    position_embeddings: Option<Embedding>,
    layer_norm: Option<LayerNorm>,
    #[module(skip)]
    token_dropout: Option<u32>,
    #[module(skip)]
    pad_token_id: u32,
}

#[derive(Module, Debug)]
struct Encoder {
    layer: Vec<Layer>,
    emb_layer_norm_after: LayerNorm,
}

#[derive(Module, Debug)]
struct Layer {
    attention: AttentionBlock,
    LayerNorm: LayerNorm,
    intermediate: Dense,
    output: Dense,
    #[module(skip)]
    between: Between,
}

#[derive(Module, Debug)]
struct AttentionBlock {
    /// `self` is no name that a field can have.
    self_: SelfAttention,
    output: Dense,
    LayerNorm: LayerNorm,
}

#[derive(Module, Debug)]
struct SelfAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    rotary: Option<Rotary>,
}

#[derive(Module, Debug)]
struct Dense {
    dense: Linear,
}

#[derive(Module, Debug)]
struct TokenHead {
    dense: Linear,
    layer_norm: LayerNorm,
    decoder: Decoder,
    bias: Param<Tensor<1>>,
}

/// A table that may be that of the vectors of tokens.
#[derive(Module, Debug)]
struct Decoder {
    weight: Option<Param<Tensor<2>>>,
}

impl Esm {
    /// Builds the network `config` describes from `weights`.
    pub(crate) fn load(config: &Config, weights: &mut Weights) -> Self {
        weights.set_aside(|name| name.starts_with("esm.contact_head."));
        if config.is_rotary {
            // The class of version 2 makes the table too, and does not use it.
            weights.set_aside(|name| name == "esm.embeddings.position_embeddings.weight");
        }
        let hidden = config.sizes.hidden_size;
        let lm_head = TokenHead::load(config, weights);
        Self {
            esm: Model { embeddings: Embeddings::load(config, weights), encoder: Encoder::load(config, weights) },
            lm_head,
            classifier: config.classes.as_ref().map(|classes| Classifier::load(classes, hidden, weights)),
        }
    }
}

impl Architecture for Esm {
    fn word_embeddings(&self) -> &Embedding {
        &self.esm.embeddings.word_embeddings
    }

    fn embedded(&self, words: Tensor<3>, tokens: &Tokens) -> Tensor<3> {
        self.esm.embeddings.forward(words, tokens)
    }

    fn layers(&self) -> usize {
        self.esm.encoder.layer.len()
    }

    fn heads(&self) -> usize {
        self.esm.encoder.layer.first().map_or(0, |layer| layer.attention.self_.heads)
    }

    fn layer(&self, index: usize, x: Tensor<3>, segments: Option<&Segments>, pass: &mut Pass<'_>) -> Tensor<3> {
        self.esm.encoder.layer[index].forward(x, index, segments, pass)
    }

    fn attention_input(&self, layer: usize, x: Tensor<3>, segments: Option<&Segments>) -> AttentionInput {
        let attention = &self.esm.encoder.layer[layer].attention;
        attention.layer().input(attention.states(x), 0..self.heads(), segments, &Watch::default())
    }

    fn projections(&self, layer: usize) -> Qkv<'_> {
        self.esm.encoder.layer[layer].attention.layer().qkv
    }

    fn finished(&self, x: Tensor<3>) -> Tensor<3> {
        by_rows(x, |x| self.esm.encoder.emb_layer_norm_after.forward(x))
    }

    fn predicts_tokens(&self) -> bool {
        self.lm_head.is_some()
    }

    fn token_logits(&self, states: Tensor<2>) -> Option<Tensor<2>> {
        let TokenHead { dense, layer_norm, decoder, bias } = self.lm_head.as_ref()?;
        let x = layer_norm.forward(HiddenAct::Gelu.forward(dense.forward(states)));
        let table = decoder.weight.as_ref().unwrap_or(&self.word_embeddings().weight);
        Some(linear(x, table.val(), Some(bias.val()), &Watch::default()))
    }

    fn class_logits(&self, last: Tensor<3>) -> Option<Tensor<3>> {
        Some(self.classifier.as_ref()?.forward(last, Tensor::tanh))
    }
}

impl Embeddings {
    fn load(config: &Config, weights: &mut Weights) -> Self {
        let Sizes { vocab_size, hidden_size, layer_norm_eps, pad_token_id, .. } = config.sizes;
        let name = |part: &str| format!("esm.embeddings.{part}");
        let mut table = |part: &str, rows| Embedding::load(weights, &name(part), rows, hidden_size);
        Self {
            word_embeddings: table("word_embeddings", vocab_size),
            position_embeddings: (!config.is_rotary)
                .then(|| table("position_embeddings", config.max_position_embeddings)),
            layer_norm: config
                .emb_layer_norm_before
                .then(|| LayerNorm::load(weights, &name("layer_norm"), hidden_size, layer_norm_eps)),
            token_dropout: config.token_dropout,
            pad_token_id,
        }
    }

    fn forward(&self, words: Tensor<3>, tokens: &Tokens) -> Tensor<3> {
        let device = words.device();
        let [batch, seq] = tokens.dims();
        let mut x = words;
        if let Some(mask) = self.token_dropout {
            let scales = TensorData::new(scales(tokens, mask), [batch, seq, 1]);
            x = x * Tensor::<3>::from_data(scales, &device);
        }
        if let Some(positions) = &self.position_embeddings {
            let places = TensorData::new(places(tokens, self.pad_token_id), [batch, seq]);
            x = x + positions.forward(Tensor::<2, Int>::from_data(places, &device));
        }
        match &self.layer_norm {
            Some(norm) => norm.forward(x),
            None => x,
        }
    }
}

/// What each token's vector is multiplied by: 0 for hidden ones, for the others what makes their sum as large as it was
/// on average in training. Padding does not count.
fn scales(tokens: &Tokens, mask: u32) -> Vec<f32> {
    let [_, seq] = tokens.dims();
    let real = tokens.real();
    let mut scales = Vec::with_capacity(real.len());
    for (ids, real) in tokens.ids().chunks(seq).zip(real.chunks(seq)) {
        let is_hidden = |id: i64| id == i64::from(mask);
        let hidden = ids.iter().filter(|id| is_hidden(**id)).count() as f64;
        let share = hidden / real.iter().filter(|real| **real).count().max(1) as f64;
        #[expect(clippy::cast_possible_truncation, reason = "the network computes in single precision")]
        let scale = ((1.0 - HIDDEN_IN_TRAINING) / (1.0 - share).max(f64::EPSILON)) as f32;
        scales.extend(ids.iter().map(|id| if is_hidden(*id) { 0.0 } else { scale }));
    }
    scales
}

/// The row of the table for each token: they count from behind the padding token, which padding keeps.
fn places(tokens: &Tokens, pad: u32) -> Vec<i64> {
    let [_, seq] = tokens.dims();
    let pad = i64::from(pad);
    let of_row = |ids: &[i64]| {
        let mut last = pad;
        let place = |id: &i64| {
            last += i64::from(*id != pad);
            if *id == pad { pad } else { last }
        };
        ids.iter().map(place).collect::<Vec<_>>()
    };
    tokens.ids().chunks(seq).flat_map(of_row).collect()
}

impl Encoder {
    fn load(config: &Config, weights: &mut Weights) -> Self {
        let Sizes { hidden_size, num_hidden_layers, layer_norm_eps, .. } = config.sizes;
        let layer = (0..num_hidden_layers).map(|index| Layer::load(config, index, weights)).collect();
        let after = LayerNorm::load(weights, "esm.encoder.emb_layer_norm_after", hidden_size, layer_norm_eps);
        Self { layer, emb_layer_norm_after: after }
    }
}

impl Layer {
    fn load(config: &Config, index: usize, weights: &mut Weights) -> Self {
        let Sizes { hidden_size: hidden, intermediate_size: wide, layer_norm_eps, .. } = config.sizes;
        let name = |part: &str| format!("esm.encoder.layer.{index}.{part}");
        let (gated, act) = (config.gated, if config.gated { HiddenAct::Silu } else { HiddenAct::Gelu });
        let first = if gated { 2 * wide } else { wide };
        let between = Between { act, gated };
        let mut dense = |part: &str, inputs, outputs| Dense {
            dense: Linear::load_wide(weights, &format!("{}.dense", name(part)), inputs, outputs, !gated),
        };
        let [intermediate, output] = [dense("intermediate", hidden, first), dense("output", wide, hidden)];
        let after_attention = Linear::load(weights, &name("attention.output.dense"), hidden, hidden, true);
        Self {
            attention: AttentionBlock {
                self_: SelfAttention::load(config, &name("attention.self"), weights),
                output: Dense { dense: after_attention },
                LayerNorm: LayerNorm::load(weights, &name("attention.LayerNorm"), hidden, layer_norm_eps),
            },
            LayerNorm: LayerNorm::load(weights, &name("LayerNorm"), hidden, layer_norm_eps),
            intermediate,
            output,
            between,
        }
    }

    /// Attention, then feed-forward, each added to what came in.
    fn forward(&self, x: Tensor<3>, index: usize, segments: Option<&Segments>, pass: &mut Pass<'_>) -> Tensor<3> {
        let states = self.attention.states(x.clone());
        let watch = pass.conduct.watch.clone();
        // From here on `x` is what came in and what attention gave.
        let x = self.attention.layer().add(x, &states, index, segments, pass);
        drop(states);
        by_rows(x, |x| {
            let (first, second) = (self.intermediate.dense.tables(), self.output.dense.tables());
            feed_forward(self.LayerNorm.forward(x.clone()), first, second, self.between, &watch) + x
        })
    }
}

impl AttentionBlock {
    /// The states that attention reads.
    fn states(&self, x: Tensor<3>) -> Tensor<3> {
        by_rows(x, |x| self.LayerNorm.forward(x))
    }

    fn layer(&self) -> AttentionLayer<'_> {
        let SelfAttention { query, key, value, heads, rotary } = &self.self_;
        AttentionLayer {
            qkv: Qkv::Apart([query, key, value]),
            output: &self.output.dense,
            heads: *heads,
            rule: PositionRule::None,
            rotary: rotary.as_ref(),
        }
    }
}

impl SelfAttention {
    fn load(config: &Config, name: &str, weights: &mut Weights) -> Self {
        let hidden = config.sizes.hidden_size;
        let [query, key, value] = ["query", "key", "value"]
            .map(|part| Linear::load(weights, &format!("{name}.{part}"), hidden, hidden, true));
        let channels = config.sizes.head_width();
        let rotary = config.is_rotary.then_some(Rotary { base: 10_000.0, channels });
        Self { query, key, value, heads: config.sizes.num_attention_heads, rotary }
    }
}

impl TokenHead {
    /// Where the configuration wants it, or where the file has a part of it.
    fn load(config: &Config, weights: &mut Weights) -> Option<Self> {
        const TABLE: &str = "lm_head.decoder.weight";
        const BIAS: &str = "lm_head.bias";
        let Sizes { vocab_size, hidden_size: hidden, layer_norm_eps, .. } = config.sizes;
        weights.tied("lm_head.decoder.bias", BIAS);
        if config.tie_word_embeddings {
            weights.tied(TABLE, "esm.embeddings.word_embeddings.weight");
        }
        if !config.predicts_tokens && !weights.has(BIAS) && !weights.has("lm_head.dense.weight") {
            return None;
        }
        let table =
            (!config.tie_word_embeddings).then(|| weights.param(TABLE, [vocab_size, hidden], Fill::Normal(0.02)));
        Some(Self {
            dense: Linear::load(weights, "lm_head.dense", hidden, hidden, true),
            layer_norm: LayerNorm::load(weights, "lm_head.layer_norm", hidden, layer_norm_eps),
            decoder: Decoder { weight: table },
            bias: weights.param(BIAS, [vocab_size], Fill::Zeros),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_behind_the_padding_token_and_pass_over_padding() {
        let tokens = Tokens::new([3, 7, 8, 3, 7, 1], 3, None);
        assert_eq!(places(&tokens, 1), [2, 3, 4, 2, 3, 1]);
    }

    #[test]
    fn hidden_tokens_are_made_up_for_by_the_others() {
        let segments = Segments::from_mask([true, true, true, true, true, false], 3).expect("two rows");
        let tokens = Tokens::new([3, 7, 8, 3, 2, 1], 3, Some(segments));
        let want = [0.88, 0.88, 0.88, 1.76, 0.0, 1.76];
        for (scale, want) in scales(&tokens, 2).into_iter().zip(want) {
            assert!((scale - want).abs() < 1e-6, "{scale}, {want} expected");
        }
    }
}
