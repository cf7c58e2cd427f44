//! The bar at the bottom: what runs, what was done, warnings, and what everything is computed on.

use egui::{Align, Layout, Popup, PopupCloseBehavior, RichText, Role, ScrollArea, Ui, Vec2, WidgetInfo};

use strandscope_worker::memory_in_words;

use super::controls;
use crate::{
    screen::Screen,
    state::{
        State,
        work::{Running, duration},
    },
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &Screen) {
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 12.0;
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            right(ui, state, screen);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| left(ui, state));
        });
    });
}

fn small(ui: &Ui, text: impl Into<String>) -> RichText {
    RichText::new(text).font(theme::regular(11.5)).color(Palette::of(ui).weak)
}

fn left(ui: &mut Ui, state: &State) {
    if let Some(running) = state.jobs.shown() {
        progress(ui, running);
    } else if let Some(message) = &state.message {
        controls::line(ui, small(ui, message)).on_hover_text(message);
    } else if state.genome.is_some() {
        controls::line(ui, small(ui, "Drag to move, wheel to zoom, drag on the ruler to pick a stretch"));
    }
}

fn progress(ui: &mut Ui, running: &Running) {
    let palette = Palette::of(ui);
    let doing = running.purpose.doing().unwrap_or("Working");
    let fraction = running.fraction();
    let bar = controls::bar(ui, Vec2::new(150.0, 6.0), fraction, palette.accent);
    let mut text = match fraction {
        Some(fraction) => format!("{doing}  {:.0} %", fraction * 100.0),
        None => format!("{doing} …"),
    };
    if running.total > 0 && !running.unit.is_empty() {
        text += &format!("  ·  {} of {} {}", running.done, running.total, running.unit);
    }
    if let Some(seconds) = running.seconds_left() {
        text += &format!("  ·  {} left", duration(seconds));
    }
    if let Some(bytes) = running.memory_bytes {
        text += &format!("  ·  about {}", memory_in_words(bytes));
    }
    if !running.note.is_empty() {
        text += &format!("  ·  {}", running.note);
    }
    bar.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::ProgressIndicator, true, &text);
        info.value = fraction.map(f64::from);
        info
    });
    controls::line(ui, small(ui, &text)).on_hover_text(text);
}

fn right(ui: &mut Ui, state: &State, _screen: &Screen) {
    ui.label(small(ui, "Research use only"));
    if let Some(device) = &state.device {
        let name = device.split(" (").next().unwrap_or(device);
        ui.label(small(ui, name))
            .on_hover_text(format!("{device}\nWhat everything is computed on. Nothing leaves this computer."));
    }
    if state.genome.is_some() {
        ui.label(small(ui, "1-based, both ends included"))
            .on_hover_text("Positions on screen count from 1. BED and bedGraph files count from 0.");
    }
    warnings(ui, state);
}

fn warnings(ui: &mut Ui, state: &State) {
    let list = state.warnings.list();
    if list.is_empty() {
        return;
    }
    let palette = Palette::of(ui);
    let text = if list.len() == 1 { "1 warning".to_owned() } else { format!("{} warnings", list.len()) };
    let text = RichText::new(text).font(theme::semibold(11.5)).color(palette.warning);
    let button = ui.add(egui::Button::new(text).fill(palette.warning_soft).min_size(Vec2::new(0.0, 20.0)).small());
    Popup::menu(&button).width(380.0).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
        ScrollArea::vertical().max_height(260.0).show(ui, |ui| {
            for (message, times) in list {
                let times = if *times > 1 { format!("  (× {times})") } else { String::new() };
                controls::paragraph(ui, format!("{message}{times}"));
            }
        });
    });
}
