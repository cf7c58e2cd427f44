//! `evaluate`: how good a head is on labelled sequences.

use std::path::PathBuf;

use strandscope_worker::{EvaluateRequest, Task};

use crate::{
    args::{ModelArg, OutputArgs},
    failure::Result,
    output::{TextOutput, write_document},
    session::Session,
};

/// Measure a head on labelled sequences.
///
/// Labels are matched by name. A base head is read at the site in each sequence's window.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A built-in head by name, or the folder of a head
    #[arg(long, value_name = "NAME|DIR")]
    head: String,
    #[command(flatten)]
    model: ModelArg,
    /// Table with a header row, plain or gzip
    #[arg(long, value_name = "FILE.csv[.gz]")]
    data: PathBuf,
    /// Column with the sequences [default: sequence]
    #[arg(long, value_name = "NAME")]
    sequence_column: Option<String>,
    /// Column with the labels [default: label]
    #[arg(long, value_name = "NAME")]
    label_column: Option<String>,
    /// What 0, 1, 2 … mean in the file [default: the head's own order]
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    label_names: Vec<String>,
    /// Base of the window at which a base head is read, from 0 [default: the two around the centre]
    #[arg(long, value_name = "N")]
    site_offset: Option<u64>,
    /// One JSON object
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(crate) fn run(self, mut session: Session) -> Result<()> {
        let out = TextOutput::open(&self.output)?;
        let task = Task::Evaluate(EvaluateRequest {
            head: self.head,
            model: self.model.model,
            data: self.data,
            sequence_column: self.sequence_column,
            label_column: self.label_column,
            label_names: self.label_names,
            site_offset: self.site_offset,
        });
        let done = session.run("evaluate", task)?;
        let provenance = session.provenance(&self.output, done.record.as_ref());
        write_document(out, self.json, done.outcome, &provenance)
    }
}
