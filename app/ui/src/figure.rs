//! What is seen, as plain data for whoever draws the picture.

use egui::{Color32, Rangef};
use strandscope_figure::{Figure, FigureColours, FigureStep, FigureTrack, Rgb};
use strandscope_worker::RunRecord;

use crate::{
    export,
    scale::{index, whole},
    screen::Screen,
    state::{State, TOKENS_IN_VIEW_BP, lanes::Lane, pieces::Layer, reading::reason_in_words},
    theme::Palette,
    views,
};

/// Most bases in view whose letters are shown.
const LETTERS_BP: u64 = 240;

/// What is in view; `None` when nothing is open. Figures are made for paper, hence light.
pub(crate) fn of_view(state: &State, screen: &Screen) -> Option<Figure> {
    let genome = state.genome.as_ref()?;
    let region = genome.region();
    let palette = Palette::for_paper();
    let head = state.head_entry().map(|entry| entry.card.title.clone());
    let lanes: Vec<Lane> = state.lanes().into_iter().filter(Lane::is_of_model).collect();
    let record = export::record(state, &lanes, &region);
    let model = record.as_ref().map(|record| record.model.clone());
    let subtitle = [Some(genome.file_name()), head, model].into_iter().flatten().collect::<Vec<_>>().join("  ·  ");
    let letters = region.len_bp() <= LETTERS_BP;
    let bases = (region.start_bp..region.end_bp).map_while(|bp| state.base_at(genome.record(), bp).filter(|_| letters));
    let with_tokens = region.len_bp() as f64 <= TOKENS_IN_VIEW_BP;
    let tokens =
        state.tokens.overlapping(genome.record(), region.start_bp, region.end_bp).flat_map(|(_, tokens)| tokens);
    let tokens = tokens
        .filter(|token| with_tokens && token.end_bp > region.start_bp && token.start_bp < region.end_bp)
        .map(|token| (token.start_bp, token.end_bp));
    let [a, c, g, t, n] = screen.base_colours.colours(false);
    Some(Figure {
        title: region.to_string(),
        subtitle,
        bases: bases.collect(),
        tokens: tokens.collect(),
        tracks: lanes.iter().map(|lane| track(state, lane, palette)).collect(),
        maps: Vec::new(),
        links: Vec::new(),
        provenance: record.as_ref().map_or_else(Vec::new, provenance),
        colours: FigureColours { bases: [a, c, g, t, n].map(rgb), ..FigureColours::PAPER },
        region,
    })
}

fn rgb(colour: Color32) -> Rgb {
    [colour.r(), colour.g(), colour.b()]
}

fn track(state: &State, lane: &Lane, palette: &Palette) -> FigureTrack {
    let colour = rgb(views::lane_colour(lane, palette));
    let Some(genome) = &state.genome else { return FigureTrack::default() };
    let layers = state.layers(lane, &genome.contig().name);
    let (from, to) = genome.view().range_bp();
    let mut steps: Vec<FigureStep> = layers.iter().flat_map(|layer| layer_steps(layer, from, to)).collect();
    steps.sort_by_key(|step| step.start_bp);
    let missing = layers.iter().flat_map(|layer| {
        let runs = layer.track.missing.iter().filter(|run| run.end_bp > from && run.start_bp < to);
        runs.map(|run| (run.start_bp.max(from), run.end_bp.min(to), reason_in_words(&run.reason)))
    });
    FigureTrack {
        name: lane.of.as_ref().map_or_else(|| lane.name.clone(), |of| format!("{}, {of}", lane.name)),
        unit: lane.unit.clone(),
        colour,
        range: (lane.axis.low, lane.axis.high),
        steps,
        missing: missing.collect(),
        threshold: state.threshold(lane),
    }
}

/// The values of a layer in `from..to`, one step each, or the extents of columns where there are too many.
fn layer_steps(layer: &Layer<'_>, from: u64, to: u64) -> Vec<FigureStep> {
    let mut steps = Vec::new();
    for &(start_bp, end_bp) in &layer.parts {
        let (from, to) = (start_bp.max(from), end_bp.min(to));
        if from >= to {
            continue;
        }
        let values = layer.track.values_in(from, to);
        if values.len() <= index(FigureTrack::COLUMNS) {
            steps.extend(values.filter_map(|at| {
                let value = layer.track.values.get(at).copied().filter(|value| value.is_finite())?;
                let (start_bp, end_bp) = layer.track.span_of(at);
                Some(FigureStep { start_bp: start_bp.max(from), end_bp: end_bp.min(to), low: value, high: value })
            }));
        } else {
            let x = Rangef::new(0.0, FigureTrack::COLUMNS as f32);
            let scale = crate::scale::Scale::new(from as f64, (to - from) as f64, x);
            steps.extend((0..FigureTrack::COLUMNS).filter_map(|column| {
                let edge = |column: u64| whole(scale.bp_from_px(column as f32).round());
                let (start_bp, end_bp) = (edge(column), edge(column + 1));
                let extent = layer.extent(start_bp, end_bp)?;
                Some(FigureStep { start_bp, end_bp, low: extent.low, high: extent.high })
            }));
        }
    }
    steps
}

/// Where the numbers come from, one line each.
fn provenance(record: &RunRecord) -> Vec<String> {
    record.pairs().into_iter().map(|(key, value)| format!("{key}: {value}")).collect()
}

#[cfg(test)]
mod tests {
    use strandscope_figure::ATTENTION;

    use super::*;

    #[test]
    fn paper_has_the_colours_of_the_light_window() {
        let (palette, paper) = (Palette::for_paper(), FigureColours::PAPER);
        let window = [palette.canvas, palette.text, palette.faint, palette.missing, palette.attention].map(rgb);
        assert_eq!(window, [paper.background, paper.text, paper.faint, paper.missing, ATTENTION]);
    }
}
