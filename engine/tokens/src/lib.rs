//! Tokenizers, and the bases their tokens cover.
//!
//! A tokenizer turns the bases of a region into the ids a model reads.
//! Tracks go the other way: what a model says of a token is drawn over the bases of that token, so every base of the
//! input must belong to exactly one token. [`Encoding::spans`] keeps that promise, runs of N included.
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

mod encoding;
mod error;
mod layout;
mod tokenizer;

pub use encoding::{CharEncoding, Encoding};
pub use error::TokenError;
pub use tokenizer::{SpecialIds, Tokenizer};
