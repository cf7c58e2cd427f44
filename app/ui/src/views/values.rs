//! Values on an axis, in any form: areas, lines, bars, points, strength of colour.

use egui::{Color32, Mesh, Painter, Rangef, Rect, Shape, Stroke, pos2};
use strandscope_worker::Tile;

use crate::{
    scale::{Scale, index},
    state::{
        axis::{Axis, Style},
        files::OpenFile,
        pieces::Layer,
        tiles::level,
    },
};

/// Values narrower than this are drawn by columns of pixels.
const LEAST_STEP_PX: f32 = 1.0;

/// A value as it is drawn, or what a column of pixels holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) x: Rangef,
    pub(crate) mean: f32,
    pub(crate) high: f32,
}

/// The steps of what a layer shows in view, from left to right.
pub(crate) fn steps_of_layer(scale: &Scale, layer: &Layer<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    for &(start_bp, end_bp) in &layer.parts {
        let (from, to) = (start_bp.max(scale.first_bp()), end_bp.min(scale.end_bp()));
        if from < to {
            add_steps(scale, layer, (from, to), &mut steps);
        }
    }
    steps.sort_by(|a, b| a.x.min.total_cmp(&b.x.min));
    steps
}

/// Single values where they are wide enough, otherwise columns of pixels.
fn add_steps(scale: &Scale, layer: &Layer<'_>, (from, to): (u64, u64), steps: &mut Vec<Step>) {
    let values = layer.track.values_in(from, to);
    let x = scale.px_range(from, to);
    if values.len() as f32 * LEAST_STEP_PX <= x.span() {
        steps.extend(values.filter_map(|at| {
            let value = layer.track.values.get(at).copied().filter(|value| value.is_finite())?;
            let (start_bp, end_bp) = layer.track.span_of(at);
            Some(Step { x: scale.px_range(start_bp.max(from), end_bp.min(to)), mean: value, high: value })
        }));
        return;
    }
    let mut left = x.min.floor();
    while left < x.max {
        let column = Rangef::new(left, left + 1.0);
        let (start_bp, end_bp) = scale.bp_range(column);
        if let Some(seen) = layer.summary(start_bp.max(from), end_bp.min(to)) {
            steps.push(Step { x: column, mean: seen.mean(), high: seen.high });
        }
        left += 1.0;
    }
}

/// The steps of what has been read of a file for the view, from left to right.
pub(crate) fn steps_of_file(scale: &Scale, file: &OpenFile, record: usize) -> Vec<Step> {
    let range_bp = (scale.first_bp(), scale.end_bp());
    let mut steps = Vec::new();
    for piece in file.tiles.best(record, level(scale.span_bp()), range_bp) {
        let Tile::Values(bins) = piece.tile else { continue };
        let (width_bp, first_bp) = (1_u64 << piece.key.level, piece.key.range_bp().0);
        let from = index((piece.range_bp.0 - first_bp) / width_bp);
        let to = index((piece.range_bp.1 - first_bp).div_ceil(width_bp)).min(bins.len());
        for (at, bin) in bins.iter().enumerate().take(to).skip(from).filter(|(_, bin)| bin.mean.is_finite()) {
            let start_bp = first_bp + at as u64 * width_bp;
            let cut = (start_bp.max(piece.range_bp.0), (start_bp + width_bp).min(piece.range_bp.1));
            let high = if bin.high.abs() >= bin.low.abs() { bin.high } else { bin.low };
            steps.push(Step { x: scale.px_range(cut.0, cut.1), mean: bin.mean, high });
        }
    }
    steps.sort_by(|a, b| a.x.min.total_cmp(&b.x.min));
    steps
}

/// Draws steps into `plot`, upwards from where the axis has 0.
pub(crate) fn paint(painter: &Painter, plot: Rect, axis: &Axis, style: Style, colour: Color32, steps: &[Step]) {
    match style {
        Style::Area => {
            painter.add(columns(plot, axis, steps, |step| step.high, colour.gamma_multiply(0.22)));
            if steps.iter().any(|step| step.mean != step.high) {
                painter.add(columns(plot, axis, steps, |step| step.mean, colour.gamma_multiply(0.3)));
            }
            painter.extend(outline(plot, axis, steps, colour));
        }
        Style::Line => {
            painter.extend(outline(plot, axis, steps, colour));
        }
        Style::Bars => {
            painter.add(columns(plot, axis, steps, |step| step.high, colour));
        }
        Style::Points => points(painter, plot, axis, steps, colour),
        Style::Heat => {
            painter.add(heat(plot, axis, steps, colour));
        }
    }
}

fn y_of(plot: Rect, axis: &Axis, value: f32) -> f32 {
    plot.bottom() - plot.height() * axis.share(value)
}

/// A filled column for each step.
fn columns(plot: Rect, axis: &Axis, steps: &[Step], value: impl Fn(&Step) -> f32, colour: Color32) -> Mesh {
    let base = plot.bottom() - plot.height() * axis.base();
    let mut mesh = Mesh::default();
    for step in steps {
        let y = y_of(plot, axis, value(step));
        let x = Rangef::new(step.x.min.max(plot.left()), step.x.max.min(plot.right()));
        if x.min < x.max && y != base {
            mesh.add_colored_rect(Rect::from_x_y_ranges(x, Rangef::new(y.min(base), y.max(base))), colour);
        }
    }
    mesh
}

/// A stepped line over the steps, broken where they do not touch.
fn outline(plot: Rect, axis: &Axis, steps: &[Step], colour: Color32) -> Vec<Shape> {
    const TOUCH_PX: f32 = 0.6;
    let stroke = Stroke::new(1.5, colour);
    let (mut lines, mut points) = (Vec::new(), Vec::new());
    let mut end = f32::NEG_INFINITY;
    for step in steps {
        if step.x.min > end + TOUCH_PX && !points.is_empty() {
            lines.push(Shape::line(std::mem::take(&mut points), stroke));
        }
        let y = y_of(plot, axis, step.high);
        points.extend([pos2(step.x.min, y), pos2(step.x.max, y)]);
        end = step.x.max;
    }
    if !points.is_empty() {
        lines.push(Shape::line(points, stroke));
    }
    lines
}

fn points(painter: &Painter, plot: Rect, axis: &Axis, steps: &[Step], colour: Color32) {
    const RADIUS: f32 = 2.0;
    let circle = |step: &Step| Shape::circle_filled(pos2(step.x.center(), y_of(plot, axis, step.high)), RADIUS, colour);
    painter.extend(steps.iter().map(circle));
}

/// Each step as strength of colour, over the whole height.
fn heat(plot: Rect, axis: &Axis, steps: &[Step], colour: Color32) -> Mesh {
    let mut mesh = Mesh::default();
    for step in steps {
        let x = Rangef::new(step.x.min.max(plot.left()), step.x.max.min(plot.right()));
        let base = axis.base();
        let strength = (axis.share(step.high) - base).abs() / base.max(1.0 - base);
        if x.min < x.max && strength > 0.0 {
            mesh.add_colored_rect(Rect::from_x_y_ranges(x, plot.y_range()), colour.gamma_multiply(strength));
        }
    }
    mesh
}
