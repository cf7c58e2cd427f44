//! The box that shows where one is and takes one elsewhere: places in every spelling, names of records and features,
//! and bases to be found.

use egui::{
    Align2, Key, Margin, Modifiers, Popup, PopupAnchor, Response, RichText, Sense, TextEdit, Ui, Vec2, WidgetInfo,
    pos2, text::CCursor,
};

use strandscope_worker::genome::HgvsPlace;

use crate::{
    locus::{Place, bases_in, length, parse_place},
    screen::{Action, LOCUS_FIELD, Screen},
    state::{State, loci::Genome},
    theme::{self, Palette},
};

/// Most suggestions beneath the box.
const SUGGESTED: usize = 9;
const ROW_HEIGHT: f32 = 28.0;

/// What can be picked beneath the box.
struct Suggestion {
    text: String,
    note: String,
    action: Action,
}

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let Some(genome) = &state.genome else { return };
    let palette = Palette::of(ui);
    let region = genome.region();
    let reversed = if genome.view().is_reversed() { " [rev]" } else { "" };
    let mut text = screen.locus.text.clone().unwrap_or_else(|| format!("{region}{reversed}"));
    let wrong = screen.locus.error.is_some();
    if wrong {
        let ring = egui::Stroke::new(1.5, palette.danger);
        let visuals = ui.visuals_mut();
        visuals.widgets.inactive.bg_stroke = ring;
        visuals.widgets.hovered.bg_stroke = ring;
        visuals.selection.stroke = ring;
    }
    let suggestions = screen.locus.text.as_ref().map_or_else(Vec::new, |text| suggestions(text, state, genome));
    let steps = if screen.locus.text.is_some() { steps(ui) } else { 0 };
    choose(screen, steps, suggestions.len());
    // Three buttons and the length in view stand to the right of it.
    let width = (ui.available_width() - 200.0).clamp(120.0, 430.0);
    let field = TextEdit::singleline(&mut text)
        .id(egui::Id::unique(LOCUS_FIELD))
        .font(theme::mono(13.0))
        .hint_text("name:start-end, a feature, or bases")
        .margin(Margin::symmetric(10, 6))
        .align(Align2::LEFT_CENTER)
        .desired_width(width - 20.0)
        .show(ui);
    let response = field.response.response.accessible_name("Locus");
    if screen.locus.focus {
        screen.locus.focus = false;
        response.request_focus();
        let end = CCursor::new(text.chars().count());
        let mut memory = field.state;
        memory.cursor.set_char_range(Some(egui::text_selection::CCursorRange::two(CCursor::new(0), end)));
        memory.store(ui.ctx(), response.id);
    }
    if response.changed() {
        screen.locus.text = Some(text.clone());
        screen.locus.error = None;
        screen.locus.chosen = None;
        screen.act(Action::SearchFeatures(text.trim().to_owned()));
    }
    let picked = list(ui, &response, &suggestions, screen.locus.chosen);
    if let Some(at) = picked {
        take(&suggestions[at], screen);
    } else if response.lost_focus() {
        leave(ui, &text, &suggestions, genome, state, screen);
    }
    ui.add_space(8.0);
    ui.label(RichText::new(length(region.len_bp())).font(theme::mono(12.0)).color(palette.weak))
        .on_hover_text("Length of what is in view");
    explain(ui, response, screen, palette);
}

/// Steps through the suggestions that the arrow keys ask for.
fn steps(ui: &Ui) -> isize {
    let has_focus = ui.ctx().memory(|memory| memory.has_focus(egui::Id::unique(LOCUS_FIELD)));
    if !has_focus {
        return 0;
    }
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    isize::from(pressed(Key::ArrowDown)) - isize::from(pressed(Key::ArrowUp))
}

fn choose(screen: &mut Screen, steps: isize, count: usize) {
    if steps == 0 || count == 0 {
        return;
    }
    screen.locus.chosen = match (screen.locus.chosen, steps > 0) {
        (None, true) => Some(0),
        (None, false) => Some(count - 1),
        (Some(at), true) => Some((at + 1).min(count - 1)),
        (Some(at), false) => at.checked_sub(1),
    };
}

fn take(suggestion: &Suggestion, screen: &mut Screen) {
    screen.act(suggestion.action.clone());
    screen.locus = Default::default();
}

/// The field was left: with Enter one goes where it says, otherwise nothing has happened.
fn leave(ui: &Ui, text: &str, suggestions: &[Suggestion], genome: &Genome, state: &State, screen: &mut Screen) {
    if !ui.input(|input| input.key_pressed(Key::Enter)) {
        if screen.locus.error.is_none() {
            screen.locus = Default::default();
        }
        return;
    }
    if let Some(suggestion) = screen.locus.chosen.and_then(|at| suggestions.get(at)) {
        take(suggestion, screen);
        return;
    }
    let typed = text.trim().trim_end_matches("[rev]").trim();
    if HgvsPlace::is_meant_by(typed) {
        screen.act(Action::Locate(typed.to_owned()));
        screen.locus = Default::default();
        return;
    }
    match parse_place(typed, &genome.summary.contigs, genome.record()) {
        Ok(place) => {
            screen.act(Action::GoTo(place));
            if typed.split_whitespace().count() >= 3 {
                screen.act(Action::Say("Taken as a line of a BED file, which counts from 0".to_owned()));
            }
            screen.locus = Default::default();
        }
        // A name that is searched still: it is gone to when it is found.
        Err(_) if state.search.found.is_none() && state.search.text == typed => {
            screen.act(Action::GoToFirstFound);
            screen.locus = Default::default();
        }
        Err(error) => match suggestions.first() {
            Some(suggestion) => take(suggestion, screen),
            None => {
                screen.locus.text = Some(text.to_owned());
                screen.locus.error = Some(error);
                // What is typed next mends it; elsewhere the same keys would move the view.
                screen.locus.focus = true;
            }
        },
    }
}

/// What fits what has been typed: features by name, records, bases to find.
fn suggestions(text: &str, state: &State, genome: &Genome) -> Vec<Suggestion> {
    let typed = text.trim();
    if typed.is_empty() {
        return Vec::new();
    }
    let mut suggestions = Vec::new();
    if state.search.text == typed {
        for found in state.search.found.iter().flatten() {
            let Some(record) = genome.record_named(&found.region.contig) else { continue };
            let (start_bp, end_bp) = (found.region.start_bp, found.region.end_bp);
            let note = format!("{}  {}", found.kind, found.region).trim().to_owned();
            suggestions.push(Suggestion {
                text: found.name.clone(),
                note,
                action: Action::GoTo(Place::Around(record, start_bp, end_bp)),
            });
        }
    }
    let lower = typed.to_lowercase();
    let records = genome.summary.contigs.iter().enumerate();
    let named = records.filter(|(_, contig)| contig.name.to_lowercase().starts_with(&lower));
    suggestions.extend(named.take(SUGGESTED).map(|(record, contig)| Suggestion {
        text: contig.name.clone(),
        note: length(contig.length_bp),
        action: Action::GoTo(Place::Record(record)),
    }));
    suggestions.truncate(SUGGESTED);
    if bases_in(typed) {
        suggestions.push(Suggestion {
            text: typed.to_uppercase(),
            note: "find on both strands".to_owned(),
            action: Action::FindMotif(typed.to_uppercase()),
        });
    }
    suggestions
}

/// The suggestions beneath the box; tells which one was clicked.
fn list(ui: &Ui, field: &Response, suggestions: &[Suggestion], chosen: Option<usize>) -> Option<usize> {
    if suggestions.is_empty() {
        return None;
    }
    let palette = Palette::of(ui);
    let id = egui::Id::unique("suggestions");
    let shown = Popup::new(id, ui.ctx().clone(), PopupAnchor::from(field), field.layer_id)
        .open(true)
        .gap(4.0)
        .width(field.rect.width())
        .show(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            let rows = suggestions.iter().enumerate();
            rows.filter(|(at, suggestion)| row(ui, suggestion, chosen == Some(*at), palette)).map(|(at, _)| at).last()
        });
    shown.and_then(|shown| shown.inner)
}

/// Draws a suggestion and tells whether it was clicked.
fn row(ui: &mut Ui, suggestion: &Suggestion, is_chosen: bool, palette: &Palette) -> bool {
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), ROW_HEIGHT), Sense::click());
    let name = format!("{} {}", suggestion.text, suggestion.note);
    response.widget_info(|| WidgetInfo::selected(egui::Role::ListBoxOption, true, is_chosen, &name));
    if is_chosen || response.hovered() {
        let ground = if is_chosen { palette.accent_soft } else { palette.hairline };
        ui.painter().rect_filled(rect, theme::CORNERS, ground);
    }
    let galley = ui.painter().layout_no_wrap(suggestion.note.clone(), theme::regular(11.5), palette.weak);
    let note = Align2::RIGHT_CENTER.anchor_size(pos2(rect.right() - 8.0, rect.center().y), galley.size());
    ui.painter().galley(note.min, galley, palette.weak);
    let mut job =
        egui::text::LayoutJob::simple_singleline(suggestion.text.clone(), theme::semibold(13.0), palette.text);
    job.wrap = egui::text::TextWrapping::truncate_at_width((note.left() - rect.left() - 20.0).max(40.0));
    let galley = ui.painter().layout_job(job);
    let at = Align2::LEFT_CENTER.anchor_size(pos2(rect.left() + 8.0, rect.center().y), galley.size());
    ui.painter().galley(at.min, galley, palette.text);
    // The field loses the keyboard as the button goes down, before the click is whole.
    response.clicked() || response.is_pointer_button_down_on()
}

fn explain(ui: &Ui, response: Response, screen: &Screen, palette: &Palette) {
    if let Some(error) = &screen.locus.error {
        let id = egui::Id::unique("locus error");
        egui::Tooltip::always_open(ui.ctx().clone(), ui.layer_id(), id, response.rect)
            .width(340.0)
            .show(|ui| ui.label(RichText::new(error).color(palette.danger)));
    } else if screen.locus.text.is_none() {
        response.on_hover_text(
            "Go to a place: name, position, start-end, name:start-end, a line of a BED file, the name of a feature, or \
             bases to find, NM_000314.4:c.388C>T  (Ctrl+L)",
        );
    }
}
