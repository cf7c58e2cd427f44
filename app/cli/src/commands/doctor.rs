//! `doctor`: what this computer offers.

use strandscope_worker::Task;

use crate::{args::OutputArgs, failure::Result, output::write_document, session::Session};

/// Say what this computer offers: processors, adapters, folders.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// One JSON object
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(crate) fn run(self, mut session: Session) -> Result<()> {
        let done = session.run("doctor", Task::Doctor)?;
        write_document(&self.output, self.json, done)
    }
}
