//! What went wrong: a headline, the causes, and a button that copies all of it.

use egui::{Align, Frame, Layout, Margin, RichText, Ui};

use super::controls;
use crate::{
    icons::Icon,
    screen::{Action, Screen},
    state::State,
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    if let Some(reason) = &state.stopped {
        stopped(ui, reason, screen);
    }
    let Some(failure) = &state.failure else { return };
    let palette = Palette::of(ui);
    let text = failure.text();
    card(ui, palette.danger_soft, palette.danger, |ui| {
        ui.horizontal(|ui| {
            ui.label(RichText::new(&failure.what).font(theme::semibold(14.0)).color(palette.danger));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if controls::icon_button(ui, Icon::Close, "Close the message", "Esc", true).clicked() {
                    screen.act(Action::CloseFailure);
                }
                if controls::icon_button(ui, Icon::Copy, "Copy the message", "", true).clicked() {
                    ui.ctx().copy_text(text.clone());
                }
            });
        });
        controls::paragraph(ui, &failure.error.message);
        for cause in &failure.error.causes {
            controls::note(ui, format!("because {cause}"));
        }
    });
}

fn stopped(ui: &mut Ui, reason: &str, screen: &mut Screen) {
    let palette = Palette::of(ui);
    card(ui, palette.warning_soft, palette.warning, |ui| {
        ui.horizontal(|ui| {
            ui.label(RichText::new("The engine has stopped").font(theme::semibold(14.0)).color(palette.warning));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if ui.button("Start it again").clicked() {
                    screen.act(Action::RestartEngine);
                }
            });
        });
        controls::paragraph(ui, reason);
        controls::note(ui, "What is shown stays; nothing new can be computed until it runs again.");
    });
}

fn card(ui: &mut Ui, ground: egui::Color32, edge: egui::Color32, add: impl FnOnce(&mut Ui)) {
    let frame = Frame::new()
        .fill(ground)
        .corner_radius(theme::CORNERS)
        .inner_margin(Margin { left: 16, right: 10, top: 8, bottom: 12 })
        .outer_margin(Margin { left: 12, right: 12, top: 10, bottom: 2 });
    let response = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        add(ui);
    });
    let mut stripe =
        response.response.rect - egui::epaint::MarginF32 { left: 12.0, right: 12.0, top: 10.0, bottom: 2.0 };
    stripe.set_width(4.0);
    ui.painter().rect_filled(stripe, 2.0, edge);
}
