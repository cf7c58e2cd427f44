//! What a `vocab.txt` of k-mers says, read strictly.
//!
//! The file is a list of tokens, and a token's id is the number of its line, from 0. The programs it was written for
//! read anything: a token that is missing or stands there twice turns bases into wrong ids without a word. So the file
//! must be that of DNABERT or of the Nucleotide Transformer, with every k-mer exactly once, in whatever order.

use std::{collections::HashMap, str};

use crate::{
    TokenError,
    bases::{BASES, code_of},
    files::TokenizerFiles,
    kmers::{KmerTable, LETTERS, Overlapping, Separate},
    vocabulary::Vocabulary,
};

mod config;

/// Longest k-mers that are read; each base more makes table and model four times as large.
const MAX_K: usize = 10;

/// All k-mers of [`MAX_K`] bases take 12 MB.
const MAX_BYTES: usize = 16 << 20;

const FETCH: &str = "Fetch vocab.txt again from where the model comes from";
const OTHER_MODEL: &str = "Use a model whose vocab.txt is that of DNABERT or of the Nucleotide Transformer";

/// How the k-mers of a vocabulary follow each other.
#[derive(Debug)]
pub(crate) enum Kmers {
    /// DNABERT.
    Overlapping(Overlapping),
    /// Nucleotide Transformer.
    Separate(Separate),
}

/// Whose vocabulary a file is; told by how it writes the tokens that stand for no base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Dnabert,
    NucleotideTransformer,
}

impl Style {
    const ALL: [Self; 2] = [Self::Dnabert, Self::NucleotideTransformer];

    fn name(self) -> &'static str {
        match self {
            Self::Dnabert => "DNABERT",
            Self::NucleotideTransformer => "the Nucleotide Transformer",
        }
    }

    /// Tokens that stand for no base and must be there, the unknown one first.
    fn required(self) -> &'static [&'static str] {
        match self {
            Self::Dnabert => &["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"],
            Self::NucleotideTransformer => &["<unk>", "<cls>", "<pad>", "<mask>"],
        }
    }

    /// Tokens that stand for no base and may be there.
    fn optional(self) -> &'static [&'static str] {
        match self {
            Self::Dnabert => &[],
            Self::NucleotideTransformer => &["<eos>", "<bos>"],
        }
    }

    fn special(self) -> impl Iterator<Item = &'static str> {
        self.required().iter().chain(self.optional()).copied()
    }

    /// Letters that must have a token of their own beside the k-mers.
    fn letters(self) -> &'static [u8] {
        match self {
            Self::Dnabert => &[],
            Self::NucleotideTransformer => &LETTERS,
        }
    }

    /// Whether a line is one of the tokens that are no k-mers.
    fn has(self, token: &str) -> bool {
        let is_letter = |letter: &u8| token.as_bytes() == [*letter];
        self.special().any(|special| special == token) || self.letters().iter().any(is_letter)
    }
}

/// Reads and checks a `vocab.txt`, and the `tokenizer_config.json` beside it; `origin` names a file in errors.
///
/// # Errors
///
/// When the file is not the vocabulary of k-mers of one of the models known here, or the configuration says otherwise.
pub(crate) fn read(
    bytes: &[u8],
    config: Option<&[u8]>,
    origin: impl Fn(&str) -> String,
) -> Result<(Kmers, Vocabulary), TokenError> {
    let file = origin(TokenizerFiles::VOCAB_TXT);
    let check = Check { file: &file };
    let lines = check.lines(bytes)?;
    let style = check.style(&lines)?;
    if let Some(config) = config {
        config::check(config, &origin(TokenizerFiles::TOKENIZER_CONFIG), style)?;
    }
    let k = check.kmer_bases(&lines, style)?;
    let id_of = check.ids(&lines)?;
    check.nothing_is_missing(&id_of, style)?;
    let table = check.table(&id_of, k)?;
    let kmers = kmers(style, table, &id_of);
    let text_of = (0..).zip(lines.iter().map(|line| (*line).to_owned())).collect();
    let unknown = id(&id_of, style.required()[0]);
    let id_of = id_of.into_iter().map(|(token, id)| (token.to_owned(), id)).collect();
    Ok((kmers, Vocabulary { id_of, text_of, unknown }))
}

/// The rules of a style with the ids of its vocabulary.
fn kmers(style: Style, table: KmerTable, id_of: &HashMap<&str, u32>) -> Kmers {
    let id = |token: &str| id(id_of, token);
    match style {
        Style::Dnabert => {
            Kmers::Overlapping(Overlapping { table, unknown: id("[UNK]"), cls: id("[CLS]"), sep: id("[SEP]") })
        }
        Style::NucleotideTransformer => {
            let special = style.special().filter_map(|token| Some((token, *id_of.get(token)?))).collect();
            let letters = LETTERS.map(|letter| id(&char::from(letter).to_string()));
            Kmers::Separate(Separate { table, letters, unknown: id("<unk>"), cls: id("<cls>"), special })
        }
    }
}

/// The id of a token that was found to be there.
fn id(id_of: &HashMap<&str, u32>, token: &str) -> u32 {
    id_of.get(token).copied().expect("the required tokens of a style are there, as checked before")
}

/// The checks, each with the name of the file at hand for its error.
struct Check<'a> {
    file: &'a str,
}

impl Check<'_> {
    fn error(&self, place: impl Into<String>, reason: String, remedy: &'static str) -> TokenError {
        TokenError::Layout { file: self.file.to_owned(), place: place.into(), reason, remedy }
    }

    /// An error at a line, which people count from 1.
    fn at_line(&self, index: usize, reason: String, remedy: &'static str) -> TokenError {
        self.error(format!("line {}", index + 1), reason, remedy)
    }

    /// The tokens: one a line, with either end of line, nothing blank but at the very end.
    fn lines<'a>(&self, bytes: &'a [u8]) -> Result<Vec<&'a str>, TokenError> {
        if bytes.len() > MAX_BYTES {
            let reason = format!("the file has {} bytes, and at most {MAX_BYTES} are read", bytes.len());
            return Err(self.error("the whole file", reason, OTHER_MODEL));
        }
        let text = str::from_utf8(bytes).map_err(|error| {
            let before = bytes.iter().take(error.valid_up_to()).filter(|&&byte| byte == b'\n').count();
            self.at_line(before, "there are bytes that are no UTF-8 text".to_owned(), FETCH)
        })?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.trim().is_empty() {
            return Err(self.at_line(0, "the file is empty".to_owned(), FETCH));
        }
        let lines: Vec<_> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
        match lines.iter().position(|line| line.trim().is_empty()) {
            Some(blank) => Err(self.at_line(blank, "the line is blank, and each must hold a token".to_owned(), FETCH)),
            None => Ok(lines),
        }
    }

    /// Whose vocabulary this is: that of the one style whose special tokens are there.
    fn style(&self, lines: &[&str]) -> Result<Style, TokenError> {
        let first_of = |style: Style| lines.iter().position(|line| style.special().any(|special| special == *line));
        match Style::ALL.map(first_of) {
            [Some(_), None] => Ok(Style::Dnabert),
            [None, Some(_)] => Ok(Style::NucleotideTransformer),
            [Some(one), Some(other)] => {
                let (first, second) = (one.min(other), one.max(other));
                let reason = format!(
                    "the token '{}' and the token '{}' of line {} belong to different models",
                    lines[second],
                    lines[first],
                    first + 1
                );
                Err(self.at_line(second, reason, FETCH))
            }
            [None, None] => {
                let reason = "there is no unknown token, neither [UNK] as in DNABERT nor <unk> as in the Nucleotide \
                              Transformer"
                    .to_owned();
                Err(self.error("the whole file", reason, OTHER_MODEL))
            }
        }
    }

    /// Bases of the k-mers: all lines that are no other tokens are k-mers, and all have the same length.
    fn kmer_bases(&self, lines: &[&str], style: Style) -> Result<usize, TokenError> {
        let mut first: Option<(usize, usize)> = None;
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| !style.has(line)) {
            if !line.bytes().all(|letter| code_of(letter).is_some()) {
                let reason =
                    format!("{} is no k-mer of A, C, G and T, and no special token of {}", shown(line), style.name());
                return Err(self.at_line(index, reason, OTHER_MODEL));
            }
            let (bases, line_of_first) = *first.get_or_insert((line.len(), index + 1));
            if line.len() != bases {
                let reason =
                    format!("{} has {} bases, the k-mer of line {line_of_first} has {bases}", shown(line), line.len());
                return Err(self.at_line(index, reason, FETCH));
            }
        }
        match first {
            None => Err(self.error("the whole file", "there are no k-mers".to_owned(), OTHER_MODEL)),
            Some((bases, line)) if bases > MAX_K => {
                let reason = format!("k-mers of {bases} bases are too long, and at most {MAX_K} are read");
                Err(self.at_line(line - 1, reason, OTHER_MODEL))
            }
            Some((bases, _)) => Ok(bases),
        }
    }

    /// The id of each token; none stands there twice.
    fn ids<'a>(&self, lines: &[&'a str]) -> Result<HashMap<&'a str, u32>, TokenError> {
        let mut id_of = HashMap::with_capacity(lines.len());
        for (index, (id, line)) in (0..).zip(lines).enumerate() {
            if let Some(first) = id_of.insert(*line, id) {
                let reason = format!("the token '{line}' stands there twice, first in line {}", first + 1);
                return Err(self.at_line(index, reason, FETCH));
            }
        }
        Ok(id_of)
    }

    /// All tokens of the style that are no k-mers are there.
    fn nothing_is_missing(&self, id_of: &HashMap<&str, u32>, style: Style) -> Result<(), TokenError> {
        let letters = style.letters().iter().map(|letter| char::from(*letter).to_string());
        let mut needed = style.required().iter().map(|token| (*token).to_owned()).chain(letters);
        match needed.find(|token| !id_of.contains_key(token.as_str())) {
            Some(token) => {
                let reason = format!("the token '{token}' of {} is missing", style.name());
                Err(self.error("the whole file", reason, FETCH))
            }
            None => Ok(()),
        }
    }

    /// The ids of all words of `k` bases; none is missing.
    fn table(&self, id_of: &HashMap<&str, u32>, k: usize) -> Result<KmerTable, TokenError> {
        let words = 1 << (2 * k);
        let mut word = String::with_capacity(k);
        let mut ids = Vec::with_capacity(words);
        let mut missing = None;
        for number in 0..words {
            spell(&mut word, number, k);
            match id_of.get(word.as_str()) {
                Some(&id) => ids.push(id),
                None => missing = missing.or_else(|| Some(word.clone())),
            }
        }
        match missing {
            Some(word) => {
                let reason = format!("{} of {words} k-mers of {k} bases are missing, as '{word}'", words - ids.len());
                Err(self.error("the whole file", reason, FETCH))
            }
            None => Ok(KmerTable::new(k, ids)),
        }
    }
}

/// Writes the word of `k` bases with this number in place of what `word` was.
fn spell(word: &mut String, number: usize, k: usize) {
    word.clear();
    word.extend((0..k).rev().map(|place| char::from(BASES[number >> (2 * place) & 3])));
}

/// A line as errors show it: unprintable letters escaped, and no longer than a line of the message.
fn shown(line: &str) -> String {
    const MOST: usize = 24;
    let more = if line.chars().count() > MOST { "…" } else { "" };
    let start: String = line.chars().take(MOST).collect();
    format!("'{}{more}'", start.escape_debug())
}

#[cfg(test)]
mod tests;
