//! What a file would become if it were opened.

use std::path::{Path, PathBuf};

use strandscope_genome::{AnnotationKind, BigBed, GenomeError, SequenceFormat, SignalKind};
use strandscope_models::checkpoint::is_checkpoint;

use crate::{FileRole, TrackKind};

/// What each of the files is, by its content; what cannot be read is left to whoever opens it, who says why.
pub(crate) fn recognise(paths: Vec<PathBuf>) -> Vec<(PathBuf, FileRole)> {
    paths
        .into_iter()
        .map(|path| {
            let role = role_of(&path).unwrap_or(FileRole::Unknown);
            (path, role)
        })
        .collect()
}

fn role_of(path: &Path) -> Result<FileRole, GenomeError> {
    if path.is_dir() || is_checkpoint(path) {
        return Ok(FileRole::Model);
    }
    if BigBed::is_one(path)? {
        return Ok(FileRole::Track(TrackKind::BigBed));
    }
    if let Some(kind) = SignalKind::of(path)? {
        return Ok(FileRole::Track(match kind {
            SignalKind::BedGraph => TrackKind::BedGraph,
            SignalKind::Wig => TrackKind::Wig,
            SignalKind::BigWig => TrackKind::BigWig,
        }));
    }
    if is_table_of_names(path) {
        return Ok(FileRole::Aliases);
    }
    if let Some(kind) = AnnotationKind::of(path)? {
        return Ok(FileRole::Track(match kind {
            AnnotationKind::Bed => TrackKind::Bed,
            AnnotationKind::Gff3 => TrackKind::Gff3,
            AnnotationKind::Gtf => TrackKind::Gtf,
            AnnotationKind::Vcf => TrackKind::Vcf,
        }));
    }
    Ok(match SequenceFormat::of(path)? {
        SequenceFormat::GenBank => FileRole::GenomeWithFeatures,
        _ => FileRole::Genome,
    })
}

/// Tables of names have no format of their own: they go by their names, as UCSC gives them.
fn is_table_of_names(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.contains("alias") && [".txt", ".tsv"].iter().any(|ending| name.trim_end_matches(".gz").ends_with(ending))
}
