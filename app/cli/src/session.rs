//! One engine for one command: tasks go in, what they give comes out, and the user sees how far they are.

use std::time::Duration;

use strandscope_worker::{
    AttentionPairs, Engine, EngineOptions, Event, GenomeSummary, JobError, JobId, Outcome, RunRecord, Task, TaskThread,
    TrackChunk, genome::Strand,
};

use crate::{
    args::{Common, OutputArgs},
    console::{Console, Progress},
    failure::{Failure, Result},
    input::Input,
    interrupt,
};

/// How long to sleep before looking whether Ctrl+C was pressed.
const LOOK: Duration = Duration::from_millis(50);

/// A running engine and the console that shows what it does.
pub(crate) struct Session {
    engine: Engine,
    console: Console,
    /// The command line.
    typed: String,
    /// Why the thread that computes has ended.
    stopped: Option<JobError>,
}

/// What a task gave.
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    /// What was run, where the task says so.
    pub(crate) record: Option<RunRecord>,
}

/// Takes the results of a task as they come.
pub(crate) trait Receiver {
    /// What is being run, and label and strand of each track it will give; comes before the first chunk.
    fn record(&mut self, _record: &RunRecord, _tracks: &[(String, Strand)]) -> Result<()> {
        Ok(())
    }

    /// The next part of a track.
    fn chunk(&mut self, chunk: TrackChunk) -> Result<()>;

    /// Weights of attention between pairs of places: a whole map, or the next partners of the list of that number.
    fn pairs(&mut self, _number: usize, _pairs: AttentionPairs) -> Result<()> {
        Ok(())
    }
}

/// For tasks that give nothing before their end.
struct Nothing;

impl Receiver for Nothing {
    fn chunk(&mut self, _chunk: TrackChunk) -> Result<()> {
        Ok(())
    }
}

impl Session {
    /// Starts the engine; `no_provenance` is about the files that it writes itself, `no_score_cache` about kept scores.
    pub(crate) fn start(
        common: &Common,
        console: Console,
        typed: String,
        no_provenance: bool,
        no_score_cache: bool,
    ) -> Result<Self> {
        let options = EngineOptions { no_provenance, no_score_cache, ..common.engine_options(Some(typed.clone())) };
        let engine = Engine::start(options, || {}).map_err(|error| {
            Failure::runtime("cannot start the engine's threads; close other programs and try again").because(error)
        })?;
        Ok(Self { engine, console, typed, stopped: None })
    }

    /// What a document says of how it was made: the record of the run or, in a file, the program and the command.
    pub(crate) fn provenance(&self, output: &OutputArgs, record: Option<&RunRecord>) -> Vec<(String, String)> {
        match record {
            _ if output.no_provenance => Vec::new(),
            Some(record) => record.pairs_of_json(),
            None if output.is_file() => {
                let program = format!("strandscope {}", env!("CARGO_PKG_VERSION"));
                vec![("program".to_owned(), program), ("command".to_owned(), self.typed.clone())]
            }
            None => Vec::new(),
        }
    }

    /// Does `task` and waits for its outcome; `what` names it beside its progress.
    pub(crate) fn run(&mut self, what: &str, task: Task) -> Result<Done> {
        self.run_into(what, task, &mut Nothing)
    }

    /// Opens a sequence file and passes on what was odd about it.
    pub(crate) fn open_genome(&mut self, input: &Input) -> Result<GenomeSummary> {
        let task = Task::OpenGenome { path: input.path().to_owned() };
        match self.run("open", task).map_err(|failure| input.rename(failure))?.outcome {
            Outcome::Genome(summary) => {
                for warning in &summary.warnings {
                    self.console.warn(&input.rename_text(warning));
                }
                Ok(summary)
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Does `task` and hands its results to `receiver` as they come.
    pub(crate) fn run_into(&mut self, what: &str, task: Task, receiver: &mut impl Receiver) -> Result<Done> {
        let needs_device = task.thread() == TaskThread::Tensors;
        let job = self.engine.run(task);
        let mut watch = Watch { what, console: self.console, progress: None, record: None };
        let mut stopping = None;
        loop {
            if stopping.is_none() && interrupt::asked() {
                self.engine.cancel(job);
                stopping = Some(Failure::interrupted());
            }
            if let Some(error) = self.stopped.as_ref().filter(|_| needs_device) {
                watch.abandon();
                return Err(error.clone().into());
            }
            let Some(event) = self.engine.event_within(LOOK) else { continue };
            match event {
                Event::Stopped { error } => self.stopped = Some(error),
                Event::Finished { job: id, outcome, elapsed } if id == job => {
                    return match stopping {
                        Some(failure) => Err(failure),
                        None => Ok(watch.finish(outcome, elapsed)),
                    };
                }
                Event::Cancelled { job: id } if id == job => {
                    watch.abandon();
                    return Err(stopping.unwrap_or_else(Failure::interrupted));
                }
                Event::Failed { job: id, error } if id == job => {
                    watch.abandon();
                    return Err(stopping.unwrap_or_else(|| error.into()));
                }
                event if stopping.is_none() => {
                    if let Err(failure) = watch.see(job, event, receiver) {
                        self.engine.cancel(job);
                        stopping = Some(failure);
                    }
                }
                _ => {}
            }
        }
    }
}

/// A task gave something else than its kind gives: a fault of this program.
pub(crate) fn unexpected(outcome: &Outcome) -> Failure {
    let name = match outcome {
        Outcome::Genome(_) => "an opened file",
        Outcome::Bases { .. } => "bases",
        Outcome::Tokens { .. } => "tokens",
        Outcome::Roles(_) => "kinds of files",
        Outcome::Pasted(_) => "a pasted sequence",
        Outcome::Counted(_) => "counts of bases",
        Outcome::Track(_) => "an opened track",
        Outcome::Tile(_) => "a part of a track",
        Outcome::Found(_) => "features",
        Outcome::Located(_) => "a place",
        Outcome::Judged(_) => "curves",
        Outcome::Related(_) => "correlations",
        Outcome::Looked(_) => "what a folder holds",
        Outcome::Library(_) => "a library",
        Outcome::Card(_) => "a card",
        Outcome::Run(_) => "a run",
        Outcome::Forecast { .. } => "a forecast",
        Outcome::SelfTested(_) => "an earlier self-test",
        Outcome::Written { .. } => "written files",
        Outcome::Json(_) => "a document",
    };
    Failure::runtime(format!("the engine answered with {name}, which was not asked for; please report this"))
}

/// What is seen of one job.
struct Watch<'a> {
    what: &'a str,
    console: Console,
    progress: Option<Progress>,
    record: Option<RunRecord>,
}

impl Watch<'_> {
    fn see(&mut self, job: JobId, event: Event, receiver: &mut impl Receiver) -> Result<()> {
        match event {
            Event::Started { job: id, total, unit } if id == job => {
                self.progress = Some(self.console.progress(self.what, total, &unit));
            }
            Event::Progress { job: id, done, note } if id == job => {
                if let Some(progress) = &mut self.progress {
                    progress.step(done, &note);
                }
            }
            Event::Within { job: id, share } if id == job => {
                if let Some(progress) = &mut self.progress {
                    progress.within(share);
                }
            }
            Event::Warning { job: id, message } if id == job => match &self.progress {
                Some(progress) => progress.aside(|console| console.warn(&message)),
                None => self.console.warn(&message),
            },
            Event::Record { job: id, record, tracks } if id == job => {
                receiver.record(&record, &tracks)?;
                self.record = Some(record);
            }
            Event::TrackChunk { job: id, chunk } if id == job => receiver.chunk(chunk)?,
            Event::Pairs { job: id, number, pairs } if id == job => receiver.pairs(number, pairs)?,
            // The engine is ready, or a job that has ended is heard of.
            _ => {}
        }
        Ok(())
    }

    fn abandon(&mut self) {
        if let Some(progress) = self.progress.take() {
            progress.abandon();
        }
    }

    fn finish(mut self, outcome: Outcome, elapsed: Duration) -> Done {
        if let Some(progress) = self.progress.take() {
            progress.finish(elapsed);
        }
        let record = match &outcome {
            Outcome::Run(record) => Some(record.clone()),
            _ => self.record,
        };
        Done { outcome, record }
    }
}
