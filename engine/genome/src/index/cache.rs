//! The user's cache: indexes, and unpacked copies of gzip files, each under the fingerprint of the file it belongs to.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Index;
use crate::{GenomeError, digest::hex, output::AtomicFile, source::SourceFile};

/// All indexes together take at most this much.
const INDEXES_BYTES: u64 = 1 << 29;
/// Goes up when the form of the file changes.
const VERSION: u32 = 1;

/// The folder for this program in the user's cache; one below the system's temporary folder where there is no home.
pub(crate) fn default_folder() -> PathBuf {
    directories::ProjectDirs::from("", "", "strandscope")
        .map_or_else(|| std::env::temp_dir().join("strandscope-cache"), |folders| folders.cache_dir().to_owned())
}

/// What tells the state of a file from any other: its path, size, time of change, and its first and last bytes.
pub(crate) fn fingerprint(source: &SourceFile) -> Result<String, GenomeError> {
    const END_BYTES: u64 = 1 << 16;
    let failed = |error: io::Error| GenomeError::reading(&source.path, error);
    let mut digest = Sha256::new();
    let whole_path = source.path.canonicalize().map_err(failed)?;
    digest.update(whole_path.as_os_str().as_encoded_bytes());
    let size = source.identity.size_bytes;
    digest.update(size.to_le_bytes());
    let modified = source.identity.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    digest.update(modified.as_nanos().to_le_bytes());
    for start in [0, size.saturating_sub(END_BYTES)] {
        let mut part = Vec::new();
        (&source.file).seek(SeekFrom::Start(start)).map_err(failed)?;
        (&source.file).take(END_BYTES).read_to_end(&mut part).map_err(failed)?;
        digest.update(&part);
    }
    Ok(hex(&digest.finalize()))
}

/// Where the index of a file with this fingerprint is kept.
pub(crate) fn index_path(cache: &Path, fingerprint: &str) -> PathBuf {
    cache.join("indexes").join(fingerprint).with_extension("json")
}

/// Where the unpacked copy of a file with this fingerprint is kept.
pub(crate) fn unpacked_path(cache: &Path, fingerprint: &str) -> PathBuf {
    cache.join("unpacked").join(fingerprint).with_extension("fa")
}

#[derive(Serialize, Deserialize)]
struct Stored<T> {
    version: u32,
    index: T,
}

/// Keeps `index` at `path`: one line of JSON, one with its SHA-256.
pub(crate) fn save(path: &Path, index: &Index) -> Result<(), String> {
    let folder = path.parent().ok_or("it has no folder")?;
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let text = serde_json::to_vec(&Stored { version: VERSION, index }).map_err(|error| error.to_string())?;
    make_room(folder, INDEXES_BYTES.saturating_sub(text.len() as u64));
    let mut file = AtomicFile::create(path, true).map_err(|error| error.to_string())?;
    let written = file.write_all(&text).and_then(|()| writeln!(file, "\n{}", hex(&Sha256::digest(&text))));
    written.map_err(|error| error.to_string())?;
    file.commit().map_err(|error| error.to_string())
}

/// Reads the index at `path`: `None` where there is none, the reason where it cannot be used.
pub(crate) fn load(path: &Path) -> Option<Result<Index, String>> {
    let file = File::open(path).ok()?;
    // The time of last use decides what is thrown away first.
    let _ = file.set_modified(SystemTime::now());
    let mut bytes = Vec::new();
    Some(match (&file).take(INDEXES_BYTES).read_to_end(&mut bytes) {
        Err(error) => Err(error.to_string()),
        Ok(_) => parse(&bytes),
    })
}

fn parse(bytes: &[u8]) -> Result<Index, String> {
    let mut lines = bytes.split(|&byte| byte == b'\n');
    let (text, digest) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    if hex(&Sha256::digest(text)).as_bytes() != digest {
        return Err("its checksum does not fit".to_owned());
    }
    let stored: Stored<Index> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if stored.version == VERSION { Ok(stored.index) } else { Err("another version of this program made it".to_owned()) }
}

/// Removes the files of `folder` that were used longest ago until the rest takes at most `limit_bytes`.
pub(crate) fn make_room(folder: &Path, limit_bytes: u64) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            Some((metadata.modified().unwrap_or(UNIX_EPOCH), metadata.len(), entry.path()))
        })
        .collect();
    files.sort();
    let mut total_bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, bytes, path) in files {
        if total_bytes <= limit_bytes {
            return;
        }
        match fs::remove_file(&path) {
            Ok(()) => total_bytes -= bytes,
            Err(error) => tracing::warn!(path = %path.display(), %error, "a cached file could not be removed"),
        }
    }
}
