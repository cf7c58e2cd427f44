//! Training of a checkpoint, with the layers of classes that its published kind has: every weight of it, or low-rank
//! changes.
//!
//! The result is a folder in the Hugging Face layout. Nothing is dropped out: the same rows and seed give the same
//! weights.

use std::path::Path;

use burn::{
    module::Module,
    tensor::{Device, Tensor, TensorData, activation::log_softmax},
};
use serde::Serialize;
use strandscope_analysis::{
    batch::Batch,
    predict::{Predictor, host},
};
use strandscope_kernels::{Conduct, sound};
use strandscope_models::{
    ModelError,
    card::{Activation, HeadCard, HeadKind, ModelCard},
    checkpoint::sha256,
    folder::{CARD, CHECKPOINT_CARD, Folder, MODEL_CONFIG, MODEL_WEIGHTS},
    head::{Answers, Head},
    model::Model,
    network::Network,
    published::{LAYOUT, companions, missing_code},
    trainable::Trainable,
};
use strandscope_tokens::Tokenizer;

use super::{
    BEST, calibration, card, figures,
    learner::Learner,
    lora::Adapters,
    measure, notes, read_tables,
    samples::{Sample, batches},
    sources, tables_measured,
    targets::Targets,
};
use crate::{
    Progress, Report, TrainError,
    dataset::Row,
    gradients::{self, gradients},
    metrics::Classification,
    pretrain::json_bytes,
    recipe::{HeadRecipe, HeadSchedule, LoraRecipe},
    schedule::LearningRate,
    store::{State, Store},
};

/// What happened on the way, beside the cards.
const HISTORY: &str = "history.json";

/// How a checkpoint came about.
#[derive(Serialize)]
struct History<'a> {
    from: Beginning<'a>,
    method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    lora: Option<&'a LoraRecipe>,
    seed: u64,
    schedule: &'a HeadSchedule,
    /// Tensors that were drawn at random.
    drawn: &'a [String],
    best: Option<Best>,
    /// What was measured, one line each.
    epochs: &'a [String],
}

#[derive(Serialize)]
struct Beginning<'a> {
    model: String,
    sha256: &'a str,
}

#[derive(Serialize)]
struct Best {
    dev_loss: f64,
    epoch: u64,
}

/// What training a whole checkpoint is asked.
pub struct WholeTask<'a> {
    /// The recipe; its `[network]` is not looked at.
    pub recipe: &'a HeadRecipe,
    /// Low-rank changes of queries and values, in place of every weight.
    pub lora: Option<LoraRecipe>,
    /// The checkpoint to begin with.
    pub folder: &'a Folder,
    /// Where to compute.
    pub device: &'a Device,
    /// Go on from the last checkpoint in the output folder.
    pub resume: bool,
    /// Use a folder that is not empty.
    pub force: bool,
    /// Where the result goes.
    pub output: &'a Path,
    /// The command, for the card.
    pub command: String,
}

/// Trains a checkpoint and writes its folder; returns what was measured and what was odd, one line each.
///
/// # Errors
/// When the recipe is not for classes of rows, the rank of changes does not fit the checkpoint, data cannot be read, a
/// row has more tokens than the checkpoint has places for, training goes astray, the folder cannot be written, or
/// `report` says to stop.
pub fn finetune_whole(task: &WholeTask<'_>, report: &mut Report<'_>) -> Result<Vec<String>, TrainError> {
    let recipe = task.recipe;
    let labels = labels_of_rows(task)?;
    let (start, network) = Trainable::load(task.folder, &labels, recipe.seed, &task.device.clone().autodiff())?;
    if let Some(lora) = &task.lora {
        lora.check(network.hidden_size())
            .map_err(|reason| TrainError::Recipe { path: task.output.to_owned(), reason })?;
    }
    let tables = read_tables(&recipe.train, recipe)?;
    let dev = read_tables(&recipe.dev, recipe)?;
    let card = card(recipe, sources(recipe, &tables));
    let how = task.lora.as_ref().map_or_else(String::new, |lora| format!(" {}", lora.sentence()));
    let card = HeadCard { command: task.command.clone(), description: format!("{}{how}", card.description), ..card };
    let rows: Vec<Row> = tables.into_iter().flatten().collect();
    let tokenizer = start.model(task.folder, network.clone()).tokenizer()?;
    let run = Run { task, tokenizer, start, card, rows, dev };
    run.check_lengths()?;
    let store = Store::create(task.output, task.resume, task.force)?;
    let state = run.train(network, &store, report)?;
    run.write(&store, state, report)
}

/// The labels of a recipe for classes of rows.
fn labels_of_rows(task: &WholeTask<'_>) -> Result<Vec<String>, TrainError> {
    let recipe = task.recipe;
    let labels: Vec<String> = recipe.labels.iter().map(|label| label.name.clone()).collect();
    let mut apart = labels.clone();
    apart.sort();
    apart.dedup();
    let reason = if recipe.kind != HeadKind::Sequence {
        "it is for answers within a row, and the classes of a checkpoint answer for a row as a whole"
    } else if recipe.activation != Activation::Softmax {
        "its activation is not softmax, and exactly one class of a row holds"
    } else if labels.len() < 2 || apart.len() != labels.len() {
        "it must have two labels or more, each with a name of its own"
    } else {
        return Ok(labels);
    };
    Err(TrainError::Recipe { path: task.output.to_owned(), reason: reason.to_owned() })
}

struct Run<'a> {
    task: &'a WholeTask<'a>,
    tokenizer: Tokenizer,
    start: Trainable,
    card: HeadCard,
    rows: Vec<Row>,
    dev: Vec<Vec<Row>>,
}

impl Run<'_> {
    /// Whether the checkpoint has places for every row, before hours of work and not after.
    fn check_lengths(&self) -> Result<(), TrainError> {
        let Some(most) = self.start.config.most_tokens() else { return Ok(()) };
        for row in self.rows.iter().chain(self.dev.iter().flatten()) {
            let tokens = self.tokenizer.encode(&row.sequence)?.ids.len();
            if tokens > most {
                return Err(ModelError::TooLong { model: self.task.folder.name(), tokens, most }.into());
            }
        }
        Ok(())
    }

    /// Trains until the epochs are done or the loss on the first dev table does not fall any more; the best is kept.
    fn train(&self, network: Network, store: &Store, report: &mut Report<'_>) -> Result<State, TrainError> {
        let schedule = &self.task.recipe.schedule;
        let draw = |lora: &LoraRecipe| Adapters::drawn(&network, lora, self.task.recipe.seed);
        let adapters = self.task.lora.as_ref().map(draw);
        let mut learner = Learner::new(network, schedule.weight_decay, adapters);
        let mut state = State::default();
        if let Some(found) = store.state()?.filter(|_| self.task.resume) {
            learner = learner.resumed(&self.start, store)?;
            state = found;
        }
        let steps = batches(self.task.recipe, &self.rows, 0).len() as u64 * schedule.epochs;
        let rate = LearningRate { peak: schedule.learning_rate, warmup_share: schedule.warmup_share, steps };
        while state.step < schedule.epochs {
            let trained;
            (learner, trained) = self.epoch(state.step, learner, &rate, report)?;
            let model = self.model(learner.network.valid());
            let rows = self.dev.first().map(Vec::as_slice).unwrap_or_default();
            let (measured, loss) = self.measure(&model, rows, report)?;
            state.step += 1;
            let mcc = measured.mcc.unwrap_or(0.0);
            state.history.push(format!("epoch {} loss {trained:.4} dev loss {loss:.4} mcc {mcc:.4}", state.step));
            let bytes = self.start.bytes(&model.network)?;
            if state.best.is_none_or(|(best, _)| loss < best) {
                state.best = Some((loss, state.step));
                store.write(&format!("checkpoint/{BEST}"), &bytes)?;
            }
            learner.save(store, &bytes, &state)?;
            if state.best.is_some_and(|(_, at)| state.step - at >= schedule.patience) {
                break;
            }
        }
        Ok(state)
    }

    /// One pass over the rows, and the mean loss on its way.
    fn epoch(
        &self,
        epoch: u64,
        mut learner: Learner,
        rate: &LearningRate,
        report: &mut Report<'_>,
    ) -> Result<(Learner, f64), TrainError> {
        let batches = batches(self.task.recipe, &self.rows, epoch);
        let (count, done) = (batches.len() as u64, epoch * batches.len() as u64);
        let (mut smooth, mut sum) = (None, 0.0);
        for (number, samples) in (done..).zip(batches) {
            let windows: Vec<&[u8]> = samples.iter().map(|sample| sample.sequence.as_slice()).collect();
            let batch = Batch::new(&windows, &self.tokenizer)?;
            let (tokens, conduct) = (batch.tokens(), Conduct::default());
            let batch = gradients::Batch { tokens: &tokens, conduct: &conduct };
            let network = &learner.network;
            let (loss, gradients) = gradients(network, &batch, |last| self.loss(network, last, &samples));
            let value = host(loss)?[0];
            if !value.is_finite() {
                return Err(TrainError::Astray { step: number });
            }
            learner = learner.stepped(rate.at(number), gradients);
            sound(&learner.network.device()).map_err(ModelError::from)?;
            sum += f64::from(value);
            let mean = smooth.map_or(value, |mean: f32| 0.95 * mean + 0.05 * value);
            smooth = Some(mean);
            let note = format!("epoch {}, loss {mean:.3}", epoch + 1);
            if !report(Progress { step: number + 1, steps: rate.steps, note }) {
                return Err(TrainError::Cancelled);
            }
        }
        Ok((learner, sum / count.max(1) as f64))
    }

    /// Mean cross-entropy of the classes of rows, given their last states `[batch, seq, hidden]`.
    fn loss(&self, network: &Network, last: Tensor<3>, samples: &[Sample]) -> Tensor<1> {
        let logits = network.class_logits(last).expect("a network that was loaded with classes");
        let (shape, device) = (logits.dims(), logits.device());
        let targets = Targets::new(self.task.recipe, samples, &vec![Vec::new(); samples.len()], 0);
        let wanted = Tensor::<3>::from_data(TensorData::new(targets.probabilities, shape), &device);
        (log_softmax(logits, 2) * wanted).sum().neg() / samples.len() as f64
    }

    fn model(&self, network: Network) -> Model {
        self.start.model(&Folder::Disk(self.task.output.to_owned()), network)
    }

    /// What a model reaches on rows, and its mean loss there.
    fn measure(
        &self,
        model: &Model,
        rows: &[Row],
        report: &mut Report<'_>,
    ) -> Result<(Classification, f64), TrainError> {
        let head = Head {
            folder: model.folder.clone(),
            answers: Answers::OfModel,
            card: self.card.clone(),
            sha256: String::new(),
        };
        let predictor = Predictor::new(model, &self.tokenizer, &head, Conduct::default());
        let (measured, found) = measure(&predictor, rows, report)?;
        let of_row = |(row, found): (&Row, &Vec<f32>)| -f64::from(found[row.label].max(f32::MIN_POSITIVE)).ln();
        let loss: f64 = rows.iter().zip(&found).map(of_row).sum();
        Ok((measured, loss / rows.len().max(1) as f64))
    }

    /// Writes the folder of the best network, with what was measured of it.
    fn write(mut self, store: &Store, state: State, report: &mut Report<'_>) -> Result<Vec<String>, TrainError> {
        let output = self.task.output;
        let device = self.task.device.clone();
        let model = self.model(self.start.load_network(&store.checkpoint(BEST), &device)?);
        let measured = tables_measured(self.task.recipe, &self.dev, |rows| Ok(self.measure(&model, rows, report)?.0))?;
        self.card.figures = figures(&measured);
        self.card.calibration = calibration(&measured, self.task.recipe);
        let weights = self.start.bytes(&model.network)?;
        self.card.model_sha256 = sha256(&weights);
        let files = companions(self.task.folder)?;
        // What is left of another model or head would be taken for part of this one.
        for stale in LAYOUT {
            store.remove(stale)?;
        }
        let odd = self.oddities(&files);
        for (name, bytes) in files {
            store.write(&name, &bytes)?;
        }
        store.write(MODEL_CONFIG, &self.start.document)?;
        store.write(MODEL_WEIGHTS, &weights)?;
        store.write(CHECKPOINT_CARD, &json_bytes(&self.card, output)?)?;
        store.write(HISTORY, &json_bytes(&self.history(&state), output)?)?;
        if let Some(card) = self.model_card(&model)? {
            store.write(CARD, &json_bytes(&card, output)?)?;
        }
        store.clear_checkpoint()?;
        Ok([notes(state.history, &self.card), odd].concat())
    }

    /// What a user should know that is no error.
    fn oddities(&self, files: &[(String, Vec<u8>)]) -> Vec<String> {
        let recipe = self.task.recipe;
        let mut odd = self.start.warnings.clone();
        if !self.start.drawn.is_empty() {
            odd.push(format!("begun at random: {}", self.start.drawn.join(", ")));
        }
        let longer = self.rows.iter().filter(|row| row.sequence.len() as u64 > recipe.input_length_bp).count();
        if longer > 0 {
            let (all, length) = (self.rows.len(), recipe.input_length_bp);
            odd.push(format!("{longer} of {all} rows are longer than {length} bp and were read whole"));
        }
        let missing = missing_code(&self.start.document, files);
        if !missing.is_empty() {
            let missing = missing.join(", ");
            odd.push(format!(
                "config.json names code that was not beside the weights: put {missing} beside it for Python"
            ));
        }
        odd
    }

    fn history<'a>(&'a self, state: &'a State) -> History<'a> {
        History {
            from: Beginning { model: self.task.folder.name(), sha256: &self.start.sha256 },
            method: if self.task.lora.is_some() { "lora" } else { "full" },
            lora: self.task.lora.as_ref(),
            seed: self.task.recipe.seed,
            schedule: &self.task.recipe.schedule,
            drawn: &self.start.drawn,
            best: state.best.map(|(dev_loss, epoch)| Best { dev_loss, epoch }),
            epochs: &state.history,
        }
    }

    /// The card of the checkpoint itself, where the one it began with has a card.
    fn model_card(&self, model: &Model) -> Result<Option<ModelCard>, TrainError> {
        let Some(before) = self.task.folder.model_card()? else { return Ok(None) };
        Ok(Some(ModelCard {
            name: self.card.name.clone(),
            title: self.card.title.clone(),
            description: format!("{} fine-tuned: {}", before.name, self.card.description),
            parameters: model.parameters as u64,
            training: [before.training, self.card.training.clone()].concat(),
            figures: self.card.figures.clone(),
            licence: self.card.licence.clone(),
            citation: [before.citation, self.card.citation.clone()].concat(),
            command: self.card.command.clone(),
            ..before
        }))
    }
}
