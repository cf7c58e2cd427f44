//! A small plot of two shares against each other, both from 0 to 1.

use egui::{Align2, Painter, Pos2, Rect, Response, Role, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo, pos2};

use crate::{
    scale::narrow,
    theme::{self, Palette},
};

/// Widest plot, in points.
const WIDEST: f32 = 240.0;

/// The plot, its ground drawn.
pub(crate) struct Square {
    pub(crate) response: Response,
    pub(crate) painter: Painter,
    rect: Rect,
}

impl Square {
    /// As wide as the panel lets it be; `name` stands above and is what a screen reader reads.
    pub(crate) fn new(ui: &mut Ui, name: &str) -> Self {
        let palette = Palette::of(ui);
        let size = Vec2::splat(ui.available_width().min(WIDEST));
        let (outer, response) = ui.allocate_exact_size(size, Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, name));
        let rect = Rect::from_min_max(outer.min + Vec2::new(4.0, 18.0), outer.max - Vec2::new(4.0, 4.0));
        let painter = ui.painter().with_clip_rect(outer.intersect(ui.clip_rect()));
        painter.text(outer.left_top(), Align2::LEFT_TOP, name, theme::regular(11.5), palette.weak);
        painter.rect_filled(rect, 2.0, palette.canvas);
        for share in [0.25, 0.5, 0.75] {
            let line = Stroke::new(1.0, palette.hairline);
            painter.hline(rect.x_range(), rect.bottom() - rect.height() * share, line);
            painter.vline(rect.left() + rect.width() * share, rect.y_range(), line);
        }
        painter.rect_stroke(rect, 2.0, Stroke::new(1.0, palette.border), egui::StrokeKind::Inside);
        Self { response, painter, rect }
    }

    /// Where two shares stand.
    pub(crate) fn at(&self, x: f64, y: f64) -> Pos2 {
        pos2(self.rect.left() + self.rect.width() * narrow(x), self.rect.bottom() - self.rect.height() * narrow(y))
    }

    /// A line through `points`.
    pub(crate) fn line(&self, points: impl Iterator<Item = (f64, f64)>, stroke: Stroke) {
        self.painter.add(Shape::line(points.map(|(x, y)| self.at(x, y)).collect(), stroke));
    }
}
