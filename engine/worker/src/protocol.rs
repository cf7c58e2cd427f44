//! What goes to the engine and what comes back.

use std::{fmt, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
pub use strandscope_genome::Contig;
use strandscope_genome::{Region, Strand, Track};
use strandscope_models::card::{HeadCard, ModelCard};

/// Names one piece of work; only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobId(pub u64);

/// What the engine is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "commands are few, and moved into a queue once")]
pub enum Command {
    /// Do `task` as `job`; it ends in exactly one of `Finished`, `Cancelled`, `Failed`.
    Run {
        /// Its name.
        job: JobId,
        /// The work.
        task: Task,
    },
    /// Stop `job`, whether it runs or waits. A job that has ended is left as it is.
    Cancel {
        /// Its name.
        job: JobId,
    },
}

/// A piece of work. The first five read files and never wait for the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Task {
    /// Open a FASTA file (plain, gzip or BGZF), find or build its index → [`Outcome::Genome`].
    OpenGenome {
        /// The file.
        path: PathBuf,
    },
    /// Read the bases of a region of an opened file → [`Outcome::Bases`].
    ReadBases {
        /// The file.
        path: PathBuf,
        /// What to read; cut at the contig's ends.
        region: Region,
    },
    /// Say what a file holds, as JSON → [`Outcome::Json`].
    Inspect {
        /// The file.
        path: PathBuf,
    },
    /// Write tracks to a file → [`Outcome::Written`].
    Export(ExportRequest),
    /// Cut the bases of a region into tokens → [`Outcome::Tokens`].
    Tokenize(TokenizeRequest),
    /// Every model and head that is known here → [`Outcome::Library`].
    ListModels,
    /// The card and tensors of a model or head, as JSON → [`Outcome::Json`].
    ShowModel {
        /// A name from the library or a folder.
        name: String,
    },
    /// Score regions with a head: [`Event::TrackChunk`]s, then [`Outcome::Run`].
    Score(ScoreRequest),
    /// Where attention went: [`Event::TrackChunk`]s or [`Event::Pairs`], then [`Outcome::Run`].
    Attention(AttentionRequest),
    /// The raw network on given token ids → [`Outcome::Written`].
    Forward(ForwardRequest),
    /// Measure a head on labelled sequences → [`Outcome::Json`].
    Evaluate(EvaluateRequest),
    /// Train a head → [`Outcome::Written`].
    Finetune(FinetuneRequest),
    /// Train an encoder by masking → [`Outcome::Written`].
    Pretrain(PretrainRequest),
    /// Time a forward pass → [`Outcome::Json`].
    BenchModel(BenchModelRequest),
    /// Time attention alone → [`Outcome::Json`].
    BenchAttention(BenchAttentionRequest),
    /// Compare what is computed here with what it should be → [`Outcome::Json`], also where something differs.
    SelfTest(SelfTestRequest),
    /// What this computer offers, as JSON → [`Outcome::Json`].
    Doctor,
}

impl Task {
    /// Whether it needs no tensors, and so neither a device nor its turn on the engine's thread.
    pub fn reads_files_only(&self) -> bool {
        matches!(
            self,
            Self::OpenGenome { .. }
                | Self::ReadBases { .. }
                | Self::Inspect { .. }
                | Self::Export(_)
                | Self::Tokenize(_)
        )
    }
}

/// What the engine reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The engine is up and computes on this device.
    Ready {
        /// The device, for people: `CPU, 2 threads` or the adapter's name.
        device: String,
    },
    /// A job begins; its size, in `unit`s.
    Started {
        /// The job.
        job: JobId,
        /// How many units there are in all.
        total: u64,
        /// What is counted: `windows`, `rows`, `steps`, `bytes`.
        unit: String,
    },
    /// What is being run, on what, with what; comes once, before the first result of a job that has one.
    ///
    /// So a writer can put it at the top of a file that is written as results come.
    /// What is only known at the end (windows, unknown bases) is final in [`Outcome::Run`].
    Record {
        /// The job.
        job: JobId,
        /// What is being run.
        record: RunRecord,
        /// Label and strand of the tracks that each region gives, in the order of their numbers.
        tracks: Vec<(String, Strand)>,
    },
    /// How far a job is.
    Progress {
        /// The job.
        job: JobId,
        /// Units done.
        done: u64,
        /// Something to say beside it (`loss 6.1`), often empty.
        note: String,
    },
    /// Part of a result, in the order of regions and positions.
    TrackChunk {
        /// The job.
        job: JobId,
        /// The part.
        chunk: TrackChunk,
    },
    /// Weights of attention between pairs of places.
    Pairs {
        /// The job.
        job: JobId,
        /// The part.
        pairs: AttentionPairs,
    },
    /// Something the user should know, which did not stop the job.
    Warning {
        /// The job.
        job: JobId,
        /// One sentence.
        message: String,
    },
    /// Done.
    Finished {
        /// The job.
        job: JobId,
        /// Its result.
        outcome: Outcome,
        /// How long it took.
        elapsed: Duration,
    },
    /// Stopped as asked; what was delivered before stays valid but is not complete.
    Cancelled {
        /// The job.
        job: JobId,
    },
    /// It could not be done.
    Failed {
        /// The job.
        job: JobId,
        /// Why.
        error: JobError,
    },
    /// The engine's thread has ended; nothing more will come.
    Stopped {
        /// Why.
        error: JobError,
    },
}

/// A stretch of one track of a running job: the next values in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackChunk {
    /// Which track of the job: tracks are numbered from 0, regions outside, labels and strands inside.
    pub track: usize,
    /// The values of this stretch as a track of its own; its region is the stretch.
    pub part: Track,
    /// The region the whole track will cover.
    pub whole: Region,
}

/// The result of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// An opened file.
    Genome(GenomeSummary),
    /// Bases as they stand in the file, case kept.
    Bases {
        /// What was read, cut at the contig's ends.
        region: Region,
        /// One byte for each base.
        bases: Vec<u8>,
    },
    /// Tokens of a region.
    Tokens {
        /// What was tokenized.
        region: Region,
        /// Tokens in order.
        tokens: Vec<Token>,
    },
    /// Models and heads.
    Library(Library),
    /// What was run, after all chunks.
    Run(RunRecord),
    /// Files that now exist.
    Written {
        /// The files.
        paths: Vec<PathBuf>,
        /// What to tell the user, one line for each thing.
        notes: Vec<String>,
    },
    /// A document in the form `cli.md` fixes.
    Json(serde_json::Value),
}

/// An opened sequence file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenomeSummary {
    /// The file.
    pub path: PathBuf,
    /// Its contigs in file order.
    pub contigs: Vec<Contig>,
    /// Oddities found, one sentence each.
    pub warnings: Vec<String>,
}

/// One token and the bases it covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Number in the vocabulary.
    pub id: u32,
    /// As it is written in the vocabulary.
    pub text: String,
    /// `(start_bp, end_bp)` in contig coordinates, half-open; `None` for special tokens.
    pub span: Option<(u64, u64)>,
}

/// Models and heads known here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Library {
    /// Encoders.
    pub models: Vec<ModelEntry>,
    /// Task heads.
    pub heads: Vec<HeadEntry>,
}

/// A model of the library.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelEntry {
    /// Its card.
    pub card: ModelCard,
    /// SHA-256 of its weights.
    pub sha256: String,
    /// Where it is: `built-in` or a folder.
    pub source: String,
}

/// A head of the library.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadEntry {
    /// Its card.
    pub card: HeadCard,
    /// SHA-256 of its weights.
    pub sha256: String,
    /// Where it is: `built-in` or a folder.
    pub source: String,
}

/// Scores of regions with a head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreRequest {
    /// The FASTA file.
    pub genome: PathBuf,
    /// What to score; empty means every record, whole.
    pub regions: Vec<Region>,
    /// The head: a built-in name or a folder.
    pub head: String,
    /// The model: a name, a folder, or `None` for the built-in one.
    pub model: Option<String>,
    /// Step of the windows of a sequence head, and width of its bins; `None` takes a quarter of the window.
    pub stride_bp: Option<u64>,
    /// Average a symmetric head over both strands; add the reverse strand of a stranded one.
    pub both_strands: bool,
    /// How much is read at once.
    pub window: WindowChoice,
    /// Go on past regions that cannot be scored.
    pub keep_going: bool,
}

/// How much of the sequence the network reads at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum WindowChoice {
    /// What the card says.
    #[default]
    Trained,
    /// At most this many tokens.
    Tokens(u64),
    /// The whole region in one pass.
    Whole,
}

/// Which layers or attention heads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pick {
    /// The mean of them.
    #[default]
    Mean,
    /// Each of them.
    All,
    /// This one, counted from 0.
    One(u64),
}

/// Where attention goes in a region.
///
/// The label of each track, map or list says what it is: `STAT:LAYER:HEAD`, with `mean` where averaged
/// (`received:mean:mean`, `entropy:3:0`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttentionRequest {
    /// The FASTA file.
    pub genome: PathBuf,
    /// Where.
    pub region: Region,
    /// The model: a name, a folder, or `None` for the built-in one.
    pub model: Option<String>,
    /// What is told.
    pub stat: AttentionStat,
    /// Layers.
    pub layer: Pick,
    /// Attention heads.
    pub attention_head: Pick,
    /// How much is read at once.
    pub window: WindowChoice,
}

/// What is told of attention. Positions are 0-based, on the contig.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttentionStat {
    /// What each token is given by all others together.
    Received,
    /// How spread out each token's attention is, in nats.
    Entropy,
    /// How far away each token looks on average, in tokens.
    Distance,
    /// What the token before the sequence gives to each.
    Cls,
    /// What the token at a position gives to each.
    Row {
        /// The position.
        position_bp: u64,
    },
    /// What one token draws on through all layers: that at a position, or the token before the sequence.
    Rollout {
        /// The position.
        position_bp: Option<u64>,
    },
    /// Weights between bins of equal width.
    Map {
        /// Bins on each side.
        bins: u64,
        /// What a cell tells.
        pool: MapPool,
    },
    /// To which tokens each gives most.
    Top {
        /// How many.
        places: u64,
    },
}

/// What a cell of a map tells of the weights in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MapPool {
    /// Their mean.
    #[default]
    Mean,
    /// The largest.
    Max,
    /// Their sum.
    Sum,
}

/// Weights of attention between pairs of places of a region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AttentionPairs {
    /// A whole map.
    Map {
        /// Its number among those of the job.
        number: usize,
        /// Where each bin begins, and the end of the last, on the contig.
        edges_bp: Vec<u64>,
        /// `[bin of queries, bin of keys]`; NaN where a bin has no token.
        values: Vec<f32>,
    },
    /// The strongest partners of the next tokens.
    Partners {
        /// The number of the list among those of the job.
        number: usize,
        /// In the order of tokens, the strongest first.
        partners: Vec<Partner>,
    },
}

/// A token and one of its partners.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Partner {
    /// Where the token lies, on the contig.
    pub span_bp: (u64, u64),
    /// Where the partner lies; `None` for a token that stands for no bases.
    pub partner_bp: Option<(u64, u64)>,
    /// The weight that the token gives to it.
    pub weight: f32,
}

/// Tokens of every record, or of one region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenizeRequest {
    /// The FASTA file.
    pub genome: PathBuf,
    /// What to cut into tokens.
    pub region: Region,
    /// The model whose tokenizer is used: a name, a folder, or `None` for the built-in one.
    pub model: Option<String>,
}

/// The raw network on a file of token ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForwardRequest {
    /// Folder of the model.
    pub model: PathBuf,
    /// `input_ids` and optional `attention_mask`, safetensors.
    pub input: PathBuf,
    /// Names or prefixes of the tensors to write; empty means all.
    pub outputs: Vec<String>,
    /// Whose gradients are written as well.
    pub gradients: Option<GradientsOf>,
    /// Where to write.
    pub output: PathBuf,
    /// Overwrite an existing file.
    pub force: bool,
}

/// The loss that gradients are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GradientsOf {
    /// The class of each row.
    Class,
    /// The labelled tokens.
    Mlm,
}

/// A head on a table of labelled sequences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluateRequest {
    /// The head: a built-in name or a folder.
    pub head: String,
    /// The model: a name, a folder, or `None` for the built-in one.
    pub model: Option<String>,
    /// CSV, plain or gzip.
    pub data: PathBuf,
    /// Column with sequences; `None` means `sequence`.
    pub sequence_column: Option<String>,
    /// Column with labels; `None` means `label`.
    pub label_column: Option<String>,
    /// What 0, 1, 2 … mean in the file; empty means the head's own order.
    pub label_names: Vec<String>,
    /// Where in the window a base head is read; `None` means the two bases around the centre.
    pub site_offset: Option<u64>,
}

/// Training of a head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinetuneRequest {
    /// The model: a name, a folder, or `None` for the built-in one.
    pub model: Option<String>,
    /// Recipe (TOML): data, labels, kind, sizes, schedule.
    pub config: Option<PathBuf>,
    /// Training table, over what the recipe says.
    pub train: Option<PathBuf>,
    /// Table for early stopping, over what the recipe says.
    pub dev: Option<PathBuf>,
    /// Kind of task.
    pub task: TrainingTask,
    /// What is trained.
    pub method: TrainingMethod,
    /// Go on from the last checkpoint in the output folder.
    pub resume: bool,
    /// Folder of the head.
    pub output: PathBuf,
    /// Overwrite an existing folder.
    pub force: bool,
}

/// Kind of a training task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrainingTask {
    /// One label for a sequence.
    Classify,
    /// A label for a base.
    PerBase,
}

/// What training changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrainingMethod {
    /// The head only; the encoder stays as it is.
    Head,
}

/// Masked-language-model training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PretrainRequest {
    /// Recipe (TOML).
    pub config: PathBuf,
    /// FASTA files.
    pub genomes: Vec<PathBuf>,
    /// A model to go on from: a name or a folder; `None` makes one from scratch.
    pub from: Option<String>,
    /// Go on from the last checkpoint in the output folder.
    pub resume: bool,
    /// Folder of the model.
    pub output: PathBuf,
    /// Overwrite an existing folder.
    pub force: bool,
}

/// One timed forward pass of a model without tokenizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchModelRequest {
    /// Folder of the model.
    pub model: PathBuf,
    /// Length of the sequences.
    pub tokens: u64,
    /// Number of sequences.
    pub batch: u64,
    /// Timed repeats after one warm-up.
    pub repeats: u64,
    /// Compute token logits too.
    pub logits: bool,
    /// Look at keys too far away to count as well.
    pub no_skip: bool,
}

/// Timed passes of attention on values that look random.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchAttentionRequest {
    /// Length of the sequences.
    pub tokens: u64,
    /// Attention heads.
    pub heads: u64,
    /// Width of an attention head.
    pub dim: u64,
    /// Number of sequences.
    pub batch: u64,
    /// Timed repeats after one warm-up.
    pub repeats: u64,
    /// How distance enters.
    pub bias: AttentionBias,
    /// What is computed.
    pub pass: AttentionPass,
    /// Look at keys too far away to count as well.
    pub no_skip: bool,
}

/// How the distance of query and key enters a bench of attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttentionBias {
    /// With linear biases (ALiBi), which let far keys be skipped.
    #[default]
    Alibi,
    /// Not at all.
    None,
}

/// What a bench of attention computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttentionPass {
    /// Its output.
    #[default]
    Forward,
    /// Its output, and the gradients at queries, keys and values.
    ForwardBackward,
    /// Its output with entropy and distance of each query, and what each key receives.
    Statistics,
}

/// A comparison of what is computed here with what it should be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SelfTestRequest {
    /// What the built-in model and heads should give, in the form of `assets/selftest/golden.json`; `None` takes the
    /// values that are built in.
    pub golden: Option<serde_json::Value>,
}

/// Tracks to be written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportRequest {
    /// The tracks, one region or several.
    pub tracks: Vec<Track>,
    /// Form of the file.
    pub format: ExportFormat,
    /// The file; with several tracks in bedGraph, the stem of its names.
    pub path: PathBuf,
    /// Overwrite existing files.
    pub force: bool,
    /// What was run, for the head of the file; `None` leaves it out.
    pub record: Option<RunRecord>,
}

/// Form of an exported track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExportFormat {
    /// `contig start end strand label value reason`, 1-based.
    Tsv,
    /// `contig start end value`, 0-based, one file for each label and strand.
    BedGraph,
}

/// What was run, on what, with what: enough to run it again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of this program.
    pub version: String,
    /// The command line that does the same.
    pub command: String,
    /// Name of the model.
    pub model: String,
    /// SHA-256 of its weights.
    pub model_sha256: String,
    /// Name of the head, where there is one.
    pub head: Option<String>,
    /// SHA-256 of its weights.
    pub head_sha256: Option<String>,
    /// Device and driver.
    pub device: String,
    /// File name of the input.
    pub input: String,
    /// SHA-256 of the input as it lies on disk.
    pub input_sha256: String,
    /// Windows computed.
    pub windows: u64,
    /// Bases that were passed to the model as unknown.
    pub unknown_bp: u64,
    /// Whether windows are longer than any seen in training.
    pub beyond_trained_length: bool,
}

impl RunRecord {
    /// The record as pairs of a key and a value, for the head of a file.
    ///
    /// What is only known at the end of a run is left out, so that a file written as results come says the same
    /// as one written afterwards.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs: Vec<(&str, String)> = vec![
            ("program", format!("strandscope {}", self.version)),
            ("command", self.command.clone()),
            ("model", format!("{} sha256:{}", self.model, self.model_sha256)),
        ];
        if let Some(head) = &self.head {
            pairs.push(("head", format!("{head} sha256:{}", self.head_sha256.as_deref().unwrap_or("unknown"))));
        }
        pairs.push(("device", self.device.clone()));
        pairs.push(("input", format!("{} sha256:{}", self.input, self.input_sha256)));
        if self.beyond_trained_length {
            pairs.push(("warning", "windows are longer than any seen in training".to_owned()));
        }
        pairs.push(("use", "research only, not for diagnosis".to_owned()));
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

/// What a failure means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorKind {
    /// Disk, memory, device lost.
    Runtime,
    /// The request itself makes no sense.
    Usage,
    /// A file, sequence, model or head cannot be used as given.
    BadInput,
    /// No suitable device.
    NoDevice,
    /// A check failed.
    CheckFailed,
}

/// Why a job failed, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobError {
    /// What it means for the caller.
    pub kind: ErrorKind,
    /// What failed, where, what to do.
    pub message: String,
    /// Causes, outermost first.
    pub causes: Vec<String>,
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for JobError {}

/// Joins the chunks of a job into whole tracks.
#[derive(Clone, Debug, Default)]
pub struct TrackAssembly {
    tracks: Vec<Option<Track>>,
}

impl TrackAssembly {
    /// Adds the next part; parts of one track come in order.
    pub fn add(&mut self, chunk: TrackChunk) {
        if self.tracks.len() <= chunk.track {
            self.tracks.resize(chunk.track + 1, None);
        }
        let slot = &mut self.tracks[chunk.track];
        match slot {
            None => *slot = Some(chunk.part),
            Some(track) => track.append(chunk.part),
        }
    }

    /// The tracks so far, each covering what has arrived.
    pub fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().flatten()
    }

    /// The tracks themselves.
    pub fn into_tracks(self) -> Vec<Track> {
        self.tracks.into_iter().flatten().collect()
    }
}

/// The strand a track of a stranded head is computed on, for those who name files.
pub fn strand_suffix(strand: Strand) -> &'static str {
    match strand {
        Strand::Forward => "",
        Strand::Reverse => ".minus",
    }
}
