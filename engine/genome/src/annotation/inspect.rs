//! What an annotation file holds, row by row.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{AnnotationKind, opened::kind_of, text};
use crate::{Genome, GenomeError, Hooks, Row, RowStatus};

/// What a BED, GFF3, GTF or VCF file holds, in the form `inspect --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnnotationReport {
    /// The file as it was given.
    pub path: String,
    /// `bed`, `gff` or `vcf`.
    pub kind: String,
    /// The format as people call it: `BED`, `GFF3`, `GTF`, `VCF`.
    pub format: String,
    /// Every data row once, a variant once for each alternate allele, in the order of the file.
    pub rows: Vec<ReportedRow>,
    /// How many there are.
    pub n_rows: u64,
    /// How many of them cannot be used.
    pub n_refused: u64,
    /// How many features the others make.
    pub n_features: u64,
    /// What is odd about the file as a whole, one sentence each.
    pub warnings: Vec<String>,
}

/// A row with the numbers of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedRow {
    /// Line of the unpacked text, counted from 1.
    pub line: u64,
    /// Name of the contig as the file has it.
    pub chrom: String,
    /// Position of a variant, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pos: Option<u64>,
    /// Start as the format counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    /// End as the format counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// The reference bases that a variant names.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// One of its alternate alleles.
    #[serde(rename = "alt", skip_serializing_if = "Option::is_none")]
    pub alternate: Option<String>,
    /// `ok`, or a word that says why it cannot be used.
    pub status: String,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the user can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The row as it stands in the file, where it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl ReportedRow {
    fn new(row: Row, kind: AnnotationKind) -> Self {
        let is_variant = kind == AnnotationKind::Vcf;
        let mut reported = Self {
            line: row.line,
            chrom: row.contig,
            pos: row.start.filter(|_| is_variant),
            start: row.start.filter(|_| !is_variant),
            end: row.end,
            reference: row.reference,
            alternate: row.alternate,
            status: "ok".to_owned(),
            ..Self::default()
        };
        if let RowStatus::Refused { status, reason, remedy } = row.status {
            (reported.status, reported.reason, reported.remedy) = (status, Some(reason), Some(remedy));
            reported.text = Some(row.text);
        }
        reported
    }
}

/// Reads the whole file at `path` and says of each row whether it can be used, on `reference` where there is one.
///
/// # Errors
///
/// As [`crate::Annotation::open`].
///
/// # Examples
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("sites.bed");
/// std::fs::write(&path, "chr1\t10\t20\nchr1\t20\t10\n")?;
/// let report = strandscope_genome::inspect_annotation(&path, None, &mut Default::default())?;
/// assert_eq!(report.rows[0].status, "ok");
/// assert_eq!(report.rows[1].reason.as_deref(), Some("its end 10 lies before its start 20"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn inspect_annotation(
    path: &Path,
    reference: Option<&mut Genome>,
    hooks: &mut Hooks<'_>,
) -> Result<AnnotationReport, GenomeError> {
    let kind = kind_of(path)?;
    let mut rows = Vec::new();
    let content = text::read(path, kind, reference, &mut |row| rows.push(ReportedRow::new(row, kind)), hooks)?;
    let word = match content.kind {
        AnnotationKind::Bed => "bed",
        AnnotationKind::Gff3 | AnnotationKind::Gtf => "gff",
        AnnotationKind::Vcf => "vcf",
    };
    Ok(AnnotationReport {
        path: path.to_string_lossy().into_owned(),
        kind: word.to_owned(),
        format: content.kind.name().to_owned(),
        n_rows: rows.len() as u64,
        n_refused: rows.iter().filter(|row| row.reason.is_some()).count() as u64,
        n_features: content.features.len() as u64,
        rows,
        warnings: content.warnings,
    })
}
