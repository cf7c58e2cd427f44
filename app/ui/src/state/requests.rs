//! What is asked of the engine.

use std::{path::PathBuf, sync::Arc};

use strandscope_worker::{
    AttentionRequest, AttentionStat, ExportRequest, Pick, ScoreRequest, Task, TokenizeRequest, WindowChoice,
    genome::Region,
};

use super::{ATTENTION_LIMIT_BP, BASES_IN_VIEW_BP, Order, State, TOKENS_IN_VIEW_BP, work::Purpose};
use crate::Example;

/// Bases before and behind a block that are tokenized with it, so that tokens at its edges come out as they would
/// in the middle.
const TOKEN_FLANK_BP: u64 = 512;

impl State {
    /// Opens a sequence file in place of the one that is open.
    pub(crate) fn open(&mut self, path: PathBuf) {
        self.waiting_example = None;
        let superseded = self.jobs.take_if(|purpose| matches!(purpose, Purpose::Open(_)));
        self.orders.extend(superseded.into_iter().map(Order::Cancel));
        self.failure = None;
        self.message = None;
        self.order(Purpose::Open(path.clone()), Task::OpenGenome { path });
    }

    /// Opens a bundled example, to be shown and scored as soon as it is there.
    pub(crate) fn open_example(&mut self, number: usize) {
        let Some(example) = self.examples.get(number) else { return };
        let (path, tracks) = (example.path.clone(), example.tracks.clone());
        self.open(path);
        self.waiting_tracks = tracks;
        self.waiting_example = Some(number);
    }

    /// The example that is open.
    pub(crate) fn example(&self) -> Option<&Example> {
        let path = &self.genome.as_ref()?.summary.path;
        self.examples.iter().find(|example| example.path == *path)
    }

    /// Scores what is in view with the head that is picked.
    pub(crate) fn score_view(&mut self) {
        let regions = self.regions_in_view();
        if regions.is_empty() || !self.can_score() {
            return;
        }
        self.begin_analysis();
        for region in &regions {
            self.score_with_kept(region);
        }
        for region in regions {
            self.attend(region);
        }
    }

    /// What is in view, the active locus first, each stretch once.
    fn regions_in_view(&self) -> Vec<Region> {
        let Some(genome) = &self.genome else { return Vec::new() };
        let mut regions = vec![genome.region()];
        for locus in genome.loci() {
            let region = genome.region_of(locus);
            if !regions.contains(&region) {
                regions.push(region);
            }
        }
        regions
    }

    /// Whether there is something to score, a head to score it with, and an engine that does.
    pub(super) fn can_score(&self) -> bool {
        self.genome.is_some() && self.head_entry().is_some() && self.stopped.is_none()
    }

    pub(super) fn begin_analysis(&mut self) {
        self.cancel_analyses();
        self.failure = None;
        self.message = None;
    }

    /// Scores a stretch with the head that is picked, and then with those whose tracks are kept; gives the names of the
    /// pieces that take it.
    pub(super) fn score_with_kept(&mut self, region: &Region) -> Vec<u64> {
        let Some(head) = self.head.clone().filter(|_| !region.is_empty()) else { return Vec::new() };
        let piece = self.score(head, region);
        self.scores.begin(piece, region.clone());
        let mut pieces = vec![piece];
        for at in 0..self.kept.len() {
            let piece = self.score(self.kept[at].head.clone(), region);
            self.kept[at].scores.begin(piece, region.clone());
            pieces.push(piece);
        }
        pieces
    }

    /// Scores a stretch with a head; the piece of this name is to take it.
    fn score(&mut self, head: String, region: &Region) -> u64 {
        self.next_piece += 1;
        let piece = self.next_piece;
        if let Some(request) = self.score_request(head, region) {
            self.order(Purpose::Score { piece }, Task::Score(request));
        }
        piece
    }

    /// How a stretch is scored with a head as things are set now.
    pub(super) fn score_request(&self, head: String, region: &Region) -> Option<ScoreRequest> {
        let genome = self.genome.as_ref().filter(|_| !region.is_empty())?;
        let votes = self.has_window_votes(&head);
        Some(ScoreRequest {
            genome: genome.summary.path.clone(),
            regions: vec![region.clone()],
            all_frames: self.options.all_frames && self.has_frames(&head),
            overlap_share: self.options.overlap_percent.filter(|_| votes).map(|percent| f32::from(percent) / 100.0),
            window_votes: self.options.window_votes && votes,
            head,
            model: None,
            stride_bp: None,
            both_strands: self.options.both_strands,
            window: WindowChoice::Trained,
            keep_going: true,
        })
    }

    /// Computes attention received, where it is wanted and the stretch is not too long.
    pub(super) fn attend(&mut self, region: Region) {
        let Some(genome) = &self.genome else { return };
        if !self.options.attention || region.is_empty() || region.len_bp() > ATTENTION_LIMIT_BP {
            return;
        }
        let request = AttentionRequest {
            genome: genome.summary.path.clone(),
            region: region.clone(),
            model: self.model(),
            stat: AttentionStat::Received,
            layer: Pick::Mean,
            attention_head: Pick::Mean,
            window: WindowChoice::Trained,
        };
        self.next_piece += 1;
        let piece = self.next_piece;
        self.attention.begin(piece, region);
        self.order(Purpose::Attention { piece }, Task::Attention(request));
    }

    /// Computes attention for what is in view, unless it is there or on its way.
    pub(super) fn attend_view(&mut self) {
        if !self.can_score() {
            return;
        }
        for region in self.regions_in_view() {
            let known_bp = |(start_bp, end_bp): &(u64, u64)| {
                (*end_bp).min(region.end_bp).saturating_sub((*start_bp).max(region.start_bp))
            };
            let lane = self.attention_lane();
            let layers = self.layers(&lane, &region.contig);
            let known_bp: u64 = layers.iter().flat_map(|layer| &layer.parts).map(known_bp).sum();
            if known_bp < region.len_bp() && !self.is_coming(&lane, &region) {
                self.attend(region);
            }
        }
    }

    /// Stops what is being computed; what has arrived stays.
    pub(crate) fn cancel_analyses(&mut self) {
        self.record_run = None;
        let jobs = self.jobs.cancel(Purpose::is_analysis);
        self.orders.extend(jobs.into_iter().map(Order::Cancel));
    }

    /// Asks for the bases, tokens and tiles that the loci in view need and have not.
    pub(crate) fn ask_for_view(&mut self) {
        let Some(genome) = &self.genome else { return };
        let loci: Vec<_> = genome.loci().iter().map(|locus| (locus.record, locus.view)).collect();
        for (record, view) in loci {
            self.ask_for_bases(record, view.range_bp(), view.span_bp());
            self.ask_for_tiles(record, view.range_bp(), view.span_bp());
        }
        self.ask_for_forecasts();
    }

    fn ask_for_bases(&mut self, record: usize, (start_bp, end_bp): (u64, u64), span_bp: f64) {
        let Some(genome) = &self.genome else { return };
        let (path, contig) = (genome.summary.path.clone(), genome.summary.contigs[record].clone());
        if span_bp <= BASES_IN_VIEW_BP {
            for (block, from, to) in self.bases.ask(record, start_bp, end_bp, contig.length_bp) {
                let region = Region::new(&contig.name, from, to);
                self.order(Purpose::Bases { record, block }, Task::ReadBases { path: path.clone(), region });
            }
        }
        if span_bp <= TOKENS_IN_VIEW_BP {
            for (block, from, to) in self.tokens.ask(record, start_bp, end_bp, contig.length_bp) {
                let (from, to) = (from.saturating_sub(TOKEN_FLANK_BP), (to + TOKEN_FLANK_BP).min(contig.length_bp));
                let (region, model) = (Region::new(&contig.name, from, to), self.model());
                let request = TokenizeRequest { genome: path.clone(), region, model };
                self.order(Purpose::Tokens { record, block }, Task::Tokenize(request));
            }
        }
    }

    /// Writes tracks to `path`.
    ///
    /// Tracks that may replace a file are not kept for another try: they can be large.
    pub(crate) fn export(&mut self, request: Arc<ExportRequest>, path: PathBuf, force: bool) {
        let request = ExportRequest { path, force, ..Arc::unwrap_or_clone(request) };
        let kept = (!force).then(|| Arc::new(request.clone()));
        self.failure = None;
        self.order(Purpose::Export { kept }, Task::Export(request));
    }
}
