//! Positions along the top, and drawing out a stretch to zoom to.

use egui::{Align2, Id, PointerButton, Rangef, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo};
use strandscope_worker::genome::grouped;

use super::canvas::{Row, gutter_text};
use crate::{
    locus::length,
    scale::{Scale, whole},
    screen::{Action, Screen},
    state::State,
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, row: Row, scale: &Scale, state: &State, screen: &mut Screen) {
    let Some(genome) = &state.genome else { return };
    let palette = Palette::of(ui);
    let baseline = row.plot.bottom() - 6.0;
    let painter = ui.painter_at(row.plot.expand2(egui::vec2(12.0, 0.0)));
    painter.hline(row.plot.x_range(), baseline, Stroke::new(1.0, palette.border));
    let step = step_bp(scale);
    let mut position = (scale.first_bp() / step) * step;
    while position <= scale.end_bp() {
        // Position p, 1-based, is the middle of base p - 1.
        let x = scale.px_from_bp(position as f64 - 0.5);
        if position > 0 && row.plot.x_range().contains(x) {
            let x = painter.round_to_pixel_center(x);
            painter.vline(x, Rangef::new(baseline - 5.0, baseline), Stroke::new(1.0, palette.faint));
            label(&painter, row.plot, x, &grouped(position), palette);
        }
        position += step;
    }
    let middle = row.plot.center().y - 2.0;
    match screen.cursor_bp {
        Some(bp) => gutter_text(ui, row.gutter, middle, &grouped(bp + 1), theme::mono(12.5), palette.text),
        None => gutter_text(ui, row.gutter, middle, &genome.contig().name, theme::semibold(12.5), palette.text),
    }
    let response = ui.interact(row.plot, Id::unique("ruler"), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, format!("Ruler, {}", genome.region())));
    begin_and_end_sweep(ui, &response, scale, screen);
    response.on_hover_cursor(egui::CursorIcon::ResizeHorizontal);
}

fn label(painter: &egui::Painter, plot: Rect, x: f32, text: &str, palette: &Palette) {
    let galley = painter.layout_no_wrap(text.to_owned(), theme::mono(11.0), palette.faint);
    if plot.width() < galley.size().x {
        return;
    }
    let half = galley.size().x / 2.0;
    let x = x.clamp(plot.left() + half - 8.0, plot.right() - half + 8.0);
    let at = Align2::CENTER_CENTER.anchor_size(egui::pos2(x, plot.top() + 12.0), galley.size());
    painter.galley(at.min, galley, palette.faint);
}

/// The smallest of 1, 2, 5, 10, 20 … bases whose labels have room.
fn step_bp(scale: &Scale) -> u64 {
    const ROOM_PX: f64 = 96.0;
    let least = scale.bp_per_px() * ROOM_PX;
    let mut power = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            if (power * factor) as f64 >= least {
                return power * factor;
            }
        }
        power *= 10;
    }
}

/// Drawing out with Shift held, anywhere in the tracks; and the stretch that is being drawn out.
pub(crate) fn sweep(ui: &Ui, response: &Response, scale: &Scale, tracks: Rect, screen: &mut Screen) {
    if screen.sweep_from_bp.is_some() || ui.input(|input| input.modifiers.shift) {
        begin_and_end_sweep(ui, response, scale, screen);
    }
    let (Some(from), Some(pointer)) = (screen.sweep_from_bp, ui.ctx().pointer_latest_pos()) else { return };
    let palette = Palette::of(ui);
    let to = scale.bp_from_px(pointer.x.clamp(scale.x().min, scale.x().max));
    let (left, right) = (scale.px_from_bp(from.min(to)), scale.px_from_bp(from.max(to)));
    let mut rect = Rect::from_x_y_ranges(Rangef::new(left, right), tracks.y_range());
    rect.min.y -= 12.0;
    ui.painter().rect_filled(rect, 2.0, palette.accent.gamma_multiply(0.12));
    ui.painter().rect_stroke(rect, 2.0, Stroke::new(1.0, palette.accent), StrokeKind::Inside);
    let text = length(whole((to - from).abs().round()));
    let galley = ui.painter().layout_no_wrap(text, theme::semibold(12.0), palette.on_accent);
    let label = Align2::CENTER_TOP.anchor_size(rect.center_top() + egui::vec2(0.0, 6.0), galley.size());
    ui.painter().rect_filled(label.expand2(egui::vec2(6.0, 3.0)), 4.0, palette.accent);
    ui.painter().galley(label.min, galley, palette.on_accent);
}

fn begin_and_end_sweep(ui: &Ui, response: &Response, scale: &Scale, screen: &mut Screen) {
    if response.drag_started_by(PointerButton::Primary) {
        let origin = ui.input(|input| input.pointer.press_origin());
        screen.sweep_from_bp = origin.map(|origin| scale.bp_from_px(origin.x));
    }
    if response.drag_stopped()
        && let Some(from) = screen.sweep_from_bp.take()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        let to = scale.bp_from_px(pointer.x.clamp(scale.x().min, scale.x().max));
        if (to - from).abs() >= 2.0 {
            screen.act(Action::Show { start_bp: from.min(to).floor(), span_bp: (to - from).abs().ceil(), jump: true });
        }
    }
}
