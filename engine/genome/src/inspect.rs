//! What a sequence file holds, record by record.

use std::path::Path;

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use crate::{
    Contig, GenomeError, Hooks, SequenceFormat,
    fasta::Sink,
    genbank,
    index::{Index, beside},
    source::{Packing, SourceFile},
    twobit::TwoBitFile,
};

/// What a sequence file holds, in the form `inspect --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SequenceReport {
    /// The file as it was given.
    pub path: String,
    /// `fasta`, `twobit` or `genbank`.
    pub kind: String,
    /// The records in file order.
    pub records: Vec<SequenceRecord>,
    /// How many records there are.
    pub n_records: u64,
    /// Oddities that change no base, one sentence each.
    pub warnings: Vec<String>,
}

/// One record of a sequence file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SequenceRecord {
    /// Its name, as [`Contig`] has it.
    pub name: String,
    /// Letters of the sequence.
    pub length_bp: u64,
    /// MD5 of the upper-cased letters, lower-case hexadecimal, as in SAM `M5` and refget.
    pub md5: String,
    /// Share of G and C among A, C, G, T and U; nothing where there are none.
    pub gc: Option<f64>,
    /// Letters `N`.
    pub n_bp: u64,
    /// Lower-case letters.
    pub softmasked_bp: u64,
    /// Letters other than A, C, G and T.
    pub non_acgt_bp: u64,
    /// Whether its last base is followed by its first; told where it is so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_circular: bool,
}

/// Reads the whole file at `path` and says what it holds, in memory that does not grow with its sequences.
///
/// # Errors
///
/// Whatever [`crate::Genome::open`] refuses is refused here, with the same words.
///
/// # Examples
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("tiny.fa");
/// std::fs::write(&path, ">chr1 a small one\nACGTnn\n")?;
/// let report = strandscope_genome::inspect_sequences(&path, &mut Default::default())?;
/// assert_eq!((report.records[0].length_bp, report.records[0].n_bp), (6, 2));
/// assert_eq!(report.records[0].gc, Some(0.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn inspect_sequences(path: &Path, hooks: &mut Hooks<'_>) -> Result<SequenceReport, GenomeError> {
    let source = SourceFile::open(path)?;
    let packing = Packing::of(&source)?;
    let format = SequenceFormat::of_source(&source, &packing)?;
    let mut census = Census::default();
    let warnings = match format {
        SequenceFormat::Fasta => count_fasta(&source, &packing, &mut census, hooks)?,
        SequenceFormat::TwoBit => {
            let (mut file, contigs, warnings) = TwoBitFile::open(&source, &packing, hooks)?;
            file.read_all(path, &contigs, &mut census, hooks)?;
            warnings
        }
        SequenceFormat::GenBank => genbank::read_all(&source, &mut census, hooks)?,
    };
    source.check_unchanged()?;
    Ok(SequenceReport {
        path: path.to_string_lossy().into_owned(),
        kind: format.name().to_owned(),
        n_records: census.records.len() as u64,
        records: census.records,
        warnings,
    })
}

fn count_fasta(
    source: &SourceFile,
    packing: &Packing,
    census: &mut Census,
    hooks: &mut Hooks<'_>,
) -> Result<Vec<String>, GenomeError> {
    let index = Index::build(source, packing, census, hooks)?;
    let mut warnings = packing.warnings();
    if *packing != Packing::Gzip {
        warnings.extend(beside::compare(&source.path, &index));
    }
    warnings.extend(index.warnings);
    Ok(warnings)
}

/// Counts letters and digests sequences.
#[derive(Default)]
struct Census {
    records: Vec<SequenceRecord>,
    md5: Md5,
    upper: Vec<u8>,
    gc_bp: u64,
    at_bp: u64,
    uracil_bp: u64,
    n_bp: u64,
    softmasked_bp: u64,
}

impl Sink for Census {
    fn bases(&mut self, bases: &[u8]) {
        for part in bases.chunks(1 << 14) {
            self.upper.clear();
            self.upper.extend(part.iter().map(u8::to_ascii_uppercase));
            self.md5.update(&self.upper);
            self.gc_bp += count(&self.upper, |base| (base == b'G') | (base == b'C'));
            self.at_bp += count(&self.upper, |base| (base == b'A') | (base == b'T'));
            self.uracil_bp += count(&self.upper, |base| base == b'U');
            self.n_bp += count(&self.upper, |base| base == b'N');
            self.softmasked_bp += count(part, |base| base.is_ascii_lowercase());
        }
    }

    fn end(&mut self, contig: &Contig) {
        let digest = std::mem::take(&mut self.md5).finalize();
        let known_bp = self.gc_bp + self.at_bp + self.uracil_bp;
        self.records.push(SequenceRecord {
            name: contig.name.clone(),
            length_bp: contig.length_bp,
            md5: crate::digest::hex(&digest),
            gc: (known_bp > 0).then(|| self.gc_bp as f64 / known_bp as f64),
            n_bp: self.n_bp,
            softmasked_bp: self.softmasked_bp,
            non_acgt_bp: contig.length_bp - self.gc_bp - self.at_bp,
            is_circular: contig.is_circular,
        });
        let records = std::mem::take(&mut self.records);
        let upper = std::mem::take(&mut self.upper);
        *self = Self { records, upper, ..Self::default() };
    }
}

/// How many bytes of a short slice pass `test`, in code that becomes vector instructions.
fn count(bytes: &[u8], test: impl Fn(u8) -> bool) -> u64 {
    bytes.chunks(128).map(|chunk| u64::from(chunk.iter().map(|&byte| u8::from(test(byte))).sum::<u8>())).sum()
}
