//! All that decides on scores, as a key to keep them under.

use std::{path::PathBuf, sync::OnceLock, time::UNIX_EPOCH};

use serde::Serialize;
use strandscope_analysis::score::{Outline, Piece, ScorePlan, kept::FORMAT};
use strandscope_genome::sha256_of_bytes;
use strandscope_models::{
    card::{Activation, HeadKind},
    checkpoint::WeightType,
    folder::{Folder, HEAD_CONFIG, MODEL_CONFIG},
};
use strandscope_tokens::TokenizerFiles;

/// A model and a head as they lie on disk, and the device that computes.
pub(super) struct Identity<'a> {
    pub(super) model: &'a Folder,
    pub(super) model_sha256: &'a str,
    pub(super) head: &'a Folder,
    pub(super) head_sha256: &'a str,
    pub(super) tables: WeightType,
    /// As [`numeric_form`](crate::tasks::facts::DeviceFacts::numeric_form) names it.
    pub(super) numeric_form: String,
}

/// Everything beside bases that decides on the answers of windows, bit for bit.
#[derive(Serialize)]
pub(super) struct Settings {
    format: u32,
    program: String,
    model_sha256: String,
    /// SHA-256 of the files that say how its weights and words are to be read.
    model_files: Vec<Option<String>>,
    head_sha256: String,
    head_file: Option<String>,
    kind: HeadKind,
    labels: usize,
    activation: Activation,
    context_bp: Option<u64>,
    tables: String,
    numeric_form: String,
    contig_bp: u64,
    window_bp: u64,
    stride_bp: u64,
    overlap: Option<u32>,
    both_strands: bool,
    frames: usize,
}

impl Settings {
    pub(super) fn new(identity: &Identity<'_>, outline: &Outline<'_>, plan: &ScorePlan) -> Self {
        let of_file = |folder: &Folder, name: &str| folder.has(name).then(|| folder.sha256(name).ok()).flatten();
        let of_model =
            [MODEL_CONFIG, TokenizerFiles::TOKENIZER_JSON, TokenizerFiles::VOCAB_TXT, TokenizerFiles::TOKENIZER_CONFIG];
        let card = outline.card;
        Self {
            format: FORMAT,
            program: program().to_owned(),
            model_sha256: identity.model_sha256.to_owned(),
            model_files: of_model.map(|name| of_file(identity.model, name)).to_vec(),
            head_sha256: identity.head_sha256.to_owned(),
            head_file: of_file(identity.head, HEAD_CONFIG),
            kind: card.kind,
            labels: card.labels.len(),
            activation: card.activation,
            context_bp: card.context_bp,
            tables: format!("{:?}", identity.tables),
            numeric_form: identity.numeric_form.clone(),
            contig_bp: plan.contig_bp,
            window_bp: plan.window_bp,
            stride_bp: plan.stride_bp,
            overlap: plan.overlap.map(f32::to_bits),
            both_strands: plan.both_strands,
            frames: plan.frames,
        }
    }

    /// What a run of this kind is fast at: the same whatever contig is read.
    pub(super) fn key_of_speed(&self) -> String {
        let speed = (&self.model_sha256, &self.head_sha256, &self.tables, &self.numeric_form, self.window_bp);
        sha256_of_bytes(&serde_json::to_vec(&speed).unwrap_or_default())
    }

    /// The key of the pieces of a plan, to be joined with each.
    pub(super) fn keys(&self) -> PieceKeys {
        PieceKeys(sha256_of_bytes(&serde_json::to_vec(self).unwrap_or_default()))
    }
}

/// Keys of the pieces of one plan.
pub(super) struct PieceKeys(String);

impl PieceKeys {
    /// The key of a piece, given all bases that it reads.
    pub(super) fn of(&self, piece: &Piece, bases: &[u8]) -> String {
        let Piece { numbers, reads } = piece;
        let mut text = format!("{} {numbers:?} {reads:?}\n", self.0).into_bytes();
        text.extend_from_slice(bases);
        sha256_of_bytes(&text)
    }
}

/// This very program: its version, and the file it was started from.
///
/// Another build of the same version may give other digits, and nobody could see that in kept ones.
fn program() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let of_file = |path: PathBuf| {
            let metadata = path.metadata().ok()?;
            let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
            Some(format!("{} {}", metadata.len(), modified.as_nanos()))
        };
        let build = std::env::current_exe().ok().and_then(of_file).unwrap_or_default();
        format!("{} {build}", env!("CARGO_PKG_VERSION"))
    })
}
