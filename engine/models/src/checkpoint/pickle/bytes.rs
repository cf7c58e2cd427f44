//! The bytes of pickles, one behind the other.

use std::io::Read;

use crate::ModelError;

/// How many bytes of pickles are read; those of a state dictionary take some hundred for each tensor.
pub(crate) const MAX_PICKLE_BYTES: u64 = 64 << 20;

/// The bytes of pickles, one behind the other.
///
/// Nothing is reserved before it is sure that the file is long enough.
pub(crate) struct Bytes<'a> {
    stream: Box<dyn Read + 'a>,
    length: u64,
    origin: &'a str,
    entry: Option<&'a str>,
    at: u64,
}

impl<'a> Bytes<'a> {
    /// Bytes of a stream of this length; `origin` is the file, `entry` the part of it that the stream is.
    pub(crate) fn new(stream: impl Read + 'a, length: u64, origin: &'a str, entry: Option<&'a str>) -> Self {
        Self { stream: Box::new(stream), length, origin, entry, at: 0 }
    }

    /// How many bytes were read.
    pub(crate) fn position(&self) -> u64 {
        self.at
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: u64) -> Result<Vec<u8>, ModelError> {
        let mut bytes = vec![0; self.reserve(count)?];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        self.reserve(N as u64)?;
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn byte(&mut self) -> Result<u8, ModelError> {
        self.array().map(|[byte]| byte)
    }

    /// A line, without its end; bytes that are no text are replaced.
    pub(super) fn line(&mut self) -> Result<String, ModelError> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => return Ok(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned()),
                byte => line.push(byte),
            }
        }
    }

    /// Says what is wrong with the instruction at byte `at`.
    pub(crate) fn damaged(&self, at: u64, reason: &str) -> ModelError {
        ModelError::Damaged { origin: self.origin.to_owned(), reason: format!("{reason} ({})", self.place(at)) }
    }

    /// Says what is not read.
    pub(super) fn unread(&self, reason: String) -> ModelError {
        ModelError::Unread { origin: self.origin.to_owned(), reason }
    }

    /// Refuses what the instruction at byte `at` would import.
    pub(super) fn unsafe_import(&self, at: u64, import: String) -> ModelError {
        ModelError::Unsafe { origin: self.origin.to_owned(), place: self.place(at), import }
    }

    fn place(&self, at: u64) -> String {
        self.entry.map_or_else(|| format!("byte {at}"), |entry| format!("byte {at} of {entry}"))
    }

    /// `count`, where so many bytes may be read.
    fn reserve(&self, count: u64) -> Result<usize, ModelError> {
        let left = self.length.saturating_sub(self.at);
        if count > left {
            let reason = format!("its pickle is truncated: an instruction needs {count} more bytes, {left} are left");
            return Err(self.damaged(self.at, &reason));
        }
        if self.at + count > MAX_PICKLE_BYTES {
            return Err(self.unread(format!("its pickle takes more than {} MiB", MAX_PICKLE_BYTES >> 20)));
        }
        usize::try_from(count).map_err(|error| self.damaged(self.at, &error.to_string()))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ModelError> {
        self.stream
            .read_exact(bytes)
            .map_err(|error| self.damaged(self.at, &format!("reading its pickle: {error}")))?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}
