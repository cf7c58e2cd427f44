//! What `tokenizer.json` says, read strictly.
//!
//! The tokenizer library loads files that contradict themselves: an unknown token that is not in the vocabulary, two
//! tokens with one id, an added token whose id belongs to another. Each of these turns bases into wrong ids without a
//! word, and some damaged merges end the process. So the file is checked here before the library sees it.

use std::{collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

use crate::{TokenError, vocabulary::Vocabulary};

const FETCH: &str = "Fetch tokenizer.json again from where the model comes from";
const OTHER_MODEL: &str = "Use a model whose tokenizer is a plain BPE tokenizer, such as DNABERT-2 or GENA-LM";
const OTHER_KIND: &str = "Use a model with a plain BPE tokenizer, such as DNABERT-2 or GENA-LM, or one with k-mers, \
                          whose vocab.txt is read where tokenizer.json is not there";

/// Reads and checks a `tokenizer.json`; `file` names it in errors.
pub(crate) fn read_vocabulary(bytes: &[u8], file: &str) -> Result<Vocabulary, TokenError> {
    let json = |source| TokenError::Json { file: file.to_owned(), source };
    let check = Check { file };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(check.error("byte 0", "the file is empty, and an empty file is no JSON".to_owned(), FETCH));
    }
    let kind = serde_json::from_slice::<KindOnly>(bytes).map_err(json)?;
    let Some(kind) = kind.model else {
        return Err(check.error("model", "the key 'model' is missing".to_owned(), FETCH));
    };
    if kind.kind.as_deref() != Some("BPE") {
        let found = kind.kind.map_or_else(|| "no type".to_owned(), |kind| format!("the type '{kind}'"));
        return Err(check.error("model.type", format!("the model has {found}, which is unsupported"), OTHER_KIND));
    }
    let layout = serde_json::from_slice::<Layout>(bytes).map_err(json)?;
    check.unsupported(&layout.model)?;
    let mut vocabulary = check.model_vocabulary(&layout.model)?;
    check.merges(&layout.model, &vocabulary)?;
    check.added_tokens(&layout.added_tokens, &mut vocabulary)?;
    if let Some(post) = &layout.post_processor {
        check.template(post, &vocabulary)?;
    }
    Ok(vocabulary)
}

/// The checks, each with the name of the file at hand for its error.
struct Check<'a> {
    file: &'a str,
}

impl Check<'_> {
    fn error(&self, place: impl Into<String>, reason: String, remedy: &'static str) -> TokenError {
        TokenError::Layout { file: self.file.to_owned(), place: place.into(), reason, remedy }
    }

    /// Refuses settings under which encoding would be left to chance, or the library's output would lose bases.
    fn unsupported(&self, model: &Model) -> Result<(), TokenError> {
        let refuse = |place: &str, reason: &str| Err(self.error(place, reason.to_owned(), OTHER_MODEL));
        if model.dropout.is_some_and(|share| share != 0.0) {
            return refuse("model.dropout", "merges are dropped at random, so one sequence has many encodings");
        }
        if model.byte_fallback {
            return refuse("model.byte_fallback", "letters outside the vocabulary would be split into bytes");
        }
        if model.continuing_subword_prefix.as_deref().is_some_and(|prefix| !prefix.is_empty()) {
            return refuse("model.continuing_subword_prefix", "tokens inside a sequence carry a prefix");
        }
        Ok(())
    }

    /// The model's own tokens: no text and no id twice, and an unknown token among them.
    fn model_vocabulary(&self, model: &Model) -> Result<Vocabulary, TokenError> {
        let mut id_of = HashMap::with_capacity(model.vocab.0.len());
        let mut text_of: HashMap<u32, String> = HashMap::with_capacity(model.vocab.0.len());
        for (text, id) in &model.vocab.0 {
            if let Some(first) = id_of.insert(text.clone(), *id) {
                let reason = format!("the token '{text}' stands there twice, with ids {first} and {id}");
                return Err(self.error("model.vocab", reason, FETCH));
            }
            if let Some(other) = text_of.insert(*id, text.clone()) {
                let reason = format!("the tokens '{other}' and '{text}' have the same id {id}");
                return Err(self.error("model.vocab", reason, FETCH));
            }
        }
        let Some(unknown) = &model.unk_token else {
            let reason = "no unknown token is named, so letters outside the vocabulary would vanish".to_owned();
            return Err(self.error("model.unk_token", reason, OTHER_MODEL));
        };
        let Some(&unknown) = id_of.get(unknown) else {
            let reason = format!("the unknown token '{unknown}' is not in the vocabulary");
            return Err(self.error("model.unk_token", reason, FETCH));
        };
        Ok(Vocabulary { id_of, text_of, unknown })
    }

    /// Every merge joins two known tokens to a known one, and none stands there twice.
    fn merges(&self, model: &Model, vocabulary: &Vocabulary) -> Result<(), TokenError> {
        let mut seen = HashMap::with_capacity(model.merges.len());
        for (rank, merge) in model.merges.iter().enumerate() {
            let place = || format!("model.merges[{rank}]");
            let Some((left, right)) = merge.parts() else {
                let reason = "a merge must name two tokens, with one blank between them".to_owned();
                return Err(self.error(place(), reason, FETCH));
            };
            let joined = format!("{left}{right}");
            for token in [left, right, &joined] {
                if !vocabulary.id_of.contains_key(token) {
                    let reason = format!(
                        "the merge of '{left}' and '{right}' needs the token '{token}', which is not in the vocabulary"
                    );
                    return Err(self.error(place(), reason, FETCH));
                }
            }
            if let Some(first) = seen.insert((left, right), rank) {
                let reason = format!("the merge of '{left}' and '{right}' stands there twice, first as merge {first}");
                return Err(self.error(place(), reason, FETCH));
            }
        }
        Ok(())
    }

    /// Added tokens either repeat an entry of the vocabulary exactly or bring a new text with a new id.
    fn added_tokens(&self, added: &[Added], vocabulary: &mut Vocabulary) -> Result<(), TokenError> {
        let mut seen = HashMap::with_capacity(added.len());
        for (index, token) in added.iter().enumerate() {
            let place = || format!("added_tokens[{index}]");
            let Added { id, content } = token;
            if content.is_empty() {
                return Err(self.error(place(), "the added token has no text".to_owned(), FETCH));
            }
            if let Some(first) = seen.insert(content, index) {
                let reason = format!("the added token '{content}' stands there twice, first as added token {first}");
                return Err(self.error(place(), reason, FETCH));
            }
            match (vocabulary.id_of.get(content), vocabulary.text_of.get(id)) {
                (Some(known), _) if known == id => {}
                (Some(known), _) => {
                    let reason =
                        format!("the added token '{content}' has id {id}, in the vocabulary it has id {known}");
                    return Err(self.error(place(), reason, FETCH));
                }
                (None, Some(other)) => {
                    let reason = format!("the added token '{content}' has id {id}, the same id as the token '{other}'");
                    return Err(self.error(place(), reason, FETCH));
                }
                (None, None) => {
                    vocabulary.id_of.insert(content.clone(), *id);
                    vocabulary.text_of.insert(*id, content.clone());
                }
            }
        }
        Ok(())
    }

    /// The tokens put around a sequence carry the ids the vocabulary gives them.
    fn template(&self, post: &Post, vocabulary: &Vocabulary) -> Result<(), TokenError> {
        let mut pairs = Vec::new();
        for (text, id) in post.sep.iter().chain(&post.cls) {
            pairs.push((text.as_str(), *id));
        }
        for (name, special) in &post.special_tokens.0 {
            if special.ids.is_empty() || special.ids.len() != special.tokens.len() {
                let reason = format!("'{name}' has {} ids for {} tokens", special.ids.len(), special.tokens.len());
                return Err(self.error("post_processor.special_tokens", reason, FETCH));
            }
            pairs.extend(special.tokens.iter().map(String::as_str).zip(special.ids.iter().copied()));
        }
        for (text, id) in pairs {
            if vocabulary.id_of.get(text) != Some(&id) {
                let reason = match vocabulary.id_of.get(text) {
                    Some(known) => format!("'{text}' has id {id} here and id {known} in the vocabulary"),
                    None => format!("the token '{text}' is not in the vocabulary"),
                };
                return Err(self.error("post_processor", reason, FETCH));
            }
        }
        Ok(())
    }
}

/// First look: which kind of model it is, before its parts are read as those of a BPE model.
#[derive(Deserialize)]
struct KindOnly {
    model: Option<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Layout {
    #[serde(default)]
    added_tokens: Vec<Added>,
    post_processor: Option<Post>,
    model: Model,
    /// Named so that a key given twice is an error and not a choice.
    #[serde(default, rename = "normalizer")]
    _normalizer: Option<IgnoredAny>,
    #[serde(default, rename = "pre_tokenizer")]
    _pre_tokenizer: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
}

#[derive(Deserialize)]
struct Model {
    vocab: Pairs<u32>,
    merges: Vec<Merge>,
    unk_token: Option<String>,
    dropout: Option<f64>,
    #[serde(default)]
    byte_fallback: bool,
    continuing_subword_prefix: Option<String>,
}

/// A merge in either of the two spellings in use.
#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Joined(String),
    Parts(String, String),
}

impl Merge {
    fn parts(&self) -> Option<(&str, &str)> {
        match self {
            Self::Joined(text) => text.split_once(' ').filter(|(_, right)| !right.contains(' ')),
            Self::Parts(left, right) => Some((left, right)),
        }
    }
}

/// What the post-processors in use have in common: names and ids of the tokens they add.
#[derive(Deserialize)]
struct Post {
    sep: Option<(String, u32)>,
    cls: Option<(String, u32)>,
    #[serde(default)]
    special_tokens: Pairs<Special>,
}

#[derive(Deserialize)]
struct Special {
    ids: Vec<u32>,
    tokens: Vec<String>,
}

/// A JSON object as a list, so that a key given twice is seen.
struct Pairs<T>(Vec<(String, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for PairsVisitor<T> {
            type Value = Pairs<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(PairsVisitor(std::marker::PhantomData))
    }
}
