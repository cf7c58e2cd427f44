//! How the regions of a request are scored, and what is refused.

use std::ops::Range;

use strandscope_analysis::{
    AnalysisError,
    score::{Outline, ScorePlan},
    windows::MOST_OVERLAP,
};
use strandscope_genome::{Genome, Region};
use strandscope_models::card::{HeadCard, HeadKind};
use strandscope_tokens::{Tokenizer, TokenizerKind};

use crate::{
    ErrorKind, JobError, ScoreRequest, WindowChoice,
    engine::Stop,
    tasks::{errors::reading, places::Place},
};

/// The windows of a sequence head overlap by this many steps.
const STEPS_IN_WINDOW: u64 = 4;

/// How a region is scored, and where its coordinates begin.
pub(super) struct Plan {
    pub(super) score: ScorePlan,
    pub(super) region: Region,
    /// Added to the positions of `score` to get those of the contig.
    pub(super) offset_bp: u64,
    /// Bases read at once.
    pub(super) reads_bp: u64,
}

impl Plan {
    pub(super) fn new(request: &ScoreRequest, outline: &Outline<'_>, place: &Place) -> Self {
        if request.window == WindowChoice::Whole {
            return Self::whole(request, outline, &place.region);
        }
        let window_bp = match request.window {
            WindowChoice::Tokens(tokens) => outline.tokenizer.typical_bp(tokens),
            _ => outline.card.input_length_bp,
        };
        let window_bp = window_bp.max(1);
        let stride_bp = request.stride_bp.unwrap_or(window_bp / STEPS_IN_WINDOW).max(1);
        let score = ScorePlan {
            region: place.region.clone(),
            contig_bp: place.contig_bp,
            window_bp,
            stride_bp,
            overlap: request.overlap_share,
            both_strands: request.both_strands,
            frames: frames(request, outline.tokenizer),
            votes: request.window_votes,
        };
        let reads_bp = window_bp.min(place.contig_bp);
        Self { score, region: place.region.clone(), offset_bp: 0, reads_bp }
    }

    /// One pass over the region, which is treated as a contig of its own.
    fn whole(request: &ScoreRequest, outline: &Outline<'_>, region: &Region) -> Self {
        let length_bp = region.len_bp();
        let window_bp = match outline.card.kind {
            HeadKind::Sequence => length_bp,
            // Wide enough that no second window begins, whatever is taken off for flanks and ramps.
            HeadKind::Base | HeadKind::Token => 2 * length_bp + 4 * outline.reach_bp() as u64,
        };
        let score = ScorePlan {
            region: Region::new(region.contig.clone(), 0, length_bp),
            contig_bp: length_bp,
            window_bp,
            stride_bp: length_bp,
            overlap: None,
            both_strands: request.both_strands,
            frames: frames(request, outline.tokenizer),
            votes: request.window_votes,
        };
        Self { score, region: region.clone(), offset_bp: region.start_bp, reads_bp: length_bp }
    }
}

/// Bases that are read at once at most.
pub(super) fn longest_bp(plans: &[Plan]) -> u64 {
    plans.iter().map(|plan| plan.reads_bp).max().unwrap_or(0)
}

/// Memory that the largest batch of windows takes, in bytes.
pub(super) fn largest_pass(
    outline: &Outline<'_>,
    plans: &[Plan],
    genome: &mut Genome,
    on_gpu: bool,
) -> Result<u64, AnalysisError> {
    let Some(largest) = plans.iter().max_by_key(|plan| plan.reads_bp) else { return Ok(0) };
    let sample = if outline.reads_tokens() { read_of(genome, largest, largest.score.sample())? } else { Vec::new() };
    largest.score.pass_bytes(outline, &sample, on_gpu)
}

/// Bases of a plan, by its own positions.
pub(super) fn read_of(genome: &mut Genome, plan: &Plan, range: Range<u64>) -> Result<Vec<u8>, AnalysisError> {
    let [start_bp, end_bp] = [range.start, range.end].map(|position_bp| position_bp + plan.offset_bp);
    genome.read(&Region::new(plan.region.contig.clone(), start_bp, end_bp)).map_err(reading)
}

/// In how many frames windows are read.
fn frames(request: &ScoreRequest, tokenizer: &Tokenizer) -> usize {
    match tokenizer.kind() {
        TokenizerKind::Kmers { k } if request.all_frames => k,
        _ => 1,
    }
}

/// Refuses what the head cannot do.
pub(super) fn check_request(request: &ScoreRequest, outline: &Outline<'_>) -> Result<(), Stop> {
    let usage = |message: String| Err(JobError::new(ErrorKind::Usage, message).into());
    let (card, name) = (outline.card, &outline.card.name);
    if request.stride_bp == Some(0) {
        return usage("a stride of 0 bases never ends; give 1 or more".to_owned());
    }
    if request.stride_bp.is_some() && card.kind != HeadKind::Sequence {
        return usage(format!("head {name} answers for every base and takes no --stride; leave it out"));
    }
    if request.stride_bp.is_some() && request.window == WindowChoice::Whole {
        return usage(
            "a whole region is one window, so there is no stride; leave out --stride or the window".to_owned(),
        );
    }
    check_overlap(request, card)?;
    if request.all_frames && (card.kind == HeadKind::Sequence || !outline.reads_tokens()) {
        return usage(format!(
            "head {name} does not answer from single tokens, so that it has no frames; leave out --all-frames"
        ));
    }
    if request.all_frames && !matches!(outline.tokenizer.kind(), TokenizerKind::Kmers { .. }) {
        return usage(format!(
            "the model of head {name} reads no words of one length that follow each other, so that it has no frames; \
             leave out --all-frames"
        ));
    }
    let of_context = card.context_bp.map(|_| usize::try_from(card.input_length_bp).unwrap_or(usize::MAX));
    let fixed_bp = outline.fixed_length_bp().or(of_context);
    if let (Some(length_bp), true) = (fixed_bp, request.window != WindowChoice::Trained) {
        return usage(format!(
            "head {name} reads windows of {length_bp} bases and no others; leave out --window-tokens"
        ));
    }
    Ok(())
}

/// Refuses an overlap, or votes of windows, where there are none.
fn check_overlap(request: &ScoreRequest, card: &HeadCard) -> Result<(), Stop> {
    let usage = |message: String| Err(JobError::new(ErrorKind::Usage, message).into());
    let name = &card.name;
    if card.kind == HeadKind::Sequence && request.overlap_share.is_some() {
        return usage(format!(
            "head {name} answers once for a window, and its windows lie a --stride apart; give that instead of --overlap"
        ));
    }
    if card.kind == HeadKind::Sequence && request.window_votes {
        return usage(format!(
            "head {name} answers once for a window, so that no windows vote on a base; leave out --window-votes"
        ));
    }
    if request.overlap_share.is_some() && request.window == WindowChoice::Whole {
        return usage(
            "a whole region is one window, so there is no overlap; leave out --overlap or the window".to_owned(),
        );
    }
    match request.overlap_share {
        Some(share) if !(0.0..=MOST_OVERLAP).contains(&share) => {
            usage(format!("windows cannot overlap by {} percent; give 0 to {}", 100.0 * share, 100.0 * MOST_OVERLAP))
        }
        _ => Ok(()),
    }
}
