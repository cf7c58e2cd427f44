//! An opened FASTA file, read region by region.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
};

use crate::{
    Contig, GenomeError, Hooks, Region,
    error::{Place, shown},
    fasta::{Layout, why_foreign},
    index::{beside, cache},
    opening::{Limits, Opened, Origin},
    reading::{Misfit, bases_at},
    source::{SourceFile, TextStore, unpacking_error},
};

/// A FASTA file, plain, gzip or BGZF, of which any region can be read without holding the rest in memory.
///
/// * Files up to 64 MiB are checked letter by letter at each opening.
/// * For larger ones an index is taken from the cache or from a `.fai` beside the file, after it was
///   checked against the file; without one the file is scanned once, and the index is kept in the cache.
/// * A `.gzi` is not needed: the blocks of a BGZF file are found from its own headers.
/// * Plain gzip has no random access: its text is kept in memory up to 64 MiB, else unpacked once into the cache,
///   which holds at most 8 GiB of such copies.
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
    store: TextStore,
    contigs: Vec<Contig>,
    layouts: Vec<Layout>,
    index_of_name: HashMap<String, usize>,
    warnings: Vec<String>,
    origin: Origin,
}

impl Genome {
    /// Opens the FASTA file at `path`; indexes and unpacked copies are kept in the folder `cache`.
    ///
    /// # Errors
    ///
    /// When the file is missing, unreadable or no FASTA; the message says where and what to do.
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
        let Opened { source, index, store, origin, mut warnings } = opened;
        warnings.extend(index.warnings);
        let count = index.contigs.len();
        let mut genome = Self {
            source,
            store,
            contigs: Vec::with_capacity(count),
            layouts: Vec::with_capacity(count),
            index_of_name: HashMap::with_capacity(count),
            warnings,
            origin,
        };
        for (number, indexed) in index.contigs.into_iter().enumerate() {
            genome.index_of_name.insert(indexed.contig.name.clone(), number);
            genome.contigs.push(indexed.contig);
            genome.layouts.push(indexed.layout);
        }
        genome
    }

    /// Where indexes are kept unless the caller knows better: the user's cache folder.
    pub fn default_cache() -> PathBuf {
        cache::default_folder()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.source.path
    }

    /// The contigs in file order.
    pub fn contigs(&self) -> &[Contig] {
        &self.contigs
    }

    /// The contig of this name.
    pub fn contig(&self, name: &str) -> Option<&Contig> {
        self.index_of_name.get(name).map(|&index| &self.contigs[index])
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

    /// The bases of `region` as they stand in the file: case is kept, line ends are not.
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
        let bases = bases_at(&mut self.store, &self.layouts[index], region.start_bp, region.end_bp);
        let bases = bases.map_err(|error| unpacking_error(path, error))?;
        bases.map_err(|misfit| self.misfit(misfit, &region.contig))
    }

    /// The index promised bases that are not there.
    fn misfit(&self, misfit: Misfit, contig: &str) -> GenomeError {
        let path = &self.source.path;
        let place = Place::Record(contig.to_owned());
        match (misfit, &self.origin) {
            (Misfit::Foreign { byte, position_bp }, _) => {
                let (reason, remedy) = why_foreign(byte);
                GenomeError::unusable(path, place, format!("{reason} (at position {})", position_bp + 1), remedy)
            }
            (Misfit::Lines, Origin::Beside) => {
                let reason =
                    format!("the index {} does not fit it: lines have another length", shown(&beside::fai_path(path)));
                GenomeError::unusable(path, place, reason, "make the index anew with samtools faidx, or delete it")
            }
            (Misfit::Lines, Origin::Kept(index)) => {
                // The next opening builds another one.
                if let Err(error) = std::fs::remove_file(index) {
                    tracing::warn!(path = %index.display(), %error, "a stale index could not be removed");
                }
                GenomeError::Changed { path: path.clone(), place }
            }
            (Misfit::Lines, Origin::Scanned) => GenomeError::Changed { path: path.clone(), place },
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
