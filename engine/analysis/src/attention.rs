//! Where attention went, over a region: tracks of token spans, maps in bins, and the strongest partners.

mod asked;
mod pairs;
mod window;

use std::ops::Range;

use strandscope_genome::{Region, Strand, Track, TrackLayout};
use strandscope_kernels::Conduct;
use strandscope_models::{
    config::Sizes,
    memory::{EncoderPass, Observed},
    model::Model,
};
use strandscope_tokens::Tokenizer;

use crate::{
    AnalysisError,
    batch::{Batch, unknown_bp},
    device::with_spare,
    host::ReadHost,
    windows::{Cores, inside},
};
pub use asked::{AttentionStat, MapPool, Pick};
pub use pairs::{AttentionMap, AttentionPairs, Partner};
use window::{Answers, Groups, Window};

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
        self.cores().count()
    }

    /// Memory that a window of so many tokens takes with a model, weights apart, in bytes.
    pub fn pass_bytes(&self, sizes: &Sizes, tokens: u64, on_gpu: bool) -> u64 {
        let averaged = if self.layer == Pick::Mean { sizes.num_hidden_layers as u64 } else { 1 };
        let observed = match self.stat {
            AttentionStat::Map { .. } | AttentionStat::Top { .. } => {
                Observed { attentions: averaged, packed: averaged, states: 0 }
            }
            AttentionStat::Rollout { .. } => {
                Observed { attentions: 1, packed: 0, states: sizes.num_hidden_layers as u64 }
            }
            _ => Observed { attentions: 1, ..Observed::default() },
        };
        sizes.pass_bytes(&EncoderPass { positions: tokens, observed: Some(observed), on_gpu })
    }

    /// How the region is cut.
    pub fn cores(&self) -> Cores {
        let Self { region, contig_bp, window_bp, .. } = self;
        Cores { region: region.start_bp..region.end_bp, contig_bp: *contig_bp, window_bp: *window_bp }
    }

    /// Refuses what cannot be told of the region.
    fn check(&self, model: &Model, tokenizer: &Tokenizer) -> Result<(), AnalysisError> {
        let refused = |reason: String| Err(AnalysisError::Request(reason));
        if matches!(self.stat, AttentionStat::Rollout { .. }) && !model.network.reads_at_once() {
            let name = model.folder.name();
            return refused(format!(
                "model {name} reads a region piece by piece and hands a memory on, through which attention cannot be \
                 followed; ask for what each token receives, or another statistic of single layers"
            ));
        }
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
pub trait AttentionHost: ReadHost {
    /// Takes the next part of a track, map or list, by its number.
    fn part(&mut self, number: usize, part: Part);
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
    plan.check(model, tokenizer)?;
    let mut cores = plan.cores();
    let mut spare: Option<Model> = None;
    let groups = pairs(model, plan)?;
    let names = track_names(model, plan)?;
    let mut core_start = plan.region.start_bp;
    let mut unknown = 0;
    while core_start < plan.region.end_bp {
        let core = cores.core_from(core_start);
        let around = cores.window_around(&core);
        let read = host.bases(around.clone())?;
        let batch = Batch::new(&[&read], tokenizer)?;
        if let Err(error) = model.check_length(batch.longest()) {
            // A stretch with more tokens than others: from here on less is read at once.
            cores = cores.halved().filter(|_| !plan.stat.needs_one_window()).ok_or(error)?;
            continue;
        }
        // Windows overlap, so that letters are counted in the cores, which do not.
        if batch.unknown_bp > 0 {
            unknown += unknown_bp(&read, inside(&around, &core));
        }
        let placed = tokens_inside(&batch.spans[0], around.start, core.clone());
        let answers = with_spare(model, &mut spare, host, |model| {
            let (batch, placed, core) = (&batch, &placed, core.clone());
            Window::new(model, batch, placed, core, around.start, conduct).answers(plan.stat, &groups)
        })?;
        if conduct.watch.is_stopped() {
            return Err(AnalysisError::Cancelled);
        }
        match answers {
            Answers::Values(values) => {
                for (number, (values, name)) in values.into_iter().zip(&names).enumerate() {
                    host.part(number, Part::Track(track(plan, name, core.clone(), &placed, values)));
                }
            }
            Answers::Pairs(found) => {
                for (number, pairs) in found.into_iter().enumerate() {
                    host.part(number, Part::Pairs(pairs));
                }
            }
        }
        core_start = core.end;
        host.done(core_start - plan.region.start_bp)?;
    }
    Ok(unknown)
}

/// One value for each token of a core, or for each base where tokens overlap.
fn track(
    plan: &AttentionPlan,
    (layer, head): &(String, String),
    core: Range<u64>,
    placed: &[Placed],
    values: Vec<f32>,
) -> Track {
    let spans = placed.iter().map(|placed| placed.span_bp).collect();
    let (spans, values) = if overlap(placed) { of_bases(placed, &values, core.clone()) } else { (spans, values) };
    Track {
        name: format!("{}, layer {layer}, attention head {head}", plan.stat.title()),
        label: format!("{}:{layer}:{head}", plan.stat.name()),
        unit: plan.stat.unit().to_owned(),
        region: Region::new(plan.region.contig.clone(), core.start, core.end),
        strand: Strand::Forward,
        layout: TrackLayout::Spans(spans),
        values,
        missing: Vec::new(),
    }
}

fn overlap(placed: &[Placed]) -> bool {
    placed.windows(2).any(|pair| pair[1].span_bp.0 < pair[0].span_bp.1)
}

/// For each base of the core the mean over the tokens that cover it.
fn of_bases(placed: &[Placed], values: &[f32], core: Range<u64>) -> (Vec<(u64, u64)>, Vec<f32>) {
    let mut sums = vec![(0.0, 0u16); inside(&core, &core).len()];
    for (placed, value) in placed.iter().zip(values) {
        for (sum, count) in &mut sums[inside(&core, &(placed.span_bp.0..placed.span_bp.1))] {
            *sum += value;
            *count += 1;
        }
    }
    let covered = core.zip(sums).filter(|(_, (_, count))| *count > 0);
    covered.map(|(position, (sum, count))| ((position, position + 1), sum / f32::from(count))).unzip()
}

fn pairs(model: &Model, plan: &AttentionPlan) -> Result<Vec<Groups>, AnalysisError> {
    let heads = plan.attention_head.groups(model.sizes().num_attention_heads, "attention head")?;
    let layers = plan.layer.groups(model.sizes().num_hidden_layers, "layer")?;
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
    fn a_base_has_the_mean_of_the_tokens_that_cover_it() {
        let placed = [(10, 12), (10, 13), (11, 14)].map(|span_bp| Placed { token: 0, span_bp });
        assert!(overlap(&placed), "they share bases");
        let (spans, values) = of_bases(&placed, &[1.0, 2.0, 6.0], 10..14);
        assert_eq!(spans, [(10, 11), (11, 12), (12, 13), (13, 14)]);
        assert_eq!(values, [1.5, 3.0, 4.0, 6.0]);
    }

    #[test]
    fn spans_are_cut_at_the_core() {
        let spans = [None, Some((0, 4)), Some((4, 9)), Some((9, 12)), None];
        let placed = |token, span_bp| Placed { token, span_bp };
        assert_eq!(tokens_inside(&spans, 100, 102..109), [placed(1, (102, 104)), placed(2, (104, 109))]);
    }
}
