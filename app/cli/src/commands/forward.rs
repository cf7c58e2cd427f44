//! `forward`: the raw network, for comparing with other implementations.

use std::path::PathBuf;

use clap::ValueEnum;
use strandscope_worker::{ForwardRequest, GradientsOf, RmtPadding, Task};

use crate::{args::WriteArgs, console::Console, failure::Result, output::report_written, session::Session};

/// Run the raw network on token ids, for comparing with other programs.
///
/// Reads `input_ids` and an optional `attention_mask` of [batch, tokens]; padded rows of the result are zero.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the model, in the Hugging Face layout
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Token ids
    #[arg(long, value_name = "FILE.safetensors")]
    input: PathBuf,
    /// Names or beginnings of names of the tensors to write, for example hidden,logits [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    outputs: Vec<String>,
    /// Write gradients as well: of the mean cross-entropy over `class_target` or over `labels` of the input
    #[arg(long, value_enum)]
    gradients: Option<Gradients>,
    /// What fills up short pieces of a model with recurrent memory [default: as its configuration says, or published]
    #[arg(long, value_enum)]
    rmt_padding: Option<Padding>,
    /// Write to this file
    #[arg(long, short, value_name = "FILE.safetensors", help_heading = "Output")]
    output: PathBuf,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Gradients {
    /// Of the classes of the rows
    Class,
    /// Of the labelled tokens
    Mlm,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Padding {
    /// Token 0, which is read, as by the published classifier
    Published,
    /// Padding that nobody sees
    Masked,
}

impl Args {
    pub(crate) fn run(self, mut session: Session, console: Console) -> Result<()> {
        let task = Task::Forward(ForwardRequest {
            model: self.model,
            input: self.input,
            outputs: self.outputs,
            gradients: self.gradients.map(|of| match of {
                Gradients::Class => GradientsOf::Class,
                Gradients::Mlm => GradientsOf::Mlm,
            }),
            rmt_padding: self.rmt_padding.map(|padding| match padding {
                Padding::Published => RmtPadding::Published,
                Padding::Masked => RmtPadding::Masked,
            }),
            output: self.output,
            force: self.write.force,
        });
        report_written(console, self.write.json, session.run("forward", task)?)
    }
}
