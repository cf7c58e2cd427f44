//! Attention received, as a track of token spans.

use std::{iter::once, ops::Range};

use strandscope_genome::{Region, Strand, Track, TrackLayout};
use strandscope_kernels::{Conduct, Statistics};
use strandscope_models::{
    dnagrinder::{Pass, Seen},
    folder::Model,
};
use strandscope_tokens::Tokenizer;

use crate::{
    AnalysisError,
    batch::{Batch, is_base},
};

/// Context on each side of a window, as a share of it.
const FLANK_SHARE: u64 = 8;

/// Which layers or attention heads a track shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The mean of them.
    Mean,
    /// Each.
    All,
    /// This one, counted from 0.
    One(usize),
}

impl Shown {
    /// The groups of `count` that are averaged to one track each.
    ///
    /// # Errors
    /// When there is no such one; `what` names it.
    fn groups(self, count: usize, what: &str) -> Result<Vec<Range<usize>>, AnalysisError> {
        match self {
            Self::Mean => Ok(once(0..count).collect()),
            Self::All => Ok((0..count).map(|index| index..index + 1).collect()),
            Self::One(index) if index < count => Ok(once(index..index + 1).collect()),
            Self::One(index) => Err(AnalysisError::Request(format!(
                "there is no {what} {index}: the model has {count}, counted from 0"
            ))),
        }
    }

    /// What a track of `group` is called: by what was asked for, so that the mean of a single one is still `mean`.
    fn name(self, group: &Range<usize>) -> String {
        match self {
            Self::Mean => "mean".to_owned(),
            Self::All | Self::One(_) => group.start.to_string(),
        }
    }
}

/// How attention over a region is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttentionPlan {
    /// Where.
    pub region: Region,
    /// Length of the contig.
    pub contig_bp: u64,
    /// Bases read at once, flanks included; longer regions are cut.
    pub window_bp: u64,
    /// Layers.
    pub layer: Shown,
    /// Attention heads.
    pub attention_head: Shown,
}

impl AttentionPlan {
    /// Number of windows.
    pub fn window_count(&self) -> u64 {
        self.region.len_bp().div_ceil(self.core_bp())
    }

    fn flank_bp(&self) -> u64 {
        if self.region.len_bp() <= self.window_bp { 0 } else { self.window_bp / FLANK_SHARE }
    }

    fn core_bp(&self) -> u64 {
        (self.window_bp - 2 * self.flank_bp()).max(1)
    }
}

/// Names of layer and attention head of each track, `mean` where averaged.
///
/// # Errors
/// When the model has no such layer or attention head.
pub fn track_names(model: &Model, plan: &AttentionPlan) -> Result<Vec<(String, String)>, AnalysisError> {
    let names = pairs(model, plan)?.into_iter();
    Ok(names.map(|(layers, heads)| (plan.layer.name(&layers), plan.attention_head.name(&heads))).collect())
}

/// Attention that each token of a region receives, summed over the queries of its window; tells how many bases of the
/// region the model was given as unknown.
///
/// `bases` reads a stretch of the contig; `part` takes the next part of a track and, after the last track of a
/// window, is asked whether to go on by `go_on`.
///
/// # Errors
/// When bases cannot be read, the device fails, or the work is stopped.
pub fn attention_received(
    model: &Model,
    tokenizer: &Tokenizer,
    plan: &AttentionPlan,
    conduct: &Conduct,
    bases: &mut dyn FnMut(Range<u64>) -> Result<Vec<u8>, AnalysisError>,
    part: &mut dyn FnMut(usize, Track),
    go_on: &mut dyn FnMut(u64) -> Result<(), AnalysisError>,
) -> Result<u64, AnalysisError> {
    let names = track_names(model, plan)?;
    let mut core_start = plan.region.start_bp;
    let mut windows = 0;
    let mut unknown_bp = 0;
    while core_start < plan.region.end_bp {
        let core_end = core_start.saturating_add(plan.core_bp()).min(plan.region.end_bp);
        let window = window_around(core_start..core_end, plan);
        let read = bases(window.clone())?;
        let batch = Batch::new(&[&read], tokenizer)?;
        // Windows overlap, so that letters are counted in the cores, which do not.
        if batch.unknown_bp > 0 {
            let core = offset(window.start, core_start)..offset(window.start, core_end);
            unknown_bp += read[core].iter().filter(|letter| !is_base(**letter)).count() as u64;
        }
        let received = received_by_layer(model, &batch, conduct);
        if conduct.watch.is_stopped() {
            return Err(AnalysisError::Cancelled);
        }
        let (tokens, spans) = tokens_inside(&batch.spans[0], window.start, core_start..core_end);
        for (number, (groups, (layer, head))) in pairs(model, plan)?.into_iter().zip(&names).enumerate() {
            let values = tokens.iter().map(|&token| mean(&received, &groups, token)).collect();
            let label = format!("received:{layer}:{head}");
            part(
                number,
                Track {
                    name: format!("attention received, layer {layer}, attention head {head}"),
                    label,
                    unit: "sum of weights".to_owned(),
                    region: Region::new(plan.region.contig.clone(), core_start, core_end),
                    strand: Strand::Forward,
                    layout: TrackLayout::Spans(spans.clone()),
                    values,
                    missing: Vec::new(),
                },
            );
        }
        core_start = core_end;
        windows += 1;
        go_on(windows)?;
    }
    Ok(unknown_bp)
}

fn offset(start_bp: u64, position_bp: u64) -> usize {
    usize::try_from(position_bp - start_bp).unwrap_or(usize::MAX)
}

/// A group of layers and a group of attention heads.
type Groups = (Range<usize>, Range<usize>);

fn pairs(model: &Model, plan: &AttentionPlan) -> Result<Vec<Groups>, AnalysisError> {
    let heads = plan.attention_head.groups(model.config.num_attention_heads, "attention head")?;
    let layers = plan.layer.groups(model.config.num_hidden_layers, "layer")?;
    Ok(layers.iter().flat_map(|layer| heads.iter().map(|head| (layer.clone(), head.clone()))).collect())
}

fn window_around(core: Range<u64>, plan: &AttentionPlan) -> Range<u64> {
    core.start.saturating_sub(plan.flank_bp())..(core.end + plan.flank_bp()).min(plan.contig_bp)
}

/// `[layer][head][token]`.
fn received_by_layer(model: &Model, batch: &Batch, conduct: &Conduct) -> Vec<Vec<Vec<f32>>> {
    let device = model.network.device();
    let ids = batch.ids(&device);
    let tokens = ids.dims()[1];
    let ones = vec![1.0; batch.rows() * tokens];
    let mut layers = Vec::new();
    let mut observe = |_: usize, seen: &Seen<'_>| {
        let columns = Statistics::new(seen.input, &seen.attention.log_sum_exp, conduct).columns(&[&ones]);
        layers.push(columns.sums.chunks(tokens.max(1)).map(<[f32]>::to_vec).collect());
    };
    let mut pass = Pass { conduct: conduct.clone(), observe: Some(&mut observe), ..Pass::default() };
    model.network.encode(ids, batch.segments().as_ref(), &mut pass);
    layers
}

/// The tokens that cover the core, and the parts of their spans inside it, on the contig.
fn tokens_inside(
    spans: &[Option<(usize, usize)>],
    window_start: u64,
    core: Range<u64>,
) -> (Vec<usize>, Vec<(u64, u64)>) {
    let placed = spans.iter().enumerate().filter_map(|(token, span)| {
        let (start, end) = (*span)?;
        let (start, end) = (window_start + start as u64, window_start + end as u64);
        let cut = (start.max(core.start), end.min(core.end));
        (cut.0 < cut.1).then_some((token, cut))
    });
    placed.unzip()
}

fn mean(received: &[Vec<Vec<f32>>], (layers, heads): &Groups, token: usize) -> f32 {
    let values = received[layers.clone()].iter().flat_map(|layer| layer[heads.clone()].iter().map(|head| head[token]));
    values.sum::<f32>() / (layers.len() * heads.len()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_cut_at_the_core() {
        let spans = [None, Some((0, 4)), Some((4, 9)), Some((9, 12)), None];
        let (tokens, places) = tokens_inside(&spans, 100, 102..109);
        assert_eq!(tokens, [1, 2]);
        assert_eq!(places, [(102, 104), (104, 109)]);
    }

    #[test]
    fn a_layer_that_is_not_there_is_named() {
        let error = Shown::One(6).groups(6, "layer").expect_err("layers are counted from 0");
        assert!(error.to_string().contains("layer 6"), "{error}");
    }

    #[test]
    fn the_only_layer_is_named_by_what_was_asked_for() {
        for (shown, name) in [(Shown::One(0), "0"), (Shown::All, "0"), (Shown::Mean, "mean")] {
            let groups = shown.groups(1, "layer").expect("there is one");
            assert_eq!(groups.iter().map(|group| shown.name(group)).collect::<Vec<_>>(), [name], "{shown:?}");
        }
    }
}
