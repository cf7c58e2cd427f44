//! Task heads: what turns hidden states and bases into answers.
//!
//! A head reads the bases themselves through a small convolution, joined with the encoder's states spread over the
//! bases their tokens cover.
//! From there a *base* head answers for each base, a *sequence* head pools and answers once;
//! a *token* head answers from the states alone.

use burn::{
    module::{Module, Param},
    tensor::{Device, Distribution, Int, Tensor, TensorData, activation::relu},
};
use strandscope_kernels::HiddenAct;

pub use self::{
    config::{HeadConfig, HeadNetwork, Pooling, TrunkSizes},
    loaded::{Answers, Head, TOKENS_APART},
};
use crate::{
    card::HeadKind,
    checkpoint::{Fill, Weights},
    composition::Composition,
    layers::{BatchNorm, LayerNorm, Linear},
};

mod config;
mod loaded;

const EPSILON: f64 = 1e-5;

/// What a head reads: windows of equal length.
#[derive(Clone, Debug)]
pub struct HeadInput {
    /// 1 in the column of the base (A, C, G, T), all 0 for any other letter, `[batch, base, 4]`.
    pub bases: Tensor<3>,
    /// The encoder's last states, `[batch, token, hidden]`; `None` where the head reads no tokens.
    pub states: Option<Tensor<3>>,
    /// Which tokens cover each base; what the head reads for a base is their mean.
    pub covering: Covering,
    /// [`Composition`] of each window, `[batch, word]`; `None` where the head does not read it.
    pub composition: Option<Tensor<2>>,
}

/// Which tokens cover each base.
#[derive(Clone, Debug)]
pub struct Covering {
    /// `[batch, base, cover]`; the number behind the last token stands for none.
    pub tokens: Tensor<3, Int>,
    /// One part in as many as there are, `[batch, base, 1]`; `None` where one token covers each base.
    pub share: Option<Tensor<3>>,
}

/// The network of a head.
#[derive(Module, Debug)]
pub struct TaskHead {
    trunk: Option<Trunk>,
    per_base: Option<PerBase>,
    per_token: Option<PerToken>,
    pooled: Option<Pooled>,
    words: Option<Words>,
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
    norm: BatchNorm,
    wide: Convolution,
    wide_norm: BatchNorm,
    mix: Linear,
}

/// A convolution along bases, as one matrix product over gathered neighbours; zeros stand outside.
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
    norm: BatchNorm,
    out: Linear,
}

#[derive(Module, Debug)]
struct PerToken {
    dense: Linear,
    norm: LayerNorm,
    out: Linear,
}

/// What a sequence is made of, weighed word by word.
#[derive(Module, Debug)]
struct Words {
    norm: BatchNorm,
    out: Linear,
}

#[derive(Module, Debug)]
struct Pooled {
    norm: BatchNorm,
    narrow: Option<Linear>,
    dense: Linear,
    out: Linear,
    #[module(skip)]
    every_bp: usize,
}

impl TaskHead {
    /// Builds the head `config` describes from `weights`.
    pub fn load(config: &HeadConfig, weights: &mut Weights) -> Self {
        let (kind, network) = (config.kind, &config.network);
        let channels = network.trunk.as_ref().map_or(0, |trunk| trunk.channels);
        let labels = config.labels;
        Self {
            trunk: network.trunk.as_ref().map(|trunk| Trunk::load(trunk, config.hidden_size, weights)),
            per_base: (kind == HeadKind::Base).then(|| PerBase {
                norm: BatchNorm::load(weights, "per_base.norm", channels, EPSILON),
                out: Linear::load(weights, "per_base.out", channels, labels, true),
            }),
            per_token: (kind == HeadKind::Token).then(|| PerToken {
                dense: scaled(weights, "per_token.dense", config.hidden_size, config.hidden_size),
                norm: LayerNorm::load(weights, "per_token.norm", config.hidden_size, EPSILON),
                out: Linear::load(weights, "per_token.out", config.hidden_size, labels, true),
            }),
            pooled: network.trunk.as_ref().zip(network.pooling.as_ref()).map(|(trunk, pooling)| {
                let length_bp = trunk.fixed_length_bp;
                Pooled::load(pooling, channels, length_bp, labels, weights)
            }),
            words: network.composition.map(|longest| {
                let width = Composition::new(longest).width();
                Words {
                    norm: BatchNorm::load(weights, "words.norm", width, EPSILON),
                    out: Linear::load_filled(weights, "words.out", width, labels, true, Fill::Zeros),
                }
            }),
            dropout: network.dropout,
        }
    }

    /// Answers as logits.
    ///
    /// # Shapes
    /// base `[batch, base, label]`, token `[batch, token, label]`, sequence `[batch, 1, label]`
    pub fn forward(&self, input: &HeadInput) -> Tensor<3> {
        if let (Some(head), Some(states)) = (&self.per_token, &input.states) {
            return head.out.forward(head.norm.forward(HiddenAct::Gelu.forward(head.dense.forward(states.clone()))));
        }
        let words = self.words.as_ref().zip(input.composition.clone());
        let words =
            words.map(|(words, composition)| words.out.forward(words.norm.forward(composition.unsqueeze_dim(1))));
        let Some(trunk) = &self.trunk else {
            return words
                .expect("a head without a trunk reads tokens or the composition, as its configuration is checked");
        };
        let x = trunk.forward(input, self.dropout);
        if let Some(head) = &self.per_base {
            return head.out.forward(relu(head.norm.forward(x)));
        }
        let pooled = self.pooled.as_ref().expect("a sequence head with a trunk pools, as its configuration is checked");
        let logits = pooled.forward(x, self.dropout).unsqueeze_dim(1);
        match words {
            Some(words) => logits + words,
            None => logits,
        }
    }

    /// The device its weights are on.
    pub fn device(&self) -> Device {
        self.devices().first().cloned().unwrap_or_else(Device::flex)
    }
}

impl Trunk {
    fn load(sizes: &TrunkSizes, hidden_size: usize, weights: &mut Weights) -> Self {
        let channels = sizes.channels;
        let blocks = sizes.dilations.iter().enumerate().map(|(index, &dilation)| Block {
            norm: BatchNorm::load(weights, &format!("trunk.blocks.{index}.norm"), channels, EPSILON),
            wide: Convolution::load(
                weights,
                &format!("trunk.blocks.{index}.wide"),
                channels,
                channels,
                sizes.block_width_bp,
                dilation,
            ),
            wide_norm: BatchNorm::load(weights, &format!("trunk.blocks.{index}.wide_norm"), channels, EPSILON),
            mix: scaled(weights, &format!("trunk.blocks.{index}.mix"), channels, channels),
        });
        let blocks = blocks.collect();
        Self {
            stem: Convolution::load(weights, "trunk.stem", 4, channels, sizes.stem_width_bp, 1),
            // Zeros at first: the head learns from bases, then takes from the tokens what helps.
            tokens: sizes
                .reads_tokens
                .then(|| Linear::load_filled(weights, "trunk.tokens", hidden_size, channels, false, Fill::Zeros)),
            position: sizes
                .fixed_length_bp
                .map(|length| weights.param("trunk.position", [length, channels], Fill::Normal(0.02))),
            blocks,
        }
    }

    fn forward(&self, input: &HeadInput, dropout_share: f64) -> Tensor<3> {
        let [batch, length, _] = input.bases.dims();
        let mut x = self.stem.forward(input.bases.clone());
        if let (Some(tokens), Some(states)) = (&self.tokens, &input.states) {
            x = x + spread(tokens.forward(states.clone()), &input.covering);
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
        // One gather, where slices would be copied one by one; the row behind the last stands for every base outside.
        let outside = Tensor::zeros([1, channels], &x.device());
        let rows = Tensor::cat(vec![x.clone().reshape([batch * length, channels]), outside], 0);
        let index = self.rows_read(batch, length);
        let index = Tensor::from_data(TensorData::new(index, [batch * length * self.width]), &x.device().inner());
        self.taps.forward(rows.select(0, index).reshape([batch, length, self.width * channels]))
    }

    /// For each base the rows its taps read, `[batch, base, tap]`.
    fn rows_read(&self, batch: usize, length: usize) -> Vec<i64> {
        let signed = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
        let (outside, length, dilation) = (signed(batch * length), signed(length), signed(self.dilation));
        let reach = signed(self.width / 2) * dilation;
        let mut rows = Vec::with_capacity(batch * self.width);
        for window in 0..signed(batch) {
            for base in 0..length {
                let taps = (0..signed(self.width)).map(|tap| base - reach + tap * dilation);
                rows.extend(
                    taps.map(|read| if (0..length).contains(&read) { window * length + read } else { outside }),
                );
            }
        }
        rows
    }
}

impl Pooled {
    fn load(
        pooling: &Pooling,
        channels: usize,
        length_bp: Option<usize>,
        labels: usize,
        weights: &mut Weights,
    ) -> Self {
        let kept = length_bp.map(|length| length.div_ceil(pooling.every_bp) * pooling.channels);
        Self {
            norm: BatchNorm::load(weights, "pooled.norm", channels, EPSILON),
            narrow: kept.map(|_| scaled(weights, "pooled.narrow", channels, pooling.channels)),
            dense: scaled(weights, "pooled.dense", 2 * channels + kept.unwrap_or(0), pooling.dense),
            out: Linear::load(weights, "pooled.out", pooling.dense, labels, true),
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
        self.out.forward(dropout(HiddenAct::Gelu.forward(self.dense.forward(x)), dropout_share))
    }
}

/// A linear layer whose outputs vary as much as its inputs when it is made.
fn scaled(weights: &mut Weights, name: &str, inputs: usize, outputs: usize) -> Linear {
    let deviation = (1.0 / inputs as f32).sqrt();
    Linear::load_filled(weights, name, inputs, outputs, true, Fill::Normal(deviation))
}

/// Gives each base the mean of the rows of the tokens that cover it.
///
/// # Shapes
/// `[batch, token, channel] → [batch, base, channel]`
fn spread(states: Tensor<3>, covering: &Covering) -> Tensor<3> {
    let [batch, tokens, channels] = states.dims();
    let [_, length, cover] = covering.tokens.dims();
    // Behind the last token stands a row of zeros, for bases that fewer tokens cover.
    let (states, tokens) = match covering.share {
        Some(_) => {
            (Tensor::cat(vec![states.clone(), Tensor::zeros([batch, 1, channels], &states.device())], 1), tokens + 1)
        }
        None => (states, tokens),
    };
    let rows = i64::try_from(batch).unwrap_or(i64::MAX);
    let first = Tensor::<1, Int>::arange(0..rows, &states.device().inner()) * i64::try_from(tokens).unwrap_or(i64::MAX);
    let index = covering.tokens.clone() + first.unsqueeze_dims(&[1, 2]);
    let of_bases = states.reshape([batch * tokens, channels]).select(0, index.reshape([batch * length * cover]));
    match &covering.share {
        None => of_bases.reshape([batch, length, channels]),
        Some(share) => {
            let sums: Tensor<3> = of_bases.reshape([batch, length, cover, channels]).sum_dim(2).squeeze_dim(2);
            sums * share.clone()
        }
    }
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
