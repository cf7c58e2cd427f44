//! The views: one file for each panel or kind of track.

mod calibration;
mod canvas;
mod card;
mod card_editor;
mod controls;
mod details;
mod dialogs;
mod difference;
mod dock;
mod drop_target;
mod empty;
mod failure;
mod features;
mod gutter;
mod head;
mod heading;
mod hint;
mod judge;
mod lane;
mod lane_menu;
mod locus_box;
mod mark_list;
mod marks;
mod menus;
mod missing;
mod models;
mod overview;
mod palette;
mod plot;
mod records;
mod relate;
mod ruler;
mod sequence;
mod status;
mod tokens;
mod top_bar;
mod track_list;
mod translation;
mod values;

pub(crate) use lane::colour as lane_colour;

use egui::{CentralPanel, Frame, Panel, Ui};

use crate::{
    screen::Screen,
    settings::Settings,
    state::State,
    theme::{self, Palette},
};

/// Draws the whole window.
pub(crate) fn ui(ui: &mut Ui, state: &State, settings: &Settings, screen: &mut Screen) {
    let palette = Palette::of(ui);
    let bar = Frame::new().fill(palette.panel);
    Panel::top("top bar")
        .exact_size(theme::TOP_BAR_HEIGHT)
        .resizable(false)
        .frame(bar.inner_margin(egui::Margin::symmetric(12, 0)))
        .show(ui, |ui| top_bar::ui(ui, state, settings, screen));
    Panel::bottom("status")
        .exact_size(theme::STATUS_HEIGHT)
        .resizable(false)
        .frame(bar.inner_margin(egui::Margin::symmetric(12, 0)))
        .show(ui, |ui| status::ui(ui, state, screen));
    CentralPanel::default().frame(Frame::new().fill(palette.canvas)).show(ui, |ui| {
        if state.genome.is_some() {
            dock::ui(ui, state, screen);
        } else {
            failure::ui(ui, state, screen);
            empty::ui(ui, state, settings, screen);
        }
    });
    drop_target::ui(ui.ctx(), palette, state);
    dialogs::ui(ui.ctx(), palette, state, screen);
}
