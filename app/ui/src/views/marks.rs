//! Regions of interest: as a lane, and as a shade across all lanes.

use egui::{Align2, Id, Rangef, Rect, Role, Sense, Ui, WidgetInfo, pos2};

use super::canvas::Column;
use crate::{
    screen::{Action, Screen},
    state::State,
    theme::{self, Palette},
};

/// Height of the lane.
pub(crate) const HEIGHT: f32 = 24.0;

pub(crate) fn ui(ui: &mut Ui, rect: Rect, column: &Column<'_>, state: &State, screen: &mut Screen) {
    let Some(genome) = &state.genome else { return };
    let palette = Palette::of(ui);
    let plot = Rect::from_x_y_ranges(rect.x_range(), rect.y_range().shrink(3.0));
    let contig = &genome.contig_of(column.locus).name;
    let seen = state.marks.overlapping(contig, column.scale.first_bp(), column.scale.end_bp());
    for mark in seen {
        let x = column.scale.px_range(mark.region.start_bp, mark.region.end_bp);
        let bar = Rect::from_x_y_ranges(Rangef::new(x.min, x.max.max(x.min + 3.0)), plot.y_range()).intersect(plot);
        if !bar.is_positive() {
            continue;
        }
        let colour = palette.track(mark.colour);
        ui.painter().rect_filled(bar, 3.0, colour);
        let galley = ui.painter().layout_no_wrap(mark.name.clone(), theme::regular(11.0), theme::ink_on(colour));
        if bar.width() > galley.size().x + 8.0 {
            let at = Align2::LEFT_CENTER.anchor_size(pos2(bar.left() + 4.0, bar.center().y), galley.size());
            ui.painter().galley(at.min, galley, theme::ink_on(colour));
        }
        let response = ui.interact(bar, Id::unique(("mark", mark.id, column.number)), Sense::click());
        let name = format!("Region of interest {}", mark.name);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
        if response.clicked() {
            screen.act(Action::EditMark(mark.id));
        }
        let note = if mark.note.is_empty() { String::new() } else { format!("\n{}", mark.note) };
        response.on_hover_text(format!("{}\n{}{note}", mark.name, mark.region));
    }
}

/// A faint shade over what is marked, across all lanes of a locus.
pub(crate) fn shade(ui: &Ui, y: Rangef, column: &Column<'_>, state: &State) {
    let Some(genome) = &state.genome else { return };
    let palette = Palette::of(ui);
    let plot = column.plot(y);
    let contig = &genome.contig_of(column.locus).name;
    for mark in state.marks.overlapping(contig, column.scale.first_bp(), column.scale.end_bp()) {
        let x = column.scale.px_range(mark.region.start_bp, mark.region.end_bp);
        let band = Rect::from_x_y_ranges(Rangef::new(x.min, x.max.max(x.min + 1.0)), y).intersect(plot);
        if band.is_positive() {
            ui.painter().rect_filled(band, 0.0, palette.track(mark.colour).gamma_multiply(0.07));
        }
    }
}
