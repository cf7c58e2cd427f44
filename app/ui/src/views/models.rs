//! The models and heads of this computer, and those that can be fetched.

use std::path::Path;

use egui::{Align, Button, Frame, Layout, Margin, RichText, ScrollArea, TextEdit, Ui, Vec2};
use strandscope_worker::{
    CatalogueKind, HeadEntry, Library, ModelEntry, ModelLook, Published, count_in_words, memory_in_words,
};

use super::controls;
use crate::{
    screen::{Action, ModelsDialog, Screen},
    state::{
        State,
        work::{Running, duration},
    },
    theme::{self, Palette},
};

/// What a weight takes in memory.
const WEIGHT_BYTES: u64 = 4;

/// Room for a button beside a field.
const BESIDE_FIELD: f32 = 150.0 + theme::GAP;

/// What a card shows, whether it is here or not.
struct Card<'a> {
    name: &'a str,
    title: &'a str,
    description: &'a str,
    /// Family, sizes, memory: what is known.
    facts: Vec<String>,
    licence: &'a str,
    commercial_use: Option<bool>,
    sha256: Option<&'a str>,
    /// Where it came from, or is described.
    source: &'a str,
    home: Home<'a>,
    /// Whether it is a head, whose card can be edited.
    is_head: bool,
}

/// Where it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home<'a> {
    InBinary,
    InLibrary,
    Nowhere {
        is_begun: bool,
    },
    /// In a folder that was looked at.
    Folder(&'a Path),
}

impl Home<'_> {
    /// Of what is on this computer.
    fn of(source: &str) -> Self {
        if source == "built-in" { Self::InBinary } else { Self::InLibrary }
    }
}

/// Says whether the dialog is done with.
pub(crate) fn ui(ui: &mut Ui, state: &State, dialog: &mut ModelsDialog, screen: &mut Screen) -> bool {
    let room = ui.ctx().content_rect().size();
    ui.set_width((room.x - 80.0).min(760.0));
    ui.label(RichText::new("Models and heads").font(theme::semibold(16.0)));
    controls::note(
        ui,
        "What is fetched comes from huggingface.co, or the address in HF_ENDPOINT, when you ask for it. Sequences never \
         leave this computer.",
    );
    ui.add_space(6.0);
    head(ui, dialog, screen);
    failure(ui, state);
    if let Some(running) = state.library_job() {
        progress(ui, running, screen);
    }
    ui.add_space(4.0);
    let height = (room.y - 300.0).max(140.0);
    ScrollArea::vertical().max_height(height).min_scrolled_height(height).auto_shrink([false, true]).show(ui, |ui| {
        if !state.looked.is_empty() {
            controls::section(ui, "To be added?");
            let is_busy = state.library_job().is_some();
            state.looked.iter().for_each(|look| looked(ui, look, is_busy, &mut dialog.removing, screen));
        }
        if let Some(library) = &state.library {
            list(ui, library, dialog, state.library_job().is_some(), screen);
        } else {
            controls::note(ui, "Looking for models …");
        }
    });
    ui.add_space(10.0);
    ui.horizontal(|ui| controls::button(ui, "Close", 90.0, true).clicked()).inner
}

/// The search field, and the way to import a folder.
fn head(ui: &mut Ui, dialog: &mut ModelsDialog, screen: &mut Screen) {
    ui.horizontal(|ui| {
        let edit = TextEdit::singleline(&mut dialog.filter)
            .hint_text("Search by name, family or licence")
            .margin(Margin::symmetric(10, 6))
            .desired_width(ui.available_width() - BESIDE_FIELD);
        ui.add(edit).accessible_name("Search models");
        let hint = "Check a model in the Hugging Face layout, or a head, and copy it into the library";
        if controls::button(ui, "Import a folder …", 150.0, true).on_hover_text(hint).clicked() {
            screen.act(Action::PickFolder);
        }
    });
    let Some(folder) = &mut dialog.folder else { return };
    let looks = ui.horizontal(|ui| {
        let edit = TextEdit::singleline(folder)
            .font(theme::mono(12.5))
            .hint_text("/folder/of/the/model")
            .margin(Margin::symmetric(10, 6))
            .desired_width(ui.available_width() - BESIDE_FIELD);
        ui.add(edit).accessible_name("Path of the folder");
        controls::primary_button(ui, "Look at it", 150.0, !folder.trim().is_empty()).clicked()
    });
    if looks.inner {
        screen.act(Action::LookAtModel(folder.trim().into()));
        dialog.folder = None;
    }
}

fn failure(ui: &mut Ui, state: &State) {
    let Some(failure) = &state.library_failure else { return };
    let palette = Palette::of(ui);
    Frame::new().fill(palette.danger_soft).corner_radius(theme::CORNERS).inner_margin(Margin::symmetric(12, 8)).show(
        ui,
        |ui| {
            ui.set_width(ui.available_width());
            ui.label(RichText::new(&failure.what).font(theme::semibold(13.0)).color(palette.danger));
            controls::paragraph(ui, &failure.error.message);
            for cause in &failure.error.causes {
                controls::note(ui, format!("because {cause}"));
            }
        },
    );
}

fn progress(ui: &mut Ui, running: &Running, screen: &mut Screen) {
    let palette = Palette::of(ui);
    let mut text = running.note.clone();
    if running.total > 0 {
        text += &format!("  ·  {} of {}", memory_in_words(running.done), memory_in_words(running.total));
    }
    if let Some(seconds) = running.seconds_left() {
        text += &format!("  ·  {} left", duration(seconds));
    }
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        controls::bar(ui, Vec2::new(150.0, 6.0), running.fraction(), palette.accent);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let verb = if running.cancelling { "Stopping …" } else { "Stop" };
            let button = controls::button(ui, verb, 90.0, !running.cancelling);
            if button.on_hover_text("What was fetched is kept for another try").clicked() {
                screen.act(Action::CancelLibrary);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                controls::line(ui, RichText::new(text).font(theme::regular(12.0)).color(palette.weak));
            });
        });
    });
}

fn list(ui: &mut Ui, library: &Library, dialog: &mut ModelsDialog, is_busy: bool, screen: &mut Screen) {
    let wanted = dialog.filter.trim().to_lowercase();
    let is_wanted = |card: &Card<'_>| {
        let texts = [card.name, card.title, card.licence].into_iter().chain(card.facts.iter().map(String::as_str));
        wanted.is_empty() || texts.into_iter().any(|text| text.to_lowercase().contains(&wanted))
    };
    let models = library.models.iter().map(|model| of_model(model, library));
    // A fine-tuned checkpoint is the head of itself and stands there once.
    let is_own = |head: &&HeadEntry| library.model_of(head).is_none_or(|model| !is_head_of(head, model));
    let heads = library.heads.iter().filter(is_own).map(of_head);
    let here: Vec<Card<'_>> = models.chain(heads).filter(is_wanted).collect();
    let published: Vec<Card<'_>> = library.published.iter().map(of_published).filter(is_wanted).collect();
    if here.is_empty() && published.is_empty() {
        controls::note(ui, format!("Nothing here is called “{}”.", dialog.filter.trim()));
    }
    for (title, cards) in [("On this computer", here), ("Published, to be fetched", published)] {
        if !cards.is_empty() {
            ui.add_space(6.0);
            controls::section(ui, title);
            cards.iter().for_each(|shown| card(ui, shown, is_busy, &mut dialog.removing, screen));
        }
    }
    for unusable in &library.unusable {
        controls::note(ui, format!("{} cannot be used: {}", unusable.name, unusable.reason));
    }
}

/// Whether a checkpoint is its own head.
fn is_head_of(head: &HeadEntry, model: &ModelEntry) -> bool {
    (&head.card.name, &head.source) == (&model.card.name, &model.source)
}

fn of_model<'a>(model: &'a ModelEntry, library: &'a Library) -> Card<'a> {
    let ModelEntry { card, sha256, source, origin, commercial_use } = model;
    let head = library.heads.iter().find(|head| is_head_of(head, model));
    let kind = if head.is_some() { "model and head" } else { "model" };
    let mut facts = facts(Some(kind), Some(&card.family), Some(card.parameters), Some(card.context_tokens));
    facts.extend(head.map(labels_of));
    // What is said of its classes, a user may have edited.
    let (title, description, licence) = match head {
        Some(HeadEntry { card, .. }) => (&card.title, &card.description, &card.licence),
        None => (&card.title, &card.description, &card.licence),
    };
    Card {
        name: &card.name,
        title,
        description,
        facts,
        licence,
        commercial_use: *commercial_use,
        sha256: sha256.as_deref(),
        source: origin.as_ref().unwrap_or(source),
        home: Home::of(source),
        is_head: head.is_some(),
    }
}

fn labels_of(head: &HeadEntry) -> String {
    counted(head.card.labels.len())
}

fn counted(labels: usize) -> String {
    if labels == 1 { "1 label".to_owned() } else { format!("{labels} labels") }
}

/// A model or head that was looked at and is not in the library yet.
fn looked(ui: &mut Ui, look: &ModelLook, is_busy: bool, removing: &mut Option<String>, screen: &mut Screen) {
    let kind = match (look.is_head, look.labels.is_empty()) {
        (true, _) => "head",
        (false, false) => "model and head",
        (false, true) => "model",
    };
    let mut facts = vec![kind.to_owned()];
    facts.extend(look.family.clone());
    facts.extend(look.tokenizer.clone());
    facts.push(format!("{} weights", count_in_words(look.parameters)));
    let on = look.device.as_deref().map(|device| device.split(" (").next().unwrap_or(device));
    let memory = memory_in_words(look.memory_bytes);
    facts.push(on.map_or_else(|| format!("{memory} in memory"), |device| format!("{memory} on {device}")));
    facts.push(
        look.context_tokens.map_or_else(|| "context not told".to_owned(), |tokens| format!("{tokens} tokens at once")),
    );
    if !look.labels.is_empty() {
        facts.push(counted(look.labels.len()));
    }
    let trained = match look.trained_on.is_empty() {
        true => "Its files do not tell what it was trained on.".to_owned(),
        false => format!("Trained on {}.", look.trained_on.join(", ")),
    };
    let described = look.description.as_deref().unwrap_or("Its makers left no card.");
    let source = look.folder.display().to_string();
    let shown = Card {
        name: &look.name,
        title: &look.title,
        description: &format!("{described} {trained}"),
        facts,
        licence: look.licence.as_deref().unwrap_or("not told"),
        commercial_use: None,
        sha256: Some(&look.sha256),
        source: &source,
        home: Home::Folder(&look.folder),
        is_head: false,
    };
    card(ui, &shown, is_busy, removing, screen);
}

fn of_head(head: &HeadEntry) -> Card<'_> {
    let HeadEntry { card, sha256, source, origin, commercial_use } = head;
    let mut facts = facts(Some("head"), None, None, None);
    facts.push(labels_of(head));
    Card {
        name: &card.name,
        title: &card.title,
        description: &card.description,
        facts,
        licence: &card.licence,
        commercial_use: *commercial_use,
        sha256: sha256.as_deref(),
        source: origin.as_ref().unwrap_or(source),
        home: Home::of(source),
        is_head: true,
    }
}

fn of_published(Published { entry, is_begun }: &Published) -> Card<'_> {
    let kind = if entry.kind == CatalogueKind::Model { "model" } else { "head" };
    Card {
        name: &entry.name,
        title: &entry.title,
        description: &entry.description,
        facts: facts(Some(kind), Some(&entry.family), entry.parameters, entry.context_tokens),
        licence: &entry.licence,
        commercial_use: entry.commercial_use,
        sha256: None,
        source: &entry.source,
        home: Home::Nowhere { is_begun: *is_begun },
        is_head: false,
    }
}

fn facts(
    kind: Option<&str>,
    family: Option<&str>,
    parameters: Option<u64>,
    context_tokens: Option<u64>,
) -> Vec<String> {
    let parameters = parameters.map(|parameters| {
        let memory = memory_in_words(WEIGHT_BYTES * parameters);
        [format!("{} parameters", count_in_words(parameters)), format!("{memory} in memory")]
    });
    let named = kind.into_iter().chain(family).map(str::to_owned);
    let context = context_tokens.map(|tokens| format!("{tokens} tokens at once"));
    named.chain(parameters.into_iter().flatten()).chain(context).collect()
}

fn card(ui: &mut Ui, card: &Card<'_>, is_busy: bool, removing: &mut Option<String>, screen: &mut Screen) {
    let palette = Palette::of(ui);
    let frame = Frame::new().stroke(egui::Stroke::new(1.0, palette.border)).corner_radius(theme::CORNERS);
    frame.inner_margin(Margin::symmetric(12, 8)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                buttons(ui, card, is_busy, removing, screen);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.label(RichText::new(card.title).font(theme::semibold(13.5)));
                    controls::line(ui, RichText::new(card.name).font(theme::mono(11.5)).color(palette.weak));
                });
            });
        });
        controls::note(ui, card.description);
        ui.add_space(2.0);
        controls::chips(ui, &card.facts);
        ui.add_space(2.0);
        origin(ui, card, palette);
    });
}

fn buttons(ui: &mut Ui, card: &Card<'_>, is_busy: bool, removing: &mut Option<String>, screen: &mut Screen) {
    let named = |verb: &str| format!("{verb} {}", card.name);
    let mut button = |verb: &str, enabled: bool, hint: &str| {
        let response = ui.add_enabled(enabled, Button::new(verb).min_size(Vec2::new(84.0, 26.0)));
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, enabled, named(verb)));
        response.on_hover_text(hint).clicked()
    };
    match card.home {
        Home::InBinary => {
            controls::note(ui, "built in");
        }
        Home::InLibrary => {
            // What took an hour to fetch does not go by one click, nor by a double one: what keeps it comes under the
            // pointer.
            if removing.as_deref() != Some(card.name) {
                if button("Remove", !is_busy, "Delete its files from the library; asks first") {
                    *removing = Some(card.name.to_owned());
                }
                let hint = "Name its labels and say what it is for";
                if card.is_head && button("Edit card …", !is_busy, hint) {
                    screen.act(Action::EditCard(card.name.to_owned()));
                }
            } else if button("Keep", true, "Leave it where it is") {
                *removing = None;
            } else if button("Delete files", !is_busy, "Delete them for good") {
                screen.act(Action::RemoveModel(card.name.to_owned()));
                *removing = None;
            }
        }
        Home::Folder(folder) => {
            if button("Import", !is_busy, "Check it as a run would, and copy it into the library") {
                screen.act(Action::ImportModel(folder.to_owned()));
            }
            if button("Not now", true, "Leave it where it is; nothing was copied") {
                screen.act(Action::ForgetLook(folder.to_owned()));
            }
        }
        Home::Nowhere { is_begun } => {
            let verb = if is_begun { "Go on" } else { "Get" };
            if button(verb, !is_busy, "Fetch it from the hub, check it, and add it to the library") {
                screen.act(Action::GetModel(card.name.to_owned()));
            }
        }
    }
}

/// Licence, source and checksum.
fn origin(ui: &mut Ui, card: &Card<'_>, palette: &Palette) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        controls::note(ui, format!("Licence {}", card.licence));
        if card.commercial_use == Some(false) {
            let text = RichText::new("not for commerce").font(theme::semibold(11.5)).color(palette.warning);
            ui.label(text).on_hover_text("Its licence allows no commercial use");
        }
        controls::note(ui, card.source);
        if let Some(sha256) = card.sha256 {
            let short: String = sha256.chars().take(12).collect();
            controls::note(ui, format!("SHA-256 {short}…")).on_hover_text(sha256);
        }
    });
}
