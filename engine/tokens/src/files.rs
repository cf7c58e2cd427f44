//! The files of a model folder that describe its tokenizer.

use std::{fs, io, path::Path};

use crate::TokenError;

/// Larger files are no tokenizer: the published ones have at most a few megabytes.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// What a model folder has of the files that describe a tokenizer; `None` where a file is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenizerFiles {
    /// `tokenizer.json`: a BPE tokenizer. Where it is there, the others are not looked at.
    pub tokenizer_json: Option<Vec<u8>>,
    /// `vocab.txt`: a vocabulary of k-mers, one token a line.
    pub vocab_txt: Option<Vec<u8>>,
    /// `tokenizer_config.json`: says which program reads `vocab.txt`, and is held against it.
    pub tokenizer_config: Option<Vec<u8>>,
}

impl TokenizerFiles {
    /// Name of the file of a BPE tokenizer.
    pub const TOKENIZER_JSON: &'static str = "tokenizer.json";
    /// Name of the file of a vocabulary of k-mers.
    pub const VOCAB_TXT: &'static str = "vocab.txt";
    /// Name of the file that says which program reads the vocabulary.
    pub const TOKENIZER_CONFIG: &'static str = "tokenizer_config.json";

    /// Gathers the files that are needed; `read` gives the content of a file by its name, `None` where it is not there.
    ///
    /// # Errors
    ///
    /// The first error of `read`.
    pub fn gather<E>(mut read: impl FnMut(&'static str) -> Result<Option<Vec<u8>>, E>) -> Result<Self, E> {
        let tokenizer_json = read(Self::TOKENIZER_JSON)?;
        if tokenizer_json.is_some() {
            return Ok(Self { tokenizer_json, ..Self::default() });
        }
        let (vocab_txt, tokenizer_config) = (read(Self::VOCAB_TXT)?, read(Self::TOKENIZER_CONFIG)?);
        Ok(Self { tokenizer_json, vocab_txt, tokenizer_config })
    }
}

/// The content of a file; `None` where there is none.
pub(crate) fn read_where_there(path: &Path) -> Result<Option<Vec<u8>>, TokenError> {
    let failed = |source| TokenError::Read { file: path.display().to_string(), source };
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    // A pipe or a device would be waited for without end.
    if !metadata.is_file() {
        return Err(failed(io::Error::other("it is not a regular file")));
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(failed(io::Error::other(format!("it is larger than {MAX_FILE_BYTES} bytes"))));
    }
    fs::read(path).map(Some).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn only_what_is_needed_is_asked_for() {
        let asked = |there: &[&str]| {
            let mut names = Vec::new();
            let files = TokenizerFiles::gather(|name| {
                names.push(name);
                Ok::<_, ()>(there.contains(&name).then(|| name.as_bytes().to_vec()))
            });
            (names, files.expect("nothing fails"))
        };
        let (names, files) = asked(&["tokenizer.json", "vocab.txt"]);
        assert_eq!(names, ["tokenizer.json"], "it is enough");
        assert_eq!((files.tokenizer_json.is_some(), files.vocab_txt), (true, None), "the one that was asked for");
        let (names, files) = asked(&["vocab.txt"]);
        assert_eq!(names, ["tokenizer.json", "vocab.txt", "tokenizer_config.json"], "all three");
        assert_eq!(files.vocab_txt.as_deref(), Some(b"vocab.txt".as_slice()), "each in its place");
        assert_eq!(files.tokenizer_config, None, "it is not there");
    }

    #[test]
    fn a_folder_is_no_file() {
        let message = read_where_there(&fixtures::path("fixtures")).expect_err("a folder").to_string();
        assert!(message.contains("not a regular file"), "{message}");
    }
}
