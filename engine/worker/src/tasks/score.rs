//! Scores of regions with a head.

use std::{cell::Cell, ops::Range};

use burn::tensor::Device;
use strandscope_analysis::{
    AnalysisError,
    batch::is_base,
    predict::Predictor,
    score::{ScoreHost, ScorePlan, score_region, track_names, window_count},
};
use strandscope_genome::{Genome, Region, Track, TrackLayout};
use strandscope_models::{card::HeadKind, head::Head, model::Model};
use strandscope_tokens::{Tokenizer, TokenizerKind};

use super::{
    command_line::of_score,
    errors::reading,
    fallback::Fallback,
    memory,
    places::{Place, places},
    tensors::TensorTasks,
};
use crate::{
    ErrorKind, JobError, Outcome, RunRecord, ScoreRequest, TrackChunk, WindowChoice,
    engine::{Job, Stop},
};

/// The windows of a sequence head overlap by this many steps.
const STEPS_IN_WINDOW: u64 = 4;

impl TensorTasks {
    /// Scores regions, or every record.
    pub(super) fn score(&mut self, request: &ScoreRequest, job: &Job) -> Result<Outcome, Stop> {
        let model = self.shelf.model_of(&request.head, request.model.as_deref())?;
        model.tell_oddities(job);
        let head = self.shelf.head(&request.head, &model.model)?;
        check_request(request, &head, &model.tokenizer)?;
        let fallback = Fallback::new(job, &self.device.name);
        let done = Cell::new(0);
        let predictor = Predictor::new(&model.model, &model.tokenizer, &head, job.conduct(true));
        let predictor = predictor.with_spare(Box::new(|fault| {
            fallback.tell(fault, done.get());
            let model = Model::load_as(&model.model.folder, &Device::flex(), model.model.tables)?;
            let head = Head::load(&head.folder, &model, &Device::flex())?;
            Ok((model, head))
        }));
        let genome = self.genomes.open(&request.genome, job)?;
        let places = places(&request.regions, request.keep_going, genome, job)?;
        let plans: Vec<Plan> = places.iter().map(|place| Plan::new(request, &head, &model.tokenizer, place)).collect();
        let pass = self.largest_pass(request, &predictor, &plans, job)?;
        let command = || of_score(request);
        let sha256 = self.genomes.sha256(&request.genome, job)?;
        let mut record = self.setting.record(model.identity(), Some(&head), (&request.genome, sha256), command);
        record.memory_bytes = Some(memory::expected(&self.device, &model.model, pass));
        let longest_bp = plans.iter().map(|plan| plan.reads_bp).max().unwrap_or(0);
        record.beyond_trained_length = longest_bp > head.card.input_length_bp;
        job.started(plans.iter().map(|plan| window_count(&predictor, &plan.score)).sum(), "windows");
        let names = track_names(&predictor, request.both_strands);
        let tracks = names.len();
        job.record(record.clone(), names);
        if record.beyond_trained_length {
            let trained_bp = head.card.input_length_bp;
            job.warn(format!("windows of {longest_bp} bases are longer than the {trained_bp} the head was trained on"));
        }
        let genome = self.genomes.open(&request.genome, job)?;
        for (index, plan) in plans.iter().enumerate() {
            let mut host = Host {
                genome,
                job,
                plan,
                first_track: index * tracks,
                record: &mut record,
                seen_unknown: false,
                done: &done,
            };
            score_region(&predictor, &plan.score, &mut host)?;
        }
        record.device = fallback.devices();
        warn_of_unknown(&record, job);
        Ok(Outcome::Run(record))
    }

    /// Memory that the largest batch of windows takes, in bytes; what does not fit is refused.
    fn largest_pass(
        &mut self,
        request: &ScoreRequest,
        predictor: &Predictor<'_>,
        plans: &[Plan],
        job: &Job,
    ) -> Result<u64, Stop> {
        let Some(largest) = plans.iter().max_by_key(|plan| plan.reads_bp) else { return Ok(0) };
        let sample = if predictor.head.reads_tokens() {
            read_of(self.genomes.open(&request.genome, job)?, largest, largest.score.sample())?
        } else {
            Vec::new()
        };
        let pass = largest.score.pass_bytes(predictor, &sample, self.device.is_gpu())?;
        memory::check(&self.device, pass, "name shorter regions or fewer --window-tokens")?;
        Ok(pass)
    }
}

/// Bases of a plan, by its own positions.
fn read_of(genome: &mut Genome, plan: &Plan, range: Range<u64>) -> Result<Vec<u8>, AnalysisError> {
    let [start_bp, end_bp] = [range.start, range.end].map(|position_bp| position_bp + plan.offset_bp);
    genome.read(&Region::new(plan.region.contig.clone(), start_bp, end_bp)).map_err(reading)
}

pub(super) fn warn_of_unknown(record: &RunRecord, job: &Job) {
    if record.unknown_bp > 0 {
        job.warn(format!("{} bases were passed to the model as unknown", record.unknown_bp));
    }
}

/// Refuses what the head cannot do.
fn check_request(request: &ScoreRequest, head: &Head, tokenizer: &Tokenizer) -> Result<(), Stop> {
    let usage = |message: String| Err(JobError::new(ErrorKind::Usage, message).into());
    let name = &head.card.name;
    if request.stride_bp == Some(0) {
        return usage("a stride of 0 bases never ends; give 1 or more".to_owned());
    }
    if request.stride_bp.is_some() && head.card.kind != HeadKind::Sequence {
        return usage(format!("head {name} answers for every base and takes no --stride; leave it out"));
    }
    if request.stride_bp.is_some() && request.window == WindowChoice::Whole {
        return usage(
            "a whole region is one window, so there is no stride; leave out --stride or the window".to_owned(),
        );
    }
    if request.all_frames && (head.card.kind == HeadKind::Sequence || !head.reads_tokens()) {
        return usage(format!(
            "head {name} does not answer from single tokens, so that it has no frames; leave out --all-frames"
        ));
    }
    if request.all_frames && !matches!(tokenizer.kind(), TokenizerKind::Kmers { .. }) {
        return usage(format!(
            "the model of head {name} reads no words of one length that follow each other, so that it has no frames; \
             leave out --all-frames"
        ));
    }
    let of_context = head.card.context_bp.map(|_| usize::try_from(head.card.input_length_bp).unwrap_or(usize::MAX));
    let fixed_bp = head.fixed_length_bp().or(of_context);
    if let (Some(length_bp), true) = (fixed_bp, request.window != WindowChoice::Trained) {
        return usage(format!(
            "head {name} reads windows of {length_bp} bases and no others; leave out --window-tokens"
        ));
    }
    Ok(())
}

/// In how many frames windows are read.
fn frames(request: &ScoreRequest, tokenizer: &Tokenizer) -> usize {
    match tokenizer.kind() {
        TokenizerKind::Kmers { k } if request.all_frames => k,
        _ => 1,
    }
}

/// How a region is scored, and where its coordinates begin.
struct Plan {
    score: ScorePlan,
    region: Region,
    /// Added to the positions of `score` to get those of the contig.
    offset_bp: u64,
    /// Bases read at once.
    reads_bp: u64,
}

impl Plan {
    fn new(request: &ScoreRequest, head: &Head, tokenizer: &Tokenizer, place: &Place) -> Self {
        if request.window == WindowChoice::Whole {
            return Self::whole(request, head, tokenizer, &place.region);
        }
        let window_bp = match request.window {
            WindowChoice::Tokens(tokens) => tokenizer.typical_bp(tokens),
            _ => head.card.input_length_bp,
        };
        let window_bp = window_bp.max(1);
        let stride_bp = request.stride_bp.unwrap_or(window_bp / STEPS_IN_WINDOW).max(1);
        let score = ScorePlan {
            region: place.region.clone(),
            contig_bp: place.contig_bp,
            window_bp,
            stride_bp,
            both_strands: request.both_strands,
            frames: frames(request, tokenizer),
        };
        let reads_bp = window_bp.min(place.contig_bp);
        Self { score, region: place.region.clone(), offset_bp: 0, reads_bp }
    }

    /// One pass over the region, which is treated as a contig of its own.
    fn whole(request: &ScoreRequest, head: &Head, tokenizer: &Tokenizer, region: &Region) -> Self {
        let length_bp = region.len_bp();
        let window_bp = match head.card.kind {
            HeadKind::Sequence => length_bp,
            // Wide enough that no second window begins, whatever is taken off for flanks and ramps.
            HeadKind::Base | HeadKind::Token => 2 * length_bp + 4 * head.reach_bp() as u64,
        };
        let score = ScorePlan {
            region: Region::new(region.contig.clone(), 0, length_bp),
            contig_bp: length_bp,
            window_bp,
            stride_bp: length_bp,
            both_strands: request.both_strands,
            frames: frames(request, tokenizer),
        };
        Self { score, region: region.clone(), offset_bp: region.start_bp, reads_bp: length_bp }
    }
}

/// Reads bases for the scorer and passes on what it gives.
struct Host<'a> {
    genome: &'a mut Genome,
    job: &'a Job,
    plan: &'a Plan,
    first_track: usize,
    record: &'a mut RunRecord,
    /// Whether the model was given an unknown letter since the last part.
    seen_unknown: bool,
    /// Windows that were computed.
    done: &'a Cell<u64>,
}

impl Host<'_> {
    fn read(&mut self, range: Range<u64>) -> Result<Vec<u8>, AnalysisError> {
        read_of(self.genome, self.plan, range)
    }
}

impl ScoreHost for Host<'_> {
    fn bases(&mut self, range: Range<u64>) -> Result<Vec<u8>, AnalysisError> {
        self.read(range)
    }

    fn part(&mut self, track: usize, mut part: Track) {
        // Windows overlap, so that letters are counted in the parts, which do not.
        if track == 0 && self.seen_unknown {
            let range = part.region.start_bp..part.region.end_bp;
            let unknown = self.read(range).map(|bases| bases.iter().filter(|base| !is_base(**base)).count() as u64);
            self.record.unknown_bp += unknown.unwrap_or(0);
        }
        shift(&mut part, self.plan.offset_bp);
        self.job.chunk(TrackChunk { track: self.first_track + track, part, whole: self.plan.region.clone() });
    }

    fn done(&mut self, windows: u64, unknown_bp: u64) -> Result<(), AnalysisError> {
        self.record.windows += windows;
        self.done.set(self.record.windows);
        self.seen_unknown |= unknown_bp > 0;
        self.job.progress(self.record.windows, "");
        if self.job.is_cancelled() { Err(AnalysisError::Cancelled) } else { Ok(()) }
    }
}

/// Moves a track along its contig.
fn shift(track: &mut Track, by_bp: u64) {
    if by_bp == 0 {
        return;
    }
    track.region.start_bp += by_bp;
    track.region.end_bp += by_bp;
    for run in &mut track.missing {
        run.start_bp += by_bp;
        run.end_bp += by_bp;
    }
    // Bins begin at multiples of their width, which a moved one need not do.
    if matches!(track.layout, TrackLayout::Bins { width_bp } if width_bp > 1) {
        track.layout = TrackLayout::Spans(vec![(track.region.start_bp, track.region.end_bp)]);
    }
}
