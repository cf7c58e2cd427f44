//! Positions along the top, and drawing out a stretch to zoom to.

use egui::{
    Align2, Id, PointerButton, Rangef, Rect, Response, Role, Sense, Shape, Stroke, StrokeKind, Ui, WidgetInfo, pos2,
};
use strandscope_worker::genome::grouped;

use super::{canvas::Column, gutter};
use crate::{
    locus::length,
    scale::{Scale, whole},
    screen::{Action, Screen},
    state::State,
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, row: Rect, column: &Column<'_>, state: &State, screen: &mut Screen) {
    let Some(genome) = &state.genome else { return };
    let palette = Palette::of(ui);
    let (scale, plot) = (&column.scale, column.plot(row.y_range()));
    let baseline = plot.bottom() - 6.0;
    let painter = ui.painter_at(plot.expand2(egui::vec2(12.0, 0.0)));
    painter.hline(plot.x_range(), baseline, Stroke::new(1.0, palette.border));
    let step = step_bp(scale);
    let mut position = (scale.first_bp() / step) * step;
    while position <= scale.end_bp() {
        // Position p, 1-based, is the middle of base p - 1.
        let x = scale.px_from_bp(position as f64 - 0.5);
        if position > 0 && plot.x_range().contains(x) {
            let x = painter.round_to_pixel_center(x);
            painter.vline(x, Rangef::new(baseline - 5.0, baseline), Stroke::new(1.0, palette.faint));
            label(&painter, plot, x, &grouped(position), palette);
        }
        position += step;
    }
    if scale.is_reversed() {
        reading_direction(&painter, plot, palette);
    }
    if column.number == 0 {
        let beside = Rect::from_x_y_ranges(Rangef::new(row.left(), plot.left() - 10.0), row.y_range());
        let middle = row.center().y - 2.0;
        // Of several loci that of the one under the pointer.
        match screen.cursor.map(|cursor| cursor.bp) {
            Some(bp) => gutter::write(ui, beside, middle, &grouped(bp + 1), theme::mono(12.5), palette.text),
            None => {
                let name = &genome.contig_of(column.locus).name;
                gutter::write(ui, beside, middle, name, theme::semibold(12.5), palette.text);
            }
        }
    }
    let response = ui.interact(plot, Id::unique(("ruler", column.number)), Sense::click_and_drag());
    let name = format!("Ruler, {}", genome.region_of(column.locus));
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, &name));
    begin_and_end_sweep(ui, &response, column, screen);
    response.on_hover_cursor(egui::CursorIcon::ResizeHorizontal);
}

/// An arrow that says that the reverse strand is read from left to right, so that positions fall.
fn reading_direction(painter: &egui::Painter, plot: Rect, palette: &Palette) {
    let (y, left) = (plot.bottom() - 6.0, plot.left());
    let points = vec![pos2(left, y), pos2(left + 10.0, y - 6.0), pos2(left + 10.0, y + 6.0)];
    painter.add(Shape::convex_polygon(points, palette.warning, Stroke::NONE));
    painter.hline(Rangef::new(left + 10.0, plot.right()), y, Stroke::new(2.0, palette.warning));
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
pub(crate) fn sweep(ui: &Ui, response: &Response, column: &Column<'_>, y: Rangef, screen: &mut Screen) {
    let is_here = screen.sweep.is_some_and(|(number, _)| number == column.number);
    if is_here || (screen.sweep.is_none() && ui.input(|input| input.modifiers.shift)) {
        begin_and_end_sweep(ui, response, column, screen);
    }
    let from = screen.sweep.filter(|(number, _)| *number == column.number).map(|(_, from)| from);
    let (Some(from), Some(pointer)) = (from, ui.ctx().pointer_latest_pos()) else { return };
    let palette = Palette::of(ui);
    let x = column.scale.x();
    let (start, end) = (column.scale.px_from_bp(from), x.clamp(pointer.x));
    let to = column.scale.bp_from_px(end);
    let rect = Rect::from_x_y_ranges(Rangef::new(start.min(end), start.max(end)), Rangef::new(y.min - 6.0, y.max));
    ui.painter().rect_filled(rect, 2.0, palette.accent.gamma_multiply(0.12));
    ui.painter().rect_stroke(rect, 2.0, Stroke::new(1.0, palette.accent), StrokeKind::Inside);
    let text = length(whole((to - from).abs().round()));
    let galley = ui.painter().layout_no_wrap(text, theme::semibold(12.0), palette.on_accent);
    let label = Align2::CENTER_TOP.anchor_size(rect.center_top() + egui::vec2(0.0, 6.0), galley.size());
    ui.painter().rect_filled(label.expand2(egui::vec2(6.0, 3.0)), 4.0, palette.accent);
    ui.painter().galley(label.min, galley, palette.on_accent);
}

fn begin_and_end_sweep(ui: &Ui, response: &Response, column: &Column<'_>, screen: &mut Screen) {
    let scale = &column.scale;
    if response.drag_started_by(PointerButton::Primary) {
        let origin = ui.input(|input| input.pointer.press_origin());
        screen.sweep = origin.map(|origin| (column.number, scale.bp_from_px(origin.x)));
    }
    if response.drag_stopped()
        && let Some((_, from)) = screen.sweep.take()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        let to = scale.bp_from_px(scale.x().clamp(pointer.x));
        if (to - from).abs() >= 2.0 {
            screen.act(Action::ActivateLocus(column.number));
            screen.act(Action::Show { start_bp: from.min(to).floor(), span_bp: (to - from).abs().ceil(), jump: true });
        }
    }
}
