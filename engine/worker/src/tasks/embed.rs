//! Embeddings of sequences, in a file for other programs.

use std::io::Write as _;

use safetensors::Dtype;
use strandscope_analysis::{
    embed::{self, Embedding, embed},
    windows::Cores,
};
use strandscope_genome::{AtomicFile, Genome, OutputError, Region};
use strandscope_models::{
    checkpoint::{NamedArray, write_tensors},
    memory::EncoderPass,
};

use super::{
    attention::{Host, checked},
    command_line::of_embedding,
    fallback::Fallback,
    memory,
    score::{typical_bp, warn_of_unknown},
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
        let mut file = AtomicFile::create(&request.output, request.force)?;
        let regions = regions(request, self.genomes.open(&request.genome, job)?)?;
        let longest_bp = regions.iter().map(|(region, _)| region.len_bp()).max().unwrap_or(0);
        let window_bp = match request.window {
            WindowChoice::Trained => typical_bp(&model.tokenizer, model.model.context_tokens()),
            WindowChoice::Tokens(tokens) => typical_bp(&model.tokenizer, tokens),
            WindowChoice::Whole => longest_bp,
        };
        let reads_bp = usize::try_from(window_bp.min(longest_bp)).unwrap_or(usize::MAX);
        let positions = model.tokenizer.most_tokens(reads_bp).min(reads_bp) as u64;
        let pass = EncoderPass { positions, observed: None, on_gpu: self.device.is_gpu() };
        let pass = model.model.sizes().pass_bytes(&pass);
        memory::check(&self.device, pass, "name fewer --window-tokens")?;
        let sha256 = self.genomes.sha256(&request.genome, job)?;
        let command = || of_embedding(request);
        let mut record = self.setting.record(model.identity(), None, (&request.genome, sha256), command);
        record.memory_bytes = Some(memory::expected(&self.device, &model.model, pass));
        let all = |(region, contig_bp): &(Region, u64)| Cores {
            region: region.start_bp..region.end_bp,
            contig_bp: *contig_bp,
            window_bp,
        };
        job.started(regions.iter().map(|place| all(place).count()).sum(), "windows");
        job.record(record.clone(), Vec::new());
        let genome = self.genomes.open(&request.genome, job)?;
        let fallback = Fallback::new(job, &record.device);
        let mut written = Arrays::new(request.pooling, model.model.sizes().hidden_size);
        let mut before = 0;
        for place in &regions {
            let (cores, region) = (all(place), &place.0);
            let windows = cores.count();
            let (folder, tables) = (&model.model.folder, model.model.tables);
            let mut host = Host { genome, job, region, folder, tables, fallback: &fallback, windows, done: 0, before };
            let pooling = match request.pooling {
                Pooling::Mean => embed::Pooling::Mean,
                Pooling::Cls => embed::Pooling::Cls,
                Pooling::None => embed::Pooling::None,
            };
            let found = embed(&model.model, &model.tokenizer, cores, pooling, &job.conduct(true), &mut host)?;
            record.unknown_bp += found.unknown_bp;
            written.add(region, found)?;
            before += windows;
        }
        record.device = fallback.devices();
        record.windows = before;
        warn_of_unknown(&record, job);
        let mut metadata = written.names();
        metadata.extend(if self.setting.no_provenance { Vec::new() } else { record.pairs() });
        let bytes = write_tensors(written.arrays(), &metadata)?;
        file.write_all(&bytes).map_err(|error| OutputError::from_write(&request.output, error))?;
        file.commit()?;
        Ok(Outcome::Written { paths: vec![request.output.clone()], notes: vec![format!("{} records", regions.len())] })
    }
}

/// What is to be embedded, with the length of its contig.
fn regions(request: &EmbedRequest, genome: &Genome) -> Result<Vec<(Region, u64)>, Stop> {
    if request.regions.is_empty() {
        let contigs = genome.contigs().iter().filter(|contig| contig.length_bp > 0);
        let whole = contigs.map(|contig| (Region::new(contig.name.clone(), 0, contig.length_bp), contig.length_bp));
        return Ok(whole.collect());
    }
    let place = |region: &Region| {
        let clipped = genome.clip(region)?;
        Ok((region.clone(), checked(clipped, region, genome.path(), genome.contig(&region.contig))?))
    };
    request.regions.iter().map(place).collect()
}

/// The arrays of the file in the making.
struct Arrays {
    pooling: Pooling,
    hidden: usize,
    names: Vec<String>,
    pooled: Vec<f32>,
    of_records: Vec<NamedArray>,
    bytes: u64,
}

impl Arrays {
    fn new(pooling: Pooling, hidden: usize) -> Self {
        Self { pooling, hidden, names: Vec::new(), pooled: Vec::new(), of_records: Vec::new(), bytes: 0 }
    }

    fn add(&mut self, region: &Region, found: Embedding) -> Result<(), Stop> {
        let name = self.name_of(region);
        self.bytes += 4 * found.values.len() as u64;
        if self.bytes > MOST_BYTES {
            let message = format!("the embeddings up to {name} take more than {MOST_BYTES} bytes; name fewer records");
            return Err(JobError::new(ErrorKind::Usage, message).into());
        }
        if self.pooling == Pooling::None {
            let tokens = found.spans_bp.len();
            let spans = found.spans_bp.iter().flat_map(|&(start, end)| [start, end]);
            let spans = spans.flat_map(|bp| i64::try_from(bp).unwrap_or(i64::MAX).to_le_bytes()).collect();
            self.of_records.push(NamedArray {
                name: format!("embeddings.{name}"),
                dtype: Dtype::F32,
                shape: vec![tokens, self.hidden],
                bytes: bytes_of(&found.values),
            });
            self.of_records.push(NamedArray {
                name: format!("spans.{name}"),
                dtype: Dtype::I64,
                shape: vec![tokens, 2],
                bytes: spans,
            });
        } else {
            self.pooled.extend(found.values);
        }
        self.names.push(name);
        Ok(())
    }

    /// A name that no other record has: that of the contig, and where it is taken, that of the region.
    fn name_of(&self, region: &Region) -> String {
        let taken = self.names.contains(&region.contig);
        if taken { region.to_string() } else { region.contig.clone() }
    }

    /// The names of the records in order, as a JSON list.
    fn names(&self) -> Vec<(String, String)> {
        vec![("names".to_owned(), serde_json::json!(self.names).to_string())]
    }

    fn arrays(self) -> Vec<NamedArray> {
        if self.pooling == Pooling::None {
            return self.of_records;
        }
        let shape = vec![self.names.len(), self.hidden];
        let bytes = bytes_of(&self.pooled);
        vec![NamedArray { name: "embeddings".to_owned(), dtype: Dtype::F32, shape, bytes }]
    }
}

fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
