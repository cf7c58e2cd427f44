//! The difference of two lanes, and how they go together.

use egui::{Align2, Id, Mesh, Rangef, Rect, Role, Sense, Stroke, Ui, WidgetInfo};
use strandscope_worker::genome::pearson;

use super::{canvas::Column, lane, values};
use crate::{
    scale::index,
    state::{
        State,
        axis::Axis,
        lanes::{Lane, LaneId},
    },
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, rect: Rect, pair: &(LaneId, LaneId), column: &Column<'_>, state: &State) {
    let palette = Palette::of(ui);
    let plot = Rect::from_x_y_ranges(rect.x_range(), Rangef::new(rect.top() + 8.0, rect.bottom() - 10.0));
    let (first, second) = (by_pixel(&pair.0, column, state), by_pixel(&pair.1, column, state));
    let differences: Vec<f32> = first.iter().zip(&second).map(|(first, second)| second - first).collect();
    let most = differences.iter().filter(|value| value.is_finite()).fold(0.0_f32, |most, value| most.max(value.abs()));
    let axis = Axis::about_zero(most);
    lane::axis(ui, plot, &axis, column.number == 0, palette);
    let mut mesh = Mesh::default();
    let zero = plot.center().y;
    for (at, value) in differences.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        let y = plot.bottom() - plot.height() * axis.share(*value);
        let ink = if *value > 0.0 { palette.more } else { palette.less };
        let x = plot.left() + at as f32;
        let bar =
            Rect::from_x_y_ranges(Rangef::new(x, (x + 1.0).min(plot.right())), Rangef::new(y.min(zero), y.max(zero)));
        mesh.add_colored_rect(bar, ink);
    }
    ui.painter_at(plot).add(mesh);
    let together = correlation(&first, &second);
    if let Some(together) = &together {
        note(ui, plot, together, palette);
    } else {
        lane::say(ui, plot, "Both lanes have no values here.", palette);
    }
    let response = ui.interact(plot, Id::unique(("difference", pair, column.number)), Sense::hover());
    let text = format!("Difference, at most {}. {}", lane::number(most), together.unwrap_or_default());
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, &text));
}

/// How two lanes that are drawn over each other go together, in the corner of their plot.
pub(crate) fn together(ui: &Ui, plot: Rect, lanes: &[Lane], column: &Column<'_>, state: &State) {
    let [first, second] = lanes else { return };
    let values = [first, second].map(|lane| by_pixel(&lane.id, column, state));
    if let Some(text) = correlation(&values[0], &values[1]) {
        note(ui, plot, &text, Palette::of(ui));
    }
}

/// The correlation of what is in view, as it is told.
fn correlation(first: &[f32], second: &[f32]) -> Option<String> {
    pearson(first, second).map(|r| format!("r = {r:.2} in view"))
}

fn note(ui: &Ui, plot: Rect, text: &str, palette: &Palette) {
    let galley = ui.painter().layout_no_wrap(text.to_owned(), theme::semibold(11.5), palette.text);
    let place = Align2::RIGHT_TOP.anchor_size(plot.right_top() + egui::vec2(-6.0, 3.0), galley.size());
    ui.painter().rect_filled(place.expand2(egui::vec2(5.0, 2.0)), 4.0, palette.panel);
    ui.painter().rect_stroke(
        place.expand2(egui::vec2(5.0, 2.0)),
        4.0,
        Stroke::new(1.0, palette.border),
        egui::StrokeKind::Inside,
    );
    ui.painter().galley(place.min, galley, palette.text);
}

/// The mean value of a lane in each column of pixels; NaN where there is none.
fn by_pixel(id: &LaneId, column: &Column<'_>, state: &State) -> Vec<f32> {
    let x = column.scale.x();
    let mut sums = vec![(0.0_f32, 0.0_f32); index(crate::scale::whole(f64::from(x.span().ceil())))];
    for step in steps(id, column, state) {
        let (from, to) = (step.x.min.max(x.min) - x.min, step.x.max.min(x.max) - x.min);
        let first = index(crate::scale::whole(f64::from(from.floor())));
        let end = index(crate::scale::whole(f64::from(to.ceil()))).min(sums.len());
        for (at, sum) in sums.iter_mut().enumerate().take(end).skip(first) {
            let share = (to.min(at as f32 + 1.0) - from.max(at as f32)).max(0.0);
            *sum = (sum.0 + share * step.mean, sum.1 + share);
        }
    }
    sums.into_iter().map(|(sum, weight)| if weight > 0.0 { sum / weight } else { f32::NAN }).collect()
}

fn steps(id: &LaneId, column: &Column<'_>, state: &State) -> Vec<values::Step> {
    if let LaneId::File(file) = id {
        let file = state.file(*file);
        return file.map_or_else(Vec::new, |file| values::steps_of_file(&column.scale, file, column.locus.record));
    }
    let contig = state.genome.as_ref().map_or("", |genome| genome.contig_of(column.locus).name.as_str());
    let lanes = state.all_lanes();
    let lane = lanes.iter().find(|lane| lane.id == *id);
    let layers = lane.map_or_else(Vec::new, |lane| state.layers(lane, contig));
    layers.iter().flat_map(|layer| values::steps_of_layer(&column.scale, layer)).collect()
}
