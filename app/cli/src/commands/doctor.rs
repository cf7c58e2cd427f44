//! `doctor`: what this computer offers.

use strandscope_worker::Task;

use crate::{
    args::OutputArgs,
    failure::Result,
    output::{TextOutput, write_document},
    session::Session,
};

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
        let out = TextOutput::open(&self.output)?;
        let done = session.run("doctor", Task::Doctor)?;
        let provenance = session.provenance(&self.output, None);
        write_document(out, self.json, done.outcome, &provenance)
    }
}
