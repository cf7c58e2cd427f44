//! Where the model's tokens begin and end.

use egui::{Align2, Id, Rangef, Rect, Role, Sense, Ui, WidgetInfo};

use super::canvas::{Row, gutter_text};
use crate::{
    scale::Scale,
    screen::Screen,
    state::State,
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, row: Row, scale: &Scale, state: &State, screen: &Screen) {
    let Some(genome) = &state.genome else { return };
    let palette = Palette::of(ui);
    let strip = Rect::from_x_y_ranges(row.plot.x_range(), Rangef::new(row.plot.top(), row.plot.bottom() - 8.0));
    let painter = ui.painter_at(strip);
    let (first_bp, end_bp) = (scale.first_bp(), scale.end_bp());
    let mut count = 0_usize;
    for (_, tokens) in state.tokens.overlapping(genome.record, first_bp, end_bp) {
        let from = tokens.partition_point(|token| token.end_bp <= first_bp);
        for (at, token) in tokens.iter().enumerate().skip(from).take_while(|(_, token)| token.start_bp < end_bp) {
            let (left, right) = (scale.px_from_bp(token.start_bp as f64), scale.px_from_bp(token.end_bp as f64));
            let gap = if right - left > 4.0 { 0.75 } else { 0.0 };
            let cell = Rect::from_x_y_ranges(Rangef::new(left + gap, right - gap), strip.y_range());
            painter.rect_filled(cell, if gap > 0.0 { 3.0 } else { 0.0 }, palette.tokens[at % 2]);
            if right - left > 26.0 {
                let text = (token.end_bp - token.start_bp).to_string();
                let middle = cell.intersect(strip).center();
                painter.text(middle, Align2::CENTER_CENTER, text, theme::mono(10.5), palette.weak);
            }
            count += 1;
        }
    }
    let middle = strip.center().y;
    match screen.cursor_bp.and_then(|bp| state.token_at(bp)) {
        Some(token) => {
            let text = format!("{} #{}", token.text, token.id);
            gutter_text(ui, row.gutter, middle, &text, theme::mono(11.0), palette.text);
        }
        None => gutter_text(ui, row.gutter, middle, "tokens", theme::regular(12.0), palette.weak),
    }
    let response = ui.interact(strip, Id::unique("tokens"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, format!("Tokens, {count} in view")));
}
