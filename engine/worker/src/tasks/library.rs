//! The thread that fetches and imports models, so that nobody else waits for a network.

use std::path::Path;

use burn::tensor::Device;
use strandscope_genome::AtomicFile;
use strandscope_library::{Added, Adding, Catalogue, DEFAULT_ENDPOINT, Entry, Hub, LibraryError, Progress, Step};
use strandscope_models::{
    card::{Activation, HeadCard, HeadKind, LENGTH_UNTOLD, ModelCard},
    folder::{CARD, CHECKPOINT_CARD, Folder},
    head::Head,
    model::Model,
};

use super::{device::ComputeDevice, facts::Facts, known::Known, look::look, memory};
use crate::{
    EngineOptions, ErrorKind, GetRequest, ImportRequest, JobError, Outcome, Task,
    engine::{Job, Stop, Tasks},
};

/// What the thread keeps between tasks.
pub(crate) struct LibraryTasks {
    known: Known,
    facts: Facts,
    offline: bool,
}

impl LibraryTasks {
    pub(crate) fn new(options: &EngineOptions, facts: Facts) -> Self {
        Self { known: Known::new(options), facts, offline: options.offline }
    }

    /// Fetches a published model.
    fn get(&self, request: &GetRequest, job: &Job) -> Result<Outcome, Stop> {
        let catalogue = Catalogue::built_in()?;
        let entry = match Entry::of_repository(&request.name) {
            Some(entry) => entry,
            None => catalogue.entry(&request.name)?.clone(),
        };
        let hub = if self.offline {
            Hub::offline()
        } else {
            let variable = |name| std::env::var(name).ok().filter(|text| !text.trim().is_empty());
            let endpoint = request.endpoint.clone().or_else(|| variable("HF_ENDPOINT"));
            Hub::new(endpoint.as_deref().unwrap_or(DEFAULT_ENDPOINT), variable("HF_TOKEN").as_deref())?
        };
        let adding = if request.force { Adding::of(&entry).replacing() } else { Adding::of(&entry) };
        let check = |folder: &Path| examine(folder, &adding.name, Some(&entry));
        let added = self.known.installation.get(&entry, &hub, &adding, &mut told(job), check)?;
        Ok(outcome(added, job))
    }

    /// Copies a folder into the library.
    fn import(&self, request: &ImportRequest, job: &Job) -> Result<Outcome, Stop> {
        let name = request.name.clone().unwrap_or_else(|| Folder::Disk(request.folder.clone()).name());
        let adding = if request.force { Adding::new(&name).replacing() } else { Adding::new(&name) };
        // The copy that is looked at goes when it is refused: what is told is told of the folder itself.
        let of_folder = |error: JobError, copy: &Path| {
            let [copy, folder] = [copy, &request.folder].map(|path| path.display().to_string());
            let named = |text: String| text.replace(&copy, &folder);
            JobError { message: named(error.message), causes: error.causes.into_iter().map(named).collect(), ..error }
        };
        let check = |copy: &Path| examine(copy, &name, None).map_err(|error| of_folder(error, copy));
        let added = self.known.installation.import(&request.folder, &adding, &mut told(job), check)?;
        Ok(outcome(added, job))
    }
}

impl Tasks for LibraryTasks {
    fn run(&mut self, task: Task, job: &Job) -> Result<Outcome, Stop> {
        match task {
            Task::GetModel(request) => self.get(&request, job),
            Task::ImportModel(request) => self.import(&request, job),
            Task::LookAtModel { path } => look(&path, &self.facts, job),
            _ => {
                Err(JobError::new(ErrorKind::Runtime, "this task belongs to another thread; please report this").into())
            }
        }
    }
}

fn outcome(added: Added, job: &Job) -> Outcome {
    added.warnings.iter().for_each(|warning| job.warn(warning));
    let name = &added.installed.name;
    Outcome::Written { paths: vec![added.installed.folder.clone()], notes: vec![format!("{name} is in the library")] }
}

/// Passes on how far it is, until the job shall stop; the size of a file is known when its turn comes.
fn told(job: &Job) -> impl FnMut(&Progress<'_>) -> bool + '_ {
    let (mut of_files, mut begun): (u64, Option<(String, u64)>) = (0, None);
    move |Progress { file, step, done_bytes, total_bytes }| {
        if let Some(total) = *total_bytes
            && begun.as_ref().is_none_or(|(known, bytes)| known != file || *bytes != total)
        {
            of_files += begun.take().filter(|(known, _)| known != file).map_or(0, |(_, bytes)| bytes);
            job.started(of_files + total, "bytes");
            begun = Some(((*file).to_owned(), total));
        }
        let doing = match step {
            Step::Asking => "asking the server",
            Step::Fetching => "fetching",
            Step::Checking => "checking",
            Step::Copying => "copying",
        };
        job.progress(of_files + *done_bytes, format!("{file}, {doing}"));
        !job.is_cancelled()
    }
}

/// Loads what is to be added, as a run would, and writes the cards it lacks.
///
/// Who knows that a model works when it is added need not find out in the middle of an analysis.
fn examine(path: &Path, name: &str, entry: Option<&Entry>) -> Result<(), JobError> {
    let (folder, device) = (Folder::Disk(path.to_owned()), Device::flex());
    if folder.is_head() {
        return Ok(Head::examine(&folder, &device)?);
    }
    let cpu = ComputeDevice::processor(1);
    memory::check(&cpu, folder.model_bytes()?, "choose a smaller model")?;
    let model = Model::load(&folder, &device)?;
    model.tokenizer()?;
    if model.config.classes().is_some() && !folder.has(CHECKPOINT_CARD) {
        let card = Head::load(&folder, &model, &device)?.card;
        write(&path.join(CHECKPOINT_CARD), &head_card(card, name, entry))?;
    }
    if folder.has(CARD) { Ok(()) } else { write(&path.join(CARD), &model_card(&model, name, entry)) }
}

/// The card of a model whose makers left none.
fn model_card(model: &Model, name: &str, entry: Option<&Entry>) -> ModelCard {
    let family = model.config.family().name();
    let plain = || format!("A checkpoint of the family {family}, added by its user.");
    ModelCard {
        name: name.to_owned(),
        title: entry.map_or_else(|| name.to_owned(), |entry| entry.title.clone()),
        description: entry.map_or_else(plain, |entry| entry.description.clone()),
        family: family.to_owned(),
        parameters: model.parameters as u64,
        context_tokens: model.context_tokens(),
        training: Vec::new(),
        figures: Vec::new(),
        licence: entry.map_or_else(|| "unclear".to_owned(), |entry| entry.licence.clone()),
        citation: entry.map_or_else(Vec::new, |entry| entry.citation.clone()),
        command: String::new(),
    }
}

/// The same of a head, with what the catalogue knows.
fn head_card(card: HeadCard, name: &str, entry: Option<&Entry>) -> HeadCard {
    let Some(entry) = entry else { return HeadCard { name: name.to_owned(), title: name.to_owned(), ..card } };
    let mut labels = card.labels;
    if entry.labels.len() == labels.len() {
        for (label, name) in labels.iter_mut().zip(&entry.labels) {
            label.description = format!("{name}; the checkpoint names it {}.", label.name);
            label.name.clone_from(name);
            label.background = entry.background.as_ref() == Some(name);
        }
    }
    let is_known = |limit: &String| limit == LENGTH_UNTOLD && entry.input_length_bp.is_some();
    let of_checkpoint = card.limits.into_iter().filter(|limit| !is_known(limit));
    let limits = entry.limits.iter().cloned().chain(of_checkpoint).collect();
    HeadCard {
        name: name.to_owned(),
        title: entry.title.clone(),
        description: entry.description.clone(),
        labels,
        activation: activation(entry).unwrap_or(card.activation),
        input_length_bp: entry.input_length_bp.unwrap_or(card.input_length_bp),
        context_bp: entry.context_bp.filter(|_| card.kind == HeadKind::Token),
        limits,
        licence: entry.licence.clone(),
        citation: entry.citation.clone(),
        ..card
    }
}

/// How answers follow from logits, as the catalogue says.
fn activation(entry: &Entry) -> Option<Activation> {
    match entry.activation.as_deref()? {
        "softmax" => Some(Activation::Softmax),
        "sigmoid" => Some(Activation::Sigmoid),
        "identity" => Some(Activation::Identity),
        _ => None,
    }
}

/// Writes a card beside its place and puts it there once it is whole.
pub(super) fn write(path: &Path, card: &impl serde::Serialize) -> Result<(), JobError> {
    let text = serde_json::to_string_pretty(card).map_err(|error| JobError::of(ErrorKind::Runtime, &error))?;
    let mut file = AtomicFile::create(path, true)?;
    std::io::Write::write_all(&mut file, text.as_bytes())
        .map_err(|error| strandscope_genome::OutputError::from_write(path, error))?;
    Ok(file.commit()?)
}

/// What an error of the library means for the caller.
impl From<LibraryError> for JobError {
    fn from(error: LibraryError) -> Self {
        let kind = match &error {
            LibraryError::Endpoint { .. } | LibraryError::Token | LibraryError::Offline { .. } => ErrorKind::Usage,
            LibraryError::Name { .. }
            | LibraryError::Exists { .. }
            | LibraryError::NotInstalled { .. }
            | LibraryError::Unlisted { .. }
            | LibraryError::NoModel { .. }
            | LibraryError::NotInFolder { .. }
            | LibraryError::Unusable { .. } => ErrorKind::BadInput,
            LibraryError::Io { source, .. } => super::errors::kind_of_io(source),
            _ => ErrorKind::Runtime,
        };
        Self::of(kind, &error)
    }
}

impl From<LibraryError> for Stop {
    fn from(error: LibraryError) -> Self {
        match error {
            LibraryError::Cancelled => Self::Cancelled,
            error => Self::Failed(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use strandscope_models::config::Config;

    use super::*;

    fn card(entry: &str, config: &str) -> HeadCard {
        let config = Config::parse(config.as_bytes(), "config.json").expect("a configuration");
        let card = HeadCard::of_checkpoint("x", config.classes().expect("classes"), 2_048, "00");
        let catalogue = Catalogue::built_in().expect("the catalogue");
        head_card(card, "mine", Some(catalogue.entry(entry).expect("an entry")))
    }

    fn config(more: &str) -> String {
        format!(
            r#"{{"model_type": "bert", "vocab_size": 32000, "hidden_size": 768, "num_hidden_layers": 12,
                "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 512,
                "pre_layer_norm": true, {more}}}"#
        )
    }

    #[test]
    fn a_published_splice_head_is_read_as_it_was_trained() {
        let of_tokens = config(r#""architectures": ["BertForTokenClassification"], "num_labels": 3"#);
        let card = card("gena-lm-bert-base-t2t-spliceai", &of_tokens);
        assert_eq!((card.input_length_bp, card.context_bp), (15_000, Some(5_000)));
        assert_eq!(card.activation, Activation::Sigmoid);
        let labels: Vec<_> = card.labels.iter().map(|label| (label.name.as_str(), label.background)).collect();
        assert_eq!(labels, [("none", true), ("acceptor", false), ("donor", false)]);
        assert!(card.limits.iter().any(|limit| limit.contains("SpliceAI")), "{:?}", card.limits);
        assert!(card.limits.iter().all(|limit| limit != LENGTH_UNTOLD), "{:?}", card.limits);
    }

    #[test]
    fn labels_of_another_number_stay_as_the_checkpoint_has_them() {
        let of_rows = config(r#""architectures": ["BertForSequenceClassification"], "num_labels": 4"#);
        let card = card("gena-lm-bert-base-t2t-spliceai", &of_rows);
        assert_eq!(card.labels[0].name, "LABEL_0");
        assert_eq!(card.context_bp, None, "one answer for a row has no stretch between contexts");
    }
}
