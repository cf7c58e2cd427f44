//! Where attention goes, window by window.

use strandscope_analysis::{
    AnalysisError,
    attention::{AttentionPlan, Part, attention, track_names},
};
use strandscope_genome::{GenomeError, Region, Strand};

use super::{
    command_line::of_attention,
    errors::reading,
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
        let command = || of_attention(request);
        let sha256 = self.genomes.sha256(&request.genome, job)?;
        let mut record = self.setting.record(model.identity(), None, (&request.genome, sha256), command);
        record.beyond_trained_length = plan.window_bp.min(region.len_bp()) > trained_bp;
        job.started(plan.window_count(), "windows");
        let name = request.stat.name();
        let label = |(layer, head): (String, String)| (format!("{name}:{layer}:{head}"), Strand::Forward);
        job.record(record.clone(), names.into_iter().map(label).collect());
        if record.beyond_trained_length {
            job.warn(format!("windows of {} bases are longer than any the model saw in training", plan.window_bp));
        }
        let genome = self.genomes.open(&request.genome, job)?;
        let mut bases = |range: std::ops::Range<u64>| {
            genome.read(&Region::new(region.contig.clone(), range.start, range.end)).map_err(reading)
        };
        let mut part = |number, part| match part {
            Part::Track(part) => job.chunk(TrackChunk { track: number, part, whole: region.clone() }),
            Part::Pairs(pairs) => job.pairs(number, pairs),
        };
        let mut go_on = |windows| {
            job.progress(windows, "");
            if job.is_cancelled() { Err(AnalysisError::Cancelled) } else { Ok(()) }
        };
        let conduct = job.conduct(true);
        record.unknown_bp =
            attention(&model.model, &model.tokenizer, &plan, &conduct, &mut bases, &mut part, &mut go_on)?;
        warn_of_unknown(&record, job);
        record.windows = plan.window_count();
        Ok(Outcome::Run(record))
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
