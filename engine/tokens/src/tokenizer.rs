//! BPE tokenizers in the Hugging Face format.

use std::{fs, io, path::Path};

use tokenizers::{AddedToken, Tokenizer as Library};

use crate::{
    CharEncoding, Encoding, TokenError,
    encoding::tiled,
    layout::{Vocabulary, read_vocabulary},
};

/// Name of the tokenizer file in a model folder.
const FILE_NAME: &str = "tokenizer.json";

/// Larger files are no tokenizer: the published ones have at most a few megabytes.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// A BPE tokenizer as a `tokenizer.json` describes it.
pub struct Tokenizer {
    origin: String,
    library: Library,
    vocabulary: Vocabulary,
    special: SpecialIds,
}

/// Ids of the tokens that stand for no base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecialIds {
    /// Stands for letters that are not in the vocabulary.
    pub unknown: u32,
    /// Stands before the sequence.
    pub cls: Option<u32>,
    /// Stands after the sequence.
    pub sep: Option<u32>,
    /// Fills up rows of a batch.
    pub pad: Option<u32>,
    /// Hides a token in masked-language-model training.
    pub mask: Option<u32>,
}

impl Tokenizer {
    /// Reads `tokenizer.json` in a model folder.
    ///
    /// # Errors
    ///
    /// When the file is missing, or as [`Tokenizer::from_json`].
    pub fn read(folder: &Path) -> Result<Self, TokenError> {
        let path = folder.join(FILE_NAME);
        let file = path.display().to_string();
        let read = |source| TokenError::Read { file: file.clone(), source };
        let metadata = fs::metadata(&path).map_err(read)?;
        // A pipe or a device would be waited for without end.
        if !metadata.is_file() {
            return Err(read(io::Error::other("it is not a regular file")));
        }
        if metadata.len() > MAX_FILE_BYTES {
            return Err(read(io::Error::other(format!("it is larger than {MAX_FILE_BYTES} bytes"))));
        }
        Self::from_json(&fs::read(&path).map_err(read)?, &file)
    }

    /// Reads the bytes of a `tokenizer.json`; `origin` names it in errors.
    ///
    /// # Errors
    ///
    /// When the bytes are no JSON, describe no BPE tokenizer, or contradict themselves.
    pub fn from_json(bytes: &[u8], origin: &str) -> Result<Self, TokenError> {
        let vocabulary = read_vocabulary(bytes, origin)?;
        let refuse = |place: &str, reason: String| TokenError::Layout {
            file: origin.to_owned(),
            place: place.to_owned(),
            reason,
            remedy: "Fetch tokenizer.json again from where the model comes from",
        };
        let mut library = Library::from_bytes(bytes).map_err(|error| refuse("the whole file", error.to_string()))?;
        // How long a row is, is for the caller to decide: nothing is cut off or filled up here.
        library.with_padding(None);
        library.with_truncation(None).map_err(|error| refuse("truncation", error.to_string()))?;
        // Left to itself the library numbers added tokens anew where the file's numbers leave gaps.
        let differs = |(id, text): &(u32, AddedToken)| vocabulary.id_of.get(&text.content) != Some(id);
        let added = library.get_added_tokens_decoder();
        if let Some((id, token)) = added.into_iter().filter(differs).min_by_key(|(id, _)| *id) {
            let reason = format!("the added token '{}' would get id {id}, not the id written there", token.content);
            return Err(refuse("added_tokens", reason));
        }
        let id_of = |names: &[&str]| names.iter().find_map(|name| vocabulary.id_of.get(*name).copied());
        let special = SpecialIds {
            unknown: vocabulary.unknown,
            cls: id_of(&["[CLS]", "<cls>", "<s>"]),
            sep: id_of(&["[SEP]", "<sep>", "</s>"]),
            pad: id_of(&["[PAD]", "<pad>"]),
            mask: id_of(&["[MASK]", "<mask>"]),
        };
        Ok(Self { origin: origin.to_owned(), library, vocabulary, special })
    }

    /// The tokens of `bases` and what they cover.
    ///
    /// Lower-case bases are read as upper-case ones, and the U of RNA as the T of DNA.
    /// Letters outside the vocabulary become the unknown token and are counted, never another base.
    ///
    /// # Errors
    ///
    /// When a byte is neither a letter nor one of `-`, `*`, `.`, or when the tokenizer's rules fail on the sequence.
    pub fn encode(&self, bases: &[u8]) -> Result<Encoding, TokenError> {
        let mut text = String::with_capacity(bases.len());
        for (index, &base) in bases.iter().enumerate() {
            if !(base.is_ascii_alphabetic() || matches!(base, b'-' | b'*' | b'.')) {
                return Err(TokenError::NotABase { position: index + 1, character: char::from(base) });
            }
            let base = base.to_ascii_uppercase();
            text.push(char::from(if base == b'U' { b'T' } else { base }));
        }
        let failed = |reason: String| TokenError::Encode { file: self.origin.clone(), length_bp: bases.len(), reason };
        // The text is ASCII, so offsets in bytes are offsets in bases.
        let encoded = self.library.encode(text, true).map_err(|error| failed(error.to_string()))?;
        let special: Vec<bool> = encoded.get_special_tokens_mask().iter().map(|&mark| mark == 1).collect();
        let spans = tiled(encoded.get_offsets(), &special, bases.len()).map_err(failed)?;
        let ids = encoded.get_ids().to_vec();
        let covered = ids.iter().zip(&spans).filter(|&(&id, _)| id == self.special.unknown);
        let unknown_bp = covered.filter_map(|(_, span)| span.map(|(start, end)| end - start)).sum();
        Ok(Encoding { ids, spans, unknown_bp })
    }

    /// The tokens of any text with the library's own offsets, in code points.
    ///
    /// Nothing is upper-cased and literal special tokens (`[MASK]`) are read as such: this is for comparison with other
    /// programs. [`Tokenizer::encode`] is for sequences.
    ///
    /// # Errors
    ///
    /// When the tokenizer's rules fail on the text.
    pub fn encode_text(&self, text: &str) -> Result<CharEncoding, TokenError> {
        let encoded = self.library.encode_char_offsets(text, true).map_err(|error| TokenError::Encode {
            file: self.origin.clone(),
            length_bp: text.chars().count(),
            reason: error.to_string(),
        })?;
        Ok(CharEncoding { ids: encoded.get_ids().to_vec(), offsets: encoded.get_offsets().to_vec() })
    }

    /// Number of rows a model's word embedding needs: the highest id and one.
    pub fn vocab_size(&self) -> usize {
        self.vocabulary.text_of.keys().max().map_or(0, |&id| id as usize + 1)
    }

    /// The text of a token.
    pub fn token_text(&self, id: u32) -> Option<&str> {
        self.vocabulary.text_of.get(&id).map(String::as_str)
    }

    /// The id of a token.
    pub fn id_of(&self, text: &str) -> Option<u32> {
        self.vocabulary.id_of.get(text).copied()
    }

    /// Ids of the tokens that stand for no base.
    pub fn special(&self) -> SpecialIds {
        self.special
    }
}

#[cfg(test)]
mod tests;
