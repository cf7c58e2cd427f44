//! BPE tokenizers in the Hugging Face format.

use tokenizers::{AddedToken, Tokenizer as Library};

use crate::{CharEncoding, Encoding, TokenError, bases, encoding::tiled, vocabulary::Vocabulary};
use layout::read_vocabulary;

mod layout;

/// The rules of a `tokenizer.json`.
pub(crate) struct Bpe {
    origin: String,
    library: Library,
    unknown: u32,
}

impl Bpe {
    /// Reads the bytes of a `tokenizer.json`; `origin` names it in errors.
    ///
    /// # Errors
    ///
    /// When the bytes are no JSON, describe no BPE tokenizer, or contradict themselves.
    pub(crate) fn read(bytes: &[u8], origin: &str) -> Result<(Self, Vocabulary), TokenError> {
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
        Ok((Self { origin: origin.to_owned(), library, unknown: vocabulary.unknown }, vocabulary))
    }

    /// The tokens of a sequence; letters that the vocabulary does not know become the unknown token and are counted.
    pub(crate) fn encode(&self, bases: &[u8]) -> Result<Encoding, TokenError> {
        let text = bases::upper_case(bases)?;
        let failed = |reason: String| TokenError::Encode { file: self.origin.clone(), length_bp: bases.len(), reason };
        // The text is ASCII, so offsets in bytes are offsets in bases.
        let encoded = self.library.encode(text, true).map_err(|error| failed(error.to_string()))?;
        let special: Vec<bool> = encoded.get_special_tokens_mask().iter().map(|&mark| mark == 1).collect();
        let spans = tiled(encoded.get_offsets(), &special, bases.len()).map_err(failed)?;
        let ids = encoded.get_ids().to_vec();
        let covered = ids.iter().zip(&spans).filter(|&(&id, _)| id == self.unknown);
        let unknown_bp = covered.filter_map(|(_, span)| span.map(|(start, end)| end - start)).sum();
        Ok(Encoding { ids, spans, unknown_bp })
    }

    /// The tokens of a text as the library gives them.
    pub(crate) fn encode_text(&self, text: &str) -> Result<CharEncoding, TokenError> {
        let encoded = self.library.encode_char_offsets(text, true).map_err(|error| TokenError::Encode {
            file: self.origin.clone(),
            length_bp: text.chars().count(),
            reason: error.to_string(),
        })?;
        Ok(CharEncoding { ids: encoded.get_ids().to_vec(), offsets: encoded.get_offsets().to_vec() })
    }
}

#[cfg(test)]
mod tests;
