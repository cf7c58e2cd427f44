//! The text of a file from any place on.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
};

use super::{Packing, SourceFile, bgzf::BgzfText};
use crate::GenomeError;

/// Text that can be read at any place.
pub(crate) enum TextStore {
    /// A plain file: the user's, or an unpacked copy in the cache.
    File { file: BufReader<File>, position: Option<u64> },
    /// A BGZF file.
    Bgzf(BgzfText),
    /// The text of a small gzip file.
    Memory(Vec<u8>),
}

impl TextStore {
    /// The text of a plain or BGZF file; `None` for plain gzip, which has no random access.
    pub(crate) fn open(source: &SourceFile, packing: &Packing) -> Result<Option<Self>, GenomeError> {
        match packing {
            Packing::Plain => Ok(Some(Self::file(source.reopen()?))),
            Packing::Gzip => Ok(None),
            Packing::Bgzf(blocks) => {
                let text = BgzfText::new(source.reopen()?, blocks.clone());
                Ok(Some(Self::Bgzf(text.map_err(|error| GenomeError::reading(&source.path, error))?)))
            }
        }
    }

    pub(crate) fn file(file: File) -> Self {
        // No position is known yet, so that the first read seeks.
        Self::File { file: BufReader::with_capacity(1 << 16, file), position: None }
    }

    /// Fills `buffer` from the text at `offset`, or as much of it as there is text.
    pub(crate) fn fill_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File { file, position } => {
                // A step within the buffer costs no system call: checking an index takes many of them.
                match position.take().and_then(|position| offset.checked_signed_diff(position)) {
                    Some(step) => file.seek_relative(step)?,
                    None => drop(file.seek(SeekFrom::Start(offset))?),
                }
                let filled = fill(buffer, |part| file.read(part))?;
                *position = Some(offset + filled as u64);
                Ok(filled)
            }
            Self::Bgzf(text) => {
                if offset >= text.blocks().text_bytes {
                    return Ok(0);
                }
                text.go_to(offset)?;
                fill(buffer, |part| text.read(part))
            }
            Self::Memory(text) => {
                let start = usize::try_from(offset).map_or(text.len(), |offset| offset.min(text.len()));
                let count = buffer.len().min(text.len() - start);
                buffer[..count].copy_from_slice(&text[start..start + count]);
                Ok(count)
            }
        }
    }
}

fn fill(buffer: &mut [u8], mut read: impl FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
