//! Bases of a 2bit file.

use std::{io, path::Path};

use super::TwoBitFile;
use crate::{Contig, GenomeError, Hooks, fasta::Sink};

/// The four bases of each byte, the first in its highest bits.
const BASES: [[u8; 4]; 256] = bases();

const fn bases() -> [[u8; 4]; 256] {
    let letters = *b"TCAG";
    let mut table = [[0; 4]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [letters[byte >> 6], letters[byte >> 4 & 3], letters[byte >> 2 & 3], letters[byte & 3]];
        byte += 1;
    }
    table
}

/// Bases taken at once when all are read.
const PIECE_BP: u64 = 1 << 20;

impl TwoBitFile {
    /// The bases `start_bp..end_bp` of the contig with this number.
    pub(crate) fn read(
        &mut self,
        path: &Path,
        number: usize,
        start_bp: u64,
        end_bp: u64,
    ) -> Result<Vec<u8>, GenomeError> {
        let record = &self.records[number];
        if start_bp >= end_bp {
            return Ok(Vec::new());
        }
        let too_long = || GenomeError::reading(path, io::ErrorKind::OutOfMemory.into());
        let first = start_bp / 4;
        let packed_bytes = usize::try_from(end_bp.div_ceil(4) - first).map_err(|_| too_long())?;
        let mut packed = Vec::new();
        let mut bases = Vec::new();
        packed.try_reserve_exact(packed_bytes).map_err(|_| too_long())?;
        bases.try_reserve_exact(packed_bytes.saturating_mul(4)).map_err(|_| too_long())?;
        packed.resize(packed_bytes, 0);
        self.fields.bytes(path, record.packed + first, &mut packed)?;
        bases.extend(packed.iter().flat_map(|&byte| BASES[usize::from(byte)]));
        drop(packed);
        // Less than one byte's bases are too many at either end.
        bases.drain(..usize::try_from(start_bp - 4 * first).unwrap_or(0));
        bases.truncate(usize::try_from(end_bp - start_bp).map_err(|_| too_long())?);
        let place = |position_bp: u64| usize::try_from(position_bp - start_bp).unwrap_or(usize::MAX);
        let region = (start_bp, end_bp);
        record
            .unknown
            .within(&mut self.fields, path, region, |start, end| bases[place(start)..place(end)].fill(b'N'))?;
        record.masked.within(&mut self.fields, path, region, |start, end| {
            bases[place(start)..place(end)].make_ascii_lowercase();
        })?;
        Ok(bases)
    }

    /// Gives all bases of all `contigs`, which are those of this file, to `sink`.
    pub(crate) fn read_all(
        &mut self,
        path: &Path,
        contigs: &[Contig],
        sink: &mut dyn Sink,
        hooks: &mut Hooks<'_>,
    ) -> Result<(), GenomeError> {
        for (number, contig) in contigs.iter().enumerate() {
            let mut start_bp = 0;
            while start_bp < contig.length_bp {
                let end_bp = contig.length_bp.min(start_bp + PIECE_BP);
                sink.bases(&self.read(path, number, start_bp, end_bp)?);
                hooks.step(self.records[number].packed + end_bp / 4, self.fields.size_bytes())?;
                start_bp = end_bp;
            }
            sink.end(contig);
        }
        Ok(())
    }
}
