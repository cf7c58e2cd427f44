//! The values of a track: an area under a stepped line, hatched where there are none.

use egui::{Color32, Mesh, Pos2, Rangef, Rect, Shape, Stroke, Ui, pos2};
use strandscope_worker::genome::MissingRun;

use crate::{
    scale::{Scale, whole},
    state::pieces::Layer,
    theme::Palette,
};

/// Values narrower than this are drawn by columns of pixels.
const LEAST_STEP_PX: f32 = 1.0;

/// Draws what no newer layer lies over.
pub(crate) fn paint(
    ui: &Ui,
    plot: Rect,
    scale: &Scale,
    layer: &Layer<'_>,
    range: (f32, f32),
    colour: Color32,
    palette: &Palette,
) {
    let painter = ui.painter_at(plot.expand2(egui::vec2(0.0, 2.0)));
    for &(start_bp, end_bp) in &layer.parts {
        let (from, to) = (start_bp.max(scale.first_bp()), end_bp.min(scale.end_bp()));
        if from >= to {
            continue;
        }
        hatch(ui, plot, scale, &layer.track.missing, (from, to), palette);
        let mut pen = Pen::new(plot, range, colour);
        steps(scale, layer, (from, to), |x, high| match high {
            Some(value) => pen.step(x, value),
            None => pen.lift(),
        });
        pen.lift();
        painter.add(pen.area);
        painter.extend(pen.lines);
    }
}

/// Calls `draw` with the pixels and the value of each step: single values where they are wide enough, otherwise the
/// highest value of each column of pixels.
fn steps(scale: &Scale, layer: &Layer<'_>, (from, to): (u64, u64), mut draw: impl FnMut(Rangef, Option<f32>)) {
    let values = layer.track.values_in(from, to);
    let x = Rangef::new(scale.px_from_bp(from as f64), scale.px_from_bp(to as f64));
    if values.len() as f32 * LEAST_STEP_PX <= x.span() {
        let mut last_end_bp = None;
        for at in values {
            let (start_bp, end_bp) = layer.track.span_of(at);
            let (start_bp, end_bp) = (start_bp.max(from), end_bp.min(to));
            if last_end_bp.is_some_and(|last| last < start_bp) {
                draw(Rangef::NOTHING, None);
            }
            last_end_bp = Some(end_bp);
            let value = layer.track.values.get(at).copied().filter(|value| value.is_finite());
            draw(Rangef::new(scale.px_from_bp(start_bp as f64), scale.px_from_bp(end_bp as f64)), value);
        }
        return;
    }
    let mut left = x.min;
    while left < x.max {
        let right = (left + 1.0).min(x.max);
        let column = (whole(scale.bp_from_px(left)).max(from), whole(scale.bp_from_px(right).ceil()).min(to));
        draw(Rangef::new(left, right), layer.extent(column.0, column.1).map(|extent| extent.high));
        left = right;
    }
}

/// Draws steps from left to right.
struct Pen {
    plot: Rect,
    range: (f32, f32),
    colour: Color32,
    area: Mesh,
    lines: Vec<Shape>,
    points: Vec<Pos2>,
}

impl Pen {
    fn new(plot: Rect, range: (f32, f32), colour: Color32) -> Self {
        Self { plot, range, colour, area: Mesh::default(), lines: Vec::new(), points: Vec::new() }
    }

    fn y(&self, value: f32) -> f32 {
        let (low, high) = self.range;
        self.plot.bottom() - self.plot.height() * ((value - low) / (high - low)).clamp(0.0, 1.0)
    }

    fn step(&mut self, x: Rangef, value: f32) {
        let y = self.y(value);
        let ground = self.y(0.0_f32.clamp(self.range.0, self.range.1));
        let column = Rect::from_x_y_ranges(x, Rangef::new(y.min(ground), y.max(ground)));
        self.area.add_colored_rect(column, self.colour.gamma_multiply(0.26));
        // A level stretch needs its ends only.
        if let [.., before, last] = &mut self.points[..]
            && before.y == y
            && last.y == y
        {
            last.x = x.max;
            return;
        }
        self.points.extend([pos2(x.min, y), pos2(x.max, y)]);
    }

    fn lift(&mut self) {
        if !self.points.is_empty() {
            self.lines.push(Shape::line(std::mem::take(&mut self.points), Stroke::new(1.5, self.colour)));
        }
    }
}

/// Slanted lines where a track has no value.
fn hatch(ui: &Ui, plot: Rect, scale: &Scale, missing: &[MissingRun], (from, to): (u64, u64), palette: &Palette) {
    const SPACING: f32 = 6.0;
    const MOST: usize = 2_000;
    let first = missing.partition_point(|run| run.end_bp <= from);
    for run in missing[first..].iter().take_while(|run| run.start_bp < to).take(MOST) {
        let left = scale.px_from_bp(run.start_bp.max(from) as f64);
        let right = scale.px_from_bp(run.end_bp.min(to) as f64).max(left + 1.0);
        let rect = Rect::from_x_y_ranges(Rangef::new(left, right), plot.y_range()).intersect(plot);
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
