//! BPE tokenizers in the Hugging Face format.

use tokenizers::{AddedToken, ModelWrapper, PostProcessor, PreTokenizerWrapper, Tokenizer as Library};

use crate::{CharEncoding, Encoding, TokenError, bases, encoding::tiled, vocabulary::Vocabulary};
use layout::read_vocabulary;

mod layout;

/// The rules of a `tokenizer.json`.
pub(crate) struct Bpe {
    origin: String,
    library: Library,
    unknown: u32,
    /// Number of tokens put around a sequence.
    around: usize,
    /// Bases of the longest token; `None` where one token may cover a run of any length.
    longest_bp: Option<usize>,
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
        let around = library.get_post_processor().map_or(0, |post| post.added_tokens(false));
        let longest_bp = longest_bp(&library, &vocabulary);
        Ok((Self { origin: origin.to_owned(), library, unknown: vocabulary.unknown, around, longest_bp }, vocabulary))
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

    /// A token for each base, and those around the sequence.
    pub(crate) fn most_tokens(&self, bases: usize) -> usize {
        bases.saturating_add(self.around)
    }

    /// As if every token were the longest one.
    pub(crate) fn fewest_tokens(&self, bases: usize) -> usize {
        bases.div_ceil(self.longest_bp.unwrap_or(usize::MAX)) + self.around
    }
}

/// Bases of the longest token of the vocabulary, where no rule lets a token cover more than its own letters.
///
/// A normalizer may turn a run into one letter (GENA-LM: ten and more N into `-`), a pre-tokenizer may drop letters,
/// and unknown letters may be fused into one token.
fn longest_bp(library: &Library, vocabulary: &Vocabulary) -> Option<usize> {
    let fused = match library.get_model() {
        ModelWrapper::BPE(model) => model.fuse_unk,
        _ => true,
    };
    let keeps_letters = matches!(library.get_pre_tokenizer(), None | Some(PreTokenizerWrapper::Whitespace(_)));
    if fused || !keeps_letters || library.get_normalizer().is_some() {
        return None;
    }
    vocabulary.id_of.keys().map(|text| text.chars().count()).max().filter(|&longest| longest > 0)
}

#[cfg(test)]
mod tests;
