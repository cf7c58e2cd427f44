//! The panel of heads: which one answers, how it is asked, and what its card says.

use egui::{Align, ComboBox, Layout, RichText, ScrollArea, Ui};
use strandscope_worker::card::StrandRule;

use super::{card, controls};
use crate::{
    icons::Icon,
    screen::{Action, Screen},
    state::{ATTENTION_LIMIT_BP, State},
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    heading(ui, screen);
    let Some(library) = &state.library else {
        let stopped = state.stopped.is_some();
        controls::note(ui, if stopped { "Heads are listed once the engine runs." } else { "Looking for heads …" });
        return;
    };
    if library.heads.is_empty() {
        controls::paragraph(ui, "There is no head to score with.");
        controls::note(
            ui,
            "A head turns what the model sees into answers. Train one with “strandscope finetune”, or get one.",
        );
        return;
    }
    picker(ui, state, screen);
    ui.add_space(2.0);
    buttons(ui, state, screen);
    forecast(ui, state);
    ui.add_space(2.0);
    ui.scope(|ui| options(ui, state, screen));
    ui.add_space(8.0);
    let rule = ui.available_rect_before_wrap();
    let palette = Palette::of(ui);
    ui.painter().hline(rule.left() - 14.0..=rule.right() + 14.0, rule.top(), egui::Stroke::new(1.0, palette.border));
    ui.add_space(2.0);
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.add_space(4.0);
        card::ui(ui, state, screen);
    });
}

fn heading(ui: &mut Ui, screen: &mut Screen) {
    ui.horizontal(|ui| {
        controls::section(ui, "What scores");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let text = RichText::new("Models …").font(theme::regular(11.5)).color(Palette::of(ui).accent);
            let button = ui.add(egui::Button::new(text).frame(false));
            button.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, "Models and heads"));
            if button.on_hover_text("Fetch, import or remove models and heads  (Ctrl+M)").clicked() {
                screen.show_models();
            }
        });
    });
}

fn picker(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let Some(library) = &state.library else { return };
    let title = state.head_entry().map_or("Pick a head", |entry| entry.card.title.as_str());
    let combo = ComboBox::from_id_salt("head picker")
        .width(ui.available_width())
        .truncate()
        .icon(controls::list_arrow)
        .selected_text(RichText::new(title).font(theme::semibold(13.5)))
        .show_ui(ui, |ui| {
            ui.set_min_width(260.0);
            for entry in &library.heads {
                let chosen = state.head.as_deref() == Some(&entry.card.name);
                let response = ui.selectable_label(chosen, &entry.card.title);
                if response.on_hover_text(&entry.card.description).clicked() {
                    screen.act(Action::PickHead(entry.card.name.clone()));
                }
            }
        });
    combo.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, "Head"));
}

fn buttons(ui: &mut Ui, state: &State, screen: &mut Screen) {
    /// Two buttons narrower than this stand one beneath the other.
    const LEAST_WIDTH: f32 = 104.0;
    let half = (ui.available_width() - theme::GAP) / 2.0;
    if half < LEAST_WIDTH {
        let width = ui.available_width();
        score_view(ui, state, screen, width);
        score_record(ui, state, screen, width);
    } else {
        ui.horizontal(|ui| {
            score_view(ui, state, screen, half);
            score_record(ui, state, screen, half);
        });
    }
}

fn can_score(state: &State) -> bool {
    state.head_entry().is_some() && state.stopped.is_none()
}

/// Scores what is in view; while something is scored, stops it.
fn score_view(ui: &mut Ui, state: &State, screen: &mut Screen, width: f32) {
    if state.jobs.analysing() || state.record_run.is_some() {
        let cancelling = state.jobs.shown().is_some_and(|running| running.cancelling);
        let text = if cancelling { "Cancelling …" } else { "Cancel" };
        let button = controls::button(ui, text, width, !cancelling);
        if button.on_hover_text("Stop; what has arrived is kept  (Esc)").clicked() {
            screen.act(Action::Cancel);
        }
    } else {
        let button = controls::primary_button(ui, "Score view", width, can_score(state));
        if button.on_hover_text("Score what is in view  (Ctrl+Enter)").clicked() {
            screen.act(Action::ScoreView);
        }
    }
}

fn score_record(ui: &mut Ui, state: &State, screen: &mut Screen, width: f32) {
    let button = controls::button(ui, "Score record", width, can_score(state));
    if button.on_hover_text("Score the whole record, what is in view first  (Ctrl+Shift+Enter)").clicked() {
        screen.act(Action::ScoreRecord);
    }
}

/// How windows overlap, and whether it is told how they agree.
fn windows(ui: &mut Ui, state: &State, screen: &mut Screen) {
    const USUAL: u8 = 25;
    let mut votes = state.options.window_votes;
    let hint = "Two more tracks: how many windows answer for each base, and how far their answers lie apart.";
    if ui.checkbox(&mut votes, "How windows agree").on_hover_text(hint).changed() {
        screen.act(Action::WindowVotes(votes));
    }
    if !state.options.window_votes && state.options.overlap_percent.is_none() {
        return;
    }
    ui.horizontal(|ui| {
        ui.label("Overlap");
        let mut percent = state.options.overlap_percent.unwrap_or(USUAL);
        let slider = egui::Slider::new(&mut percent, 0..=90).step_by(5.0).suffix(" %");
        let response =
            ui.add(slider).on_hover_text("Share of its middle that a window has in common with its neighbour");
        if response.drag_stopped() || (response.changed() && !response.dragged()) {
            screen.act(Action::Overlap((percent != USUAL).then_some(percent)));
        }
    });
}

/// How much work it would be.
fn forecast(ui: &mut Ui, state: &State) {
    let (view, record) = state.forecast();
    for (name, told) in [("View", view), ("Record", record)] {
        if let Some(told) = told {
            controls::note(ui, format!("{name}: {told}"));
        }
    }
}

fn options(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let Some(entry) = state.head_entry() else { return };
    ui.spacing_mut().interact_size.y = theme::ROW_HEIGHT;
    let (name, hint) = match entry.card.strand {
        StrandRule::Symmetric => (
            "Average both strands",
            "The answer does not depend on the strand: both are read and averaged, and a track shows how far they disagree.",
        ),
        StrandRule::Stranded => {
            ("Reverse strand too", "Each strand has answers of its own: the reverse strand gets tracks marked −.")
        }
    };
    let mut both = state.options.both_strands;
    if ui.checkbox(&mut both, name).on_hover_text(hint).changed() {
        screen.act(Action::BothStrands(both));
    }
    if state.has_frames(&entry.card.name) {
        let mut all = state.options.all_frames;
        let hint = "The words of this model lie side by side from the start of a window: each window is read once from \
                    each of the bases of its first word, and the answers are averaged. Six times the work for words of six.";
        if ui.checkbox(&mut all, "All reading frames").on_hover_text(hint).changed() {
            screen.act(Action::AllFrames(all));
        }
    }
    if state.has_window_votes(&entry.card.name) {
        windows(ui, state, screen);
    }
    let mut attention = state.options.attention;
    let hint = format!(
        "How much attention each token receives, averaged over layers and attention heads, for up to {} at once.\n\
         Attention shows where information was gathered from, not why the call was made.",
        crate::locus::length(ATTENTION_LIMIT_BP)
    );
    if ui.checkbox(&mut attention, "Attention received").on_hover_text(hint).changed() {
        screen.act(Action::Attention(attention));
    }
    let mut keep = state.keeps_tracks();
    let hint = "Its tracks stay above those of the head that is picked next, and are scored along with them.";
    if ui.checkbox(&mut keep, "Keep tracks to compare").on_hover_text(hint).changed() {
        screen.act(Action::KeepTracks(keep));
    }
    for kept in &state.kept {
        ui.horizontal(|ui| {
            let title = state.head_named(&kept.head).map_or(kept.head.as_str(), |entry| entry.card.title.as_str());
            if controls::icon_button(ui, Icon::Close, &format!("Take away {title}"), "", true).clicked() {
                screen.act(Action::DropKept(kept.head.clone()));
            }
            controls::line(ui, RichText::new(format!("with {title}")).font(theme::regular(12.5)));
        });
    }
}
