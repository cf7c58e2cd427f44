//! Which annotation format a file is in.

use std::{
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{
    GenomeError,
    annotation::text::attributes::{Dialect, dialect_of},
    source::{Packing, SourceFile, TextStream},
};

/// A text format of annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AnnotationKind {
    /// BED with 3 to 12 columns of its own.
    Bed,
    /// GFF3.
    Gff3,
    /// GTF 2.2, and what Ensembl and GENCODE write under this name.
    Gtf,
    /// VCF 4.
    Vcf,
}

/// Bytes of text that tell what a file is.
const BEGIN_BYTES: usize = 1 << 16;

/// Bytes unpacked at once, so that of a damaged file something is seen.
const STEP_BYTES: usize = 1 << 10;

/// Rows that are looked at: the first ones may be damaged.
const ROWS: usize = 20;

impl AnnotationKind {
    /// The format of the file at `path`, from the first lines of its text, and from its name where they do not tell.
    ///
    /// Nothing for files of other kinds, among them bedGraph, wiggle and FASTA. A file of 0 bytes with the name of a
    /// BED file is one without rows: that is what programs write that found nothing.
    ///
    /// # Errors
    ///
    /// When the file is not there, cannot be read, or is empty and not BED.
    ///
    /// # Examples
    ///
    /// ```
    /// use strandscope_genome::AnnotationKind;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("genes.txt");
    /// std::fs::write(&path, "##gff-version 3\n")?;
    /// assert_eq!(AnnotationKind::of(&path)?, Some(AnnotationKind::Gff3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(path: &Path) -> Result<Option<Self>, GenomeError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if Self::of_name(&name) == Some(Self::Bed) && has_no_bytes(path) {
            return Ok(Some(Self::Bed));
        }
        let begin = begin(path)?;
        Ok(Self::of_text(&begin, &name))
    }

    /// The format of a text that begins with `begin`, in a file of this name (in lower case).
    fn of_text(begin: &[u8], name: &str) -> Option<Self> {
        let begin = begin.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begin);
        if begin.contains(&0) {
            return None;
        }
        let text = String::from_utf8_lossy(begin);
        let text = text.trim_start();
        if ["##fileformat=VCF", "#CHROM\tPOS"].iter().any(|start| text.starts_with(start)) {
            return Some(Self::Vcf);
        }
        // The letters that other formats begin with: FASTA, FASTQ, JSON, web pages, GenBank, EMBL.
        let is_other = [">", "@", "{", "<", "LOCUS ", "ID   "].iter().any(|start| text.starts_with(start));
        if is_other {
            return None;
        }
        let mut rows = 0;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if is_signal(line) {
                return None;
            }
            if line.starts_with('#') || line.starts_with("track") || line.starts_with("browser") {
                continue;
            }
            match Self::of_row(line, name) {
                // Below a line of names stands a table, and it may count from 1.
                Some(Sure(Some(Self::Bed))) if rows > 0 => break,
                Some(kind) => return kind.0,
                None => {}
            }
            rows += 1;
            if rows == ROWS {
                break;
            }
        }
        if text.starts_with("##gff-version") { Some(Self::Gff3) } else { Self::of_name(name) }
    }

    /// What a row shows; nothing where it could be of any format.
    fn of_row(line: &str, name: &str) -> Option<Sure> {
        let columns: Vec<&str> = line.split('\t').collect();
        let is_number = |index: usize| columns.get(index).is_some_and(|text| is_digits(text));
        let is_strand = |text: &str| matches!(text, "+" | "-" | "." | "?");
        if columns.len() == 9 && is_number(3) && is_number(4) && is_strand(columns[6]) {
            return Some(Sure(Some(match dialect_of(columns[8]) {
                Some(Dialect::Gtf) => Self::Gtf,
                _ => Self::Gff3,
            })));
        }
        if columns.len() < 3 || columns[0].is_empty() || !is_number(1) || !is_number(2) {
            return None;
        }
        let is_graph = columns.len() == 4 && columns[3].trim_end().parse::<f64>().is_ok();
        let is_named_bed = Self::of_name(name) == Some(Self::Bed);
        let is_table = [".tsv", ".csv", ".tsv.gz", ".csv.gz"].iter().any(|ending| name.ends_with(ending));
        Some(Sure((is_named_bed || !is_graph && !is_table).then_some(Self::Bed)))
    }

    /// What the name of a file (in lower case) promises.
    fn of_name(name: &str) -> Option<Self> {
        let name = [".gz", ".bgz", ".bgzf"].iter().find_map(|packed| name.strip_suffix(packed)).unwrap_or(name);
        match name.rsplit_once('.')?.1 {
            "vcf" => Some(Self::Vcf),
            "gff" | "gff2" | "gff3" => Some(Self::Gff3),
            "gtf" => Some(Self::Gtf),
            "narrowpeak" | "broadpeak" | "gappedpeak" => Some(Self::Bed),
            bed if bed.strip_prefix("bed").is_some_and(|columns| columns.bytes().all(|byte| byte.is_ascii_digit())) => {
                Some(Self::Bed)
            }
            _ => None,
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bed => "BED",
            Self::Gff3 => "GFF3",
            Self::Gtf => "GTF",
            Self::Vcf => "VCF",
        }
    }
}

/// What a row leaves no doubt of: one of our formats, or none of them.
struct Sure(Option<AnnotationKind>);

/// Whether a line belongs to bedGraph or wiggle.
fn is_signal(line: &str) -> bool {
    let is_track =
        line.starts_with("track") && ["type=bedGraph", "type=wiggle_0"].iter().any(|kind| line.contains(kind));
    is_track || line.starts_with("fixedStep") || line.starts_with("variableStep")
}

fn is_digits(text: &str) -> bool {
    let text = text.trim_end();
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a file is there and empty.
pub(super) fn has_no_bytes(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0)
}

/// The first bytes of the unpacked text; fewer where the file is damaged.
fn begin(path: &Path) -> Result<Vec<u8>, GenomeError> {
    let source = SourceFile::open(path)?;
    let mut magic = Vec::new();
    let failed = |error| GenomeError::reading(path, error);
    (&source.file).take(2).read_to_end(&mut magic).map_err(failed)?;
    (&source.file).seek(SeekFrom::Start(0)).map_err(failed)?;
    // BGZF is gzip too, and its blocks need not be listed for its begin.
    let packing = if magic == [0x1f, 0x8b] { Packing::Gzip } else { Packing::Plain };
    let mut stream = TextStream::open(&source, &packing)?;
    let mut text = Vec::new();
    while text.len() < BEGIN_BYTES {
        let kept = text.len();
        text.resize(kept + STEP_BYTES, 0);
        // What is damaged is reported by whoever reads it in earnest.
        let filled = stream.fill(&mut text[kept..]).unwrap_or(0);
        text.truncate(kept + filled);
        if filled < STEP_BYTES {
            break;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_tells_and_the_name_where_it_does_not() {
        use AnnotationKind::{Bed, Gff3, Gtf, Vcf};
        let gff_row = "chr1\tx\tgene\t1\t9\t.\t+\t.\t";
        for (text, name, want) in [
            ("##fileformat=VCFv4.2\n", "a.txt", Some(Vcf)),
            ("\u{feff}##fileformat=VCFv4.2\n", "a.txt", Some(Vcf)),
            ("chr1\t10\t.\tT\tA\t50\tPASS\t.\n", "a.vcf.gz", Some(Vcf)),
            ("##gff-version 3\n# nothing\n", "a.bed", Some(Gff3)),
            (&format!("{gff_row}ID=g1\n"), "a", Some(Gff3)),
            (&format!("{gff_row}gene_id \"g1\";\n"), "a.gff3", Some(Gtf)),
            (&format!("##gff-version 2\n{gff_row}gene_id \"g1\";\n"), "a.gff", Some(Gtf)),
            ("chr1\t5\t9\n", "a.txt", Some(Bed)),
            ("browser position chr1:1-9\ntrack name=x\n\nchr1\t5\t9\tn\t0\t+\r\n", "a", Some(Bed)),
            ("chr1\t1e2\t120\tx\nchr1\t10\t20\tf1\n", "a.bed", Some(Bed)),
            ("chr1\t5\t9\t0.5\n", "a.bedgraph", None),
            ("chr1\t5\t9\t7\n", "a.bed", Some(Bed)),
            ("track type=bedGraph\nchr1\t5\t9\t0.5\n", "a.bed", None),
            ("fixedStep chrom=chr1 start=1\n1\n", "a.bed", None),
            (">chr1\nACGT\n", "a.bed", None),
            ("{}", "a.bed", None),
            ("BAM\u{1}\0\0", "a.bed", None),
            ("chr1 10 20\n", "a.bed3", Some(Bed)),
            ("contig\tstart\tend\nchr1\t1\t9\n", "scores.txt", None),
            ("chr1\t1\t9\t+\n", "scores.tsv", None),
            ("", "x", None),
        ] {
            assert_eq!(AnnotationKind::of_text(text.as_bytes(), name), want, "{text:?} in {name}");
        }
    }

    #[test]
    fn a_damaged_file_is_taken_for_what_its_name_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cut.vcf.gz");
        std::fs::write(&path, [0x1f, 0x8b, 8, 0, 0]).expect("written");
        assert_eq!(AnnotationKind::of(&path).expect("read"), Some(AnnotationKind::Vcf), "by name");
    }
}
