//! The subcommands, one file for each.

mod attention;
mod bench;
mod doctor;
mod embed;
mod evaluate;
mod export_model;
mod finetune;
mod forward;
mod inspect;
mod models;
mod pretrain;
mod score;
mod selftest;
mod tokenize;

use clap::Subcommand;

use crate::{args::Common, console::Console, failure::Result, session::Session};

/// What can be done without a window.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say what files hold: records with lengths and checksums, tensors with shapes
    Inspect(inspect::Args),
    /// Cut sequences into the tokens of a model
    Tokenize(tokenize::Args),
    /// Score every base of a sequence with a task head
    Score(score::Args),
    /// Show where the attention of a model goes
    Attention(attention::Args),
    /// Embed sequences: a model's last states, as numbers for other programs
    Embed(embed::Args),
    /// Measure a head on labelled sequences
    Evaluate(evaluate::Args),
    /// Run the raw network on token ids, for comparing with other programs
    Forward(forward::Args),
    /// Train a task head, or a whole model, on labelled sequences
    Finetune(finetune::Args),
    /// Train a model on genomes by masking
    Pretrain(pretrain::Args),
    /// Write a model in the Hugging Face layout, for the original Python code
    ExportModel(export_model::Args),
    /// List, show, fetch, import and remove models and heads
    #[command(subcommand)]
    Models(models::Command),
    /// Compare what this computer computes with what it should
    Selftest(selftest::Args),
    /// Say what this computer offers: processors, adapters, folders
    Doctor(doctor::Args),
    /// Time a part of the program
    #[command(subcommand)]
    Bench(bench::Command),
}

impl Command {
    pub(crate) fn run(self, common: &Common, console: Console, typed: String) -> Result<()> {
        let session = Session::start(common, console, typed, self.has_no_provenance(), self.has_no_cache())?;
        match self {
            Self::Inspect(args) => args.run(session, console),
            Self::Tokenize(args) => args.run(session),
            Self::Score(args) => args.run(session, console, common.seed),
            Self::Attention(args) => args.run(session),
            Self::Embed(args) => args.run(session, console),
            Self::Evaluate(args) => args.run(session),
            Self::Forward(args) => args.run(session, console),
            Self::Finetune(args) => args.run(session, console),
            Self::Pretrain(args) => args.run(session, console),
            Self::ExportModel(args) => args.run(session, console),
            Self::Models(command) => command.run(session, console),
            Self::Selftest(args) => args.run(session),
            Self::Doctor(args) => args.run(session),
            Self::Bench(command) => command.run(session),
        }
    }

    /// Whether scores shall be computed anew.
    fn has_no_cache(&self) -> bool {
        matches!(self, Self::Score(args) if args.no_cache)
    }

    /// Whether the engine shall leave out of the files that it writes itself what was run.
    fn has_no_provenance(&self) -> bool {
        match self {
            Self::Embed(args) => args.write.no_provenance,
            Self::Forward(args) => args.write.no_provenance,
            Self::Finetune(args) => args.write.no_provenance,
            Self::Pretrain(args) => args.write.no_provenance,
            Self::ExportModel(args) => args.write.no_provenance,
            _ => false,
        }
    }
}
