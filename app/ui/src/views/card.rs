//! What a head's card says, from what it answers to what it must not be used for.

use egui::{CollapsingHeader, Label, RichText, Role, Sense, Ui, Vec2, WidgetInfo};
use strandscope_worker::{
    HeadEntry,
    card::{DataSource, Figure, HeadCard, HeadKind, StrandRule},
    count_in_words,
};

use super::{calibration, controls};
use crate::{
    locus::length,
    screen::{Action, Screen},
    state::State,
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let Some(entry) = state.head_entry() else {
        controls::note(ui, "Pick a head to see what it answers.");
        return;
    };
    let card = &entry.card;
    controls::paragraph(ui, &card.description);
    ui.add_space(4.0);
    kind(ui, card);
    if entry.source != "built-in" {
        ui.add_space(4.0);
        edit(ui, card, screen);
    }
    ui.add_space(theme::SECTION_GAP - 6.0);
    labels(ui, state, card, screen);
    if !card.figures.is_empty() {
        ui.add_space(theme::SECTION_GAP);
        figures(ui, &card.figures);
    }
    if !card.calibration.is_empty() {
        ui.add_space(theme::SECTION_GAP);
        calibration::ui(ui, state, card);
    }
    ui.add_space(theme::SECTION_GAP);
    controls::section(ui, "Intended use");
    controls::paragraph(ui, &card.intended_use);
    if !card.limits.is_empty() {
        ui.add_space(theme::SECTION_GAP - 6.0);
        controls::section(ui, "Known limits");
        for limit in &card.limits {
            bullet(ui, limit);
        }
    }
    ui.add_space(theme::SECTION_GAP - 6.0);
    origin(ui, state, entry);
    ui.add_space(theme::SECTION_GAP);
}

fn kind(ui: &mut Ui, card: &HeadCard) {
    let kind = match card.kind {
        HeadKind::Sequence => "one answer per window",
        HeadKind::Token => "one answer per token",
        HeadKind::Base => "one answer per base",
    };
    let strand = match card.strand {
        StrandRule::Symmetric => "same on both strands",
        StrandRule::Stranded => "each strand by itself",
    };
    ui.spacing_mut().item_spacing.y = 4.0;
    controls::chips(ui, &[kind.to_owned(), format!("{} window", length(card.input_length_bp)), strand.to_owned()]);
}

fn edit(ui: &mut Ui, card: &HeadCard, screen: &mut Screen) {
    let hint = "Name its labels, say how long its windows are and what it is for";
    if ui.button("Edit card …").on_hover_text(hint).clicked() {
        screen.act(Action::EditCard(card.name.clone()));
    }
}

fn labels(ui: &mut Ui, state: &State, card: &HeadCard, screen: &mut Screen) {
    controls::section(ui, "Labels");
    for (index, label) in card.labels.iter().enumerate() {
        let palette = Palette::of(ui);
        let mut shown = state.is_label_shown(&label.name);
        let row = ui.horizontal(|ui| {
            ui.spacing_mut().interact_size.y = theme::ROW_HEIGHT;
            let (rect, _) = ui.allocate_exact_size(Vec2::new(4.0, 18.0), Sense::hover());
            let colour = if shown { palette.track(index) } else { palette.border };
            ui.painter().rect_filled(rect, 2.0, colour);
            let name = RichText::new(&label.name).font(theme::semibold(13.0));
            ui.checkbox(&mut shown, name).on_hover_text("Show or hide its track").changed()
        });
        if row.inner {
            screen.act(Action::ToggleLabel(label.name.clone()));
        }
        ui.add_space(-4.0);
        indented(ui, 12.0, |ui| controls::note(ui, &label.description));
        ui.add_space(4.0);
    }
}

fn figures(ui: &mut Ui, figures: &[Figure]) {
    controls::section(ui, "On data it never saw");
    for of_data in figures.chunk_by(|left, right| left.data == right.data) {
        controls::note(ui, &of_data[0].data);
        of_data.iter().for_each(|measured| figure(ui, measured));
        ui.add_space(6.0);
    }
}

fn figure(ui: &mut Ui, figure: &Figure) {
    let palette = Palette::of(ui);
    let width = ui.available_width();
    ui.horizontal(|ui| {
        let name = RichText::new(metric_name(&figure.metric)).font(theme::regular(13.0));
        ui.add_sized(Vec2::new(0.0, 18.0), Label::new(name));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.label(RichText::new(number(figure.value)).font(theme::mono(13.0)).color(palette.text));
        });
    });
    measure(ui, figure, width);
    if let Some(baseline) = figure.baseline {
        let name = figure.baseline_name.as_deref().unwrap_or("a simple baseline");
        controls::note(ui, format!("{name} reaches {}", number(baseline)));
    }
}

/// A figure from 0 to 1 as a bar, with a mark where the baseline stands.
fn measure(ui: &mut Ui, figure: &Figure, width: f32) {
    let in_bar = |value: f64| (0.0..=1.0).contains(&value).then(|| crate::scale::narrow(value));
    let Some(value) = in_bar(figure.value) else { return };
    let palette = Palette::of(ui);
    let bar = controls::bar(ui, Vec2::new(width, 5.0), Some(value), palette.accent);
    bar.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Meter, true, &figure.metric);
        info.value = Some(figure.value);
        info
    });
    if let Some(baseline) = figure.baseline.and_then(in_bar) {
        let x = bar.rect.left() + bar.rect.width() * baseline;
        let mark = egui::Stroke::new(2.0, palette.text);
        ui.painter().vline(x, bar.rect.top() - 2.5..=bar.rect.bottom() + 2.5, mark);
    }
}

fn metric_name(metric: &str) -> String {
    match metric {
        "mcc" => "Matthews correlation".to_owned(),
        "auroc" => "Area under ROC".to_owned(),
        "auprc" => "Area under precision–recall".to_owned(),
        "f1_macro" => "F1, macro".to_owned(),
        "accuracy" => "Accuracy".to_owned(),
        "ece" => "Calibration error".to_owned(),
        other => other.to_owned(),
    }
}

fn number(value: f64) -> String {
    format!("{value:.3}")
}

fn bullet(ui: &mut Ui, text: &str) {
    let palette = Palette::of(ui);
    let dot = ui.cursor().min + Vec2::new(3.0, 8.5);
    ui.painter().circle_filled(dot, 1.8, palette.weak);
    indented(ui, 12.0, |ui| controls::paragraph(ui, text));
}

fn indented<R>(ui: &mut Ui, by: f32, add: impl FnOnce(&mut Ui) -> R) {
    let mut rect = ui.available_rect_before_wrap();
    rect.min.x += by;
    ui.scope_builder(egui::UiBuilder::new().max_rect(rect), add);
}

/// Where it comes from: data, licence, works to cite, model.
fn origin(ui: &mut Ui, state: &State, entry: &HeadEntry) {
    let card = &entry.card;
    folded(ui, "Trained on", |ui| card.training.iter().for_each(|source| data_source(ui, source)));
    folded(ui, "Licence and citation", |ui| {
        controls::note(ui, format!("Weights: {}", card.licence));
        for work in &card.citation {
            controls::note(ui, work);
        }
    });
    if let Some(model) = state.library.as_ref().and_then(|library| library.model_beneath(card)) {
        folded(ui, "Model beneath it", |ui| {
            controls::paragraph(ui, &model.card.title);
            controls::note(ui, &model.card.description);
            controls::note(
                ui,
                format!(
                    "{} parameters  ·  {} tokens seen at once in training",
                    count_in_words(model.card.parameters),
                    model.card.context_tokens
                ),
            );
        });
    }
    folded(ui, "Files", |ui| {
        controls::note(ui, format!("{}  ·  {}", card.name, entry.source));
        if let Some(sha256) = &entry.sha256 {
            let short: String = sha256.chars().take(16).collect();
            controls::note(ui, format!("SHA-256 {short}…")).on_hover_text(sha256);
        }
    });
}

fn folded(ui: &mut Ui, title: &str, add: impl FnOnce(&mut Ui)) {
    let palette = Palette::of(ui);
    let title = RichText::new(title).font(theme::semibold(12.0)).color(palette.weak);
    CollapsingHeader::new(title).show_unindented(ui, |ui| {
        add(ui);
        ui.add_space(4.0);
    });
}

fn data_source(ui: &mut Ui, source: &DataSource) {
    controls::paragraph(ui, &source.name);
    controls::note(ui, format!("{}  ·  {}  ·  licence: {}", source.size, source.origin, source.licence));
    ui.add_space(4.0);
}
