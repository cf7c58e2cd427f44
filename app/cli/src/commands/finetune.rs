//! `finetune`: training of a task head, or of a whole checkpoint.

use std::path::PathBuf;

use clap::ValueEnum;
use strandscope_worker::{FinetuneRequest, Task, TrainingMethod, TrainingTask};

use crate::{
    args::{ModelArg, WriteArgs},
    console::Console,
    failure::Result,
    output::report_written,
    session::Session,
};

/// Train a task head, or a whole model, on labelled sequences.
///
/// The result is a folder that score and evaluate accept, with its card, history and settings. With --method full or
/// lora it is one in the Hugging Face layout, which the original Python code loads as well. Low-rank adapters (LoRA) are
/// added to the weights in the end; they have rank 8 and alpha 16, unless the recipe has a table "lora" with others.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelArg,
    /// Table to learn from, over what the recipe says
    #[arg(long, value_name = "FILE.csv[.gz]", required_unless_present = "config")]
    train: Option<PathBuf>,
    /// Table that says when to stop, over what the recipe says
    #[arg(long, value_name = "FILE.csv[.gz]", required_unless_present = "config")]
    dev: Option<PathBuf>,
    /// What is learnt
    #[arg(long, value_enum)]
    task: TaskArg,
    /// What is changed
    #[arg(long, value_enum, default_value_t)]
    method: Method,
    /// Recipe: data, labels, sizes, schedule
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Go on from the last checkpoint in the output folder
    #[arg(long)]
    resume: bool,
    /// Folder of the head or model
    #[arg(long, short, value_name = "DIR", help_heading = "Output")]
    output: PathBuf,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TaskArg {
    /// One label for a sequence
    Classify,
    /// A label for a base
    PerBase,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Method {
    /// The head only; the model stays as it is
    #[default]
    Head,
    /// Every weight of the model, with the classification layers of its published kind
    Full,
    /// Low-rank adapters of queries and values, and the same classification layers
    Lora,
}

impl Args {
    pub(crate) fn run(self, mut session: Session, console: Console) -> Result<()> {
        let task = Task::Finetune(FinetuneRequest {
            model: self.model.model,
            config: self.config,
            train: self.train,
            dev: self.dev,
            task: match self.task {
                TaskArg::Classify => TrainingTask::Classify,
                TaskArg::PerBase => TrainingTask::PerBase,
            },
            method: match self.method {
                Method::Head => TrainingMethod::Head,
                Method::Full => TrainingMethod::Full,
                Method::Lora => TrainingMethod::Lora,
            },
            resume: self.resume,
            output: self.output,
            force: self.write.force,
        });
        report_written(console, self.write.json, session.run("finetune", task)?)
    }
}
