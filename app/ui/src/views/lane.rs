//! A lane's plot: its ground, its axis, what it shows, and what it says where there is nothing to show.

use egui::{Align, Align2, Color32, CursorIcon, Id, Rangef, Rect, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2};

use super::{
    canvas::{Column, Stand},
    difference, features, marks, missing, sequence, tokens, translation, values,
};
use crate::{
    locus::length,
    screen::{Action, Screen},
    state::{
        ATTENTION_LIMIT_BP, State,
        axis::{Axis, Style},
        lanes::{Ink, Lane, LaneId},
        pieces::Layer,
        reading::Reading,
    },
    theme::{self, Palette},
};

/// A lane of values is not lower than this; more lanes than fit are scrolled.
const LEAST_HEIGHT: f32 = 74.0;
/// Nor is it higher than this, or than this share of a tall window.
const MOST_HEIGHT: (f32, f32) = (220.0, 0.28);
/// Height of a lane that tells something of another one.
const BESIDE: f32 = 40.0;
/// Height of a lane that is collapsed.
const COLLAPSED: f32 = 22.0;

/// Gives each lane its height: what the user gave it, what its kind takes, or a share of what is left.
pub(crate) fn give_heights(stands: &mut [Stand], state: &State, room: f32) {
    let fixed = |stand: &Stand| {
        let setting = &stand.lanes[0].setting;
        if setting.collapsed {
            return Some(COLLAPSED);
        }
        setting.height.or(match &stand.lanes[0].id {
            LaneId::Sequence => Some(34.0),
            LaneId::Tokens => Some(26.0),
            LaneId::Translation => Some(translation::HEIGHT),
            LaneId::Marks => Some(marks::HEIGHT),
            LaneId::File(id) if !stand.lanes[0].has_axis(state) => Some(features::height(state.file(*id))),
            LaneId::Score { .. } if stand.lanes[0].is_beside() => Some(BESIDE),
            _ => None,
        })
    };
    let taken: f32 = stands.iter().filter_map(fixed).sum();
    let free = stands.iter().filter(|stand| fixed(stand).is_none()).count().max(1) as f32;
    let most = MOST_HEIGHT.0.max(MOST_HEIGHT.1 * room);
    let share = ((room - taken - 6.0) / free).clamp(LEAST_HEIGHT, most).floor();
    for stand in stands {
        stand.height = fixed(stand).unwrap_or(share);
    }
}

/// The colour of a lane.
pub(crate) fn colour(lane: &Lane, palette: &Palette) -> Color32 {
    match lane.ink {
        Ink::Track(index) => palette.track(index),
        Ink::Attention => palette.attention,
        Ink::Own(colour) => palette.readable(colour),
        Ink::Plain => palette.weak,
    }
}

/// Draws what a stand shows of one locus.
pub(crate) fn plot(ui: &mut Ui, rect: Rect, stand: &Stand, column: &Column<'_>, state: &State, screen: &mut Screen) {
    let lane = &stand.lanes[0];
    match &lane.id {
        LaneId::Sequence => sequence::ui(ui, rect, column, state, screen),
        LaneId::Tokens => tokens::ui(ui, rect, column, state),
        LaneId::Translation => translation::ui(ui, rect, column, state),
        LaneId::Marks => marks::ui(ui, rect, column, state, screen),
        LaneId::File(id) if !lane.has_axis(state) => features::ui(ui, rect, lane, *id, column, state, screen),
        LaneId::Difference(pair) => difference::ui(ui, rect, pair, column, state),
        LaneId::Versus(pair) => difference::versus(ui, rect, pair, column, state),
        _ => of_values(ui, rect, stand, column, state, screen),
    }
}

/// The plot of lanes that have values on an axis.
fn of_values(ui: &mut Ui, rect: Rect, stand: &Stand, column: &Column<'_>, state: &State, screen: &mut Screen) {
    let palette = Palette::of(ui);
    let low = rect.height() < LEAST_HEIGHT;
    let y = if low { rect.y_range().shrink(2.0) } else { Rangef::new(rect.top() + 8.0, rect.bottom() - 10.0) };
    let plot = Rect::from_x_y_ranges(rect.x_range(), y);
    let contig = state.genome.as_ref().map_or("", |genome| genome.contig_of(column.locus).name.as_str());
    let first = &stand.lanes[0];
    for (at, lane) in stand.lanes.iter().enumerate() {
        let layers = state.layers(lane, contig);
        if at == 0 {
            ground(ui, plot, column, lane, &layers, palette);
            if !low {
                axis(ui, plot, &lane.axis, column.number == 0, palette);
            }
        }
        null_band(ui, plot, lane, column, contig, state, palette);
        values_of(ui, plot, lane, column, &layers, state, palette);
        if at == 0 {
            notes(ui, plot, column, state, lane, &layers, palette);
        }
        if let Some(value) = state.threshold(lane).filter(|_| !layers.is_empty() && !low) {
            calls(ui, plot, lane, column, state, palette);
            threshold(ui, plot, lane, value, column, palette, screen);
        }
    }
    if stand.lanes.len() == 2 {
        difference::together(ui, plot, &stand.lanes, column, state);
    }
    let response = ui.interact(plot, Id::unique(("lane", &first.id, column.number)), Sense::hover());
    if ui.ctx().pointer_latest_pos().is_some_and(|pointer| plot.contains(pointer))
        && matches!(first.id, LaneId::Score { .. })
    {
        screen.score_under_pointer = Some(first.id.clone());
    }
    let spoken: Vec<String> = stand.lanes.iter().map(|lane| spoken(state, lane, column)).collect();
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, spoken.join(". ")));
}

/// A band between the 5th and the 95th percentile of scores of shuffled bases.
fn null_band(ui: &Ui, plot: Rect, lane: &Lane, column: &Column<'_>, contig: &str, state: &State, palette: &Palette) {
    let Some([low, high]) = state.null_band(lane, contig) else { return };
    let steps = |layers: &[Layer<'_>]| -> Vec<values::Step> {
        layers.iter().flat_map(|layer| values::steps_of_layer(&column.scale, layer)).collect()
    };
    let y = |value: f32| plot.bottom() - plot.height() * lane.axis.share(value);
    let mut mesh = egui::Mesh::default();
    for (low, high) in steps(&low).iter().zip(&steps(&high)) {
        let (bottom, top) = (y(low.mean), y(high.high).min(y(low.mean) - 1.0));
        mesh.add_colored_rect(
            Rect::from_x_y_ranges(low.x, Rangef::new(top, bottom)),
            palette.faint.gamma_multiply(0.35),
        );
    }
    ui.painter_at(plot).add(mesh);
}

fn values_of(
    ui: &Ui,
    plot: Rect,
    lane: &Lane,
    column: &Column<'_>,
    layers: &[Layer<'_>],
    state: &State,
    palette: &Palette,
) {
    let painter = ui.painter_at(plot.expand2(egui::vec2(0.0, 2.0)));
    let ink = colour(lane, palette);
    let style = if lane.setting.collapsed { Style::Heat } else { lane.setting.style };
    let paint = |steps: &[values::Step]| values::paint(&painter, plot, &lane.axis, style, ink, steps);
    if let LaneId::File(id) = lane.id {
        if let Some(file) = state.file(id) {
            paint(&values::steps_of_file(&column.scale, file, column.locus.record));
        }
        return;
    }
    for layer in layers {
        missing::hatch(ui, plot, &column.scale, layer, palette);
        paint(&values::steps_of_layer(&column.scale, layer));
    }
}

/// Bars under the stretches that reach the threshold.
fn calls(ui: &Ui, plot: Rect, lane: &Lane, column: &Column<'_>, state: &State, palette: &Palette) {
    const HEIGHT: f32 = 4.0;
    let is_of_record = state.genome.as_ref().is_some_and(|genome| genome.record() == column.locus.record);
    let Some(calls) = state.calls_of(&lane.id).filter(|_| is_of_record) else { return };
    let (from, to) = (column.scale.first_bp(), column.scale.end_bp());
    let y = Rangef::new(plot.bottom(), plot.bottom() + HEIGHT);
    let pixel_bp = crate::scale::whole(column.scale.bp_per_px());
    let mut mesh = egui::Mesh::default();
    let mut rest = &calls.intervals[calls.intervals.partition_point(|interval| interval.1 <= from)..];
    while let Some(&(start_bp, end_bp)) = rest.first().filter(|interval| interval.0 < to) {
        let x = column.scale.px_range(start_bp, end_bp);
        let x = Rangef::new(x.min, x.max.max(x.min + 2.0));
        mesh.add_colored_rect(Rect::from_x_y_ranges(x, y), colour(lane, palette));
        // Of many in one pixel, one is drawn: a chromosome can have millions.
        rest = &rest[1..];
        rest = &rest[rest.partition_point(|interval| interval.1 <= start_bp + pixel_bp)..];
    }
    ui.painter_at(Rect::from_x_y_ranges(plot.x_range(), y)).add(mesh);
}

/// Scored stretches stand on the canvas, the rest on a shade of it.
fn ground(ui: &Ui, plot: Rect, column: &Column<'_>, lane: &Lane, layers: &[Layer<'_>], palette: &Palette) {
    if matches!(lane.id, LaneId::File(_)) {
        return;
    }
    ui.painter().rect_filled(plot, 2.0, palette.unscored);
    for &(start_bp, end_bp) in layers.iter().flat_map(|layer| &layer.parts) {
        let part = Rect::from_x_y_ranges(column.scale.px_range(start_bp, end_bp), plot.y_range()).intersect(plot);
        if part.is_positive() {
            ui.painter().rect_filled(part, 0.0, palette.canvas);
        }
    }
}

/// Lines at the ends and the middle of the axis, with the values at the ends.
pub(crate) fn axis(ui: &Ui, plot: Rect, axis: &Axis, with_numbers: bool, palette: &Palette) {
    let painter = ui.painter();
    for share in [0.0, 0.5, 1.0] {
        let y = painter.round_to_pixel_center(plot.bottom() - plot.height() * share);
        let colour = if share == axis.base() { palette.border } else { palette.hairline };
        painter.hline(plot.x_range(), y, Stroke::new(1.0, colour));
        if share == 0.5 || !with_numbers {
            continue;
        }
        let galley = painter.layout_no_wrap(axis_number(axis.value(share)), theme::mono(10.0), palette.faint);
        // A long number would run into the lane's name: it stands inside.
        let at = if galley.size().x <= 8.0 {
            Align2::RIGHT_CENTER.anchor_size(pos2(plot.left() - 5.0, y), galley.size())
        } else {
            let inside = if share == 0.0 { y - 2.0 } else { y + 2.0 };
            let anchor = if share == 0.0 { Align2::LEFT_BOTTOM } else { Align2::LEFT_TOP };
            anchor.anchor_size(pos2(plot.left() + 4.0, inside), galley.size())
        };
        painter.galley(at.min, galley, palette.faint);
    }
}

/// What is said inside the plot: why it is empty, or that its windows are longer than any in training.
fn notes(
    ui: &Ui,
    plot: Rect,
    column: &Column<'_>,
    state: &State,
    lane: &Lane,
    layers: &[Layer<'_>],
    palette: &Palette,
) {
    let Some(genome) = &state.genome else { return };
    let (from, to) = (column.scale.first_bp(), column.scale.end_bp());
    let seen: Vec<_> = layers.iter().filter(|layer| layer.overlaps(from, to)).collect();
    if seen.is_empty() {
        let limit = length(ATTENTION_LIMIT_BP);
        let say = |text: &str| say(ui, plot, text, palette);
        match &lane.id {
            LaneId::File(_) => {}
            _ if state.is_coming(lane, &genome.region_of(column.locus)) => say("On its way …"),
            LaneId::Score { .. } if !state.is_first_score(lane) => {}
            LaneId::Score { .. } => say("Not scored here yet. Ctrl+Enter scores what is in view."),
            LaneId::Attention if to - from > ATTENTION_LIMIT_BP => {
                say(&format!("Attention is computed for up to {limit} at once: zoom in and score."));
            }
            _ => say("No attention here yet. Ctrl+Enter computes it for what is in view."),
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
pub(crate) fn say(ui: &Ui, plot: Rect, text: &str, palette: &Palette) {
    let width = plot.width() - 16.0;
    let mut job = egui::text::LayoutJob::simple(text.to_owned(), theme::regular(12.0), palette.faint, width);
    job.halign = Align::Center;
    let galley = ui.painter().layout_job(job);
    let painter = ui.painter_at(plot);
    painter.galley(pos2(plot.center().x, plot.center().y - galley.size().y / 2.0), galley, palette.faint);
}

/// A line across the track that can be dragged at the right of the last locus.
fn threshold(
    ui: &Ui,
    plot: Rect,
    lane: &Lane,
    value: f32,
    column: &Column<'_>,
    palette: &Palette,
    screen: &mut Screen,
) {
    let LaneId::Score { key, .. } = &lane.id else { return };
    let y = plot.bottom() - plot.height() * lane.axis.share(value);
    let line = [pos2(plot.left(), y), pos2(plot.right() + 4.0, y)];
    let dashed = |ink: Color32| Shape::dashed_line(&line, Stroke::new(1.0, ink.gamma_multiply(0.7)), 4.0, 4.0);
    if !column.is_last {
        ui.painter().extend(dashed(palette.faint));
        return;
    }
    let grip =
        Rect::from_x_y_ranges(Rangef::new(plot.right() - 2.0, plot.right() + 40.0), Rangef::new(y - 8.0, y + 8.0));
    let response = ui.interact(grip, Id::unique(("threshold", &lane.id)), Sense::drag());
    response.widget_info(|| WidgetInfo::slider(true, f64::from(value), format!("Threshold of {}", lane.name)));
    if response.dragged()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        let value = lane.axis.value((plot.bottom() - pointer.y) / plot.height());
        screen.act(Action::Threshold(key.label.clone(), (value * 100.0).round() / 100.0));
    }
    let active = response.hovered() || response.dragged();
    let ink = if active { palette.text } else { palette.faint };
    ui.painter().extend(dashed(ink));
    let galley = ui.painter().layout_no_wrap(format!("{value:.2}"), theme::mono(10.5), ink);
    let label = Align2::LEFT_CENTER.anchor_size(pos2(plot.right() + 8.0, y), galley.size());
    ui.painter().galley(label.min, galley, ink);
    response.on_hover_text("Drag to move the threshold").on_hover_cursor(CursorIcon::ResizeVertical);
}

/// The lane as a sentence, for screen readers.
fn spoken(state: &State, lane: &Lane, column: &Column<'_>) -> String {
    let extent = state.extent(lane, column.locus);
    let high =
        extent.map_or("nothing scored in view".to_owned(), |extent| format!("highest in view {}", number(extent.high)));
    let here = match column.cursor_bp.map(|bp| state.reading(lane, column.locus, bp)) {
        Some(Reading::Value(value)) => format!(", {} under the pointer", number(value)),
        Some(Reading::Mean(value, width_bp)) => format!(", mean {} of {width_bp} bases", number(value)),
        Some(Reading::Missing(reason)) => format!(", no value under the pointer: {reason}"),
        Some(Reading::NotScored) | None => String::new(),
    };
    format!("Track {}, {}: {high}{here}", lane.name, lane.unit)
}

/// A value for people.
pub(crate) fn number(value: f32) -> String {
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
