//! `models`: what is known here.

use std::fmt::Write as _;

use clap::Subcommand;
use serde_json::{Value, json};
use strandscope_worker::{
    HeadEntry, Library, ModelEntry, Outcome, Task,
    card::{Figure, HeadKind},
};

use crate::{
    args::OutputArgs,
    failure::Result,
    output::{TextOutput, add_provenance, write_document},
    session::{Session, unexpected},
};

/// What is asked about models.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Every model and head known here
    List(ListArgs),
    /// The card of a model or head; for a folder, what its tensors are too
    Show(ShowArgs),
}

/// Every model and head known here.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// One JSON array
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// The card of a model or head; for a folder, what its tensors are too.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// A name from the list, or a folder
    #[arg(value_name = "NAME|DIR")]
    name: String,
    /// One JSON object
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Command {
    pub(crate) fn run(self, session: Session) -> Result<()> {
        match self {
            Self::List(args) => args.run(session),
            Self::Show(args) => args.run(session),
        }
    }
}

impl ShowArgs {
    fn run(self, mut session: Session) -> Result<()> {
        let out = TextOutput::open(&self.output)?;
        let done = session.run("show", Task::ShowModel { name: self.name })?;
        let provenance = session.provenance(&self.output, None);
        write_document(out, self.json, done.outcome, &provenance)
    }
}

impl ListArgs {
    fn run(self, mut session: Session) -> Result<()> {
        let mut out = TextOutput::open(&self.output)?;
        let library = match session.run("list", Task::ListModels)?.outcome {
            Outcome::Library(library) => library,
            other => return Err(unexpected(&other)),
        };
        let provenance = session.provenance(&self.output, None);
        if self.json {
            out.line(&as_json(&library, &provenance).to_string())?;
        } else {
            out.header(&provenance)?;
            out.text(&as_table(&library))?;
        }
        out.finish()
    }
}

/// The array that the contract fixes; it leaves no place for `provenance` but in each entry.
fn as_json(library: &Library, provenance: &[(String, String)]) -> Value {
    let models = library.models.iter().map(model_json);
    let heads = library.heads.iter().map(|head| head_json(head, library));
    let mut entries: Vec<Value> = models.chain(heads).collect();
    entries.iter_mut().for_each(|entry| add_provenance(entry, provenance));
    Value::Array(entries)
}

fn model_json(ModelEntry { card, sha256, source }: &ModelEntry) -> Value {
    json!({
        "name": card.name,
        "kind": "model",
        "family": card.family,
        "parameters": card.parameters,
        "context_tokens": card.context_tokens,
        "task": "masked-language-model",
        "labels": [],
        "licence": card.licence,
        "metric": metric(&card.figures),
        "source": source,
        "installed": true,
        "sha256": sha256,
        "title": card.title,
        "description": card.description,
    })
}

/// A head has no architecture or context of its own: those of its model stand there.
fn head_json(HeadEntry { card, sha256, source }: &HeadEntry, library: &Library) -> Value {
    let model = library.models.iter().find(|model| model.sha256 == card.model_sha256);
    json!({
        "name": card.name,
        "kind": "head",
        "family": model.map(|model| &model.card.family),
        "parameters": null,
        "context_tokens": model.map(|model| model.card.context_tokens),
        "task": task(card.kind),
        "labels": card.labels.iter().map(|label| label.name.as_str()).collect::<Vec<_>>(),
        "licence": card.licence,
        "metric": metric(&card.figures),
        "source": source,
        "installed": true,
        "sha256": sha256,
        "title": card.title,
        "description": card.description,
        "model": model.map(|model| &model.card.name),
    })
}

fn task(kind: HeadKind) -> &'static str {
    match kind {
        HeadKind::Sequence => "one answer for a sequence",
        HeadKind::Token => "one answer for a token",
        HeadKind::Base => "one answer for a base",
    }
}

/// The first figure of a card, which is its main one.
fn metric(figures: &[Figure]) -> Value {
    figures.first().map_or(Value::Null, |figure| {
        json!({
            "name": figure.metric,
            "value": figure.value,
            "data": figure.data,
            "baseline": figure.baseline,
            "baseline_name": figure.baseline_name,
        })
    })
}

fn as_table(library: &Library) -> String {
    let mut text = String::new();
    let mut row = |name: &str, kind: &str, what: &str, figures: &[Figure], source: &str| {
        let figure = figures.first().map_or_else(String::new, |figure| {
            let baseline = figure.baseline.map_or_else(String::new, |value| format!(", baseline {value:.3}"));
            format!("{} {:.3}{baseline} ({})", figure.metric, figure.value, figure.data)
        });
        let _ = writeln!(text, "{name:<16} {kind:<6} {source:<10} {what:<40} {figure}");
    };
    for ModelEntry { card, source, .. } in &library.models {
        let millions = card.parameters as f64 / 1e6;
        row(&card.name, "model", &format!("{}, {millions:.1} M parameters", card.family), &card.figures, source);
    }
    for HeadEntry { card, source, .. } in &library.heads {
        let labels: Vec<&str> = card.labels.iter().map(|label| label.name.as_str()).collect();
        row(&card.name, "head", &labels.join(", "), &card.figures, source);
    }
    text
}
