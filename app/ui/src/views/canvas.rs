//! The middle of the window: all lanes over one scale, and how mouse and wheel move it.

use egui::{Id, PointerButton, Rangef, Rect, Response, ScrollArea, Sense, Stroke, Ui, UiBuilder, Vec2, pos2, vec2};

use super::{overview, ruler, score, sequence, tokens};
use crate::{
    scale::{Scale, whole},
    screen::{Action, Screen},
    state::{State, TOKENS_IN_VIEW_BP},
    theme::Palette,
};

const OVERVIEW_HEIGHT: f32 = 38.0;
const RULER_HEIGHT: f32 = 34.0;
const SEQUENCE_HEIGHT: f32 = 34.0;
const TOKENS_HEIGHT: f32 = 26.0;
/// A score lane is not lower than this; more lanes than fit are scrolled.
const LEAST_LANE_HEIGHT: f32 = 74.0;
/// A lane is not higher than this, nor than this share of a tall window.
const MOST_LANE_HEIGHT: (f32, f32) = (220.0, 0.28);
const MARGIN: f32 = 14.0;
/// Room for the numbers of thresholds.
const RIGHT_MARGIN: f32 = 44.0;
/// In less than this nothing can be seen, and nothing is drawn.
const LEAST_PLOT_WIDTH: f32 = 40.0;

/// A row of the canvas: what is written beside it, and what is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) gutter: Rect,
    pub(crate) plot: Rect,
}

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let Some(genome) = &state.genome else { return };
    let palette = Palette::of(ui);
    let area = ui.available_rect_before_wrap();
    let gutter_width = if area.width() < 620.0 { 118.0 } else { 136.0 };
    let plot_x = Rangef::new(area.left() + gutter_width, area.right() - RIGHT_MARGIN);
    if plot_x.span() < LEAST_PLOT_WIDTH {
        return;
    }
    let scale = genome.view.scale(plot_x);
    let mut top = area.top();
    let mut next_row = |height: f32| {
        let y = Rangef::new(top, top + height);
        top += height;
        Row {
            gutter: Rect::from_x_y_ranges(Rangef::new(area.left() + MARGIN, plot_x.min - 10.0), y),
            plot: Rect::from_x_y_ranges(plot_x, y),
        }
    };
    let overview_row = next_row(OVERVIEW_HEIGHT);
    let ruler_row = next_row(RULER_HEIGHT);
    let sequence_row = next_row(SEQUENCE_HEIGHT);
    let tokens_row = (genome.view.span_bp() <= TOKENS_IN_VIEW_BP).then(|| next_row(TOKENS_HEIGHT));
    let lanes_rect = Rect::from_min_max(pos2(area.left(), top + 6.0), area.max);

    let tracks = Rect::from_x_y_ranges(plot_x, Rangef::new(sequence_row.plot.top(), area.bottom()));
    let response = ui.interact(tracks, Id::unique("tracks"), Sense::click_and_drag());
    screen.cursor_bp = response
        .hover_pos()
        .or_else(|| ui.ctx().pointer_hover_pos().filter(|pos| ruler_row.plot.contains(*pos)))
        .map(|pos| whole(scale.bp_from_px(pos.x)))
        .filter(|&bp| bp < genome.view.length_bp());

    overview::ui(ui, overview_row, state, screen);
    ruler::ui(ui, ruler_row, &scale, state, screen);
    sequence::ui(ui, sequence_row, &scale, state, screen);
    if let Some(row) = tokens_row {
        tokens::ui(ui, row, &scale, state, screen);
    }
    lanes(ui, lanes_rect, gutter_width, &scale, state, screen);
    cursor(ui, &scale, Rangef::new(ruler_row.plot.bottom() - 6.0, area.bottom()), palette, screen);
    if screen.sweep_from_bp.is_none() {
        pan_and_zoom(ui, &response, &scale, screen);
    }
    ruler::sweep(ui, &response, &scale, tracks, screen);
}

/// Score and attention lanes, as high as there is room for.
fn lanes(ui: &mut Ui, rect: Rect, gutter_width: f32, scale: &Scale, state: &State, screen: &mut Screen) {
    let lanes = state.lanes();
    if lanes.is_empty() || rect.height() < 20.0 {
        return;
    }
    let most = MOST_LANE_HEIGHT.0.max(MOST_LANE_HEIGHT.1 * rect.height());
    let height = (rect.height() / lanes.len() as f32).clamp(LEAST_LANE_HEIGHT, most).floor();
    let mut content = ui.new_child(UiBuilder::new().max_rect(rect));
    content.set_clip_rect(rect.intersect(ui.clip_rect()));
    // Over the plot the wheel zooms; beside it, it scrolls.
    let over_plot = ui.ctx().pointer_hover_pos().is_some_and(|pos| scale.x().contains(pos.x));
    let source = egui::scroll_area::ScrollSource {
        scroll_bar: true,
        drag: egui::scroll_area::DragScroll::Never,
        mouse_wheel: !over_plot,
    };
    ScrollArea::vertical().id_salt("lanes").scroll_source(source).auto_shrink([false, false]).show(
        &mut content,
        |ui| {
            let total = vec2(rect.width(), height * lanes.len() as f32);
            let (_, whole) = ui.allocate_space(total);
            for (index, lane) in lanes.iter().enumerate() {
                let y = Rangef::new(whole.top() + height * index as f32, whole.top() + height * (index + 1) as f32);
                let row = Row {
                    gutter: Rect::from_x_y_ranges(
                        Rangef::new(rect.left() + MARGIN, rect.left() + gutter_width - 10.0),
                        y,
                    ),
                    plot: Rect::from_x_y_ranges(scale.x(), y),
                };
                score::ui(ui, row, scale, state, lane, index == 0, screen);
            }
        },
    );
}

/// The line under the pointer, across all lanes.
fn cursor(ui: &Ui, scale: &Scale, y: Rangef, palette: &Palette, screen: &Screen) {
    let Some(bp) = screen.cursor_bp else { return };
    let (left, right) = (scale.px_from_bp(bp as f64), scale.px_from_bp(bp as f64 + 1.0));
    let painter = ui.painter();
    if right - left >= 3.0 {
        let column = Rect::from_x_y_ranges(Rangef::new(left, right), y);
        painter.rect_filled(column, 0.0, palette.cursor.gamma_multiply(0.16));
    } else {
        let x = painter.round_to_pixel_center((left + right) / 2.0);
        painter.vline(x, y, Stroke::new(1.0, palette.cursor));
    }
}

/// Drag pans, the wheel zooms about the pointer, a sideways wheel pans, a double click zooms in.
fn pan_and_zoom(ui: &Ui, response: &Response, scale: &Scale, screen: &mut Screen) {
    let width = scale.x().span().max(1.0);
    let share = |px: f32| f64::from((px - scale.x().min) / width);
    if response.dragged_by(PointerButton::Primary) && !ui.input(|input| input.modifiers.shift) {
        let delta = response.drag_delta().x;
        if delta != 0.0 {
            screen.act(Action::Pan(-f64::from(delta / width)));
        }
        ui.ctx().set_cursor_icon(egui::CursorIcon::Grabbing);
    }
    let Some(pointer) = response.hover_pos() else { return };
    if response.double_clicked() {
        let factor = if ui.input(|input| input.modifiers.alt) { 0.5 } else { 2.0 };
        screen.act(Action::Zoom(factor, share(pointer.x)));
    }
    let (scroll, pinch, shift) =
        ui.input(|input| (input.smooth_scroll_delta(), input.zoom_delta(), input.modifiers.shift));
    let Vec2 { x: sideways, y: upwards } = scroll;
    if sideways != 0.0 || (shift && upwards != 0.0) {
        let delta = if sideways != 0.0 { sideways } else { upwards };
        screen.act(Action::Pan(-f64::from(delta / width)));
    } else if upwards != 0.0 {
        const PX_PER_E_FOLD: f64 = 240.0;
        screen.act(Action::Zoom((f64::from(upwards) / PX_PER_E_FOLD).exp(), share(pointer.x)));
    }
    if pinch != 1.0 {
        screen.act(Action::Zoom(f64::from(pinch), share(pointer.x)));
    }
}

/// Writes a lane's name into its gutter.
pub(crate) fn gutter_text(ui: &Ui, gutter: Rect, y: f32, text: &str, font: egui::FontId, colour: egui::Color32) {
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, colour);
    job.wrap = egui::text::TextWrapping::truncate_at_width(gutter.width());
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(pos2(gutter.left(), y - galley.size().y / 2.0), galley, colour);
}
