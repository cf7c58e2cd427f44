//! The bar at the top: the file, where one is in it, saving and looks.

use egui::{Align, Button, Layout, Popup, RichText, Ui, Vec2};

use super::{controls, locus_box, menus};
use crate::{
    icons::{self, Icon},
    screen::{Action, Screen},
    settings::Settings,
    state::{State, loci::MOST_LOCI},
    theme::Palette,
};

const ZOOM: f64 = 2.0;

pub(crate) fn ui(ui: &mut Ui, state: &State, settings: &Settings, screen: &mut Screen) {
    let narrow = ui.available_width() < 1_040.0;
    ui.horizontal_centered(|ui| {
        open_button(ui, state, settings, screen, narrow);
        ui.add_space(4.0);
        if state.genome.is_some() {
            navigation(ui, state, screen);
            ui.add_space(6.0);
            locus_box::ui(ui, state, screen);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if controls::icon_button(ui, Icon::Question, "Shortcuts", "F1", true).clicked() {
                screen.dialog = Some(crate::screen::Dialog::Shortcuts);
            }
            menus::view(ui, settings, screen);
            if state.genome.is_some() {
                menus::save(ui, state, screen);
            }
        });
    });
}

fn open_button(ui: &mut Ui, state: &State, settings: &Settings, screen: &mut Screen, narrow: bool) {
    let palette = Palette::of(ui);
    let name = state.genome.as_ref().map(crate::state::loci::Genome::file_name);
    let text = match (&name, narrow) {
        (Some(name), false) => shortened(name, 26),
        (Some(name), true) => shortened(name, 14),
        (None, _) => "Open".to_owned(),
    };
    let text = RichText::new(format!("      {text}")).color(palette.text);
    let response = ui.add(Button::new(text).min_size(Vec2::new(0.0, 30.0)));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, "Files"));
    let icon = egui::Rect::from_center_size(response.rect.left_center() + Vec2::new(18.0, 0.0), Vec2::splat(16.0));
    icons::paint(ui.painter(), icon, Icon::Open, palette.weak);
    let path = state.genome.as_ref().map(|genome| format!("{}\n", genome.summary.path.display())).unwrap_or_default();
    let response = response.on_hover_text(format!("{path}Open other files, or one opened lately"));
    Popup::menu(&response).width(320.0).show(|ui| {
        if ui.button("Open files …").on_hover_text("Ctrl+O").clicked() {
            screen.act(Action::Open);
        }
        if let Some(genome) = &state.genome {
            let path = &genome.summary.path;
            let is_favourite = settings.favourites.contains(path);
            let text = if is_favourite { "No favourite any more" } else { "Keep this file as a favourite" };
            if ui.button(text).clicked() {
                screen.act(Action::ToggleFavourite(path.clone()));
            }
        }
        if !state.examples.is_empty() {
            controls::section(ui, "Examples");
        }
        for (number, example) in state.examples.iter().enumerate() {
            let button = Button::new(&example.title).frame_when_inactive(false);
            if ui.add(button).on_hover_text(&example.note).clicked() {
                screen.act(Action::OpenExample(number));
            }
        }
        let known = settings.favourites.iter().chain(&settings.recent);
        let mut files: Vec<_> = known.collect();
        files.dedup();
        if !files.is_empty() {
            controls::section(ui, "Opened lately");
        }
        for path in files {
            let button = Button::new(crate::state::file_name(path)).frame_when_inactive(false);
            if ui.add(button).on_hover_text(path.display().to_string()).clicked() {
                screen.act(Action::OpenPaths(vec![path.clone()]));
            }
        }
    });
}

/// A name cut in its middle, since both ends of file names tell them apart.
fn shortened(name: &str, most: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= most {
        return name.to_owned();
    }
    let (head, tail) = (most / 2, most - most / 2 - 1);
    letters[..head].iter().chain(['…'].iter()).chain(&letters[letters.len() - tail..]).collect()
}

fn navigation(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let Some(genome) = &state.genome else { return };
    let history = &genome.locus().history;
    ui.spacing_mut().item_spacing.x = 2.0;
    let is_compared = genome.compared().is_some();
    let pin = if is_compared { "Compare with A no more" } else { "Pin as A, to compare with B beside it" };
    let buttons = [
        (Icon::Back, "Back", "Alt+←", history.can_go_back(), Action::Back),
        (Icon::Forward, "Forward", "Alt+→", history.can_go_forward(), Action::Forward),
        (Icon::Minus, "Zoom out", "−", true, Action::Zoom(1.0 / ZOOM, 0.5)),
        (Icon::Plus, "Zoom in", "+", true, Action::Zoom(ZOOM, 0.5)),
        (Icon::Fit, "Whole record", "Shift+Z", true, Action::Fit),
        (Icon::TurnRound, "Reverse complement the view", "R", true, Action::TurnRound),
        (Icon::Columns, "Add a locus beside this one", "D", genome.loci().len() < MOST_LOCI, Action::AddLocus),
        (Icon::Pin, pin, "A", true, Action::Pin(!is_compared)),
    ];
    for (icon, name, hint, enabled, action) in buttons {
        if controls::icon_button(ui, icon, name, hint, enabled).clicked() {
            screen.act(action);
        }
    }
}
