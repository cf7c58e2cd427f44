//! Measuring and training heads, and training encoders.

use std::path::Path;

use serde_json::json;
use strandscope_analysis::{AnalysisError, predict::Predictor};
use strandscope_genome::{Genome, sha256_of_file};
use strandscope_models::{
    card::{Activation, HeadKind},
    folder::Folder,
};
use strandscope_train::{
    Progress, TrainError,
    bpe::BpeError,
    dataset::{DataError, Dataset, TableFormat},
    evaluate::probabilities,
    finetune::{FinetuneTask, WholeTask, finetune, finetune_whole},
    metrics::classification,
    pretrain::{PretrainTask, pretrain},
    recipe::{HeadRecipe, PretrainRecipe, TableRecipe, plain_checkpoint, plain_head, plain_lora, read},
};

use super::{command_line, errors::kind_of_io, genomes::with_progress, tensors::TensorTasks};
use crate::{
    ErrorKind, EvaluateRequest, FinetuneRequest, JobError, Outcome, PretrainRequest, TrainingMethod, TrainingTask,
    engine::{Job, Stop},
};

impl TensorTasks {
    /// Measures a head on labelled sequences.
    pub(super) fn evaluate(&mut self, request: &EvaluateRequest, job: &Job) -> Result<Outcome, Stop> {
        let model = self.shelf.model_of(&request.head, request.model.as_deref())?;
        model.tell_oddities(job);
        let head = self.shelf.head(&request.head, &model.model)?;
        if head.card.activation == Activation::Identity {
            return Err(usage(format!("head {} gives measured values, which have no classes", head.card.name)));
        }
        if request.site_offset.is_some() && head.card.kind == HeadKind::Sequence {
            return Err(usage(format!("head {} answers once for a sequence; leave out --site-offset", head.card.name)));
        }
        let labels: Vec<String> = head.card.labels.iter().map(|label| label.name.clone()).collect();
        let mut format = TableFormat::new(labels.clone());
        format.label_names = (!request.label_names.is_empty()).then(|| request.label_names.clone());
        if let Some(column) = &request.sequence_column {
            format.sequence_column.clone_from(column);
        }
        if let Some(column) = &request.label_column {
            format.label_column.clone_from(column);
        }
        let rows = Dataset::read(&request.data, &format, &Default::default())?.rows;
        let sha256 = sha256_of(&request.data, job)?;
        let command = || command_line::of_evaluation(request);
        let record = self.setting.record(model.identity(), Some(&head), (&request.data, sha256), command);
        job.record(record, Vec::new());
        let predictor = Predictor::new(&model.model, &model.tokenizer, &head, job.conduct(true));
        let site = request.site_offset.map(|site| usize::try_from(site).unwrap_or(usize::MAX));
        let found = probabilities(&predictor, &rows, site, &mut told("rows", job))?;
        let truth: Vec<usize> = rows.iter().map(|row| row.label).collect();
        let figures = classification(&found, &truth, &labels).map_err(TrainError::from)?;
        let mut value = serde_json::to_value(figures).map_err(|error| JobError::of(ErrorKind::Runtime, &error))?;
        value["head"] = json!(head.card.name);
        value["head_sha256"] = json!(head.sha256);
        value["model_sha256"] = json!(model.model.sha256);
        Ok(Outcome::Json(value))
    }

    /// Trains a head on an encoder that stays as it is.
    pub(super) fn finetune(&mut self, request: &FinetuneRequest, job: &Job) -> Result<Outcome, Stop> {
        if request.method != TrainingMethod::Head {
            return self.finetune_whole(request, job);
        }
        check_folder(&request.output, request.resume, request.force)?;
        let recipe = self.head_recipe(request, job)?;
        warn_of_lora(&recipe, request.method, job);
        let model = self.shelf.model(request.model.as_deref())?;
        model.tell_oddities(job);
        let task = FinetuneTask {
            recipe: &recipe,
            model: &model.model,
            resume: request.resume,
            force: request.force,
            output: &request.output,
            command: self.setting.command(|| command_line::of_finetuning(request)),
        };
        let notes = finetune(&task, &mut told("steps", job))?;
        Ok(Outcome::Written { paths: vec![request.output.clone()], notes })
    }

    /// Trains an encoder by masking.
    pub(super) fn pretrain(&mut self, request: &PretrainRequest, job: &Job) -> Result<Outcome, Stop> {
        check_folder(&request.output, request.resume, request.force)?;
        let mut recipe: PretrainRecipe = read(&request.config)?;
        recipe.seed = self.options.seed.unwrap_or(recipe.seed);
        let from = request.from.as_deref().map(|name| self.known.model(Some(name))).transpose()?;
        let cache = self.options.cache.clone().unwrap_or_else(Genome::default_cache);
        let task = PretrainTask {
            recipe: &recipe,
            genomes: &request.genomes,
            cache: &cache,
            from: from.as_ref(),
            resume: request.resume,
            force: request.force,
            output: &request.output,
            command: self.setting.command(|| command_line::of_pretraining(request)),
        };
        let notes = pretrain(&task, &self.device.device, &mut told("steps", job))?;
        Ok(Outcome::Written { paths: vec![request.output.clone()], notes })
    }

    /// Trains a checkpoint with its own layers of classes.
    fn finetune_whole(&mut self, request: &FinetuneRequest, job: &Job) -> Result<Outcome, Stop> {
        if request.task == TrainingTask::PerBase {
            let method = request.method.name();
            return Err(usage(format!(
                "--method {method} trains the classes of a published checkpoint, which answer once for a sequence; give \
                 --task classify, or --method head for answers per base"
            )));
        }
        check_folder(&request.output, request.resume, request.force)?;
        let folder = self.known.model(request.model.as_deref())?;
        check_apart(&folder, &request.output)?;
        let recipe = self.head_recipe(request, job)?;
        if recipe.network.is_some() {
            let method = request.method.name();
            job.warn(format!(
                "the recipe's [network] is that of a head and is not used: --method {method} trains the checkpoint's own"
            ));
        }
        warn_of_lora(&recipe, request.method, job);
        let lora = (request.method == TrainingMethod::Lora).then(|| recipe.lora.clone().unwrap_or_default());
        let task = WholeTask {
            recipe: &recipe,
            lora,
            folder: &folder,
            device: &self.device.device,
            resume: request.resume,
            force: request.force,
            output: &request.output,
            command: self.setting.command(|| command_line::of_finetuning(request)),
        };
        let notes = finetune_whole(&task, &mut told("steps", job))?;
        Ok(Outcome::Written { paths: vec![request.output.clone()], notes })
    }

    /// The recipe that was named, or a plain one for the tables; what was typed goes over what the recipe says.
    fn head_recipe(&self, request: &FinetuneRequest, job: &Job) -> Result<HeadRecipe, Stop> {
        let kind = match request.task {
            TrainingTask::Classify => HeadKind::Sequence,
            TrainingTask::PerBase => HeadKind::Base,
        };
        let mut recipe: HeadRecipe = match (&request.config, &request.train) {
            (Some(path), _) => read(path)?,
            (None, Some(train)) if request.method == TrainingMethod::Full => {
                plain_checkpoint(&name_of(&request.output), train)?
            }
            (None, Some(train)) if request.method == TrainingMethod::Lora => {
                plain_lora(&name_of(&request.output), train)?
            }
            (None, Some(train)) => plain_head(&name_of(&request.output), kind, train)?,
            (None, None) => return Err(usage("nothing to learn from: give --config, or --train and --dev".to_owned())),
        };
        if (recipe.kind == HeadKind::Sequence) != (kind == HeadKind::Sequence) {
            let (has, task) = if kind == HeadKind::Base { ("a sequence", "classify") } else { ("a base", "per-base") };
            return Err(usage(format!("the recipe describes a head that answers for {has}; give --task {task}")));
        }
        recipe.seed = self.options.seed.unwrap_or(recipe.seed);
        for (path, tables) in [(&request.train, &mut recipe.train), (&request.dev, &mut recipe.dev)] {
            if let Some(path) = path {
                *tables = vec![table(path, job)?];
            }
        }
        if recipe.dev.is_empty() {
            return Err(usage("there is no table that says when to stop; give --dev".to_owned()));
        }
        Ok(recipe)
    }
}

/// Says so where the recipe is for low-rank changes and something else is trained.
fn warn_of_lora(recipe: &HeadRecipe, method: TrainingMethod, job: &Job) {
    if recipe.lora.is_some() && method != TrainingMethod::Lora {
        job.warn("the recipe's [lora] is not used: give --method lora for it");
    }
}

/// A table that was named on the command line.
fn table(path: &Path, job: &Job) -> Result<TableRecipe, Stop> {
    Ok(TableRecipe {
        file: path.to_owned(),
        sha256: sha256_of(path, job)?,
        name: name_of(path),
        origin: "given on the command line".to_owned(),
        licence: "unclear".to_owned(),
        label_names: Vec::new(),
        baseline_mcc: None,
        baseline_name: None,
    })
}

fn sha256_of(path: &Path, job: &Job) -> Result<String, Stop> {
    Ok(with_progress(job, |hooks| sha256_of_file(path, hooks))?)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn usage(message: String) -> Stop {
    JobError::new(ErrorKind::Usage, message).into()
}

/// Refuses to write a model over the one that it is made from, even by force.
pub(super) fn check_apart(folder: &Folder, output: &Path) -> Result<(), Stop> {
    let Folder::Disk(source) = folder else { return Ok(()) };
    match (source.canonicalize(), output.canonicalize()) {
        (Ok(source), Ok(target)) if source == target => {
            let shown = output.display();
            Err(usage(format!("cannot write {shown}: it is the model that is read; choose another folder")))
        }
        _ => Ok(()),
    }
}

/// Refuses a folder that may not be overwritten before long work, not after it.
fn check_folder(path: &Path, resume: bool, force: bool) -> Result<(), Stop> {
    let is_taken = path.is_file() || path.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    if is_taken && !resume && !force {
        let shown = path.display();
        return Err(usage(format!(
            "cannot write {shown}: it is not empty; choose another folder, overwrite it with --force, or go on in it \
             with --resume"
        )));
    }
    Ok(())
}

/// Passes on how far training is, until the job shall stop.
fn told<'a>(unit: &'a str, job: &'a Job) -> impl FnMut(Progress) -> bool + 'a {
    let mut total = None;
    move |Progress { step, steps, note }| {
        if total.is_none() {
            job.started(steps, unit);
        }
        // What is measured at the end is counted anew, and would turn the bar back.
        if *total.get_or_insert(steps) == steps {
            job.progress(step, note);
        }
        !job.is_cancelled()
    }
}

impl From<TrainError> for Stop {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Cancelled | TrainError::Bpe(BpeError::Cancelled { .. }) => Self::Cancelled,
            TrainError::Genome(error) => error.into(),
            TrainError::Model(error) => error.into(),
            TrainError::Tokens(error) => error.into(),
            TrainError::Output(error) => error.into(),
            TrainError::Analysis(error) => AnalysisError::into(error),
            TrainError::Data(error) => error.into(),
            error @ (TrainError::Store { .. } | TrainError::Astray { .. }) => {
                Self::Failed(JobError::of(ErrorKind::Runtime, &error))
            }
            error => Self::Failed(JobError::of(ErrorKind::BadInput, &error)),
        }
    }
}

impl From<DataError> for Stop {
    fn from(error: DataError) -> Self {
        let kind = match &error {
            DataError::Read { source, .. } => kind_of_io(source),
            _ => ErrorKind::BadInput,
        };
        Self::Failed(JobError::of(kind, &error))
    }
}
