//! What the user is told: warnings, failures, and what has been done.

use strandscope_worker::JobError;

/// Something that could not be done, in the words of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What was tried: `The file could not be opened`.
    pub(crate) what: String,
    /// What failed, where, what to do; then its causes, outermost first.
    pub(crate) error: JobError,
}

impl Failure {
    /// All of it as text, for the clipboard.
    pub(crate) fn text(&self) -> String {
        let causes = self.error.causes.iter().map(|cause| format!("\n  because: {cause}"));
        format!("{}\n{}{}", self.what, self.error.message, causes.collect::<String>())
    }
}

/// Warnings, each listed once with how often it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Warnings {
    list: Vec<(String, usize)>,
}

impl Warnings {
    /// Most different warnings that are listed.
    const LISTED: usize = 200;

    pub(crate) fn add(&mut self, message: &str) {
        if let Some((_, times)) = self.list.iter_mut().find(|(known, _)| known == message) {
            *times += 1;
        } else if self.list.len() < Self::LISTED {
            self.list.push((message.to_owned(), 1));
        }
    }

    pub(crate) fn clear(&mut self) {
        self.list.clear();
    }

    pub(crate) fn list(&self) -> &[(String, usize)] {
        &self.list
    }
}
