//! The library against a small hub of its own on this computer: no test opens a connection to anywhere else.

mod downloads;
mod imports;
mod refusals;
mod resuming;
mod server;

use std::{
    fs,
    fs::File,
    io::{self, Write},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tempfile::TempDir;

use self::server::{Served, Server};
use crate::{Added, Adding, Entry, Hub, Library, LibraryError, Progress, disk::Disk, hub::Pace};

const REPOSITORY: &str = "owner/model";

/// An entry of the catalogue whose files are not listed.
fn entry() -> Entry {
    serde_json::from_value(serde_json::json!({
        "name": "model", "title": "A model", "description": "A model.", "family": "dnabert", "kind": "model",
        "repository": REPOSITORY, "revision": "main", "licence": "unclear", "source": "https://example.org",
    }))
    .unwrap()
}

/// Bytes that look like nothing.
fn noise(count: usize) -> Vec<u8> {
    (0..count).map(|place| (place.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]).collect()
}

/// A hub, a library and a token.
struct Place {
    server: Server,
    folder: TempDir,
    library: Library,
}

impl Place {
    /// A hub with a small model of three files; its weights are `count` bytes.
    fn with_model(count: usize) -> Self {
        let place = Self::empty();
        place.server.serve("config.json", Served::small(b"{\"model_type\": \"bert\"}"));
        place.server.serve("pytorch_model.bin", Served::large(&noise(count)));
        place.server.serve("vocab.txt", Served::small(b"[PAD]\n[UNK]\n"));
        place
    }

    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { server: Server::start(), library: Library::open(folder.path()), folder }
    }

    fn hub(&self) -> Hub {
        let milliseconds = Duration::from_millis;
        let pace = Pace {
            connect: milliseconds(2_000),
            answer: milliseconds(2_000),
            read: milliseconds(2_000),
            pauses: vec![milliseconds(20), milliseconds(40)],
        };
        Hub::with_pace(&self.server.endpoint(), Some("hf_secret"), pace).unwrap()
    }

    fn get(&self) -> Result<Added, LibraryError> {
        self.get_watched(|_| true)
    }

    fn get_watched(&self, mut watch: impl FnMut(&Progress<'_>) -> bool) -> Result<Added, LibraryError> {
        self.library.get(&entry(), &self.hub(), &Adding::new("model"), &mut watch, whatever)
    }

    /// Everything in the library's folder of models, by name.
    fn models(&self) -> Vec<String> {
        names(self.library.models_folder())
    }

    fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.library.models_folder().join(path)).unwrap()
    }
}

/// A check that finds nothing.
fn whatever(_: &Path) -> Result<(), io::Error> {
    Ok(())
}

/// What is in a folder, but for locks.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != ".locks");
    names.sort();
    names
}

/// A disk that is full after so many bytes, and may not tell beforehand.
struct SmallDisk {
    left: AtomicU64,
    tells: bool,
}

impl SmallDisk {
    fn new(bytes: u64, tells: bool) -> Self {
        Self { left: AtomicU64::new(bytes), tells }
    }
}

impl Disk for SmallDisk {
    fn free_bytes(&self, _: &Path) -> Option<u64> {
        self.tells.then(|| self.left.load(Ordering::Relaxed))
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        let left = self.left.load(Ordering::Relaxed);
        let fitting = usize::try_from(left).unwrap().min(bytes.len());
        file.write_all(&bytes[..fitting])?;
        self.left.store(left - fitting as u64, Ordering::Relaxed);
        if fitting < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}
