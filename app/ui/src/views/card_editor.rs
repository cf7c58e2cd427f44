//! The dialog that edits the card of a head.

use egui::{Checkbox, Frame, Margin, Response, RichText, ScrollArea, Stroke, TextEdit, Ui, Vec2};
use strandscope_worker::{
    JobError,
    card::{Activation, Label, StrandRule},
    card_edit::WindowLengths,
};

use super::controls;
use crate::{
    draft::{Draft, Refusal},
    locus::length,
    screen::{Action, CardDialog, Screen},
    state::State,
    theme::{self, Palette},
};

/// Height of the fields of a label, and of its row.
const LABEL_HEIGHT: f32 = 30.0;
/// Most labels that are seen at once, and the share of the dialog they take; more are scrolled.
const LABELS_SEEN: f32 = 8.0;
const LABELS_SHARE: f32 = 0.6;
/// Widths of a label's number, name and mark.
const NUMBER_WIDTH: f32 = 30.0;
const NAME_WIDTH: f32 = 170.0;
const MARK_WIDTH: f32 = 100.0;
/// Room for a bar, which floats over what it moves.
const BAR_WIDTH: f32 = 14.0;
const BUTTON_WIDTH: f32 = 90.0;
/// Distance between fields.
const FIELD_GAP: f32 = 6.0;

/// Says whether the dialog is done with.
pub(crate) fn ui(ui: &mut Ui, state: &State, dialog: &mut CardDialog, screen: &mut Screen) -> bool {
    let room = ui.ctx().content_rect().size();
    ui.set_width((room.x - 80.0).min(760.0));
    ui.label(RichText::new(format!("Card of {}", dialog.head)).font(theme::semibold(16.0)));
    let Some(draft) = &mut dialog.draft else { return unread(ui, state, dialog, screen) };
    let is_saving = state.is_saving_card(&dialog.head);
    let edit = draft.edit();
    let refusal = edit.as_ref().err().cloned().unwrap_or_default();
    controls::note(ui, draft.path());
    let told = dialog.failure.as_ref().map_or(0.0, |error| failure(ui, error, "The card could not be saved"));
    ui.add_space(4.0);
    let height = (room.y - 250.0 - told).max(140.0);
    ui.add_enabled_ui(!is_saving, |ui| {
        let area = ScrollArea::vertical().id_salt("card").max_height(height).min_scrolled_height(height);
        area.auto_shrink([false, true]).show(ui, |ui| fields(ui, draft, &refusal, height));
    });
    ui.add_space(10.0);
    if dialog.asks {
        return question(ui, dialog);
    }
    let can_save = edit.is_ok() && draft.is_changed() && !is_saving;
    let reason = match () {
        () if is_saving => "Saving …",
        () if !draft.is_changed() => "Nothing is changed yet.",
        () => &refusal.reason,
    };
    let (saves, leaves) = foot(ui, can_save, reason, !refusal.reason.is_empty() && !is_saving);
    let is_changed = draft.is_changed();
    if let Some(edit) = edit.ok().filter(|_| saves) {
        dialog.failure = None;
        screen.act(Action::SaveCard(dialog.head.clone(), edit));
    }
    dialog.asks = leaves && is_changed;
    leaves && !is_changed
}

/// Before the card is there, or when it cannot be read.
fn unread(ui: &mut Ui, state: &State, dialog: &CardDialog, screen: &mut Screen) -> bool {
    match &dialog.failure {
        Some(error) => {
            failure(ui, error, "The card could not be read");
        }
        None => {
            controls::note(ui, "Reading the card …");
            if !state.is_opening_card(&dialog.head) {
                screen.act(Action::OpenCard(dialog.head.clone()));
            }
        }
    }
    ui.add_space(10.0);
    ui.horizontal(|ui| controls::button(ui, "Close", BUTTON_WIDTH, true).clicked()).inner
}

/// Tells what went wrong, and how much room that takes.
fn failure(ui: &mut Ui, error: &JobError, what: &str) -> f32 {
    let palette = Palette::of(ui);
    let frame = Frame::new().fill(palette.danger_soft).corner_radius(theme::CORNERS);
    let shown = frame.inner_margin(Margin::symmetric(12, 8)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new(what).font(theme::semibold(13.0)).color(palette.danger));
        controls::paragraph(ui, &error.message);
        for cause in &error.causes {
            controls::note(ui, format!("because {cause}"));
        }
    });
    shown.response.rect.height()
}

/// The buttons, and why it cannot be saved; says which was pressed.
fn foot(ui: &mut Ui, can_save: bool, reason: &str, is_wrong: bool) -> (bool, bool) {
    let palette = Palette::of(ui);
    ui.horizontal(|ui| {
        let save = controls::primary_button(ui, "Save", BUTTON_WIDTH, can_save).on_disabled_hover_text(reason);
        let leaves = controls::button(ui, "Cancel", BUTTON_WIDTH, true).clicked();
        let colour = if is_wrong { palette.danger } else { palette.weak };
        controls::paragraph(ui, RichText::new(reason).font(theme::regular(12.0)).color(colour));
        (save.clicked(), leaves)
    })
    .inner
}

/// Asks whether changes shall be lost; says whether they shall.
fn question(ui: &mut Ui, dialog: &mut CardDialog) -> bool {
    // It lies where the buttons were, so that a double click loses nothing.
    const OVER_BUTTONS: f32 = 2.0 * BUTTON_WIDTH + theme::GAP;
    ui.horizontal(|ui| {
        if controls::primary_button(ui, "Keep editing", OVER_BUTTONS, true).clicked() {
            dialog.asks = false;
        }
        let discards = controls::button(ui, "Discard changes", 130.0, true).clicked();
        controls::paragraph(ui, "What you changed is not saved. Discard it?");
        discards
    })
    .inner
}

fn fields(ui: &mut Ui, draft: &mut Draft, refusal: &Refusal, height: f32) {
    ui.set_width(ui.available_width() - BAR_WIDTH);
    let (activation, windows) = (draft.before().activation, draft.windows());
    let fields = &mut draft.fields;
    let title = one_line(ui, "Title", &mut fields.title, f32::INFINITY, true);
    marked(ui, &title, refusal.title);
    lines(ui, "Description", &mut fields.description, "What it answers, in two or three sentences");
    heading(ui, "Labels");
    labels(ui, &mut fields.labels, refusal, height * LABELS_SHARE);
    heading(ui, "Activation");
    controls::note(ui, activation_in_words(activation));
    let window = one_line(ui, "Window (bp)", &mut fields.window_bp, 120.0, !windows.is_fixed());
    marked(ui, &window, refusal.window);
    controls::note(ui, windows_in_words(windows));
    strand(ui, &mut fields.strand);
    lines(ui, "Intended use", &mut fields.intended_use, "What it is for, and what it is not for");
    lines(ui, "Known limits, one per line", &mut fields.limits, "");
    one_line(ui, "Licence", &mut fields.licence, 260.0, true);
    lines(ui, "Works to cite, one per line", &mut fields.citation, "");
}

fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(FIELD_GAP);
    controls::section(ui, text);
}

fn one_line(ui: &mut Ui, name: &str, text: &mut String, width: f32, enabled: bool) -> Response {
    heading(ui, name);
    let edit = TextEdit::singleline(text).margin(Margin::symmetric(10, 6)).desired_width(width);
    ui.add_enabled(enabled, edit).accessible_name(name)
}

fn lines(ui: &mut Ui, name: &str, text: &mut String, hint: &str) {
    heading(ui, name);
    let edit = TextEdit::multiline(text).hint_text(hint).desired_rows(2).desired_width(f32::INFINITY);
    ui.add(edit.margin(Margin::symmetric(10, 6))).accessible_name(name);
}

/// Puts a line around a field that is wrong.
fn marked(ui: &Ui, field: &Response, is_wrong: bool) {
    if is_wrong {
        let line = Stroke::new(1.5, Palette::of(ui).danger);
        ui.painter().rect_stroke(field.rect, theme::CORNERS, line, egui::StrokeKind::Inside);
    }
}

/// One row for each label; only those that are seen are laid out, as there can be a thousand.
fn labels(ui: &mut Ui, labels: &mut [Label], refusal: &Refusal, room: f32) {
    let spacing = ui.spacing().item_spacing.y;
    let fit = (room / (LABEL_HEIGHT + spacing)).floor().clamp(2.0, LABELS_SEEN);
    let seen = fit.min(labels.len() as f32);
    let height = seen * (LABEL_HEIGHT + spacing) - spacing;
    let width = ui.available_width() - if seen < labels.len() as f32 { BAR_WIDTH } else { 0.0 };
    let area = ScrollArea::vertical().id_salt("labels").max_height(height).min_scrolled_height(height);
    area.auto_shrink([false, true]).show_rows(ui, LABEL_HEIGHT, labels.len(), |ui, rows| {
        ui.set_width(width);
        for number in rows {
            if let Some(shown) = labels.get_mut(number) {
                label(ui, number, shown, refusal.labels.contains(&number));
            }
        }
    });
}

fn label(ui: &mut Ui, number: usize, label: &mut Label, is_wrong: bool) {
    let palette = Palette::of(ui);
    let people = number + 1;
    ui.horizontal(|ui| {
        ui.set_height(LABEL_HEIGHT);
        let place = RichText::new(people.to_string()).font(theme::mono(11.5)).color(palette.weak);
        ui.add_sized(Vec2::new(NUMBER_WIDTH, LABEL_HEIGHT), egui::Label::new(place));
        let field = |text, hint: &str, width| {
            TextEdit::singleline(text).hint_text(hint).margin(Margin::symmetric(10, 6)).desired_width(width)
        };
        let name = ui.add(field(&mut label.name, "Name", NAME_WIDTH));
        let name = name.accessible_name(format!("Name of label {people}"));
        marked(ui, &name, is_wrong);
        let width = ui.available_width() - MARK_WIDTH - theme::GAP;
        let what = ui.add(field(&mut label.description, "What it means", width.max(60.0)));
        what.accessible_name(format!("Description of label {people}"));
        let mark = ui.add(Checkbox::new(&mut label.background, "Background"));
        let mark = mark.on_hover_text("It says that there is nothing to see, and is not drawn unless asked for");
        mark.accessible_name(format!("Label {people} is background"));
    });
}

/// What the network decides, and nobody edits.
fn activation_in_words(activation: Activation) -> &'static str {
    match activation {
        Activation::Softmax => {
            "softmax: exactly one label holds, and probabilities sum to 1. The network decides this."
        }
        Activation::Sigmoid => "sigmoid: labels hold independently of each other. The network decides this.",
        Activation::Identity => "identity: values as they are measured, no probabilities. The network decides this.",
    }
}

fn windows_in_words(windows: WindowLengths) -> String {
    let WindowLengths { least_bp, most_bp } = windows;
    if windows.is_fixed() {
        return format!("The network reads windows of {} and no others.", length(most_bp));
    }
    let (least, most) = (length(least_bp), length(most_bp));
    format!("How much is read at once: {least} to {most}, best as much as it was trained on.")
}

fn strand(ui: &mut Ui, rule: &mut StrandRule) {
    heading(ui, "Strands");
    ui.scope(|ui| {
        ui.spacing_mut().interact_size.y = theme::ROW_HEIGHT;
        ui.radio_value(rule, StrandRule::Stranded, "Each strand has answers of its own (stranded)");
        ui.radio_value(rule, StrandRule::Symmetric, "Both mean the same and may be averaged (symmetric)");
    });
}
