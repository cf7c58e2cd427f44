//! Input files, `-` among them.

use std::{
    io,
    path::{Path, PathBuf},
};

use strandscope_worker::RunRecord;
use tempfile::TempPath;

use crate::{
    failure::{Failure, Result},
    interrupt::Doomed,
};

/// What people are told in place of the path of a scratch file.
const STDIN: &str = "standard input";

/// A file to read; standard input is first written to a scratch file, since sequences are read in any order.
pub(crate) enum Input {
    File(PathBuf),
    Stdin { path: TempPath, _doomed: Doomed },
}

impl Input {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if path != Path::new("-") {
            return Ok(Self::File(path.to_owned()));
        }
        let spool = || -> io::Result<Self> {
            let (mut file, path) = tempfile::Builder::new().prefix("strandscope-stdin-").tempfile()?.into_parts();
            // Marked before it is filled: Ctrl+C may come while we wait for somebody to type.
            let doomed = Doomed::new(path.to_path_buf());
            io::copy(&mut io::stdin().lock(), &mut file)?;
            Ok(Self::Stdin { path, _doomed: doomed })
        };
        spool().map_err(|error| {
            let folder = std::env::temp_dir();
            let message = format!(
                "cannot read standard input; it is kept in {} meanwhile, which needs room (TMPDIR names another folder)",
                folder.display()
            );
            Failure::runtime(message).because(error)
        })
    }

    /// Where the engine finds it.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Stdin { path, .. } => path,
        }
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdin { .. } => STDIN.to_owned(),
        }
    }

    /// `text` with the name the user knows.
    pub(crate) fn rename_text(&self, text: &str) -> String {
        match self {
            Self::File(_) => text.to_owned(),
            Self::Stdin { path, .. } => text.replace(&path.display().to_string(), STDIN),
        }
    }

    /// `record` with the name the user knows; the name of a scratch file would differ from run to run.
    pub(crate) fn rename_record(&self, mut record: RunRecord) -> RunRecord {
        if matches!(self, Self::Stdin { .. }) {
            record.input = "-".to_owned();
        }
        record
    }

    /// `failure` with the name the user knows.
    pub(crate) fn rename(&self, mut failure: Failure) -> Failure {
        failure.message = self.rename_text(&failure.message);
        for cause in &mut failure.causes {
            *cause = self.rename_text(cause);
        }
        failure
    }
}
