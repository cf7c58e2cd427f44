//! `embed`: what a model makes of sequences, as numbers for other programs.

use std::path::PathBuf;

use clap::ValueEnum;
use strandscope_worker::{EmbedRequest, Pooling, Task, WindowChoice};

use crate::{
    args::{ModelArg, WriteArgs, window_choice},
    console::Console,
    failure::{Failure, Result},
    input::Input,
    output::report_written,
    regions::Contigs,
    session::Session,
};

/// Embed sequences: a model's last states, as numbers for other programs.
///
/// Writes `embeddings`, [record, hidden], with the names of the records as a JSON list under `names` of the metadata;
/// with --pool none `embeddings.NAME`, [token, hidden], and `spans.NAME`, [token, 2], 0-based, for each record. Records
/// longer than what is read at once are read in windows that overlap; each token counts once.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Sequences; - is standard input
    #[arg(value_name = "FASTA")]
    fasta: PathBuf,
    /// Where: CONTIG or CONTIG:START-END, 1-based; may be given several times [default: every record, whole]
    #[arg(long, value_name = "REGION")]
    region: Vec<String>,
    #[command(flatten)]
    model: ModelArg,
    /// What becomes of the tokens of a record
    #[arg(long, value_enum, default_value_t)]
    pool: Pool,
    /// How much is read at once [default: what the model was trained on]
    #[arg(long, value_name = "N|whole", value_parser = window_choice)]
    window_tokens: Option<WindowChoice>,
    /// Write to this file
    #[arg(long, short, value_name = "FILE.safetensors", help_heading = "Output")]
    output: PathBuf,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Pool {
    /// Their mean
    #[default]
    Mean,
    /// The token before the sequence
    Cls,
    /// Each token by itself
    None,
}

impl Args {
    pub(crate) fn run(self, mut session: Session, console: Console) -> Result<()> {
        let input = Input::open(&self.fasta)?;
        let genome = session.open_genome(&input)?;
        let contigs = Contigs::new(&genome, input.name());
        let region = |text: &String| contigs.region(text)?.map_err(|unusable| Failure::bad_input(unusable.to_string()));
        let task = Task::Embed(EmbedRequest {
            genome: input.path().to_owned(),
            regions: self.region.iter().map(region).collect::<Result<_>>()?,
            model: self.model.model,
            pooling: match self.pool {
                Pool::Mean => Pooling::Mean,
                Pool::Cls => Pooling::Cls,
                Pool::None => Pooling::None,
            },
            window: self.window_tokens.unwrap_or_default(),
            output: self.output,
            force: self.write.force,
        });
        let done = session.run("embed", task).map_err(|failure| input.rename(failure))?;
        report_written(console, self.write.json, done)
    }
}
