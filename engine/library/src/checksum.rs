//! Checksums: what a server states about a file, and what the file on disk has.

use std::{fmt, fs::File, io::Read, path::Path};

use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::{LibraryError, Step, progress::Watched};

/// A checksum in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Checksum {
    /// SHA-256 of the content: how the hub names large files.
    Sha256(String),
    /// SHA-1 of a git blob: how the hub names small ones.
    GitSha1(String),
}

impl Checksum {
    /// What an `ETag` says, where it says a checksum.
    pub(crate) fn parse(etag: &str) -> Option<Self> {
        let text = etag.trim().trim_start_matches("W/").trim_matches('"').to_ascii_lowercase();
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match text.len() {
            64 if is_hex => Some(Self::Sha256(text)),
            40 if is_hex => Some(Self::GitSha1(text)),
            _ => None,
        }
    }

    /// The one of the same kind.
    pub(crate) fn among(&self, digests: &Digests) -> Self {
        match self {
            Self::Sha256(_) => Self::Sha256(digests.sha256.clone()),
            Self::GitSha1(_) => Self::GitSha1(digests.git_sha1.clone()),
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(hex) => write!(f, "SHA-256 {hex}"),
            Self::GitSha1(hex) => write!(f, "git SHA-1 {hex}"),
        }
    }
}

/// Both checksums of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digests {
    pub(crate) sha256: String,
    pub(crate) git_sha1: String,
}

/// Reads a file once for both.
///
/// # Errors
/// When it cannot be read, or the user stops it.
pub(crate) fn digests(path: &Path, watched: &mut Watched<'_, '_>) -> Result<Digests, LibraryError> {
    let unread = |error| LibraryError::reading(path, error);
    let mut file = File::open(path).map_err(unread)?;
    let bytes = file.metadata().map_err(unread)?.len();
    watched.total_bytes = Some(bytes);
    let (mut sha256, mut git_sha1) = (Sha256::new(), Sha1::new());
    git_sha1.update(format!("blob {bytes}\0"));
    let mut buffer = vec![0; 1 << 20];
    let mut done_bytes = 0;
    loop {
        let read = file.read(&mut buffer).map_err(unread)?;
        if read == 0 {
            break;
        }
        sha256.update(&buffer[..read]);
        git_sha1.update(&buffer[..read]);
        done_bytes += read as u64;
        watched.at(Step::Checking, done_bytes)?;
    }
    Ok(Digests { sha256: hex(&sha256.finalize()), git_sha1: hex(&git_sha1.finalize()) })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_a_checksum_when_it_looks_like_one() {
        let (long, short) = ("0123456789abcdef".repeat(4), "ABCDEF0123".repeat(4));
        assert_eq!(Checksum::parse(&format!("\"{long}\"")), Some(Checksum::Sha256(long)));
        assert_eq!(Checksum::parse(&format!("W/\"{short}\"")), Some(Checksum::GitSha1(short.to_lowercase())));
        assert_eq!(Checksum::parse("\"5f3759df-12\""), None);
        assert_eq!(Checksum::parse(&"g".repeat(40)), None);
    }

    #[test]
    fn digests_are_those_that_git_and_sha256sum_give() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hello");
        std::fs::write(&path, "hello\n").unwrap();
        let found = digests(&path, &mut Watched::new(&mut |_| true, "hello")).unwrap();
        assert_eq!(found.sha256, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
        assert_eq!(found.git_sha1, "ce013625030ba8dba906f756967f9e9ca394464a");
    }
}
