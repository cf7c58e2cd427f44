//! What goes to the engine and what comes back.

mod look;
mod relate;
mod requests;
mod tracks;

use std::{fmt, path::PathBuf, time::Duration};

pub use look::*;
pub use relate::*;
pub use requests::*;
use serde::{Deserialize, Serialize};
pub use strandscope_analysis::{
    attention::{AttentionMap, AttentionPairs, AttentionStat, MapPool, Partner, Pick},
    embed::Pooling,
    windows::MOST_OVERLAP,
};
pub use strandscope_genome::Contig;
use strandscope_genome::{Region, Strand, Track};
pub use strandscope_library::{Entry as CatalogueEntry, Kind as CatalogueKind};
pub use strandscope_models::rmt::RmtPadding;
use strandscope_models::{
    card::{HeadCard, HeadKind, ModelCard},
    config::Family,
};
pub use tracks::*;

use crate::card_edit::WindowLengths;

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

/// A piece of work. Each is done on one of four threads, see [`Task::thread`], and waits for those of its own alone.
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
    /// Say what each file would become if it were opened → [`Outcome::Roles`].
    Recognise {
        /// The files.
        paths: Vec<PathBuf>,
    },
    /// Take the sequences out of pasted text and keep them in a file → [`Outcome::Pasted`].
    KeepPasted {
        /// The text.
        text: String,
    },
    /// Take names of contigs from a table, for all that is shown beside a sequence → [`Outcome::Written`].
    UseAliases {
        /// The table.
        table: PathBuf,
        /// The sequence file.
        genome: PathBuf,
    },
    /// Count the letters of a stretch → [`Outcome::Counted`].
    CountBases {
        /// The sequence file.
        genome: PathBuf,
        /// The stretch.
        region: Region,
    },
    /// Open something that is shown beside a sequence → [`Outcome::Track`].
    OpenTrack {
        /// Where it comes from.
        source: TrackSource,
        /// The sequence file that it is shown beside.
        genome: PathBuf,
    },
    /// Read what a track has in a stretch → [`Outcome::Tile`].
    ReadTile(TileRequest),
    /// Search features by name → [`Outcome::Found`].
    FindFeatures(FindFeaturesRequest),
    /// Tell how well scores find the features of a track → [`Outcome::Judged`].
    Judge(JudgeRequest),
    /// Tell how two tracks of values go together → [`Outcome::Related`].
    Relate(RelateRequest),
    /// Where a place lies that is written as HGVS has it → [`Outcome::Located`].
    Locate(LocateRequest),
    /// The next feature of a track → [`Outcome::Found`], with one or none.
    NextFeature(NextFeatureRequest),
    /// Say what a file holds, as JSON → [`Outcome::Json`].
    Inspect {
        /// The file.
        path: PathBuf,
        /// The FASTA file that the rows of annotations and variants are held against.
        reference: Option<PathBuf>,
    },
    /// Write tracks to a file → [`Outcome::Written`].
    Export(ExportRequest),
    /// Cut the bases of a region into tokens → [`Outcome::Tokens`].
    Tokenize(TokenizeRequest),
    /// Every model and head that is known here → [`Outcome::Library`].
    ListModels,
    /// Take a model or head out of the user's library, and what there is of an unfinished download → [`Outcome::Written`].
    RemoveModel {
        /// Its name.
        name: String,
    },
    /// The card of a head in the user's library, to be edited → [`Outcome::Card`].
    OpenCard {
        /// Its name.
        name: String,
    },
    /// Write what a user has changed of it → [`Outcome::Written`].
    EditCard(EditCardRequest),
    /// Fetch a published model into the user's library → [`Outcome::Written`].
    GetModel(GetRequest),
    /// Copy a folder into the user's library → [`Outcome::Written`].
    ImportModel(ImportRequest),
    /// Tell what a folder holds that may be added, or the folder of a file of weights → [`Outcome::Looked`].
    LookAtModel {
        /// The folder or file.
        path: PathBuf,
    },
    /// The card and tensors of a model or head, as JSON → [`Outcome::Json`].
    ShowModel {
        /// A name from the library or a folder.
        name: String,
    },
    /// Score regions with a head: [`Event::TrackChunk`]s, then [`Outcome::Run`].
    Score(ScoreRequest),
    /// How much work scores would be → [`Outcome::Forecast`]; at once, also while others are computed.
    Forecast(ScoreRequest),
    /// The band of scores of shuffled bases: [`Event::TrackChunk`]s, then [`Outcome::Run`].
    NullBand(NullBandRequest),
    /// Where attention went: [`Event::TrackChunk`]s or [`Event::Pairs`], then [`Outcome::Run`].
    Attention(AttentionRequest),
    /// What a model makes of sequences, as numbers → [`Outcome::Written`].
    Embed(EmbedRequest),
    /// The raw network on given token ids → [`Outcome::Written`].
    Forward(ForwardRequest),
    /// Measure a head on labelled sequences → [`Outcome::Json`].
    Evaluate(EvaluateRequest),
    /// Train a head → [`Outcome::Written`].
    Finetune(FinetuneRequest),
    /// Train an encoder by masking → [`Outcome::Written`].
    Pretrain(PretrainRequest),
    /// Write a model as the published programs read it → [`Outcome::Written`].
    ExportModel(ExportModelRequest),
    /// Time a forward pass → [`Outcome::Json`].
    BenchModel(BenchModelRequest),
    /// Time attention alone → [`Outcome::Json`].
    BenchAttention(BenchAttentionRequest),
    /// Time the first opening of a sequence file, and the next one → [`Outcome::Json`].
    BenchOpen {
        /// The file.
        path: PathBuf,
        /// An empty folder for its index.
        cache: PathBuf,
    },
    /// Compare what is computed here with what it should be → [`Outcome::Json`], also where something differs.
    SelfTest(SelfTestRequest),
    /// How the last self-test of the device in use ended → [`Outcome::SelfTested`]; at once.
    LastSelfTest,
    /// What this computer offers, as JSON → [`Outcome::Json`].
    Doctor,
}

/// A thread of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskThread {
    /// Reads and writes files, and is never long at it.
    Files,
    /// Reads what is shown beside a sequence, which can take long to open.
    Tracks,
    /// Fetches and imports models.
    Library,
    /// Owns the device and every tensor.
    Tensors,
}

impl Task {
    /// Where it is done.
    pub fn thread(&self) -> TaskThread {
        match self {
            Self::OpenGenome { .. }
            | Self::ReadBases { .. }
            | Self::Recognise { .. }
            | Self::KeepPasted { .. }
            | Self::Inspect { .. }
            | Self::Export(_)
            | Self::Tokenize(_)
            | Self::BenchOpen { .. }
            | Self::Forecast(_)
            | Self::LastSelfTest
            | Self::ListModels
            | Self::OpenCard { .. }
            | Self::EditCard(_)
            | Self::RemoveModel { .. } => TaskThread::Files,
            Self::UseAliases { .. }
            | Self::CountBases { .. }
            | Self::Locate(_)
            | Self::Judge(_)
            | Self::Relate(_)
            | Self::OpenTrack { .. }
            | Self::ReadTile(_)
            | Self::FindFeatures(_)
            | Self::NextFeature(_) => TaskThread::Tracks,
            Self::GetModel(_) | Self::ImportModel(_) | Self::LookAtModel { .. } => TaskThread::Library,
            _ => TaskThread::Tensors,
        }
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
    /// How far the unit is that is under way; told now and then while a long one is.
    Within {
        /// The job.
        job: JobId,
        /// 0 to 1.
        share: f32,
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
        /// The number of the map or list among those of the job.
        number: usize,
        /// A whole map, or the next partners of the list.
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
    /// What each file would become, in the order asked.
    Roles(Vec<(PathBuf, FileRole)>),
    /// A file with what was pasted.
    Pasted(PastedSequence),
    /// Letters of a stretch.
    Counted(BaseCounts),
    /// A file that is shown beside a sequence.
    Track(TrackSummary),
    /// What a track has in a stretch.
    Tile(Tile),
    /// A place.
    Located(Located),
    /// How well scores find features.
    Judged(Judged),
    /// How two tracks go together.
    Related(Related),
    /// What a folder holds.
    Looked(Box<ModelLook>),
    /// Features, the best first.
    Found(Vec<FoundFeature>),
    /// Tokens of a region.
    Tokens {
        /// What was tokenized.
        region: Region,
        /// Tokens in order.
        tokens: Vec<Token>,
    },
    /// Models and heads.
    Library(Library),
    /// A card to be edited.
    Card(OpenedCard),
    /// What was run, after all chunks.
    Run(RunRecord),
    /// How much work a score would be.
    Forecast {
        /// Windows in all, each strand and frame counted.
        windows: u64,
        /// Those of them whose answers are kept from earlier; of a long region, at least so many.
        windows_cached: u64,
        /// How long the others take, as fast as this device last was with this model and head; `None` where it was never
        /// seen at it.
        seconds: Option<f64>,
        /// Memory that is needed at most, as [`RunRecord::memory_bytes`].
        memory_bytes: u64,
    },
    /// How the last self-test of the device in use ended; `None` where there was none.
    SelfTested(Option<StoredSelfTest>),
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

/// The card of a head as it is on disk, and what its windows may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenedCard {
    /// The card.
    pub card: HeadCard,
    /// The file it is in.
    pub path: PathBuf,
    /// Lengths that its windows may have.
    pub windows: WindowLengths,
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
    /// Published checkpoints that are not on this computer.
    pub published: Vec<Published>,
    /// What lies in the user's library and cannot be used.
    pub unusable: Vec<UnusableEntry>,
}

impl Library {
    /// The model beneath a head of this library: the checkpoint that is its own head, or the one it was trained on.
    pub fn model_of(&self, head: &HeadEntry) -> Option<&ModelEntry> {
        let is_itself = |model: &&ModelEntry| (&model.card.name, &model.source) == (&head.card.name, &head.source);
        self.models.iter().find(is_itself).or_else(|| self.model_beneath(&head.card))
    }

    /// Whether a head answers from words that follow each other, so that a window can be read in several frames.
    pub fn has_frames(&self, head: &HeadEntry) -> bool {
        let of_words = |model: &ModelEntry| model.card.family == Family::NucleotideTransformer.name();
        head.card.kind != HeadKind::Sequence && self.model_of(head).is_some_and(of_words)
    }

    /// The model that a head was trained on, if it is on this computer.
    pub fn model_beneath(&self, head: &HeadCard) -> Option<&ModelEntry> {
        self.models.iter().find(|model| model.sha256.as_deref() == Some(&head.model_sha256))
    }
}

/// A published checkpoint that can be fetched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// What the catalogue says of it.
    pub entry: CatalogueEntry,
    /// Whether a part of it has been fetched.
    pub is_begun: bool,
}

/// Something in the user's library that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnusableEntry {
    /// Its name.
    pub name: String,
    /// Why, and what to do.
    pub reason: String,
}

/// A model of the library.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelEntry {
    /// Its card.
    pub card: ModelCard,
    /// SHA-256 of its weights, where it is known without reading them.
    pub sha256: Option<String>,
    /// Where it is: `built-in` or a folder.
    pub source: String,
    /// Where it came from, where that is known.
    pub origin: Option<String>,
    /// Whether commerce may use it; `None` where that is not said.
    pub commercial_use: Option<bool>,
}

/// A head of the library.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadEntry {
    /// Its card.
    pub card: HeadCard,
    /// SHA-256 of its weights, where it is known without reading them.
    pub sha256: Option<String>,
    /// Where it is: `built-in` or a folder.
    pub source: String,
    /// Where it came from, where that is known.
    pub origin: Option<String>,
    /// Whether commerce may use it; `None` where that is not said.
    pub commercial_use: Option<bool>,
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
    /// Memory that was expected to be needed at most, in bytes: by this process, or of the GPU.
    pub memory_bytes: Option<u64>,
    /// Windows computed.
    pub windows: u64,
    /// Windows whose answers were kept from an earlier run, and are the same bit for bit.
    #[serde(default)]
    pub windows_cached: u64,
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

    /// The same with what only programs read, for JSON.
    pub fn pairs_of_json(&self) -> Vec<(String, String)> {
        let memory = self.memory_bytes.map(|bytes| ("expected_memory_bytes".to_owned(), bytes.to_string()));
        self.pairs().into_iter().chain(memory).collect()
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

    /// The same, to be renamed.
    pub fn tracks_mut(&mut self) -> impl Iterator<Item = &mut Track> {
        self.tracks.iter_mut().flatten()
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
