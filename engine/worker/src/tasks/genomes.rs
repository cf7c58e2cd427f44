//! Sequence files that are open, and their fingerprints.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use strandscope_genome::{Genome, GenomeError, Hooks};

use crate::engine::{Job, Stop};

/// Files kept open at once.
const MOST_OPEN: usize = 8;

/// Size and time of change: what tells that a file is another one now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Option<(u64, SystemTime)>);

impl Stamp {
    /// The stamp of the file at `path`; files that cannot be asked differ from all others.
    pub(crate) fn of(path: &Path) -> Self {
        let metadata = fs::metadata(path).ok();
        Self(metadata.and_then(|metadata| Some((metadata.len(), metadata.modified().ok()?))))
    }

    /// Whether this is a stamp at all, and the same as `other`.
    pub(crate) fn holds(self, other: Self) -> bool {
        self.0.is_some() && self == other
    }
}

/// Files opened by a thread; the least recently used is closed first.
pub(crate) struct Genomes {
    cache: PathBuf,
    open: Vec<Opened>,
}

struct Opened {
    path: PathBuf,
    stamp: Stamp,
    genome: Genome,
    sha256: Option<String>,
}

impl Genomes {
    pub(crate) fn new(cache: Option<PathBuf>) -> Self {
        Self { cache: cache.unwrap_or_else(Genome::default_cache), open: Vec::new() }
    }

    /// Opens the file at `path`, unless it is open and unchanged; tells how far it is when that takes long.
    pub(crate) fn open(&mut self, path: &Path, job: &Job) -> Result<&mut Genome, Stop> {
        Ok(&mut self.opened(path, job)?.genome)
    }

    /// SHA-256 of the file as it lies on disk; tells how far it is when that takes long.
    pub(crate) fn sha256(&mut self, path: &Path, job: &Job) -> Result<String, Stop> {
        let opened = self.opened(path, job)?;
        if let Some(sha256) = &opened.sha256 {
            return Ok(sha256.clone());
        }
        let sha256 = with_progress(job, |hooks| opened.genome.sha256(hooks))?;
        opened.sha256 = Some(sha256.clone());
        Ok(sha256)
    }

    fn opened(&mut self, path: &Path, job: &Job) -> Result<&mut Opened, Stop> {
        let stamp = Stamp::of(path);
        let known = self.open.iter().position(|opened| opened.path == path && opened.stamp.holds(stamp));
        let opened = match known {
            Some(index) => self.open.remove(index),
            None => {
                self.open.retain(|opened| opened.path != path);
                if self.open.len() >= MOST_OPEN {
                    self.open.remove(0);
                }
                let genome = open(path, &self.cache, job)?;
                Opened { path: path.to_owned(), stamp, genome, sha256: None }
            }
        };
        self.open.push(opened);
        let last = self.open.len() - 1;
        Ok(&mut self.open[last])
    }
}

fn open(path: &Path, cache: &Path, job: &Job) -> Result<Genome, GenomeError> {
    with_progress(job, |hooks| Genome::open_with(path, cache, hooks))
}

/// Smaller files are done before anybody could look.
const WORTH_TELLING_BYTES: u64 = 16 << 20;

/// Runs work that tells bytes done, and passes that on as the progress of `job`.
pub(crate) fn with_progress<T>(
    job: &Job,
    work: impl FnOnce(&mut Hooks<'_>) -> Result<T, GenomeError>,
) -> Result<T, GenomeError> {
    let cancelled = || job.is_cancelled();
    let mut is_started = false;
    let mut progress = |done: u64, total: u64| {
        if total < WORTH_TELLING_BYTES {
            return;
        }
        if !std::mem::replace(&mut is_started, true) {
            job.started(total, "bytes");
        }
        job.progress(done, "");
    };
    work(&mut Hooks { progress: Some(&mut progress), cancelled: Some(&cancelled) })
}
