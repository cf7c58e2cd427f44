//! What lies over the window: the list of shortcuts, models and heads, a card that is edited, and fields for paths where the desktop has no dialogs.

use egui::{Context, Grid, Id, Key, Modal, RichText, ScrollArea, TextEdit, Ui};

use super::{card_editor, controls, models, palette::ui as palette_ui};
use crate::{
    commands::{COMMANDS, Part},
    screen::{Action, Dialog, SavePath, Screen},
    state::State,
    theme::{self, Palette},
};

pub(crate) fn ui(ctx: &Context, palette: &Palette, state: &State, screen: &mut Screen) {
    let Some(mut dialog) = screen.dialog.take() else { return };
    let frame = egui::Frame::popup(&ctx.global_style()).inner_margin(egui::Margin::same(20));
    let response = Modal::new(Id::unique("dialog")).frame(frame).show(ctx, |ui| match &mut dialog {
        Dialog::Shortcuts => shortcuts(ui, palette),
        Dialog::Palette(dialog) => palette_ui(ui, state, dialog, screen),
        Dialog::OpenPath(path) => open_path(ui, path, screen),
        Dialog::SavePath(fields) => save_path(ui, palette, fields, screen),
        Dialog::Models(dialog) => models::ui(ui, state, dialog, screen),
        Dialog::Card(dialog) => card_editor::ui(ui, state, dialog, screen),
    });
    // A dialog stands where one of its last size would be in the middle.
    let (id, size) = (Id::unique("size of the dialog"), response.response.rect.size());
    let before = ctx.data_mut(|data| std::mem::replace(data.get_temp_mut_or(id, size), size));
    if (before - size).abs().max_elem() > 0.5 {
        ctx.request_discard("a dialog of another size is put in the middle");
    }
    screen.dialog = match (response.inner, response.should_close()) {
        // What was chosen in the palette may have opened another dialog.
        (true, _) if matches!(dialog, Dialog::Palette(_)) => screen.dialog.take(),
        (true, _) => dialog.closed(),
        (false, true) => dialog.left(),
        (false, false) => Some(dialog),
    };
}

/// Each of these says whether the dialog is done with.
fn shortcuts(ui: &mut Ui, palette: &Palette) -> bool {
    ui.set_width(720.0_f32.min(ui.ctx().content_rect().width() - 80.0));
    ui.label(RichText::new("Shortcuts").font(theme::semibold(16.0)));
    ui.add_space(6.0);
    let height = ui.ctx().content_rect().height() - 220.0;
    ScrollArea::vertical().max_height(height).auto_shrink([false, true]).show(ui, |ui| {
        for part in Part::ALL {
            controls::section(ui, part.name());
            ui.spacing_mut().interact_size.y = theme::ROW_HEIGHT - 2.0;
            Grid::new(part.name()).num_columns(2).min_col_width(190.0).spacing([24.0, 5.0]).show(ui, |ui| {
                for command in COMMANDS.iter().filter(|command| command.part == part && !command.keys.is_empty()) {
                    let keys = command.keys.iter().map(|press| press.text()).collect::<Vec<_>>().join("  or  ");
                    ui.label(RichText::new(keys).font(theme::mono(12.0)).color(palette.text));
                    ui.label(RichText::new(command.name).color(palette.weak));
                    ui.end_row();
                }
            });
            ui.add_space(8.0);
        }
    });
    controls::note(
        ui,
        "The mouse wheel zooms, dragging moves, dragging on the ruler or with Shift zooms to a stretch. Esc closes a \
         message or stops scoring. Plain keys rest while you type into a field. On a Mac, Ctrl is ⌘.",
    );
    ui.add_space(6.0);
    ui.horizontal(|ui| controls::button(ui, "Close", 90.0, true).clicked()).inner
}

fn field(ui: &mut Ui, path: &mut String) -> bool {
    let edit = TextEdit::singleline(path)
        .font(theme::mono(12.5))
        .hint_text("/folder/file")
        .margin(egui::Margin::symmetric(10, 6))
        .desired_width(f32::INFINITY);
    let response = ui.add(edit).accessible_name("Path of the file");
    let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if !entered && ui.ctx().memory(|memory| memory.focused().is_none()) {
        response.request_focus();
    }
    entered
}

fn open_path(ui: &mut Ui, path: &mut String, screen: &mut Screen) -> bool {
    ui.set_width(480.0);
    ui.label(RichText::new("Open a file").font(theme::semibold(16.0)));
    controls::note(
        ui,
        "This desktop has no file dialog. Type or paste the path of a sequence or track, or drop the file on the window.",
    );
    ui.add_space(6.0);
    let entered = field(ui, path);
    ui.add_space(8.0);
    let (done, cancelled) = confirm(ui, "Open", !path.trim().is_empty());
    if (entered || done) && !path.trim().is_empty() {
        screen.act(Action::OpenPaths(vec![path.trim().into()]));
        return true;
    }
    cancelled
}

fn save_path(ui: &mut Ui, palette: &Palette, fields: &mut SavePath, screen: &mut Screen) -> bool {
    let SavePath { save, path, replace, refused } = fields;
    ui.set_width(480.0);
    ui.label(RichText::new("Save as").font(theme::semibold(16.0)));
    match refused {
        Some(error) => {
            controls::paragraph(ui, RichText::new(&error.message).color(palette.danger));
            for cause in &error.causes {
                controls::note(ui, format!("because {cause}"));
            }
        }
        None => {
            controls::note(ui, "This desktop has no file dialog. Type the path of the file to write.");
        }
    }
    ui.add_space(6.0);
    let entered = field(ui, path);
    let one = save.file_count() == 1;
    ui.checkbox(replace, if one { "Replace the file if it exists" } else { "Replace files that exist" });
    ui.add_space(8.0);
    let (done, cancelled) = confirm(ui, "Save", !path.trim().is_empty());
    if (entered || done) && !path.trim().is_empty() {
        screen.act(Action::SaveTo { save: save.clone(), path: path.trim().into(), force: *replace });
        return true;
    }
    cancelled
}

/// Whether it was confirmed, and whether it was given up.
fn confirm(ui: &mut Ui, verb: &str, enabled: bool) -> (bool, bool) {
    ui.horizontal(|ui| {
        let done = controls::primary_button(ui, verb, 90.0, enabled).clicked();
        (done, controls::button(ui, "Cancel", 90.0, true).clicked())
    })
    .inner
}
