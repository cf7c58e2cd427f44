//! Masked-language-model training of an encoder.

use std::path::{Path, PathBuf};

use burn::{
    grad_clipping::GradientClippingConfig,
    module::Module,
    optim::{AdamWConfig, ModuleOptimizer},
    tensor::{Device, Int, Tensor, TensorData, activation::log_softmax},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use strandscope_analysis::predict::host;
use strandscope_genome::{Genome, Region, reverse_complement};
use strandscope_kernels::{Conduct, Segments, sound};
use strandscope_models::{
    ModelError,
    card::{Figure, ModelCard},
    checkpoint::{Storage, Weights, to_safetensors},
    config::{Config, Sizes},
    dnagrinder::{self, NormPosition},
    folder::{Folder, MODEL_CONFIG, MODEL_WEIGHTS},
    model::Model,
    network::Network,
    pass::{Pass, Tokens},
};
use strandscope_tokens::Tokenizer;

use crate::{
    Progress, Report, TrainError,
    bpe::train_bpe,
    dataset::{Dataset, TableFormat, read_overlaps},
    gradients::{Batch, gradients},
    masking::{Masked, mask},
    recipe::{PretrainRecipe, TableRecipe},
    schedule::LearningRate,
    store::{State, Store},
};

/// Bases drawn for each token wanted; tokens of a learnt vocabulary are a little shorter.
const BP_PER_TOKEN: usize = 6;

/// Rows of held-out sequence that masked accuracy is measured on.
const HELD_OUT_ROWS: usize = 128;

/// What pretraining is asked.
pub struct PretrainTask<'a> {
    /// The recipe.
    pub recipe: &'a PretrainRecipe,
    /// FASTA files.
    pub genomes: &'a [PathBuf],
    /// Where indexes of sequence files are kept.
    pub cache: &'a Path,
    /// A model to go on from, with its vocabulary and sizes; `None` makes one from scratch.
    pub from: Option<&'a Folder>,
    /// Go on from the last checkpoint.
    pub resume: bool,
    /// Use a folder that is not empty.
    pub force: bool,
    /// Where the model goes.
    pub output: &'a Path,
    /// The command, for the card.
    pub command: String,
}

/// Trains an encoder and writes its folder; returns what was measured, one line each.
///
/// # Errors
/// When data cannot be read, training goes astray, the folder cannot be written, or `report` says to stop.
pub fn pretrain(task: &PretrainTask<'_>, device: &Device, report: &mut Report<'_>) -> Result<Vec<String>, TrainError> {
    let recipe = task.recipe;
    let store = Store::create(task.output, task.resume, task.force)?;
    let corpus = Corpus::read(task)?;
    let device = device.clone().autodiff();
    let start = match task.from {
        Some(folder) => Start::from_model(task, Model::load(folder, &device)?)?,
        None => Start::from_scratch(recipe, &corpus, &device, report)?,
    };
    let Start { files, tokenizer, config, network } = start;
    let mut run = Run { recipe, corpus, tokenizer, device, family: config.family().name() };
    let (network, state) = run.train(network, &config, &store, task.resume, report)?;
    let accuracy = run.held_out_accuracy(&network.valid())?;
    let weights = to_safetensors(&network, Storage::F16)?;
    let mut card = run.card(accuracy, network.num_params(), &task.command);
    if let Some(before) = task.from.map(Folder::model_card).transpose()?.flatten() {
        card.training = [before.training, card.training].concat();
    }
    for (name, bytes) in files {
        store.write(name, &bytes)?;
    }
    store.write(MODEL_WEIGHTS, &weights)?;
    store.write("card.json", &json_bytes(&card, task.output)?)?;
    store.clear_checkpoint()?;
    let mut notes = state.history;
    notes.push(format!("masked accuracy on held-out sequence {accuracy:.4}"));
    Ok(notes)
}

/// A document as it is stored beside weights.
pub(crate) fn json_bytes(document: &impl serde::Serialize, folder: &Path) -> Result<Vec<u8>, TrainError> {
    serde_json::to_vec_pretty(document)
        .map_err(|error| TrainError::store("writing a card", folder)(std::io::Error::other(error)))
}

/// Files of a model besides its weights and its card.
const MODEL_FILES: [&str; 5] =
    [MODEL_CONFIG, "tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"];

/// What training begins with.
struct Start {
    /// The configuration and the files of the tokenizer.
    files: Vec<(&'static str, Vec<u8>)>,
    tokenizer: Tokenizer,
    config: Config,
    network: Network,
}

impl Start {
    fn from_scratch(
        recipe: &PretrainRecipe,
        corpus: &Corpus,
        device: &Device,
        report: &mut Report<'_>,
    ) -> Result<Self, TrainError> {
        let json = train_bpe(corpus.pieces(), recipe.tokenizer.vocab_size, recipe.tokenizer.max_token_bp, |found| {
            report(Progress { step: 0, steps: recipe.schedule.steps, note: format!("{found} tokens learnt") })
        })?;
        let tokenizer = Tokenizer::from_json(&json, "the vocabulary just learnt")?;
        let config = encoder_config(recipe, &tokenizer);
        let document = serde_json::to_vec_pretty(&config.document()).unwrap_or_default();
        let config = Config::DnaGrinder(config);
        let network = Network::load(&config, &mut Weights::random(recipe.seed, device));
        Ok(Self { files: vec![(MODEL_CONFIG, document), ("tokenizer.json", json)], tokenizer, config, network })
    }

    fn from_model(task: &PretrainTask<'_>, model: Model) -> Result<Self, TrainError> {
        if !model.network.predicts_tokens() {
            let name = model.folder.name();
            return Err(unusable(task, format!("model {name} has no layer that predicts tokens, so it cannot go on")));
        }
        model.check_length(task.recipe.schedule.lengths.iter().copied().max().unwrap_or(0))?;
        let there = MODEL_FILES.into_iter().filter(|name| model.folder.has(name));
        let files = there.map(|name| Ok((name, model.folder.read(name)?))).collect::<Result<_, ModelError>>()?;
        Ok(Self { files, tokenizer: model.tokenizer()?, config: model.config, network: model.network })
    }
}

fn encoder_config(recipe: &PretrainRecipe, tokenizer: &Tokenizer) -> dnagrinder::Config {
    let network = &recipe.network;
    let sizes = Sizes {
        vocab_size: tokenizer.vocab_size(),
        hidden_size: network.hidden_size,
        num_hidden_layers: network.num_hidden_layers,
        num_attention_heads: network.num_attention_heads,
        intermediate_size: network.intermediate_size,
        layer_norm_eps: 1e-6,
        pad_token_id: tokenizer.special().pad.unwrap_or(tokenizer.special().unknown),
    };
    dnagrinder::Config {
        sizes,
        norm_position: NormPosition::Pre,
        attention_bias: false,
        ffn_bias: false,
        tie_word_embeddings: true,
        classes: None,
    }
}

/// Sequences to train on and sequences never trained on.
struct Corpus {
    stretches: Vec<Vec<u8>>,
    rows: Vec<Vec<u8>>,
    held_out: Vec<Vec<u8>>,
}

impl Corpus {
    fn read(task: &PretrainTask<'_>) -> Result<Self, TrainError> {
        let mut corpus = Self { stretches: Vec::new(), rows: Vec::new(), held_out: Vec::new() };
        let mut matched = vec![false; task.recipe.held_out.len()];
        for path in task.genomes {
            let mut genome = Genome::open(path, task.cache)?;
            for contig in genome.contigs().to_vec() {
                let whole = Region::new(contig.name.clone(), 0, contig.length_bp);
                let bases = genome.read(&whole)?.to_ascii_uppercase();
                corpus.add(bases, &contig.name, &task.recipe.held_out, &mut matched);
            }
        }
        if let Some(missing) = matched.iter().position(|found| !found) {
            let name = &task.recipe.held_out[missing];
            return Err(unusable(task, format!("held_out names {name}, which is in none of the genomes")));
        }
        for table in &task.recipe.tables {
            corpus.rows.extend(table_rows(table, task.recipe)?);
        }
        if corpus.stretches.is_empty() {
            return Err(unusable(task, "there is nothing to train on: every genome is held out".to_owned()));
        }
        Ok(corpus)
    }

    /// Sorts a contig into what is trained on and what is held out.
    fn add(&mut self, bases: Vec<u8>, contig: &str, held_out: &[String], matched: &mut [bool]) {
        let mut kept = bases.as_slice();
        for (name, matched) in held_out.iter().zip(matched) {
            let region = name.parse::<Region>().ok().filter(|region| region.contig == contig);
            if name == contig {
                self.held_out.push(std::mem::take(&mut kept).to_vec());
                *matched = true;
            } else if let Some(region) = region {
                // Only the end of a contig can be cut off, so that nothing next to it leaks in from both sides.
                let start = usize::try_from(region.start_bp).map_or(kept.len(), |start| start.min(kept.len()));
                self.held_out.push(kept[start..].to_vec());
                kept = &kept[..start];
                *matched = true;
            }
        }
        if !kept.is_empty() {
            self.stretches.push(kept.to_vec());
        }
    }

    /// Both strands of everything, for the vocabulary.
    fn pieces(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        self.stretches.iter().flat_map(|bases| [bases.clone(), reverse_complement(bases)])
    }
}

fn unusable(task: &PretrainTask<'_>, reason: String) -> TrainError {
    TrainError::Recipe { path: task.output.to_owned(), reason }
}

fn table_rows(table: &TableRecipe, recipe: &PretrainRecipe) -> Result<Vec<Vec<u8>>, TrainError> {
    table.check()?;
    let exclude = match &recipe.overlaps {
        Some(path) => read_overlaps(path, &table.name, &recipe.leave_out)?,
        None => Default::default(),
    };
    let mut format = TableFormat::new(table.label_names.clone());
    format.label_names = Some(table.label_names.clone());
    let rows = Dataset::read(&table.file, &format, &exclude)?.rows;
    Ok(rows.into_iter().map(|row| row.sequence).collect())
}

struct Run<'a> {
    recipe: &'a PretrainRecipe,
    corpus: Corpus,
    tokenizer: Tokenizer,
    device: Device,
    /// Architecture of the encoder.
    family: &'static str,
}

impl Run<'_> {
    fn train(
        &mut self,
        mut network: Network,
        config: &Config,
        store: &Store,
        resume: bool,
        report: &mut Report<'_>,
    ) -> Result<(Network, State), TrainError> {
        let schedule = &self.recipe.schedule;
        let mut optimizer = optimizer(schedule.weight_decay);
        let mut state = State::default();
        if let Some(found) = store.state()?.filter(|_| resume) {
            let mut weights = Weights::open(&store.checkpoint(MODEL_WEIGHTS), &self.device)?;
            network = Network::load(config, &mut weights);
            weights.finish()?;
            optimizer = store.restore(optimizer)?;
            state = found;
        }
        let rate =
            LearningRate { peak: schedule.learning_rate, warmup_share: schedule.warmup_share, steps: schedule.steps };
        let mut smooth = None;
        while state.step < schedule.steps {
            let hidden = self.hidden_of_step(state.step)?;
            let conduct = Conduct::default();
            let batch = Batch { tokens: &hidden.tokens, conduct: &conduct };
            let (loss, gradients) = gradients(&network, &batch, |states| hidden.loss(&network, states));
            let value = host(loss)?[0];
            if !value.is_finite() {
                return Err(TrainError::Astray { step: state.step });
            }
            network = optimizer.step(rate.at(state.step), network, gradients);
            sound(&self.device).map_err(ModelError::from)?;
            state.step += 1;
            let mean = smooth.map_or(value, |mean: f32| 0.95 * mean + 0.05 * value);
            smooth = Some(mean);
            let checkpoint = state.step.is_multiple_of(schedule.checkpoint_every);
            if checkpoint {
                state.history.push(format!("step {} loss {mean:.3}", state.step));
                store.save(MODEL_WEIGHTS, &network, &optimizer, &state)?;
            }
            if !report(Progress { step: state.step, steps: schedule.steps, note: format!("loss {mean:.3}") }) {
                return Err(TrainError::Cancelled);
            }
        }
        Ok((network, state))
    }

    /// The batch of a step, some of its tokens hidden.
    fn hidden_of_step(&self, step: u64) -> Result<Hidden, TrainError> {
        let schedule = &self.recipe.schedule;
        // A generator for each step, so that a resumed run draws what an unbroken one would.
        let mut random = ChaCha8Rng::seed_from_u64(self.recipe.seed ^ step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let stage = usize::try_from(step * schedule.lengths.len() as u64 / schedule.steps).unwrap_or(0);
        let from_rows = !self.corpus.rows.is_empty() && random.random::<f64>() < schedule.table_share;
        let tokens = schedule.lengths[stage.min(schedule.lengths.len() - 1)];
        let rows = self.draw(if from_rows { None } else { Some(tokens) }, schedule.batch_tokens, &mut random)?;
        Ok(self.hidden(&rows, &mut random))
    }

    /// Rows of token ids: stretches of genomes of `tokens` tokens, or rows of tables.
    fn draw(&self, tokens: Option<usize>, batch: usize, random: &mut ChaCha8Rng) -> Result<Vec<Vec<i64>>, TrainError> {
        let mut rows: Vec<Vec<i64>> = Vec::new();
        let mut total = 0;
        while total < batch {
            let bases = match tokens {
                Some(tokens) => self.draw_stretch(tokens * BP_PER_TOKEN, random),
                None => self.corpus.rows[random.random_range(0..self.corpus.rows.len())].clone(),
            };
            let bases = if random.random() { reverse_complement(&bases) } else { bases };
            let ids = self.tokenizer.encode(&bases)?.ids;
            rows.push(ids.into_iter().take(tokens.unwrap_or(usize::MAX)).map(i64::from).collect());
            total += rows.last().map_or(0, Vec::len);
        }
        Ok(rows)
    }

    /// A stretch at random; every base is as likely as every other.
    fn draw_stretch(&self, length_bp: usize, random: &mut ChaCha8Rng) -> Vec<u8> {
        let total: usize = self.corpus.stretches.iter().map(Vec::len).sum();
        let mut place = random.random_range(0..total);
        for stretch in &self.corpus.stretches {
            if place < stretch.len() {
                let start = place.min(stretch.len().saturating_sub(length_bp));
                return stretch[start..(start + length_bp).min(stretch.len())].to_vec();
            }
            place -= stretch.len();
        }
        Vec::new()
    }

    /// Rows of token ids, some of their tokens hidden.
    fn hidden(&self, rows: &[Vec<i64>], random: &mut ChaCha8Rng) -> Hidden {
        let special = self.tokenizer.special();
        let pad = i64::from(special.pad.unwrap_or(special.unknown));
        let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
        let padded: Vec<i64> = rows.iter().flat_map(|row| padded_row(row, longest, pad)).collect();
        let real: Vec<bool> = padded.iter().map(|&id| id != pad).collect();
        let share = self.recipe.schedule.mask_share;
        let mut masked = mask(&padded, &special, self.tokenizer.vocab_size(), share, random);
        if masked.places.is_empty() {
            // A batch must teach something: its first real token.
            masked.places.push(1);
            masked.answers.push(padded[1]);
        }
        let segments = Segments::from_mask(real.iter().copied(), longest).expect("rows were filled up to one length");
        let segments = (!real.iter().all(|real| *real)).then_some(segments);
        Hidden { tokens: Tokens::new(std::mem::take(&mut masked.ids), longest, segments), masked }
    }

    /// Share of hidden tokens of held-out sequence that are guessed, every token hidden by the mask.
    fn held_out_accuracy(&self, network: &Network) -> Result<f64, TrainError> {
        let mut random = ChaCha8Rng::seed_from_u64(self.recipe.seed);
        let tokens = self.recipe.schedule.lengths.last().copied().unwrap_or(128);
        let (mut right, mut all) = (0, 0);
        for row in 0..HELD_OUT_ROWS {
            let source = &self.corpus.held_out[row % self.corpus.held_out.len()];
            let length = (tokens * BP_PER_TOKEN).min(source.len());
            let start = random.random_range(0..=source.len() - length);
            let ids = self.tokenizer.encode(&source[start..start + length])?.ids;
            let ids: Vec<i64> = ids.into_iter().take(tokens).map(i64::from).collect();
            let hidden = self.hidden(&[ids], &mut random);
            let states = network.encode(&hidden.tokens, &mut Pass::default()).last;
            let best = hidden.logits(network, states).argmax(1).into_data().iter::<i64>().collect::<Vec<_>>();
            let answers = &hidden.masked.answers;
            right += best.iter().zip(answers).filter(|(best, answer)| best == answer).count();
            all += answers.len();
        }
        Ok(right as f64 / all.max(1) as f64)
    }

    fn card(&self, accuracy: f64, parameters: usize, command: &str) -> ModelCard {
        let recipe = self.recipe;
        ModelCard {
            name: recipe.name.clone(),
            title: recipe.title.clone(),
            description: recipe.description.clone(),
            family: self.family.to_owned(),
            parameters: parameters as u64,
            context_tokens: recipe.schedule.lengths.last().copied().unwrap_or(0) as u64,
            training: recipe.sources.clone(),
            figures: vec![Figure {
                data: format!("held-out sequence: {}", recipe.held_out.join(", ")),
                metric: "masked token accuracy".to_owned(),
                value: accuracy,
                baseline: None,
                baseline_name: None,
            }],
            licence: recipe.licence.clone(),
            citation: recipe.citation.clone(),
            command: command.to_owned(),
        }
    }
}

/// A batch, some of its tokens hidden.
struct Hidden {
    tokens: Tokens,
    masked: Masked,
}

impl Hidden {
    /// Scores of the vocabulary at the hidden places, of the last states: `[batch, seq, hidden] → [place, vocab]`.
    fn logits(&self, network: &Network, states: Tensor<3>) -> Tensor<2> {
        let places = TensorData::new(self.masked.places.clone(), [self.masked.places.len()]);
        let places = Tensor::from_data(places, &states.device());
        let states: Tensor<2> = states.flatten(0, 1);
        network.token_logits(states.select(0, places)).expect("an encoder made for masking predicts tokens")
    }

    /// Mean cross-entropy over the hidden tokens.
    fn loss(&self, network: &Network, states: Tensor<3>) -> Tensor<1> {
        let answers = TensorData::new(self.masked.answers.clone(), [self.masked.answers.len()]);
        let answers = Tensor::<1, Int>::from_data(answers, &states.device());
        log_softmax(self.logits(network, states), 1).gather(1, answers.unsqueeze_dim(1)).mean().neg()
    }
}

fn padded_row(row: &[i64], length: usize, pad: i64) -> impl Iterator<Item = i64> + '_ {
    row.iter().copied().chain(std::iter::repeat_n(pad, length - row.len()))
}

/// AdamW as the dnaGrinder paper sets it, with gradients clipped.
pub(crate) fn optimizer(weight_decay: f32) -> ModuleOptimizer {
    AdamWConfig::new()
        .with_beta_1(0.9)
        .with_beta_2(0.98)
        .with_epsilon(1e-6)
        .with_weight_decay(weight_decay)
        .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
        .init()
}
