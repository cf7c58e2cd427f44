//! The engine's threads and the handle that talks to them.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    Command, ErrorKind, Event, JobError, JobId, Outcome, Task,
    tasks::{FileTasks, TensorTasks},
};

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
    /// Seed of everything random; `None` takes the recipe's.
    pub seed: Option<u64>,
    /// Where indexes of sequence files are kept; `None` takes the user's cache folder.
    pub cache: Option<PathBuf>,
    /// The command line as typed, for provenance; `None` in the window.
    pub command_line: Option<String>,
}

/// A running engine: one thread for tensors, one for files.
///
/// Dropping it cancels what runs and lets the threads end by themselves.
pub struct Engine {
    files: Sender<Command>,
    tensors: Sender<Command>,
    events: Receiver<Event>,
    flags: Flags,
    next_job: u64,
}

type Flags = Arc<Mutex<HashMap<JobId, Arc<AtomicBool>>>>;

impl Engine {
    /// Starts the threads. `wake` is called after each event, so that a sleeping window looks.
    ///
    /// # Errors
    /// When no thread can be started. A missing device is reported as [`Event::Stopped`], since it is found out there.
    pub fn start(options: EngineOptions, wake: impl Fn() + Send + Sync + 'static) -> std::io::Result<Self> {
        let (event_sender, events) = channel();
        let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(wake);
        let flags = Flags::default();
        let post = Post { events: event_sender, wake, flags: Arc::clone(&flags) };
        let files = spawn("files", post.clone(), {
            let options = options.clone();
            move |_| Ok(FileTasks::new(&options))
        })?;
        let tensors = spawn("engine", post, move |post| TensorTasks::new(options, post))?;
        Ok(Self { files, tensors, events, flags, next_job: 0 })
    }

    /// Sends a task; its events carry the returned name.
    pub fn run(&mut self, task: Task) -> JobId {
        self.next_job += 1;
        let job = JobId(self.next_job);
        lock(&self.flags).insert(job, Arc::default());
        let queue = if task.reads_files_only() { &self.files } else { &self.tensors };
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
        match self.events.recv_timeout(timeout) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
        }
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
    events: Sender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
    flags: Flags,
}

impl Post {
    pub(crate) fn send(&self, event: Event) {
        // Nobody listens any more when the window has gone: the job's flag ends the work.
        let _ = self.events.send(event);
        (self.wake)();
    }
}

/// A job as the work sees it: where to report, and whether to stop.
pub(crate) struct Job {
    id: JobId,
    post: Post,
    cancelled: Arc<AtomicBool>,
}

impl Job {
    pub(crate) fn started(&self, total: u64, unit: &str) {
        self.post.send(Event::Started { job: self.id, total, unit: unit.to_owned() });
    }

    pub(crate) fn record(&self, record: crate::RunRecord, tracks: Vec<(String, strandscope_genome::Strand)>) {
        self.post.send(Event::Record { job: self.id, record, tracks });
    }

    pub(crate) fn progress(&self, done: u64, note: impl Into<String>) {
        self.post.send(Event::Progress { job: self.id, done, note: note.into() });
    }

    pub(crate) fn warn(&self, message: impl Into<String>) {
        self.post.send(Event::Warning { job: self.id, message: message.into() });
    }

    pub(crate) fn chunk(&self, chunk: crate::TrackChunk) {
        self.post.send(Event::TrackChunk { job: self.id, chunk });
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
    thread::Builder::new().name(name.to_owned()).stack_size(16 << 20).spawn(move || match open(&post) {
        Ok(tasks) => serve(tasks, &commands, &post),
        Err(error) => post.send(Event::Stopped { reason: error.message }),
    })?;
    Ok(sender)
}

fn serve(mut tasks: impl Tasks, commands: &Receiver<Command>, post: &Post) {
    while let Ok(Command::Run { job: id, task }) = commands.recv() {
        let cancelled = lock(&post.flags).get(&id).cloned().unwrap_or_default();
        let job = Job { id, post: post.clone(), cancelled };
        let start = Instant::now();
        let result = if job.is_cancelled() { Err(Stop::Cancelled) } else { guarded(&mut tasks, task, &job) };
        lock(&post.flags).remove(&id);
        post.send(match result {
            Ok(outcome) => Event::Finished { job: id, outcome, elapsed: start.elapsed() },
            Err(Stop::Cancelled) => Event::Cancelled { job: id },
            Err(Stop::Failed(error)) => Event::Failed { job: id, error },
        });
    }
}

/// Runs a task; a panic inside it ends the task, not the thread.
fn guarded(tasks: &mut impl Tasks, task: Task, job: &Job) -> Result<Outcome, Stop> {
    let run = std::panic::AssertUnwindSafe(|| tasks.run(task, job));
    std::panic::catch_unwind(run).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Stop::Failed(JobError {
            kind: ErrorKind::Runtime,
            message: "the job stopped through a fault of this program; please report it with the text below".to_owned(),
            causes: vec![text.unwrap_or("no text").to_owned()],
        }))
    })
}
