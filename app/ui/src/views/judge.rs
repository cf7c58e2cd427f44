//! How well scores find the features of a track: both curves, and thresholds to take.

use egui::{Align, Layout, RichText, ScrollArea, Stroke, Ui};
use strandscope_worker::{
    Judged, JudgedCut, JudgedPoint,
    genome::{Strand, grouped},
};

use super::{controls, plot::Square, relate};
use crate::{
    locus::length,
    scale::narrow,
    screen::{Action, Screen},
    state::{State, compare::Judgement, lanes::LaneId},
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        by_features(ui, state, screen);
        ui.add_space(theme::SECTION_GAP);
        relate::ui(ui, state, screen);
    });
}

fn by_features(ui: &mut Ui, state: &State, screen: &mut Screen) {
    controls::section(ui, "Judge the selected scores by");
    let features: Vec<_> = state.feature_files().collect();
    if features.is_empty() {
        controls::note(
            ui,
            "Open a track of features, such as a BED file of known sites, and see how well the scores find them.",
        );
        return;
    }
    ui.horizontal_wrapped(|ui| {
        for file in features {
            if ui.button(file.name()).clicked() {
                screen.act(Action::Judge(file.id, None));
            }
        }
    });
    let Some(judgement) = &state.judgement else { return };
    ui.add_space(8.0);
    match &judgement.judged {
        Some(judged) => shown(ui, judgement, judged, screen),
        None if state.failure.is_some() => {}
        None => {
            controls::note(ui, "Judging …");
        }
    }
}

fn shown(ui: &mut Ui, judgement: &Judgement, judged: &Judged, screen: &mut Screen) {
    let (scores, features) = &judgement.names;
    ui.label(RichText::new(format!("{scores} by {features}")).font(theme::semibold(13.5)));
    controls::note(ui, judgement.region.to_string());
    ui.add_space(6.0);
    curve(ui, "Recall against false positives", judged, |point| (point.false_positive_share, point.recall));
    controls::note(ui, format!("Area under ROC {:.3}", judged.auroc));
    ui.add_space(6.0);
    curve(ui, "Precision against recall", judged, |point| (point.recall, point.precision));
    let chance = judged.positives as f64 / (judged.positives + judged.negatives).max(1) as f64;
    controls::note(ui, format!("Average precision {:.3}; chance gives {chance:.3}", judged.auprc));
    ui.add_space(8.0);
    controls::section(ui, "Thresholds to take");
    for (name, cut) in [("best F1", &judged.best_f1), ("best balance", &judged.best_youden)] {
        row(ui, name, cut, &judgement.lane, screen);
    }
    ui.add_space(8.0);
    controls::note(ui, explained(judged));
}

fn row(ui: &mut Ui, name: &str, cut: &JudgedCut, lane: &LaneId, screen: &mut Screen) {
    ui.horizontal(|ui| {
        ui.label(name);
        ui.label(RichText::new(format!("{:.3}", cut.threshold)).font(theme::mono(12.5)));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("Take").on_hover_text(format!("Puts the threshold at {:.3}", cut.threshold)).clicked()
                && let LaneId::Score { key, .. } = lane
            {
                screen.act(Action::Threshold(key.label.clone(), narrow(cut.threshold)));
            }
        });
    });
    controls::note(ui, format!("recall {:.2}, precision {:.2}", cut.recall, cut.precision));
}

/// What was counted as what.
fn explained(judged: &Judged) -> String {
    let strand = match judged.strand {
        Some(Strand::Forward) => " of the forward strand",
        Some(Strand::Reverse) => " of the reverse strand",
        None => "",
    };
    let without = match judged.without_score {
        0 => String::new(),
        count => format!(" {} of both have no score and are left out.", grouped(count)),
    };
    format!(
        "{} features{strand} against {} stretches of {} of the rest, each with the highest score of its bases.{without} A \
         threshold that is chosen here has seen these features: judge it on others.",
        grouped(judged.positives),
        grouped(judged.negatives),
        length(judged.width_bp),
    )
}

/// A curve in the unit square.
fn curve(ui: &mut Ui, name: &str, judged: &Judged, place: impl Fn(&JudgedPoint) -> (f64, f64)) {
    let colour = Palette::of(ui).accent;
    Square::new(ui, name).line(judged.points.iter().map(place), Stroke::new(2.0, colour));
}
