//! Why a command could not do what was asked, and what that means for the caller.

use std::{fmt, io, process::ExitCode};

use strandscope_worker::{ErrorKind, JobError};

/// A command that did not end well: one sentence for people, its causes, and the exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What went wrong in kind.
    pub(crate) kind: FailureKind,
    /// What failed, where, what to do.
    pub(crate) message: String,
    /// Causes, outermost first.
    pub(crate) causes: Vec<String>,
}

/// What a failure means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// As the engine says.
    Job(ErrorKind),
    /// The user stopped it.
    Interrupted,
    /// Whoever read our output has gone (`| head`): nothing is wrong, and nothing is said.
    ReaderGone,
}

/// The exit code of an interrupted run: 128 and SIGINT, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Job(kind), message: message.into(), causes: Vec::new() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadInput, message)
    }

    pub(crate) fn runtime(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Runtime, message)
    }

    pub(crate) fn interrupted() -> Self {
        Self { kind: FailureKind::Interrupted, message: "interrupted".to_owned(), causes: Vec::new() }
    }

    /// The same, with `cause` under it.
    pub(crate) fn because(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// The same, once it is known that nobody reads the output any more.
    pub(crate) fn reader_gone(self) -> Self {
        Self { kind: FailureKind::ReaderGone, ..self }
    }

    /// A file could not be read: a path that leads nowhere is a wrong input, a disk that fails is not.
    pub(crate) fn reading(name: &str, error: &io::Error) -> Self {
        let (kind, advice) = match error.kind() {
            io::ErrorKind::NotFound => (ErrorKind::BadInput, "check the path"),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                (ErrorKind::BadInput, "the file is damaged: get it again")
            }
            io::ErrorKind::IsADirectory => (ErrorKind::BadInput, "name a file"),
            io::ErrorKind::FileTooLarge => (ErrorKind::BadInput, "split it into smaller files"),
            io::ErrorKind::PermissionDenied => (ErrorKind::Runtime, "check its permissions"),
            _ => (ErrorKind::Runtime, "check the disk it lies on"),
        };
        Self::new(kind, format!("cannot read {name}: {error}; {advice}"))
    }

    /// Whether it makes no sense to go on with the next file.
    pub(crate) fn ends_all(&self) -> bool {
        matches!(self.kind, FailureKind::Interrupted | FailureKind::ReaderGone)
    }

    /// The number the process ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    pub(crate) fn code(&self) -> u8 {
        match self.kind {
            FailureKind::ReaderGone => 0,
            FailureKind::Interrupted => INTERRUPTED,
            FailureKind::Job(ErrorKind::Runtime) => 1,
            FailureKind::Job(ErrorKind::Usage) => 2,
            FailureKind::Job(ErrorKind::BadInput) => 3,
            FailureKind::Job(ErrorKind::NoDevice) => 4,
            FailureKind::Job(ErrorKind::CheckFailed) => 5,
        }
    }
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        Self { kind: FailureKind::Job(error.kind), message: error.message, causes: error.causes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_the_contract() {
        let codes = [
            (ErrorKind::Runtime, 1),
            (ErrorKind::Usage, 2),
            (ErrorKind::BadInput, 3),
            (ErrorKind::NoDevice, 4),
            (ErrorKind::CheckFailed, 5),
        ];
        for (kind, code) in codes {
            assert_eq!(Failure::new(kind, "").code(), code, "{kind:?}");
        }
        assert_eq!(Failure::interrupted().code(), 130, "interrupted");
    }
}
