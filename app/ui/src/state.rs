//! What the user has open, and what is asked of the engine for it.
//!
//! Events come in through [`State::on_event`], tasks go out through [`State::orders`]; nothing here knows of
//! threads, files or the screen, so that a test can play the engine.

pub(crate) mod arrangement;
pub(crate) mod axis;
pub(crate) mod blocks;
pub(crate) mod cards;
pub(crate) mod compare;
mod events;
pub(crate) mod facts;
pub(crate) mod files;
pub(crate) mod forecast;
pub(crate) mod hits;
pub(crate) mod kept;
pub(crate) mod lanes;
pub(crate) mod loci;
pub(crate) mod marks;
mod models;
pub(crate) mod notices;
pub(crate) mod pieces;
mod pinned;
pub(crate) mod pyramid;
pub(crate) mod reading;
pub(crate) mod record_run;
pub(crate) mod relation;
mod requests;
pub(crate) mod tiles;
pub(crate) mod trust;
pub(crate) mod view;
pub(crate) mod work;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use strandscope_worker::{
    ExportRequest, FileRole, HeadEntry, JobError, JobId, Library, ModelLook, StoredSelfTest, Task, TrackSource,
    card::HeadKind, genome::GeneticCode,
};

use self::{
    arrangement::Arrangement,
    blocks::Blocks,
    cards::CardNews,
    compare::Judgement,
    facts::Facts,
    files::{OpenFile, Search},
    forecast::Forecasts,
    hits::Calls,
    kept::Kept,
    lanes::LaneId,
    loci::Genome,
    marks::Marks,
    notices::{Failure, Warnings},
    pieces::Pieces,
    record_run::RecordRun,
    relation::Relation,
    work::{Jobs, Purpose},
};
use crate::Example;

/// Bases read at once.
const BASE_BLOCK_BP: u64 = 65_536;
/// Bases cut into tokens at once.
const TOKEN_BLOCK_BP: u64 = 8_192;
/// Most bases in view that are read.
pub(crate) const BASES_IN_VIEW_BP: f64 = 400_000.0;
/// Most bases in view whose tokens are shown.
pub(crate) const TOKENS_IN_VIEW_BP: f64 = 4_000.0;
/// Longest stretch whose attention is computed along with its scores.
pub(crate) const ATTENTION_LIMIT_BP: u64 = 50_000;
/// What is shown first of a long record.
const FIRST_VIEW_BP: u64 = 10_000;

/// The label that a track stands beside, and what it tells of it: `donor` and `spread` of `donor.spread`.
pub(crate) fn beside(label: &str) -> Option<(&str, &str)> {
    const TOLD: [&str; 5] = ["disagreement", "spread", "null05", "null50", "null95"];
    label.rsplit_once('.').filter(|(_, told)| TOLD.contains(told))
}

/// Name of a file, without its folder.
pub(crate) fn file_name(path: &std::path::Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// A token as it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenSpan {
    pub(crate) id: u32,
    pub(crate) text: String,
    pub(crate) start_bp: u64,
    pub(crate) end_bp: u64,
}

/// How scores are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScoreOptions {
    pub(crate) both_strands: bool,
    pub(crate) all_frames: bool,
    pub(crate) attention: bool,
    /// Whether it is told how many windows answer for a base and how far they differ.
    pub(crate) window_votes: bool,
    /// Share of its middle that a window has in common with its neighbour, in percent; `None` takes what is usual.
    pub(crate) overlap_percent: Option<u8>,
}

/// All that is open.
pub(crate) struct State {
    pub(crate) examples: Vec<Example>,
    pub(crate) genome: Option<Genome>,
    pub(crate) library: Option<Library>,
    /// Name of the head that is picked.
    pub(crate) head: Option<String>,
    pub(crate) options: ScoreOptions,
    /// Labels that are not drawn, by head.
    hidden: BTreeSet<(String, String)>,
    /// Lines across score tracks, by label.
    pub(crate) thresholds: BTreeMap<String, f32>,
    pub(crate) bases: Blocks<Vec<u8>>,
    pub(crate) tokens: Blocks<Vec<TokenSpan>>,
    pub(crate) scores: Pieces,
    pub(crate) attention: Pieces,
    /// Where scores of shuffled sequences lie.
    pub(crate) null_bands: Pieces,
    /// The record that is being scored piece by piece.
    pub(crate) record_run: Option<RecordRun>,
    /// The window's clock, as the last event told it.
    now_s: f64,
    /// How much work scores would be.
    pub(crate) forecasts: Forecasts,
    /// How the last self-test of this device ended.
    pub(crate) self_test: Option<StoredSelfTest>,
    /// How the lanes stand.
    pub(crate) arrangement: Arrangement,
    /// Letters of records, as far as they have been counted.
    pub(crate) facts: Facts,
    /// What has been called of each score lane.
    calls: BTreeMap<LaneId, Calls>,
    /// Pairs of lanes whose difference is a lane of its own: the second less the first.
    pub(crate) differences: Vec<(LaneId, LaneId)>,
    /// How well a lane's scores find the features of another one.
    pub(crate) judgement: Option<Judgement>,
    /// How two lanes go together, as it was asked last.
    pub(crate) relation: Option<Relation>,
    /// The score lane that the next track of features is to judge.
    pub(crate) judge_next: Option<LaneId>,
    /// Whether the curves are to be brought to the front.
    pub(crate) show_judgement: bool,
    /// Files that are held over the window, and what they would become.
    pub(crate) hovered: Vec<(PathBuf, Option<FileRole>)>,
    /// What is to be told of pasted text once it is open.
    pasted: Option<Vec<String>>,
    /// Files that were opened since the window last looked, to be remembered.
    pub(crate) opened: Vec<PathBuf>,
    /// Regions of interest.
    pub(crate) marks: Marks,
    /// Number of the genetic code, as NCBI counts them.
    pub(crate) code: u8,
    /// Files beside the sequence, in the order in which they were opened.
    pub(crate) files: Vec<OpenFile>,
    /// Tracks to be opened once the sequence is there.
    waiting_tracks: Vec<TrackSource>,
    pub(crate) search: Search,
    /// What was in view when a feature was jumped to, and where that starts.
    stepped_to: Option<((u64, u64), u64)>,
    next_file: u64,
    /// The track whose first feature is to be gone to when it is open.
    go_to_first_of: Option<TrackSource>,
    /// Heads whose tracks stay when another is picked.
    keep: BTreeSet<String>,
    /// What such heads have scored, in the order in which they were left.
    pub(crate) kept: Vec<Kept>,
    pub(crate) jobs: Jobs,
    pub(crate) warnings: Warnings,
    pub(crate) failure: Option<Failure>,
    /// What went wrong with the library last.
    pub(crate) library_failure: Option<Failure>,
    /// What folders hold that may be added to the library.
    pub(crate) looked: Vec<ModelLook>,
    /// The list of models is to be shown, since there is something new in it.
    pub(crate) show_models: bool,
    /// What has become of cards that are edited, for the dialog.
    pub(crate) cards: Vec<CardNews>,
    /// Pieces of scores that were whole when the card of their head was given to be saved, by head.
    settled: BTreeMap<String, BTreeSet<u64>>,
    /// Tracks that could not be saved under the path they carry, and why.
    pub(crate) not_saved: Option<(Arc<ExportRequest>, JobError)>,
    /// Why the engine has ended.
    pub(crate) stopped: Option<String>,
    /// What the engine computes on.
    pub(crate) device: Option<String>,
    /// What was done last, for the status bar.
    pub(crate) message: Option<String>,
    /// The example that waits for being shown, by number.
    waiting_example: Option<usize>,
    orders: Vec<Order>,
    next_piece: u64,
    openings: u64,
}

/// What is to be sent to the engine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Order {
    /// A task, and what it is for.
    Run(Purpose, Box<Task>),
    /// A job that is no longer wanted.
    Cancel(JobId),
}

impl State {
    /// Nothing open yet; models are asked for.
    pub(crate) fn new(examples: Vec<Example>) -> Self {
        let mut state = Self {
            examples,
            genome: None,
            library: None,
            head: None,
            options: ScoreOptions {
                both_strands: false,
                all_frames: false,
                attention: true,
                window_votes: false,
                overlap_percent: None,
            },
            hidden: BTreeSet::new(),
            thresholds: BTreeMap::new(),
            bases: Blocks::new(BASE_BLOCK_BP, 24),
            tokens: Blocks::new(TOKEN_BLOCK_BP, 64),
            scores: Pieces::default(),
            attention: Pieces::default(),
            null_bands: Pieces::default(),
            record_run: None,
            now_s: 0.0,
            forecasts: Forecasts::default(),
            self_test: None,
            arrangement: Arrangement::default(),
            facts: Facts::default(),
            calls: BTreeMap::new(),
            differences: Vec::new(),
            judgement: None,
            relation: None,
            judge_next: None,
            show_judgement: false,
            hovered: Vec::new(),
            pasted: None,
            opened: Vec::new(),
            marks: Marks::default(),
            code: 1,
            files: Vec::new(),
            waiting_tracks: Vec::new(),
            search: Search::default(),
            stepped_to: None,
            next_file: 0,
            go_to_first_of: None,
            keep: BTreeSet::new(),
            kept: Vec::new(),
            jobs: Jobs::default(),
            warnings: Warnings::default(),
            failure: None,
            library_failure: None,
            looked: Vec::new(),
            show_models: false,
            cards: Vec::new(),
            settled: BTreeMap::new(),
            not_saved: None,
            stopped: None,
            device: None,
            message: None,
            waiting_example: None,
            orders: Vec::new(),
            next_piece: 0,
            openings: 0,
        };
        state.order(Purpose::Library, Task::ListModels);
        state
    }

    /// What is to be sent since the last call.
    pub(crate) fn take_orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders)
    }

    /// An order was sent and got this name.
    pub(crate) fn sent(&mut self, job: JobId, purpose: Purpose) {
        self.jobs.add(job, purpose);
    }

    fn order(&mut self, purpose: Purpose, task: Task) {
        self.orders.push(Order::Run(purpose, Box::new(task)));
    }

    /// Orders a task in place of what runs for the same purpose, whose answer nobody waits for any more.
    fn order_instead(&mut self, purpose: Purpose, task: Task) {
        let earlier = self.jobs.take_if(|known| *known == purpose);
        self.orders.extend(earlier.into_iter().map(Order::Cancel));
        self.order(purpose, task);
    }

    /// The head that is picked.
    pub(crate) fn head_entry(&self) -> Option<&HeadEntry> {
        self.head_named(self.head.as_ref()?)
    }

    /// Whether anything is scored or about to be.
    fn is_scored(&self) -> bool {
        !self.scores.is_empty() || self.jobs.any(|purpose| matches!(purpose, Purpose::Score { .. }))
    }

    /// Whether scores on the reverse strand are wanted; what was scored otherwise is scored anew.
    pub(crate) fn set_both_strands(&mut self, both: bool) {
        self.set_options(ScoreOptions { both_strands: both, ..self.options });
    }

    /// Whether windows are to be read in all frames, likewise.
    pub(crate) fn set_all_frames(&mut self, all: bool) {
        self.set_options(ScoreOptions { all_frames: all, ..self.options });
    }

    /// Whether it is told how windows agree, likewise.
    pub(crate) fn set_window_votes(&mut self, wanted: bool) {
        self.set_options(ScoreOptions { window_votes: wanted, ..self.options });
    }

    /// How far windows overlap, likewise.
    pub(crate) fn set_overlap(&mut self, percent: Option<u8>) {
        self.set_options(ScoreOptions { overlap_percent: percent, ..self.options });
    }

    /// Whether the windows of a head lie over each other, so that several answer for a base.
    pub(crate) fn has_window_votes(&self, head: &str) -> bool {
        self.head_named(head).is_some_and(|entry| entry.card.kind != HeadKind::Sequence)
    }

    fn set_options(&mut self, options: ScoreOptions) {
        if self.options == options {
            return;
        }
        self.options = options;
        if self.is_scored() {
            self.drop_scores();
            self.score_view();
        }
    }

    /// Whether the windows of a head can be read in several frames.
    pub(crate) fn has_frames(&self, head: &str) -> bool {
        let known = self.library.as_ref().zip(self.head_named(head));
        known.is_some_and(|(library, head)| library.has_frames(head))
    }

    /// Whether attention is wanted beside scores; what is in view gets it at once where it is scored already.
    pub(crate) fn set_attention(&mut self, wanted: bool) {
        self.options.attention = wanted;
        if wanted && self.is_scored() {
            self.attend_view();
        }
    }

    fn drop_scores(&mut self) {
        self.end_record_run();
        let scores = std::mem::take(&mut self.scores);
        self.cancel_scores_of(&scores);
        // What comes in their place has other values.
        self.calls.clear();
    }

    /// Whether a label of the head that is picked is drawn.
    pub(crate) fn is_label_shown(&self, label: &str) -> bool {
        self.head_entry().is_none_or(|entry| self.is_label_of_shown(entry, label))
    }

    /// Whether a label of a head is drawn; the disagreement of both strands goes with its label.
    pub(crate) fn is_label_of_shown(&self, entry: &HeadEntry, label: &str) -> bool {
        let label = beside(label).map_or(label, |(label, _)| label);
        let background = entry.card.labels.iter().any(|known| known.name == label && known.background);
        // A label that says "nothing to see" is in the set when it is to be drawn, any other when it is not.
        background == self.hidden.contains(&(entry.card.name.clone(), label.to_owned()))
    }

    /// Draws a label of the head that is picked, or does not.
    pub(crate) fn toggle_label(&mut self, label: &str) {
        let Some(head) = self.head.clone() else { return };
        let key = (head, label.to_owned());
        if !self.hidden.remove(&key) {
            self.hidden.insert(key);
        }
    }

    /// The base at a position of a record, where it has been read.
    pub(crate) fn base_at(&self, record: usize, position_bp: u64) -> Option<u8> {
        let (start_bp, bases) = self.bases.holding(record, position_bp)?;
        bases.get(crate::scale::index(position_bp - start_bp)).copied()
    }

    /// The token that covers a position of a record, where it is known.
    pub(crate) fn token_at(&self, record: usize, position_bp: u64) -> Option<&TokenSpan> {
        let (_, tokens) = self.tokens.holding(record, position_bp)?;
        let at = tokens.partition_point(|token| token.end_bp <= position_bp);
        tokens.get(at).filter(|token| token.start_bp <= position_bp)
    }

    /// The genetic code by which bases are translated.
    pub(crate) fn genetic_code(&self) -> &'static GeneticCode {
        GeneticCode::by_id(self.code).unwrap_or_else(GeneticCode::standard)
    }

    /// Whether a file is being opened, and which.
    pub(crate) fn opening(&self) -> Option<PathBuf> {
        self.jobs.purposes().find_map(|purpose| match purpose {
            Purpose::Open(path) => Some(path.clone()),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests;
