//! Where attention goes, window by window.

use std::ops::Range;

use burn::tensor::Device;
use strandscope_analysis::{
    AnalysisError,
    attention::{AttentionHost, AttentionPlan, Part, attention, track_names},
    host::ReadHost,
};
use strandscope_genome::{Genome, Region, Strand};
use strandscope_kernels::KernelError;
use strandscope_models::{checkpoint::WeightType, folder::Folder, model::Model};

use super::{
    command_line::of_attention, errors::reading, fallback::Fallback, memory, places::Place, score::warn_of_unknown,
    tensors::TensorTasks,
};
use crate::{
    AttentionRequest, Outcome, RunRecord, TrackChunk, WindowChoice,
    engine::{Job, Stop},
};

impl TensorTasks {
    /// Follows where attention goes in a region.
    pub(super) fn attention(&mut self, request: &AttentionRequest, job: &Job) -> Result<Outcome, Stop> {
        let model = self.shelf.model(request.model.as_deref())?;
        model.tell_oddities(job);
        let genome = self.genomes.open(&request.genome, job)?;
        let Place { region, contig_bp } = Place::of(&request.region, genome)?;
        let trained_bp = model.tokenizer.typical_bp(model.model.context_tokens());
        let window_bp = match request.window {
            WindowChoice::Trained => trained_bp,
            WindowChoice::Tokens(tokens) => model.tokenizer.typical_bp(tokens),
            WindowChoice::Whole => region.len_bp(),
        };
        let plan = AttentionPlan {
            region: region.clone(),
            contig_bp,
            window_bp: window_bp.max(1),
            stat: request.stat,
            layer: request.layer,
            attention_head: request.attention_head,
        };
        let names = track_names(&model.model, &plan)?;
        let cores = plan.cores();
        let first = cores.first_window();
        let first = genome.read(&Region::new(region.contig.clone(), first.start, first.end))?;
        let tokens = cores.longest_tokens(&first, &model.tokenizer)?;
        let pass = plan.pass_bytes(model.model.sizes(), tokens, self.device.is_gpu());
        memory::check(&self.device, pass, "name a shorter region or fewer --window-tokens")?;
        let command = || of_attention(request);
        let sha256 = self.genomes.sha256(&request.genome, job)?;
        let mut record = self.setting.record(model.identity(), None, (&request.genome, sha256), command);
        record.memory_bytes = Some(memory::expected(&self.device, &model.model, pass));
        record.beyond_trained_length = plan.window_bp.min(region.len_bp()) > trained_bp;
        job.started(plan.window_count(), "windows");
        let name = request.stat.name();
        let label = |(layer, head): (String, String)| (format!("{name}:{layer}:{head}"), Strand::Forward);
        job.record(record.clone(), names.into_iter().map(label).collect());
        warn_of_length(&record, plan.window_bp, job);
        let genome = self.genomes.open(&request.genome, job)?;
        let fallback = Fallback::new(job, &record.device);
        let (folder, region) = (&model.model.folder, &region);
        let (tables, windows) = (model.model.tables, plan.window_count());
        let mut host = Host { genome, job, region, folder, tables, fallback: &fallback, windows, done: 0, before: 0 };
        let conduct = job.conduct(true);
        record.unknown_bp = attention(&model.model, &model.tokenizer, &plan, &conduct, &mut host)?;
        record.device = fallback.devices();
        warn_of_unknown(&record, job);
        record.windows = plan.window_count();
        Ok(Outcome::Run(record))
    }
}

/// Tells that windows of so many bases are longer than those in training.
pub(super) fn warn_of_length(record: &RunRecord, window_bp: u64, job: &Job) {
    if record.beyond_trained_length {
        job.warn(format!("windows of {window_bp} bases are longer than any the model saw in training"));
    }
}

/// Reads bases, and passes on what attention gives.
pub(super) struct Host<'a> {
    pub(super) genome: &'a mut Genome,
    pub(super) job: &'a Job,
    pub(super) region: &'a Region,
    /// Where the model is.
    pub(super) folder: &'a Folder,
    /// In which type its tables are kept.
    pub(super) tables: WeightType,
    pub(super) fallback: &'a Fallback<'a>,
    /// Windows of the region, for progress.
    pub(super) windows: u64,
    /// Windows of the region that were computed.
    pub(super) done: u64,
    /// Windows of the regions before.
    pub(super) before: u64,
}

impl ReadHost for Host<'_> {
    fn bases(&mut self, range: Range<u64>) -> Result<Vec<u8>, AnalysisError> {
        let region = Region::new(self.region.contig.clone(), range.start, range.end);
        self.genome.read(&region).map_err(reading)
    }

    fn done(&mut self, bases: u64) -> Result<(), AnalysisError> {
        let share = u128::from(bases) * u128::from(self.windows) / u128::from(self.region.len_bp().max(1));
        self.done = u64::try_from(share).unwrap_or(self.windows);
        self.job.progress(self.before + self.done, "");
        if self.job.is_cancelled() { Err(AnalysisError::Cancelled) } else { Ok(()) }
    }

    fn on_processor(&mut self, fault: KernelError) -> Result<Model, AnalysisError> {
        self.fallback.tell(&fault, self.before + self.done);
        Ok(Model::load_as(self.folder, &Device::flex(), self.tables)?)
    }
}

impl AttentionHost for Host<'_> {
    fn part(&mut self, number: usize, part: Part) {
        match part {
            Part::Track(part) => {
                self.job.chunk(TrackChunk { track: number, part, whole: self.region.clone() });
            }
            Part::Pairs(pairs) => self.job.pairs(number, pairs),
        }
    }
}
