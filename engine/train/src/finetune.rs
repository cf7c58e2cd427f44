//! Training of a task head on a frozen encoder, and of a checkpoint with its classes.

use std::path::Path;

use burn::{
    module::Module,
    optim::{GradientsParams, ModuleOptimizer},
    tensor::{Device, Tensor, TensorData, activation::log_softmax},
};
use strandscope_analysis::{
    batch::Batch,
    predict::{Predictor, host},
};
use strandscope_kernels::{Conduct, sound};
use strandscope_models::{
    ModelError,
    card::{Calibration, DataSource, Figure, HeadCard},
    checkpoint::{Storage, Weights, to_safetensors},
    composition::Composition,
    folder::{Folder, HEAD_CONFIG, HEAD_WEIGHTS},
    head::{Answers, Head, HeadConfig, TaskHead},
    model::Model,
    pass::Pass,
};
use strandscope_tokens::Tokenizer;

use self::{
    samples::{Sample, batches},
    targets::Targets,
};
use crate::{
    Progress, Report, TrainError,
    dataset::{Dataset, Row, TableFormat, read_overlaps},
    evaluate::probabilities,
    metrics::{Classification, classification},
    pretrain::{json_bytes, optimizer},
    recipe::{HeadRecipe, TableRecipe},
    schedule::LearningRate,
    store::{State, Store},
};

mod learner;
mod lora;
mod samples;
mod targets;
mod whole;

pub use self::whole::{WholeTask, finetune_whole};

/// The best network so far and the latest one, inside the checkpoint.
const BEST: &str = "best.safetensors";
const LATEST: &str = "latest.safetensors";

/// What training a head is asked.
pub struct FinetuneTask<'a> {
    /// The recipe.
    pub recipe: &'a HeadRecipe,
    /// The encoder; it stays as it is.
    pub model: &'a Model,
    /// Go on from the last checkpoint.
    pub resume: bool,
    /// Use a folder that is not empty.
    pub force: bool,
    /// Where the head goes.
    pub output: &'a Path,
    /// The command, for the card.
    pub command: String,
}

/// Trains a head and writes its folder; returns what was measured, one line each.
///
/// # Errors
/// When data cannot be read, training goes astray, the folder cannot be written, or `report` says to stop.
pub fn finetune(task: &FinetuneTask<'_>, report: &mut Report<'_>) -> Result<Vec<String>, TrainError> {
    let recipe = task.recipe;
    let wrong = |reason| TrainError::Recipe { path: task.output.to_owned(), reason };
    let config = HeadConfig {
        kind: recipe.kind,
        labels: recipe.labels.len(),
        hidden_size: task.model.sizes().hidden_size,
        network: recipe.network.clone().ok_or_else(|| wrong("[network] is missing, which a head needs".to_owned()))?,
    };
    config.check().map_err(wrong)?;
    let store = Store::create(task.output, task.resume, task.force)?;
    let tables = read_tables(&recipe.train, recipe)?;
    let dev = read_tables(&recipe.dev, recipe)?;
    let card = HeadCard {
        model_sha256: task.model.sha256.clone(),
        command: task.command.clone(),
        ..card(recipe, sources(recipe, &tables))
    };
    let rows: Vec<Row> = tables.into_iter().flatten().collect();
    let mut run = Run {
        task,
        tokenizer: task.model.tokenizer()?,
        composition: config.network.composition.map(Composition::new),
        device: task.model.network.device().autodiff(),
        states: vec![None; rows.len()],
        config,
        card,
        rows,
        dev,
    };
    let state = run.train(&store, report)?;
    let plain = task.model.network.device();
    let mut best = Weights::open(&store.checkpoint(BEST), &plain)?;
    let network = TaskHead::load(&run.config, &mut best);
    best.finish()?;
    store.write(HEAD_WEIGHTS, &to_safetensors(&network, Storage::F16)?)?;
    // What is measured is what was stored, rounded as it is.
    let mut stored = Weights::open(&task.output.join(HEAD_WEIGHTS), &plain)?;
    let mut head = run.head(TaskHead::load(&run.config, &mut stored));
    stored.finish()?;
    let measured = tables_measured(recipe, &run.dev, |rows| run.measure(&head, rows, report))?;
    head.card.figures = figures(&measured);
    head.card.calibration = calibration(&measured, recipe);
    store.write(HEAD_CONFIG, &json_bytes(&run.config, task.output)?)?;
    store.write("card.json", &json_bytes(&head.card, task.output)?)?;
    store.clear_checkpoint()?;
    Ok(notes(state.history, &head.card))
}

/// What is told at the end.
fn notes(history: Vec<String>, card: &HeadCard) -> Vec<String> {
    let figures = card.figures.iter().map(|figure| format!("{} {} {:.4}", figure.data, figure.metric, figure.value));
    history.into_iter().chain(figures).collect()
}

/// What the card says of the tables that were trained on.
fn sources(recipe: &HeadRecipe, tables: &[Vec<Row>]) -> Vec<DataSource> {
    recipe.train.iter().zip(tables).map(|(table, rows)| table.source(rows.len())).collect()
}

/// The card, before anything was measured and without model and command.
fn card(recipe: &HeadRecipe, training: Vec<DataSource>) -> HeadCard {
    HeadCard {
        name: recipe.name.clone(),
        title: recipe.title.clone(),
        description: recipe.description.clone(),
        kind: recipe.kind,
        labels: recipe.labels.clone(),
        activation: recipe.activation,
        input_length_bp: recipe.input_length_bp,
        context_bp: None,
        strand: recipe.strand,
        training,
        figures: Vec::new(),
        calibration: Vec::new(),
        intended_use: recipe.intended_use.clone(),
        limits: recipe.limits.clone(),
        licence: recipe.licence.clone(),
        citation: recipe.citation.clone(),
        model_sha256: String::new(),
        command: String::new(),
    }
}

/// The rows of tables, less those that share sequence with genomes the head is judged on.
fn read_tables(tables: &[TableRecipe], recipe: &HeadRecipe) -> Result<Vec<Vec<Row>>, TrainError> {
    let labels: Vec<String> = recipe.labels.iter().map(|label| label.name.clone()).collect();
    let mut read = Vec::new();
    for table in tables {
        table.check()?;
        let exclude = match &recipe.overlaps {
            Some(path) if !recipe.leave_out.is_empty() => read_overlaps(path, &table.name, &recipe.leave_out)?,
            _ => Default::default(),
        };
        let mut format = TableFormat::new(labels.clone());
        format.label_names = (!table.label_names.is_empty()).then(|| table.label_names.clone());
        read.push(Dataset::read(&table.file, &format, &exclude)?.rows);
    }
    Ok(read)
}

struct Run<'a> {
    task: &'a FinetuneTask<'a>,
    tokenizer: Tokenizer,
    composition: Option<Composition>,
    device: Device,
    config: HeadConfig,
    card: HeadCard,
    rows: Vec<Row>,
    dev: Vec<Vec<Row>>,
    /// The encoder's states of rows read as they stand, `[token, hidden]`, kept from the first pass on.
    states: Vec<Option<Vec<f32>>>,
}

impl Run<'_> {
    /// Trains until the epochs are done or the figure on the first dev table stays the same; the best network is kept.
    fn train(&mut self, store: &Store, report: &mut Report<'_>) -> Result<State, TrainError> {
        let schedule = self.task.recipe.schedule.clone();
        let mut optimizer = optimizer(schedule.weight_decay);
        let mut weights = Weights::random(self.task.recipe.seed, &self.device);
        let mut state = State::default();
        if let Some(found) = store.state()?.filter(|_| self.task.resume) {
            weights = Weights::open(&store.checkpoint(LATEST), &self.device)?;
            optimizer = store.restore(optimizer)?;
            state = found;
        }
        let mut network = TaskHead::load(&self.config, &mut weights);
        weights.finish()?;
        let steps = batches(self.task.recipe, &self.rows, 0).len() as u64 * schedule.epochs;
        let rate = LearningRate { peak: schedule.learning_rate, warmup_share: schedule.warmup_share, steps };
        while state.step < schedule.epochs {
            let epoch = state.step;
            network = self.epoch(epoch, network, &mut optimizer, &rate, report)?;
            let figure = self.dev_figure(&network, report)?;
            state.step += 1;
            state.history.push(format!("epoch {} dev mcc {figure:.4}", state.step));
            if state.best.is_none_or(|(best, _)| figure > best) {
                state.best = Some((figure, state.step));
                store.write(&format!("checkpoint/{BEST}"), &to_safetensors(&network, Storage::F32)?)?;
            }
            store.save(LATEST, &network, &optimizer, &state)?;
            if state.best.is_some_and(|(_, at)| state.step - at >= schedule.patience) {
                break;
            }
        }
        Ok(state)
    }

    fn epoch(
        &mut self,
        epoch: u64,
        mut network: TaskHead,
        optimizer: &mut ModuleOptimizer,
        rate: &LearningRate,
        report: &mut Report<'_>,
    ) -> Result<TaskHead, TrainError> {
        let batches = batches(self.task.recipe, &self.rows, epoch);
        let done = epoch * batches.len() as u64;
        // Dropout draws from the device.
        self.device.seed(self.task.recipe.seed ^ epoch);
        let mut smooth = None;
        for (number, batch) in (done..).zip(batches) {
            let loss = self.loss(&network, &batch)?;
            let value = host(loss.clone().inner())?[0];
            if !value.is_finite() {
                return Err(TrainError::Astray { step: number });
            }
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            network = optimizer.step(rate.at(number), network, gradients);
            sound(&self.device).map_err(ModelError::from)?;
            let mean = smooth.map_or(value, |mean: f32| 0.95 * mean + 0.05 * value);
            smooth = Some(mean);
            let note = format!("epoch {}, loss {mean:.3}", epoch + 1);
            if !report(Progress { step: number + 1, steps: rate.steps, note }) {
                return Err(TrainError::Cancelled);
            }
        }
        Ok(network)
    }

    fn loss(&mut self, network: &TaskHead, samples: &[Sample]) -> Result<Tensor<1>, TrainError> {
        let windows: Vec<&[u8]> = samples.iter().map(|sample| sample.sequence.as_slice()).collect();
        let batch = Batch::new(&windows, &self.tokenizer)?;
        let states = if self.config.reads_tokens() { Some(self.states(samples, &batch)?) } else { None };
        let input = batch.head_input(&windows, states, self.composition.as_ref(), &self.device);
        let logits = network.forward(&input);
        let shape = logits.dims();
        let targets = Targets::new(self.task.recipe, samples, &batch.spans, shape[1]);
        let weights = TensorData::new(targets.weights, [shape[0], shape[1], 1]);
        let weights = Tensor::<3>::from_data(weights, &self.device);
        let probabilities = Tensor::<3>::from_data(TensorData::new(targets.probabilities, shape), &self.device);
        let total = weights.clone().sum();
        Ok((log_softmax(logits, 2) * probabilities * weights).sum().neg() / total)
    }

    /// The encoder's last states of a batch, `[batch, token, hidden]`; those of unchanged rows are computed once.
    fn states(&mut self, samples: &[Sample], batch: &Batch) -> Result<Tensor<3>, TrainError> {
        let hidden = self.task.model.sizes().hidden_size;
        let kept: Option<Vec<&Vec<f32>>> =
            samples.iter().map(|sample| self.states[sample.unchanged?].as_ref()).collect();
        let tokens = batch.longest();
        if let Some(kept) = kept {
            let padded = kept.into_iter().flat_map(|states| padded(states, tokens * hidden));
            let data = TensorData::new(padded.collect::<Vec<f32>>(), [samples.len(), tokens, hidden]);
            return Ok(Tensor::from_data(data, &self.device));
        }
        self.task.model.check_length(tokens)?;
        let states = self.task.model.network.encode(&batch.tokens(), &mut Pass::default()).last;
        let values = host(states.clone())?;
        for ((sample, row), spans) in samples.iter().zip(values.chunks(tokens * hidden)).zip(&batch.spans) {
            if let Some(number) = sample.unchanged {
                self.states[number] = Some(row[..spans.len() * hidden].to_vec());
            }
        }
        Ok(states.autodiff())
    }

    fn head(&self, network: TaskHead) -> Head {
        Head {
            folder: Folder::Disk(self.task.output.to_owned()),
            answers: Answers::Own { config: self.config.clone(), network: Box::new(network) },
            card: self.card.clone(),
            sha256: String::new(),
        }
    }

    fn dev_figure(&self, network: &TaskHead, report: &mut Report<'_>) -> Result<f64, TrainError> {
        let head = self.head(network.valid());
        let rows = self.dev.first().map(Vec::as_slice).unwrap_or_default();
        Ok(self.measure(&head, rows, report)?.mcc.unwrap_or(0.0))
    }

    fn measure(&self, head: &Head, rows: &[Row], report: &mut Report<'_>) -> Result<Classification, TrainError> {
        let predictor = Predictor::new(self.task.model, &self.tokenizer, head, Conduct::default());
        Ok(measure(&predictor, rows, report)?.0)
    }
}

/// What a head reaches on rows, and its probabilities for each.
fn measure(
    predictor: &Predictor<'_>,
    rows: &[Row],
    report: &mut Report<'_>,
) -> Result<(Classification, Vec<Vec<f32>>), TrainError> {
    let mut quiet = |progress: Progress| report(Progress { note: "measuring".to_owned(), ..progress });
    let found = probabilities(predictor, rows, None, &mut quiet)?;
    let labels: Vec<usize> = rows.iter().map(|row| row.label).collect();
    let names: Vec<String> = predictor.head.card.labels.iter().map(|label| label.name.clone()).collect();
    Ok((classification(&found, &labels, &names)?, found))
}

/// A dev table, and what a head reaches on it.
type Measured<'a> = (&'a TableRecipe, Classification);

/// What a head reaches on each dev table.
fn tables_measured<'a>(
    recipe: &'a HeadRecipe,
    dev: &[Vec<Row>],
    mut measure: impl FnMut(&[Row]) -> Result<Classification, TrainError>,
) -> Result<Vec<Measured<'a>>, TrainError> {
    recipe.dev.iter().zip(dev).map(|(table, rows)| Ok((table, measure(rows)?))).collect()
}

fn name_of((table, measured): &Measured<'_>) -> String {
    format!("{} ({} rows)", table.name, measured.n)
}

/// The figures of each dev table, beside the baseline.
fn figures(tables: &[Measured<'_>]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for of_table in tables {
        let (table, measured) = of_table;
        let metrics =
            [("mcc", measured.mcc), ("auroc", measured.auroc), ("accuracy", measured.accuracy), ("ece", measured.ece)];
        for (metric, value) in metrics {
            let baseline = table.baseline_mcc.filter(|_| metric == "mcc");
            figures.extend(value.map(|value| Figure {
                data: name_of(of_table),
                metric: metric.to_owned(),
                value,
                baseline,
                baseline_name: baseline.and(table.baseline_name.clone()),
            }));
        }
    }
    figures
}

/// The reliability curves of each dev table, of the labels that are drawn by default.
fn calibration(tables: &[Measured<'_>], recipe: &HeadRecipe) -> Vec<Calibration> {
    let mut curves = Vec::new();
    for of_table in tables {
        for (label, (name, judged)) in recipe.labels.iter().zip(&of_table.1.per_class) {
            if !label.background {
                let bins = judged.calibration.clone();
                curves.push(Calibration { data: name_of(of_table), label: name.clone(), bins });
            }
        }
    }
    curves
}

fn padded(values: &[f32], length: usize) -> impl Iterator<Item = f32> + '_ {
    values.iter().copied().chain(std::iter::repeat_n(0.0, length - values.len()))
}
