//! Where attention goes, window by window.

use std::ops::Range;

use burn::tensor::Device;
use strandscope_analysis::{
    AnalysisError,
    attention::{AttentionHost, AttentionPlan, Part, attention, track_names},
};
use strandscope_genome::{Genome, GenomeError, Region, Strand};
use strandscope_kernels::KernelError;
use strandscope_models::folder::{Folder, Model};

use super::{
    command_line::of_attention,
    errors::reading,
    fallback::Fallback,
    memory,
    score::{TOKEN_BP, warn_of_unknown},
    tensors::TensorTasks,
};
use crate::{
    AttentionRequest, ErrorKind, JobError, Outcome, TrackChunk, WindowChoice,
    engine::{Job, Stop},
};

/// What is read at once with a model whose card does not say what it was trained on.
const PLAIN_CONTEXT_TOKENS: u64 = 512;

impl TensorTasks {
    /// Follows where attention goes in a region.
    pub(super) fn attention(&mut self, request: &AttentionRequest, job: &Job) -> Result<Outcome, Stop> {
        let model = self.shelf.model(request.model.as_deref())?;
        let genome = self.genomes.open(&request.genome, job)?;
        let region = request.region.clone();
        let contig_bp = checked(genome.clip(&region)?, &region, genome.path(), genome.contig(&region.contig))?;
        let trained_bp = TOKEN_BP * model.model.context_tokens.unwrap_or(PLAIN_CONTEXT_TOKENS);
        let window_bp = match request.window {
            WindowChoice::Trained => trained_bp,
            WindowChoice::Tokens(tokens) => tokens.saturating_mul(TOKEN_BP),
            WindowChoice::Whole => region.len_bp(),
        };
        let plan = AttentionPlan {
            region: region.clone(),
            contig_bp,
            window_bp: window_bp.max(TOKEN_BP),
            stat: request.stat,
            layer: request.layer,
            attention_head: request.attention_head,
        };
        let names = track_names(&model.model, &plan)?;
        let first = plan.first_window();
        let first = genome.read(&Region::new(region.contig.clone(), first.start, first.end))?;
        let tokens = plan.longest_tokens(&first, &model.tokenizer)?;
        let pass = plan.pass_bytes(&model.model.config, tokens, self.device.is_gpu());
        memory::check(&self.device, pass, "name a shorter region or fewer --window-tokens")?;
        let command = || of_attention(request);
        let sha256 = self.genomes.sha256(&request.genome, job)?;
        let mut record = self.setting.record(model.identity(), None, (&request.genome, sha256), command);
        record.memory_bytes = Some(memory::expected(&self.device, model.model.parameters as u64, pass));
        record.beyond_trained_length = plan.window_bp.min(region.len_bp()) > trained_bp;
        job.started(plan.window_count(), "windows");
        let name = request.stat.name();
        let label = |(layer, head): (String, String)| (format!("{name}:{layer}:{head}"), Strand::Forward);
        job.record(record.clone(), names.into_iter().map(label).collect());
        if record.beyond_trained_length {
            job.warn(format!("windows of {} bases are longer than any the model saw in training", plan.window_bp));
        }
        let genome = self.genomes.open(&request.genome, job)?;
        let fallback = Fallback::new(job, &record.device);
        let (folder, region) = (&model.model.folder, &region);
        let mut host = Host { genome, job, region, folder, fallback: &fallback, done: 0 };
        let conduct = job.conduct(true);
        record.unknown_bp = attention(&model.model, &model.tokenizer, &plan, &conduct, &mut host)?;
        record.device = fallback.devices();
        warn_of_unknown(&record, job);
        record.windows = plan.window_count();
        Ok(Outcome::Run(record))
    }
}

/// Reads bases and passes on what attention gives.
struct Host<'a> {
    genome: &'a mut Genome,
    job: &'a Job,
    region: &'a Region,
    /// Where the model is.
    folder: &'a Folder,
    fallback: &'a Fallback<'a>,
    /// Windows that were computed.
    done: u64,
}

impl AttentionHost for Host<'_> {
    fn bases(&mut self, range: Range<u64>) -> Result<Vec<u8>, AnalysisError> {
        let region = Region::new(self.region.contig.clone(), range.start, range.end);
        self.genome.read(&region).map_err(reading)
    }

    fn part(&mut self, number: usize, part: Part) {
        match part {
            Part::Track(part) => {
                self.job.chunk(TrackChunk { track: number, part, whole: self.region.clone() });
            }
            Part::Pairs(pairs) => self.job.pairs(number, pairs),
        }
    }

    fn done(&mut self, windows: u64) -> Result<(), AnalysisError> {
        self.done = windows;
        self.job.progress(windows, "");
        if self.job.is_cancelled() { Err(AnalysisError::Cancelled) } else { Ok(()) }
    }

    fn on_processor(&mut self, fault: KernelError) -> Result<Model, AnalysisError> {
        self.fallback.tell(&fault, self.done);
        Ok(Model::load(self.folder, &Device::flex())?)
    }
}

/// The length of the contig, when `region` lies on it and has bases.
pub(super) fn checked(
    clipped: Region,
    region: &Region,
    path: &std::path::Path,
    contig: Option<&strandscope_genome::Contig>,
) -> Result<u64, Stop> {
    let length_bp = contig.map_or(0, |contig| contig.length_bp);
    if clipped != *region {
        return Err(GenomeError::OutsideContig { path: path.to_owned(), region: region.clone(), length_bp }.into());
    }
    if region.is_empty() {
        let message = format!("region {region} has no bases; name one with a start before its end");
        return Err(JobError::new(ErrorKind::BadInput, message).into());
    }
    Ok(length_bp)
}
