//! An opened sequence file, read region by region.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use crate::{
    Aliases, Contig, GenomeError, Hooks, Region, Rows, SequenceFormat,
    index::cache,
    opening::{Limits, Opened, Sequence},
    source::SourceFile,
};

/// A sequence file of which any region can be read: FASTA or GenBank, plain, gzip or BGZF, or 2bit.
///
/// FASTA is read without holding the rest in memory:
///
/// * Files up to 64 MiB are checked letter by letter at each opening.
/// * For larger ones an index is taken from the cache or from a `.fai` beside the file, after it was
///   checked against the file; without one the file is scanned once, and the index is kept in the cache.
/// * A `.gzi` is not needed: the blocks of a BGZF file are found from its own headers.
/// * Plain gzip has no random access: its text is kept in memory up to 64 MiB, else unpacked once into the cache,
///   which holds at most 8 GiB of such copies.
///
/// 2bit is read from the disk as well. The sequences of GenBank files are kept in memory, up to 2 GiB; their letters
/// are upper-case where the file has all of a record in lower case, as GenBank does without meaning anything by it.
///
/// Nothing is ever written beside the file.
///
/// # Examples
///
/// ```
/// use strandscope_genome::{Genome, Region};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("tiny.fa");
/// std::fs::write(&path, ">chr1 a small one\nACGTA\ncgtac\nGG\n")?;
/// let mut genome = Genome::open(&path, &folder.path().join("cache"))?;
/// assert_eq!(genome.contig("chr1").map(|contig| contig.length_bp), Some(12));
/// assert_eq!(genome.read(&Region::new("chr1", 3, 11))?, b"TAcgtacG");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Genome {
    source: SourceFile,
    sequence: Sequence,
    contigs: Vec<Contig>,
    index_of_name: HashMap<String, usize>,
    warnings: Vec<String>,
    /// Built when another file names contigs for the first time.
    aliases: OnceLock<Arc<Aliases>>,
}

impl Genome {
    /// Opens the sequence file at `path`; indexes and unpacked copies are kept in the folder `cache`.
    ///
    /// # Errors
    ///
    /// When the file is missing, unreadable or no sequence file; the message says where and what to do.
    /// A cache that cannot be written to is a warning, not an error, unless a large gzip file needs it.
    pub fn open(path: &Path, cache: &Path) -> Result<Self, GenomeError> {
        Self::open_with(path, cache, &mut Hooks::default())
    }

    /// As [`Genome::open`], telling how far it is and stopping when asked.
    ///
    /// # Errors
    ///
    /// As [`Genome::open`], and [`GenomeError::Cancelled`].
    pub fn open_with(path: &Path, cache: &Path, hooks: &mut Hooks<'_>) -> Result<Self, GenomeError> {
        let opened = Opened::open(path, cache, &Limits::default(), hooks)?;
        Ok(Self::from(opened))
    }

    fn from(opened: Opened) -> Self {
        let Opened { source, sequence, contigs, warnings } = opened;
        let numbered = contigs.iter().enumerate();
        let index_of_name = numbered.map(|(number, contig)| (contig.name.clone(), number)).collect();
        Self { source, sequence, contigs, index_of_name, warnings, aliases: OnceLock::new() }
    }

    /// Where indexes are kept unless the caller knows better: the user's cache folder.
    pub fn default_cache() -> PathBuf {
        cache::default_folder()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.source.path
    }

    /// What kind of file it is.
    pub fn format(&self) -> SequenceFormat {
        match self.sequence {
            Sequence::Fasta(_) => SequenceFormat::Fasta,
            Sequence::TwoBit(_) => SequenceFormat::TwoBit,
            Sequence::GenBank(_) => SequenceFormat::GenBank,
        }
    }

    /// The contigs in file order.
    pub fn contigs(&self) -> &[Contig] {
        &self.contigs
    }

    /// The contig of this name.
    pub fn contig(&self, name: &str) -> Option<&Contig> {
        self.index_of_name.get(name).map(|&index| &self.contigs[index])
    }

    /// The names by which other files may call its contigs.
    pub fn aliases(&self) -> Arc<Aliases> {
        Arc::clone(self.aliases.get_or_init(|| Arc::new(Aliases::of(&self.contigs))))
    }

    /// Takes more names of its contigs from a table, see [`Aliases::add_table`].
    ///
    /// # Errors
    ///
    /// When the table cannot be read or is none.
    pub fn add_aliases(&mut self, table: &Path) -> Result<Rows, GenomeError> {
        let mut aliases = Aliases::clone(&self.aliases());
        let rows = aliases.add_table(table)?;
        self.aliases = OnceLock::from(Arc::new(aliases));
        Ok(rows)
    }

    /// Oddities that change no base, one sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// SHA-256 of the file as it lies on disk, lower-case hexadecimal. Reads all of it.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, has changed, or the caller asks to stop.
    pub fn sha256(&self, hooks: &mut Hooks<'_>) -> Result<String, GenomeError> {
        let digest = crate::sha256_of_file(&self.source.path, hooks)?;
        self.source.check_unchanged()?;
        Ok(digest)
    }

    /// `region` cut at the ends of its contig.
    ///
    /// # Errors
    ///
    /// When there is no such contig.
    pub fn clip(&self, region: &Region) -> Result<Region, GenomeError> {
        let contig = &self.contigs[self.index_of(&region.contig)?];
        let end_bp = region.end_bp.min(contig.length_bp);
        Ok(Region::new(region.contig.clone(), region.start_bp.min(end_bp), end_bp))
    }

    /// The bases of `region` as they stand in the file: case is kept (but see [`Genome`] for GenBank), line ends are not.
    ///
    /// # Errors
    ///
    /// When there is no such contig, the region reaches past its end, or the file has changed or cannot be read.
    pub fn read(&mut self, region: &Region) -> Result<Vec<u8>, GenomeError> {
        let index = self.index_of(&region.contig)?;
        let length_bp = self.contigs[index].length_bp;
        if region.start_bp > region.end_bp || region.end_bp > length_bp {
            return Err(GenomeError::OutsideContig { path: self.path().to_owned(), region: region.clone(), length_bp });
        }
        self.source.check_unchanged()?;
        let path = &self.source.path;
        let (start_bp, end_bp) = (region.start_bp, region.end_bp);
        match &mut self.sequence {
            Sequence::Fasta(text) => text.read(path, (index, &region.contig), start_bp, end_bp),
            Sequence::TwoBit(file) => file.read(path, index, start_bp, end_bp),
            Sequence::GenBank(records) => Ok(records.bases(index, start_bp, end_bp)),
        }
    }

    fn index_of(&self, name: &str) -> Result<usize, GenomeError> {
        self.index_of_name.get(name).copied().ok_or_else(|| GenomeError::NoSuchContig {
            path: self.path().to_owned(),
            contig: name.to_owned(),
            remedy: self.name_advice(name),
        })
    }

    /// Names differ between providers by a `chr` in front or by case; say so rather than guess.
    fn name_advice(&self, name: &str) -> String {
        let other = name.strip_prefix("chr").map_or_else(|| format!("chr{name}"), str::to_owned);
        let alike = |contig: &&Contig| contig.name == other || contig.name.eq_ignore_ascii_case(name);
        match (self.contigs.iter().find(alike), self.contigs.first()) {
            (Some(contig), _) => format!("did you mean '{}'?", crate::error::shortened(&contig.name)),
            (None, Some(first)) => format!("names are like '{}'", crate::error::shortened(&first.name)),
            (None, None) => "the file has no records".to_owned(),
        }
    }
}

impl fmt::Debug for Genome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Genome").field("path", &self.source.path).field("contigs", &self.contigs.len()).finish()
    }
}

#[cfg(test)]
#[path = "genome_tests.rs"]
mod tests;
