//! Names: of models in the library, and of the files that a model may have.

use crate::LibraryError;

/// Longest name of a model in bytes; what is written beside it adds to that.
const MOST_BYTES: usize = 100;

/// Ends of names that the library uses itself.
pub(crate) const PART: &str = ".part";

/// Names that Windows gives to devices, with any ending.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// Files of a model or head, beside those whose names vary.
const FILES: [&str; 11] = [
    "config.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "tokenizer.json",
    "vocab.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "card.json",
    "head.json",
    "head-card.json",
    "README.md",
];

/// Whether a folder of the library may have this name.
///
/// # Errors
/// When it is no plain file name on every system.
pub(crate) fn check(name: &str) -> Result<(), LibraryError> {
    let refused = |reason: &str| Err(LibraryError::Name { name: name.to_owned(), reason: reason.to_owned() });
    if name.is_empty() {
        return refused("it is empty");
    }
    if name.len() > MOST_BYTES {
        return refused(&format!("it is longer than {MOST_BYTES} bytes"));
    }
    if name.starts_with(['.', '-', ' ']) || name.ends_with(['.', ' ']) {
        return refused("it begins with a dot, a dash or a space, or ends with a dot or a space");
    }
    if let Some(letter) = name.chars().find(|c| r#"/\<>:"|?*"#.contains(*c) || c.is_control()) {
        return refused(&format!("it holds {letter:?}, which no file name may hold on every system"));
    }
    if is_device(name) {
        return refused("Windows keeps it for a device");
    }
    if name.to_ascii_lowercase().ends_with(PART) {
        return refused("names that end with .part are those of unfinished downloads");
    }
    Ok(())
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = ["com", "lpt"].iter().any(|device| {
        let number = stem.strip_prefix(device).map(str::chars).map(Iterator::collect::<Vec<_>>);
        number.is_some_and(|number| matches!(number[..], ['0'..='9' | '¹' | '²' | '³']))
    });
    numbered || DEVICES.contains(&stem.as_str())
}

/// Whether a model or head may have a file of this name.
pub(crate) fn is_model_file(name: &str) -> bool {
    check(name).is_ok() && (FILES.contains(&name) || is_weights(name) || is_index(name) || name.starts_with("LICENSE"))
}

/// Whether weights are in files of this name.
pub(crate) fn is_weights(name: &str) -> bool {
    let is_torch = name.starts_with("pytorch_model") && name.ends_with(".bin");
    check(name).is_ok() && (is_torch || name.ends_with(".safetensors"))
}

fn is_index(name: &str) -> bool {
    name.ends_with(".safetensors.index.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_file_names_on_every_system() {
        for name in ["dnabert-2-117m", "nt-2.5b-1000g", "Mein erstes", "modèle", "con-1", "common", "lpt"] {
            assert!(check(name).is_ok(), "{name}");
        }
        let long = "x".repeat(101);
        let bad = ["", ".", "..", ".hidden", "-rf", " a", "a ", "a.", "a/b", "a\\b", "a:b", "a*", "a\nb", "a\0", &long];
        for name in bad.into_iter().chain(["CON", "nul.txt", "Com1", "lpt9.bin", "aux ", "x.part", "x.PART", "COM¹"]) {
            assert!(check(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn files_of_a_model_are_known_by_name() {
        let shards = ["model-00001-of-00002.safetensors", "pytorch_model-00001-of-00002.bin"];
        let indices = ["model.safetensors.index.json", "pytorch_model.bin.index.json"];
        for name in shards.into_iter().chain(indices).chain(["head.safetensors", "LICENSE-MIT", "config.json"]) {
            assert!(is_model_file(name), "{name}");
        }
        for name in ["modeling.py", "../x.safetensors", "a/b.safetensors", "optimizer.bin", ".gitattributes", "x.pkl"] {
            assert!(!is_model_file(name), "{name}");
        }
        assert!(!is_weights("config.json") && is_weights(shards[0]) && is_weights(shards[1]), "weights");
    }
}
