//! The bar at the top: the file, where one is in it, saving and looks.

use egui::{Align, Button, Layout, Margin, RichText, TextEdit, Ui, Vec2};

use super::{controls, menus};
use crate::{
    icons::{self, Icon},
    locus::{length, parse_place},
    screen::{Action, LOCUS_FIELD, Screen},
    state::State,
    theme::{self, Palette},
};

const ZOOM: f64 = 2.0;

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let narrow = ui.available_width() < 1_040.0;
    ui.horizontal_centered(|ui| {
        open_button(ui, state, screen, narrow);
        ui.add_space(4.0);
        if state.genome.is_some() {
            navigation(ui, state, screen);
            ui.add_space(6.0);
            locus_box(ui, state, screen);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if controls::icon_button(ui, Icon::Question, "Shortcuts", "F1", true).clicked() {
                screen.dialog = Some(crate::screen::Dialog::Shortcuts);
            }
            menus::view(ui, screen);
            if state.genome.is_some() {
                menus::save(ui, state, screen);
            }
        });
    });
}

fn open_button(ui: &mut Ui, state: &State, screen: &mut Screen, narrow: bool) {
    let palette = Palette::of(ui);
    let name = state.genome.as_ref().map(crate::state::Genome::file_name);
    let text = match (&name, narrow) {
        (Some(name), false) => shortened(name, 26),
        (Some(name), true) => shortened(name, 14),
        (None, _) => "Open".to_owned(),
    };
    let text = RichText::new(format!("      {text}")).color(palette.text);
    let response = ui.add(Button::new(text).min_size(Vec2::new(0.0, 30.0)));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, "Open a sequence file"));
    let icon = egui::Rect::from_center_size(response.rect.left_center() + Vec2::new(18.0, 0.0), Vec2::splat(16.0));
    icons::paint(ui.painter(), icon, Icon::Open, palette.weak);
    let path = state.genome.as_ref().map(|genome| format!("{}\n", genome.summary.path.display())).unwrap_or_default();
    if response.on_hover_text(format!("{path}Open another sequence file  (Ctrl+O)")).clicked() {
        screen.act(Action::Open);
    }
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
    ui.spacing_mut().item_spacing.x = 2.0;
    let buttons = [
        (Icon::Back, "Back", "Alt+←", state.history.can_go_back(), Action::Back),
        (Icon::Forward, "Forward", "Alt+→", state.history.can_go_forward(), Action::Forward),
        (Icon::Minus, "Zoom out", "−", true, Action::Zoom(1.0 / ZOOM, 0.5)),
        (Icon::Plus, "Zoom in", "+", true, Action::Zoom(ZOOM, 0.5)),
        (Icon::Fit, "Whole record", "Shift+Z", true, Action::Fit),
    ];
    for (icon, name, hint, enabled, action) in buttons {
        if controls::icon_button(ui, icon, name, hint, enabled).clicked() {
            screen.act(action);
        }
    }
}

/// The field that shows where one is and takes one elsewhere.
fn locus_box(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let Some(genome) = &state.genome else { return };
    let palette = Palette::of(ui);
    let region = genome.region();
    let mut text = screen.locus.text.clone().unwrap_or_else(|| region.to_string());
    let wrong = screen.locus.error.is_some();
    if wrong {
        let ring = egui::Stroke::new(1.5, palette.danger);
        let visuals = ui.visuals_mut();
        visuals.widgets.inactive.bg_stroke = ring;
        visuals.widgets.hovered.bg_stroke = ring;
        visuals.selection.stroke = ring;
    }
    // Three buttons and the length in view stand to the right of it.
    let width = (ui.available_width() - 200.0).clamp(120.0, 430.0);
    let field = TextEdit::singleline(&mut text)
        .id(egui::Id::unique(LOCUS_FIELD))
        .font(theme::mono(13.0))
        .hint_text("name:start-end")
        .margin(Margin::symmetric(10, 6))
        .align(egui::Align2::LEFT_CENTER)
        .desired_width(width - 20.0)
        .show(ui);
    let response = field.response.response.accessible_name("Locus");
    if screen.locus.focus {
        screen.locus.focus = false;
        response.request_focus();
        let all = egui::text_selection::CCursorRange::two(
            egui::text::CCursor::new(0),
            egui::text::CCursor::new(text.chars().count()),
        );
        let mut memory = field.state;
        memory.cursor.set_char_range(Some(all));
        memory.store(ui.ctx(), response.id);
    }
    if response.changed() {
        screen.locus.text = Some(text.clone());
        screen.locus.error = None;
    }
    if response.lost_focus() {
        if ui.input(|input| input.key_pressed(egui::Key::Enter)) {
            match parse_place(&text, &genome.summary.contigs, genome.record) {
                Ok(place) => {
                    screen.act(Action::GoTo(place));
                    screen.locus = Default::default();
                }
                Err(error) => {
                    screen.locus.text = Some(text);
                    screen.locus.error = Some(error);
                    // What is typed next mends it; elsewhere the same keys would move the view.
                    screen.locus.focus = true;
                }
            }
        } else if !wrong {
            screen.locus = Default::default();
        }
    }
    ui.add_space(8.0);
    ui.label(RichText::new(length(region.len_bp())).font(theme::mono(12.0)).color(palette.weak))
        .on_hover_text("Length of what is in view");
    if let Some(error) = &screen.locus.error {
        egui::Tooltip::always_open(ui.ctx().clone(), ui.layer_id(), egui::Id::unique("locus error"), response.rect)
            .width(340.0)
            .show(|ui| ui.label(RichText::new(error).color(palette.danger)));
    } else {
        response.on_hover_text("Go to a place: name, position, start-end, name:start-end  (Ctrl+L)");
    }
}
