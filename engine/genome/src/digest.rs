//! Fingerprints of files.

use std::{fmt::Write, io::Read, path::Path};

use sha2::{Digest, Sha256};

use crate::{GenomeError, Hooks, source::SourceFile};

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 of `bytes`, in lower-case hexadecimal.
///
/// ```
/// assert!(strandscope_genome::sha256_of_bytes(b"abc").starts_with("ba7816bf"));
/// ```
pub fn sha256_of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of the file at `path` as it lies on disk, packed or not, in lower-case hexadecimal.
///
/// # Errors
///
/// When the file cannot be opened or read, or the caller asks to stop.
///
/// # Examples
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("abc");
/// std::fs::write(&path, "abc")?;
/// let digest = strandscope_genome::sha256_of_file(&path, &mut Default::default())?;
/// assert!(digest.starts_with("ba7816bf"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn sha256_of_file(path: &Path, hooks: &mut Hooks<'_>) -> Result<String, GenomeError> {
    let mut source = SourceFile::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut done_bytes = 0;
    loop {
        let count = source.file.read(&mut buffer).map_err(|error| GenomeError::reading(path, error))?;
        if count == 0 {
            return Ok(hex(&digest.finalize()));
        }
        digest.update(&buffer[..count]);
        done_bytes += count as u64;
        hooks.step(done_bytes, source.identity.size_bytes)?;
    }
}
