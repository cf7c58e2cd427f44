//! Which format values are in.

use std::{io::Read, path::Path};

use serde::{Deserialize, Serialize};

use super::{
    bbi::BbiKind,
    declaration::Declaration,
    settings::{begins_with_word, setting, settings},
};
use crate::{GenomeError, Hooks, annotation::Lines, source::SourceFile};

/// Lines of comments and settings that are looked through for something that tells.
const MOST_LINES: usize = 10_000;

/// A format of values along a genome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignalKind {
    /// Text, `contig start end value`.
    BedGraph,
    /// Text, values behind `fixedStep` or `variableStep`.
    Wig,
    /// Binary, with an index.
    BigWig,
}

impl SignalKind {
    /// Looks at the start of the file at `path`; `None` where it holds no values.
    ///
    /// A text file whose only sign is a number in its fourth column is bedGraph if it is called so
    /// (`.bedgraph`, `.bdg`, `.bg`, packed or not), and otherwise none: it may as well be BED.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn of(path: &Path) -> Result<Option<Self>, GenomeError> {
        match bbi_kind(path)? {
            Some(BbiKind::BigWig) => Ok(Some(Self::BigWig)),
            Some(BbiKind::BigBed) => Ok(None),
            None => Self::of_text(path),
        }
    }

    /// Its name as reports have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::BedGraph => "bedgraph",
            Self::Wig => "wig",
            Self::BigWig => "bigwig",
        }
    }

    fn of_text(path: &Path) -> Result<Option<Self>, GenomeError> {
        let named = Self::of_name(path);
        let mut lines = Lines::open(path)?;
        let mut hooks = Hooks::default();
        for _ in 0..MOST_LINES {
            let Some((_, line)) = lines.next(&mut hooks)? else { return Ok(named) };
            let line = line.trim_ascii();
            if line.contains(&0) {
                return Ok(None);
            }
            if Declaration::is_one(line) {
                return Ok(Some(Self::Wig));
            }
            if begins_with_word(line, "track") {
                let text = String::from_utf8_lossy(line);
                match setting(&settings(&text), "type").map(str::to_ascii_lowercase).as_deref() {
                    Some("bedgraph") => return Ok(Some(Self::BedGraph)),
                    Some("wiggle_0") => return Ok(Some(Self::Wig)),
                    Some(_) => return Ok(None),
                    None => {}
                }
            } else if !line.is_empty() && !line.starts_with(b"#") && !begins_with_word(line, "browser") {
                return Ok(named);
            }
        }
        Ok(named)
    }

    fn of_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
        let name = [".gz", ".bgz"].iter().find_map(|packed| name.strip_suffix(packed)).unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "bedgraph" | "bdg" | "bg" => Some(Self::BedGraph),
            "wig" | "wiggle" => Some(Self::Wig),
            _ => None,
        }
    }
}

/// What the first bytes of the file at `path` say.
pub(super) fn bbi_kind(path: &Path) -> Result<Option<BbiKind>, GenomeError> {
    let source = SourceFile::open(path)?;
    let mut start = Vec::new();
    let read = (&source.file).take(4).read_to_end(&mut start);
    read.map_err(|error| GenomeError::reading(path, error))?;
    Ok(BbiKind::of(&start).map(|(kind, _)| kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, bytes: &[u8]) -> Option<SignalKind> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        SignalKind::of(&path).expect("read")
    }

    #[test]
    fn content_goes_before_the_name() {
        assert_eq!(kind("a.bed", b"#x\ntrack type=bedGraph name=\"x\"\n"), Some(SignalKind::BedGraph), "track line");
        assert_eq!(kind("a.txt", b"browser hide\nfixedStep chrom=1 start=1 step=1\n"), Some(SignalKind::Wig), "wig");
        assert_eq!(
            kind("a.bdg", b"fixedStep chrom=1 start=1 step=1\n1\n"),
            Some(SignalKind::Wig),
            "in spite of its name"
        );
        assert_eq!(kind("a.wig", &[0x88, 0x8f, 0xfc, 0x26, 0]), Some(SignalKind::BigWig), "big-endian");
        assert_eq!(kind("a.bw", &[0xeb, 0xf2, 0x89, 0x87, 0]), None, "BigBed holds no values");
    }

    #[test]
    fn four_columns_are_bed_graph_only_where_the_name_says_so() {
        let rows = b"chr1\t0\t5\t1.5\n";
        assert_eq!(kind("a.bed", rows), None, "perhaps BED");
        assert_eq!(kind("a.bedGraph", rows), Some(SignalKind::BedGraph), "called so");
        assert_eq!(kind("a.bg.gz", rows), Some(SignalKind::BedGraph), "whether packed or not");
        assert_eq!(kind("a.bdg", b"track type=bed\nchr1\t0\t5\t1.5\n"), None, "its track line says BED");
        assert_eq!(kind("a.bdg", b"\0\0\n"), None, "no text");
    }
}
