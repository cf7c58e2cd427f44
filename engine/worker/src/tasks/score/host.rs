//! What a scored region takes and gives.

use std::{cell::Cell, ops::Range};

use strandscope_analysis::{
    AnalysisError,
    batch::is_base,
    score::{Piece, ScoreHost},
};
use strandscope_genome::{Genome, Track, TrackLayout};

use super::{
    plan::{Plan, read_of},
    settings::{PieceKeys, Settings},
    store::ScoreStore,
};
use crate::{RunRecord, TrackChunk, engine::Job};

/// Where pieces are kept, and under which keys.
pub(super) struct Keeping<'a> {
    keys: PieceKeys,
    store: &'a mut ScoreStore,
    /// Key of the piece that was asked for in vain.
    wanted: Option<(Piece, String)>,
}

impl<'a> Keeping<'a> {
    pub(super) fn new(settings: &Settings, store: &'a mut ScoreStore) -> Self {
        Self { keys: settings.keys(), store, wanted: None }
    }
}

/// Reads bases for the scorer, passes on what it gives, and keeps the answers of pieces.
pub(super) struct RegionHost<'a> {
    genome: &'a mut Genome,
    job: &'a Job,
    plan: &'a Plan,
    first_track: usize,
    record: &'a mut RunRecord,
    /// Whether the model was given an unknown letter since the last part.
    seen_unknown: bool,
    /// Windows that are done.
    done: &'a Cell<u64>,
    keeping: Option<Keeping<'a>>,
}

impl<'a> RegionHost<'a> {
    pub(super) fn new(
        genome: &'a mut Genome,
        job: &'a Job,
        plan: &'a Plan,
        first_track: usize,
        record: &'a mut RunRecord,
        done: &'a Cell<u64>,
        keeping: Option<Keeping<'a>>,
    ) -> Self {
        Self { genome, job, plan, first_track, record, seen_unknown: false, done, keeping }
    }

    fn read(&mut self, range: Range<u64>) -> Result<Vec<u8>, AnalysisError> {
        read_of(self.genome, self.plan, range)
    }

    /// Tells how far the run is; ends it when asked to.
    fn step(&mut self, unknown_bp: u64) -> Result<(), AnalysisError> {
        self.done.set(self.record.windows + self.record.windows_cached);
        self.seen_unknown |= unknown_bp > 0;
        self.job.progress(self.done.get(), "");
        if self.job.is_cancelled() { Err(AnalysisError::Cancelled) } else { Ok(()) }
    }
}

impl ScoreHost for RegionHost<'_> {
    fn bases(&mut self, range: Range<u64>) -> Result<Vec<u8>, AnalysisError> {
        self.read(range)
    }

    fn part(&mut self, track: usize, mut part: Track) {
        // Windows overlap, so that letters are counted in the parts, which do not.
        if track == 0 && self.seen_unknown {
            let range = part.region.start_bp..part.region.end_bp;
            let unknown = self.read(range).map(|bases| bases.iter().filter(|base| !is_base(**base)).count() as u64);
            self.record.unknown_bp += unknown.unwrap_or(0);
        }
        shift(&mut part, self.plan.offset_bp);
        self.job.chunk(TrackChunk { track: self.first_track + track, part, whole: self.plan.region.clone() });
    }

    fn done(&mut self, windows: u64, unknown_bp: u64) -> Result<(), AnalysisError> {
        self.record.windows += windows;
        self.step(unknown_bp)
    }

    fn kept(&mut self, piece: &Piece) -> Result<Option<Vec<u8>>, AnalysisError> {
        if self.keeping.is_none() {
            return Ok(None);
        }
        let bases = self.read(piece.reads.clone())?;
        let Some(keeping) = &mut self.keeping else { return Ok(None) };
        let key = keeping.keys.of(piece, &bases);
        let answers = keeping.store.load(&key);
        keeping.wanted = Some((piece.clone(), key));
        Ok(answers)
    }

    fn keep(&mut self, piece: &Piece, answers: &[u8]) {
        let Some(keeping) = &mut self.keeping else { return };
        if let Some((_, key)) = keeping.wanted.take().filter(|(wanted, _)| wanted == piece) {
            keeping.store.save(&key, answers);
        }
    }

    fn reused(&mut self, windows: u64, unknown_bp: u64) -> Result<(), AnalysisError> {
        self.record.windows_cached += windows;
        self.step(unknown_bp)
    }
}

/// Moves a track along its contig.
pub(super) fn shift(track: &mut Track, by_bp: u64) {
    if by_bp == 0 {
        return;
    }
    track.region.start_bp += by_bp;
    track.region.end_bp += by_bp;
    for run in &mut track.missing {
        run.start_bp += by_bp;
        run.end_bp += by_bp;
    }
    // Bins begin at multiples of their width, which a moved one need not do.
    if matches!(track.layout, TrackLayout::Bins { width_bp } if width_bp > 1) {
        track.layout = TrackLayout::Spans(vec![(track.region.start_bp, track.region.end_bp)]);
    }
}
