//! Whole files: which rows are used, which are refused and why, and what features come of them.

mod bed;
mod gff;
mod gtf;
mod properties;
mod vcf;

use std::path::PathBuf;

use crate::{
    AnnotationKind, Block, BlockKind, Feature, Genome, GenomeError, Hooks, Row, RowStatus, annotation::text::Content,
};

/// The reference of these tests: `chrA` of 200 bases, `ACGTACGT…`, and `chrM` of 16, in lower case.
pub(super) fn reference(folder: &tempfile::TempDir) -> Genome {
    let path = folder.path().join("ref.fa");
    std::fs::write(&path, format!(">chrA\n{}\n>chrM\n{}\n", "ACGT".repeat(50), "acgt".repeat(4))).expect("written");
    Genome::open(&path, &folder.path().join("cache")).expect("opened")
}

/// What a file holds, and its rows.
pub(super) struct Read {
    pub(super) content: Content,
    pub(super) rows: Vec<Row>,
}

impl Read {
    /// Lines with `ok` or the word of the refusal.
    pub(super) fn statuses<'a>(&'a self) -> Vec<(u64, &'a str)> {
        let status = |row: &'a Row| match &row.status {
            RowStatus::Ok => "ok",
            RowStatus::Refused { status, .. } => status.as_str(),
        };
        self.rows.iter().map(|row| (row.line, status(row))).collect()
    }

    /// Reason of the only row of a line.
    pub(super) fn reason(&self, line: u64) -> &str {
        let row = self.rows.iter().find(|row| row.line == line).expect("a row");
        match &row.status {
            RowStatus::Refused { reason, .. } => reason,
            RowStatus::Ok => panic!("line {line} is used"),
        }
    }

    pub(super) fn feature(&self, name: &str) -> &Feature {
        let mut features = self.content.features.iter().map(|(_, feature)| feature);
        features.find(|feature| feature.name == name).unwrap_or_else(|| panic!("there is no feature {name}"))
    }

    /// Names and kinds of all features, sorted.
    pub(super) fn names(&self) -> Vec<(&str, &str)> {
        let mut names: Vec<_> =
            self.content.features.iter().map(|(_, feature)| (feature.name.as_str(), feature.kind.as_str())).collect();
        names.sort_unstable();
        names
    }

    pub(super) fn warns_of(&self, words: &str) -> bool {
        self.content.warnings.iter().any(|warning| warning.contains(words))
    }
}

/// Reads a text; with the reference, if wanted.
pub(super) fn try_read(text: &str, kind: AnnotationKind, with_reference: bool) -> Result<Read, GenomeError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path: PathBuf = folder.path().join("file.txt");
    std::fs::write(&path, text).expect("written");
    let mut genome = with_reference.then(|| reference(&folder));
    let mut rows = Vec::new();
    let content = super::read(&path, kind, genome.as_mut(), &mut |row| rows.push(row), &mut Hooks::default())?;
    Ok(Read { content, rows })
}

pub(super) fn read(text: &str, kind: AnnotationKind) -> Read {
    try_read(text, kind, true).expect("a file that can be read")
}

pub(super) fn blocks(feature: &Feature) -> Vec<(u64, u64, BlockKind)> {
    feature.blocks.iter().map(|&Block { start_bp, end_bp, kind }| (start_bp, end_bp, kind)).collect()
}
