//! The thread that owns the device, the models and every tensor.

use strandscope_analysis::AnalysisError;
use strandscope_kernels::{is_broken, watched_around};
use strandscope_models::checkpoint::WeightType;

use super::{
    bench,
    device::ComputeDevice,
    doctor, export_model,
    facts::{DeviceFacts, Facts},
    forward,
    genomes::Genomes,
    known::Known,
    provenance::Setting,
    score::{ScoreStore, Speeds},
    selftest,
    shelf::Shelf,
    show,
};
use crate::{
    DeviceChoice, EngineOptions, ErrorKind, Event, JobError, Outcome, Task,
    engine::{Job, Post, Stop, Tasks},
};

/// What the thread keeps between tasks.
pub(crate) struct TensorTasks {
    pub(super) genomes: Genomes,
    pub(super) known: Known,
    pub(super) shelf: Shelf,
    pub(super) setting: Setting,
    pub(super) device: ComputeDevice,
    pub(super) options: EngineOptions,
    pub(super) facts: Facts,
    pub(super) scores: ScoreStore,
    pub(super) speeds: Speeds,
    post: Post,
}

impl TensorTasks {
    /// Brings up the device and tells that it is ready.
    pub(crate) fn new(options: EngineOptions, facts: Facts, post: &Post) -> Result<Self, JobError> {
        let device = ComputeDevice::choose(options.device, options.threads)?;
        facts.tell_device(&device);
        post.send(Event::Ready { device: device.name.clone() });
        let cache = options.cache_folder();
        let known = Known::new(&options);
        Ok(Self {
            genomes: Genomes::new(options.cache.clone()),
            shelf: Shelf::new(known.clone(), device.device.clone(), options.weights),
            known,
            setting: Setting::new(&options, &device.name),
            device,
            scores: ScoreStore::new(&cache, options.score_cache_bytes),
            speeds: Speeds::new(&cache),
            options,
            facts,
            post: post.clone(),
        })
    }
}

impl Tasks for TensorTasks {
    fn run(&mut self, task: Task, job: &Job) -> Result<Outcome, Stop> {
        self.look_after_device()?;
        let device = self.device.device.clone();
        // A fault that nobody took care of is the outcome, whatever came out.
        watched_around(&device, || self.dispatch(task, job))
            .unwrap_or_else(|fault| Err(AnalysisError::from(fault).into()))
    }
}

impl TensorTasks {
    /// Opens the device again where it broke in the last task, or else takes the processor.
    fn look_after_device(&mut self) -> Result<(), JobError> {
        if !is_broken(&self.device.device) {
            return Ok(());
        }
        let again = ComputeDevice::choose(self.options.device, self.options.threads);
        self.device = match again {
            Ok(device) => device,
            Err(error) => {
                tracing::warn!(reason = %error.message, "the GPU does not come back: the CPU computes");
                ComputeDevice::choose(DeviceChoice::Cpu, self.options.threads)?
            }
        };
        self.shelf = Shelf::new(self.known.clone(), self.device.device.clone(), self.options.weights);
        self.setting = Setting::new(&self.options, &self.device.name);
        self.facts.tell_device(&self.device);
        self.post.send(Event::Ready { device: self.device.name.clone() });
        Ok(())
    }

    fn dispatch(&mut self, task: Task, job: &Job) -> Result<Outcome, Stop> {
        match task {
            Task::ShowModel { name } => show::show(&self.known, &name),
            Task::Score(request) => self.score(&request, job),
            Task::NullBand(request) => self.null_band(&request, job),
            Task::Attention(request) => self.attention(&request, job),
            Task::Embed(request) => self.embed(&request, job),
            Task::Forward(request) => forward::forward(&self.shelf, &self.setting, &request, job),
            Task::Evaluate(request) => self.evaluate(&request, job),
            Task::Finetune(request) => self.finetune(&request, job),
            Task::Pretrain(request) => self.pretrain(&request, job),
            Task::ExportModel(request) => export_model::export_model(&self.known, &self.setting, &request, job),
            Task::BenchModel(request) => bench::model(&self.shelf, &self.device, &request, job),
            Task::BenchAttention(request) => {
                bench::attention(&self.device, self.options.seed.unwrap_or_default(), &request, job)
            }
            Task::SelfTest(request) => {
                // The stored values are those of tables in single precision.
                let mut shelf = Shelf::new(self.known.clone(), self.device.device.clone(), WeightType::F32);
                let outcome = selftest::selftest(&mut shelf, &self.device, &request, job)?;
                // Values of others say nothing about this program.
                if let (Outcome::Json(report), None) = (&outcome, &request.golden) {
                    selftest::keep(&self.options.data_folder(), &DeviceFacts::of(&self.device), report);
                }
                Ok(outcome)
            }
            Task::Doctor => Ok(Outcome::Json(doctor::document(&self.device, &self.options))),
            Task::OpenGenome { .. }
            | Task::ReadBases { .. }
            | Task::Inspect { .. }
            | Task::Recognise { .. }
            | Task::KeepPasted { .. }
            | Task::UseAliases { .. }
            | Task::CountBases { .. }
            | Task::Locate(_)
            | Task::Judge(_)
            | Task::Relate(_)
            | Task::OpenTrack { .. }
            | Task::ReadTile(_)
            | Task::FindFeatures(_)
            | Task::NextFeature(_)
            | Task::Export(_)
            | Task::Tokenize(_)
            | Task::BenchOpen { .. }
            | Task::Forecast(_)
            | Task::LastSelfTest
            | Task::ListModels
            | Task::OpenCard { .. }
            | Task::EditCard(_)
            | Task::RemoveModel { .. }
            | Task::GetModel(_)
            | Task::LookAtModel { .. }
            | Task::ImportModel(_) => {
                let message = "this task belongs to another thread; please report this";
                Err(JobError::new(ErrorKind::Runtime, message).into())
            }
        }
    }
}
