//! How a file is opened: which index is believed, and where the text is read from.

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{
    Contig, GenomeError, Hooks, SequenceFormat,
    error::shown,
    fasta::NoSink,
    fasta_text::FastaText,
    genbank::GenBankRecords,
    index::{Index, beside, cache, verify},
    source::{Packing, SourceFile, TextStore, unpacking_error},
    twobit::TwoBitFile,
    unpack::Unpacked,
};

/// A file that can be read region by region.
pub(crate) struct Opened {
    pub(crate) source: SourceFile,
    pub(crate) sequence: Sequence,
    pub(crate) contigs: Vec<Contig>,
    pub(crate) warnings: Vec<String>,
}

/// Where bases come from.
pub(crate) enum Sequence {
    Fasta(FastaText),
    TwoBit(TwoBitFile),
    GenBank(GenBankRecords),
}

/// Where the index came from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Every byte of the file was read just now.
    Scanned,
    /// This file in the cache.
    Kept(PathBuf),
    /// The `.fai` beside the file.
    Beside,
}

/// Sizes at which other ways are taken.
pub(crate) struct Limits {
    /// Plain and BGZF files up to this size are scanned whole at each opening: that takes less than a tenth of a second.
    pub(crate) scanned_bytes: u64,
    /// The text of a gzip file up to this size stays in memory.
    pub(crate) memory_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { scanned_bytes: 64 << 20, memory_bytes: 64 << 20 }
    }
}

impl Opened {
    /// Opens `path`, with indexes and unpacked copies in `cache`.
    pub(crate) fn open(path: &Path, cache: &Path, limits: &Limits, hooks: &mut Hooks<'_>) -> Result<Self, GenomeError> {
        let source = SourceFile::open(path)?;
        let packing = Packing::of(&source)?;
        match SequenceFormat::of_source(&source, &packing)? {
            SequenceFormat::Fasta => open_fasta(source, &packing, cache, limits, hooks),
            SequenceFormat::TwoBit => {
                let (file, contigs, warnings) = TwoBitFile::open(&source, &packing, hooks)?;
                Ok(Self { source, sequence: Sequence::TwoBit(file), contigs, warnings })
            }
            SequenceFormat::GenBank => {
                let (records, contigs, warnings) = GenBankRecords::open(&source, hooks)?;
                Ok(Self { source, sequence: Sequence::GenBank(records), contigs, warnings })
            }
        }
    }
}

fn open_fasta(
    source: SourceFile,
    packing: &Packing,
    cache: &Path,
    limits: &Limits,
    hooks: &mut Hooks<'_>,
) -> Result<Opened, GenomeError> {
    let mut warnings = packing.warnings();
    let found = match TextStore::open(&source, packing)? {
        Some(store) => open_indexed(&source, packing, store, cache, limits, hooks)?,
        None => open_gzip(&source, cache, limits, hooks)?,
    };
    warnings.extend(found.warnings);
    warnings.extend(found.index.warnings);
    let (contigs, layouts) = found.index.contigs.into_iter().map(|indexed| (indexed.contig, indexed.layout)).unzip();
    let text = FastaText { store: found.store, layouts, origin: found.origin };
    Ok(Opened { source, sequence: Sequence::Fasta(text), contigs, warnings })
}

/// An index, the text it belongs to, and what the user should know about how it was come by.
struct Found {
    index: Index,
    store: TextStore,
    origin: Origin,
    warnings: Vec<String>,
}

/// A plain or BGZF file: scanned if small, else by the first index that fits.
fn open_indexed(
    source: &SourceFile,
    packing: &Packing,
    mut store: TextStore,
    cache: &Path,
    limits: &Limits,
    hooks: &mut Hooks<'_>,
) -> Result<Found, GenomeError> {
    let mut warnings = Vec::new();
    if source.identity.size_bytes <= limits.scanned_bytes {
        let index = Index::build(source, packing, &mut NoSink, hooks)?;
        warnings.extend(beside::compare(&source.path, &index));
        return Ok(Found { index, store, origin: Origin::Scanned, warnings });
    }
    let kept = cache::index_path(cache, &cache::fingerprint(source)?);
    if let Some(index) = kept_index(source, &kept, &mut store, &mut warnings)? {
        return Ok(Found { index, store, origin: Origin::Kept(kept), warnings });
    }
    if let Some(index) = beside_index(source, &mut store, &mut warnings)? {
        return Ok(Found { index, store, origin: Origin::Beside, warnings });
    }
    let index = Index::build(source, packing, &mut NoSink, hooks)?;
    warnings.extend(keep(&kept, &index));
    Ok(Found { index, store, origin: Origin::Scanned, warnings })
}

/// A plain gzip file: its unpacked copy in the cache if there is one, else one pass over it.
fn open_gzip(source: &SourceFile, cache: &Path, limits: &Limits, hooks: &mut Hooks<'_>) -> Result<Found, GenomeError> {
    let fingerprint = cache::fingerprint(source)?;
    let (kept, unpacked) = (cache::index_path(cache, &fingerprint), cache::unpacked_path(cache, &fingerprint));
    let mut warnings = Vec::new();
    if let Ok(copy) = File::open(&unpacked) {
        let copy_bytes = copy.metadata().map_err(|error| GenomeError::reading(&unpacked, error))?.len();
        // The time of last use decides which copy is thrown away first.
        let _ = copy.set_modified(SystemTime::now());
        let mut store = TextStore::file(copy);
        let index = kept_index(source, &kept, &mut store, &mut warnings)?;
        if let Some(index) = index.filter(|index| index.text_bytes == copy_bytes) {
            return Ok(Found { index, store, origin: Origin::Kept(kept), warnings });
        }
    }
    let mut sink = Unpacked::new(&source.path, unpacked, limits.memory_bytes);
    let index = Index::build(source, &Packing::Gzip, &mut sink, hooks)?;
    let (store, in_cache) = sink.into_store()?;
    if in_cache {
        warnings.extend(keep(&kept, &index));
    }
    Ok(Found { index, store, origin: Origin::Scanned, warnings })
}

/// The index in the cache, if it fits the text.
fn kept_index(
    source: &SourceFile,
    kept: &Path,
    store: &mut TextStore,
    warnings: &mut Vec<String>,
) -> Result<Option<Index>, GenomeError> {
    let reason = match cache::load(kept) {
        None => return Ok(None),
        Some(Err(reason)) => reason,
        Some(Ok(index)) => {
            match verify(&index.contigs, store).map_err(|error| unpacking_error(&source.path, error))? {
                Ok(()) => return Ok(Some(index)),
                Err(reason) => reason,
            }
        }
    };
    warnings
        .push(format!("The index in the cache, {}, could not be used ({reason}): a new one was built.", shown(kept)));
    Ok(None)
}

/// The index beside the file, if it fits the text.
fn beside_index(
    source: &SourceFile,
    store: &mut TextStore,
    warnings: &mut Vec<String>,
) -> Result<Option<Index>, GenomeError> {
    let reason = match beside::read(&source.path) {
        None => return Ok(None),
        Some(Err(reason)) => reason,
        Some(Ok(contigs)) => match verify(&contigs, store).map_err(|error| unpacking_error(&source.path, error))? {
            Ok(()) => return Ok(Some(Index { contigs, warnings: Vec::new(), text_bytes: 0 })),
            Err(reason) => reason,
        },
    };
    warnings.push(beside::not_used(&source.path, &reason));
    Ok(None)
}

/// Keeps the index for the next time; a cache that cannot be written to costs time, nothing else.
fn keep(path: &Path, index: &Index) -> Option<String> {
    let reason = cache::save(path, index).err()?;
    Some(format!("The index could not be kept for the next time ({reason})."))
}
