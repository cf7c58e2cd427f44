//! What a `tokenizer_config.json` says of the `vocab.txt` beside it.
//!
//! Of its many settings only those count that would give other tokens. `do_lower_case` is none of them, though
//! DNABERT's own file has it as true: the k-mers are written in upper case, and sequences are read in upper case here.

use serde::Deserialize;
use serde_json::Value;

use super::Style;
use crate::TokenError;

const FETCH: &str = "Fetch vocab.txt and tokenizer_config.json again, both of the same model";
const OTHER_MODEL: &str = "Use a model whose tokenizer is that of DNABERT or of the Nucleotide Transformer";

/// Classes of the original programs and the vocabularies they read.
const CLASSES: [(&str, Style); 4] = [
    ("BertTokenizer", Style::Dnabert),
    ("BertTokenizerFast", Style::Dnabert),
    ("DNATokenizer", Style::Dnabert),
    ("EsmTokenizer", Style::NucleotideTransformer),
];

#[derive(Deserialize)]
struct Config {
    tokenizer_class: Option<String>,
    /// A text, or an object with more about the token.
    eos_token: Option<Value>,
}

/// Refuses a configuration that contradicts a vocabulary of this style.
///
/// # Errors
///
/// When it is no JSON, names a program that reads another vocabulary, or asks for tokens that are not given here.
pub(super) fn check(bytes: &[u8], file: &str, style: Style) -> Result<(), TokenError> {
    let config: Config =
        serde_json::from_slice(bytes).map_err(|source| TokenError::Json { file: file.to_owned(), source })?;
    let error = |place: &str, reason: String, remedy: &'static str| TokenError::Layout {
        file: file.to_owned(),
        place: place.to_owned(),
        reason,
        remedy,
    };
    if let Some(class) = &config.tokenizer_class {
        match CLASSES.iter().find(|(name, _)| name == class) {
            None => {
                let reason = format!("the class '{class}' is none that reads k-mers of a vocab.txt");
                return Err(error("tokenizer_class", reason, OTHER_MODEL));
            }
            Some((_, other)) if *other != style => {
                let (class_of, vocab_of) = (other.name(), style.name());
                let reason = format!("the class '{class}' is that of {class_of}, the vocab.txt that of {vocab_of}");
                return Err(error("tokenizer_class", reason, FETCH));
            }
            Some(_) => {}
        }
    }
    // DNABERT's class has no use for it.
    if style == Style::NucleotideTransformer && config.eos_token.is_some() {
        let reason = "a token is asked for behind the sequence, where this model has none".to_owned();
        return Err(error("eos_token", reason, OTHER_MODEL));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str, style: Style) -> Option<String> {
        check(json.as_bytes(), "the config", style).err().map(|error| error.to_string())
    }

    #[test]
    fn the_class_must_fit_the_vocabulary() {
        let esm = r#"{"tokenizer_class": "EsmTokenizer", "eos_token": null}"#;
        let bert = r#"{"tokenizer_class": "BertTokenizer", "do_lower_case": true, "eos_token": "[SEP]"}"#;
        assert_eq!(refused(esm, Style::NucleotideTransformer), None, "its own class");
        assert_eq!(refused(bert, Style::Dnabert), None, "its own class, whatever it says of case");
        for style in Style::ALL {
            assert_eq!(refused("{}", style), None, "nothing is said");
            let message = refused(r#"{"tokenizer_class": "T5Tokenizer"}"#, style).expect("another class");
            assert!(message.contains("T5Tokenizer") && message.contains("the config"), "{message}");
        }
        for (json, style) in [(bert, Style::NucleotideTransformer), (esm, Style::Dnabert)] {
            let message = refused(json, style).expect("the other class");
            assert!(message.contains("tokenizer_class") && message.contains(style.name()), "{message}");
        }
    }

    #[test]
    fn an_end_token_is_refused() {
        for token in [r#""<eos>""#, r#"{"content": "<eos>"}"#] {
            let message = refused(&format!(r#"{{"eos_token": {token}}}"#), Style::NucleotideTransformer);
            assert!(message.as_deref().is_some_and(|message| message.contains("eos_token")), "{message:?}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for json in ["", "[", "<html>", r#"{"tokenizer_class": 7}"#, r#"{"eos_token": 1, "eos_token": 2}"#] {
            let message = refused(json, Style::Dnabert).expect(json);
            assert!(message.contains("the config") && message.contains("JSON"), "{message}");
        }
    }
}
