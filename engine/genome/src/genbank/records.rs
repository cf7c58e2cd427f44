//! The sequences of a GenBank file, in memory.

use super::reader::{Reader, Wants};
use crate::{Contig, GenomeError, Hooks, error::Place, fasta::Sink, source::SourceFile};

/// The bases of each record.
pub(crate) struct GenBankRecords {
    bases: Vec<Vec<u8>>,
}

impl GenBankRecords {
    /// Reads all sequences, with their contigs and what is odd about them.
    pub(crate) fn open(
        source: &SourceFile,
        hooks: &mut Hooks<'_>,
    ) -> Result<(Self, Vec<Contig>, Vec<String>), GenomeError> {
        let mut reader = Reader::open(&source.path, Wants::Bases)?;
        let (mut bases, mut contigs) = (Vec::new(), Vec::new());
        while let Some(mut record) = reader.next(hooks)? {
            record.bases.shrink_to_fit();
            bases.push(record.bases);
            contigs.push(record.contig);
        }
        source.check_unchanged()?;
        check_any(source, &contigs)?;
        Ok((Self { bases }, contigs, reader.into_warnings()))
    }

    /// The bases `start_bp..end_bp` of the contig with this number; callers keep within it.
    pub(crate) fn bases(&self, number: usize, start_bp: u64, end_bp: u64) -> Vec<u8> {
        let bases = &self.bases[number];
        let place = |position_bp: u64| usize::try_from(position_bp).map_or(bases.len(), |place| place.min(bases.len()));
        bases[place(start_bp)..place(end_bp)].to_vec()
    }
}

/// Gives all bases of all records to `sink`, and says what is odd about them.
pub(crate) fn read_all(
    source: &SourceFile,
    sink: &mut dyn Sink,
    hooks: &mut Hooks<'_>,
) -> Result<Vec<String>, GenomeError> {
    let mut reader = Reader::open(&source.path, Wants::Bases)?;
    let mut contigs = Vec::new();
    while let Some(record) = reader.next(hooks)? {
        sink.bases(&record.bases);
        sink.end(&record.contig);
        contigs.push(record.contig);
    }
    check_any(source, &contigs)?;
    Ok(reader.into_warnings())
}

fn check_any(source: &SourceFile, contigs: &[Contig]) -> Result<(), GenomeError> {
    let reason = match contigs {
        [] => "it holds no record",
        contigs if contigs.iter().all(|contig| contig.length_bp == 0) => "every record is empty (0 bp)",
        _ => return Ok(()),
    };
    let remedy = "check that the export or download is complete";
    Err(GenomeError::unusable(&source.path, Place::Whole, reason, remedy))
}
