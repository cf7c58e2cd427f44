//! What the errors of the rooms below mean for the caller.

use std::{error::Error, io};

use strandscope_analysis::AnalysisError;
use strandscope_genome::{GenomeError, OutputError};
use strandscope_models::ModelError;
use strandscope_tokens::TokenError;

use crate::{ErrorKind, JobError, engine::Stop};

impl JobError {
    /// A failure without causes.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new() }
    }

    /// An error with the chain of its causes; what its own sentence says already is not said again.
    pub(crate) fn of(kind: ErrorKind, error: &dyn Error) -> Self {
        let message = error.to_string();
        let mut causes = Vec::new();
        let mut said = message.clone();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !said.contains(&text) {
                causes.push(text.clone());
                said = text;
            }
            source = cause.source();
        }
        Self { kind, message, causes }
    }
}

/// A file that is not there or is none is a wrong input; a disk that fails is not.
pub(crate) fn kind_of_io(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::InvalidData
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::Other => ErrorKind::BadInput,
        _ => ErrorKind::Runtime,
    }
}

impl From<GenomeError> for JobError {
    fn from(error: GenomeError) -> Self {
        let kind = if error.is_bad_input() { ErrorKind::BadInput } else { ErrorKind::Runtime };
        Self::of(kind, &error)
    }
}

impl From<TokenError> for JobError {
    fn from(error: TokenError) -> Self {
        let kind = match &error {
            TokenError::Read { source, .. } => kind_of_io(source),
            _ => ErrorKind::BadInput,
        };
        Self::of(kind, &error)
    }
}

impl From<ModelError> for JobError {
    fn from(error: ModelError) -> Self {
        let kind = match &error {
            ModelError::Io { source, .. } => kind_of_io(source),
            ModelError::Device { .. } => ErrorKind::Runtime,
            ModelError::Tokenizer(TokenError::Read { source, .. }) => kind_of_io(source),
            _ => ErrorKind::BadInput,
        };
        Self::of(kind, &error)
    }
}

impl From<OutputError> for JobError {
    fn from(error: OutputError) -> Self {
        let kind = match &error {
            OutputError::Exists { .. }
            | OutputError::IsDirectory { .. }
            | OutputError::NotEmpty { .. }
            | OutputError::NoDirectory { .. }
            | OutputError::ManyToStdout { .. } => ErrorKind::Usage,
            _ => ErrorKind::Runtime,
        };
        Self::of(kind, &error)
    }
}

impl From<AnalysisError> for JobError {
    fn from(error: AnalysisError) -> Self {
        match error {
            AnalysisError::Tokens(error) => error.into(),
            AnalysisError::Model(error) => error.into(),
            AnalysisError::Device(_) => Self::of(ErrorKind::Runtime, &error),
            AnalysisError::Bases(error) => match error.downcast::<GenomeError>() {
                Ok(error) => (*error).into(),
                Err(error) => Self::of(ErrorKind::Runtime, error.as_ref()),
            },
            AnalysisError::Request(_) => Self::of(ErrorKind::Usage, &error),
            AnalysisError::Cancelled => Self::of(ErrorKind::Runtime, &error),
        }
    }
}

impl From<GenomeError> for Stop {
    fn from(error: GenomeError) -> Self {
        match error {
            GenomeError::Cancelled => Self::Cancelled,
            error => Self::Failed(error.into()),
        }
    }
}

impl From<AnalysisError> for Stop {
    fn from(error: AnalysisError) -> Self {
        match error {
            AnalysisError::Cancelled => Self::Cancelled,
            error => Self::Failed(error.into()),
        }
    }
}

impl From<ModelError> for Stop {
    fn from(error: ModelError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<TokenError> for Stop {
    fn from(error: TokenError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<OutputError> for Stop {
    fn from(error: OutputError) -> Self {
        Self::Failed(error.into())
    }
}

/// A genome's error on its way through an analysis.
pub(crate) fn reading(error: GenomeError) -> AnalysisError {
    match error {
        GenomeError::Cancelled => AnalysisError::Cancelled,
        error => AnalysisError::Bases(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_headline_says_is_not_said_again() {
        let source = io::Error::from(io::ErrorKind::NotFound);
        let error = ModelError::Io { action: "opening weights", path: "x".into(), remedy: "Check the path", source };
        let error = JobError::from(error);
        assert_eq!((error.kind, error.causes.len()), (ErrorKind::BadInput, 0), "{error:?}");
    }

    #[test]
    fn errors_of_the_genome_keep_their_kind_through_an_analysis() {
        let lost = GenomeError::NoSuchContig { path: "a.fa".into(), contig: "chr9".into(), remedy: String::new() };
        assert_eq!(JobError::from(reading(lost)).kind, ErrorKind::BadInput, "a wrong contig");
        assert!(matches!(reading(GenomeError::Cancelled), AnalysisError::Cancelled), "a wish to stop");
    }
}
