//! What is shown while nothing is open, and over the window while a file is dragged on it.

use egui::{Align2, Area, Context, Id, Order, RichText, Stroke, StrokeKind, Ui, Vec2};

use super::controls;
use crate::{
    screen::{Action, Screen},
    state::{State, file_name},
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let palette = Palette::of(ui);
    let opening = state.opening();
    let height = ui.available_height();
    ui.vertical_centered(|ui| {
        ui.set_max_width(440.0);
        ui.add_space((height * 0.5 - 130.0).max(24.0));
        if let Some(path) = opening {
            ui.label(RichText::new(format!("Opening {}", file_name(&path))).font(theme::semibold(18.0)));
            ui.add_space(6.0);
            let fraction = state.jobs.shown().and_then(crate::state::work::Running::fraction);
            controls::bar(ui, Vec2::new(240.0, 6.0), fraction, palette.accent);
            return;
        }
        ui.label(RichText::new("Open a DNA sequence").font(theme::semibold(20.0)));
        ui.add_space(4.0);
        let text = "Drop a FASTA file here, plain or compressed with gzip or BGZF, of any length. \
                    A model then scores every base, and everything stays on this computer.";
        ui.add(egui::Label::new(RichText::new(text).font(theme::regular(13.5)).color(palette.weak)).wrap());
        ui.add_space(14.0);
        ui.allocate_ui_with_layout(Vec2::new(330.0, 32.0), egui::Layout::left_to_right(egui::Align::Center), |ui| {
            let buttons = if state.example.is_some() { 2.0 } else { 1.0 };
            ui.add_space((330.0 - 160.0 * buttons - 8.0 * (buttons - 1.0)) / 2.0);
            if controls::primary_button(ui, "Open a file …", 160.0, true).clicked() {
                screen.act(Action::Open);
            }
            if let Some(example) = &state.example {
                let button = controls::button(ui, "Show the example", 160.0, true);
                if button.on_hover_text(format!("{}\n{}", example.title, example.note)).clicked() {
                    screen.act(Action::OpenExample);
                }
            }
        });
    });
}

/// Says what will become of a file that is held over the window.
pub(crate) fn drop_target(ctx: &Context, palette: &Palette) {
    let hovered = ctx.input(|input| input.raw.hovered_files.clone());
    if hovered.is_empty() {
        return;
    }
    let names: Vec<String> = hovered.iter().filter_map(|file| file.path.as_deref().map(file_name)).collect();
    let what = match &names[..] {
        [] => "Drop it to open it".to_owned(),
        [name] => format!("Drop {name} to open it as a sequence"),
        [.., last] => format!("Drop to open {last}, the last of {} files", names.len()),
    };
    let screen = ctx.content_rect();
    Area::new(Id::unique("drop target")).order(Order::Foreground).fixed_pos(screen.min).interactable(false).show(
        ctx,
        |ui| {
            let painter = ui.painter();
            painter.rect_filled(screen, 0.0, palette.canvas.gamma_multiply(0.85));
            let frame = screen.shrink(24.0);
            painter.rect_stroke(frame, 14.0, Stroke::new(2.0, palette.accent), StrokeKind::Inside);
            painter.text(screen.center(), Align2::CENTER_CENTER, what, theme::semibold(18.0), palette.text);
        },
    );
}
