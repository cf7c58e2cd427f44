//! How long work tells how far it is and hears that it should stop.

use std::fmt;

use crate::GenomeError;

/// What a caller wants to be told and asked during long work; the default is nothing.
///
/// ```
/// use strandscope_genome::Hooks;
///
/// let mut seen = 0;
/// let mut hooks = Hooks { progress: Some(&mut |done, _total| seen = done), ..Hooks::default() };
/// hooks.step(5, 10)?;
/// assert_eq!(seen, 5);
/// # Ok::<(), strandscope_genome::GenomeError>(())
/// ```
#[derive(Default)]
pub struct Hooks<'a> {
    /// Called now and then with the bytes of the file done and its size.
    pub progress: Option<&'a mut dyn FnMut(u64, u64)>,
    /// Asked now and then whether to stop.
    pub cancelled: Option<&'a dyn Fn() -> bool>,
}

impl Hooks<'_> {
    /// Tells how far the work is, and fails with [`GenomeError::Cancelled`] if it should stop.
    ///
    /// # Errors
    ///
    /// Only when the caller asked to stop.
    pub fn step(&mut self, done_bytes: u64, total_bytes: u64) -> Result<(), GenomeError> {
        if let Some(progress) = &mut self.progress {
            progress(done_bytes, total_bytes);
        }
        match self.cancelled {
            Some(cancelled) if cancelled() => Err(GenomeError::Cancelled),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Hooks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}
