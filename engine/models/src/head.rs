//! Task heads: what turns hidden states and bases into answers.
//!
//! A head reads the bases themselves through a small convolution, joined with the encoder's states spread over the
//! bases their tokens cover.
//! From there a *base* head answers for each base, a *sequence* head pools and answers once;
//! a *token* head answers from the states alone.

use burn::{
    module::{Module, Param},
    tensor::{
        Device, Distribution, Int, Tensor,
        activation::{gelu, relu},
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    ModelError,
    card::HeadKind,
    checkpoint::{Fill, Weights},
    composition::Composition,
    layers::{LayerNorm, Linear},
};

const EPSILON: f64 = 1e-5;

/// `head.json`: the shape of a head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadConfig {
    /// What it answers for.
    pub kind: HeadKind,
    /// Number of labels.
    pub labels: usize,
    /// Width of the encoder's states.
    pub hidden_size: usize,
    /// Whether the encoder's states are read at all.
    pub reads_tokens: bool,
    /// Channels of the convolution over bases; not used by a token head.
    pub channels: usize,
    /// Width of the first convolution, odd.
    pub stem_width_bp: usize,
    /// Width of the convolutions in the blocks, odd.
    pub block_width_bp: usize,
    /// Dilation of each block.
    pub dilations: Vec<usize>,
    /// Share of channels dropped in training.
    pub dropout: f64,
    /// The one length it reads, with a learned vector for each position; `None` reads any length.
    pub fixed_length_bp: Option<usize>,
    /// How a sequence head pools.
    pub pooling: Option<Pooling>,
    /// Longest words of the composition that a sequence head adds, where it does.
    pub composition: Option<usize>,
}

/// How a sequence head comes from bases to one answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pooling {
    /// Channels kept at each position; only with a fixed length.
    pub channels: usize,
    /// Positions pooled into one; only with a fixed length.
    pub every_bp: usize,
    /// Width of the layer before the answer.
    pub dense: usize,
}

impl HeadConfig {
    /// Reads `head.json`.
    ///
    /// # Errors
    /// When it is no JSON, a field is missing, or the fields describe no head.
    pub fn parse(json: &[u8], origin: &str) -> Result<Self, ModelError> {
        let config: Self = serde_json::from_slice(json).map_err(|error| ModelError::Json {
            what: "head.json",
            origin: origin.to_owned(),
            reason: error.to_string(),
        })?;
        config.check().map_err(|reason| ModelError::Config { origin: origin.to_owned(), reason })?;
        Ok(config)
    }

    /// Whether the fields describe a head; the error says which does not.
    ///
    /// # Errors
    /// The field and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let sizes = [("labels", self.labels), ("hidden_size", self.hidden_size), ("channels", self.channels)];
        if let Some((field, size)) = sizes.into_iter().find(|(_, size)| *size == 0 || *size > 1 << 16) {
            return Err(format!("{field} is {size}, it must be between 1 and 65536"));
        }
        for (field, width) in [("stem_width_bp", self.stem_width_bp), ("block_width_bp", self.block_width_bp)] {
            if width.is_multiple_of(2) || width > 255 {
                return Err(format!("{field} is {width}, it must be odd and below 256"));
            }
        }
        if self.dilations.iter().any(|&dilation| dilation == 0 || dilation > 1024) || self.dilations.len() > 64 {
            return Err("dilations must be at most 64 numbers between 1 and 1024".to_owned());
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(format!("dropout is {}, it must lie in 0..1", self.dropout));
        }
        let fixed = self.fixed_length_bp;
        if fixed.is_some_and(|length| length == 0 || length > 1 << 20) {
            return Err("fixed_length_bp must be between 1 and 1048576".to_owned());
        }
        match (self.kind, &self.pooling) {
            (HeadKind::Sequence, None) => Err("a sequence head needs pooling".to_owned()),
            (HeadKind::Sequence, Some(pooling)) => {
                let fits = pooling.dense > 0 && pooling.channels > 0 && pooling.every_bp > 0;
                if fits { Ok(()) } else { Err("the sizes in pooling must be above 0".to_owned()) }
            }
            (HeadKind::Base, _) if fixed.is_some() => Err("a base head reads any length".to_owned()),
            (HeadKind::Token, _) if !self.reads_tokens => Err("a token head reads tokens".to_owned()),
            _ => Ok(()),
        }
    }

    /// How far, to either side, the answer for a base depends on other bases by convolution.
    pub fn reach_bp(&self) -> usize {
        let blocks: usize = self.dilations.iter().map(|dilation| self.block_width_bp / 2 * dilation).sum();
        self.stem_width_bp / 2 + blocks
    }
}

/// What a head reads: windows of equal length.
#[derive(Clone, Debug)]
pub struct HeadInput {
    /// 1 in the column of the base (A, C, G, T), all 0 for any other letter, `[batch, base, 4]`.
    pub bases: Tensor<3>,
    /// The encoder's last states, `[batch, token, hidden]`; `None` where the head reads no tokens.
    pub states: Option<Tensor<3>>,
    /// Which token covers each base, `[batch, base]`.
    pub token_of_base: Tensor<2, Int>,
    /// [`Composition`] of each window, `[batch, word]`; `None` where the head does not read it.
    pub composition: Option<Tensor<2>>,
}

/// The network of a head.
#[derive(Module, Debug)]
pub struct TaskHead {
    trunk: Option<Trunk>,
    per_base: Option<PerBase>,
    per_token: Option<PerToken>,
    pooled: Option<Pooled>,
    composition: Option<Linear>,
    #[module(skip)]
    dropout: f64,
}

/// Bases and token states, joined and refined.
#[derive(Module, Debug)]
struct Trunk {
    stem: Convolution,
    tokens: Option<Linear>,
    position: Option<Param<Tensor<2>>>,
    blocks: Vec<Block>,
}

#[derive(Module, Debug)]
struct Block {
    norm: LayerNorm,
    wide: Convolution,
    wide_norm: LayerNorm,
    mix: Linear,
}

/// A convolution along bases, as one matrix product over shifted copies; zeros stand outside.
#[derive(Module, Debug)]
struct Convolution {
    /// `[out, width · in]`, the shifts outermost.
    taps: Linear,
    #[module(skip)]
    width: usize,
    #[module(skip)]
    dilation: usize,
}

#[derive(Module, Debug)]
struct PerBase {
    norm: LayerNorm,
    out: Linear,
}

#[derive(Module, Debug)]
struct PerToken {
    dense: Linear,
    norm: LayerNorm,
    out: Linear,
}

#[derive(Module, Debug)]
struct Pooled {
    norm: LayerNorm,
    narrow: Option<Linear>,
    dense: Linear,
    out: Linear,
    #[module(skip)]
    every_bp: usize,
}

impl TaskHead {
    /// Builds the head `config` describes from `weights`.
    pub fn load(config: &HeadConfig, weights: &mut Weights) -> Self {
        let kind = config.kind;
        let composition = config.composition.filter(|_| kind == HeadKind::Sequence).map(|longest| {
            let width = Composition::new(longest).width();
            Linear::load_filled(weights, "composition", width, config.labels, false, Fill::Zeros)
        });
        Self {
            trunk: (kind != HeadKind::Token).then(|| Trunk::load(config, weights)),
            per_base: (kind == HeadKind::Base).then(|| PerBase {
                norm: LayerNorm::load(weights, "per_base.norm", config.channels, EPSILON),
                out: Linear::load(weights, "per_base.out", config.channels, config.labels, true),
            }),
            per_token: (kind == HeadKind::Token).then(|| PerToken {
                dense: scaled(weights, "per_token.dense", config.hidden_size, config.hidden_size),
                norm: LayerNorm::load(weights, "per_token.norm", config.hidden_size, EPSILON),
                out: Linear::load(weights, "per_token.out", config.hidden_size, config.labels, true),
            }),
            pooled: config.pooling.as_ref().map(|pooling| Pooled::load(config, pooling, weights)),
            composition,
            dropout: config.dropout,
        }
    }

    /// Answers as logits.
    ///
    /// # Shapes
    /// base `[batch, base, label]`, token `[batch, token, label]`, sequence `[batch, 1, label]`
    pub fn forward(&self, input: &HeadInput) -> Tensor<3> {
        if let (Some(head), Some(states)) = (&self.per_token, &input.states) {
            return head.out.forward(head.norm.forward(gelu(head.dense.forward(states.clone()))));
        }
        let x = self.trunk.as_ref().map(|trunk| trunk.forward(input, self.dropout));
        let x = x.expect("every head but the token head has a trunk, and a token head is given states");
        if let Some(head) = &self.per_base {
            return head.out.forward(relu(head.norm.forward(x)));
        }
        let pooled = self.pooled.as_ref().expect("a sequence head pools, as its configuration is checked");
        let mut logits = pooled.forward(x, self.dropout);
        if let (Some(words), Some(composition)) = (&self.composition, &input.composition) {
            logits = logits + words.forward(composition.clone());
        }
        logits.unsqueeze_dim(1)
    }

    /// The device its weights are on.
    pub fn device(&self) -> Device {
        self.devices().first().cloned().unwrap_or_else(Device::flex)
    }
}

impl Trunk {
    fn load(config: &HeadConfig, weights: &mut Weights) -> Self {
        let channels = config.channels;
        let blocks = config.dilations.iter().enumerate().map(|(index, &dilation)| Block {
            norm: LayerNorm::load(weights, &format!("trunk.blocks.{index}.norm"), channels, EPSILON),
            wide: Convolution::load(
                weights,
                &format!("trunk.blocks.{index}.wide"),
                channels,
                channels,
                config.block_width_bp,
                dilation,
            ),
            wide_norm: LayerNorm::load(weights, &format!("trunk.blocks.{index}.wide_norm"), channels, EPSILON),
            mix: scaled(weights, &format!("trunk.blocks.{index}.mix"), channels, channels),
        });
        let blocks = blocks.collect();
        Self {
            stem: Convolution::load(weights, "trunk.stem", 4, channels, config.stem_width_bp, 1),
            // Zeros at first: the head learns from bases, then takes from the tokens what helps.
            tokens: config.reads_tokens.then(|| {
                Linear::load_filled(weights, "trunk.tokens", config.hidden_size, channels, false, Fill::Zeros)
            }),
            position: config
                .fixed_length_bp
                .map(|length| weights.param("trunk.position", [length, channels], Fill::Normal(0.02))),
            blocks,
        }
    }

    fn forward(&self, input: &HeadInput, dropout_share: f64) -> Tensor<3> {
        let [batch, length, _] = input.bases.dims();
        let mut x = self.stem.forward(input.bases.clone());
        if let (Some(tokens), Some(states)) = (&self.tokens, &input.states) {
            x = x + spread(tokens.forward(states.clone()), input.token_of_base.clone());
        }
        if let Some(position) = &self.position {
            x = x + position.val().unsqueeze();
        }
        for block in &self.blocks {
            x = block.forward(x, dropout_share);
        }
        debug_assert_eq!(x.dims()[..2], [batch, length], "a trunk keeps the number of windows and bases");
        x
    }
}

impl Block {
    fn forward(&self, x: Tensor<3>, dropout_share: f64) -> Tensor<3> {
        let y = self.wide.forward(relu(self.norm.forward(x.clone())));
        let y = dropout(relu(self.wide_norm.forward(y)), dropout_share);
        x + self.mix.forward(y)
    }
}

impl Convolution {
    fn load(weights: &mut Weights, name: &str, inputs: usize, outputs: usize, width: usize, dilation: usize) -> Self {
        Self { taps: scaled(weights, &format!("{name}.taps"), width * inputs, outputs), width, dilation }
    }

    /// # Shapes
    /// `[batch, base, in] → [batch, base, out]`
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, length, channels] = x.dims();
        let reach = self.width / 2 * self.dilation;
        let edge = Tensor::zeros([batch, reach, channels], &x.device());
        let padded = Tensor::cat(vec![edge.clone(), x, edge], 1);
        let shifted =
            (0..self.width).map(|tap| padded.clone().slice_dim(1, tap * self.dilation..tap * self.dilation + length));
        self.taps.forward(Tensor::cat(shifted.collect(), 2))
    }
}

impl Pooled {
    fn load(config: &HeadConfig, pooling: &Pooling, weights: &mut Weights) -> Self {
        let kept = config.fixed_length_bp.map(|length| length.div_ceil(pooling.every_bp) * pooling.channels);
        Self {
            norm: LayerNorm::load(weights, "pooled.norm", config.channels, EPSILON),
            narrow: kept.map(|_| scaled(weights, "pooled.narrow", config.channels, pooling.channels)),
            dense: scaled(weights, "pooled.dense", 2 * config.channels + kept.unwrap_or(0), pooling.dense),
            out: Linear::load(weights, "pooled.out", pooling.dense, config.labels, true),
            every_bp: pooling.every_bp,
        }
    }

    /// # Shapes
    /// `[batch, base, channel] → [batch, label]`
    fn forward(&self, x: Tensor<3>, dropout_share: f64) -> Tensor<2> {
        let x = relu(self.norm.forward(x));
        let mut parts = vec![x.clone().mean_dim(1).squeeze_dim::<2>(1), x.clone().max_dim(1).squeeze_dim::<2>(1)];
        if let Some(narrow) = &self.narrow {
            parts.push(max_of_every(relu(narrow.forward(x)), self.every_bp).flatten(1, 2));
        }
        let x = dropout(Tensor::cat(parts, 1), dropout_share);
        self.out.forward(dropout(gelu(self.dense.forward(x)), dropout_share))
    }
}

/// A linear layer whose outputs vary as much as its inputs when it is made.
fn scaled(weights: &mut Weights, name: &str, inputs: usize, outputs: usize) -> Linear {
    let deviation = (1.0 / inputs as f32).sqrt();
    Linear::load_filled(weights, name, inputs, outputs, true, Fill::Normal(deviation))
}

/// Gives each base the row of the token that covers it.
///
/// # Shapes
/// `[batch, token, channel]`, `[batch, base] → [batch, base, channel]`
fn spread(states: Tensor<3>, token_of_base: Tensor<2, Int>) -> Tensor<3> {
    let [batch, tokens, channels] = states.dims();
    let [_, length] = token_of_base.dims();
    let rows = i64::try_from(batch).unwrap_or(i64::MAX);
    let first = Tensor::<1, Int>::arange(0..rows, &states.device().inner()) * i64::try_from(tokens).unwrap_or(i64::MAX);
    let index = token_of_base + first.unsqueeze_dim(1);
    states
        .reshape([batch * tokens, channels])
        .select(0, index.reshape([batch * length]))
        .reshape([batch, length, channels])
}

/// The largest of every `width` neighbours; values are not below 0, so zeros may fill the last group.
///
/// # Shapes
/// `[batch, base, channel] → [batch, ⌈base / width⌉, channel]`
fn max_of_every(x: Tensor<3>, width: usize) -> Tensor<3> {
    let [batch, length, channels] = x.dims();
    let groups = length.div_ceil(width);
    let rest = groups * width - length;
    let x = if rest == 0 {
        x
    } else {
        Tensor::cat(vec![x.clone(), Tensor::zeros([batch, rest, channels], &x.device())], 1)
    };
    x.reshape([batch, groups, width, channels]).max_dim(2).squeeze_dim(2)
}

/// Drops a share of values while training; does nothing on a device that does not differentiate.
fn dropout<const D: usize>(x: Tensor<D>, share: f64) -> Tensor<D> {
    if share == 0.0 || !x.device().is_autodiff() {
        return x;
    }
    let kept = x.random_like(Distribution::Bernoulli(1.0 - share));
    x * kept / (1.0 - share)
}
