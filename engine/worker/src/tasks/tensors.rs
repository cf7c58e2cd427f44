//! The thread that owns the device, the models and every tensor.

use super::{
    bench,
    device::ComputeDevice,
    doctor, forward,
    genomes::Genomes,
    library::{self, Shelf},
    provenance::Setting,
    selftest, show,
};
use crate::{
    EngineOptions, ErrorKind, Event, JobError, Outcome, Task,
    engine::{Job, Post, Stop, Tasks},
};

/// What the thread keeps between tasks.
pub(crate) struct TensorTasks {
    pub(super) genomes: Genomes,
    pub(super) shelf: Shelf,
    pub(super) setting: Setting,
    pub(super) device: ComputeDevice,
    pub(super) options: EngineOptions,
}

impl TensorTasks {
    /// Brings up the device and tells that it is ready.
    pub(crate) fn new(options: EngineOptions, post: &Post) -> Result<Self, JobError> {
        let device = ComputeDevice::choose(options.device, options.threads)?;
        post.send(Event::Ready { device: device.name.clone() });
        Ok(Self {
            genomes: Genomes::new(options.cache.clone()),
            shelf: Shelf::new(device.device.clone()),
            setting: Setting::new(&options, &device.name),
            device,
            options,
        })
    }
}

impl Tasks for TensorTasks {
    fn run(&mut self, task: Task, job: &Job) -> Result<Outcome, Stop> {
        match task {
            Task::ListModels => Ok(Outcome::Library(library::list()?)),
            Task::ShowModel { name } => show::show(&name),
            Task::Score(request) => self.score(&request, job),
            Task::Attention(request) => self.attention(&request, job),
            Task::Forward(request) => forward::forward(&self.shelf, &self.setting, &request, job),
            Task::Evaluate(request) => self.evaluate(&request, job),
            Task::Finetune(request) => self.finetune(&request, job),
            Task::Pretrain(request) => self.pretrain(&request, job),
            Task::BenchModel(request) => bench::model(&self.shelf, &self.device, &request, job),
            Task::BenchAttention(request) => {
                bench::attention(&self.device, self.options.seed.unwrap_or_default(), &request, job)
            }
            Task::SelfTest(request) => selftest::selftest(&mut self.shelf, &self.device, &request, job),
            Task::Doctor => Ok(Outcome::Json(doctor::document(&self.device, &self.options))),
            Task::OpenGenome { .. }
            | Task::ReadBases { .. }
            | Task::Inspect { .. }
            | Task::Export(_)
            | Task::Tokenize(_) => {
                let message = "this task belongs to the other thread; please report this";
                Err(JobError::new(ErrorKind::Runtime, message).into())
            }
        }
    }
}
