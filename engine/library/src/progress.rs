//! Progress of long work, and how it is stopped.

use std::time::Duration;

use crate::LibraryError;

/// How often the caller is asked, at least, whether to go on.
pub(crate) const BEAT: Duration = Duration::from_millis(100);

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The server is asked, or asked again after a pause.
    Asking,
    /// Bytes come in.
    Fetching,
    /// The checksum of a file is computed.
    Checking,
    /// A file is copied.
    Copying,
}

/// How far the work on one file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file.
    pub file: &'a str,
    /// What is being done with it.
    pub step: Step,
    /// Bytes done, those of earlier tries included.
    pub done_bytes: u64,
    /// Bytes in all, where known.
    pub total_bytes: Option<u64>,
}

/// Hears of progress about ten times a second or more often, also while nothing moves; `false` stops the work.
pub type Watch<'a> = dyn FnMut(&Progress<'_>) -> bool + 'a;

/// The watch of one file.
pub(crate) struct Watched<'a, 'w> {
    pub(crate) watch: &'a mut Watch<'w>,
    pub(crate) file: String,
    pub(crate) step: Step,
    pub(crate) done_bytes: u64,
    pub(crate) total_bytes: Option<u64>,
}

impl<'a, 'w> Watched<'a, 'w> {
    pub(crate) fn new(watch: &'a mut Watch<'w>, file: &str) -> Self {
        Self { watch, file: file.to_owned(), step: Step::Asking, done_bytes: 0, total_bytes: None }
    }

    /// Tells how far it is.
    ///
    /// # Errors
    /// When the user stops it.
    pub(crate) fn tell(&mut self) -> Result<(), LibraryError> {
        let Self { ref file, step, done_bytes, total_bytes, .. } = *self;
        let goes_on = (self.watch)(&Progress { file, step, done_bytes, total_bytes });
        if goes_on { Ok(()) } else { Err(LibraryError::Cancelled) }
    }

    /// Tells that another step has come so far.
    ///
    /// # Errors
    /// When the user stops it.
    pub(crate) fn at(&mut self, step: Step, done_bytes: u64) -> Result<(), LibraryError> {
        (self.step, self.done_bytes) = (step, done_bytes);
        self.tell()
    }

    /// Waits before another try.
    ///
    /// # Errors
    /// When the user stops it.
    pub(crate) fn pause(&mut self, pause: Duration) -> Result<(), LibraryError> {
        self.step = Step::Asking;
        let mut left = pause;
        while !left.is_zero() {
            self.tell()?;
            std::thread::sleep(left.min(BEAT));
            left = left.saturating_sub(BEAT);
        }
        self.tell()
    }
}
