//! The tokenizer of a model, whichever kind it is.

use std::path::Path;

use crate::{
    CharEncoding, Encoding, SpecialIds, TokenError,
    bpe::Bpe,
    files::{TokenizerFiles, read_where_there},
    vocab_txt::{self, Kmers},
    vocabulary::Vocabulary,
};

/// A tokenizer as the files of a model folder describe it.
pub struct Tokenizer {
    rules: Rules,
    vocabulary: Vocabulary,
}

/// How bases become tokens.
enum Rules {
    Bpe(Box<Bpe>),
    Kmers(Kmers),
}

/// What the tokens of a tokenizer are, and how they follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenizerKind {
    /// Words of any length, learned by joining frequent pairs (DNABERT-2, GENA-LM, dnaGrinder); spans tile the
    /// sequence.
    Bpe,
    /// A word of `k` bases begins at every base (DNABERT); spans overlap.
    OverlappingKmers {
        /// Bases of a token.
        k: usize,
    },
    /// Words of `k` bases one after the other, and single letters where none fits (Nucleotide Transformer); spans tile
    /// the sequence.
    Kmers {
        /// Bases of a token that is no single letter.
        k: usize,
    },
}

impl Tokenizer {
    /// Reads the tokenizer of a model folder: `tokenizer.json`, or where there is none, `vocab.txt` with what
    /// `tokenizer_config.json` says of it.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or as [`Tokenizer::from_files`].
    pub fn read(folder: &Path) -> Result<Self, TokenError> {
        let files = TokenizerFiles::gather(|name| read_where_there(&folder.join(name)))?;
        Self::from_files(&files, |name| folder.join(name).display().to_string())
    }

    /// Makes a tokenizer of the files that are there; `origin` tells for a file's name (`vocab.txt`) how errors name
    /// it.
    ///
    /// Where there is a `tokenizer.json`, nothing else is looked at.
    ///
    /// # Errors
    ///
    /// When there is neither `tokenizer.json` nor `vocab.txt`, or the one there is does not hold together, or
    /// `tokenizer_config.json` contradicts `vocab.txt`.
    pub fn from_files(files: &TokenizerFiles, origin: impl Fn(&str) -> String) -> Result<Self, TokenError> {
        if let Some(json) = &files.tokenizer_json {
            return Self::from_json(json, &origin(TokenizerFiles::TOKENIZER_JSON));
        }
        let Some(vocab) = &files.vocab_txt else {
            return Err(TokenError::Missing {
                tokenizer_json: origin(TokenizerFiles::TOKENIZER_JSON),
                vocab_txt: origin(TokenizerFiles::VOCAB_TXT),
            });
        };
        let (kmers, vocabulary) = vocab_txt::read(vocab, files.tokenizer_config.as_deref(), origin)?;
        Ok(Self { rules: Rules::Kmers(kmers), vocabulary })
    }

    /// Reads the bytes of a `tokenizer.json`; `origin` names it in errors.
    ///
    /// # Errors
    ///
    /// When the bytes are no JSON, describe no BPE tokenizer, or contradict themselves.
    pub fn from_json(bytes: &[u8], origin: &str) -> Result<Self, TokenError> {
        let (bpe, vocabulary) = Bpe::read(bytes, origin)?;
        Ok(Self { rules: Rules::Bpe(Box::new(bpe)), vocabulary })
    }

    /// The tokens of `bases` and what they cover.
    ///
    /// Lower-case bases are read as upper-case ones, and the U of RNA as the T of DNA.
    /// Letters outside the vocabulary are counted and never become another base. They are read as the unknown token, by
    /// overlapping k-mers also the bases beside them whose k-mers they are in; the Nucleotide Transformer reads them as
    /// its letter N.
    ///
    /// # Errors
    ///
    /// When a byte is neither a letter nor one of `-`, `*`, `.`, when there are fewer bases than an overlapping k-mer
    /// has, or when the rules of a `tokenizer.json` fail on the sequence.
    pub fn encode(&self, bases: &[u8]) -> Result<Encoding, TokenError> {
        match &self.rules {
            Rules::Bpe(bpe) => bpe.encode(bases),
            Rules::Kmers(Kmers::Overlapping(kmers)) => kmers.encode(bases),
            Rules::Kmers(Kmers::Separate(kmers)) => kmers.encode(bases),
        }
    }

    /// The tokens of any text with the original library's own offsets, in code points.
    ///
    /// Nothing is upper-cased, and literal special tokens (`[MASK]`) are read as such, though not by overlapping
    /// k-mers, of which one begins at every code point: this is for comparison with other programs.
    /// [`Tokenizer::encode`] is for sequences.
    ///
    /// # Errors
    ///
    /// When the rules of a `tokenizer.json` fail on the text.
    pub fn encode_text(&self, text: &str) -> Result<CharEncoding, TokenError> {
        match &self.rules {
            Rules::Bpe(bpe) => bpe.encode_text(text),
            Rules::Kmers(Kmers::Overlapping(kmers)) => Ok(kmers.encode_text(text)),
            Rules::Kmers(Kmers::Separate(kmers)) => Ok(kmers.encode_text(text)),
        }
    }

    /// What the tokens are.
    pub fn kind(&self) -> TokenizerKind {
        match &self.rules {
            Rules::Bpe(_) => TokenizerKind::Bpe,
            Rules::Kmers(Kmers::Overlapping(kmers)) => TokenizerKind::OverlappingKmers { k: kmers.k() },
            Rules::Kmers(Kmers::Separate(kmers)) => TokenizerKind::Kmers { k: kmers.k() },
        }
    }

    /// How many tokens cover a base at most: 1, or the length of overlapping k-mers.
    pub fn overlap(&self) -> usize {
        match self.kind() {
            TokenizerKind::OverlappingKmers { k } => k,
            TokenizerKind::Bpe | TokenizerKind::Kmers { .. } => 1,
        }
    }

    /// Bases that so many tokens cover, special tokens included: exactly so many of k-mers where no letter is unknown,
    /// about so many of learnt words.
    pub fn typical_bp(&self, tokens: u64) -> u64 {
        const LEARNT_TOKEN_BP: u64 = 4;
        self.covered_bp(tokens, LEARNT_TOKEN_BP)
    }

    /// Bases that so many tokens cover at most in sequence as it is: the published learnt words hold up to nine on
    /// average.
    pub fn roomy_bp(&self, tokens: u64) -> u64 {
        const LONG_LEARNT_TOKEN_BP: u64 = 10;
        self.covered_bp(tokens, LONG_LEARNT_TOKEN_BP)
    }

    fn covered_bp(&self, tokens: u64, learnt_token_bp: u64) -> u64 {
        let bases = match self.kind() {
            TokenizerKind::Bpe => tokens.saturating_mul(learnt_token_bp),
            TokenizerKind::OverlappingKmers { k } => tokens.saturating_sub(3).saturating_add(k as u64),
            TokenizerKind::Kmers { k } => tokens.saturating_sub(1).saturating_mul(k as u64),
        };
        bases.max(1)
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
        self.vocabulary.special()
    }
}

#[cfg(test)]
mod tests;
