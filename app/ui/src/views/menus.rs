//! The menus for saving and for looks.

use egui::{Align, Align2, Layout, Popup, PopupCloseBehavior, Rect, Sense, ThemePreference, Ui, Vec2};

use super::controls;
use crate::{
    SaveFormat,
    dock::Preset,
    icons::Icon,
    screen::{Action, Screen},
    settings::Settings,
    state::State,
    theme::{self, BaseColours, ink_on},
};

/// What can be saved.
pub(crate) fn save(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let any = !state.scores.is_empty() || !state.attention.is_empty();
    let button = controls::icon_button(ui, Icon::Save, "Save what is seen", "Ctrl+S", true);
    Popup::menu(&button).width(290.0).show(|ui| {
        controls::section(ui, "Locus in view");
        let rows = [
            (SaveFormat::Tsv, true, "Table (TSV)", any),
            (SaveFormat::BedGraph, true, "bedGraph, one file per track", any),
            (SaveFormat::Png, true, "Picture (PNG)", true),
        ];
        for (format, only_view, name, enabled) in rows {
            entry(ui, screen, format, only_view, name, enabled);
        }
        ui.add_space(6.0);
        controls::section(ui, "Everything scored in this record");
        entry(ui, screen, SaveFormat::Tsv, false, "Table of all tracks (TSV)", any);
        entry(ui, screen, SaveFormat::BedGraph, false, "bedGraph of all tracks", any);
        if !any {
            ui.add_space(4.0);
            controls::note(ui, "Tables hold values: score the view first.");
        } else if !state.kept.is_empty() {
            ui.add_space(4.0);
            controls::note(ui, "Tables hold the tracks of the head that is picked; the picture shows all.");
        }
    });
}

fn entry(ui: &mut Ui, screen: &mut Screen, format: SaveFormat, only_view: bool, name: &str, enabled: bool) {
    let width = ui.available_width();
    let button = egui::Button::new(name).frame_when_inactive(false).min_size(egui::Vec2::new(width, 28.0));
    if ui.add_enabled(enabled, button).clicked() {
        screen.act(Action::Save { format, only_view });
    }
}

/// How things look.
pub(crate) fn view(ui: &mut Ui, settings: &Settings, screen: &mut Screen) {
    let button = controls::icon_button(ui, Icon::Contrast, "Appearance", "", true);
    Popup::from_toggle_button_response(&button)
        .width(270.0)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .show(|ui| {
            controls::section(ui, "Theme");
            let mut theme = ui.ctx().options(|options| options.theme_preference);
            ui.horizontal(|ui| {
                for (value, name) in [
                    (ThemePreference::System, "System"),
                    (ThemePreference::Light, "Light"),
                    (ThemePreference::Dark, "Dark"),
                ] {
                    if ui.selectable_value(&mut theme, value, name).changed() {
                        ui.ctx().set_theme(theme);
                    }
                }
            });
            ui.add_space(6.0);
            ui.spacing_mut().interact_size.y = theme::ROW_HEIGHT;
            controls::section(ui, "Colours of bases");
            for set in BaseColours::ALL {
                ui.horizontal(|ui| {
                    ui.radio_value(&mut screen.base_colours, set, set.name());
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| sample(ui, set));
                });
            }
            ui.add_space(6.0);
            controls::section(ui, "Layout");
            for preset in Preset::ALL {
                if ui.button(preset.name()).on_hover_text(preset.note()).clicked() {
                    screen.act(Action::Layout(preset));
                }
            }
            for layout in &settings.layouts {
                ui.horizontal(|ui| {
                    if ui.button(&layout.name).clicked() {
                        screen.act(Action::UseLayout(layout.name.clone()));
                    }
                    if controls::small_button(ui, Icon::Close, &format!("Forget layout {}", layout.name)).clicked() {
                        screen.act(Action::DropLayout(layout.name.clone()));
                    }
                });
            }
            ui.horizontal(|ui| {
                let field = egui::TextEdit::singleline(&mut screen.layout_name).hint_text("Name of this layout");
                ui.add(field.desired_width(150.0)).accessible_name("Name of this layout");
                let name = screen.layout_name.trim().to_owned();
                if ui.add_enabled(!name.is_empty(), egui::Button::new("Keep")).clicked() {
                    screen.act(Action::KeepLayout(name));
                    screen.layout_name.clear();
                }
            });
        });
}

/// The four bases in a set of colours.
fn sample(ui: &mut Ui, set: BaseColours) {
    const CELL: Vec2 = Vec2::new(15.0, 16.0);
    let (rect, _) = ui.allocate_exact_size(Vec2::new(4.0 * CELL.x, CELL.y), Sense::hover());
    for (at, (colour, letter)) in set.colours(ui.visuals().dark_mode).into_iter().zip(["A", "C", "G", "T"]).enumerate()
    {
        let cell = Rect::from_min_size(rect.min + Vec2::new(at as f32 * CELL.x, 0.0), CELL);
        ui.painter().rect_filled(cell.shrink2(Vec2::new(0.5, 0.0)), 2.0, colour);
        ui.painter().text(cell.center(), Align2::CENTER_CENTER, letter, theme::mono(11.0), ink_on(colour));
    }
}
