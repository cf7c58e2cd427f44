//! A network of any family.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use strandscope_kernels::{AttentionInput, Segments};

pub use crate::attention_layer::Projection;
use crate::{
    architecture::Architecture,
    bert::Bert,
    bigbird::BigBird,
    checkpoint::Weights,
    config::Config,
    dnagrinder::DnaGrinder,
    esm::Esm,
    mosaicbert::MosaicBert,
    pass::{Encoded, Pass, Tokens},
    rmt::{Piece, Rmt},
};

/// A network of any family.
#[derive(Module, Debug)]
pub enum Network {
    /// dnaGrinder.
    DnaGrinder(DnaGrinder),
    /// DNABERT and GENA-LM.
    Bert(Bert),
    /// BigBird.
    BigBird(BigBird),
    /// RMT.
    Rmt(Rmt),
    /// Nucleotide Transformer.
    Esm(Esm),
    /// DNABERT-2.
    MosaicBert(MosaicBert),
}

impl Network {
    /// Builds the network `config` describes from `weights`.
    pub fn load(config: &Config, weights: &mut Weights) -> Self {
        match config {
            Config::DnaGrinder(config) => Self::DnaGrinder(DnaGrinder::load(config, weights)),
            Config::Bert(config) => Self::Bert(Bert::load(config, weights)),
            Config::BigBird(config) => Self::BigBird(BigBird::load(config, weights)),
            Config::Rmt(config) => Self::Rmt(Rmt::load(config, weights)),
            Config::Esm(config) => Self::Esm(Esm::load(config, weights)),
            Config::MosaicBert(config) => Self::MosaicBert(MosaicBert::load(config, weights)),
        }
    }

    /// What all families can do; that of an RMT is its BERT, which reads one piece.
    fn architecture(&self) -> &dyn Architecture {
        match self {
            Self::DnaGrinder(network) => network,
            Self::Bert(network) => network,
            Self::BigBird(network) => network,
            Self::Rmt(network) => network.model(),
            Self::Esm(network) => network,
            Self::MosaicBert(network) => network,
        }
    }

    /// Runs the encoder.
    ///
    /// # Shapes
    /// `[batch, seq] → [batch, seq, hidden]`
    pub fn encode(&self, tokens: &Tokens, pass: &mut Pass<'_>) -> Encoded {
        self.encode_words(self.words(tokens), tokens, pass)
    }

    /// The vectors of tokens, before anything is done with them.
    ///
    /// # Shapes
    /// `[batch, seq] → [batch, seq, hidden]`
    pub fn words(&self, tokens: &Tokens) -> Tensor<3> {
        self.architecture().word_embeddings().forward(tokens.tensor(&self.device()))
    }

    /// Runs the encoder on vectors of tokens.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, seq, hidden]`
    pub fn encode_words(&self, words: Tensor<3>, tokens: &Tokens, pass: &mut Pass<'_>) -> Encoded {
        match self {
            Self::Rmt(network) => network.encode_words(words, tokens, pass),
            _ => encode_words(self.architecture(), words, tokens, pass),
        }
    }

    /// Whether a row goes through the layers one after the other, and not piece by piece.
    pub fn reads_at_once(&self) -> bool {
        !matches!(self, Self::Rmt(_))
    }

    /// The parts of a row that are read at once, one after the other: the row itself, but for recurrent memory.
    pub fn pieces(&self, row: &[i64]) -> Vec<Piece> {
        match self {
            Self::Rmt(network) => network.pieces(row),
            _ => vec![Piece { first: 0, tokens: (0..row.len()).collect() }],
        }
    }

    /// What comes into the first layer, of vectors of tokens.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, seq, hidden]`
    pub fn embedded(&self, words: Tensor<3>, tokens: &Tokens) -> Tensor<3> {
        self.architecture().embedded(words, tokens)
    }

    /// One layer.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, seq, hidden]`
    pub fn layer(&self, index: usize, x: Tensor<3>, segments: Option<&Segments>, pass: &mut Pass<'_>) -> Tensor<3> {
        self.architecture().layer(index, x, segments, pass)
    }

    /// The last states, of what the last layer gives.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, seq, hidden]`
    pub fn finished(&self, x: Tensor<3>) -> Tensor<3> {
        self.architecture().finished(x)
    }

    /// Scores that a layer's attention looks at or leaves out, given what comes in.
    pub fn scores_of_layer(&self, x: &Tensor<3>) -> usize {
        scores_of_layer(self.architecture(), x)
    }

    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.architecture().layers()
    }

    /// Width of the states.
    pub fn hidden_size(&self) -> usize {
        self.architecture().word_embeddings().weight.dims()[1]
    }

    /// What the attention of a layer is computed from, given the states that come into the layer.
    ///
    /// # Shapes
    /// `[batch, seq, hidden]`
    pub fn attention_input(&self, layer: usize, states: Tensor<3>, segments: Option<&Segments>) -> AttentionInput {
        self.architecture().attention_input(layer, states, segments)
    }

    /// What makes the queries, and what makes the values, of each layer.
    pub fn queries_and_values(&self) -> Vec<[Projection<'_>; 2]> {
        let network = self.architecture();
        (0..network.layers()).map(|layer| network.projections(layer).queries_and_values()).collect()
    }

    /// Whether training changes the vectors of tokens.
    pub fn learns_words(&self) -> bool {
        self.architecture().word_embeddings().weight.is_require_grad()
    }

    /// Whether it has the layers that predict tokens.
    pub fn predicts_tokens(&self) -> bool {
        self.architecture().predicts_tokens()
    }

    /// Scores of every vocabulary entry at each row of states; `None` for a checkpoint without this head.
    ///
    /// # Shapes
    /// `[row, hidden] → [row, vocab]`
    pub fn token_logits(&self, states: Tensor<2>) -> Option<Tensor<2>> {
        self.architecture().token_logits(states)
    }

    /// What the first token's last state says of the row; `None` for a checkpoint without this layer.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, hidden]`
    pub fn pooled(&self, last: &Tensor<3>) -> Option<Tensor<2>> {
        self.architecture().pooled(last)
    }

    /// Class logits from last states, one place for each row or token; `None` for a checkpoint without this head.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, 1 or seq, label]`
    pub fn class_logits(&self, last: Tensor<3>) -> Option<Tensor<3>> {
        self.architecture().class_logits(last)
    }

    /// The device its weights are on.
    pub fn device(&self) -> Device {
        self.architecture().word_embeddings().weight.val().device()
    }
}

/// Runs the layers of an architecture on vectors of tokens.
pub(crate) fn encode_words(
    network: &dyn Architecture,
    words: Tensor<3>,
    tokens: &Tokens,
    pass: &mut Pass<'_>,
) -> Encoded {
    let mut x = network.embedded(words, tokens);
    let mut hidden = Vec::new();
    for index in 0..network.layers() {
        if pass.conduct.watch.is_stopped() {
            break;
        }
        if pass.hidden {
            hidden.push(x.clone());
        }
        pass.conduct.watch.part(index, network.layers(), scores_of_layer(network, &x));
        x = network.layer(index, x, tokens.segments(), pass);
    }
    x = network.finished(x);
    if pass.hidden {
        hidden.push(x.clone());
    }
    Encoded { last: x, hidden }
}

fn scores_of_layer(network: &dyn Architecture, x: &Tensor<3>) -> usize {
    let [batch, seq, _] = x.dims();
    network.heads() * batch * seq * seq
}
