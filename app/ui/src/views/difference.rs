//! The difference of two lanes, and how they go together.

use egui::{Align2, Id, Mesh, Rangef, Rect, Role, Sense, Stroke, Ui, WidgetInfo};
use strandscope_worker::genome::pearson;

use super::{canvas::Column, lane, sequence, values};
use crate::{
    scale::index,
    state::{
        State,
        axis::Axis,
        lanes::{Lane, LaneId},
    },
    theme::{self, Palette},
};

/// Values of two lanes that belong together: those of a base, or means of a pixel where bases are narrower.
struct Pair {
    x: Rangef,
    first: f32,
    second: f32,
}

/// The second lane less the first.
pub(crate) fn ui(ui: &mut Ui, rect: Rect, pair: &(LaneId, LaneId), column: &Column<'_>, state: &State) {
    let pairs = pairs(pair, column, column, state);
    draw(ui, rect, pair, column, &pairs, "Both lanes have no values here.");
}

/// What B's lane is more than A's, where B is.
pub(crate) fn versus(ui: &mut Ui, rect: Rect, pair: &(LaneId, LaneId), column: &Column<'_>, state: &State) {
    let Some(genome) = &state.genome else { return };
    if genome.compared().is_none_or(|(_, b)| b != column.number) {
        return;
    }
    let Some(a) = genome.counterpart(column.locus) else {
        let how = "A and B show different numbers of bases: move them together (L), then zoom.";
        lane::say(ui, rect, how, Palette::of(ui));
        return;
    };
    // A's values where they would stand if A were here.
    let beside = Column { locus: a, scale: a.view.scale(column.scale.x()), ..*column };
    let pairs = pairs(pair, &beside, column, state);
    draw(ui, rect, pair, column, &pairs, "A and B have not both been scored here.");
}

fn draw(ui: &mut Ui, rect: Rect, id: &(LaneId, LaneId), column: &Column<'_>, pairs: &[Pair], nothing: &str) {
    let palette = Palette::of(ui);
    let plot = Rect::from_x_y_ranges(rect.x_range(), Rangef::new(rect.top() + 8.0, rect.bottom() - 10.0));
    let differences =
        || pairs.iter().map(|pair| (pair.x, pair.second - pair.first)).filter(|(_, value)| value.is_finite());
    let most = differences().fold(0.0_f32, |most, (_, value)| most.max(value.abs()));
    let axis = Axis::about_zero(most);
    lane::axis(ui, plot, &axis, true, palette);
    let mut mesh = Mesh::default();
    let zero = plot.center().y;
    for (x, value) in differences() {
        let y = plot.bottom() - plot.height() * axis.share(value);
        let ink = if value > 0.0 { palette.more } else { palette.less };
        mesh.add_colored_rect(Rect::from_x_y_ranges(x, Rangef::new(y.min(zero), y.max(zero))), ink);
    }
    ui.painter_at(plot).add(mesh);
    let together = correlation(pairs);
    if let Some(together) = &together {
        note(ui, plot, together, palette);
    }
    let is_known = differences().next().is_some();
    if !is_known {
        lane::say(ui, plot, nothing, palette);
    }
    let response = ui.interact(plot, Id::unique(("difference", id, column.number)), Sense::hover());
    let text = if is_known {
        format!("Difference, at most {}. {}", lane::number(most), together.unwrap_or_default())
    } else {
        format!("Difference. {nothing}")
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, &text));
}

/// How two lanes that are drawn over each other go together, in the corner of their plot.
pub(crate) fn together(ui: &Ui, plot: Rect, lanes: &[Lane], column: &Column<'_>, state: &State) {
    let [first, second] = lanes else { return };
    let pairs = pairs(&(first.id.clone(), second.id.clone()), column, column, state);
    if let Some(text) = correlation(&pairs) {
        note(ui, plot, &text, Palette::of(ui));
    }
}

/// What two lanes show, the first one of column `a`, the second one of column `b`; both are as wide on screen.
fn pairs(ids: &(LaneId, LaneId), a: &Column<'_>, b: &Column<'_>, state: &State) -> Vec<Pair> {
    if b.scale.px_per_bp() >= sequence::BAR_PX {
        return by_base(ids, a, b, state);
    }
    let left = b.scale.x().min;
    let values = by_pixel(&ids.0, a, state).into_iter().zip(by_pixel(&ids.1, b, state)).enumerate();
    let pair = |(at, (first, second)): (usize, (f32, f32))| {
        let x = left + at as f32;
        Pair { x: Rangef::new(x, (x + 1.0).min(b.scale.x().max)), first, second }
    };
    values.map(pair).collect()
}

/// Each base of `b` with the one of `a` that stands as far from the left edge.
fn by_base(ids: &(LaneId, LaneId), a: &Column<'_>, b: &Column<'_>, state: &State) -> Vec<Pair> {
    let of_b: Vec<u64> = (b.scale.first_bp()..b.scale.end_bp()).collect();
    let of_a: Vec<Option<u64>> = of_b.iter().map(|&bp| b.locus.view.beside(bp, &a.locus.view)).collect();
    let known: Vec<u64> = of_a.iter().flatten().copied().collect();
    let mut first = state.values_at(&ids.0, a.locus, &known).into_iter();
    let second = state.values_at(&ids.1, b.locus, &of_b);
    let pair = |((bp, beside), second): ((&u64, &Option<u64>), f32)| Pair {
        x: b.scale.px_range(*bp, bp + 1),
        first: beside.and_then(|_| first.next()).unwrap_or(f32::NAN),
        second,
    };
    of_b.iter().zip(&of_a).zip(second).map(pair).collect()
}

/// The correlation of what is in view, as it is told.
fn correlation(pairs: &[Pair]) -> Option<String> {
    let (first, second): (Vec<f32>, Vec<f32>) = pairs.iter().map(|pair| (pair.first, pair.second)).unzip();
    pearson(&first, &second).map(|r| format!("r = {r:.2} in view"))
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
