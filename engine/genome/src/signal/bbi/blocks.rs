//! Blocks of data: read, and unpacked where they are packed.

use std::ops::ControlFlow;

use flate2::{Decompress, FlushDecompress, Status};

use super::{Bbi, BlockPlace, LARGEST_BLOCK_BYTES};
use crate::GenomeError;

/// Neighbouring blocks are read together up to this size.
const READ_TOGETHER_BYTES: usize = 1 << 20;
/// Blocks are unpacked to this size even where the head of the file promises less.
const SMALLEST_LIMIT_BYTES: usize = 1 << 20;

impl Bbi {
    /// Gives `visit` each block, unpacked, until it breaks off.
    pub(crate) fn each_block(
        &mut self,
        places: &[BlockPlace],
        mut visit: impl FnMut(&Self, &BlockPlace, &[u8]) -> Result<ControlFlow<()>, GenomeError>,
    ) -> Result<(), GenomeError> {
        let mut inflater = self.inflater();
        let mut rest = places;
        while let Some(first) = rest.first() {
            let (count, bytes) = run_of_neighbours(rest);
            let packed = self.read_at(first.offset, bytes)?;
            let mut from = 0;
            for place in &rest[..count] {
                let packed = &packed[from..from + place.packed_bytes];
                from += place.packed_bytes;
                let block = match &mut inflater {
                    Some(inflater) => inflater.inflate(packed).map_err(|reason| self.damaged(place.offset, reason))?,
                    None => packed,
                };
                if visit(self, place, block)?.is_break() {
                    return Ok(());
                }
            }
            rest = &rest[count..];
        }
        Ok(())
    }

    fn inflater(&self) -> Option<Inflater> {
        let promised = self.header.unpacked_bytes as usize;
        let limit = promised.clamp(SMALLEST_LIMIT_BYTES, LARGEST_BLOCK_BYTES);
        (promised > 0).then(|| Inflater { zlib: Decompress::new(true), text: Vec::new(), limit })
    }
}

/// How many blocks from the first on lie one behind the other, and their bytes together.
fn run_of_neighbours(places: &[BlockPlace]) -> (usize, usize) {
    let mut bytes = 0;
    let mut end = places.first().map_or(0, |place| place.offset);
    for (index, place) in places.iter().enumerate() {
        let is_next = place.offset == end && bytes + place.packed_bytes <= READ_TOGETHER_BYTES;
        if index > 0 && !is_next {
            return (index, bytes);
        }
        bytes += place.packed_bytes;
        end = place.offset.saturating_add(place.packed_bytes as u64);
    }
    (places.len(), bytes)
}

/// Unpacks blocks one after another into the same memory.
struct Inflater {
    zlib: Decompress,
    text: Vec<u8>,
    limit: usize,
}

impl Inflater {
    fn inflate(&mut self, packed: &[u8]) -> Result<&[u8], &'static str> {
        self.zlib.reset(true);
        self.text.clear();
        self.text.reserve((4 * packed.len()).clamp(1 << 12, self.limit));
        loop {
            let used = usize::try_from(self.zlib.total_in()).unwrap_or(packed.len()).min(packed.len());
            let before = (self.zlib.total_in(), self.zlib.total_out());
            let status = self.zlib.decompress_vec(&packed[used..], &mut self.text, FlushDecompress::None);
            match status {
                Ok(Status::StreamEnd) => return Ok(&self.text),
                Ok(_) if self.text.len() >= self.limit => return Err("a block of data is larger than it may be"),
                Ok(_) if self.text.len() == self.text.capacity() => {
                    let more = self.text.len().min(self.limit - self.text.len());
                    self.text.reserve_exact(more.max(1));
                }
                Ok(_) if before == (self.zlib.total_in(), self.zlib.total_out()) => {
                    return Err("a block of data is cut short");
                }
                Ok(_) => {}
                Err(_) => return Err("a block of data is damaged and cannot be unpacked"),
            }
        }
    }
}
