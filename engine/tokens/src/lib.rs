//! Tokenizers, and the bases their tokens cover.
//!
//! A tokenizer turns the bases of a region into the ids a model reads. There are three kinds, and the files of a model
//! folder tell which one it is: BPE in a `tokenizer.json`, or k-mers in a `vocab.txt`, overlapping (DNABERT) or one
//! after the other (Nucleotide Transformer).
//!
//! Tracks go the other way: what a model says of a token is drawn over the bases of that token, so every base of the
//! input must belong to a token. [`Encoding::spans`] keeps that promise, runs of N included: spans tile the sequence,
//! or overlap where [`Tokenizer::overlap`] is more than 1. What a base is given is the mean over the tokens that
//! [`Encoding::covering`] names, which for tokens that tile is the one token it belongs to.
//!
//! ```no_run
//! use std::path::Path;
//! use strandscope_tokens::Tokenizer;
//!
//! let tokenizer = Tokenizer::read(Path::new("models/dnabert2"))?;
//! let encoding = tokenizer.encode(b"ACGTNNNNNNNNNNNNacgt")?;
//! let first = encoding.spans.iter().flatten().next();
//! assert_eq!(first.map(|span| span.0), Some(0));
//! # Ok::<(), strandscope_tokens::TokenError>(())
//! ```

mod bases;
mod bpe;
mod encoding;
mod error;
mod files;
mod kmers;
mod tokenizer;
mod vocab_txt;
mod vocabulary;

#[cfg(test)]
mod fixtures;

pub use encoding::{CharEncoding, Encoding, covering};
pub use error::TokenError;
pub use files::TokenizerFiles;
pub use tokenizer::{Tokenizer, TokenizerKind};
pub use vocabulary::SpecialIds;
