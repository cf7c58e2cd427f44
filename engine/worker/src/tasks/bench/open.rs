//! How long a sequence file takes to open for the first time, and again.

use std::{path::Path, time::Instant};

use serde_json::{Value, json};
use strandscope_genome::{Genome, Region};

use super::{
    super::{doctor::cpu_name, genomes::with_progress, memory::peak_rss_bytes},
    measure::{cpu_time, load_average, restart_peak},
};
use crate::{
    Outcome,
    engine::{Job, Stop},
};

/// Bases that are read to show that the file is open.
const READ_BP: u64 = 10_000;

/// Opens `path` with nothing known of it, `cache` being an empty folder, reads a stretch, and opens it again.
pub(crate) fn open(path: &Path, cache: &Path, job: &Job) -> Result<Outcome, Stop> {
    let peak_covers = restart_peak();
    let (mut genome, first) = timed(|| with_progress(job, |hooks| Genome::open_with(path, cache, hooks)))?;
    let region = middle(&genome);
    let (bases, read) = timed(|| genome.read(&region))?;
    let (records, length_bp) =
        (genome.contigs().len(), genome.contigs().iter().map(|contig| contig.length_bp).sum::<u64>());
    drop(genome);
    let (mut genome, again) = timed(|| Genome::open(path, cache))?;
    let (same, read_again) = timed(|| genome.read(&region))?;
    Ok(Outcome::Json(json!({
        "program": format!("strandscope {}", env!("CARGO_PKG_VERSION")),
        "file_bytes": std::fs::metadata(path).ok().map(|metadata| metadata.len()),
        "records": records,
        "length_bp": length_bp,
        "index_seconds": first.seconds,
        "index_cpu_seconds": first.cpu_seconds,
        "region": region.to_string(),
        "first_region_seconds": read.seconds,
        "reopen_seconds": again.seconds,
        "reopen_cpu_seconds": again.cpu_seconds,
        "reopen_region_seconds": read_again.seconds,
        "same_bases": bases == same,
        "peak_rss_bytes": peak_rss_bytes(),
        "peak_covers": peak_covers,
        "cpu": cpu_name(),
        "load_average": load_average(),
    })))
}

struct Took {
    seconds: f64,
    cpu_seconds: Value,
}

fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(T, Took), E> {
    let (cpu_before, start) = (cpu_time(), Instant::now());
    let done = work()?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu_seconds = json!(cpu_before.zip(cpu_time()).map(|(before, after)| after - before));
    Ok((done, Took { seconds, cpu_seconds }))
}

/// A stretch in the middle of the longest record.
fn middle(genome: &Genome) -> Region {
    let longest = genome.contigs().iter().max_by_key(|contig| contig.length_bp);
    longest.map_or_else(
        || Region::new("", 0, 0),
        |contig| {
            let start_bp = contig.length_bp / 2;
            Region::new(&contig.name, start_bp, (start_bp + READ_BP).min(contig.length_bp))
        },
    )
}
