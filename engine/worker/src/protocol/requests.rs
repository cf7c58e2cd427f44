//! What tasks are asked with.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use strandscope_analysis::{
    attention::{AttentionStat, Pick},
    embed::Pooling,
};
use strandscope_genome::{Region, Track};
use strandscope_models::rmt::RmtPadding;

use super::RunRecord;
use crate::card_edit::CardEdit;

/// Scores of regions with a head.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// Read each window in all frames of words that follow each other, and average.
    pub all_frames: bool,
    /// How much is read at once.
    pub window: WindowChoice,
    /// Which share of its trusted middle a window has in common with its neighbour, 0 to 0.95; `None` takes a quarter. Not
    /// for sequence heads, whose windows lie `stride_bp` apart.
    #[serde(default)]
    pub overlap_share: Option<f32>,
    /// Give further tracks behind the others: `windows`, how many windows answer for each base, and `LABEL.spread`, their
    /// highest answer minus their lowest, missing as `one_window` where there is but one. Not for sequence heads.
    #[serde(default)]
    pub window_votes: bool,
    /// Go on past regions that cannot be scored.
    pub keep_going: bool,
}

/// The scores that chance alone would give: those of shuffled sequences.
///
/// The bases of the region are shuffled together with all around them that its windows read, so that nothing real is
/// left in any window; the windows lie where they lie for the real scores. Each `N` stays in its place.
/// For each label there are three tracks, `LABEL.null05`, `LABEL.null50` and `LABEL.null95`: at each base or bin the 5th,
/// 50th and 95th percentile over the shuffles, interpolated between neighbours in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NullBandRequest {
    /// The scores that the band is to lie behind: one region of at most [`NullBandRequest::MOST_BP`] bases.
    pub score: ScoreRequest,
    /// Number of shuffles, 2 to [`NullBandRequest::MOST_SHUFFLES`].
    pub shuffles: u32,
    /// What shuffles keep.
    pub rule: NullRule,
    /// Seed of the first shuffle; each further one has the next.
    pub seed: u64,
}

impl NullBandRequest {
    /// Shuffles where nobody says otherwise.
    pub const SHUFFLES: u32 = 20;
    /// The most shuffles.
    pub const MOST_SHUFFLES: u32 = 100;
    /// The longest region.
    pub const MOST_BP: u64 = 20_000;
}

/// What a shuffle keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NullRule {
    /// How often each pair of neighbouring bases occurs.
    #[default]
    Pairs,
    /// How often each base occurs.
    Letters,
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

/// What a model makes of sequences, as numbers for other programs.
///
/// The file has `embeddings`, `[record, hidden]`, with the names of the records as a JSON list under `names` of its
/// metadata; without pooling it has `embeddings.NAME`, `[token, hidden]`, and `spans.NAME`, `[token, 2]`, of each record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmbedRequest {
    /// The FASTA file.
    pub genome: PathBuf,
    /// Which parts; empty means every record, whole.
    pub regions: Vec<Region>,
    /// Name or folder of the model; `None` takes the built-in one.
    pub model: Option<String>,
    /// What becomes of the tokens of a record.
    pub pooling: Pooling,
    /// How much is read at once.
    pub window: WindowChoice,
    /// Where to write.
    pub output: PathBuf,
    /// Overwrite an existing file.
    pub force: bool,
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

/// Fetching a published model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetRequest {
    /// A name of the catalogue, or `OWNER/NAME` of the hub.
    pub name: String,
    /// Address of the hub; `None` takes that in `HF_ENDPOINT`, or <https://huggingface.co>.
    pub endpoint: Option<String>,
    /// Replace what has this name.
    pub force: bool,
}

/// Copying a folder into the user's library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRequest {
    /// The folder.
    pub folder: PathBuf,
    /// The name it shall have; `None` takes that of the folder.
    pub name: Option<String>,
    /// Replace what has this name.
    pub force: bool,
}

/// What a user has changed of the card of a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditCardRequest {
    /// Name of the head in the user's library.
    pub name: String,
    /// What the card shall say.
    pub edit: CardEdit,
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
    /// What fills up short pieces of a network with recurrent memory; `None` leaves it to the model.
    pub rmt_padding: Option<RmtPadding>,
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
    /// Every weight of a checkpoint, with the layers of classes of its published kind.
    Full,
    /// Low-rank changes to the queries and values of a checkpoint, and the same layers.
    Lora,
}

impl TrainingMethod {
    /// As command lines call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Full => "full",
            Self::Lora => "lora",
        }
    }
}

/// A model to be written as the published programs read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportModelRequest {
    /// The model: a name or a folder; a fine-tuned checkpoint is one too.
    pub name: String,
    /// The folder.
    pub output: PathBuf,
    /// Overwrite an existing folder.
    pub force: bool,
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
    /// Do steps of training instead of forward passes.
    pub train: bool,
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

/// How a self-test ended, and whether that still says something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSelfTest {
    /// Whether every check passed.
    pub passed: bool,
    /// Number of checks.
    pub checks: u64,
    /// Names of those that did not pass.
    pub failed: Vec<String>,
    /// When, in seconds since 1970.
    pub unix_seconds: u64,
    /// The device, for people.
    pub device: String,
    /// The processor or adapter.
    pub adapter: String,
    /// Its driver; empty for a processor.
    pub driver: String,
    /// Version of this program.
    pub version: String,
    /// Whether device, driver or version are others now, so that the test is to be done again.
    #[serde(default)]
    pub is_stale: bool,
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
