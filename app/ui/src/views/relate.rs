//! How two lanes of values go together: correlations, and one lane shifted against the other.

use egui::{Align2, Rect, RichText, Role, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo, pos2};
use strandscope_worker::{Related, genome::grouped};

use super::controls;
use crate::{
    locus::length,
    scale::narrow,
    screen::{Action, Screen},
    state::{State, relation::Relation},
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    controls::section(ui, "How two tracks of values go together");
    match state.lanes_to_relate() {
        Some([first, second]) => {
            let text = format!("{} and {}", first.name, second.name);
            if ui.button(text).on_hover_text("Wherever both are known  (Shift+J)").clicked() {
                screen.act(Action::Relate);
            }
        }
        None => {
            controls::note(
                ui,
                "Click the name of one lane, then of another with Ctrl held: scores, or your own tracks.",
            );
        }
    }
    if let Some(relation) = &state.relation {
        ui.add_space(6.0);
        match &relation.related {
            Some(related) => shown(ui, relation, related),
            None if state.failure.is_some() => {}
            None => {
                ui.horizontal(|ui| {
                    controls::note(ui, "Comparing …");
                    if ui.button("Stop").clicked() {
                        screen.act(Action::StopRelating);
                    }
                });
            }
        }
    }
}

fn shown(ui: &mut Ui, relation: &Relation, related: &Related) {
    let (first, second) = &relation.names;
    ui.label(RichText::new(format!("{first} and {second}")).font(theme::semibold(13.5)));
    controls::note(ui, where_known(relation, related));
    ui.add_space(4.0);
    row(ui, "Pearson's r", related.pearson);
    row(ui, "Spearman's ρ", related.spearman);
    if related.lags.len() > 1 {
        ui.add_space(4.0);
        lags(ui, related);
        if let Some((lag, r)) = related.strongest() {
            controls::note(ui, shift_in_words(first, second, lag, r));
        }
    }
}

fn where_known(relation: &Relation, related: &Related) -> String {
    let stretches = match related.stretches {
        1 => "one stretch".to_owned(),
        count => format!("{} stretches", grouped(count)),
    };
    let bins = match related.bin_bp {
        1 => format!("{} bases with both", grouped(related.pairs)),
        width_bp => format!("{} bins of {} with both", grouped(related.pairs), length(width_bp)),
    };
    let cut =
        relation.looked_at_bp.map_or_else(String::new, |bp| format!(" Looked at the first {} of it.", length(bp)));
    format!("{} in {stretches} that both cover: {bins}.{cut}", length(related.length_bp))
}

fn row(ui: &mut Ui, name: &str, value: Option<f64>) {
    ui.horizontal(|ui| {
        ui.label(name);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let text = value.map_or_else(|| "not defined".to_owned(), |value| format!("{value:.3}"));
            ui.label(RichText::new(text).font(theme::mono(13.0)));
        });
    });
}

/// The shift at which tracks go together most, as a sentence.
fn shift_in_words(first: &str, second: &str, lag: i64, r: f64) -> String {
    let apart = length(lag.unsigned_abs());
    match lag {
        0 => format!("Strongest without a shift: r = {r:.3}"),
        1.. => format!("Strongest where {second} lies {apart} further right than {first}: r = {r:.3}"),
        _ => format!("Strongest where {second} lies {apart} further left than {first}: r = {r:.3}"),
    }
}

/// The correlation against the shift, with the value under the pointer.
fn lags(ui: &mut Ui, related: &Related) {
    const HEIGHT: f32 = 120.0;
    let palette = Palette::of(ui);
    let (outer, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEIGHT), Sense::hover());
    let name = "Correlation against shift";
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, name));
    let plot = Rect::from_min_max(outer.min + Vec2::new(4.0, 18.0), outer.max - Vec2::new(4.0, 16.0));
    let painter = ui.painter();
    painter.text(outer.left_top(), Align2::LEFT_TOP, name, theme::regular(11.5), palette.weak);
    painter.rect_filled(plot, 2.0, palette.canvas);
    let most_lag = related.lags.iter().map(|(lag, _)| lag.unsigned_abs()).max().unwrap_or(1).max(1);
    let most_r = related.lags.iter().map(|(_, r)| r.abs()).fold(0.1, f64::max);
    let x = |lag: i64| plot.center().x + plot.width() / 2.0 * narrow(lag as f64 / most_lag as f64);
    let y = |r: f64| plot.center().y - plot.height() / 2.0 * narrow(r / most_r);
    painter.hline(plot.x_range(), y(0.0), Stroke::new(1.0, palette.border));
    painter.vline(x(0), plot.y_range(), Stroke::new(1.0, palette.border));
    let line = related.lags.iter().map(|&(lag, r)| pos2(x(lag), y(r))).collect();
    painter.add(Shape::line(line, Stroke::new(1.5, palette.accent)));
    let reach = length(most_lag);
    for (anchor, at, text) in [
        (Align2::LEFT_TOP, plot.left_bottom(), format!("−{reach}")),
        (Align2::RIGHT_TOP, plot.right_bottom(), format!("+{reach}")),
        (Align2::RIGHT_TOP, plot.right_top() - Vec2::new(4.0, 0.0), format!("r = {most_r:.2}")),
    ] {
        painter.text(at + Vec2::new(0.0, 2.0), anchor, text, theme::mono(10.0), palette.faint);
    }
    let Some(pointer) = response.hover_pos() else { return };
    let nearest = related.lags.iter().min_by(|left, right| {
        let apart = |lag: i64| (x(lag) - pointer.x).abs();
        apart(left.0).total_cmp(&apart(right.0))
    });
    if let Some(&(lag, r)) = nearest {
        painter.circle_filled(pos2(x(lag), y(r)), 3.0, palette.accent);
        let sign = if lag < 0 { "−" } else { "+" };
        response.on_hover_text_at_pointer(format!("{sign}{}: r = {r:.3}", length(lag.unsigned_abs())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_are_told_in_words() {
        assert!(shift_in_words("donor", "mine.bw", 12, 0.5).contains("mine.bw lies 12 bp further right than donor"));
        assert!(shift_in_words("donor", "mine.bw", -3, 0.5).contains("3 bp further left"));
        assert!(shift_in_words("donor", "mine.bw", 0, -0.25).ends_with("r = -0.250"));
    }
}
