//! Scores of a region: windows through a head, stitched to tracks.
//!
//! Windows, the batches they are computed in and the [pieces](Piece) that a host may keep lie on a grid that the contig
//! fixes. So what a piece gives depends on its bases and on how they are scored, and not on the region asked for.

mod answers;
mod grid;
pub mod kept;
mod outline;
mod parts;
mod run;

use std::ops::Range;

use strandscope_genome::{Region, Strand, Track};
use strandscope_models::{
    card::{HeadCard, StrandRule},
    memory::EncoderPass,
};

use self::{grid::Grid, run::Run};
pub use self::{grid::Piece, outline::Outline};
use crate::{AnalysisError, predict::Predictor};

/// Bases of the windows computed at once. A constant, so that results do not depend on the machine.
const BATCH_BP: u64 = 8192;

/// How a region is scored.
#[derive(Clone, Debug, PartialEq)]
pub struct ScorePlan {
    /// Where.
    pub region: Region,
    /// Length of the contig.
    pub contig_bp: u64,
    /// Length of the windows.
    pub window_bp: u64,
    /// Step of a sequence head.
    pub stride_bp: u64,
    /// Which share of its trusted middle a window of another head has in common with its neighbour; `None` takes a
    /// quarter.
    pub overlap: Option<f32>,
    /// Average a symmetric head over both strands; add the reverse strand of a stranded one.
    pub both_strands: bool,
    /// In how many frames each window is read: with 2 also without its first base, and so on. The answers are averaged.
    pub frames: usize,
    /// Tell how many windows answer for each base, and how far their answers lie apart; not for sequence heads.
    pub votes: bool,
}

impl ScorePlan {
    /// Memory that the windows computed at once take, weights apart, in bytes; where the head reads tokens, the bases of
    /// [`Self::sample`] tell how many there are.
    ///
    /// # Errors
    /// When there are bytes in `sample` that stand for no base.
    pub fn pass_bytes(&self, outline: &Outline<'_>, sample: &[u8], on_gpu: bool) -> Result<u64, AnalysisError> {
        let window_bp = self.window_bp.min(self.contig_bp).max(1);
        let batch_bp = window_bp * (BATCH_BP / window_bp).max(1);
        // A short region has fewer windows than a batch takes.
        let bases = batch_bp.min(self.region.len_bp() + window_bp);
        let mut bytes = outline.config.map_or(0, |config| config.pass_bytes(bases));
        if outline.reads_tokens() {
            let tokens = outline.tokenizer.encode(sample)?.ids.len() as u64;
            let mut positions = (bases * tokens).div_ceil((sample.len() as u64).max(1));
            if outline.card.context_bp.is_some() {
                positions = positions.min(outline.between_tokens);
            }
            bytes += outline.sizes.pass_bytes(&EncoderPass { positions, observed: None, on_gpu });
        }
        Ok(bytes)
    }

    /// Bases at the start of the region that tell how many tokens a window has.
    pub fn sample(&self) -> Range<u64> {
        self.region.start_bp..self.region.end_bp.min(self.region.start_bp.saturating_add(self.window_bp))
    }

    /// The pieces that are computed, in order.
    pub fn pieces(&self, outline: &Outline<'_>) -> impl Iterator<Item = Piece> + use<> {
        Grid::of(outline, self).pieces(&self.region)
    }

    /// Number of windows that a piece takes, each strand and frame counted.
    pub fn windows_of(&self, outline: &Outline<'_>, piece: &Piece) -> u64 {
        Grid::of(outline, self).windows_in(&piece.numbers) * self.passes()
    }

    /// Number of windows that the region takes, each strand and frame counted.
    pub fn window_count(&self, outline: &Outline<'_>) -> u64 {
        let grid = Grid::of(outline, self);
        grid.windows_in(&grid.numbers(&self.region)) * self.passes()
    }

    /// How often each window is read.
    fn passes(&self) -> u64 {
        self.frames.max(1) as u64 * if self.both_strands { 2 } else { 1 }
    }
}

/// What the caller gives and takes while a region is scored.
pub trait ScoreHost {
    /// The bases of a stretch of the contig.
    ///
    /// # Errors
    /// When they cannot be read.
    fn bases(&mut self, range: Range<u64>) -> Result<Vec<u8>, AnalysisError>;

    /// Takes the next part of track `track` of the region.
    fn part(&mut self, track: usize, part: Track);

    /// Told after each batch; an error stops the work.
    ///
    /// # Errors
    /// [`AnalysisError::Cancelled`] when the work shall stop.
    fn done(&mut self, windows: u64, unknown_bp: u64) -> Result<(), AnalysisError>;

    /// What [`Self::keep`] was given of this piece, for the same bases scored in the same way; `None` where it has to be
    /// computed.
    ///
    /// # Errors
    /// When its bases cannot be read.
    fn kept(&mut self, _piece: &Piece) -> Result<Option<Vec<u8>>, AnalysisError> {
        Ok(None)
    }

    /// Takes what a piece gave, as bytes, after it was asked for in vain.
    fn keep(&mut self, _piece: &Piece, _answers: &[u8]) {}

    /// The same as [`Self::done`] for windows that were kept and not computed.
    ///
    /// # Errors
    /// As [`Self::done`].
    fn reused(&mut self, windows: u64, unknown_bp: u64) -> Result<(), AnalysisError> {
        self.done(windows, unknown_bp)
    }
}

/// Name and strand of each track that a head gives, in the order of their numbers.
///
/// With `votes` there are, behind the others, `windows`, the number of windows that answer for a base, and for each label
/// `LABEL.spread`, their highest answer minus their lowest: of both strands the larger where these are averaged.
pub fn track_names(card: &HeadCard, both_strands: bool, votes: bool) -> Vec<(String, Strand)> {
    let labels =
        |end: &'static str, strand| card.labels.iter().map(move |label| (format!("{}{end}", label.name), strand));
    let is_averaged = card.strand == StrandRule::Symmetric;
    let mut names: Vec<_> = labels("", Strand::Forward).collect();
    if both_strands && is_averaged {
        names.extend(labels(".disagreement", Strand::Forward));
    } else if both_strands {
        names.extend(labels("", Strand::Reverse));
    }
    if votes {
        names.push(("windows".to_owned(), Strand::Forward));
        names.extend(labels(".spread", Strand::Forward));
        if both_strands && !is_averaged {
            names.extend(labels(".spread", Strand::Reverse));
        }
    }
    names
}

/// Scores a region; parts of tracks go to `host` in order.
///
/// # Errors
/// When bases cannot be read, the device fails, or the host stops the work.
pub fn score_region(
    predictor: &Predictor<'_>,
    plan: &ScorePlan,
    host: &mut dyn ScoreHost,
) -> Result<(), AnalysisError> {
    Run::new(predictor, plan, host).score()
}
