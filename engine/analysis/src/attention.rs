//! Where attention went, over a region: tracks of token spans, maps in bins, and the strongest partners.

mod asked;
mod pairs;
mod window;

use std::ops::Range;

use strandscope_genome::{Region, Strand, Track, TrackLayout};
use strandscope_kernels::{Conduct, KernelError};
use strandscope_models::{
    dnagrinder::Config,
    folder::Model,
    memory::{EncoderPass, Observed},
};
use strandscope_tokens::Tokenizer;

use crate::{
    AnalysisError,
    batch::{Batch, is_base},
    device::on_device,
};
pub use asked::{AttentionStat, MapPool, Pick};
pub use pairs::{AttentionMap, AttentionPairs, Partner};
use window::{Answers, Groups, Window};

/// Context on each side of a window, as a share of it.
const FLANK_SHARE: u64 = 8;

/// How attention over a region is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttentionPlan {
    /// Where.
    pub region: Region,
    /// Length of the contig.
    pub contig_bp: u64,
    /// Bases read at once, flanks included; longer regions are cut.
    pub window_bp: u64,
    /// What is told.
    pub stat: AttentionStat,
    /// Layers.
    pub layer: Pick,
    /// Attention heads.
    pub attention_head: Pick,
}

impl AttentionPlan {
    /// Number of windows.
    pub fn window_count(&self) -> u64 {
        self.region.len_bp().div_ceil(self.core_bp())
    }

    /// What is read first, on the contig.
    pub fn first_window(&self) -> Range<u64> {
        self.window_around(self.core_from(self.region.start_bp))
    }

    /// Tokens of the longest window, as far as the bases of the first tell.
    ///
    /// # Errors
    /// When there are bytes that stand for no base.
    pub fn longest_tokens(&self, first: &[u8], tokenizer: &Tokenizer) -> Result<u64, AnalysisError> {
        let tokens = tokenizer.encode(first)?.ids.len() as u64;
        let longest_bp = self.window_bp.min(self.region.len_bp());
        Ok((tokens * longest_bp).div_ceil((first.len() as u64).max(1)))
    }

    /// Memory that a window of so many tokens takes with a model, weights apart, in bytes.
    pub fn pass_bytes(&self, config: &Config, tokens: u64, on_gpu: bool) -> u64 {
        let averaged = if self.layer == Pick::Mean { config.num_hidden_layers as u64 } else { 1 };
        let observed = match self.stat {
            AttentionStat::Map { .. } | AttentionStat::Top { .. } => {
                Observed { attentions: averaged, packed: averaged, states: 0 }
            }
            AttentionStat::Rollout { .. } => {
                Observed { attentions: 1, packed: 0, states: config.num_hidden_layers as u64 }
            }
            _ => Observed { attentions: 1, ..Observed::default() },
        };
        config.pass_bytes(&EncoderPass { positions: tokens, observed: Some(observed), on_gpu })
    }

    fn core_from(&self, start_bp: u64) -> Range<u64> {
        start_bp..start_bp.saturating_add(self.core_bp()).min(self.region.end_bp)
    }

    fn window_around(&self, core: Range<u64>) -> Range<u64> {
        core.start.saturating_sub(self.flank_bp())..(core.end + self.flank_bp()).min(self.contig_bp)
    }

    fn flank_bp(&self) -> u64 {
        if self.region.len_bp() <= self.window_bp { 0 } else { self.window_bp / FLANK_SHARE }
    }

    fn core_bp(&self) -> u64 {
        (self.window_bp - 2 * self.flank_bp()).max(1)
    }

    /// Refuses what cannot be told of the region.
    fn check(&self, tokenizer: &Tokenizer) -> Result<(), AnalysisError> {
        let refused = |reason: String| Err(AnalysisError::Request(reason));
        if self.stat.needs_one_window() && self.window_count() > 1 {
            return refused(format!(
                "the region of {} bases is longer than the window of {}, and {} cannot be told across windows: read it \
                 at once with --window-tokens whole, or name a shorter region",
                self.region.len_bp(),
                self.window_bp,
                self.stat.name()
            ));
        }
        if let Some(position_bp) = self.stat.position_bp()
            && !(self.region.start_bp..self.region.end_bp).contains(&position_bp)
        {
            return refused(format!("position {} lies outside the region {}", position_bp + 1, self.region));
        }
        let needs_first = matches!(self.stat, AttentionStat::Cls | AttentionStat::Rollout { position_bp: None });
        if needs_first && tokenizer.special().cls.is_none() {
            return refused("this model has no token before the sequence; name a position with --query".to_owned());
        }
        let averaged = (self.layer, self.attention_head) == (Pick::Mean, Pick::Mean);
        if matches!(self.stat, AttentionStat::Rollout { .. }) && !averaged {
            let reason = "rollout goes through all layers and attention heads: leave --layer and --attention-head out";
            return refused(reason.to_owned());
        }
        Ok(())
    }
}

/// Part of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// The next values of a track.
    Track(Track),
    /// A whole map, or the partners of the next tokens.
    Pairs(AttentionPairs),
}

/// Names of layer and attention head of each track, map or list, `mean` where averaged.
///
/// # Errors
/// When the model has no such layer or attention head.
pub fn track_names(model: &Model, plan: &AttentionPlan) -> Result<Vec<(String, String)>, AnalysisError> {
    let names = pairs(model, plan)?.into_iter();
    Ok(names.map(|(layers, heads)| (plan.layer.name(&layers), plan.attention_head.name(&heads))).collect())
}

/// What the caller gives and takes while attention over a region is computed.
pub trait AttentionHost {
    /// The bases of a stretch of the contig.
    ///
    /// # Errors
    /// When they cannot be read.
    fn bases(&mut self, range: Range<u64>) -> Result<Vec<u8>, AnalysisError>;

    /// Takes the next part of a track, map or list, by its number.
    fn part(&mut self, number: usize, part: Part);

    /// Told after each window how many there were; an error stops the work.
    ///
    /// # Errors
    /// [`AnalysisError::Cancelled`] when the work shall stop.
    fn done(&mut self, windows: u64) -> Result<(), AnalysisError>;

    /// The model on the processor, to go on with when the device fails.
    ///
    /// # Errors
    /// The fault, or that the model cannot be loaded again.
    fn on_processor(&mut self, fault: KernelError) -> Result<Model, AnalysisError>;
}

/// What attention does over a region; tells how many bases of the region the model was given as unknown.
///
/// # Errors
/// When the region does not allow what is asked, bases cannot be read, or the work is stopped.
pub fn attention(
    model: &Model,
    tokenizer: &Tokenizer,
    plan: &AttentionPlan,
    conduct: &Conduct,
    host: &mut dyn AttentionHost,
) -> Result<u64, AnalysisError> {
    plan.check(tokenizer)?;
    let mut spare: Option<Model> = None;
    let groups = pairs(model, plan)?;
    let names = track_names(model, plan)?;
    let mut core_start = plan.region.start_bp;
    let mut windows = 0;
    let mut unknown_bp = 0;
    while core_start < plan.region.end_bp {
        let core_end = plan.core_from(core_start).end;
        let around = plan.window_around(core_start..core_end);
        let read = host.bases(around.clone())?;
        let batch = Batch::new(&[&read], tokenizer)?;
        // Windows overlap, so that letters are counted in the cores, which do not.
        if batch.unknown_bp > 0 {
            let core = offset(around.start, core_start)..offset(around.start, core_end);
            unknown_bp += read[core].iter().filter(|letter| !is_base(**letter)).count() as u64;
        }
        let placed = tokens_inside(&batch.spans[0], around.start, core_start..core_end);
        let core = core_start..core_end;
        let answers = loop {
            let model = spare.as_ref().unwrap_or(model);
            let (batch, placed, core) = (&batch, &placed, core.clone());
            let window = Window { model, batch, placed, core, start_bp: around.start, conduct };
            match on_device(&model.network.device(), || window.answers(plan.stat, &groups)) {
                Ok(answers) => break answers?,
                Err(fault) => spare = Some(host.on_processor(fault)?),
            }
        };
        if conduct.watch.is_stopped() {
            return Err(AnalysisError::Cancelled);
        }
        match answers {
            Answers::Values(values) => {
                for (number, (values, name)) in values.into_iter().zip(&names).enumerate() {
                    host.part(number, Part::Track(track(plan, name, core_start..core_end, &placed, values)));
                }
            }
            Answers::Pairs(found) => {
                for (number, pairs) in found.into_iter().enumerate() {
                    host.part(number, Part::Pairs(pairs));
                }
            }
        }
        core_start = core_end;
        windows += 1;
        host.done(windows)?;
    }
    Ok(unknown_bp)
}

/// One value for each token of a core.
fn track(
    plan: &AttentionPlan,
    (layer, head): &(String, String),
    core: Range<u64>,
    placed: &[Placed],
    values: Vec<f32>,
) -> Track {
    Track {
        name: format!("{}, layer {layer}, attention head {head}", plan.stat.title()),
        label: format!("{}:{layer}:{head}", plan.stat.name()),
        unit: plan.stat.unit().to_owned(),
        region: Region::new(plan.region.contig.clone(), core.start, core.end),
        strand: Strand::Forward,
        layout: TrackLayout::Spans(placed.iter().map(|placed| placed.span_bp).collect()),
        values,
        missing: Vec::new(),
    }
}

fn offset(start_bp: u64, position_bp: u64) -> usize {
    usize::try_from(position_bp - start_bp).unwrap_or(usize::MAX)
}

fn pairs(model: &Model, plan: &AttentionPlan) -> Result<Vec<Groups>, AnalysisError> {
    let heads = plan.attention_head.groups(model.config.num_attention_heads, "attention head")?;
    let layers = plan.layer.groups(model.config.num_hidden_layers, "layer")?;
    Ok(layers.iter().flat_map(|layer| heads.iter().map(|head| (layer.clone(), head.clone()))).collect())
}

/// A token that covers part of a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Placed {
    /// Its number in the window.
    token: usize,
    /// The part of its span inside the core, on the contig.
    span_bp: (u64, u64),
}

/// The tokens that cover the core.
fn tokens_inside(spans: &[Option<(usize, usize)>], window_start: u64, core: Range<u64>) -> Vec<Placed> {
    let placed = spans.iter().enumerate().filter_map(|(token, span)| {
        let (start, end) = (*span)?;
        let (start, end) = (window_start + start as u64, window_start + end as u64);
        let span_bp = (start.max(core.start), end.min(core.end));
        (span_bp.0 < span_bp.1).then_some(Placed { token, span_bp })
    });
    placed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_cut_at_the_core() {
        let spans = [None, Some((0, 4)), Some((4, 9)), Some((9, 12)), None];
        let placed = |token, span_bp| Placed { token, span_bp };
        assert_eq!(tokens_inside(&spans, 100, 102..109), [placed(1, (102, 104)), placed(2, (104, 109))]);
    }
}
