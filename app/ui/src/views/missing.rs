//! Where a track has no value: slanted lines.

use egui::{Rect, Stroke, Ui, pos2};

use crate::{scale::Scale, state::pieces::Layer, theme::Palette};

/// Hatches what of a layer was scored and has no value.
pub(crate) fn hatch(ui: &Ui, plot: Rect, scale: &Scale, layer: &Layer<'_>, palette: &Palette) {
    const SPACING: f32 = 6.0;
    const MOST: usize = 2_000;
    for &(start_bp, end_bp) in &layer.parts {
        let (from, to) = (start_bp.max(scale.first_bp()), end_bp.min(scale.end_bp()));
        let missing = &layer.track.missing;
        let first = missing.partition_point(|run| run.end_bp <= from);
        for run in missing[first..].iter().take_while(|run| run.start_bp < to).take(MOST) {
            let x = scale.px_range(run.start_bp.max(from), run.end_bp.min(to));
            let x = egui::Rangef::new(x.min, x.max.max(x.min + 1.0));
            let rect = Rect::from_x_y_ranges(x, plot.y_range()).intersect(plot);
            if !rect.is_positive() {
                continue;
            }
            let painter = ui.painter_at(rect);
            painter.rect_filled(rect, 0.0, palette.unscored);
            let stroke = Stroke::new(1.0, palette.missing);
            // Lines stand on a fixed grid, so that they do not swim while the view moves past the run's end.
            let mut x = (rect.left() / SPACING).floor() * SPACING - rect.height();
            while x < rect.right() {
                painter.line_segment([pos2(x, rect.bottom()), pos2(x + rect.height(), rect.top())], stroke);
                x += SPACING;
            }
        }
    }
}
