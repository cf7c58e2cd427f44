//! What can go wrong with a tokenizer.

use std::io;

use thiserror::Error;

/// A tokenizer file that cannot be used, or bases it cannot encode.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The file cannot be read at all.
    #[error("tokenizer file {file} cannot be read: {source}. Check that the model folder is complete and readable")]
    Read {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// A folder has none of the files that describe a tokenizer.
    #[error(
        "the tokenizer is missing: neither {tokenizer_json} nor {vocab_txt} is there. Check that the model folder is complete"
    )]
    Missing {
        /// Where the file of a BPE tokenizer would be.
        tokenizer_json: String,
        /// Where the vocabulary of k-mers would be.
        vocab_txt: String,
    },
    /// The file is no JSON, or its parts have other types than a tokenizer's.
    #[error(
        "tokenizer file {file} is not the JSON of a tokenizer: {source}. Fetch the file again from where the model comes from"
    )]
    Json {
        /// The file.
        file: String,
        /// What the parser said, with line and column.
        source: serde_json::Error,
    },
    /// The file can be read, but what it says does not hold together or is not supported.
    #[error("tokenizer file {file} cannot be used, at {place}: {reason}. {remedy}")]
    Layout {
        /// The file.
        file: String,
        /// Key or line inside the file: `model.unk_token`, `line 7`.
        place: String,
        /// What is wrong there.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A character that stands for no base.
    #[error(
        "position {position} of the sequence holds {character:?}, which stands for no base. Use letters, '-', '*' or '.'"
    )]
    NotABase {
        /// Place in the sequence, 1-based.
        position: usize,
        /// What is there.
        character: char,
    },
    /// Too few bases for a single token.
    #[error(
        "a sequence of {length_bp} bases is shorter than one token of {token_bp} bases. Use a sequence of at least {token_bp} bases"
    )]
    TooShort {
        /// Length of the sequence.
        length_bp: usize,
        /// Length of a token.
        token_bp: usize,
    },
    /// The tokenizer's own rules failed on a sequence.
    #[error(
        "tokenizer {file} failed on a sequence of {length_bp} bases: {reason}. Use another model for this sequence"
    )]
    Encode {
        /// The file the tokenizer came from.
        file: String,
        /// Length of the sequence.
        length_bp: usize,
        /// What happened.
        reason: String,
    },
}
