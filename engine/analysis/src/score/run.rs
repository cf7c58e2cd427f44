//! The pieces of a region, one after the other.

use std::ops::Range;

use strandscope_genome::{Region, Strand};

use super::{
    Piece, ScoreHost, ScorePlan,
    grid::Grid,
    kept::{Form, PieceAnswers},
    parts::{Gap, VOTES_MISSING},
};
use crate::{AnalysisError, batch::is_base, predict::Predictor, stitch::Stitcher};

/// The scoring of a region.
pub(super) struct Run<'a, 'b> {
    pub(super) predictor: &'a Predictor<'a>,
    pub(super) plan: &'a ScorePlan,
    pub(super) host: &'b mut dyn ScoreHost,
    grid: Grid,
    /// Bases of the piece at hand that the model did not know.
    unknown_bp: u64,
}

/// What a batch gives.
#[derive(Debug, PartialEq)]
pub(super) struct BatchAnswers {
    /// Why a window or bin has no answer, one for each.
    pub(super) gaps: Vec<Gap>,
    /// For each strand and window `[place, label]`, in the forward direction; places are bases, or one for a bin.
    pub(super) strands: Vec<Vec<Vec<f32>>>,
}

impl<'a, 'b> Run<'a, 'b> {
    pub(super) fn new(predictor: &'a Predictor<'a>, plan: &'a ScorePlan, host: &'b mut dyn ScoreHost) -> Self {
        Self { predictor, plan, host, grid: Grid::of(&predictor.outline(), plan), unknown_bp: 0 }
    }

    pub(super) fn strands(&self) -> &'static [Strand] {
        if self.plan.both_strands { &[Strand::Forward, Strand::Reverse] } else { &[Strand::Forward] }
    }

    pub(super) fn grid(&self) -> Grid {
        self.grid
    }

    pub(super) fn labels(&self) -> usize {
        self.predictor.head.card.labels.len()
    }

    /// Scores all pieces of the region.
    pub(super) fn score(mut self) -> Result<(), AnalysisError> {
        let Region { start_bp, end_bp, .. } = self.plan.region;
        let stitcher = |_: &Strand| Stitcher::new(start_bp..end_bp, self.labels(), self.plan.votes);
        let mut stitchers: Vec<Stitcher> = self.strands().iter().map(stitcher).collect();
        for piece in self.grid.pieces(&self.plan.region) {
            let batches: Vec<Range<u64>> = self.grid.batches(&piece).collect();
            match self.kept(&piece, &batches)? {
                Some(answers) => {
                    let windows = self.plan.windows_of(&self.predictor.outline(), &piece);
                    self.host.reused(windows, answers.unknown_bp)?;
                    for (batch, answers) in batches.iter().zip(&answers.batches) {
                        self.hand_out(batch, answers, &mut stitchers)?;
                    }
                }
                None => self.compute(&piece, &batches, &mut stitchers)?,
            }
        }
        Ok(())
    }

    /// What the host kept of a piece. What takes the place of a device that failed gives other numbers, in the last
    /// places, than those kept under its name.
    fn kept(&mut self, piece: &Piece, batches: &[Range<u64>]) -> Result<Option<PieceAnswers>, AnalysisError> {
        if piece.reads.is_empty() || self.predictor.is_on_spare() {
            return Ok(None);
        }
        let bytes = self.host.kept(piece)?;
        Ok(bytes.and_then(|bytes| self.form().parse(&bytes, batches)))
    }

    fn form(&self) -> Form {
        Form { grid: self.grid, strands: self.strands().len(), labels: self.labels() }
    }

    /// Computes a piece batch by batch, hands out what is known, and gives the whole to the host to be kept.
    fn compute(
        &mut self,
        piece: &Piece,
        batches: &[Range<u64>],
        stitchers: &mut [Stitcher],
    ) -> Result<(), AnalysisError> {
        self.unknown_bp = 0;
        let mut all = PieceAnswers::default();
        for batch in batches {
            let answers = match self.grid {
                Grid::Tiles { context_bp, .. } => self.answers_of_tiles(batch, context_bp)?,
                Grid::Bins(bins) => self.answers_of_bins(batch, &bins)?,
            };
            self.hand_out(batch, &answers, stitchers)?;
            all.batches.push(answers);
        }
        all.unknown_bp = self.unknown_bp;
        if !piece.reads.is_empty()
            && !self.predictor.is_on_spare()
            && let Some(bytes) = self.form().to_bytes(&all, batches)
        {
            self.host.keep(piece, &bytes);
        }
        Ok(())
    }

    /// Tells the host of windows that were computed.
    pub(super) fn done(&mut self, windows: usize, unknown_bp: usize) -> Result<(), AnalysisError> {
        self.unknown_bp += unknown_bp as u64;
        self.host.done(windows as u64, unknown_bp as u64)
    }

    fn hand_out(
        &mut self,
        batch: &Range<u64>,
        answers: &BatchAnswers,
        stitchers: &mut [Stitcher],
    ) -> Result<(), AnalysisError> {
        match self.grid {
            Grid::Tiles { .. } => self.hand_out_tiles(batch, answers, stitchers),
            Grid::Bins(bins) => {
                let Region { start_bp, end_bp, .. } = self.plan.region;
                let range = (batch.start * bins.stride_bp).max(start_bp)..(batch.end * bins.stride_bp).min(end_bp);
                let of_strand = |strand: &Vec<Vec<f32>>| transposed(strand, self.labels());
                let values = answers.strands.iter().map(of_strand).collect();
                self.emit_scores(&range, bins.stride_bp, values, &answers.gaps);
                Ok(())
            }
        }
    }

    /// Adds the answers of overlapping windows, and hands out the stretch that no later window changes.
    fn hand_out_tiles(
        &mut self,
        batch: &Range<u64>,
        answers: &BatchAnswers,
        stitchers: &mut [Stitcher],
    ) -> Result<(), AnalysisError> {
        let Grid::Tiles { tiling, .. } = self.grid else { return Ok(()) };
        let labels = self.labels().max(1);
        for (strand, stitcher) in answers.strands.iter().zip(&mut *stitchers) {
            for (number, values) in batch.clone().zip(strand) {
                for (position, values) in (tiling.window(number).start..).zip(values.chunks(labels)) {
                    stitcher.add(position, tiling.weight(number, position), values);
                }
            }
        }
        let all = self.grid.numbers(&self.plan.region);
        let settled = if batch.end < all.end { tiling.window(batch.end).start } else { self.plan.region.end_bp };
        let parts: Vec<_> = stitchers.iter_mut().filter_map(|stitcher| stitcher.take(settled)).collect();
        let Some(range) = parts.first().map(|part| part.range.clone()) else { return Ok(()) };
        let bases = self.host.bases(range.clone())?;
        let gaps: Vec<Gap> = bases.iter().map(|base| (!is_base(*base)).then_some("n_run")).collect();
        let counts = parts.first().map(|part| part.counts.clone()).unwrap_or_default();
        let (means, spreads): (Vec<_>, Vec<_>) = parts.into_iter().map(|part| (part.means, part.spreads)).unzip();
        self.emit_scores(&range, 1, means, &gaps);
        if self.plan.votes {
            // One window cannot disagree.
            let alone = |(gap, count): (&Gap, &f32)| gap.or((*count < 2.0).then_some(VOTES_MISSING));
            let of_spreads: Vec<Gap> = gaps.iter().zip(&counts).map(alone).collect();
            self.emit_votes(&range, counts, &gaps, spreads, &of_spreads);
        }
        Ok(())
    }
}

/// `[row][label]` as `[label][row]`.
fn transposed(rows: &[Vec<f32>], labels: usize) -> Vec<Vec<f32>> {
    let value = |row: &Vec<f32>, label: usize| row.get(label).copied().unwrap_or(f32::NAN);
    (0..labels).map(|label| rows.iter().map(|row| value(row, label)).collect()).collect()
}
