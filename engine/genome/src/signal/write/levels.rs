//! Writing zoom levels, one after another.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use flate2::read::ZlibDecoder;

use super::{
    BigWigWriter, LARGEST_BLOCK_BYTES, Total,
    index::{Entry, block_index},
    zoom::{Gatherer, Stretch, reductions_bp},
};
use crate::OutputError;

/// Stretches of a block.
const STRETCHES_PER_BLOCK: usize = 512;

impl BigWigWriter {
    /// Each level is made of the one below, read again, so that none has to stay in memory.
    pub(super) fn write_zooms(&mut self) -> Result<Vec<(u32, u64, u64)>, OutputError> {
        let longest_bp = self.contigs.iter().map(|(_, length_bp)| *length_bp).max().unwrap_or(0);
        let lengths: Vec<u32> = self.contigs.iter().map(|(_, length_bp)| *length_bp).collect();
        let Total { items, covered_bp, reach_bp, .. } = self.total;
        let mut levels = Vec::new();
        let mut below = std::mem::take(&mut self.entries);
        let data = below.clone();
        if items > 0 {
            for reduction_bp in reductions_bp(items, covered_bp, reach_bp, longest_bp) {
                let data_at = self.position;
                below = self.write_zoom(reduction_bp, &below, levels.is_empty(), &lengths)?;
                let index_at = self.position;
                self.write(&block_index(index_at, &below))?;
                levels.push((reduction_bp, data_at, index_at));
            }
        }
        self.entries = data;
        Ok(levels)
    }

    fn write_zoom(
        &mut self,
        reduction_bp: u32,
        below: &[Entry],
        is_finest: bool,
        lengths: &[u32],
    ) -> Result<Vec<Entry>, OutputError> {
        let count_at = self.position;
        self.write(&[0; 4])?;
        let mut source = self.file.reread()?;
        let mut gatherer = Gatherer::new(reduction_bp);
        let mut level = Level::default();
        for entry in below {
            let block = read_block(&mut source, entry).map_err(|error| OutputError::io(&self.path, error))?;
            let out = |stretch| level.push(self, stretch);
            if is_finest {
                gatherer.add_section(&block, lengths, out)?;
            } else {
                gatherer.add_stretches(&block, lengths, out)?;
            }
        }
        if let Some(last) = gatherer.take_last() {
            level.push(self, last)?;
        }
        level.write_waiting(self)?;
        self.write_over(count_at, &u32::try_from(level.count).unwrap_or(u32::MAX).to_le_bytes())?;
        Ok(level.entries)
    }
}

/// A zoom level while it is written.
#[derive(Default)]
struct Level {
    waiting: Vec<Stretch>,
    entries: Vec<Entry>,
    count: u64,
}

impl Level {
    fn push(&mut self, writer: &mut BigWigWriter, stretch: Stretch) -> Result<(), OutputError> {
        let is_other_contig = self.waiting.last().is_some_and(|last| last.contig != stretch.contig);
        if is_other_contig || self.waiting.len() == STRETCHES_PER_BLOCK {
            self.write_waiting(writer)?;
        }
        self.waiting.push(stretch);
        self.count += 1;
        Ok(())
    }

    fn write_waiting(&mut self, writer: &mut BigWigWriter) -> Result<(), OutputError> {
        let (Some(first), Some(last)) = (self.waiting.first(), self.waiting.last()) else { return Ok(()) };
        let (start, end) = ((first.contig, first.start_bp), (last.contig, last.end_bp));
        let mut block = Vec::with_capacity(Stretch::BYTES * self.waiting.len());
        self.waiting.iter().for_each(|stretch| stretch.write(&mut block));
        self.waiting.clear();
        self.entries.push(writer.write_block(&block, start, end)?);
        Ok(())
    }
}

/// Reads again what has been written.
fn read_block(source: &mut File, entry: &Entry) -> io::Result<Vec<u8>> {
    source.seek(SeekFrom::Start(entry.offset))?;
    let mut block = Vec::with_capacity(LARGEST_BLOCK_BYTES);
    ZlibDecoder::new(source.take(entry.bytes)).read_to_end(&mut block)?;
    Ok(block)
}
