//! Where the bases of every record lie: built, kept, found, and never believed without a look at the file.

pub(crate) mod beside;
pub(crate) mod cache;
mod verify;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub(crate) use verify::verify;

use crate::{
    GenomeError, Hooks,
    fasta::{IndexedContig, Sink, scan},
    source::{Packing, SourceFile, TextStream},
};

/// Where the bases of every record lie in the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Index {
    pub(crate) contigs: Vec<IndexedContig>,
    /// Oddities found while scanning, told again when the index is used again.
    pub(crate) warnings: Vec<String>,
    pub(crate) text_bytes: u64,
}

impl Index {
    /// Scans the whole file. `sink` gets the bases and the text on the way.
    pub(crate) fn build(
        source: &SourceFile,
        packing: &Packing,
        sink: &mut dyn Sink,
        hooks: &mut Hooks<'_>,
    ) -> Result<Self, GenomeError> {
        let mut stream = TextStream::open(source, packing)?;
        let scanned = scan(&source.path, &mut stream, source.identity.size_bytes, sink, hooks)?;
        source.check_unchanged()?;
        Ok(Self { contigs: scanned.contigs, warnings: scanned.warnings, text_bytes: scanned.text_bytes })
    }
}

/// `path` with `suffix` at its end, whatever letters it is made of.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
