//! The engine's threads and the handle that talks to them.

use std::{
    cell::Cell,
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use strandscope_genome::Genome;
use strandscope_kernels::{Conduct, Watch};
use strandscope_models::checkpoint::WeightType;

use crate::{
    Command, ErrorKind, Event, JobError, JobId, Outcome, Task, TaskThread,
    tasks::{Facts, FileTasks, LibraryTasks, TensorTasks, TrackTasks},
};

/// Events that may wait to be read; a reader that falls behind then slows the work down instead of filling memory.
const MOST_EVENTS: usize = 256;

/// How long to sleep before looking again whether a full queue has room.
const LOOK: Duration = Duration::from_millis(1);

/// Where tensors live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A hardware GPU where there is one, otherwise the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU; a software adapter counts.
    Gpu,
}

/// How an engine is started.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// Where tensors live.
    pub device: DeviceChoice,
    /// Threads for computing on the CPU; `None` takes all cores.
    pub threads: Option<usize>,
    /// In which type the tables of feed-forward layers are kept.
    pub weights: WeightType,
    /// Seed of everything random; `None` takes the recipe's.
    pub seed: Option<u64>,
    /// Where indexes of sequence files and scores are kept; `None` takes the user's cache folder.
    pub cache: Option<PathBuf>,
    /// Keep no scores, and use none that are kept.
    pub no_score_cache: bool,
    /// What kept scores may take on disk, in bytes; `None` takes 2 GiB.
    pub score_cache_bytes: Option<u64>,
    /// Where the user's models are; `None` takes the user's data folder.
    pub data: Option<PathBuf>,
    /// Open no connection.
    pub offline: bool,
    /// The command line as typed, for provenance; `None` in the window.
    pub command_line: Option<String>,
    /// Leave out of the files that tasks write what was run.
    pub no_provenance: bool,
}

impl EngineOptions {
    /// Where the user's models are.
    pub(crate) fn data_folder(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(strandscope_library::Library::default_folder)
    }

    /// Where indexes of sequence files and scores are kept.
    pub(crate) fn cache_folder(&self) -> PathBuf {
        self.cache.clone().unwrap_or_else(Genome::default_cache)
    }
}

/// A running engine: one thread for tensors, one for files, one for tracks beside them, one for what comes from afar.
///
/// Dropping it cancels what runs and lets the threads end by themselves.
pub struct Engine {
    files: Sender<Command>,
    tracks: Sender<Command>,
    library: Sender<Command>,
    tensors: Sender<Command>,
    events: Receiver<Event>,
    flags: Flags,
    next_job: u64,
}

type Flags = Arc<Mutex<BTreeMap<JobId, Arc<AtomicBool>>>>;

impl Engine {
    /// Starts the threads. `wake` is called after each event, so that a sleeping window looks.
    ///
    /// # Errors
    /// When no thread can be started. A missing device is reported as [`Event::Stopped`], since it is found out there.
    pub fn start(options: EngineOptions, wake: impl Fn() + Send + Sync + 'static) -> std::io::Result<Self> {
        let (event_sender, events) = sync_channel(MOST_EVENTS);
        let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(wake);
        let flags = Flags::default();
        let post = Post { events: event_sender, wake, flags: Arc::clone(&flags) };
        let facts = Facts::default();
        let files = spawn("files", post.clone(), {
            let (options, facts) = (options.clone(), facts.clone());
            move |_| Ok(FileTasks::new(&options, facts))
        })?;
        let tracks = spawn("tracks", post.clone(), {
            let options = options.clone();
            move |_| Ok(TrackTasks::new(&options))
        })?;
        let library = spawn("library", post.clone(), {
            let (options, facts) = (options.clone(), facts.clone());
            move |_| Ok(LibraryTasks::new(&options, facts))
        })?;
        let tensors = spawn("engine", post, move |post| TensorTasks::new(options, facts, post))?;
        Ok(Self { files, tracks, library, tensors, events, flags, next_job: 0 })
    }

    /// Sends a task; its events carry the returned name.
    pub fn run(&mut self, task: Task) -> JobId {
        self.next_job += 1;
        let job = JobId(self.next_job);
        lock(&self.flags).insert(job, Arc::default());
        let queue = match task.thread() {
            TaskThread::Files => &self.files,
            TaskThread::Tracks => &self.tracks,
            TaskThread::Library => &self.library,
            TaskThread::Tensors => &self.tensors,
        };
        // A closed queue means that the thread has ended, which it has told by `Event::Stopped`.
        let _ = queue.send(Command::Run { job, task });
        job
    }

    /// Asks a job to stop; it answers with [`Event::Cancelled`] unless it ends first.
    pub fn cancel(&self, job: JobId) {
        if let Some(flag) = lock(&self.flags).get(&job) {
            flag.store(true, Ordering::Relaxed);
        }
    }

    /// The next event, if there is one now.
    pub fn try_event(&self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// The next event within `timeout`.
    pub fn event_within(&self, timeout: Duration) -> Option<Event> {
        self.events.recv_timeout(timeout).ok()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        for flag in lock(&self.flags).values() {
            flag.store(true, Ordering::Relaxed);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Where events are sent from.
#[derive(Clone)]
pub(crate) struct Post {
    events: SyncSender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
    flags: Flags,
}

impl Post {
    /// Queues an event, as soon as there is room for it.
    pub(crate) fn send(&self, event: Event) {
        self.send_unless(event, || false);
    }

    /// Queues an event that nobody misses, unless there is no room for it.
    fn send_if_room(&self, event: Event) {
        if self.events.try_send(event).is_ok() {
            (self.wake)();
        }
    }

    /// Queues an event unless `given_up` while there was no room for it; says whether it did.
    fn send_unless(&self, mut event: Event, given_up: impl Fn() -> bool) -> bool {
        while let Err(error) = self.events.try_send(event) {
            match error {
                TrySendError::Full(back) if !given_up() => event = back,
                // Nobody listens any more when the window has gone: the job's flag ends the work.
                TrySendError::Full(_) | TrySendError::Disconnected(_) => return false,
            }
            thread::sleep(LOOK);
        }
        (self.wake)();
        true
    }
}

/// A job as the work sees it: where to report, and whether to stop.
pub(crate) struct Job {
    id: JobId,
    post: Post,
    cancelled: Arc<AtomicBool>,
    /// Whether something it told was not delivered, as it was asked to stop while there was no room.
    is_cut_short: Cell<bool>,
}

impl Job {
    /// Tells something. Nothing follows what was not delivered, so that what arrives has no holes.
    fn send(&self, event: Event) {
        if !self.is_cut_short.get() && !self.post.send_unless(event, || self.is_cancelled()) {
            self.is_cut_short.set(true);
        }
    }

    pub(crate) fn started(&self, total: u64, unit: &str) {
        self.send(Event::Started { job: self.id, total, unit: unit.to_owned() });
    }

    pub(crate) fn record(&self, record: crate::RunRecord, tracks: Vec<(String, strandscope_genome::Strand)>) {
        self.send(Event::Record { job: self.id, record, tracks });
    }

    pub(crate) fn progress(&self, done: u64, note: impl Into<String>) {
        self.send(Event::Progress { job: self.id, done, note: note.into() });
    }

    pub(crate) fn warn(&self, message: impl Into<String>) {
        self.send(Event::Warning { job: self.id, message: message.into() });
    }

    pub(crate) fn chunk(&self, chunk: crate::TrackChunk) {
        self.send(Event::TrackChunk { job: self.id, chunk });
    }

    pub(crate) fn pairs(&self, number: usize, pairs: crate::AttentionPairs) {
        self.send(Event::Pairs { job: self.id, number, pairs });
    }

    /// How attention is computed for this job: it ends when the job is cancelled.
    pub(crate) fn conduct(&self, skip: bool) -> Conduct {
        Conduct { count: false, ..self.counting(skip) }
    }

    /// The same, and what is looked at is counted, for which a GPU has to be waited for.
    pub(crate) fn counting(&self, skip: bool) -> Conduct {
        let (job, post) = (self.id, self.post.clone());
        let told = move |share| post.send_if_room(Event::Within { job, share });
        Conduct { skip, watch: Watch::telling(Arc::clone(&self.cancelled), told), count: true }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// Why a task gave no outcome.
pub(crate) enum Stop {
    /// As asked.
    Cancelled,
    /// It could not be done.
    Failed(JobError),
}

impl From<JobError> for Stop {
    fn from(error: JobError) -> Self {
        Self::Failed(error)
    }
}

/// One thread's part of the work.
pub(crate) trait Tasks {
    fn run(&mut self, task: Task, job: &Job) -> Result<Outcome, Stop>;
}

fn spawn<T: Tasks + 'static>(
    name: &str,
    post: Post,
    open: impl FnOnce(&Post) -> Result<T, JobError> + Send + 'static,
) -> std::io::Result<Sender<Command>> {
    let (sender, commands) = channel();
    let serve = move || match guarded("the engine", || open(&post)) {
        Ok(tasks) => serve(tasks, &commands, &post),
        Err(error) => post.send(Event::Stopped { error }),
    };
    thread::Builder::new().name(name.to_owned()).stack_size(16 << 20).spawn(serve)?;
    Ok(sender)
}

fn serve(mut tasks: impl Tasks, commands: &Receiver<Command>, post: &Post) {
    while let Ok(Command::Run { job: id, task }) = commands.recv() {
        let cancelled = lock(&post.flags).get(&id).cloned().unwrap_or_default();
        let job = Job { id, post: post.clone(), cancelled, is_cut_short: Cell::new(false) };
        let start = Instant::now();
        let result =
            if job.is_cancelled() { Err(Stop::Cancelled) } else { guarded("the job", || tasks.run(task, &job)) };
        lock(&post.flags).remove(&id);
        post.send(match result {
            Ok(_) if job.is_cut_short.get() => Event::Cancelled { job: id },
            Ok(outcome) => Event::Finished { job: id, outcome, elapsed: start.elapsed() },
            Err(Stop::Cancelled) => Event::Cancelled { job: id },
            Err(Stop::Failed(error)) => Event::Failed { job: id, error },
        });
    }
}

/// Does `work`; a panic inside it ends the work with an error, not the thread without a word. `what` names the work.
pub(crate) fn guarded<T, E: From<JobError>>(what: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        let message = format!("{what} stopped through a fault of this program; please report it with the text below");
        let causes = vec![text.unwrap_or("no text").to_owned()];
        Err(JobError { kind: ErrorKind::Runtime, message, causes }.into())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    /// Steps that [`Steps`] tells of: more than may wait.
    const STEPS: u64 = 4 * MOST_EVENTS as u64;

    /// No job of these tests takes this long.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// Work that tells steps as fast as they are taken from it, and counts them.
    struct Steps(Arc<AtomicU64>);

    impl Tasks for Steps {
        fn run(&mut self, _task: Task, job: &Job) -> Result<Outcome, Stop> {
            for step in 1..=STEPS {
                job.progress(step, "");
                self.0.store(step, Ordering::Relaxed);
            }
            Ok(Outcome::Json(serde_json::Value::Null))
        }
    }

    /// An engine whose threads all do what `open` gives.
    fn engine<T: Tasks + 'static>(open: impl Fn() -> Result<T, JobError> + Clone + Send + 'static) -> Engine {
        let (event_sender, events) = sync_channel(MOST_EVENTS);
        let flags = Flags::default();
        let post = Post { events: event_sender, wake: Arc::new(|| {}), flags: Arc::clone(&flags) };
        let spawn = || {
            let open = open.clone();
            spawn("test", post.clone(), move |_| open()).expect("a thread")
        };
        Engine { files: spawn(), tracks: spawn(), library: spawn(), tensors: spawn(), events, flags, next_job: 0 }
    }

    /// An engine that works on [`Steps`], and the number of steps done.
    fn stepping() -> (Engine, Arc<AtomicU64>) {
        let steps = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&steps);
        (engine(move || Ok(Steps(Arc::clone(&counted)))), steps)
    }

    fn wait_until(what: &str, is_so: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
            thread::sleep(LOOK);
        }
    }

    /// Waits until the queue is full, and a little longer.
    fn fill(steps: &AtomicU64) {
        wait_until("the queue is full", || steps.load(Ordering::Relaxed) >= MOST_EVENTS as u64);
        thread::sleep(20 * LOOK);
        assert_eq!(steps.load(Ordering::Relaxed), MOST_EVENTS as u64, "the work waits");
    }

    #[test]
    fn a_slow_reader_slows_the_work_and_loses_nothing() {
        let (mut engine, steps) = stepping();
        let job = engine.run(Task::Doctor);
        fill(&steps);
        for step in 1..=STEPS {
            let event = engine.event_within(PATIENCE);
            assert_eq!(event, Some(Event::Progress { job, done: step, note: String::new() }), "in order");
        }
        let end = engine.event_within(PATIENCE);
        assert!(matches!(end, Some(Event::Finished { job: id, .. }) if id == job), "{end:?}");
    }

    #[test]
    fn a_job_that_waits_for_its_reader_can_be_cancelled() {
        let (mut engine, steps) = stepping();
        let job = engine.run(Task::Doctor);
        fill(&steps);
        engine.cancel(job);
        wait_until("the work is through", || steps.load(Ordering::Relaxed) == STEPS);
        let end = (0..=MOST_EVENTS).find_map(|_| match engine.event_within(PATIENCE) {
            Some(Event::Progress { .. }) => None,
            event => event,
        });
        assert_eq!(end, Some(Event::Cancelled { job }), "what was dropped is not passed off as complete");
    }

    #[test]
    fn the_work_ends_when_nobody_listens_any_more() {
        let (mut engine, steps) = stepping();
        engine.run(Task::Doctor);
        fill(&steps);
        drop(engine);
        wait_until("no thread holds the counter", || Arc::strong_count(&steps) == 1);
    }

    #[test]
    fn a_panic_while_the_engine_starts_is_told() {
        let engine = engine(|| -> Result<Steps, JobError> { panic!("no threads") });
        let Some(Event::Stopped { error }) = engine.event_within(PATIENCE) else { panic!("it is not told") };
        assert_eq!((error.kind, error.causes), (ErrorKind::Runtime, vec!["no threads".to_owned()]), "with its text");
    }
}
