//! What is said over the window while files are held on it: what each of them will become.

use egui::{Align2, Area, Context, Id, Order, Stroke, StrokeKind, pos2};
use strandscope_worker::{FileRole, TrackKind};

use crate::{
    state::{State, file_name},
    theme::{self, Palette},
};

/// Files that are told one by one.
const TOLD: usize = 10;

pub(crate) fn ui(ctx: &Context, palette: &Palette, state: &State) {
    if ctx.input(|input| input.raw.hovered_files.is_empty()) {
        return;
    }
    let lines = lines(state);
    let screen = ctx.content_rect();
    let area = Area::new(Id::unique("drop target")).order(Order::Foreground).fixed_pos(screen.min).interactable(false);
    area.show(ctx, |ui| {
        let painter = ui.painter();
        painter.rect_filled(screen, 0.0, palette.canvas.gamma_multiply(0.9));
        let frame = screen.shrink(24.0);
        painter.rect_stroke(frame, 14.0, Stroke::new(2.0, palette.accent), StrokeKind::Inside);
        let top = screen.center().y - lines.len() as f32 * 15.0;
        for (at, line) in lines.iter().enumerate() {
            let place = pos2(screen.center().x, top + at as f32 * 30.0);
            painter.text(place, Align2::CENTER_CENTER, line, theme::semibold(17.0), palette.text);
        }
        let response = ui.interact(frame, Id::unique("drop target names"), egui::Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, lines.join(". ")));
    });
}

fn lines(state: &State) -> Vec<String> {
    if state.hovered.is_empty() {
        return vec!["Drop it to open it".to_owned()];
    }
    let told = state.hovered.iter().take(TOLD);
    let mut lines: Vec<String> =
        told.map(|(path, role)| format!("{}  →  {}", file_name(path), role.map_or("…", becomes))).collect();
    if state.hovered.len() > TOLD {
        lines.push(format!("and {} more", state.hovered.len() - TOLD));
    }
    lines
}

/// What a file becomes, for people.
fn becomes(role: FileRole) -> &'static str {
    match role {
        FileRole::Genome => "a sequence to look at",
        FileRole::GenomeWithFeatures => "a sequence and its features",
        FileRole::Track(TrackKind::Vcf) => "a track of variants",
        FileRole::Track(kind) if kind.is_signal() => "a track of values",
        FileRole::Track(_) => "a track of features",
        FileRole::Aliases => "names of contigs for all tracks",
        FileRole::Model => "a model or head for the library",
        FileRole::Unknown => "it cannot be read; dropping it tells why",
    }
}
