//! The list of regions of interest, where they are named, noted, coloured and removed.

use egui::{RichText, ScrollArea, TextEdit, Ui};

use super::controls;
use crate::{
    locus::Place,
    screen::{Action, Screen},
    state::{State, marks::Mark},
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    ui.horizontal_wrapped(|ui| {
        if ui.button("Mark the view").on_hover_text("Ctrl+R; with Shift, the base in its middle").clicked() {
            screen.act(Action::MarkView(true));
        }
        let any = !state.marks.list.is_empty();
        if ui.add_enabled(any, egui::Button::new("Save as BED …")).clicked() {
            screen.act(Action::SaveMarks);
        }
        let selected = state.feature_files().find(|file| state.arrangement.is_file_selected(file.id));
        let hint = "Takes the features in view of the selected lane as regions of interest";
        if ui.add_enabled(selected.is_some(), egui::Button::new("Take from lane")).on_hover_text(hint).clicked()
            && let Some(file) = selected
        {
            screen.act(Action::MarkFeatures(file.id));
        }
        if ui
            .add_enabled(any, egui::Button::new("Side by side"))
            .on_hover_text("Shows each as a locus of its own")
            .clicked()
        {
            screen.act(Action::ShowMarks);
        }
    });
    ui.add_space(6.0);
    if state.marks.list.is_empty() {
        controls::note(
            ui,
            "Regions of interest stay marked across all tracks, with a name and a note. Ctrl+R marks what is in view.",
        );
        return;
    }
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        for mark in &state.marks.list {
            row(ui, mark, state, screen);
        }
    });
}

fn row(ui: &mut Ui, mark: &Mark, state: &State, screen: &mut Screen) {
    let palette = Palette::of(ui);
    let is_open = screen.mark == Some(mark.id);
    ui.horizontal(|ui| {
        let (rect, swatch) = ui.allocate_exact_size(egui::vec2(12.0, 18.0), egui::Sense::click());
        ui.painter().rect_filled(rect, 3.0, palette.track(mark.colour));
        swatch.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Colour of {}", mark.name)));
        if swatch.on_hover_text("Another colour").clicked() {
            screen.act(Action::ChangeMark(Box::new(Mark { colour: mark.colour + 1, ..mark.clone() })));
        }
        let name = RichText::new(&mark.name).font(theme::semibold(13.0));
        if ui.selectable_label(is_open, name).on_hover_text(mark.region.to_string()).clicked() {
            screen.mark = (!is_open).then_some(mark.id);
            if let Some(record) = state.genome.as_ref().and_then(|genome| genome.record_named(&mark.region.contig)) {
                screen.act(Action::GoTo(Place::Around(record, mark.region.start_bp, mark.region.end_bp)));
            }
        }
        if !mark.tag.is_empty() {
            controls::chips(ui, std::slice::from_ref(&mark.tag));
        }
    });
    if is_open {
        fields(ui, mark, screen);
    } else {
        let note = if mark.note.is_empty() { mark.region.to_string() } else { mark.note.clone() };
        controls::line(ui, RichText::new(note).font(theme::regular(11.5)).color(palette.weak));
    }
    ui.add_space(4.0);
}

fn fields(ui: &mut Ui, mark: &Mark, screen: &mut Screen) {
    let mut changed = mark.clone();
    let field = |ui: &mut Ui, text: &mut String, name: &str, lines: usize| {
        let edit = if lines > 1 { TextEdit::multiline(text).desired_rows(lines) } else { TextEdit::singleline(text) };
        let edit = edit.hint_text(name).margin(egui::Margin::symmetric(8, 5)).desired_width(f32::INFINITY);
        ui.add(edit).accessible_name(format!("{name} of the region"));
    };
    field(ui, &mut changed.name, "Name", 1);
    field(ui, &mut changed.note, "Note", 3);
    field(ui, &mut changed.tag, "Tag", 1);
    controls::note(ui, mark.region.to_string());
    ui.horizontal(|ui| {
        if ui.button("Copy as BED").clicked() {
            let region = &mark.region;
            ui.ctx().copy_text(format!("{}\t{}\t{}\t{}", region.contig, region.start_bp, region.end_bp, mark.name));
        }
        if ui.button("Remove").clicked() {
            screen.act(Action::RemoveMark(mark.id));
        }
    });
    if changed != *mark {
        screen.act(Action::ChangeMark(Box::new(changed)));
    }
}
