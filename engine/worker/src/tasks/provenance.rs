//! What is told of a run, so that it can be done again.

use std::path::Path;

use strandscope_models::{folder::Folder, head::Head};

use crate::{EngineOptions, RunRecord};

/// What every run on a thread has in common.
pub(crate) struct Setting {
    /// The command line as typed; `None` in the window.
    pub(crate) command_line: Option<String>,
    /// Leave out of files what was run.
    pub(crate) no_provenance: bool,
    /// The device, for people.
    pub(crate) device: String,
}

impl Setting {
    pub(crate) fn new(options: &EngineOptions, device: &str) -> Self {
        Self {
            command_line: options.command_line.clone(),
            no_provenance: options.no_provenance,
            device: device.to_owned(),
        }
    }

    /// The command line for a file; `command` does the same where nothing was typed. Empty where it shall not be told.
    pub(crate) fn command(&self, command: impl FnOnce() -> String) -> String {
        if self.no_provenance { String::new() } else { self.command_line.clone().unwrap_or_else(command) }
    }

    /// The record of a run with a model and on a file, each with its SHA-256; `command` is as above.
    pub(crate) fn record(
        &self,
        (model, model_sha256): (&Folder, &str),
        head: Option<&Head>,
        (input, input_sha256): (&Path, String),
        command: impl FnOnce() -> String,
    ) -> RunRecord {
        RunRecord {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: self.command(command),
            model: model.name(),
            model_sha256: model_sha256.to_owned(),
            head: head.map(|head| head.card.name.clone()),
            head_sha256: head.map(|head| head.sha256.clone()),
            device: self.device.clone(),
            input: input.file_name().unwrap_or(input.as_os_str()).to_string_lossy().into_owned(),
            input_sha256,
            memory_bytes: None,
            windows: 0,
            windows_cached: 0,
            unknown_bp: 0,
            beyond_trained_length: false,
        }
    }
}
