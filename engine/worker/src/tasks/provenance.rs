//! What is told of a run, so that it can be done again.

use std::path::Path;

use strandscope_models::folder::Head;

use super::library::LoadedModel;
use crate::RunRecord;

/// What every run on this thread has in common.
pub(crate) struct Setting {
    /// The command line as typed; `None` in the window.
    pub(crate) command_line: Option<String>,
    /// The device, for people.
    pub(crate) device: String,
}

impl Setting {
    /// The record of a run on a file and its SHA-256; `command` does the same where nothing was typed.
    pub(crate) fn record(
        &self,
        model: &LoadedModel,
        head: Option<&Head>,
        (input, input_sha256): (&Path, String),
        command: impl FnOnce() -> String,
    ) -> RunRecord {
        RunRecord {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: self.command_line.clone().unwrap_or_else(command),
            model: model.name(),
            model_sha256: model.model.sha256.clone(),
            head: head.map(|head| head.card.name.clone()),
            head_sha256: head.map(|head| head.sha256.clone()),
            device: self.device.clone(),
            input: input.file_name().unwrap_or(input.as_os_str()).to_string_lossy().into_owned(),
            input_sha256,
            windows: 0,
            unknown_bp: 0,
            beyond_trained_length: false,
        }
    }
}
