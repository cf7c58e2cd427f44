//! `bench`: how fast parts of the program are here.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use strandscope_worker::{BenchModelRequest, Task};

use crate::{
    args::OutputArgs,
    failure::Result,
    output::{TextOutput, write_document},
    session::Session,
};

/// What is timed.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Time a forward pass of a model
    Model(ModelArgs),
}

/// Time a forward pass of a model.
///
/// Needs no tokenizer: token ids follow a formula, so that other programs can be timed on the same.
#[derive(Debug, clap::Args)]
pub(crate) struct ModelArgs {
    /// Folder of the model, in the Hugging Face layout
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Length of the sequences
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    tokens: u64,
    /// Number of sequences
    #[arg(long, value_name = "B", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    batch: u64,
    /// Timed repeats, after one that is not timed
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    repeats: u64,
    /// What is run
    #[arg(long, value_enum, default_value_t)]
    pass: Pass,
    /// Up to where
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    output: Output,
    /// Look at keys too far away to count as well
    #[arg(long)]
    no_skip: bool,
    /// One JSON object
    #[arg(long, help_heading = "Output")]
    json: bool,
    // The long name that other subcommands have for it is taken.
    /// Write to this file; - is standard output
    #[arg(short = 'o', value_name = "FILE", help_heading = "Output")]
    file: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Leave out version and command
    #[arg(long, help_heading = "Output")]
    no_provenance: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Pass {
    /// Forward only
    #[default]
    Forward,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// States of the last layer
    #[default]
    Hidden,
    /// Scores for each token of the vocabulary
    Logits,
}

impl Command {
    pub(crate) fn run(self, mut session: Session) -> Result<()> {
        let Self::Model(args) = self;
        let Pass::Forward = args.pass;
        let output = OutputArgs { output: args.file, force: args.force, no_provenance: args.no_provenance };
        let out = TextOutput::open(&output)?;
        let task = Task::BenchModel(BenchModelRequest {
            model: args.model,
            tokens: args.tokens,
            batch: args.batch,
            repeats: args.repeats,
            logits: args.output == Output::Logits,
            no_skip: args.no_skip,
        });
        let done = session.run("bench", task)?;
        write_document(out, args.json, done.outcome, &session.provenance(&output, None))
    }
}
