//! An annotation file in memory.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
};

use super::{AnnotationKind, FeatureIndex, text};
use crate::{Feature, Genome, GenomeError, Hooks, Row, RowStatus, error::Place};

/// Refused rows that are kept; the others are counted.
const MOST_REFUSED: usize = 1_000;

/// All features of a file, found by place and by name.
///
/// # Examples
///
/// ```
/// use strandscope_genome::{Annotation, Hooks};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("sites.bed");
/// std::fs::write(&path, "chr1\t10\t20\tfirst\nchr1\t15\t40\tsecond\nchr1\tten\t20\n")?;
/// let annotation = Annotation::open(&path, None, &mut Hooks::default())?;
/// let names: Vec<&str> = annotation.features("chr1", 18, 19).map(|feature| feature.name.as_str()).collect();
/// assert_eq!(names, ["first", "second"]);
/// assert_eq!(annotation.refused_count(), 1);
/// assert_eq!(annotation.find("SEC", 10)[0].start_bp, 15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Annotation {
    path: PathBuf,
    kind: AnnotationKind,
    index: FeatureIndex,
    rows: u64,
    refused: Vec<Row>,
    refused_count: u64,
    warnings: Vec<String>,
}

impl Annotation {
    /// Reads the BED, GFF3, GTF or VCF file at `path` (plain, gzip or BGZF) as a whole.
    ///
    /// With a reference, contigs have its names, positions must lie on them, and REF of a VCF file must be its bases.
    /// A row that cannot be used is kept among [`Annotation::refused`], and the rest is read.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or unpacked, is in another format, is VCF without a header, or the caller asks to
    /// stop.
    pub fn open(path: &Path, reference: Option<&mut Genome>, hooks: &mut Hooks<'_>) -> Result<Self, GenomeError> {
        let kind = kind_of(path)?;
        let mut rows = 0;
        let mut refused = Vec::new();
        let mut refused_count = 0;
        let mut listen = |row: Row| {
            rows += 1;
            if row.status != RowStatus::Ok {
                refused_count += 1;
                if refused.len() < MOST_REFUSED {
                    refused.push(row);
                }
            }
        };
        let content = text::read(path, kind, reference, &mut listen, hooks)?;
        let mut by_contig: Vec<Vec<Feature>> = content.contigs.iter().map(|_| Vec::new()).collect();
        for (contig, feature) in content.features {
            if let Some(features) = usize::try_from(contig).ok().and_then(|contig| by_contig.get_mut(contig)) {
                features.push(feature);
            }
        }
        Ok(Self {
            path: path.to_owned(),
            kind: content.kind,
            index: FeatureIndex::with_landmarks(content.contigs, by_contig, content.landmarks),
            rows,
            refused,
            refused_count,
            warnings: content.warnings,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its format.
    pub fn kind(&self) -> AnnotationKind {
        self.kind
    }

    /// Number of data rows; a variant counts once for each alternate allele.
    pub fn row_count(&self) -> u64 {
        self.rows
    }

    /// The first 1,000 rows that cannot be used.
    pub fn refused(&self) -> &[Row] {
        &self.refused
    }

    /// Number of rows that cannot be used.
    pub fn refused_count(&self) -> u64 {
        self.refused_count
    }

    /// What is odd about the file as a whole, one sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Its features alone.
    pub fn into_index(self) -> FeatureIndex {
        self.index
    }
}

impl Deref for Annotation {
    type Target = FeatureIndex;

    fn deref(&self) -> &FeatureIndex {
        &self.index
    }
}

/// The format of a file that should be one of ours.
pub(super) fn kind_of(path: &Path) -> Result<AnnotationKind, GenomeError> {
    let refused = || {
        let reason = "it does not look like BED, GFF3, GTF or VCF";
        GenomeError::unusable(path, Place::Whole, reason, "give a file in one of these formats")
    };
    AnnotationKind::of(path)?.ok_or_else(refused)
}

#[cfg(test)]
#[path = "opened_tests.rs"]
mod tests;
