//! The views: one file for each panel or kind of track.

mod canvas;
mod card;
mod card_editor;
mod controls;
mod dialogs;
mod empty;
mod failure;
mod features;
mod gutter;
mod head;
mod heading;
mod hint;
mod lane;
mod lane_menu;
mod locus_box;
mod marks;
mod menus;
mod missing;
mod models;
mod overview;
mod palette;
mod records;
mod ruler;
mod sequence;
mod status;
mod tokens;
mod top_bar;
mod translation;
mod values;

pub(crate) use lane::colour as lane_colour;

use egui::{CentralPanel, Frame, Panel, Ui};

use crate::{
    screen::Screen,
    state::State,
    theme::{self, Palette},
};

/// Draws the whole window.
pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let palette = Palette::of(ui);
    let bar = Frame::new().fill(palette.panel);
    let width = ui.available_width();
    Panel::top("top bar")
        .exact_size(theme::TOP_BAR_HEIGHT)
        .resizable(false)
        .frame(bar.inner_margin(egui::Margin::symmetric(12, 0)))
        .show(ui, |ui| top_bar::ui(ui, state, screen));
    Panel::bottom("status")
        .exact_size(theme::STATUS_HEIGHT)
        .resizable(false)
        .frame(bar.inner_margin(egui::Margin::symmetric(12, 0)))
        .show(ui, |ui| status::ui(ui, state, screen));
    if state.genome.is_some() {
        if screen.left_panel {
            Panel::left("records")
                .resizable(true)
                .default_size(if width < 1_100.0 { 168.0 } else { 210.0 })
                .size_range(140.0..=360.0)
                .frame(bar.inner_margin(theme::PANEL_MARGIN))
                .show(ui, |ui| records::ui(ui, state, screen));
        }
        if screen.right_panel {
            Panel::right("heads")
                .resizable(true)
                .default_size(if width < 1_100.0 { 248.0 } else { 300.0 })
                .size_range(232.0..=460.0)
                .frame(bar.inner_margin(theme::PANEL_MARGIN))
                .show(ui, |ui| head::ui(ui, state, screen));
        }
    }
    CentralPanel::default().frame(Frame::new().fill(palette.canvas)).show(ui, |ui| {
        failure::ui(ui, state, screen);
        if state.genome.is_some() {
            hint::ui(ui, state, screen);
            canvas::ui(ui, state, screen);
        } else {
            empty::ui(ui, state, screen);
        }
    });
    empty::drop_target(ui.ctx(), palette);
    dialogs::ui(ui.ctx(), palette, state, screen);
}
