//! The thread that reads and writes files and never waits for tensors.

use std::path::{Path, PathBuf};

use strandscope_genome::{Genome, Region, TrackFiles, TrackFormat, TrackName};

use super::{
    bench, facts::Facts, genomes::Genomes, inspect::inspect, known::Known, pasted::keep_pasted, provenance::Setting,
    score::Forecaster, selftest, shelf::LastTokenizer, tracks::recognise,
};
use crate::{
    EngineOptions, ErrorKind, ExportFormat, ExportRequest, GenomeSummary, JobError, Outcome, Task,
    engine::{Job, Stop, Tasks},
};

/// What the thread keeps between tasks.
pub(crate) struct FileTasks {
    pub(super) genomes: Genomes,
    pub(super) known: Known,
    pub(super) tokenizer: LastTokenizer,
    pub(super) setting: Setting,
    /// Where pasted sequences are kept.
    cache: PathBuf,
    pub(super) facts: Facts,
    pub(super) forecaster: Forecaster,
    data: PathBuf,
}

impl FileTasks {
    pub(crate) fn new(options: &EngineOptions, facts: Facts) -> Self {
        Self {
            genomes: Genomes::new(options.cache.clone()),
            cache: options.cache.clone().unwrap_or_else(Genome::default_cache),
            known: Known::new(options),
            tokenizer: LastTokenizer::default(),
            // What this thread computes, it computes on the processor, whatever tensors live on.
            setting: Setting::new(options, "CPU"),
            facts,
            forecaster: Forecaster::new(options),
            data: options.data_folder(),
        }
    }

    fn open(&mut self, path: &Path, job: &Job) -> Result<Outcome, Stop> {
        let genome = self.genomes.open(path, job)?;
        Ok(Outcome::Genome(GenomeSummary {
            path: path.to_owned(),
            contigs: genome.contigs().to_vec(),
            warnings: genome.warnings().to_vec(),
        }))
    }

    fn bases(&mut self, path: &Path, region: &Region, job: &Job) -> Result<Outcome, Stop> {
        let genome = self.genomes.open(path, job)?;
        let region = genome.clip(region)?;
        let bases = genome.read(&region)?;
        Ok(Outcome::Bases { region, bases })
    }
}

impl Tasks for FileTasks {
    fn run(&mut self, task: Task, job: &Job) -> Result<Outcome, Stop> {
        match task {
            Task::OpenGenome { path } => self.open(&path, job),
            Task::ReadBases { path, region } => self.bases(&path, &region, job),
            Task::KeepPasted { text } => keep_pasted(&text, &self.cache),
            Task::Recognise { paths } => Ok(Outcome::Roles(recognise(paths))),
            Task::Inspect { path, reference } => inspect(&path, reference.as_deref(), &mut self.genomes, job),
            Task::Export(request) => export(&request),
            Task::Tokenize(request) => self.tokenize(&request, job),
            Task::Forecast(request) => self.forecast(&request, job),
            Task::LastSelfTest => {
                let device = self.facts.device();
                Ok(Outcome::SelfTested(device.and_then(|device| selftest::last(&self.data, &device))))
            }
            Task::BenchOpen { path, cache } => bench::open(&path, &cache, job),
            Task::OpenCard { name } => self.open_card(&name),
            Task::EditCard(request) => self.edit_card(request),
            Task::ListModels => Ok(Outcome::Library(self.known.list()?)),
            Task::RemoveModel { name } => {
                self.known.installation.remove(&name)?;
                Ok(Outcome::Written { paths: Vec::new(), notes: vec![format!("{name} is removed")] })
            }
            _ => {
                Err(JobError::new(ErrorKind::Runtime, "this task belongs to another thread; please report this").into())
            }
        }
    }
}

fn export(request: &ExportRequest) -> Result<Outcome, Stop> {
    let format = match request.format {
        ExportFormat::Tsv => TrackFormat::Tsv,
        ExportFormat::BedGraph => TrackFormat::BedGraph,
    };
    let mut names: Vec<TrackName> = Vec::new();
    for track in &request.tracks {
        let name = TrackName { label: track.label.clone(), strand: track.strand };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let provenance = request.record.as_ref().map(crate::RunRecord::pairs).unwrap_or_default();
    let mut files = TrackFiles::create(&request.path, format, &names, &provenance, request.force)?;
    for (number, track) in request.tracks.iter().enumerate() {
        files.write(number, track)?;
    }
    Ok(Outcome::Written { paths: files.finish(&[])?, notes: Vec::new() })
}
