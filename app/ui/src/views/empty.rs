//! What is shown while nothing is open.

use egui::{RichText, Ui, Vec2};

use super::controls;
use crate::{
    icons::Icon,
    screen::{Action, Screen},
    settings::Settings,
    state::{State, file_name},
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, state: &State, settings: &Settings, screen: &mut Screen) {
    let palette = Palette::of(ui);
    let opening = state.opening();
    let height = ui.available_height();
    ui.vertical_centered(|ui| {
        ui.set_max_width(520.0);
        ui.add_space((height * 0.5 - 250.0).max(24.0));
        if let Some(path) = opening {
            ui.label(RichText::new(format!("Opening {}", file_name(&path))).font(theme::semibold(18.0)));
            ui.add_space(6.0);
            let fraction = state.jobs.shown().and_then(crate::state::work::Running::fraction);
            controls::bar(ui, Vec2::new(240.0, 6.0), fraction, palette.accent);
            return;
        }
        ui.label(RichText::new("Open a DNA sequence").font(theme::semibold(20.0)));
        ui.add_space(4.0);
        let text = "Drop files here: FASTA, GenBank or 2bit, and annotations, variants or tracks to go with it. \
                    Or paste a sequence with Ctrl+V. A model then scores every base, and everything stays on this \
                    computer.";
        ui.add(egui::Label::new(RichText::new(text).font(theme::regular(13.5)).color(palette.weak)).wrap());
        ui.add_space(14.0);
        if controls::primary_button(ui, "Open files …", 160.0, true).clicked() {
            screen.act(Action::Open);
        }
        examples(ui, state, screen);
        recent(ui, settings, screen);
    });
}

/// The bundled examples, two in a row.
fn examples(ui: &mut Ui, state: &State, screen: &mut Screen) {
    if state.examples.is_empty() {
        return;
    }
    ui.add_space(22.0);
    controls::section(ui, "Examples");
    ui.add_space(2.0);
    for (row, pair) in state.examples.chunks(2).enumerate() {
        ui.allocate_ui_with_layout(Vec2::new(508.0, 32.0), egui::Layout::left_to_right(egui::Align::Center), |ui| {
            for (at, example) in pair.iter().enumerate() {
                if controls::button(ui, &example.title, 250.0, true).on_hover_text(&example.note).clicked() {
                    screen.act(Action::OpenExample(2 * row + at));
                }
            }
        });
    }
}

/// Files opened lately, favourites first.
fn recent(ui: &mut Ui, settings: &Settings, screen: &mut Screen) {
    const SHOWN: usize = 8;
    let others = settings.recent.iter().filter(|path| !settings.favourites.contains(path));
    let files: Vec<_> = settings.favourites.iter().chain(others).take(SHOWN).collect();
    if files.is_empty() {
        return;
    }
    ui.add_space(24.0);
    controls::section(ui, "Opened lately");
    for path in files {
        ui.allocate_ui_with_layout(Vec2::new(400.0, 24.0), egui::Layout::left_to_right(egui::Align::Center), |ui| {
            let is_favourite = settings.favourites.contains(path);
            let icon = if is_favourite { Icon::Star } else { Icon::Hollow };
            let name = if is_favourite { "No favourite any more" } else { "Keep as a favourite" };
            let hint = format!("{name}: {}", file_name(path));
            if controls::small_button(ui, icon, &hint).clicked() {
                screen.act(Action::ToggleFavourite(path.clone()));
            }
            let button = egui::Button::new(file_name(path)).frame(false);
            if ui.add(button).on_hover_text(path.display().to_string()).clicked() {
                screen.act(Action::OpenPaths(vec![path.clone()]));
            }
        });
    }
}
