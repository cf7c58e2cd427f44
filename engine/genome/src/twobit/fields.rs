//! Numbers at places of a 2bit file.

use std::{io, path::Path};

use crate::{GenomeError, error::Place, source::TextStore};

/// Reads numbers in the byte order of the file, and never beyond its end.
pub(super) struct Fields {
    text: TextStore,
    size_bytes: u64,
    is_big_endian: bool,
}

impl Fields {
    pub(super) fn new(text: TextStore, size_bytes: u64, is_big_endian: bool) -> Self {
        Self { text, size_bytes, is_big_endian }
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Fills `buffer` from byte `at` on.
    pub(super) fn bytes(&mut self, path: &Path, at: u64, buffer: &mut [u8]) -> Result<(), GenomeError> {
        let failed = |error: io::Error| GenomeError::reading(path, error);
        if self.text.fill_at(at, buffer).map_err(failed)? < buffer.len() {
            return Err(truncated(path, at, self.size_bytes));
        }
        Ok(())
    }

    /// The number of 32 bits at byte `at`.
    pub(super) fn u32(&mut self, path: &Path, at: u64) -> Result<u32, GenomeError> {
        let mut bytes = [0; 4];
        self.bytes(path, at, &mut bytes)?;
        Ok(self.number(bytes))
    }

    /// The number of 64 bits at byte `at`.
    pub(super) fn u64(&mut self, path: &Path, at: u64) -> Result<u64, GenomeError> {
        let mut bytes = [0; 8];
        self.bytes(path, at, &mut bytes)?;
        Ok(if self.is_big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    /// `count` numbers of 32 bits from byte `at` on; callers ask for few at once.
    pub(super) fn u32s(&mut self, path: &Path, at: u64, count: usize) -> Result<Vec<u32>, GenomeError> {
        let mut bytes = vec![0; 4 * count];
        self.bytes(path, at, &mut bytes)?;
        let (numbers, _) = bytes.as_chunks::<4>();
        Ok(numbers.iter().map(|&bytes| self.number(bytes)).collect())
    }

    fn number(&self, bytes: [u8; 4]) -> u32 {
        if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }
}

/// Something should lie at byte `at`, and the file is over.
pub(super) fn truncated(path: &Path, at: u64, size_bytes: u64) -> GenomeError {
    let reason = format!("the 2bit file is truncated or damaged: something lies beyond its end at byte {size_bytes}");
    GenomeError::unusable(path, Place::Byte(at), reason, "download or make it again")
}
