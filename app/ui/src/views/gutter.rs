//! What stands beside a lane: its name and reading, and how it is picked, moved, resized and changed.

use egui::{
    Align2, CursorIcon, FontId, Id, Popup, PopupCloseBehavior, Rangef, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2,
};

use super::{
    canvas::{Column, Stand},
    lane, lane_menu, sequence,
};
use crate::{
    icons::Icon,
    screen::{Action, LaneDrag, Screen},
    state::{
        State,
        arrangement::LANE_HEIGHTS,
        lanes::{Lane, LaneId},
        loci::Genome,
        reading::Reading,
    },
    theme::{self, Palette},
};

/// Lanes lower than this have room for their name alone.
const ROOM_FOR_READING: f32 = 56.0;

pub(crate) fn ui(ui: &mut Ui, rect: Rect, stand: &Stand, columns: &[Column<'_>], state: &State, screen: &mut Screen) {
    let palette = Palette::of(ui);
    let lane = &stand.lanes[0];
    let selected = stand.lanes.iter().any(|lane| state.arrangement.selected.contains(&lane.id));
    let ground = Rect::from_x_y_ranges(rect.x_range(), rect.y_range().shrink(2.0)).expand2(egui::vec2(6.0, 0.0));
    if selected {
        ui.painter().rect_filled(ground, 4.0, palette.accent_soft);
    }
    let response = ui.interact(ground, Id::unique(("gutter", &lane.id)), Sense::click_and_drag());
    let name = format!("Lane {}", lane.name);
    response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, selected, &name));
    if response.has_focus() {
        ui.painter().rect_stroke(ground, 4.0, Stroke::new(1.5, palette.accent), egui::StrokeKind::Inside);
    }
    if response.clicked() {
        let and_others = ui.input(|input| input.modifiers.command || input.modifiers.shift);
        screen.act(Action::SelectLane(lane.id.clone(), and_others));
    }
    drag(ui, &response, rect, lane, screen);
    let under_pointer = screen.cursor.and_then(|cursor| columns.get(cursor.locus));
    text(ui, rect, stand, columns, under_pointer, state, palette);
    menu(ui, rect, &response, stand, state, screen);
    edge(ui, rect, stand, screen);
}

/// The name, and what is known under the pointer or of all that is in view.
fn text(
    ui: &Ui,
    rect: Rect,
    stand: &Stand,
    columns: &[Column<'_>],
    cursor: Option<&Column<'_>>,
    state: &State,
    palette: &Palette,
) {
    let lane = &stand.lanes[0];
    match &lane.id {
        LaneId::Sequence | LaneId::Tokens | LaneId::Translation | LaneId::Marks => {
            let words = cursor.and_then(|column| under_cursor(lane, column, state));
            let (text, ink) = match words {
                Some(words) => (words, palette.text),
                None => (sequence::name(lane, columns), palette.weak),
            };
            write(ui, rect, rect.center().y, &text, theme::regular(12.0), ink);
            return;
        }
        _ => {}
    }
    let swatch = Rect::from_min_size(pos2(rect.left(), rect.top() + 6.0), egui::vec2(4.0, rect.height() - 12.0));
    for (at, lane) in stand.lanes.iter().enumerate() {
        let height = swatch.height() / stand.lanes.len() as f32;
        let part = Rect::from_min_size(pos2(swatch.left(), swatch.top() + at as f32 * height), egui::vec2(4.0, height));
        ui.painter().rect_filled(part, 2.0, lane::colour(lane, palette));
    }
    let beside = Rect::from_min_max(pos2(rect.left() + 12.0, rect.top()), pos2(rect.right() - 18.0, rect.bottom()));
    if rect.height() < ROOM_FOR_READING {
        write(ui, beside, rect.center().y, &names(stand), theme::semibold(12.0), palette.text);
        return;
    }
    if stand.lanes.len() > 1 {
        overlaid(ui, beside, stand, cursor, state, palette);
        return;
    }
    write(ui, beside, rect.top() + 15.0, &lane.name, theme::semibold(13.0), palette.text);
    // What is compared is told of B.
    let b = state.genome.as_ref().and_then(Genome::compared).map(|(_, b)| b);
    let told_of = if matches!(lane.id, LaneId::Versus(_)) { b.and_then(|b| columns.get(b)) } else { cursor };
    let reading = told_of.and_then(|column| Some(state.reading(lane, column.locus, column.cursor_bp?)));
    if lane.has_axis(state) {
        reading_of(ui, beside, lane, columns, reading.as_ref(), state, palette);
    } else if let LaneId::File(id) = lane.id
        && let Some(file) = state.file(id)
    {
        write(ui, beside, rect.top() + 33.0, file.summary.kind.name(), theme::regular(11.5), palette.weak);
    }
}

fn reading_of(
    ui: &Ui,
    beside: Rect,
    lane: &Lane,
    columns: &[Column<'_>],
    reading: Option<&Reading>,
    state: &State,
    palette: &Palette,
) {
    let line = |y: f32, words: &str, font, ink| write(ui, beside, beside.top() + y, words, font, ink);
    let colour = lane::colour(lane, palette);
    match reading {
        Some(Reading::Value(value)) => {
            line(36.0, &lane::number(*value), theme::mono(15.0), colour);
            line(54.0, &lane.unit, theme::regular(11.0), palette.weak);
        }
        Some(Reading::Mean(value, width_bp)) => {
            line(36.0, &lane::number(*value), theme::mono(15.0), colour);
            line(54.0, &format!("mean of {width_bp} bases"), theme::regular(11.0), palette.weak);
        }
        Some(Reading::Missing(reason)) => {
            line(36.0, "no value", theme::regular(12.0), palette.text);
            line(54.0, reason, theme::regular(11.0), palette.weak);
        }
        Some(Reading::NotScored) => line(36.0, "not scored", theme::regular(11.5), palette.weak),
        None => {
            line(31.0, lane.of.as_ref().unwrap_or(&lane.unit), theme::regular(11.5), palette.weak);
            if let Some(calls) = state.calls_of(&lane.id).filter(|calls| !calls.intervals.is_empty()) {
                line(61.0, &called(calls), theme::regular(11.0), palette.weak);
            }
            let extents = columns.iter().filter_map(|column| state.extent(lane, column.locus));
            if let Some(extent) = extents.reduce(crate::state::pyramid::Extent::and) {
                line(46.0, &format!("max {}", lane::number(extent.high)), theme::mono(11.0), palette.weak);
            }
        }
    }
}

/// How many stretches reach the threshold, and how long they are together.
fn called(calls: &crate::state::hits::Calls) -> String {
    let count = calls.intervals.len();
    let more = if calls.is_whole { "" } else { "+" };
    let noun = if count == 1 { "hit" } else { "hits" };
    format!("{}{more} {noun}, {}", strandscope_worker::genome::grouped(count as u64), crate::locus::length(calls.bases))
}

/// The names of lanes that are drawn over each other, with their readings.
fn overlaid(ui: &Ui, beside: Rect, stand: &Stand, cursor: Option<&Column<'_>>, state: &State, palette: &Palette) {
    for (at, lane) in stand.lanes.iter().enumerate() {
        let y = beside.top() + 15.0 + at as f32 * 17.0;
        if y > beside.bottom() - 6.0 {
            break;
        }
        let name = lane.full_name();
        let reading = cursor.and_then(|column| Some(state.reading(lane, column.locus, column.cursor_bp?)));
        let text = match reading {
            Some(Reading::Value(value) | Reading::Mean(value, _)) => format!("{} {name}", lane::number(value)),
            _ => name,
        };
        write(ui, beside, y, &text, theme::semibold(11.5), lane::colour(lane, palette));
    }
}

fn under_cursor(lane: &Lane, column: &Column<'_>, state: &State) -> Option<String> {
    let bp = column.cursor_bp?;
    if lane.id == LaneId::Tokens {
        return state.token_at(column.locus.record, bp).map(|token| format!("{} #{}", token.text, token.id));
    }
    if lane.id != LaneId::Sequence {
        return None;
    }
    state.base_at(column.locus.record, bp).map(|base| sequence::in_words(base, column.scale.is_reversed()))
}

fn names(stand: &Stand) -> String {
    stand.lanes.iter().map(|lane| lane.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Writes a line beside a lane, cut where it does not fit.
pub(crate) fn write(ui: &Ui, rect: Rect, y: f32, text: &str, font: FontId, colour: egui::Color32) {
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, colour);
    job.wrap = egui::text::TextWrapping::truncate_at_width(rect.width());
    let galley = ui.painter().layout_job(job);
    let at = Align2::LEFT_CENTER.anchor_size(pos2(rect.left(), y), galley.size());
    ui.painter().galley(at.min, galley, colour);
}

/// Dragging a lane puts it elsewhere; where it would stand is marked.
fn drag(ui: &Ui, response: &egui::Response, rect: Rect, lane: &Lane, screen: &mut Screen) {
    if response.drag_started() {
        screen.lane_drag = Some(LaneDrag { id: lane.id.clone(), before: None, mark_y: rect.top() });
    }
    let Some(dragged) = &mut screen.lane_drag else { return };
    ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
    if let Some(pointer) = ui.ctx().pointer_latest_pos()
        && rect.y_range().contains(pointer.y)
    {
        let is_upper = pointer.y < rect.center().y;
        dragged.before = Some((lane.id.clone(), is_upper));
        dragged.mark_y = if is_upper { rect.top() } else { rect.bottom() };
    }
    if response.drag_stopped()
        && let Some(LaneDrag { id, before: Some((other, is_upper)), .. }) = screen.lane_drag.take()
    {
        screen.act(Action::PlaceLane { id, beside: other, is_above: is_upper });
    }
}

/// The line where a dragged lane would stand.
pub(crate) fn drop_mark(ui: &Ui, plots: Rangef, screen: &Screen) {
    if let Some(dragged) = &screen.lane_drag {
        let x = Rangef::new(plots.min - 130.0, plots.max);
        ui.painter().hline(x, dragged.mark_y, Stroke::new(2.0, Palette::of(ui).accent));
    }
}

/// The menu of a lane: on a button that shows under the pointer, and on a right click.
fn menu(ui: &mut Ui, rect: Rect, response: &egui::Response, stand: &Stand, state: &State, screen: &mut Screen) {
    let lane = &stand.lanes[0];
    let button = Rect::from_center_size(pos2(rect.right() - 6.0, rect.top() + 12.0), egui::Vec2::splat(18.0));
    let more = ui.interact(button, Id::unique(("lane menu", &lane.id)), Sense::click());
    more.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Options of {}", lane.name)));
    let palette = Palette::of(ui);
    if response.hovered()
        || more.hovered()
        || more.has_focus()
        || Popup::is_id_open(ui.ctx(), Popup::default_response_id(&more))
    {
        let ink = if more.hovered() { palette.text } else { palette.weak };
        crate::icons::paint(ui.painter(), button, Icon::More, ink);
    }
    for popup in [Popup::menu(&more), Popup::context_menu(response)] {
        popup.width(230.0).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
            lane_menu::ui(ui, stand, state, screen);
        });
    }
}

/// The lower edge of a lane can be dragged to make it higher or lower.
fn edge(ui: &Ui, rect: Rect, stand: &Stand, screen: &mut Screen) {
    let lane = &stand.lanes[0];
    let grip = Rect::from_x_y_ranges(rect.x_range(), Rangef::new(rect.bottom() - 3.0, rect.bottom() + 2.0));
    let response = ui.interact(grip, Id::unique(("edge", &lane.id)), Sense::drag());
    response.widget_info(|| WidgetInfo::slider(true, f64::from(stand.height), format!("Height of {}", lane.name)));
    if response.dragged()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        let height = (pointer.y - rect.top()).round().clamp(*LANE_HEIGHTS.start(), *LANE_HEIGHTS.end());
        screen.act(Action::LaneHeight(lane.id.clone(), height));
    }
    if response.hovered() || response.dragged() {
        ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.5, Palette::of(ui).accent));
    }
    response.on_hover_cursor(CursorIcon::ResizeVertical);
}
