//! What to look at in the example, for those who see the window for the first time.

use egui::{Align, Frame, Label, Layout, Margin, RichText, Ui};

use super::controls;
use crate::{
    icons::Icon,
    screen::{Action, Screen},
    state::State,
    theme::{self, Palette},
};

/// Shown above the tracks while the example is open, until it is closed.
pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let Some(example) = state.example().filter(|_| !screen.hint_closed) else { return };
    let palette = Palette::of(ui);
    let frame = Frame::new()
        .fill(palette.accent_soft)
        .corner_radius(theme::CORNERS)
        .inner_margin(Margin { left: 14, right: 6, top: 6, bottom: 8 })
        .outer_margin(Margin { left: 12, right: 12, top: 10, bottom: 0 });
    frame.show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.horizontal(|ui| {
            ui.label(RichText::new(&example.title).font(theme::semibold(13.0)).color(palette.text));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if controls::icon_button(ui, Icon::Close, "Close the hint", "", true).clicked() {
                    screen.hint_closed = true;
                }
                let open = ui.button("Open your own file …");
                if open.clicked() {
                    screen.act(Action::Open);
                }
            });
        });
        let width = ui.available_width() - 12.0;
        ui.set_max_width(width);
        ui.add(Label::new(RichText::new(&example.note).font(theme::regular(12.5)).color(palette.text)).wrap());
    });
}
