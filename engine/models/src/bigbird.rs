//! BigBird (Zaheer et al. 2020, arXiv 2007.14062) as GENA-LM has it: a BERT whose long rows see some blocks alone.
//!
//! A block of queries sees its neighbours and the first and the last block; these two see all. The blocks that are drawn
//! at random in training are at inference all the first one (`modeling_big_bird.py` of transformers, since 2023), which
//! therefore counts as often again. Rows of few blocks see everything.
//! Tensor names: those of BERT, but `bert.pooler` is a table itself, and a classifier of rows has two.

use std::collections::BTreeSet;

use burn::{module::Module, tensor::Tensor};
use strandscope_kernels::{AttentionInput, BlockList, HiddenAct, Listed, PositionRule, Segments};

use crate::{
    architecture::{Architecture, first_token},
    attention_layer::Qkv,
    bert,
    checkpoint::Weights,
    classifier::Classifier,
    config::{Classes, Fields, Sizes},
    layers::{Embedding, Linear},
    pass::{Pass, Tokens},
};

/// `config.json` of a BigBird.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What every network has.
    pub sizes: Sizes,
    /// Rows of the table of positions.
    pub max_position_embeddings: usize,
    /// The blocks that long rows see; `None` where every row sees all.
    pub sparse: Option<Sparse>,
    /// Whether vectors of tokens are multiplied by the root of their width.
    pub rescale_embeddings: bool,
    /// What it was fine-tuned to tell apart.
    pub classes: Option<Classes>,
    /// What it has in common with BERT.
    pub(crate) bert: bert::Config,
}

/// Which blocks are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sparse {
    /// Positions of a block.
    pub block_size: usize,
    /// Blocks that training draws at random.
    pub num_random_blocks: usize,
}

impl Config {
    pub(crate) fn read(fields: &Fields) -> Result<Self, String> {
        fields.fixed("position_embedding_type", "absolute")?;
        if !fields.flag_or("use_bias", true)? {
            return Err("use_bias is false, which is unsupported".to_owned());
        }
        let sparse = match fields.text_or("attention_type", "block_sparse")?.as_str() {
            "block_sparse" => Some(Sparse {
                block_size: fields.size_or("block_size", 64, 1 << 12)?,
                num_random_blocks: fields.id_or("num_random_blocks", 3)?,
            }),
            "original_full" => None,
            other => return Err(format!("attention_type '{other}' is unsupported")),
        };
        let bert = bert::Config {
            hidden_act: if fields.has("hidden_act") { crate::config::hidden_act(fields)? } else { HiddenAct::GeluNew },
            ..bert::Config::read(fields)?
        };
        Ok(Self {
            sizes: bert.sizes.clone(),
            max_position_embeddings: bert.max_position_embeddings,
            sparse,
            rescale_embeddings: fields.flag_or("rescale_embeddings", false)?,
            classes: bert.classes.clone(),
            bert,
        })
    }
}

impl Sparse {
    /// What a row of so many tokens sees.
    fn rule(self, heads: usize, seq: usize) -> PositionRule {
        if seq <= (5 + 2 * self.num_random_blocks) * self.block_size {
            return PositionRule::None;
        }
        let blocks = seq.div_ceil(self.block_size);
        let of_query = |query: usize| -> Vec<Listed> {
            if query == 0 || query == blocks - 1 {
                return (0..blocks).map(|block| Listed { block, offset: 0.0 }).collect();
            }
            let again = (self.num_random_blocks as f32).ln_1p();
            let seen = BTreeSet::from([0, query - 1, query, query + 1, blocks - 1]);
            seen.into_iter().map(|block| Listed { block, offset: if block == 0 { again } else { 0.0 } }).collect()
        };
        let lists = (0..heads).flat_map(|_| (0..blocks).map(of_query)).collect();
        PositionRule::Blocks(
            BlockList::new(self.block_size, heads, lists).expect("each block once, none beyond the last"),
        )
    }
}

/// The network: an encoder, and what a checkpoint holds on top of it.
#[derive(Module, Debug)]
pub struct BigBird {
    bert: Model,
    cls: Option<bert::TokenHead>,
    classifier: Option<Classifier>,
    #[module(skip)]
    sparse: Option<Sparse>,
    #[module(skip)]
    rescale_embeddings: bool,
    #[module(skip)]
    hidden_act: HiddenAct,
}

#[derive(Module, Debug)]
struct Model {
    embeddings: bert::Embeddings,
    encoder: bert::Encoder,
    pooler: Option<Linear>,
}

impl BigBird {
    /// Builds the network `config` describes from `weights`.
    pub(crate) fn load(config: &Config, weights: &mut Weights) -> Self {
        let Config { sizes, bert, .. } = config;
        let hidden = sizes.hidden_size;
        weights.set_aside(|name| name.starts_with("cls.seq_relationship."));
        let cls = bert::TokenHead::load(sizes, bert.hidden_act, bert.predicts_tokens, weights);
        Self {
            bert: Model {
                embeddings: bert::Embeddings::load(bert, weights),
                encoder: bert::Encoder::load(bert, weights),
                pooler: weights
                    .has("bert.pooler.weight")
                    .then(|| Linear::load(weights, "bert.pooler", hidden, hidden, true)),
            },
            cls,
            classifier: config.classes.as_ref().map(|classes| Classifier::load(classes, hidden, weights)),
            sparse: config.sparse,
            rescale_embeddings: config.rescale_embeddings,
            hidden_act: bert.hidden_act,
        }
    }

    fn rule(&self, seq: usize) -> PositionRule {
        self.sparse.map_or(PositionRule::None, |sparse| sparse.rule(self.heads(), seq))
    }
}

impl Architecture for BigBird {
    fn word_embeddings(&self) -> &Embedding {
        &self.bert.embeddings.word_embeddings
    }

    fn embedded(&self, words: Tensor<3>, _tokens: &Tokens) -> Tensor<3> {
        let width = words.dims()[2] as f64;
        self.bert.embeddings.forward(if self.rescale_embeddings { words * width.sqrt() } else { words })
    }

    fn layers(&self) -> usize {
        self.bert.encoder.layer.len()
    }

    fn heads(&self) -> usize {
        self.bert.encoder.layer.first().map_or(0, bert::Layer::heads)
    }

    fn layer(&self, index: usize, x: Tensor<3>, segments: Option<&Segments>, pass: &mut Pass<'_>) -> Tensor<3> {
        let rule = self.rule(x.dims()[1]);
        self.bert.encoder.layer[index].forward(rule, x, index, segments, pass)
    }

    fn attention_input(&self, layer: usize, x: Tensor<3>, segments: Option<&Segments>) -> AttentionInput {
        let rule = self.rule(x.dims()[1]);
        self.bert.encoder.layer[layer].attention_input(rule, x, segments)
    }

    fn projections(&self, layer: usize) -> Qkv<'_> {
        self.bert.encoder.layer[layer].projections()
    }

    fn predicts_tokens(&self) -> bool {
        self.cls.is_some()
    }

    fn token_logits(&self, states: Tensor<2>) -> Option<Tensor<2>> {
        Some(self.cls.as_ref()?.forward(states, self.word_embeddings()))
    }

    fn pooled(&self, last: &Tensor<3>) -> Option<Tensor<2>> {
        Some(self.bert.pooler.as_ref()?.forward(first_token(last)).tanh())
    }

    fn class_logits(&self, last: Tensor<3>) -> Option<Tensor<3>> {
        Some(self.classifier.as_ref()?.forward(last, |x| self.hidden_act.forward(x)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_blocks_see_everything() {
        let sparse = Sparse { block_size: 64, num_random_blocks: 3 };
        assert_eq!(sparse.rule(12, 704), PositionRule::None);
        let PositionRule::Blocks(list) = sparse.rule(2, 705) else { panic!("a list of blocks") };
        assert_eq!((list.blocks(), list.seen_by(1, 0).len(), list.seen_by(1, 11).len()), (12, 12, 12));
        let of = |query: usize| list.seen_by(0, query).iter().map(|seen| seen.block).collect::<Vec<_>>();
        assert_eq!((of(1), of(5), of(10)), (vec![0, 1, 2, 11], vec![0, 4, 5, 6, 11], vec![0, 9, 10, 11]));
        assert_eq!(list.seen_by(0, 5)[0].offset, 4f32.ln(), "the first block counts four times");
    }
}
