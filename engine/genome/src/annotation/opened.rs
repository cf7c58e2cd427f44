//! An annotation file in memory.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use super::{
    AnnotationKind,
    names::NameIndex,
    sorted::Sorted,
    text::{self, Landmark},
};
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
    contigs: Vec<String>,
    number_of_contig: HashMap<String, usize>,
    pub(super) by_contig: Vec<Sorted>,
    pub(super) landmarks: Vec<Landmark>,
    pub(super) names: NameIndex,
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
        let number_of_contig = content.contigs.iter().cloned().zip(0..).collect();
        let mut by_contig: Vec<Vec<Feature>> = content.contigs.iter().map(|_| Vec::new()).collect();
        for (contig, feature) in content.features {
            if let Some(features) = usize::try_from(contig).ok().and_then(|contig| by_contig.get_mut(contig)) {
                features.push(feature);
            }
        }
        let mut annotation = Self {
            path: path.to_owned(),
            kind: content.kind,
            contigs: content.contigs,
            number_of_contig,
            by_contig: by_contig.into_iter().map(Sorted::new).collect(),
            landmarks: content.landmarks,
            names: NameIndex::default(),
            rows,
            refused,
            refused_count,
            warnings: content.warnings,
        };
        annotation.names = NameIndex::new(annotation.name_entries());
        Ok(annotation)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its format.
    pub fn kind(&self) -> AnnotationKind {
        self.kind
    }

    /// Contigs that rows lie on, by the names that features are asked for with, in the order of the file.
    pub fn contigs(&self) -> &[String] {
        &self.contigs
    }

    /// Number of features of all contigs.
    pub fn len(&self) -> usize {
        self.by_contig.iter().map(|sorted| sorted.features().len()).sum()
    }

    /// Whether there is not a single feature.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

    /// All features of a contig, by start.
    pub fn all(&self, contig: &str) -> &[Feature] {
        self.sorted(contig).map_or(&[], Sorted::features)
    }

    /// The features with a base in `start_bp..end_bp`, by start; those without bases also where they touch its ends.
    pub fn features(&self, contig: &str, start_bp: u64, end_bp: u64) -> impl Iterator<Item = &Feature> {
        self.sorted(contig).into_iter().flat_map(move |sorted| sorted.overlapping(start_bp, end_bp))
    }

    /// The first feature that begins after `bp`.
    pub fn next_after(&self, contig: &str, bp: u64) -> Option<&Feature> {
        self.sorted(contig)?.next_after(bp)
    }

    /// The last feature that begins before `bp`.
    pub fn previous_before(&self, contig: &str, bp: u64) -> Option<&Feature> {
        self.sorted(contig)?.previous_before(bp)
    }

    /// How many features have a base in each of `bins` equal parts of `start_bp..end_bp`.
    pub fn density(&self, contig: &str, start_bp: u64, end_bp: u64, bins: usize) -> Vec<u32> {
        self.sorted(contig).map_or_else(|| vec![0; bins], |sorted| sorted.density(start_bp, end_bp, bins))
    }

    /// Bases of the longest feature of a contig.
    pub fn longest_bp(&self, contig: &str) -> u64 {
        self.sorted(contig).map_or(0, Sorted::longest_bp)
    }

    fn sorted(&self, contig: &str) -> Option<&Sorted> {
        self.by_contig.get(*self.number_of_contig.get(contig)?)
    }

    pub(super) fn contig_name(&self, number: u32) -> Option<&str> {
        self.contigs.get(usize::try_from(number).ok()?).map(String::as_str)
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
