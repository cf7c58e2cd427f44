//! The whole record in one strip: where scores are high, and which part is in view.

use egui::{Id, Mesh, Rangef, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo};

use super::canvas::{Row, gutter_text};
use crate::{
    locus::length,
    scale::{Scale, whole},
    screen::{Action, Screen},
    state::{
        State,
        lanes::{Lane, LaneKind},
        view::View,
    },
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, row: Row, state: &State, screen: &mut Screen) {
    let Some(genome) = &state.genome else { return };
    let palette = Palette::of(ui);
    let length_bp = genome.view.length_bp();
    let strip = Rect::from_x_y_ranges(row.plot.x_range(), Rangef::new(row.plot.top() + 14.0, row.plot.bottom() - 6.0));
    let scale = View::whole(length_bp).scale(strip.x_range());
    gutter_text(ui, row.gutter, strip.center().y, &length(length_bp), theme::regular(12.0), palette.weak);
    ui.painter().rect_filled(strip, 3.0, palette.hairline);
    for lane in state.lanes().iter().filter(|lane| lane.kind == LaneKind::Score) {
        heat(ui, strip, &scale, state, lane, palette);
    }
    let (start_bp, end_bp) = genome.view.range_bp();
    let (left, right) = (scale.px_from_bp(start_bp as f64), scale.px_from_bp(end_bp as f64));
    let middle = f32::midpoint(left, right);
    let half = ((right - left) / 2.0).max(2.5);
    let frame =
        Rect::from_x_y_ranges(Rangef::new(middle - half, middle + half), strip.y_range()).expand2(egui::vec2(0.0, 2.0));
    ui.painter().rect_filled(frame, 2.0, palette.accent.gamma_multiply(0.14));
    ui.painter().rect_stroke(frame, 2.0, Stroke::new(1.5, palette.accent), StrokeKind::Inside);

    let response = ui.interact(strip.expand2(egui::vec2(0.0, 4.0)), Id::unique("overview"), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::ScrollBar, true, "Overview of the record"));
    if let Some(pointer) = response.interact_pointer_pos()
        && (response.clicked() || response.dragged())
    {
        let span_bp = genome.view.span_bp();
        let start_bp = scale.bp_from_px(pointer.x) - span_bp / 2.0;
        screen.act(Action::Show { start_bp, span_bp, jump: response.clicked() || response.drag_started() });
    }
    response.on_hover_text("The whole record; click or drag to go there");
}

/// The highest value of each column, as strength of colour.
fn heat(ui: &Ui, strip: Rect, scale: &Scale, state: &State, lane: &Lane, palette: &Palette) {
    const STEP: f32 = 2.0;
    let colour = palette.track(lane.colour);
    let (low, high) = lane.range;
    let mut mesh = Mesh::default();
    for layer in state.layers(lane) {
        for &(start_bp, end_bp) in &layer.parts {
            let mut x = scale.px_from_bp(start_bp as f64).floor();
            let end = scale.px_from_bp(end_bp as f64);
            while x < end {
                let from = whole(scale.bp_from_px(x)).max(start_bp);
                let to = whole(scale.bp_from_px(x + STEP).ceil()).min(end_bp);
                if let Some(extent) = layer.extent(from, to) {
                    let strength = ((extent.high - low) / (high - low)).clamp(0.0, 1.0);
                    let column = Rect::from_x_y_ranges(Rangef::new(x, x + STEP), strip.y_range());
                    // Squared, so that the many low values of a rare label stay pale.
                    mesh.add_colored_rect(column.intersect(strip), colour.gamma_multiply(strength * strength));
                }
                x += STEP;
            }
        }
    }
    ui.painter().add(mesh);
}
