//! What a file of values or features holds.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{bigbed::BigBed, bins::Tally, names::Reference, track_file::Signal};
use crate::{GenomeError, Hooks, Row};

/// What a file of values or features holds, in the form `inspect --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalReport {
    /// The file as it was given.
    pub path: String,
    /// `bigwig`, `bedgraph`, `wig` or `bigbed`.
    pub kind: String,
    /// The contigs of the file.
    pub contigs: Vec<SignalContig>,
    /// How many contigs there are.
    pub n_contigs: u64,
    /// Features of a BigBed file.
    pub n_features: Option<u64>,
    /// Bases that have a value, or lie in a feature.
    pub covered_bp: u64,
    /// Smallest value; none for features, or where there is no value.
    pub min: Option<f32>,
    /// Largest value.
    pub max: Option<f32>,
    /// Mean over the covered bases.
    pub mean: Option<f32>,
    /// Oddities, one sentence each.
    pub warnings: Vec<String>,
    /// Rows of text that are left out: the first 10,000 of them.
    pub rows: Vec<Row>,
    /// How many rows are left out.
    pub n_refused: u64,
}

/// One contig of a file of values or features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalContig {
    /// Its name.
    pub name: String,
    /// Number of bases; in text without a reference, where the last value ends.
    pub length_bp: u64,
    /// Bases that have a value, or lie in a feature.
    pub covered_bp: u64,
    /// Smallest value.
    pub min: Option<f32>,
    /// Largest value.
    pub max: Option<f32>,
    /// Mean over the covered bases.
    pub mean: Option<f32>,
}

/// Reads the whole file at `path`, all its values, and says what it holds.
///
/// # Errors
///
/// As [`Signal::open`] and [`BigBed::open`]; also when any part of the file is damaged, or when asked to stop.
pub fn inspect_signal(
    path: &Path,
    reference: Option<Reference<'_>>,
    hooks: &mut Hooks<'_>,
) -> Result<SignalReport, GenomeError> {
    if BigBed::is_one(path)? {
        return inspect_bigbed(path, reference, hooks);
    }
    let mut signal = Signal::open(path, reference, hooks)?;
    let mut report = SignalReport::new(path, signal.kind().name());
    let mut total = Tally::default();
    for contig in signal.contigs().to_vec() {
        let tally = signal.tally(&contig.name, hooks)?;
        total.add(&tally);
        report.contigs.push(SignalContig::new(contig.name, contig.length_bp, &tally));
    }
    let whole = SignalContig::new(String::new(), 0, &total);
    (report.covered_bp, report.min, report.max, report.mean) = (whole.covered_bp, whole.min, whole.max, whole.mean);
    report.n_contigs = report.contigs.len() as u64;
    report.warnings = signal.warnings().to_vec();
    report.rows = signal.refused_rows().to_vec();
    report.n_refused = signal.refused_count();
    Ok(report)
}

fn inspect_bigbed(
    path: &Path,
    reference: Option<Reference<'_>>,
    hooks: &mut Hooks<'_>,
) -> Result<SignalReport, GenomeError> {
    let mut file = BigBed::open(path, reference)?;
    let mut report = SignalReport::new(path, "bigbed");
    let mut features = 0;
    for contig in file.contigs().to_vec() {
        let (count, covered_bp) = file.coverage(&contig.name, hooks)?;
        features += count;
        report.covered_bp += covered_bp;
        let contig = SignalContig::new(contig.name, contig.length_bp, &Tally::default());
        report.contigs.push(SignalContig { covered_bp, ..contig });
    }
    report.n_contigs = report.contigs.len() as u64;
    report.n_features = Some(features);
    report.warnings = file.warnings();
    Ok(report)
}

impl SignalReport {
    fn new(path: &Path, kind: &str) -> Self {
        Self {
            path: path.to_string_lossy().into_owned(),
            kind: kind.to_owned(),
            contigs: Vec::new(),
            n_contigs: 0,
            n_features: None,
            covered_bp: 0,
            min: None,
            max: None,
            mean: None,
            warnings: Vec::new(),
            rows: Vec::new(),
            n_refused: 0,
        }
    }
}

impl SignalContig {
    fn new(name: String, length_bp: u64, tally: &Tally) -> Self {
        let bin = tally.bin();
        let known = |value: f32| (bin.covered_bp > 0).then_some(value);
        let (min, max, mean) = (known(bin.min), known(bin.max), known(bin.mean));
        Self { name, length_bp, covered_bp: bin.covered_bp, min, max, mean }
    }
}
