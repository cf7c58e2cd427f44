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
    /// The file is no JSON, or its parts have other types than a tokenizer's.
    #[error(
        "tokenizer file {file} is not the JSON of a tokenizer: {source}. Fetch tokenizer.json again from where the model comes from"
    )]
    Json {
        /// The file.
        file: String,
        /// What the parser said, with line and column.
        source: serde_json::Error,
    },
    /// The file is JSON, but what it says does not hold together or is not supported.
    #[error("tokenizer file {file} cannot be used, at {place}: {reason}. {remedy}")]
    Layout {
        /// The file.
        file: String,
        /// Key inside the file: `model.unk_token`.
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
