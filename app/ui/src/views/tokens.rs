//! Where the model's tokens begin and end.

use egui::{Align2, Id, Rangef, Rect, Role, Sense, Ui, WidgetInfo};

use super::canvas::Column;
use crate::{
    state::{State, TOKENS_IN_VIEW_BP},
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, rect: Rect, column: &Column<'_>, state: &State) {
    let palette = Palette::of(ui);
    let strip = Rect::from_x_y_ranges(rect.x_range(), Rangef::new(rect.top(), rect.bottom() - 8.0));
    if column.locus.view.span_bp() > TOKENS_IN_VIEW_BP {
        super::lane::say(ui, strip, "Zoom in to see tokens", palette);
        return;
    }
    let painter = ui.painter_at(strip);
    let (first_bp, end_bp) = (column.scale.first_bp(), column.scale.end_bp());
    let mut count = 0_usize;
    for (_, tokens) in state.tokens.overlapping(column.locus.record, first_bp, end_bp) {
        let from = tokens.partition_point(|token| token.end_bp <= first_bp);
        for (at, token) in tokens.iter().enumerate().skip(from).take_while(|(_, token)| token.start_bp < end_bp) {
            let x = column.scale.px_range(token.start_bp, token.end_bp);
            let gap = if x.span() > 4.0 { 0.75 } else { 0.0 };
            let cell = Rect::from_x_y_ranges(Rangef::new(x.min + gap, x.max - gap), strip.y_range());
            painter.rect_filled(cell, if gap > 0.0 { 3.0 } else { 0.0 }, palette.tokens[at % 2]);
            if x.span() > 26.0 {
                let text = (token.end_bp - token.start_bp).to_string();
                let middle = cell.intersect(strip).center();
                painter.text(middle, Align2::CENTER_CENTER, text, theme::mono(10.5), palette.weak);
            }
            count += 1;
        }
    }
    let response = ui.interact(strip, Id::unique(("tokens", column.number)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, format!("Tokens, {count} in view")));
}
