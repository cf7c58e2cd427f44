//! The thread that reads and writes files and never waits for tensors.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use serde_json::json;
use strandscope_genome::{Region, TrackFiles, TrackFormat, TrackName, inspect_fasta};
use strandscope_models::checkpoint::{SeenTensor, examine};

use super::{
    genomes::{Genomes, with_progress},
    library::LastTokenizer,
    provenance::Setting,
};
use crate::{
    EngineOptions, ErrorKind, ExportFormat, ExportRequest, GenomeSummary, JobError, Outcome, Task,
    engine::{Job, Stop, Tasks},
};

/// What the thread keeps between tasks.
pub(crate) struct FileTasks {
    pub(super) genomes: Genomes,
    pub(super) tokenizer: LastTokenizer,
    pub(super) setting: Setting,
}

impl FileTasks {
    pub(crate) fn new(options: &EngineOptions) -> Self {
        Self {
            genomes: Genomes::new(options.cache.clone()),
            tokenizer: LastTokenizer::default(),
            // What this thread computes, it computes on the processor, whatever tensors live on.
            setting: Setting::new(options, "CPU"),
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
            Task::Inspect { path } => inspect(&path, job),
            Task::Export(request) => export(&request),
            Task::Tokenize(request) => self.tokenize(&request, job),
            _ => {
                Err(JobError::new(ErrorKind::Runtime, "this task belongs to the other thread; please report this")
                    .into())
            }
        }
    }
}

/// What a FASTA or safetensors file holds.
fn inspect(path: &Path, job: &Job) -> Result<Outcome, Stop> {
    if is_safetensors(path) {
        return inspect_weights(path, job);
    }
    let report = with_progress(job, |hooks| inspect_fasta(path, hooks))?;
    let report = serde_json::to_value(report).map_err(|error| JobError::of(ErrorKind::Runtime, &error))?;
    Ok(Outcome::Json(report))
}

fn inspect_weights(path: &Path, job: &Job) -> Result<Outcome, Stop> {
    let seen = examine(path, &|| !job.is_cancelled())?.ok_or(Stop::Cancelled)?;
    let odd = seen.iter().filter(|tensor| tensor.not_finite > 0);
    let warnings: Vec<String> = odd
        .map(|tensor| format!("tensor {} holds {} values that are NaN or infinite", tensor.name, tensor.not_finite))
        .collect();
    let tensors: Vec<_> = seen
        .into_iter()
        .map(|SeenTensor { name, dtype, shape, sha256_f32le, .. }| {
            let mut value = json!({ "name": name, "dtype": dtype, "shape": shape });
            if let Some(sha256) = sha256_f32le {
                value["sha256_f32le"] = json!(sha256);
            }
            value
        })
        .collect();
    Ok(Outcome::Json(json!({
        "path": path.to_string_lossy(),
        "kind": "checkpoint",
        "tensors": tensors,
        "warnings": warnings,
    })))
}

/// Whether the file begins like safetensors, or is called so.
///
/// Its name decides where it is damaged, so that the message speaks of weights and not of sequences.
fn is_safetensors(path: &Path) -> bool {
    let has_name = path.extension().is_some_and(|extension| extension == "safetensors");
    path.is_file() && (has_name || begins_like_safetensors(path).unwrap_or(false))
}

/// Whether the length of a header that fits into the file comes first, then JSON.
fn begins_like_safetensors(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let (mut header_bytes, mut first) = ([0; 8], [0; 1]);
    file.read_exact(&mut header_bytes)?;
    file.read_exact(&mut first)?;
    let behind_bytes = file.metadata()?.len().saturating_sub(header_bytes.len() as u64);
    Ok(first == *b"{" && u64::from_le_bytes(header_bytes) <= behind_bytes)
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
