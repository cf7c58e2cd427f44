//! What can go wrong with a sequence file, in words that help.

use std::{
    borrow::Cow,
    fmt, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// Why a file could not be opened, read or indexed.
///
/// Each message is one sentence with the file, the place in it, the reason and what to do.
#[derive(Debug, Error)]
pub enum GenomeError {
    /// The file is not there, is no file, or holds something that cannot be used.
    #[error("cannot read {}{place}: {reason}; {remedy}", shown(path))]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        place: Place,
        /// What is wrong.
        reason: String,
        /// What the user can do.
        remedy: String,
    },
    /// No record has this name.
    #[error("cannot find contig '{}' in {}: no record has this name; {remedy}", shortened(contig), shown(path))]
    NoSuchContig {
        /// The file.
        path: PathBuf,
        /// The name that was asked for.
        contig: String,
        /// What the user can do.
        remedy: String,
    },
    /// The region reaches past the end of its contig, or is upside down.
    #[error(
        "cannot read region {region} of {}: contig '{}' has {length_bp} bases; ask for positions 1 to {length_bp}",
        shown(path),
        shortened(&region.contig)
    )]
    OutsideContig {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        region: crate::Region,
        /// Bases of the contig.
        length_bp: u64,
    },
    /// The file is no longer the one that was opened.
    #[error("cannot read {}{place}: the file has changed since it was opened; open it again", shown(path))]
    Changed {
        /// The file.
        path: PathBuf,
        /// Where the change showed.
        place: Place,
    },
    /// The operating system refused or failed.
    #[error("cannot {doing} {}: {source}; {remedy}", shown(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// A verb: `read`, `write`.
        doing: &'static str,
        /// What the user can do.
        remedy: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Stopped because the caller asked for it.
    #[error("stopped as asked")]
    Cancelled,
}

impl GenomeError {
    /// Whether the input is at fault (exit code 3) rather than the machine (exit code 1).
    pub fn is_bad_input(&self) -> bool {
        matches!(self, Self::Unusable { .. } | Self::NoSuchContig { .. } | Self::OutsideContig { .. })
    }

    pub(crate) fn unusable(path: &Path, place: Place, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Unusable { path: path.to_owned(), place, reason: reason.into(), remedy: remedy.into() }
    }

    pub(crate) fn reading(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            doing: "read",
            remedy: "check the disk or network drive and try again",
            source,
        }
    }
}

/// Where in a file something is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    #[default]
    Whole,
    /// A line of the unpacked text, counted from 1, and the record it belongs to.
    Line {
        /// Number of the line.
        line: u64,
        /// Name of the record, where there is one.
        record: Option<String>,
    },
    /// A byte of the file as it lies on disk, counted from 0.
    Byte(u64),
    /// A record.
    Record(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Line { line, record: None } => write!(f, ", line {line}"),
            Self::Line { line, record: Some(record) } => write!(f, ", line {line}, record '{}'", shortened(record)),
            Self::Byte(byte) => write!(f, ", byte {byte}"),
            Self::Record(record) => write!(f, ", record '{}'", shortened(record)),
        }
    }
}

/// A path for people: control letters, which could act on a terminal, are escaped.
pub(crate) fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}

/// A name short enough for a sentence.
pub(crate) fn shortened(name: &str) -> String {
    const LONGEST: usize = 80;
    let name = visible(name);
    if name.chars().count() <= LONGEST {
        return name.into_owned();
    }
    name.chars().take(LONGEST).chain(std::iter::once('…')).collect()
}

fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        let escape =
            |letter: char| if letter.is_control() { letter.escape_default().to_string() } else { letter.into() };
        Cow::Owned(text.chars().map(escape).collect())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_file_place_reason_and_remedy() {
        let place = Place::Line { line: 4, record: Some("chr2".into()) };
        let error = GenomeError::unusable(Path::new("a\n.fa"), place, "it holds a 'J'", "use IUPAC codes");
        assert_eq!(error.to_string(), "cannot read a\\n.fa, line 4, record 'chr2': it holds a 'J'; use IUPAC codes");
        assert!(error.is_bad_input(), "the file is at fault");
        assert!(!GenomeError::Cancelled.is_bad_input(), "nobody is at fault");
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(shortened(&"n".repeat(5_000)).chars().count(), 81);
    }
}
