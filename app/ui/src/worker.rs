//! The engine as the window sees it, so that tests can script one.

use strandscope_worker::{Engine, Event, JobId, Task};

/// Something that does tasks and reports events.
pub trait Worker {
    /// Sends a task; its events carry the returned name.
    fn run(&mut self, task: Task) -> JobId;

    /// Asks a job to stop.
    fn cancel(&mut self, job: JobId);

    /// The next event, if there is one now.
    fn try_event(&mut self) -> Option<Event>;
}

impl Worker for Engine {
    fn run(&mut self, task: Task) -> JobId {
        Self::run(self, task)
    }

    fn cancel(&mut self, job: JobId) {
        Self::cancel(self, job);
    }

    fn try_event(&mut self) -> Option<Event> {
        Self::try_event(self)
    }
}
