//! An engine for a test, given one task at a time.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use strandscope_worker::{DeviceChoice, Engine, EngineOptions, Event, JobError, Outcome, Task, WeightType};
use tempfile::TempDir;

/// Longest that a task of a test may take, on a slow computer with software Vulkan.
const PATIENCE: Duration = Duration::from_secs(300);

/// Held by the engine that computes on the GPU: engines of one process share its device, and the program never has two.
static GPU: Mutex<()> = Mutex::new(());

/// An engine with a cache of its own.
pub(crate) struct TestEngine {
    engine: Engine,
    /// Name of its device, for people.
    pub(crate) device: String,
    // Indexes are not to be found by another test, nor left in the user's cache.
    _cache: TempDir,
    _gpu: Option<MutexGuard<'static, ()>>,
}

impl TestEngine {
    /// An engine on the CPU.
    pub(crate) fn on_cpu() -> Self {
        Self::on_cpu_with(WeightType::F32)
    }

    /// The same with the tables of models kept in this type.
    pub(crate) fn on_cpu_with(weights: WeightType) -> Self {
        Self::start(DeviceChoice::Cpu, weights).unwrap_or_else(|reason| panic!("no engine on the CPU: {reason}"))
    }

    /// An engine on a GPU; `None`, and said, where there is none and `REQUIRE_GPU` does not ask for one.
    pub(crate) fn on_gpu() -> Option<Self> {
        Self::on_gpu_with(WeightType::F32)
    }

    /// The same with the tables of models rounded to this type.
    pub(crate) fn on_gpu_with(weights: WeightType) -> Option<Self> {
        // A test that failed leaves the GPU as it found it.
        let gpu = GPU.lock().unwrap_or_else(PoisonError::into_inner);
        match Self::start(DeviceChoice::Gpu, weights) {
            Ok(engine) => Some(Self { _gpu: Some(gpu), ..engine }),
            Err(reason) if std::env::var_os("REQUIRE_GPU").is_some() => {
                panic!("REQUIRE_GPU is set, but there is no GPU adapter: {reason}")
            }
            Err(reason) => {
                eprintln!("skipped: {reason}");
                None
            }
        }
    }

    fn start(device: DeviceChoice, weights: WeightType) -> Result<Self, String> {
        let cache = tempfile::tempdir().expect("a scratch folder");
        let [cache_folder, data] = ["cache", "data"].map(|name| Some(cache.path().join(name)));
        let options = EngineOptions { device, weights, cache: cache_folder, data, ..EngineOptions::default() };
        let engine = Engine::start(options, || {}).map_err(|error| error.to_string())?;
        match engine.event_within(PATIENCE) {
            Some(Event::Ready { device }) => Ok(Self { engine, device, _cache: cache, _gpu: None }),
            Some(Event::Stopped { error }) => Err(error.to_string()),
            other => panic!("an engine says first whether it is ready, not {other:?}"),
        }
    }

    /// Does a task and gives its result.
    pub(crate) fn run(&mut self, task: Task) -> Result<Outcome, JobError> {
        let expected = self.engine.run(task);
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.engine.event_within(left).expect("an answer in time") {
                Event::Finished { job, outcome, .. } if job == expected => return Ok(outcome),
                Event::Failed { job, error } if job == expected => return Err(error),
                Event::Cancelled { .. } => panic!("nobody has cancelled"),
                Event::Stopped { error } => panic!("the engine has stopped: {error}"),
                _ => {}
            }
        }
    }
}
