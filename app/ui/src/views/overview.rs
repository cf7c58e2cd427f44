//! The whole record in one strip: where scores are high, and which part is in view.

use egui::{Id, Mesh, Rangef, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo};

use super::{gutter, lane};
use crate::{
    locus::length,
    scale::Scale,
    screen::{Action, Screen},
    state::{
        State,
        lanes::{Lane, LaneId},
        loci::Genome,
        view::View,
    },
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, row: Rect, plots: Rangef, state: &State, screen: &mut Screen) {
    let Some(genome) = &state.genome else { return };
    let palette = Palette::of(ui);
    let view = genome.view();
    let length_bp = view.length_bp();
    let strip = Rect::from_x_y_ranges(plots, Rangef::new(row.top() + 14.0, row.bottom() - 6.0));
    let scale = View::whole(length_bp).scale(strip.x_range()).reversed(view.is_reversed());
    let beside = Rect::from_x_y_ranges(Rangef::new(row.left(), plots.min - 10.0), row.y_range());
    gutter::write(ui, beside, strip.center().y, &length(length_bp), theme::regular(12.0), palette.weak);
    ui.painter().rect_filled(strip, 3.0, palette.hairline);
    let shown = state.lanes();
    for lane in shown.iter().filter(|lane| matches!(lane.id, LaneId::Score { .. })) {
        heat(ui, strip, &scale, state, lane, palette);
    }
    boxes(ui, strip, &scale, genome, palette);

    let response = ui.interact(strip.expand2(egui::vec2(0.0, 4.0)), Id::unique("overview"), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::ScrollBar, true, "Overview of the record"));
    if let Some(pointer) = response.interact_pointer_pos()
        && (response.clicked() || response.dragged())
    {
        let span_bp = view.span_bp();
        let start_bp = scale.bp_from_px(pointer.x) - span_bp / 2.0;
        screen.act(Action::Show { start_bp, span_bp, jump: response.clicked() || response.drag_started() });
    }
    response.on_hover_text("The whole record; click or drag to go there");
}

/// What is in view of this record, the active locus strongest.
fn boxes(ui: &Ui, strip: Rect, scale: &Scale, genome: &Genome, palette: &Palette) {
    let on_record = genome.loci().iter().enumerate().filter(|(_, locus)| locus.record == genome.record());
    for (number, locus) in on_record {
        let (start_bp, end_bp) = locus.view.range_bp();
        let x = scale.px_range(start_bp, end_bp);
        let half = (x.span() / 2.0).max(2.5);
        let frame = Rect::from_x_y_ranges(Rangef::new(x.center() - half, x.center() + half), strip.y_range())
            .expand2(egui::vec2(0.0, 2.0));
        let is_active = number == genome.active();
        let ink = if is_active { palette.accent } else { palette.weak };
        ui.painter().rect_filled(frame, 2.0, ink.gamma_multiply(0.14));
        ui.painter().rect_stroke(frame, 2.0, Stroke::new(1.5, ink), StrokeKind::Inside);
    }
}

/// The highest value of each column, as strength of colour.
fn heat(ui: &Ui, strip: Rect, scale: &Scale, state: &State, lane: &Lane, palette: &Palette) {
    const STEP: f32 = 2.0;
    let Some(genome) = &state.genome else { return };
    let colour = lane::colour(lane, palette);
    let mut mesh = Mesh::default();
    for layer in state.layers(lane, &genome.contig().name) {
        for &(start_bp, end_bp) in &layer.parts {
            let part = scale.px_range(start_bp, end_bp);
            let mut x = part.min.floor();
            while x < part.max {
                let (from, to) = scale.bp_range(Rangef::new(x, x + STEP));
                if let Some(extent) = layer.extent(from.max(start_bp), to.min(end_bp)) {
                    let strength = lane.axis.share(extent.high);
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
