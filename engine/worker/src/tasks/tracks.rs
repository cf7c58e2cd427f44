//! The thread that reads what is shown beside a sequence: files of features and values, motifs, reading frames.

mod content;
mod judged;
mod located;
mod recognise;
mod related;
mod searched;

use std::path::{Path, PathBuf};

use strandscope_genome::{Composition, Feature, Genome, Region, RowStatus};

use self::content::Content;
pub(super) use self::recognise::recognise;
use super::genomes::{Genomes, Stamp};
use crate::{
    BaseCounts, EngineOptions, ErrorKind, FindFeaturesRequest, FoundFeature, JobError, NextFeatureRequest, Outcome,
    Task, TileRequest, TrackSource,
    engine::{Job, Stop, Tasks},
};

/// Tracks kept open at once; the least recently used is closed first and opened again when it is asked for.
const MOST_OPEN: usize = 64;

/// What the thread keeps between tasks.
pub(crate) struct TrackTasks {
    genomes: Genomes,
    open: Vec<OpenTrack>,
}

/// A track, and the files it was read from as they were then.
struct OpenTrack {
    source: TrackSource,
    genome: PathBuf,
    stamps: (Stamp, Option<Stamp>),
    content: Content,
}

impl TrackTasks {
    pub(crate) fn new(options: &EngineOptions) -> Self {
        Self { genomes: Genomes::new(options.cache.clone()), open: Vec::new() }
    }

    /// A track and the sequence it is shown beside; opened unless it is open and nothing has changed.
    fn track(&mut self, source: &TrackSource, genome: &Path, job: &Job) -> Result<(&mut Content, &mut Genome), Stop> {
        let sequence = self.genomes.open(genome, job)?;
        let own = match source {
            TrackSource::File(path) => Some(Stamp::of(path)),
            _ => None,
        };
        let stamps = (Stamp::of(genome), own);
        let holds = |open: &OpenTrack| {
            let file_holds = open.stamps.1.zip(own).is_none_or(|(then, now)| then.holds(now));
            open.source == *source && open.genome == genome && open.stamps.0.holds(stamps.0) && file_holds
        };
        let track = match self.open.iter().position(holds) {
            Some(at) => self.open.remove(at),
            None => {
                self.open.retain(|open| (&open.source, open.genome.as_path()) != (source, genome));
                if self.open.len() >= MOST_OPEN {
                    self.open.remove(0);
                }
                let content = Content::open(source, sequence, job)?;
                OpenTrack { source: source.clone(), genome: genome.to_owned(), stamps, content }
            }
        };
        self.open.push(track);
        let last = self.open.len() - 1;
        Ok((&mut self.open[last].content, sequence))
    }

    fn open(&mut self, source: &TrackSource, genome: &Path, job: &Job) -> Result<Outcome, Stop> {
        // What was asked to be opened is read anew, as it may have changed within the same second.
        self.open.retain(|open| (&open.source, open.genome.as_path()) != (source, genome));
        let (content, genome) = self.track(source, genome, job)?;
        Ok(Outcome::Track(content.summary(source, genome)?))
    }

    /// Takes names of contigs from a table; tracks are named anew when they are opened next.
    fn use_aliases(&mut self, table: &Path, genome: &Path, job: &Job) -> Result<Outcome, Stop> {
        let sequence = self.genomes.open(genome, job)?;
        let rows = sequence.add_aliases(table)?;
        for row in rows.refused() {
            if let RowStatus::Refused { reason, .. } = &row.status {
                job.warn(format!("Line {} of {}: {reason}.", row.line, table.display()));
            }
        }
        self.open.retain(|open| open.genome != genome);
        let taken = rows.rows.len() - rows.refused().count();
        let name = table.file_name().unwrap_or(table.as_os_str()).to_string_lossy();
        Ok(Outcome::Written { paths: Vec::new(), notes: vec![format!("Took {taken} names of contigs from {name}")] })
    }

    fn count(&mut self, genome: &Path, region: &Region, job: &Job) -> Result<Outcome, Stop> {
        let sequence = self.genomes.open(genome, job)?;
        let region = sequence.clip(region)?;
        let composition = Composition::of(&sequence.read(&region)?);
        let count = |letters: &[u8]| letters.iter().map(|&letter| composition.count(letter)).sum();
        Ok(Outcome::Counted(BaseCounts {
            gc: count(b"GC"),
            known: count(b"ACGTU"),
            unknown: count(b"N"),
            total: composition.total(),
        }))
    }

    fn tile(&mut self, request: &TileRequest, job: &Job) -> Result<Outcome, Stop> {
        let TileRequest { source, genome, region, bin_bp, most } = request;
        let (content, genome) = self.track(source, genome, job)?;
        let region = genome.clip(region)?;
        Ok(Outcome::Tile(content.tile(genome, &region, (*bin_bp).max(1), *most)?))
    }

    fn find(&mut self, request: &FindFeaturesRequest, job: &Job) -> Result<Outcome, Stop> {
        let most = usize::try_from(request.most).unwrap_or(usize::MAX);
        let mut found: Vec<FoundFeature> = Vec::new();
        for source in &request.sources {
            let (content, _) = self.track(source, &request.genome, job)?;
            found.extend(content.find(&request.text, most, source, job)?);
        }
        let wanted = request.text.to_lowercase();
        // Whole names before beginnings of names before the rest; files keep their order.
        found.sort_by_key(|feature| {
            let name = feature.name.to_lowercase();
            (name != wanted, !name.starts_with(&wanted))
        });
        found.truncate(most);
        Ok(Outcome::Found(found))
    }

    fn next(&mut self, request: &NextFeatureRequest, job: &Job) -> Result<Outcome, Stop> {
        let NextFeatureRequest { source, genome, contig, from_bp, is_after } = request;
        let (content, genome) = self.track(source, genome, job)?;
        let length_bp = genome.contig(contig).map_or(0, |contig| contig.length_bp);
        let feature = content.next(contig, *from_bp, *is_after, length_bp)?;
        let found = feature.map(|feature| found(source, contig, &feature));
        Ok(Outcome::Found(found.into_iter().collect()))
    }
}

impl Tasks for TrackTasks {
    fn run(&mut self, task: Task, job: &Job) -> Result<Outcome, Stop> {
        match task {
            Task::OpenTrack { source, genome } => self.open(&source, &genome, job),
            Task::UseAliases { table, genome } => self.use_aliases(&table, &genome, job),
            Task::CountBases { genome, region } => self.count(&genome, &region, job),
            Task::Judge(request) => self.judge(&request, job),
            Task::Relate(request) => self.relate(&request, job),
            Task::Locate(request) => self.locate(&request, job),
            Task::ReadTile(request) => self.tile(&request, job),
            Task::FindFeatures(request) => self.find(&request, job),
            Task::NextFeature(request) => self.next(&request, job),
            _ => {
                Err(JobError::new(ErrorKind::Runtime, "this task belongs to another thread; please report this").into())
            }
        }
    }
}

fn found(source: &TrackSource, contig: &str, feature: &Feature) -> FoundFeature {
    FoundFeature {
        source: source.clone(),
        name: feature.name.clone(),
        kind: feature.kind.clone(),
        region: Region::new(contig, feature.start_bp, feature.end_bp),
    }
}

/// Bins of `bin_bp` over a region whose last one is cut at its end: the region up to the last whole bin, and the rest.
fn whole_bins(region: &Region, bin_bp: u64) -> (Region, usize, Option<Region>) {
    let bins = region.len_bp() / bin_bp;
    let end_bp = region.start_bp + bins * bin_bp;
    let rest = (end_bp < region.end_bp).then(|| Region::new(&region.contig, end_bp, region.end_bp));
    (Region::new(&region.contig, region.start_bp, end_bp), usize::try_from(bins).unwrap_or(usize::MAX), rest)
}
