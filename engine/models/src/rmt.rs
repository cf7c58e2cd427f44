//! Recurrent memory (Bulatov et al. 2022, arXiv 2207.06881) around a GENA-LM BERT, as
//! `modeling_rmt.py` of `GENA_LM` has it.
//!
//! A long row is read piece by piece; each piece begins with memory tokens, and their last states are their vectors in
//! the next piece. Rows end together: a short one joins late. Class logits are those of the last piece.
//! Tensor names: those of the BERT behind `model.`; the memory tokens are the last rows of its table of vectors.

use burn::{
    module::Module,
    tensor::{Int, Tensor, TensorData},
};
use serde::{Deserialize, Serialize};
use strandscope_kernels::Segments;

use crate::{
    architecture::Architecture,
    bert::{self, Bert},
    checkpoint::Weights,
    config::Fields,
    network::encode_words,
    pass::{Encoded, Pass, Tokens},
};

/// `config.json` of an RMT.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Its BERT.
    pub bert: bert::Config,
    /// How rows are read.
    pub memory: Memory,
}

/// How long rows are read piece by piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Tokens of the vocabulary; the memory tokens come behind.
    pub base_vocab_size: usize,
    /// Memory tokens.
    pub num_mem_tokens: usize,
    /// Tokens of a piece, with memory and special ones.
    pub input_size: usize,
    /// Most pieces of a row.
    pub max_n_segments: usize,
    /// Stands before a piece.
    pub cls_token_id: i64,
    /// Stands around what a piece reads.
    pub sep_token_id: i64,
    /// Is no token.
    pub pad_token_id: i64,
    /// What fills up a short piece.
    pub padding: RmtPadding,
}

/// What fills up a short piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RmtPadding {
    /// Token 0, which is read: so the published classifier does, and heads trained with it need it.
    #[default]
    Published,
    /// Padding that nobody sees.
    Masked,
}

impl Config {
    pub(crate) fn read(fields: &Fields) -> Result<Self, String> {
        let bert = bert::Config::read(fields)?;
        let memory = fields.inner("rmt")?.ok_or("rmt is missing")?;
        Ok(Self { memory: Memory::read(&memory, &bert).map_err(|reason| format!("rmt: {reason}"))?, bert })
    }

    /// Most tokens of a row, special tokens included.
    pub(crate) fn most_tokens(&self) -> usize {
        const CLS_AND_SEP: usize = 2;
        self.memory.piece_tokens() * self.memory.max_n_segments + CLS_AND_SEP
    }
}

impl Memory {
    fn read(fields: &Fields, bert: &bert::Config) -> Result<Self, String> {
        const MOST: usize = 1 << 20;
        let id = |name: &str, default: usize| -> Result<i64, String> {
            i64::try_from(fields.id_or(name, default)?).map_err(|error| error.to_string())
        };
        let num_mem_tokens = fields.size("num_mem_tokens", bert.sizes.vocab_size)?;
        let memory = Self {
            base_vocab_size: fields.size_or("base_vocab_size", bert.sizes.vocab_size - num_mem_tokens, MOST)?,
            num_mem_tokens,
            input_size: fields.size_or("input_size", bert.max_position_embeddings, MOST)?,
            max_n_segments: fields.size_or("max_n_segments", 1, MOST)?,
            cls_token_id: id("cls_token_id", 1)?,
            sep_token_id: id("sep_token_id", 2)?,
            pad_token_id: id("pad_token_id", bert.sizes.pad_token_id as usize)?,
            padding: match fields.text_or("padding", "published")?.as_str() {
                "published" => RmtPadding::Published,
                "masked" => RmtPadding::Masked,
                other => return Err(format!("padding is '{other}', it must be published or masked")),
            },
        };
        if memory.base_vocab_size + num_mem_tokens != bert.sizes.vocab_size {
            let (base, all) = (memory.base_vocab_size, bert.sizes.vocab_size);
            return Err(format!("base_vocab_size {base} and {num_mem_tokens} memory tokens are not vocab_size {all}"));
        }
        if memory.input_size > bert.max_position_embeddings || memory.input_size < num_mem_tokens + 4 {
            let (size, most) = (memory.input_size, bert.max_position_embeddings);
            return Err(format!("input_size {size} must hold the memory and three tokens more, and at most {most}"));
        }
        Ok(memory)
    }

    /// Tokens of the row that a piece reads at most.
    fn piece_tokens(&self) -> usize {
        const SPECIAL: usize = 3;
        self.input_size - self.num_mem_tokens - SPECIAL
    }

    /// Where the tokens of a row stand in it that are neither padding nor special.
    fn content(&self, row: &[i64]) -> Vec<usize> {
        let special = [self.pad_token_id, self.cls_token_id, self.sep_token_id];
        let content = row.iter().enumerate().filter(|(_, id)| !special.contains(id)).map(|(place, _)| place);
        content.take(self.piece_tokens() * self.max_n_segments).collect()
    }

    /// The pieces of a row, by the places of their tokens in it; all of one length but the last.
    fn pieces(&self, row: &[i64]) -> Vec<Vec<usize>> {
        let content = self.content(row);
        let count = content.len().div_ceil(self.piece_tokens());
        content.chunks(content.len().div_ceil(count.max(1)).max(1)).map(<[usize]>::to_vec).collect()
    }

    /// A piece as the network reads it: memory, and the tokens of `row` at `places`.
    fn ids(&self, row: &[i64], places: &[usize]) -> Vec<i64> {
        let first = i64::try_from(self.base_vocab_size).unwrap_or(i64::MAX);
        let mut ids = vec![self.cls_token_id];
        ids.extend((first..).take(self.num_mem_tokens));
        ids.push(self.sep_token_id);
        ids.extend(places.iter().map(|place| row[*place]));
        ids.push(self.sep_token_id);
        ids.resize(self.input_size, if self.padding == RmtPadding::Published { 0 } else { self.pad_token_id });
        ids
    }
}

/// The network: a BERT and how it reads.
#[derive(Module, Debug)]
pub struct Rmt {
    model: Bert,
    #[module(skip)]
    memory: Memory,
}

/// A part of a row that is read at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where in what is read the tokens of the row begin.
    pub first: usize,
    /// Where these tokens stand in the row.
    pub tokens: Vec<usize>,
}

/// One piece of each row that has one at this step.
pub struct Step {
    /// The rows.
    pub rows: Vec<usize>,
    /// Their pieces as the network reads them.
    pub tokens: Tokens,
    /// What the pass gave, `[row of this step, seq, hidden]`.
    pub encoded: Encoded,
    /// Memory of all rows behind this step, `[batch, memory token, hidden]`.
    pub memory: Tensor<3>,
    /// Where the tokens of each piece stand in their row.
    places: Vec<Vec<usize>>,
}

impl Rmt {
    /// Builds the network `config` describes from `weights`.
    pub(crate) fn load(config: &Config, weights: &mut Weights) -> Self {
        Self { model: Bert::load(&config.bert, weights), memory: config.memory }
    }

    /// The BERT.
    pub(crate) fn model(&self) -> &Bert {
        &self.model
    }

    /// The same, with short pieces filled up so.
    #[must_use]
    pub fn with_padding(mut self, padding: RmtPadding) -> Self {
        self.memory.padding = padding;
        self
    }

    /// Reads rows step by step, given the vectors of their tokens; an observer sees the layers of each step in turn.
    pub fn steps(&self, words: Tensor<3>, tokens: &Tokens, pass: &mut Pass<'_>, mut told: impl FnMut(Step)) {
        let Memory { num_mem_tokens: count, max_n_segments, .. } = self.memory;
        let [batch, seq] = tokens.dims();
        let rows: Vec<&[i64]> = tokens.ids().chunks(seq).collect();
        let pieces: Vec<Vec<Vec<usize>>> = rows.iter().map(|row| self.memory.pieces(row)).collect();
        let words_of = self.model.word_embeddings();
        let [rows_of_table, hidden] = words_of.weight.dims();
        let table = words_of.rows(0..rows_of_table);
        let first = self.memory.base_vocab_size;
        let start: Tensor<3> = table.clone().slice_dim(0, first..first + count).unsqueeze_dim(0);
        let mut memory = vec![start; batch];
        // Vectors of the rows' own tokens come from `words`, all others from the table.
        let vectors = Tensor::cat(vec![words.reshape([batch * seq, hidden]), table], 0);
        for step in 0..max_n_segments {
            let piece = |row: usize| (step + pieces[row].len()).checked_sub(max_n_segments).map(|piece| (row, piece));
            let live: Vec<(usize, usize)> = (0..batch).filter_map(piece).collect();
            if live.is_empty() || pass.conduct.watch.is_stopped() {
                continue;
            }
            let places: Vec<Vec<usize>> = live.iter().map(|&(row, piece)| pieces[row][piece].clone()).collect();
            let ids = live.iter().zip(&places).flat_map(|(&(row, _), places)| self.memory.ids(rows[row], places));
            let step_tokens = self.tokens(ids.collect());
            let index = self.index(&step_tokens, &live, &places, [batch, seq]);
            let shape = [index.len()];
            let index = Tensor::<1, Int>::from_data(TensorData::new(index, shape), &vectors.device());
            let read = vectors.clone().select(0, index).reshape([live.len(), self.memory.input_size, hidden]);
            let of_live = Tensor::cat(live.iter().map(|&(row, _)| memory[row].clone()).collect(), 0);
            let behind = read.clone().slice_dim(1, 1 + count..self.memory.input_size);
            let read = Tensor::cat(vec![read.slice_dim(1, 0..1), of_live, behind], 1);
            let encoded = encode_words(&self.model, read, &step_tokens, pass);
            let after = encoded.last.clone().slice_dim(1, 1..1 + count);
            for (place, &(row, _)) in live.iter().enumerate() {
                memory[row] = after.clone().slice_dim(0, place..place + 1);
            }
            let rows = live.into_iter().map(|(row, _)| row).collect();
            told(Step { rows, tokens: step_tokens, encoded, memory: Tensor::cat(memory.clone(), 0), places });
        }
    }

    /// The pieces of a step, of one length.
    fn tokens(&self, ids: Vec<i64>) -> Tokens {
        let seq = self.memory.input_size;
        let real: Vec<bool> = ids.iter().map(|id| *id != self.memory.pad_token_id).collect();
        let padded = real.iter().any(|real| !real);
        let segments = Segments::from_mask(real, seq).expect("pieces have one length");
        Tokens::new(ids, seq, padded.then_some(segments))
    }

    /// Which vector each token of a step has: that of its place in its row, or that of the table behind all places.
    fn index(&self, tokens: &Tokens, live: &[(usize, usize)], places: &[Vec<usize>], rows: [usize; 2]) -> Vec<i64> {
        let signed = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
        let behind = signed(rows[0] * rows[1]);
        let mut index: Vec<i64> = tokens.ids().iter().map(|id| behind + id).collect();
        let first = self.first_read();
        for ((piece, &(row, _)), places) in index.chunks_mut(self.memory.input_size).zip(live).zip(places) {
            for (index, place) in piece[first..].iter_mut().zip(places) {
                *index = signed(row * rows[1] + place);
            }
        }
        index
    }

    /// Where in a piece the tokens of the row begin.
    fn first_read(&self) -> usize {
        self.memory.num_mem_tokens + 2
    }

    /// The steps in which a row is read when it is the only one.
    pub(crate) fn pieces(&self, row: &[i64]) -> Vec<Piece> {
        let piece = |places: Vec<usize>| Piece { first: self.first_read(), tokens: places };
        self.memory.pieces(row).into_iter().map(piece).collect()
    }

    /// The states of the rows' own tokens, those of the tokens around them from each row's last piece.
    ///
    /// # Shapes
    /// `[batch, seq, hidden] → [batch, seq, hidden]`
    pub(crate) fn encode_words(&self, words: Tensor<3>, tokens: &Tokens, pass: &mut Pass<'_>) -> Encoded {
        let [batch, seq] = tokens.dims();
        let (mut last, mut hidden): (Vec<Tensor<3>>, Vec<Vec<Tensor<3>>>) = (Vec::new(), Vec::new());
        let mut index = vec![0; batch * seq];
        let mut read = 0;
        let device = words.device();
        self.steps(words.clone(), tokens, pass, |step| {
            for ((place, row), places) in step.rows.iter().enumerate().zip(&step.places) {
                let start = read + place * self.memory.input_size;
                let row = row * seq..(row + 1) * seq;
                for (index, id) in index[row.clone()].iter_mut().zip(&tokens.ids()[row.clone()]) {
                    if *id == self.memory.cls_token_id {
                        *index = start;
                    } else if *id == self.memory.sep_token_id {
                        *index = start + self.first_read() + places.len();
                    }
                }
                for (offset, place) in places.iter().enumerate() {
                    index[row.start + place] = start + self.first_read() + offset;
                }
            }
            read += step.rows.len() * self.memory.input_size;
            last.push(step.encoded.last);
            hidden.push(step.encoded.hidden);
        });
        if last.is_empty() {
            return Encoded { last: words, hidden: Vec::new() };
        }
        let index: Vec<i64> = index.into_iter().map(|place| i64::try_from(place).unwrap_or(i64::MAX)).collect();
        let index = Tensor::<1, Int>::from_data(TensorData::new(index, [batch * seq]), &device);
        let placed = |steps: Vec<Tensor<3>>| {
            let states: Tensor<2> = Tensor::cat(steps, 0).flatten(0, 1);
            let width = states.dims()[1];
            states.select(0, index.clone()).reshape([batch, seq, width])
        };
        let layers = hidden.first().map_or(0, Vec::len);
        let of_layer = |layer: usize| placed(hidden.iter().map(|step| step[layer].clone()).collect());
        Encoded { last: placed(last), hidden: (0..layers).map(of_layer).collect() }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::network::Network;

    /// Rows of one and of three pieces; what a row is told of its tokens are their own states, and of the tokens around
    /// them those of the last piece, which also classify it.
    #[test]
    fn rows_are_given_the_states_of_their_own_pieces() {
        let config = r#"{"model_type": "bert", "pre_layer_norm": true, "vocab_size": 22, "hidden_size": 8,
            "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "layer_norm_eps": 1e-6,
            "pad_token_id": 3, "max_position_embeddings": 9, "num_labels": 2,
            "rmt": {"num_mem_tokens": 2, "input_size": 8, "max_n_segments": 3}}"#;
        let config = crate::config::Config::parse(config.as_bytes(), "here").expect("a configuration");
        let Network::Rmt(rmt) = Network::load(&config, &mut Weights::random(3, &Device::flex())) else {
            panic!("a network with recurrent memory")
        };
        let ids = [[1, 5, 6, 7, 2, 3, 3, 3, 3, 3], [1, 8, 9, 10, 11, 12, 13, 14, 15, 2]];
        let segments = Segments::from_mask(ids.as_flattened().iter().map(|id| *id != 3), 10).expect("rows of ten");
        let tokens = Tokens::new(ids.as_flattened().to_vec(), 10, Some(segments));
        let words = rmt.model.word_embeddings().forward(tokens.tensor(&Device::flex()));
        let mut steps = Vec::new();
        rmt.steps(words.clone(), &tokens, &mut Pass::default(), |step| steps.push((step.rows, step.encoded.last)));
        let values = |states: Tensor<1>| states.into_data().try_to_vec::<f32>().expect("floats");
        let state = |step: usize, row: usize, place: usize| {
            let (rows, last) = &steps[step];
            let row = rows.iter().position(|live| *live == row).expect("the row is read at this step");
            values(last.clone().slice([row..row + 1, place..place + 1]).flatten(0, 2))
        };
        let last = rmt.encode_words(words, &tokens, &mut Pass::default()).last;
        let given =
            |row: usize, place: usize| values(last.clone().slice([row..row + 1, place..place + 1]).flatten(0, 2));
        assert_eq!(steps.iter().map(|(rows, _)| rows.clone()).collect::<Vec<_>>(), [vec![1], vec![1], vec![0, 1]]);
        // A piece is [CLS], two of memory, [SEP], then tokens of the row: three of each here.
        for (row, place, step, in_piece) in [(0, 0, 2, 0), (0, 1, 2, 4), (0, 3, 2, 6), (0, 4, 2, 7)] {
            assert_eq!(given(row, place), state(step, row, in_piece), "row {row}, place {place}");
        }
        for (row, place, step, in_piece) in [(1, 0, 2, 0), (1, 3, 0, 6), (1, 4, 1, 4), (1, 8, 2, 5), (1, 9, 2, 6)] {
            assert_eq!(given(row, place), state(step, row, in_piece), "row {row}, place {place}");
        }
    }

    #[test]
    fn pieces_are_of_one_length_and_not_full() {
        let memory = Memory {
            base_vocab_size: 80,
            num_mem_tokens: 4,
            input_size: 32,
            max_n_segments: 4,
            cls_token_id: 1,
            sep_token_id: 2,
            pad_token_id: 3,
            padding: RmtPadding::Published,
        };
        let row: Vec<i64> = [1].into_iter().chain(std::iter::repeat_n(7, 30)).chain([2, 3]).collect();
        let pieces = memory.pieces(&row);
        assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [15, 15]);
        let ids = memory.ids(&row, &pieces[0]);
        assert_eq!((&ids[..7], ids[21], ids[22], ids.len()), (&[1, 80, 81, 82, 83, 2, 7][..], 2, 0, 32));
    }
}
