//! Embeddings of sequences, in a file for other programs.

use std::io::Write as _;

use safetensors::Dtype;
use strandscope_analysis::{
    embed::{Embedding, embed},
    windows::Cores,
};
use strandscope_genome::{AtomicFile, OutputError, Region};
use strandscope_models::{
    checkpoint::{NamedArray, write_tensors},
    memory::EncoderPass,
};

use super::{
    attention::{Host, warn_of_length},
    command_line::of_embedding,
    fallback::Fallback,
    memory,
    places::{Place, places},
    score::warn_of_unknown,
    shelf::LoadedModel,
    tensors::TensorTasks,
};
use crate::{
    EmbedRequest, ErrorKind, JobError, Outcome, Pooling, WindowChoice,
    engine::{Job, Stop},
};

/// Most bytes that all embeddings together take.
const MOST_BYTES: u64 = 8 << 30;

impl TensorTasks {
    /// Embeds regions, or every record.
    pub(super) fn embed(&mut self, request: &EmbedRequest, job: &Job) -> Result<Outcome, Stop> {
        let model = self.shelf.model(request.model.as_deref())?;
        model.tell_oddities(job);
        let file = AtomicFile::create(&request.output, request.force)?;
        let genome = self.genomes.open(&request.genome, job)?;
        let places = places(&request.regions, false, genome, job)?;
        let mut written = Arrays::new(&places, request.pooling, model.model.sizes().hidden_size)?;
        let trained_bp = model.tokenizer.typical_bp(model.model.context_tokens());
        let longest_bp = places.iter().map(|place| place.region.len_bp()).max().unwrap_or(0);
        let window_bp = match request.window {
            WindowChoice::Trained => trained_bp,
            WindowChoice::Tokens(tokens) => model.tokenizer.typical_bp(tokens),
            WindowChoice::Whole => longest_bp,
        };
        let cut = |Place { region, contig_bp }: &Place| Cores {
            region: region.start_bp..region.end_bp,
            contig_bp: *contig_bp,
            window_bp,
        };
        let pass =
            self.largest_embedding(request, &model, places.iter().map(|place| (&place.region, cut(place))), job)?;
        let sha256 = self.genomes.sha256(&request.genome, job)?;
        let mut record =
            self.setting.record(model.identity(), None, (&request.genome, sha256), || of_embedding(request));
        record.memory_bytes = Some(memory::expected(&self.device, &model.model, pass));
        record.beyond_trained_length = window_bp.min(longest_bp) > trained_bp;
        job.started(places.iter().map(|place| cut(place).count()).sum(), "windows");
        job.record(record.clone(), Vec::new());
        warn_of_length(&record, window_bp.min(longest_bp), job);
        let genome = self.genomes.open(&request.genome, job)?;
        let fallback = Fallback::new(job, &record.device);
        for place in &places {
            let (cores, region, before) = (cut(place), &place.region, record.windows);
            let (folder, tables, windows) = (&model.model.folder, model.model.tables, cores.count());
            let mut host = Host { genome, job, region, folder, tables, fallback: &fallback, windows, done: 0, before };
            let found = embed(&model.model, &model.tokenizer, cores, request.pooling, &job.conduct(true), &mut host)?;
            record.unknown_bp += found.unknown_bp;
            record.windows += windows;
            written.add(found)?;
        }
        record.device = fallback.devices();
        warn_of_unknown(&record, job);
        written.write(file, if self.setting.no_provenance { Vec::new() } else { record.pairs() })?;
        Ok(Outcome::Written { paths: vec![request.output.clone()], notes: vec![format!("{} records", places.len())] })
    }

    /// Memory that the largest window takes, in bytes; what does not fit is refused.
    fn largest_embedding<'a>(
        &mut self,
        request: &EmbedRequest,
        model: &LoadedModel,
        regions: impl Iterator<Item = (&'a Region, Cores)>,
        job: &Job,
    ) -> Result<u64, Stop> {
        let Some((region, cores)) = regions.max_by_key(|(region, _)| region.len_bp()) else { return Ok(0) };
        let first = cores.first_window();
        let genome = self.genomes.open(&request.genome, job)?;
        let first = genome.read(&Region::new(region.contig.clone(), first.start, first.end))?;
        let positions = cores.longest_tokens(&first, &model.tokenizer)?;
        let pass = EncoderPass { positions, observed: None, on_gpu: self.device.is_gpu() };
        let pass = model.model.sizes().pass_bytes(&pass);
        memory::check(&self.device, pass, "name fewer --window-tokens")?;
        Ok(pass)
    }
}

/// A name for each place that no other has: that of its contig, and where it is taken, that of the region.
fn names(places: &[Place]) -> Result<Vec<String>, JobError> {
    let mut names: Vec<String> = Vec::new();
    for Place { region, .. } in places {
        let [of_contig, of_region] = [region.contig.clone(), region.to_string()];
        let name = if names.contains(&of_contig) { of_region } else { of_contig };
        if names.contains(&name) {
            let message = format!("region {name} is asked for twice; name each once");
            return Err(JobError::new(ErrorKind::Usage, message));
        }
        names.push(name);
    }
    Ok(names)
}

/// The file in the making.
struct Arrays {
    pooling: Pooling,
    hidden: usize,
    names: Vec<String>,
    /// Records that were added.
    count: usize,
    pooled: Vec<f32>,
    of_records: Vec<NamedArray>,
    bytes: u64,
}

impl Arrays {
    fn new(places: &[Place], pooling: Pooling, hidden: usize) -> Result<Self, JobError> {
        let names = names(places)?;
        Ok(Self { pooling, hidden, names, count: 0, pooled: Vec::new(), of_records: Vec::new(), bytes: 0 })
    }

    /// Adds what the next place gave.
    fn add(&mut self, found: Embedding) -> Result<(), JobError> {
        let name = &self.names[self.count];
        self.count += 1;
        self.bytes += 4 * found.values.len() as u64;
        if self.bytes > MOST_BYTES {
            let message = format!("the embeddings up to {name} take more than {MOST_BYTES} bytes; name fewer records");
            return Err(JobError::new(ErrorKind::Usage, message));
        }
        if self.pooling != Pooling::None {
            self.pooled.extend(found.values);
            return Ok(());
        }
        let spans = found.spans_bp.iter().flat_map(|&(start, end)| [start, end]);
        self.of_records.push(NamedArray {
            name: format!("embeddings.{name}"),
            dtype: Dtype::F32,
            shape: vec![found.spans_bp.len(), self.hidden],
            bytes: bytes_of(&found.values),
        });
        self.of_records.push(NamedArray {
            name: format!("spans.{name}"),
            dtype: Dtype::I64,
            shape: vec![found.spans_bp.len(), 2],
            bytes: spans.flat_map(|bp| i64::try_from(bp).unwrap_or(i64::MAX).to_le_bytes()).collect(),
        });
        Ok(())
    }

    /// Writes all of it, with the names in order as a JSON list and what was run.
    fn write(self, mut file: AtomicFile, provenance: Vec<(String, String)>) -> Result<(), Stop> {
        let mut metadata = vec![("names".to_owned(), serde_json::json!(self.names).to_string())];
        metadata.extend(provenance);
        let arrays = if self.pooling == Pooling::None {
            self.of_records
        } else {
            let (name, shape) = ("embeddings".to_owned(), vec![self.names.len(), self.hidden]);
            vec![NamedArray { name, dtype: Dtype::F32, shape, bytes: bytes_of(&self.pooled) }]
        };
        let bytes = write_tensors(arrays, &metadata)?;
        file.write_all(&bytes).map_err(|error| OutputError::from_write(file.target(), error))?;
        Ok(file.commit()?)
    }
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
