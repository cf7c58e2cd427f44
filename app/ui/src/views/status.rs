//! The bar at the bottom: what runs, what was done, warnings, and what everything is computed on.

use egui::{Align, Layout, Popup, PopupCloseBehavior, RichText, Role, ScrollArea, Ui, Vec2, WidgetInfo};

use strandscope_worker::memory_in_words;

use super::controls;
use crate::{
    screen::{Action, Screen},
    state::{
        State,
        record_run::RecordRun,
        work::{Running, duration},
    },
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 12.0;
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            right(ui, state, screen);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| left(ui, state, screen));
        });
    });
}

fn small(ui: &Ui, text: impl Into<String>) -> RichText {
    RichText::new(text).font(theme::regular(11.5)).color(Palette::of(ui).weak)
}

fn left(ui: &mut Ui, state: &State, screen: &mut Screen) {
    if let Some(run) = &state.record_run {
        record_run(ui, run, screen);
    } else if let Some(running) = state.jobs.shown() {
        progress(ui, running);
    } else if let Some(message) = &state.message {
        controls::line(ui, small(ui, message)).on_hover_text(message);
    } else if state.genome.is_some() {
        controls::line(ui, small(ui, "Drag to move, wheel to zoom, drag on the ruler to pick a stretch"));
    }
}

/// How far the record is that is scored piece by piece, and a button that pauses it.
fn record_run(ui: &mut Ui, run: &RecordRun, screen: &mut Screen) {
    let palette = Palette::of(ui);
    let text = run.in_words();
    let bar = controls::bar(ui, Vec2::new(150.0, 6.0), Some(run.fraction()), palette.accent);
    bar.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::ProgressIndicator, true, &text);
        info.value = Some(f64::from(run.fraction()));
        info
    });
    let word = if run.is_paused { "Go on" } else { "Pause" };
    if ui.add(egui::Button::new(small(ui, word)).small()).on_hover_text("Ctrl+.").clicked() {
        screen.act(Action::Pause(!run.is_paused));
    }
    if ui.add(egui::Button::new(small(ui, "Stop")).small()).on_hover_text("Esc; what has come stays").clicked() {
        screen.act(Action::Cancel);
    }
    controls::line(ui, small(ui, &text)).on_hover_text(text);
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

fn right(ui: &mut Ui, state: &State, screen: &mut Screen) {
    ui.label(small(ui, "Research use only"));
    trust(ui, state, screen);
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

/// A light that tells whether this device has been checked, and a word for those who do not see its colour.
fn trust(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let palette = Palette::of(ui);
    let stored = state.self_test.as_ref();
    let (word, ink) = match stored {
        _ if state.is_self_testing() => ("testing …", palette.weak),
        None => ("not tested", palette.warning),
        Some(test) if !test.passed => ("test failed", palette.danger),
        Some(test) if test.is_stale => ("test is old", palette.warning),
        Some(_) => ("tested", palette.good),
    };
    let text = RichText::new(format!("●  {word}")).font(theme::regular(11.5)).color(ink);
    let button = ui.add(egui::Button::new(text).frame(false));
    button.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Self-test of this device: {word}")));
    Popup::menu(&button).width(340.0).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
        match stored {
            None => {
                controls::paragraph(ui, "What this device computes has not been compared with stored values yet.");
            }
            Some(test) => told_of(ui, test),
        }
        ui.add_space(6.0);
        if ui.add_enabled(!state.is_self_testing(), egui::Button::new("Test this device")).clicked() {
            screen.act(Action::SelfTest);
        }
        controls::note(ui, "It compares scores of the built-in heads and single kernels with what they should be.");
    });
}

fn told_of(ui: &mut Ui, test: &strandscope_worker::StoredSelfTest) {
    let how = if test.passed { "passed" } else { "did not pass" };
    controls::paragraph(ui, format!("{} checks {how} on {}", test.checks, date(test.unix_seconds)));
    for name in &test.failed {
        controls::paragraph(ui, RichText::new(name).color(Palette::of(ui).danger));
    }
    let driver = if test.driver.is_empty() { String::new() } else { format!(", driver {}", test.driver) };
    controls::note(ui, format!("{}{driver}, version {}", test.device, test.version));
    if test.is_stale {
        controls::note(ui, "Device, driver or program have changed since: test again.");
    }
}

/// A day as `2026-11-28`, in universal time.
///
/// From days since 1970 by counting eras of 400 years (Hinnant, “chrono-compatible low-level date algorithms”).
fn date(unix_seconds: u64) -> String {
    let days = unix_seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_told_as_calendars_have_them() {
        let dates = [0, 951_782_400, 1_795_824_000, 4_102_444_800].map(date);
        assert_eq!(dates, ["1970-01-01", "2000-02-29", "2026-11-28", "2100-01-01"], "leap years counted");
    }
}
