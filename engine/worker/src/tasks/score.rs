//! Scores of regions with a head.

mod described;
mod forecast;
mod host;
mod null_band;
mod plan;
mod settings;
mod speeds;
mod store;

use std::{cell::Cell, time::Instant};

use burn::tensor::Device;
use strandscope_analysis::{
    predict::Predictor,
    score::{Outline, score_region, track_names},
};
use strandscope_models::{head::Head, model::Model};

pub(crate) use self::{forecast::Forecaster, speeds::Speeds, store::ScoreStore};
use self::{
    host::{Keeping, RegionHost},
    plan::{Plan, check_request},
    settings::{Identity, Settings},
};
use super::{
    command_line::of_score,
    fallback::Fallback,
    memory,
    places::places,
    shelf::{Key, LoadedModel},
    tensors::TensorTasks,
};
use crate::{
    Outcome, RunRecord, ScoreRequest,
    engine::{Job, Stop},
};

impl TensorTasks {
    /// Scores regions, or every record.
    pub(super) fn score(&mut self, request: &ScoreRequest, job: &Job) -> Result<Outcome, Stop> {
        let model = self.shelf.model_of(&request.head, request.model.as_deref())?;
        model.tell_oddities(job);
        let head = self.shelf.head(&request.head, &model.model)?;
        let fallback = Fallback::new(job, &self.device.name);
        let done = Cell::new(0);
        let predictor = predictor(&model, &head, job, &fallback, &done);
        let outline = predictor.outline();
        check_request(request, &outline)?;
        let genome = self.genomes.open(&request.genome, job)?;
        let places = places(&request.regions, request.keep_going, genome, job)?;
        let plans: Vec<Plan> = places.iter().map(|place| Plan::new(request, &outline, place)).collect();
        let mut record = self.record_of(request, &model, &head, &outline, &plans, job)?;
        job.started(plans.iter().map(|plan| plan.score.window_count(&outline)).sum(), "windows");
        let names = track_names(outline.card, request.both_strands, request.window_votes);
        let tracks = names.len();
        job.record(record.clone(), names);
        warn_of_length(&record, &head, &plans, job);
        let numeric_form = self.numeric_form(&model, &head);
        let identity = identity(&model, &head, numeric_form);
        let genome = self.genomes.open(&request.genome, job)?;
        let start = Instant::now();
        for (index, plan) in plans.iter().enumerate() {
            let settings = Settings::new(&identity, &outline, &plan.score);
            let keeps = !self.options.no_score_cache;
            let keeping = keeps.then(|| Keeping::new(&settings, &mut self.scores));
            let mut host = RegionHost::new(genome, job, plan, index * tracks, &mut record, &done, keeping);
            score_region(&predictor, &plan.score, &mut host)?;
        }
        // Kept windows take time as well, though little; and what took the place of a device is another one.
        let is_telling = record.windows_cached <= record.windows && !predictor.is_on_spare();
        if let Some(plan) = plans.first().filter(|_| is_telling) {
            let settings = Settings::new(&identity, &outline, &plan.score);
            self.speeds.tell(&settings.key_of_speed(), record.windows, start.elapsed());
        }
        record.device = fallback.devices();
        warn_of_unknown(&record, job);
        Ok(Outcome::Run(record))
    }

    /// What is run, with the memory that it takes; what does not fit is refused.
    fn record_of(
        &mut self,
        request: &ScoreRequest,
        model: &LoadedModel,
        head: &Head,
        outline: &Outline<'_>,
        plans: &[Plan],
        job: &Job,
    ) -> Result<RunRecord, Stop> {
        let genome = self.genomes.open(&request.genome, job)?;
        let pass = plan::largest_pass(outline, plans, genome, self.device.is_gpu())?;
        memory::check(&self.device, pass, "name shorter regions or fewer --window-tokens")?;
        let sha256 = self.genomes.sha256(&request.genome, job)?;
        let command = || of_score(request);
        let mut record = self.setting.record(model.identity(), Some(head), (&request.genome, sha256), command);
        record.memory_bytes = Some(memory::expected(&self.device, &model.model, pass));
        record.beyond_trained_length = plan::longest_bp(plans) > outline.card.input_length_bp;
        Ok(record)
    }

    /// Tells other threads what was loaded; gives what decides on the last digits of numbers here.
    fn numeric_form(&self, model: &LoadedModel, head: &Head) -> String {
        self.facts.tell_sha256(Key::of_network(&model.model.folder), &model.model.sha256);
        if head.folder != model.model.folder {
            self.facts.tell_sha256(Key::of_network(&head.folder), &head.sha256);
        }
        let head_width = model.model.sizes().head_width();
        self.facts.numeric_form(&self.device, head_width)
    }
}

/// Model and head as a function, which goes on with the processor when the device fails.
fn predictor<'a>(
    model: &'a LoadedModel,
    head: &'a Head,
    job: &'a Job,
    fallback: &'a Fallback<'a>,
    done: &'a Cell<u64>,
) -> Predictor<'a> {
    let predictor = Predictor::new(&model.model, &model.tokenizer, head, job.conduct(true));
    predictor.with_spare(Box::new(|fault| {
        fallback.tell(fault, done.get());
        let model = Model::load_as(&model.model.folder, &Device::flex(), model.model.tables)?;
        let head = Head::load(&head.folder, &model, &Device::flex())?;
        Ok((model, head))
    }))
}

fn identity<'a>(model: &'a LoadedModel, head: &'a Head, numeric_form: String) -> Identity<'a> {
    Identity {
        model: &model.model.folder,
        model_sha256: &model.model.sha256,
        head: &head.folder,
        head_sha256: &head.sha256,
        tables: model.model.tables,
        numeric_form,
    }
}

fn warn_of_length(record: &RunRecord, head: &Head, plans: &[Plan], job: &Job) {
    if record.beyond_trained_length {
        let (longest_bp, trained_bp) = (plan::longest_bp(plans), head.card.input_length_bp);
        job.warn(format!("windows of {longest_bp} bases are longer than the {trained_bp} the head was trained on"));
    }
}

pub(super) fn warn_of_unknown(record: &RunRecord, job: &Job) {
    if record.unknown_bp > 0 {
        job.warn(format!("{} bases were passed to the model as unknown", record.unknown_bp));
    }
}
