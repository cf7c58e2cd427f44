//! `export-model`: a model for the original Python code.

use std::path::PathBuf;

use strandscope_worker::{ExportModelRequest, Task};

use crate::{args::WriteArgs, console::Console, failure::Result, output::report_written, session::Session};

/// Write a model, or a fine-tuned checkpoint, in the Hugging Face layout that the original Python code loads.
///
/// config.json, the weights in single precision by their published names, and the files of the tokenizer. A head with a
/// network of its own has no published layout: fine-tune with --method full for one that has.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A model by name, or a folder
    #[arg(value_name = "MODEL_OR_HEAD")]
    name: String,
    /// Folder to write
    #[arg(long, short, value_name = "DIR", help_heading = "Output")]
    output: PathBuf,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

impl Args {
    pub(crate) fn run(self, mut session: Session, console: Console) -> Result<()> {
        let task =
            Task::ExportModel(ExportModelRequest { name: self.name, output: self.output, force: self.write.force });
        report_written(console, self.write.json, session.run("export", task)?)
    }
}
