//! `pretrain`: masked-language-model training.

use std::path::PathBuf;

use strandscope_worker::{PretrainRequest, Task};

use crate::{args::WriteArgs, console::Console, failure::Result, output::report_written, session::Session};

/// Train a model on genomes by masking.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Recipe: sizes, schedule, what is held out
    #[arg(long, value_name = "FILE.toml")]
    config: PathBuf,
    /// Sequences to learn from
    #[arg(long, required = true, num_args = 1.., value_name = "FASTA")]
    genomes: Vec<PathBuf>,
    /// Model to go on from, with its vocabulary and sizes; what the recipe says of these does not count
    #[arg(long, value_name = "NAME_OR_DIR")]
    from: Option<String>,
    /// Go on from the last checkpoint in the output folder
    #[arg(long)]
    resume: bool,
    /// Folder of the model
    #[arg(long, short, value_name = "DIR", help_heading = "Output")]
    output: PathBuf,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

impl Args {
    pub(crate) fn run(self, mut session: Session, console: Console) -> Result<()> {
        let task = Task::Pretrain(PretrainRequest {
            config: self.config,
            genomes: self.genomes,
            from: self.from,
            resume: self.resume,
            output: self.output,
            force: self.write.force,
        });
        report_written(console, self.write.json, session.run("pretrain", task)?)
    }
}
