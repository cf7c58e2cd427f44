//! `models`: what is known here.

use std::{fmt::Write as _, path::PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};
use strandscope_worker::{
    CatalogueEntry, CatalogueKind, GetRequest, HeadEntry, ImportRequest, Library, ModelEntry, Outcome, Published, Task,
    UnusableEntry,
    card::{Figure, HeadKind},
    count_in_words,
};

use crate::{
    args::OutputArgs,
    console::Console,
    failure::Result,
    output::{TextOutput, add_provenance, report_written, write_document},
    session::{Session, unexpected},
};

/// What is asked about models.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Every model and head known here
    List(ListArgs),
    /// The card of a model or head; for a folder, what its tensors are too
    Show(ShowArgs),
    /// Fetch a published model; what an interrupted try has fetched is not fetched again
    Get(GetArgs),
    /// Check a folder and copy it into the library
    Import(ImportArgs),
    /// Take a model or head out of the library
    Remove(RemoveArgs),
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

/// Fetch a published model; what an interrupted try has fetched is not fetched again.
///
/// Comes from huggingface.co or the address in `HF_ENDPOINT`; a token in `HF_TOKEN` is sent to that host alone. What
/// was fetched is held against the checksums of the catalogue and the hub, loaded once, and only then in the library.
#[derive(Debug, clap::Args)]
pub(crate) struct GetArgs {
    /// A name from the list, or OWNER/NAME of the hub
    #[arg(value_name = "NAME")]
    name: String,
    /// Address of the hub [default: that in `HF_ENDPOINT`, or huggingface.co]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Replace what has this name
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Print what was written as one JSON object
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Check a folder and copy it into the library.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// A model in the Hugging Face layout, or a head
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The name it shall have [default: that of the folder]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Replace what has this name
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Print what was written as one JSON object
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Take a model or head out of the library.
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
}

impl Command {
    pub(crate) fn run(self, session: Session, console: Console) -> Result<()> {
        match self {
            Self::List(args) => args.run(session),
            Self::Show(args) => args.run(session),
            Self::Get(args) => args.run(session, console),
            Self::Import(args) => args.run(session, console),
            Self::Remove(args) => args.run(session, console),
        }
    }
}

impl GetArgs {
    fn run(self, mut session: Session, console: Console) -> Result<()> {
        let Self { name, endpoint, force, json } = self;
        let task = Task::GetModel(GetRequest { name, endpoint, force });
        report_written(console, json, session.run("get", task)?)
    }
}

impl ImportArgs {
    fn run(self, mut session: Session, console: Console) -> Result<()> {
        let Self { folder, name, force, json } = self;
        let task = Task::ImportModel(ImportRequest { folder, name, force });
        report_written(console, json, session.run("import", task)?)
    }
}

impl RemoveArgs {
    fn run(self, mut session: Session, console: Console) -> Result<()> {
        report_written(console, false, session.run("remove", Task::RemoveModel { name: self.name })?)
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
    let published = library.published.iter().map(published_json);
    let mut entries: Vec<Value> = models.chain(heads).chain(published).collect();
    entries.iter_mut().for_each(|entry| add_provenance(entry, provenance));
    Value::Array(entries)
}

fn model_json(ModelEntry { card, sha256, source, origin, commercial_use }: &ModelEntry) -> Value {
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
        "origin": origin,
        "commercial_use": commercial_use,
    })
}

/// What its makers report stands as text: whose data and whose measure is not known here.
fn published_json(Published { entry, is_begun }: &Published) -> Value {
    let CatalogueEntry { name, family, parameters, context_tokens, labels, licence, metric, source, .. } = entry;
    let is_model = entry.kind == CatalogueKind::Model;
    json!({
        "name": name,
        "kind": if is_model { "model" } else { "head" },
        "family": family,
        "parameters": parameters,
        "context_tokens": context_tokens,
        "task": if is_model { Some("masked-language-model") } else { entry.task.as_deref() },
        "labels": labels,
        "licence": licence,
        "metric": metric,
        "source": source,
        "installed": false,
        "sha256": null,
        "title": entry.title,
        "description": entry.description,
        "commercial_use": entry.commercial_use,
        "partly_fetched": is_begun,
    })
}

/// A head has no architecture or context of its own: those of its model stand there.
fn head_json(head: &HeadEntry, library: &Library) -> Value {
    let HeadEntry { card, sha256, source, origin, commercial_use } = head;
    let model = library.model_beneath(card);
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
        "origin": origin,
        "commercial_use": commercial_use,
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
    let mut row = |name: &str, kind: &str, what: &str, told: &str| {
        let _ = writeln!(text, "{name:<46} {kind:<6} {what:<44} {told}");
    };
    for ModelEntry { card, .. } in &library.models {
        row(&card.name, "model", &of_model(&card.family, Some(card.parameters)), &figure(&card.figures));
    }
    for HeadEntry { card, .. } in &library.heads {
        let labels: Vec<&str> = card.labels.iter().map(|label| label.name.as_str()).collect();
        row(&card.name, "head", &few(&labels), &figure(&card.figures));
    }
    for UnusableEntry { name, reason } in &library.unusable {
        row(name, "?", "cannot be used", reason);
    }
    if !library.published.is_empty() {
        text.push_str("\nPublished, to be fetched with 'strandscope models get NAME':\n");
    }
    for Published { entry, is_begun } in &library.published {
        let kind = if entry.kind == CatalogueKind::Model { "model" } else { "head" };
        let use_of = if entry.commercial_use == Some(false) { ", not for commerce" } else { "" };
        let begun = if *is_begun { ", partly fetched" } else { "" };
        let told = format!("licence {}{use_of}{begun}", entry.licence);
        let what = of_model(&entry.family, entry.parameters);
        let _ = writeln!(text, "{:<46} {kind:<6} {what:<44} {told}", entry.name);
    }
    text
}

fn of_model(family: &str, parameters: Option<u64>) -> String {
    parameters.map_or_else(|| family.to_owned(), |count| format!("{family}, {} parameters", count_in_words(count)))
}

/// Labels for a table: the first, where there are many.
fn few(labels: &[&str]) -> String {
    const MOST: usize = 6;
    let rest = if labels.len() > MOST { format!(" … ({})", labels.len()) } else { String::new() };
    labels.iter().take(MOST).copied().collect::<Vec<_>>().join(", ") + &rest
}

/// The first figure of a card, for people.
fn figure(figures: &[Figure]) -> String {
    figures.first().map_or_else(String::new, |figure| {
        let baseline = figure.baseline.map_or_else(String::new, |value| format!(", baseline {value:.3}"));
        format!("{} {:.3}{baseline} ({})", figure.metric, figure.value, figure.data)
    })
}
