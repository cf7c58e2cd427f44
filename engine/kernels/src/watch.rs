//! Watching long work: how far it is, and whether it shall go on.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use crate::reach::Kept;

/// Shared by those who do long work and those who wait for it; a clone is the same watch.
#[derive(Clone, Default)]
pub struct Watch(Arc<Shared>);

#[derive(Default)]
struct Shared {
    stopped: Arc<AtomicBool>,
    done: AtomicU64,
    kept: Mutex<Kept>,
}

impl Watch {
    /// Ends the work when `stopped` becomes true. What it has computed by then is worth nothing.
    pub fn new(stopped: Arc<AtomicBool>) -> Self {
        Self(Arc::new(Shared { stopped, ..Shared::default() }))
    }

    /// Whether the work was asked to end.
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Relaxed)
    }

    /// Counts work as done, in scores that there are, looked at or not.
    pub(crate) fn add(&self, scores: usize) {
        self.0.done.fetch_add(scores as u64, Ordering::Relaxed);
    }

    /// Tells how much of its square a part of the work has looked at.
    pub(crate) fn keep(&self, kept: Kept) {
        let mut all = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        *all = all.and(kept);
    }

    /// How much of the squares of queries and keys all forward passes so far have looked at.
    pub fn kept(&self) -> Kept {
        *self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Work done so far, in scores that there are, looked at or not.
    pub fn done(&self) -> u64 {
        self.0.done.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Watch").field("is_stopped", &self.is_stopped()).field("done", &self.done()).finish()
    }
}
