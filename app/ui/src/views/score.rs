//! A score or attention track: what is written beside it, its ground, and its reading under the pointer.

use egui::{Align, Align2, Color32, CursorIcon, Id, Rangef, Rect, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2};

use super::{
    canvas::{Row, gutter_text},
    curve,
};
use crate::{
    locus::length,
    scale::Scale,
    screen::{Action, Screen},
    state::{
        ATTENTION_LIMIT_BP, State,
        lanes::{Lane, LaneKind, Reading},
        pieces::Layer,
    },
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, row: Row, scale: &Scale, state: &State, lane: &Lane, first: bool, screen: &mut Screen) {
    let palette = Palette::of(ui);
    let colour = match lane.kind {
        LaneKind::Score => palette.track(lane.colour),
        LaneKind::Attention => palette.attention,
    };
    let plot = Rect::from_x_y_ranges(row.plot.x_range(), Rangef::new(row.plot.top() + 8.0, row.plot.bottom() - 10.0));
    let layers = state.layers(lane);
    ground(ui, plot, scale, &layers, palette);
    axis(ui, plot, lane, palette);
    for layer in &layers {
        curve::paint(ui, plot, scale, layer, lane.range, colour, palette);
    }
    notes(ui, plot, scale, state, lane, &layers, first, palette);
    let reading = screen.cursor_bp.map(|bp| state.reading(lane, bp));
    gutter(ui, row.gutter, plot, state, lane, colour, reading.as_ref(), palette);

    let response =
        ui.interact(plot, Id::unique(("lane", &lane.key, lane.kept, lane.kind == LaneKind::Attention)), Sense::hover());
    let spoken = spoken(state, lane, reading.as_ref());
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, &spoken));
    if let Some(value) = state.threshold(lane).filter(|_| !layers.is_empty()) {
        threshold(ui, plot, lane, value, palette, screen);
    }
}

/// Scored stretches stand on the canvas, the rest on a shade of it.
fn ground(ui: &Ui, plot: Rect, scale: &Scale, layers: &[Layer<'_>], palette: &Palette) {
    ui.painter().rect_filled(plot, 2.0, palette.unscored);
    for &(start_bp, end_bp) in layers.iter().flat_map(|layer| &layer.parts) {
        let x = Rangef::new(scale.px_from_bp(start_bp as f64), scale.px_from_bp(end_bp as f64));
        let part = Rect::from_x_y_ranges(x, plot.y_range()).intersect(plot);
        if part.is_positive() {
            ui.painter().rect_filled(part, 0.0, palette.canvas);
        }
    }
}

/// Lines at the ends and the middle of the range, with the values at the ends.
fn axis(ui: &Ui, plot: Rect, lane: &Lane, palette: &Palette) {
    let painter = ui.painter();
    let (low, high) = lane.range;
    for (share, value) in [(0.0, low), (0.5, f32::midpoint(low, high)), (1.0, high)] {
        let y = painter.round_to_pixel_center(plot.bottom() - plot.height() * share);
        let colour = if share == 0.0 { palette.border } else { palette.hairline };
        painter.hline(plot.x_range(), y, Stroke::new(1.0, colour));
        if share == 0.5 {
            continue;
        }
        let text = axis_number(value);
        let galley = painter.layout_no_wrap(text, theme::mono(10.0), palette.faint);
        // A long number would run into the lane's name: it stands inside.
        let at = if galley.size().x <= 8.0 {
            Align2::RIGHT_CENTER.anchor_size(pos2(plot.left() - 5.0, y), galley.size())
        } else {
            Align2::LEFT_TOP.anchor_size(pos2(plot.left() + 4.0, y + 2.0), galley.size())
        };
        painter.galley(at.min, galley, palette.faint);
    }
}

/// What is said inside the plot: why it is empty, or that its windows are longer than any in training.
#[expect(clippy::too_many_arguments, reason = "all of them are what a lane is drawn from")]
fn notes(
    ui: &Ui,
    plot: Rect,
    scale: &Scale,
    state: &State,
    lane: &Lane,
    layers: &[Layer<'_>],
    first: bool,
    palette: &Palette,
) {
    let (from, to) = (scale.first_bp(), scale.end_bp());
    let seen: Vec<_> = layers.iter().filter(|layer| layer.overlaps(from, to)).collect();
    if seen.is_empty() {
        let long = to - from > ATTENTION_LIMIT_BP;
        let limit = length(ATTENTION_LIMIT_BP);
        let say = |text: &str| say(ui, plot, text, palette);
        match lane.kind {
            _ if state.is_coming(lane) => say("On its way …"),
            LaneKind::Score if first => say("Not scored here yet. Ctrl+Enter scores what is in view."),
            LaneKind::Score => {}
            LaneKind::Attention if long => {
                say(&format!("Attention is computed for up to {limit} at once: zoom in and score."));
            }
            LaneKind::Attention => say("No attention here yet. Ctrl+Enter computes it for what is in view."),
        }
    }
    if seen.iter().any(|layer| layer.record.is_some_and(|record| record.beyond_trained_length)) {
        let galley =
            ui.painter().layout_no_wrap("beyond trained length".to_owned(), theme::semibold(11.0), palette.warning);
        let mark = Align2::RIGHT_TOP.anchor_size(plot.right_top() + egui::vec2(-8.0, 6.0), galley.size());
        ui.painter().rect_filled(mark.expand2(egui::vec2(6.0, 3.0)), 4.0, palette.warning_soft);
        ui.painter().galley(mark.min, galley, palette.warning);
    }
}

/// Writes into the middle of a plot, in as many lines as it takes.
fn say(ui: &Ui, plot: Rect, text: &str, palette: &Palette) {
    let width = plot.width() - 16.0;
    let mut job = egui::text::LayoutJob::simple(text.to_owned(), theme::regular(12.0), palette.faint, width);
    job.halign = Align::Center;
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(pos2(plot.center().x, plot.center().y - galley.size().y / 2.0), galley, palette.faint);
}

#[expect(clippy::too_many_arguments, reason = "all of them are what a gutter shows")]
fn gutter(
    ui: &Ui,
    gutter: Rect,
    plot: Rect,
    state: &State,
    lane: &Lane,
    colour: Color32,
    reading: Option<&Reading>,
    palette: &Palette,
) {
    let swatch = Rect::from_min_size(pos2(gutter.left(), plot.top()), egui::vec2(4.0, plot.height()));
    ui.painter().rect_filled(swatch, 2.0, colour);
    let mut text = gutter;
    text.min.x += 12.0;
    text.max.x -= 14.0;
    let line = |y: f32, words: &str, font, ink| gutter_text(ui, text, plot.top() + y, words, font, ink);
    line(7.0, &lane.name, theme::semibold(13.0), palette.text);
    let highest = || {
        let region = state.genome.as_ref().map(crate::state::Genome::region)?;
        state.extent(lane, &region).map(|extent| extent.high)
    };
    match reading {
        Some(Reading::Value(value)) => {
            line(28.0, &number(*value), theme::mono(15.0), colour);
            line(46.0, &lane.unit, theme::regular(11.0), palette.weak);
        }
        Some(Reading::Missing(reason)) => {
            line(28.0, "no value", theme::regular(12.0), palette.text);
            line(46.0, reason, theme::regular(11.0), palette.weak);
        }
        Some(Reading::NotScored) => line(28.0, "not scored", theme::regular(11.5), palette.weak),
        None => {
            line(25.0, lane.of.as_ref().unwrap_or(&lane.unit), theme::regular(11.5), palette.weak);
            if let Some(high) = highest() {
                line(43.0, &format!("max {}", number(high)), theme::mono(11.0), palette.weak);
            }
        }
    }
}

/// A line across the track that can be dragged.
fn threshold(ui: &Ui, plot: Rect, lane: &Lane, value: f32, palette: &Palette, screen: &mut Screen) {
    let (low, high) = lane.range;
    let y = plot.bottom() - plot.height() * ((value - low) / (high - low));
    let grip =
        Rect::from_x_y_ranges(Rangef::new(plot.right() - 2.0, plot.right() + 40.0), Rangef::new(y - 8.0, y + 8.0));
    let response = ui.interact(grip, Id::unique(("threshold", &lane.key, lane.kept)), Sense::drag());
    response.widget_info(|| WidgetInfo::slider(true, f64::from(value), format!("Threshold of {}", lane.name)));
    if response.dragged()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        let share = ((plot.bottom() - pointer.y) / plot.height()).clamp(0.0, 1.0);
        let rounded = ((low + share * (high - low)) * 100.0).round() / 100.0;
        screen.act(Action::Threshold(lane.key.label.clone(), rounded));
    }
    let active = response.hovered() || response.dragged();
    let ink = if active { palette.text } else { palette.faint };
    let line = [pos2(plot.left(), y), pos2(plot.right() + 4.0, y)];
    ui.painter().extend(Shape::dashed_line(&line, Stroke::new(1.0, ink.gamma_multiply(0.7)), 4.0, 4.0));
    let galley = ui.painter().layout_no_wrap(format!("{value:.2}"), theme::mono(10.5), ink);
    let label = Align2::LEFT_CENTER.anchor_size(pos2(plot.right() + 8.0, y), galley.size());
    ui.painter().galley(label.min, galley, ink);
    response.on_hover_text("Drag to move the threshold").on_hover_cursor(CursorIcon::ResizeVertical);
}

/// The lane as a sentence, for screen readers.
fn spoken(state: &State, lane: &Lane, reading: Option<&Reading>) -> String {
    let region = state.genome.as_ref().map(crate::state::Genome::region);
    let extent = region.and_then(|region| state.extent(lane, &region));
    let high =
        extent.map_or("nothing scored in view".to_owned(), |extent| format!("highest in view {}", number(extent.high)));
    let here = match reading {
        Some(Reading::Value(value)) => format!(", {} under the pointer", number(*value)),
        Some(Reading::Missing(reason)) => format!(", no value under the pointer: {reason}"),
        Some(Reading::NotScored) | None => String::new(),
    };
    format!("Track {}, {}: {high}{here}", lane.name, lane.unit)
}

fn number(value: f32) -> String {
    let size = value.abs();
    match size {
        _ if size != 0.0 && size < 0.001 => format!("{value:.1e}"),
        _ if size < 10.0 => format!("{value:.3}"),
        _ => format!("{value:.1}"),
    }
}

/// A number at the end of an axis, as short as it can be.
fn axis_number(value: f32) -> String {
    let text = if value != 0.0 && value.abs() < 0.001 { format!("{value:.0e}") } else { format!("{value:.3}") };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
