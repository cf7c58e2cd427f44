//! How well scores find the features of a track: both curves, and thresholds to take.

use egui::{Align, Align2, Layout, Rect, RichText, Role, ScrollArea, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo, pos2};
use strandscope_worker::{
    Judged, JudgedCut, JudgedPoint,
    genome::{Strand, grouped},
};

use super::controls;
use crate::{
    locus::length,
    scale::narrow,
    screen::{Action, Screen},
    state::{State, compare::Judgement, lanes::LaneId},
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let features: Vec<_> = state.feature_files().collect();
    if features.is_empty() {
        controls::note(
            ui,
            "Open a track of features, such as a BED file of known sites, and see how well the scores find them.",
        );
        return;
    }
    controls::section(ui, "Judge the selected scores by");
    ui.horizontal_wrapped(|ui| {
        for file in features {
            if ui.button(file.name()).clicked() {
                screen.act(Action::Judge(file.id, None));
            }
        }
    });
    let Some(judgement) = &state.judgement else { return };
    ui.add_space(8.0);
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| match &judgement.judged {
        Some(judged) => shown(ui, judgement, judged, screen),
        None if state.failure.is_some() => {}
        None => {
            controls::note(ui, "Judging …");
        }
    });
}

fn shown(ui: &mut Ui, judgement: &Judgement, judged: &Judged, screen: &mut Screen) {
    let (scores, features) = &judgement.names;
    ui.label(RichText::new(format!("{scores} by {features}")).font(theme::semibold(13.5)));
    controls::note(ui, judgement.region.to_string());
    ui.add_space(6.0);
    let size = Vec2::splat(ui.available_width().min(240.0));
    curve(ui, size, "Recall against false positives", judged, |point| (point.false_positive_share, point.recall));
    controls::note(ui, format!("Area under ROC {:.3}", judged.auroc));
    ui.add_space(6.0);
    curve(ui, size, "Precision against recall", judged, |point| (point.recall, point.precision));
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
fn curve(ui: &mut Ui, size: Vec2, name: &str, judged: &Judged, place: impl Fn(&JudgedPoint) -> (f64, f64)) {
    let palette = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, name));
    let plot = Rect::from_min_max(rect.min + Vec2::new(4.0, 18.0), rect.max - Vec2::new(4.0, 4.0));
    let painter = ui.painter();
    painter.text(rect.left_top(), Align2::LEFT_TOP, name, theme::regular(11.5), palette.weak);
    painter.rect_filled(plot, 2.0, palette.canvas);
    for share in [0.25, 0.5, 0.75] {
        let line = Stroke::new(1.0, palette.hairline);
        painter.hline(plot.x_range(), plot.bottom() - plot.height() * share, line);
        painter.vline(plot.left() + plot.width() * share, plot.y_range(), line);
    }
    painter.rect_stroke(plot, 2.0, Stroke::new(1.0, palette.border), egui::StrokeKind::Inside);
    let on_screen =
        |(x, y): (f64, f64)| pos2(plot.left() + plot.width() * narrow(x), plot.bottom() - plot.height() * narrow(y));
    let points = judged.points.iter().map(|point| on_screen(place(point))).collect();
    painter.add(Shape::line(points, Stroke::new(2.0, palette.accent)));
}
