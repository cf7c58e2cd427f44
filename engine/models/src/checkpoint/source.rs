//! A file with tensors, or its bytes in memory, read at places.

use std::{
    fs::{self, File},
    io::{self, BufReader, Cursor, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::pickle::Bytes;
use crate::ModelError;

/// A file with tensors, or its bytes in memory.
pub(super) struct Source {
    stream: Box<dyn ReadSeek>,
    length: u64,
    name: String,
    path: Option<PathBuf>,
}

pub(super) trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, ModelError> {
        let (file, length) = open_file(path)?;
        let (name, path) = (path.display().to_string(), Some(path.to_owned()));
        Ok(Self { stream: Box::new(file), length, name, path })
    }

    pub(super) fn of_bytes(bytes: &'static [u8], name: &str) -> Self {
        let (stream, length) = (Box::new(Cursor::new(bytes)), bytes.len() as u64);
        Self { stream, length, name: name.to_owned(), path: None }
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// How messages name it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where it lies, unless it is in memory.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Fills `bytes` with what lies at byte `at`.
    pub(super) fn read_at(&mut self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.stream.seek(SeekFrom::Start(at))?;
        self.stream.read_exact(bytes)
    }

    /// The first bytes, fewer where the file is shorter.
    pub(super) fn beginning(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(count);
        self.stream.rewind()?;
        (&mut self.stream).take(count as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// All of it, to be read from anywhere.
    pub(super) fn stream(&mut self) -> BufReader<&mut dyn ReadSeek> {
        BufReader::new(&mut *self.stream)
    }

    /// All of it, to be read as pickles.
    pub(super) fn pickles(&mut self) -> Result<Bytes<'_>, ModelError> {
        self.stream.rewind().map_err(|error| self.failed(error))?;
        Ok(Bytes::new(BufReader::new(&mut self.stream), self.length, &self.name, None))
    }

    pub(super) fn damaged(&self, reason: impl Into<String>) -> ModelError {
        ModelError::Damaged { origin: self.name.clone(), reason: reason.into() }
    }

    pub(super) fn unread(&self, reason: impl Into<String>) -> ModelError {
        ModelError::Unread { origin: self.name.clone(), reason: reason.into() }
    }

    /// A read that failed.
    pub(super) fn failed(&self, source: io::Error) -> ModelError {
        let path = self.path.clone().unwrap_or_else(|| PathBuf::from(&self.name));
        ModelError::Io { action: "reading weights", path, remedy: "Check the disk", source }
    }
}

/// A weights file and its length. A pipe is refused, since it would be waited for without end.
pub(crate) fn open_file(path: &Path) -> Result<(File, u64), ModelError> {
    let failed =
        |source| ModelError::Io { action: "opening weights", path: path.to_owned(), remedy: "Check the path", source };
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(io::Error::other("it is no regular file")));
    }
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    Ok((file, length))
}
