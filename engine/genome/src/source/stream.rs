//! The text of a file from its start to its end, whatever it is packed in.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::{
    SourceFile,
    bgzf::{self, BgzfText, Blocks},
    gzip::GzipText,
};
use crate::{GenomeError, error::Place};

/// How the bytes on disk hold the text. Found from the content, never from the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Bgzf(Blocks),
}

impl Packing {
    /// Looks at the first bytes and, for BGZF, at every block header.
    pub(crate) fn of(source: &SourceFile) -> Result<Self, GenomeError> {
        let failed = |error| GenomeError::reading(&source.path, error);
        let mut start = Vec::new();
        (&source.file).seek(SeekFrom::Start(0)).map_err(failed)?;
        (&source.file).take(18).read_to_end(&mut start).map_err(failed)?;
        if !start.starts_with(&[0x1f, 0x8b]) {
            return Ok(Self::Plain);
        }
        if bgzf::is_block_header(&start) {
            let blocks = Blocks::list(&source.file, source.identity.size_bytes).map_err(failed)?;
            return Ok(blocks.map_or(Self::Gzip, Self::Bgzf));
        }
        Ok(Self::Gzip)
    }

    /// What is odd about the packing, one sentence each.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let no_end_marker = matches!(self, Self::Bgzf(blocks) if !blocks.has_end_marker);
        let sentence = "The BGZF file lacks its end marker (EOF block): it may have been truncated.";
        no_end_marker.then(|| sentence.to_owned()).into_iter().collect()
    }
}

/// Reads the text once, from its start to its end.
pub(crate) struct TextStream {
    path: PathBuf,
    text: Text,
}

enum Text {
    Plain { file: File, position: u64 },
    Gzip { text: GzipText, last_position: u64 },
    Bgzf(BgzfText),
}

impl TextStream {
    /// A stream with a file handle of its own.
    pub(crate) fn open(source: &SourceFile, packing: &Packing) -> Result<Self, GenomeError> {
        let file = source.reopen()?;
        let text = match packing {
            Packing::Plain => Text::Plain { file, position: 0 },
            Packing::Gzip => Text::Gzip { text: GzipText::new(file), last_position: 0 },
            Packing::Bgzf(blocks) => {
                let text = BgzfText::new(file, blocks.clone());
                Text::Bgzf(text.map_err(|error| GenomeError::reading(&source.path, error))?)
            }
        };
        Ok(Self { path: source.path.clone(), text })
    }

    /// Fills `buffer`, or as much of it as there is text left.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, GenomeError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(damaged(&self.path, Place::Byte(self.packed_position()), error)),
            }
        }
        Ok(filled)
    }

    /// Bytes of the file on disk used so far.
    pub(crate) fn packed_position(&self) -> u64 {
        match &self.text {
            Text::Plain { position, .. } => *position,
            Text::Gzip { last_position, .. } => *last_position,
            Text::Bgzf(text) => text.packed_position(),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.text {
            Text::Plain { file, position } => {
                let count = file.read(buffer)?;
                *position += count as u64;
                Ok(count)
            }
            Text::Gzip { text, last_position } => {
                let result = text.read(buffer);
                *last_position = text.packed_position().unwrap_or(*last_position);
                result
            }
            Text::Bgzf(text) => text.read(buffer),
        }
    }
}

/// What a failure to read or unpack at no known place means.
pub(crate) fn unpacking_error(path: &Path, error: io::Error) -> GenomeError {
    damaged(path, Place::Whole, error)
}

/// The disk's fault has a system error number, the file's has none.
fn damaged(path: &Path, place: Place, error: io::Error) -> GenomeError {
    if error.raw_os_error().is_some() || error.kind() == io::ErrorKind::OutOfMemory {
        return GenomeError::reading(path, error);
    }
    let text = error.to_string();
    let reason = if error.kind() == io::ErrorKind::UnexpectedEof {
        "the compressed data is truncated: the file ends too early".to_owned()
    } else if text.contains("checksum") {
        "the compressed data is corrupt: its CRC checksum does not fit".to_owned()
    } else if text.contains("trailing garbage") {
        format!("there is {text}")
    } else {
        format!("the compressed data is corrupt ({text})")
    };
    GenomeError::unusable(path, place, reason, "copy or download the file again")
}
