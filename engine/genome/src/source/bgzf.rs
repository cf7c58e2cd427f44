//! BGZF: gzip in blocks of at most 64 KiB, so that any place can be reached.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
};

use noodles::bgzf::{self, VirtualPosition};
use serde::{Deserialize, Serialize};

/// Where a block begins, in the file and in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Block {
    pub(crate) packed: u64,
    pub(crate) text: u64,
}

/// The blocks of a BGZF file, found by hopping from header to header without unpacking.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Blocks {
    pub(crate) blocks: Vec<Block>,
    pub(crate) text_bytes: u64,
    /// Whether the last block is the empty one that says: this is the end.
    pub(crate) has_end_marker: bool,
}

const HEADER_BYTES: usize = 18;
const TRAILER_BYTES: u64 = 8;

/// Whether a gzip header is that of a BGZF block as `bgzip` writes it.
pub(crate) fn is_block_header(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER_BYTES
        && bytes.starts_with(&[0x1f, 0x8b, 0x08, 0x04])
        && bytes[10..16] == [6, 0, b'B', b'C', 2, 0]
}

impl Blocks {
    /// Lists the blocks of `file`; `None` if it does not consist of whole BGZF blocks from end to end.
    ///
    /// This makes a `.gzi` needless: a wrong one beside the file cannot do harm.
    pub(crate) fn list(file: &File, size_bytes: u64) -> io::Result<Option<Self>> {
        let mut reader = BufReader::with_capacity(1 << 16, file);
        reader.seek(SeekFrom::Start(0))?;
        let mut listed = Self::default();
        let mut packed = 0;
        while packed < size_bytes {
            let mut header = [0; HEADER_BYTES];
            if size_bytes - packed < HEADER_BYTES as u64 + TRAILER_BYTES {
                return Ok(None);
            }
            reader.read_exact(&mut header)?;
            let block_bytes = u64::from(u16::from_le_bytes([header[16], header[17]])) + 1;
            if !is_block_header(&header)
                || block_bytes < HEADER_BYTES as u64 + TRAILER_BYTES
                || block_bytes > size_bytes - packed
            {
                return Ok(None);
            }
            let mut text_bytes = [0; 4];
            let skip = block_bytes - HEADER_BYTES as u64 - 4;
            reader.seek_relative(i64::try_from(skip).unwrap_or(i64::MAX))?;
            reader.read_exact(&mut text_bytes)?;
            let text_bytes = u64::from(u32::from_le_bytes(text_bytes));
            listed.has_end_marker = text_bytes == 0;
            if text_bytes > 0 {
                listed.blocks.push(Block { packed, text: listed.text_bytes });
            }
            listed.text_bytes += text_bytes;
            packed += block_bytes;
        }
        Ok(Some(listed))
    }
}

/// The text of a BGZF file, from any place on.
pub(crate) struct BgzfText {
    reader: bgzf::io::Reader<BufReader<File>>,
    blocks: Blocks,
    /// Place in the text that the next `read` continues from; `None` after a failure.
    at: Option<u64>,
}

impl BgzfText {
    /// Begins at the start of the text.
    pub(crate) fn new(mut file: File, blocks: Blocks) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        Ok(Self { reader: bgzf::io::Reader::new(BufReader::with_capacity(1 << 17, file)), blocks, at: Some(0) })
    }

    pub(crate) fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Bytes of the packed file used so far.
    pub(crate) fn packed_position(&self) -> u64 {
        self.reader.position()
    }

    /// The next bytes of the text; 0 at its end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let at = self.at.take();
        let count = self.reader.read(buffer)?;
        self.at = at.map(|at| at + count as u64);
        Ok(count)
    }

    /// Goes to `text` bytes from the start of the text.
    pub(crate) fn go_to(&mut self, text: u64) -> io::Result<()> {
        /// A shorter way is read over: a seek unpacks a block even if it is the present one.
        const NEAR_BYTES: u64 = 1 << 16;
        if self.at.is_some_and(|at| (at..at + NEAR_BYTES).contains(&text)) {
            return self.skip_to(text);
        }
        let index = self.blocks.blocks.partition_point(|block| block.text <= text);
        let Some(block) = index.checked_sub(1).and_then(|index| self.blocks.blocks.get(index)) else {
            return Ok(());
        };
        let within = u16::try_from(text - block.text).unwrap_or(u16::MAX);
        let position = VirtualPosition::try_from((block.packed, within))
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.at = None;
        self.reader.seek(position)?;
        self.at = Some(block.text + u64::from(within));
        Ok(())
    }

    fn skip_to(&mut self, text: u64) -> io::Result<()> {
        let mut skipped = [0; 1 << 12];
        while let Some(way) = self.at.and_then(|at| text.checked_sub(at)).filter(|&way| way > 0) {
            let want = usize::try_from(way).map_or(skipped.len(), |way| way.min(skipped.len()));
            if self.read(&mut skipped[..want])? == 0 {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(parts: &[&[u8]]) -> (tempfile::NamedTempFile, u64) {
        let mut bytes = Vec::new();
        for part in parts {
            let mut writer = bgzf::io::Writer::new(Vec::new());
            writer.write_all(part).unwrap();
            bytes.extend(writer.finish().unwrap());
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        (file, bytes.len() as u64)
    }

    #[test]
    fn any_place_is_reached_across_blocks_and_markers() {
        let text: Vec<u8> = (0..200_000_u32).map(|index| b"ACGT"[(index % 7 % 4) as usize]).collect();
        let (file, size) = packed(&[&text[..70_000], &text[70_000..]]);
        let blocks = Blocks::list(file.as_file(), size).unwrap().unwrap();
        assert_eq!(blocks.text_bytes, 200_000);
        assert!(blocks.has_end_marker, "the writer ends with the marker");
        let mut reader = BgzfText::new(file.reopen().unwrap(), blocks).unwrap();
        for start in [0_usize, 69_999, 70_000, 5, 65_279, 65_280, 65_281, 199_999, 130_000, 130_050, 135_000] {
            reader.go_to(start as u64).unwrap();
            let mut got = [0; 1];
            assert_eq!(reader.read(&mut got).unwrap(), 1, "at {start}");
            assert_eq!(got[0], text[start], "at {start}");
        }
    }

    #[test]
    fn a_cut_file_is_no_list_of_whole_blocks() {
        let (file, size) = packed(&[b"ACGT"]);
        assert!(Blocks::list(file.as_file(), size - 1).unwrap().is_none(), "one byte is missing");
    }
}
