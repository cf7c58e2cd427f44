//! The text of a plain gzip file, which has no random access: kept in memory if small, else in the user's cache.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use crate::{Contig, GenomeError, error::Place, fasta::Sink, index::cache, output::AtomicFile, source::TextStore};

/// All unpacked copies together take at most this much: two human genomes, or one of wheat's chromosomes at a time.
const CACHE_BYTES: u64 = 8 << 30;

/// Takes the text of a gzip file while it is scanned.
pub(crate) struct Unpacked<'a> {
    source: &'a Path,
    target: PathBuf,
    memory: Vec<u8>,
    memory_limit_bytes: usize,
    file: Option<AtomicFile>,
    written_bytes: u64,
}

impl<'a> Unpacked<'a> {
    /// For the file at `source`, with `target` in the cache for what does not fit into memory.
    pub(crate) fn new(source: &'a Path, target: PathBuf, memory_limit_bytes: usize) -> Self {
        Self { source, target, memory: Vec::new(), memory_limit_bytes, file: None, written_bytes: 0 }
    }

    /// The text as a store, now that all of it has come, and whether it lies in the cache.
    pub(crate) fn into_store(self) -> Result<(TextStore, bool), GenomeError> {
        let Self { source, target, memory, file, .. } = self;
        let Some(file) = file else { return Ok((TextStore::Memory(memory), false)) };
        file.commit().map_err(|error| advice(source, &error.to_string()))?;
        let file = File::open(&target).map_err(|error| GenomeError::reading(&target, error))?;
        Ok((TextStore::file(file), true))
    }

    fn spill(&mut self) -> Result<&mut AtomicFile, GenomeError> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let folder = self.target.parent().unwrap_or(Path::new("."));
                fs::create_dir_all(folder).map_err(|error| advice(self.source, &error.to_string()))?;
                let mut file =
                    AtomicFile::create(&self.target, true).map_err(|error| advice(self.source, &error.to_string()))?;
                file.write_all(&self.memory).map_err(|error| advice(self.source, &error.to_string()))?;
                self.written_bytes = self.memory.len() as u64;
                self.memory = Vec::new();
                file
            }
        };
        Ok(self.file.insert(file))
    }
}

impl Sink for Unpacked<'_> {
    fn bases(&mut self, _bases: &[u8]) {}
    fn end(&mut self, _contig: &Contig) {}

    fn text(&mut self, text: &[u8]) -> Result<(), GenomeError> {
        if self.file.is_none() && self.memory.len() + text.len() <= self.memory_limit_bytes {
            self.memory.extend_from_slice(text);
            return Ok(());
        }
        if self.written_bytes + text.len() as u64 > CACHE_BYTES {
            return Err(advice(self.source, "the unpacked text is larger than the 8 GiB the cache may hold"));
        }
        let source = self.source;
        self.spill()?.write_all(text).map_err(|error| advice(source, &error.to_string()))?;
        self.written_bytes += text.len() as u64;
        // Older copies go as this one grows.
        if self.written_bytes % (256 << 20) < text.len() as u64 {
            cache::make_room(self.target.parent().unwrap_or(Path::new(".")), CACHE_BYTES);
        }
        Ok(())
    }
}

/// Plain gzip that cannot be unpacked aside can still be packed so that this is not needed.
fn advice(path: &Path, reason: &str) -> GenomeError {
    let reason = format!("plain gzip has no random access and could not be unpacked into the cache ({reason})");
    let remedy = "pack it with bgzip instead (gunzip -c FILE.gz | bgzip > FILE.bgz), or unpack it";
    GenomeError::unusable(path, Place::Whole, reason, remedy)
}
