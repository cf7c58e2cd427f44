//! The text of a FASTA file with the places of its bases.

use std::path::Path;

use crate::{
    GenomeError,
    error::{Place, shown},
    fasta::{Layout, why_foreign},
    index::beside,
    opening::Origin,
    reading::{Misfit, bases_at},
    source::{TextStore, unpacking_error},
};

/// Text, and where the bases of each contig lie in it.
pub(crate) struct FastaText {
    pub(crate) store: TextStore,
    pub(crate) layouts: Vec<Layout>,
    pub(crate) origin: Origin,
}

impl FastaText {
    /// The bases `start_bp..end_bp` of the contig with this number, whose name is for messages.
    pub(crate) fn read(
        &mut self,
        path: &Path,
        (number, contig): (usize, &str),
        start_bp: u64,
        end_bp: u64,
    ) -> Result<Vec<u8>, GenomeError> {
        let bases = bases_at(&mut self.store, &self.layouts[number], start_bp, end_bp);
        let bases = bases.map_err(|error| unpacking_error(path, error))?;
        bases.map_err(|misfit| self.misfit(path, misfit, contig))
    }

    /// The index promised bases that are not there.
    fn misfit(&self, path: &Path, misfit: Misfit, contig: &str) -> GenomeError {
        let place = Place::Record(contig.to_owned());
        match (misfit, &self.origin) {
            (Misfit::Foreign { byte, position_bp }, _) => {
                let (reason, remedy) = why_foreign(byte);
                GenomeError::unusable(path, place, format!("{reason} (at position {})", position_bp + 1), remedy)
            }
            (Misfit::Lines, Origin::Beside) => {
                let reason =
                    format!("the index {} does not fit it: lines have another length", shown(&beside::fai_path(path)));
                GenomeError::unusable(path, place, reason, "make the index anew with samtools faidx, or delete it")
            }
            (Misfit::Lines, Origin::Kept(index)) => {
                // The next opening builds another one.
                if let Err(error) = std::fs::remove_file(index) {
                    tracing::warn!(path = %index.display(), %error, "a stale index could not be removed");
                }
                GenomeError::Changed { path: path.to_owned(), place }
            }
            (Misfit::Lines, Origin::Scanned) => GenomeError::Changed { path: path.to_owned(), place },
        }
    }
}
