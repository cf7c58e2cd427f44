//! Formats of one row per line: BED, GFF3, GTF, VCF.
//!
//! A reader hands every data row to a listener, once (VCF: once per alternate allele), and what it makes of the rows
//! that can be used are features. What a row has too little of, it is refused for; what it has beside the point
//! (a score that is no number) is left out with a warning.

mod alleles;
mod assembly;
pub(super) mod attributes;
mod bed;
mod bed_blocks;
mod bed_shape;
mod blocks;
mod contigs;
mod fields;
mod gff;
mod links;
pub(super) mod naming;
mod node;
mod notices;
mod vcf;
mod vcf_header;

use std::{borrow::Cow, path::Path};

pub(super) use bed::Bed;
pub(super) use contigs::Contigs;
pub(super) use node::Landmark;
pub(super) use notices::Notices;
pub(super) use vcf::Vcf;

use crate::{Feature, Genome, GenomeError, Hooks, Row, annotation::Lines, error::Place};

use super::{AnnotationKind, kind::has_no_bytes};

/// A feature and the number of its contig.
pub(super) type Placed = (u32, Feature);

/// What a file holds, as far as it can be used.
pub(super) struct Content {
    pub(super) kind: AnnotationKind,
    /// Names of contigs, by number.
    pub(super) contigs: Vec<String>,
    /// In no order.
    pub(super) features: Vec<Placed>,
    /// Genes that are shown by their transcripts, for the search.
    pub(super) landmarks: Vec<Landmark>,
    pub(super) warnings: Vec<String>,
}

/// What readers of rows share.
pub(super) struct Setting<'a, 'g> {
    pub(super) path: &'a Path,
    pub(super) contigs: Contigs<'g>,
    pub(super) notices: Notices,
    /// Hears of every data row.
    pub(super) rows: &'a mut dyn FnMut(Row),
    pub(super) features: Vec<Placed>,
}

impl<'a, 'g> Setting<'a, 'g> {
    pub(super) fn new(path: &'a Path, contigs: Contigs<'g>, rows: &'a mut dyn FnMut(Row)) -> Self {
        Self { path, contigs, notices: Notices::default(), rows, features: Vec::new() }
    }
}

/// Whether the rest of a file is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    More,
    End,
}

/// A reader of rows.
pub(super) trait Format {
    /// Takes a line that is not blank.
    fn line(&mut self, number: u64, line: &str, setting: &mut Setting<'_, '_>) -> Result<Flow, GenomeError>;

    /// Makes features of what only the whole file tells.
    fn finish(self: Box<Self>, setting: &mut Setting<'_, '_>) -> Result<(AnnotationKind, Vec<Landmark>), GenomeError>;
}

/// Reads the file at `path` from end to end.
pub(super) fn read(
    path: &Path,
    kind: AnnotationKind,
    reference: Option<&mut Genome>,
    rows: &mut dyn FnMut(Row),
    hooks: &mut Hooks<'_>,
) -> Result<Content, GenomeError> {
    if kind == AnnotationKind::Bed && has_no_bytes(path) {
        let warnings = vec!["The file is empty (0 bytes): it has no rows.".to_owned()];
        return Ok(Content { kind, contigs: Vec::new(), features: Vec::new(), landmarks: Vec::new(), warnings });
    }
    let mut lines = Lines::open(path)?;
    let mut format: Box<dyn Format> = match kind {
        AnnotationKind::Bed => Box::new(Bed::new(path)),
        AnnotationKind::Gff3 | AnnotationKind::Gtf => Box::new(gff::Gff::new(kind)),
        AnnotationKind::Vcf => Box::new(Vcf::default()),
    };
    let mut setting = Setting::new(path, Contigs::new(reference), rows);
    let mut warnings = lines.warnings().to_vec();
    while let Some((number, bytes)) = lines.next(hooks)? {
        let text = text_of(number, bytes, &mut setting.notices);
        if !text.trim().is_empty() && format.line(number, &text, &mut setting)? == Flow::End {
            break;
        }
    }
    let (kind, landmarks) = format.finish(&mut setting)?;
    let Setting { contigs, mut notices, features, .. } = setting;
    let contigs = contigs.into_names(&mut notices);
    warnings.extend(notices.into_sentences());
    Ok(Content { kind, contigs, features, landmarks, warnings })
}

/// A line as text; letters in another encoding are shown as `�`.
pub(super) fn text_of<'a>(number: u64, bytes: &'a [u8], notices: &mut Notices) -> Cow<'a, str> {
    let bytes = if number == 1 { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes };
    let text = String::from_utf8_lossy(bytes);
    if matches!(text, Cow::Owned(_)) {
        notices.count("Letters that are not UTF-8 are shown as '\u{fffd}'", number, &text);
    }
    text
}

/// An error of the file at a line.
fn unusable_line(path: &Path, line: u64, reason: impl Into<String>, remedy: &str) -> GenomeError {
    GenomeError::unusable(path, Place::Line { line, record: None }, reason, remedy)
}

#[cfg(test)]
mod tests;
