//! Why training fails.

use std::{io, path::PathBuf};

use strandscope_analysis::AnalysisError;
use strandscope_genome::{GenomeError, OutputError};
use strandscope_models::ModelError;
use strandscope_tokens::TokenError;
use thiserror::Error;

use crate::{bpe::BpeError, dataset::DataError, metrics::MetricsError};

/// Why training fails.
#[derive(Debug, Error)]
pub enum TrainError {
    /// A recipe does not say what it should.
    #[error("recipe {} cannot be used: {reason}. Compare with the recipes in assets/recipes", path.display())]
    Recipe {
        /// The recipe.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A run is to go on by another method or with another model than it was begun with.
    #[error("cannot go on: the run was begun with {begun}. Give what it was begun with, or begin anew with --force: {}", path.display())]
    OtherBeginning {
        /// Its checkpoint.
        path: PathBuf,
        /// What it was begun with.
        begun: &'static str,
    },
    /// A file named by a recipe is another one.
    #[error("{} is not the file the recipe was written for: its SHA-256 is {found}, not {wanted}. Fetch the file again", path.display())]
    OtherFile {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: String,
        /// What the recipe says.
        wanted: String,
    },
    /// A labelled table cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A vocabulary cannot be learnt.
    #[error(transparent)]
    Bpe(#[from] BpeError),
    /// Figures cannot be computed.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// A sequence file cannot be used.
    #[error(transparent)]
    Genome(#[from] GenomeError),
    /// A model or head cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A sequence cannot be cut into tokens.
    #[error(transparent)]
    Tokens(#[from] TokenError),
    /// An answer could not be computed.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// A file could not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A folder or checkpoint could not be read or written.
    #[error("{action} failed, {}: {reason}. Check that the folder is writable and the disk has room", path.display())]
    Store {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The loss is no number any more.
    #[error("training went astray at step {step}: the loss is no finite number. Lower learning_rate in the recipe")]
    Astray {
        /// The step.
        step: u64,
    },
    /// Stopped as asked; the last checkpoint stays.
    #[error("stopped as asked")]
    Cancelled,
}

impl TrainError {
    pub(crate) fn store(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Store { action, path, reason: error.to_string() }
    }
}
