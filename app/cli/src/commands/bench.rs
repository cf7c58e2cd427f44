//! `bench`: how fast parts of the program are here.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use strandscope_worker::{AttentionBias, AttentionPass, BenchAttentionRequest, BenchModelRequest, Task};

use crate::{
    args::OutputArgs,
    failure::{Failure, Result},
    output::{TextOutput, write_document},
    session::Session,
};

/// What is timed.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Time attention alone
    Attention(AttentionArgs),
    /// Time passes of a model
    Model(ModelArgs),
    /// Time the opening of a sequence file
    Open(OpenArgs),
}

/// Time attention alone, on values that look random and are the same everywhere.
#[derive(Debug, clap::Args)]
pub(crate) struct AttentionArgs {
    /// Length of the sequences
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    tokens: u64,
    /// Attention heads
    #[arg(long, value_name = "A", value_parser = clap::value_parser!(u64).range(1..))]
    heads: u64,
    /// Width of an attention head
    #[arg(long, value_name = "D", value_parser = clap::value_parser!(u64).range(1..))]
    dim: u64,
    /// Number of sequences
    #[arg(long, value_name = "B", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    batch: u64,
    /// Timed repeats, after one that is not timed
    #[arg(long, value_name = "R", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    repeats: u64,
    /// How distance enters
    #[arg(long, value_enum, default_value_t)]
    bias: Bias,
    /// What is run
    #[arg(long, value_enum, default_value_t)]
    pass: AttentionPasses,
    /// Look at keys too far away to count as well
    #[arg(long)]
    no_skip: bool,
    /// One JSON object
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Bias {
    /// Linear biases: a key counts less the farther away it is
    #[default]
    Alibi,
    /// None
    None,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum AttentionPasses {
    /// Forward only
    #[default]
    Forward,
    /// Forward, and back to queries, keys and values
    ForwardBackward,
    /// Forward with entropy and distance of each query and what each key receives, beside a plain forward
    Statistics,
}

impl From<Bias> for AttentionBias {
    fn from(bias: Bias) -> Self {
        match bias {
            Bias::Alibi => Self::Alibi,
            Bias::None => Self::None,
        }
    }
}

impl From<AttentionPasses> for AttentionPass {
    fn from(pass: AttentionPasses) -> Self {
        match pass {
            AttentionPasses::Forward => Self::Forward,
            AttentionPasses::ForwardBackward => Self::ForwardBackward,
            AttentionPasses::Statistics => Self::Statistics,
        }
    }
}

/// Time forward passes of a model, or steps of training.
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Pass {
    /// Forward only
    #[default]
    Forward,
    /// A step of training to predict tokens: forward, back, and new weights
    Train,
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
    pub(crate) fn run(self, session: Session) -> Result<()> {
        match self {
            Self::Attention(args) => args.run(session),
            Self::Model(args) => args.run(session),
            Self::Open(args) => args.run(session),
        }
    }
}

/// Time how long a sequence file takes to be indexed, to give its first bases, and to be opened again.
///
/// Nothing that is known of the file is used, except for an index that lies beside it.
#[derive(Debug, clap::Args)]
pub(crate) struct OpenArgs {
    /// FASTA, 2bit or GenBank
    #[arg(value_name = "FASTA")]
    path: PathBuf,
    /// One JSON object
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl OpenArgs {
    fn run(self, session: Session) -> Result<()> {
        let cache = tempfile::tempdir().map_err(|error| {
            Failure::runtime("cannot time the opening: there is no room for the index").because(error.to_string())
        })?;
        let task = Task::BenchOpen { path: self.path, cache: cache.path().to_owned() };
        measure(session, task, self.json, &self.output)
    }
}

impl AttentionArgs {
    fn run(self, session: Session) -> Result<()> {
        let task = Task::BenchAttention(BenchAttentionRequest {
            tokens: self.tokens,
            heads: self.heads,
            dim: self.dim,
            batch: self.batch,
            repeats: self.repeats,
            bias: self.bias.into(),
            pass: self.pass.into(),
            no_skip: self.no_skip,
        });
        measure(session, task, self.json, &self.output)
    }
}

impl ModelArgs {
    fn run(self, session: Session) -> Result<()> {
        let output = OutputArgs { output: self.file, force: self.force, no_provenance: self.no_provenance };
        let task = Task::BenchModel(BenchModelRequest {
            model: self.model,
            tokens: self.tokens,
            batch: self.batch,
            repeats: self.repeats,
            logits: self.output == Output::Logits,
            train: self.pass == Pass::Train,
            no_skip: self.no_skip,
        });
        measure(session, task, self.json, &output)
    }
}

/// Does a bench and writes what was measured.
fn measure(mut session: Session, task: Task, json: bool, output: &OutputArgs) -> Result<()> {
    let out = TextOutput::open(output)?;
    let done = session.run("bench", task)?;
    write_document(out, json, done.outcome, &session.provenance(output, None))
}
