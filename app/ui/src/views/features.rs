//! Features of a file: genes with their exons and direction, intervals, variants; counts where there are too many.

use egui::{Align2, Color32, Id, Mesh, Rangef, Rect, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2};
use strandscope_worker::{
    Tile, TrackKind,
    genome::{BlockKind, Feature, Strand},
};

use super::{canvas::Column, lane};
use crate::{
    scale::{Scale, index},
    screen::{Action, Picked, Screen},
    state::{State, files::OpenFile, lanes::Lane, tiles::level},
    theme::{self, Palette},
};

/// Height of a lane of features unless the user gives it another.
pub(crate) fn height(file: Option<&OpenFile>) -> f32 {
    if file.is_some_and(|file| file.summary.kind == TrackKind::Motif) { 44.0 } else { 92.0 }
}
/// Height of a row of features, its name beside it.
const ROW: f32 = 17.0;
const BAR: f32 = 10.0;
/// Features narrower than this have no name beside them.
const NAMED_PX: f32 = 3.0;
/// About as wide as a letter of a name.
const LETTER_PX: f32 = 7.0;
/// Between neighbours in a row.
const GAP_PX: f32 = 6.0;

/// A feature and where it is drawn.
struct Placed<'a> {
    feature: &'a Feature,
    /// Its bar.
    bar: Rect,
    /// Whether there is room for its name to the right of it.
    named: bool,
}

pub(crate) fn ui(
    ui: &mut Ui,
    rect: Rect,
    lane: &Lane,
    id: u64,
    column: &Column<'_>,
    state: &State,
    screen: &mut Screen,
) {
    let Some(file) = state.file(id) else { return };
    let palette = Palette::of(ui);
    let plot = Rect::from_x_y_ranges(rect.x_range(), Rangef::new(rect.top() + 3.0, rect.bottom() - 3.0));
    let ink = lane::colour(lane, palette);
    ui.painter().hline(plot.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, palette.hairline));
    let mut seen = file.features_in_view(column.locus.record, (column.scale.first_bp(), column.scale.end_bp()));
    // What is said of the record as a whole would take a row of every view.
    if seen.len() > 1 {
        seen.retain(|feature| !is_the_record(feature, column.locus.view.length_bp()));
    }
    let (placed, hidden) = pack(ui, plot, &seen, &column.scale, lane.setting.collapsed);
    let painter = ui.painter_at(plot);
    counts(ui, plot, file, column, ink, palette);
    for place in &placed {
        paint(ui, place, &column.scale, own_colour(place.feature, ink, palette), palette);
    }
    if hidden > 0 && !lane.setting.collapsed {
        let text = format!("+{hidden} more: make the lane higher");
        let galley = painter.layout_no_wrap(text, theme::regular(10.5), palette.weak);
        let place = Align2::RIGHT_BOTTOM.anchor_size(plot.right_bottom(), galley.size());
        painter.rect_filled(place.expand2(egui::vec2(4.0, 1.0)), 3.0, palette.panel);
        painter.galley(place.min, galley, palette.weak);
    }
    if seen.is_empty() && !file.summary.contigs.iter().any(|contig| is_of(state, column, contig)) {
        lane::say(ui, plot, "It has nothing on this record.", palette);
    }
    respond(ui, plot, lane, column, &placed, seen.len(), screen);
}

/// Whether a feature only says that there is the record: GFF's `region` or `chromosome`, GenBank's `source`.
fn is_the_record(feature: &Feature, length_bp: u64) -> bool {
    const KINDS: [&str; 6] = ["region", "chromosome", "source", "contig", "scaffold", "supercontig"];
    feature.start_bp == 0 && feature.end_bp >= length_bp && KINDS.contains(&feature.kind.as_str())
}

fn is_of(state: &State, column: &Column<'_>, contig: &str) -> bool {
    state.genome.as_ref().is_some_and(|genome| genome.contig_of(column.locus).name == contig)
}

/// Puts features into rows so that neither they nor their names overlap; tells how many have no row.
fn pack<'a>(ui: &Ui, plot: Rect, features: &[&'a Feature], scale: &Scale, collapsed: bool) -> (Vec<Placed<'a>>, usize) {
    let rows = if collapsed { 1 } else { row_count(plot.height()) };
    let mut ends = vec![f32::NEG_INFINITY; rows];
    let mut placed = Vec::with_capacity(features.len());
    let mut hidden = 0;
    let mut places: Vec<(&Feature, Rangef)> =
        features.iter().map(|&feature| (feature, scale.px_range(feature.start_bp, feature.end_bp))).collect();
    places.sort_by(|a, b| a.1.min.total_cmp(&b.1.min));
    for (feature, x) in places {
        let x = Rangef::new(x.min, x.max.max(x.min + 1.5));
        let is_named = !collapsed && x.span() >= NAMED_PX && !feature.name.is_empty();
        // About as wide as the name is: laying out each one to find a row for it would cost too much.
        let name_px = if is_named { feature.name.chars().count().min(24) as f32 * LETTER_PX + GAP_PX } else { 0.0 };
        let free = |margin: f32| ends.iter().position(|end| *end + GAP_PX.min(2.0) <= x.min + margin);
        let row = free(0.0).or_else(|| collapsed.then_some(0));
        let Some(row) = row else {
            hidden += 1;
            continue;
        };
        ends[row] = x.max + name_px;
        let top =
            if collapsed { plot.center().y - BAR / 2.0 } else { plot.top() + row as f32 * ROW + (ROW - BAR) / 2.0 };
        let bar = Rect::from_x_y_ranges(x, Rangef::new(top, top + BAR));
        placed.push(Placed { feature, bar, named: is_named && ui.is_visible() });
    }
    (placed, hidden)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few rows fit into a lane")]
fn row_count(height: f32) -> usize {
    (height / ROW).floor().max(1.0) as usize
}

/// The colour a feature asks for, made readable, or that of its lane.
fn own_colour(feature: &Feature, ink: Color32, palette: &Palette) -> Color32 {
    let own = feature.colour.filter(|colour| *colour != [0, 0, 0]);
    own.map_or(ink, |[r, g, b]| palette.readable(Color32::from_rgb(r, g, b)))
}

fn paint(ui: &Ui, place: &Placed<'_>, scale: &Scale, ink: Color32, palette: &Palette) {
    let Placed { feature, bar, named } = place;
    let seen = bar.intersect(ui.clip_rect().with_min_x(scale.x().min).with_max_x(scale.x().max));
    let painter = ui
        .painter()
        .with_clip_rect(ui.clip_rect().intersect(Rect::from_x_y_ranges(scale.x(), bar.y_range().expand(4.0))));
    if feature.blocks.is_empty() {
        painter.rect_filled(*bar, 2.0, ink);
    } else {
        painter.hline(bar.x_range(), bar.center().y, Stroke::new(1.0, ink));
        for block in &feature.blocks {
            let x = scale.px_range(block.start_bp, block.end_bp);
            let half = if block.kind == BlockKind::Untranslated { BAR / 4.0 } else { BAR / 2.0 };
            let y = Rangef::new(bar.center().y - half, bar.center().y + half);
            let x = Rangef::new(x.min, x.max.max(x.min + 1.0));
            if x.intersects(scale.x()) {
                painter.rect_filled(Rect::from_x_y_ranges(x, y), 1.0, ink);
            }
        }
    }
    if let Some(strand) = feature.strand {
        chevrons(&painter, seen, (strand == Strand::Forward) != scale.is_reversed(), feature, ink);
    }
    if *named {
        let mut job =
            egui::text::LayoutJob::simple_singleline(feature.name.clone(), theme::regular(11.0), palette.text);
        job.wrap = egui::text::TextWrapping::truncate_at_width(24.0 * LETTER_PX);
        let galley = painter.layout_job(job);
        let x = (bar.right() + 4.0).max(scale.x().min + 4.0);
        // A name whose bar ends out of sight stands inside the bar's visible part.
        if bar.right() < scale.x().max - 8.0 {
            painter.galley(pos2(x, bar.center().y - galley.size().y / 2.0), galley, palette.text);
        } else if seen.width() > galley.size().x + 10.0 && feature.blocks.is_empty() {
            let text = theme::ink_on(ink);
            painter.galley_with_override_text_color(
                pos2(seen.left() + 5.0, bar.center().y - galley.size().y / 2.0),
                galley,
                text,
            );
        } else if seen.width() > galley.size().x + 10.0 {
            let at = pos2(seen.left() + 4.0, bar.center().y - galley.size().y / 2.0);
            let ground = Rect::from_min_size(at, galley.size()).expand2(egui::vec2(3.0, 0.0));
            painter.rect_filled(ground, 2.0, palette.canvas);
            painter.galley(at, galley, palette.text);
        }
    }
}

/// Small arrows along the direction in which a feature is read.
fn chevrons(painter: &egui::Painter, seen: Rect, to_right: bool, feature: &Feature, ink: Color32) {
    const EVERY_PX: f32 = 22.0;
    const SIZE: f32 = 2.6;
    if seen.width() < 12.0 {
        return;
    }
    let on_bar = feature.blocks.is_empty() || feature.blocks.len() == 1;
    let stroke = Stroke::new(1.2, if on_bar { theme::towards(theme::ink_on(ink), ink, 0.25) } else { ink });
    let tip = if to_right { SIZE } else { -SIZE };
    let mut x = (seen.left() / EVERY_PX).ceil() * EVERY_PX;
    while x < seen.right() - 4.0 {
        let y = seen.center().y;
        let points = vec![pos2(x - tip, y - SIZE), pos2(x, y), pos2(x - tip, y + SIZE)];
        painter.add(Shape::line(points, stroke));
        x += EVERY_PX;
    }
}

/// How many features there are, where they are too many to be told one by one.
fn counts(ui: &Ui, plot: Rect, file: &OpenFile, column: &Column<'_>, ink: Color32, palette: &Palette) {
    let range_bp = (column.scale.first_bp(), column.scale.end_bp());
    let pieces = file.tiles.best(column.locus.record, level(column.scale.span_bp()), range_bp);
    if pieces.iter().any(|piece| *piece.tile == Tile::TooMany) {
        lane::say(ui, plot, "Too many features to show from so far away: zoom in.", palette);
    }
    let mut bars = Vec::new();
    let mut most = 0;
    for piece in &pieces {
        let Tile::Counts(counts) = piece.tile else { continue };
        let (width_bp, first_bp) = (1_u64 << piece.key.level, piece.key.range_bp().0);
        let from = index((piece.range_bp.0 - first_bp) / width_bp);
        let to = index((piece.range_bp.1 - first_bp).div_ceil(width_bp)).min(counts.len());
        for (at, &count) in counts.iter().enumerate().take(to).skip(from).filter(|(_, count)| **count > 0) {
            let start_bp = first_bp + at as u64 * width_bp;
            bars.push((column.scale.px_range(start_bp, start_bp + width_bp), count));
            most = most.max(count);
        }
    }
    if most == 0 {
        return;
    }
    let mut mesh = Mesh::default();
    for (x, count) in bars {
        let height = plot.height() * 0.9 * (count as f32 / most as f32).sqrt();
        let rect = Rect::from_x_y_ranges(x, Rangef::new(plot.bottom() - height, plot.bottom())).intersect(plot);
        if rect.width() > 0.0 {
            mesh.add_colored_rect(rect, ink.gamma_multiply(0.55));
        }
    }
    ui.painter_at(plot).add(mesh);
    let text = format!("up to {most} a bin; zoom in to see each");
    ui.painter_at(plot).text(
        plot.left_top() + egui::vec2(4.0, 1.0),
        Align2::LEFT_TOP,
        text,
        theme::regular(10.5),
        palette.weak,
    );
}

/// What is under the pointer is told; a click picks it.
fn respond(
    ui: &Ui,
    plot: Rect,
    lane: &Lane,
    column: &Column<'_>,
    placed: &[Placed<'_>],
    count: usize,
    screen: &mut Screen,
) {
    let response = ui.interact(plot, Id::unique(("features", &lane.id, column.number)), Sense::hover());
    response.widget_info(|| {
        let names: Vec<&str> =
            placed.iter().map(|place| place.feature.name.as_str()).filter(|name| !name.is_empty()).take(6).collect();
        let names = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
        WidgetInfo::labeled(Role::Canvas, true, format!("Features of {}, {count} in view{names}", lane.name))
    });
    // Not through a dialog or menu that lies over it.
    let is_here =
        |pointer: &egui::Pos2| plot.contains(*pointer) && ui.ctx().layer_id_at(*pointer) == Some(ui.layer_id());
    let Some(pointer) = ui.ctx().pointer_hover_pos().filter(is_here) else { return };
    let under = placed.iter().rev().find(|place| place.bar.expand2(egui::vec2(1.0, 3.0)).contains(pointer));
    let Some(place) = under else { return };
    ui.ctx().set_cursor_icon(egui::CursorIcon::PointingHand);
    let text = in_words(place.feature);
    if !ui.input(|input| input.pointer.any_down()) {
        egui::Tooltip::always_open(ui.ctx().clone(), ui.layer_id(), Id::unique("feature"), place.bar)
            .width(360.0)
            .show(|ui| ui.label(text));
    }
    if ui.input(|input| input.pointer.primary_clicked()) {
        screen.act(Action::PickFeature(Picked { locus: column.number, feature: place.feature.clone() }));
    }
}

/// A feature as text: its name, place and what else its file says.
pub(crate) fn in_words(feature: &Feature) -> String {
    use strandscope_worker::genome::grouped;
    const MOST: usize = 8;
    const LONGEST: usize = 120;
    let strand = feature.strand.map_or(String::new(), |strand| format!("  ({strand})"));
    let kind = if feature.kind.is_empty() { String::new() } else { format!("{}  ", feature.kind) };
    let mut text = format!(
        "{}\n{kind}{}–{}{strand}, {}",
        if feature.name.is_empty() { "(no name)" } else { &feature.name },
        grouped(feature.start_bp + 1),
        grouped(feature.end_bp),
        crate::locus::length(feature.len_bp()),
    );
    if let Some(score) = feature.score {
        text += &format!("\nscore {score}");
    }
    for (key, value) in feature.attributes.iter().filter(|(key, _)| key != "translation").take(MOST) {
        let cut: String = value.chars().take(LONGEST).collect();
        let more = if cut.len() < value.len() { "…" } else { "" };
        text += &format!("\n{key}: {cut}{more}");
    }
    text
}
