//! The middle of the window: all lanes over the loci in view, and how mouse and wheel move them.

use egui::{
    Align, Id, Layout, PointerButton, Rangef, Rect, Response, ScrollArea, Sense, Stroke, Ui, UiBuilder, Vec2, pos2,
    vec2,
};

use super::{controls, gutter, heading, lane, marks, overview, ruler};
use crate::{
    scale::{Scale, whole},
    screen::{Action, Cursor, Screen},
    state::{
        State, TOKENS_IN_VIEW_BP,
        lanes::{Lane, LaneId},
        loci::{Genome, Locus},
    },
    theme::Palette,
};

const OVERVIEW_HEIGHT: f32 = 38.0;
const RULER_HEIGHT: f32 = 34.0;
const MARGIN: f32 = 14.0;
/// Room for the numbers of thresholds.
const RIGHT_MARGIN: f32 = 44.0;
/// Between loci that stand side by side.
const BETWEEN: f32 = 10.0;
/// In less than this nothing of a locus can be seen, and none is drawn.
const LEAST_PLOT_WIDTH: f32 = 40.0;

/// A locus as it lies on screen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column<'a> {
    /// Its number among those in view.
    pub(crate) number: usize,
    /// Whether it is the rightmost one.
    pub(crate) is_last: bool,
    pub(crate) locus: &'a Locus,
    pub(crate) scale: Scale,
    /// The base that the cursor is over, in this locus.
    pub(crate) cursor_bp: Option<u64>,
}

impl Column<'_> {
    /// The part of this column in a row.
    pub(crate) fn plot(&self, y: Rangef) -> Rect {
        Rect::from_x_y_ranges(self.scale.x(), y)
    }
}

/// Lanes that are drawn over each other, or one alone, and how high they stand.
#[derive(Clone, Debug)]
pub(crate) struct Stand {
    pub(crate) lanes: Vec<Lane>,
    pub(crate) height: f32,
}

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let Some(genome) = &state.genome else { return };
    let area = ui.available_rect_before_wrap();
    let gutter_width = if area.width() < 620.0 { 118.0 } else { 142.0 };
    let plots = Rangef::new(area.left() + gutter_width, area.right() - RIGHT_MARGIN);
    let mut columns = columns(genome, plots);
    if columns.first().is_none_or(|column| column.scale.x().span() < LEAST_PLOT_WIDTH) {
        no_room(ui, area, columns.len());
        return;
    }
    let mut rows = Rows { left: area.left() + MARGIN, plots, top: area.top() };
    let overview_row = rows.next(OVERVIEW_HEIGHT);
    let heading_row = (columns.len() > 1).then(|| rows.next(heading::HEIGHT));
    let ruler_row = rows.next(RULER_HEIGHT);
    let stands = stands(state, genome, Rangef::new(rows.top, area.bottom()).span());
    screen.heights = stands.iter().map(|stand| (stand.lanes[0].id.clone(), stand.height)).collect();
    let (pinned, scrolled): (Vec<Stand>, Vec<Stand>) = stands.into_iter().partition(|stand| stand.lanes[0].is_pinned());

    let responses = interact(ui, &columns, Rangef::new(ruler_row.bottom(), area.bottom()));
    follow_pointer(ui, &responses, ruler_row, genome, &mut columns, screen);
    if let Some(row) = heading_row {
        heading::link(ui, row, plots.min - 6.0, genome, screen);
    }
    overview::ui(ui, overview_row, plots, state, screen);
    for column in &columns {
        if let Some(row) = heading_row {
            heading::ui(ui, row, column, state, genome, screen);
        }
        ruler::ui(ui, ruler_row, column, state, screen);
    }
    for stand in &pinned {
        let row = rows.next(stand.height);
        stand_ui(ui, row, stand, &columns, state, screen);
    }
    let rest = Rect::from_min_max(pos2(area.left(), rows.top + 4.0), area.max);
    scroll(ui, rest, &rows, &scrolled, &columns, state, screen);
    for (column, response) in columns.iter().zip(&responses) {
        let y = Rangef::new(ruler_row.bottom() - 6.0, area.bottom());
        marks::shade(ui, y, column, state);
        cursor(ui, column, y, Palette::of(ui));
        if screen.sweep.is_none() {
            pan_and_zoom(ui, response, column, screen);
        }
        ruler::sweep(ui, response, column, y, screen);
    }
    gutter::drop_mark(ui, plots, screen);
}

/// Says how to see something again, where loci are too narrow to be drawn.
fn no_room(ui: &mut Ui, area: Rect, loci: usize) {
    let text = match loci {
        0 | 1 => "No room to draw here: make the window wider, or a panel narrower.".to_owned(),
        _ => format!("No room for {loci} loci side by side: make the window wider, or close some with Shift+D."),
    };
    let centred = UiBuilder::new().max_rect(area.shrink(MARGIN)).layout(Layout::top_down(Align::Center));
    ui.scope_builder(centred, |ui| {
        ui.add_space(area.height() * 0.4);
        controls::note(ui, text);
    });
}

/// Hands out rows from the top downwards.
struct Rows {
    left: f32,
    plots: Rangef,
    top: f32,
}

impl Rows {
    fn next(&mut self, height: f32) -> Rect {
        let row =
            Rect::from_x_y_ranges(Rangef::new(self.left, self.plots.max), Rangef::new(self.top, self.top + height));
        self.top += height;
        row
    }
}

/// The loci side by side.
fn columns(genome: &Genome, plots: Rangef) -> Vec<Column<'_>> {
    let count = genome.loci().len() as f32;
    let width = (plots.span() - BETWEEN * (count - 1.0)) / count;
    let mut columns = Vec::with_capacity(genome.loci().len());
    let mut left = plots.min;
    for (number, locus) in genome.loci().iter().enumerate() {
        let scale = locus.view.scale(Rangef::new(left, left + width));
        columns.push(Column { number, is_last: number + 1 == genome.loci().len(), locus, scale, cursor_bp: None });
        left += width + BETWEEN;
    }
    columns
}

/// Lanes as they are stacked, as high as there is room for.
fn stands(state: &State, genome: &Genome, room: f32) -> Vec<Stand> {
    let near = genome.loci().iter().any(|locus| locus.view.span_bp() <= TOKENS_IN_VIEW_BP);
    let mut stands: Vec<Stand> = Vec::new();
    for lane in state.lanes() {
        if lane.id == LaneId::Tokens && !near {
            continue;
        }
        let group = lane.setting.group.filter(|group| state.arrangement.is_overlaid(*group) && lane.has_axis(state));
        let over = stands.last_mut().filter(|stand| group.is_some() && stand.lanes[0].setting.group == group);
        match over {
            Some(stand) if stand.lanes[0].has_axis(state) => stand.lanes.push(lane),
            _ => stands.push(Stand { lanes: vec![lane], height: 0.0 }),
        }
    }
    lane::give_heights(&mut stands, state, room);
    stands
}

fn interact(ui: &Ui, columns: &[Column<'_>], y: Rangef) -> Vec<Response> {
    let sense = Sense::click_and_drag();
    columns.iter().map(|column| ui.interact(column.plot(y), Id::unique(("tracks", column.number)), sense)).collect()
}

/// Finds the base under the pointer, and the one beside it in each other locus.
fn follow_pointer(
    ui: &Ui,
    responses: &[Response],
    ruler: Rect,
    genome: &Genome,
    columns: &mut [Column<'_>],
    screen: &mut Screen,
) {
    let on_ruler = ui.ctx().pointer_hover_pos().filter(|pos| ruler.contains(*pos));
    let over = columns.iter().zip(responses).find_map(|(column, response)| {
        let pos = response.hover_pos().or(on_ruler.filter(|pos| column.scale.x().contains(pos.x)))?;
        let bp = column.scale.bp_from_px(pos.x);
        let is_inside = bp >= 0.0 && bp < column.locus.view.length_bp() as f64;
        is_inside.then(|| Cursor { locus: column.number, bp: whole(bp) })
    });
    screen.cursor = over;
    screen.score_under_pointer = None;
    for column in columns {
        column.cursor_bp = over.and_then(|cursor| genome.beside(cursor.locus, cursor.bp, column.number));
    }
    let pressed = responses.iter().position(|response| response.is_pointer_button_down_on());
    if let Some(number) = pressed.filter(|number| *number != genome.active()) {
        screen.act(Action::ActivateLocus(number));
    }
}

/// One row: its gutter, and its plot in each locus.
fn stand_ui(ui: &mut Ui, row: Rect, stand: &Stand, columns: &[Column<'_>], state: &State, screen: &mut Screen) {
    let gutter_end = columns.first().map_or(row.left(), |column| column.scale.x().min) - 10.0;
    let beside = Rect::from_x_y_ranges(Rangef::new(row.left(), gutter_end), row.y_range());
    for column in columns {
        lane::plot(ui, column.plot(row.y_range()), stand, column, state, screen);
    }
    gutter::ui(ui, beside, stand, columns, state, screen);
}

/// Lanes that are not pinned, in as much height as they take.
fn scroll(
    ui: &mut Ui,
    rect: Rect,
    rows: &Rows,
    stands: &[Stand],
    columns: &[Column<'_>],
    state: &State,
    screen: &mut Screen,
) {
    if stands.is_empty() || rect.height() < 20.0 {
        return;
    }
    let mut content = ui.new_child(UiBuilder::new().max_rect(rect));
    content.set_clip_rect(rect.intersect(ui.clip_rect()));
    // Over the plots the wheel zooms; beside them, it scrolls.
    let over_plot = ui.ctx().pointer_hover_pos().is_some_and(|pos| rows.plots.contains(pos.x));
    let source = egui::scroll_area::ScrollSource {
        scroll_bar: true,
        drag: egui::scroll_area::DragScroll::Never,
        mouse_wheel: !over_plot || ui.input(|input| input.modifiers.alt),
    };
    let area = ScrollArea::vertical().id_salt("lanes").scroll_source(source).auto_shrink([false, false]);
    area.show_viewport(&mut content, |ui, viewport| {
        let total: f32 = stands.iter().map(|stand| stand.height).sum();
        let (_, whole) = ui.allocate_space(vec2(rect.width(), total));
        let mut rows = Rows { top: whole.top(), ..*rows };
        for stand in stands {
            let row = rows.next(stand.height);
            let seen = Rangef::new(whole.top() + viewport.top(), whole.top() + viewport.bottom());
            if row.y_range().intersects(seen) {
                stand_ui(ui, row, stand, columns, state, screen);
            }
        }
    });
}

/// The line under the pointer, across all lanes.
fn cursor(ui: &Ui, column: &Column<'_>, y: Rangef, palette: &Palette) {
    let Some(bp) = column.cursor_bp else { return };
    let x = column.scale.px_range(bp, bp + 1);
    let painter = ui.painter();
    if x.span() >= 3.0 {
        painter.rect_filled(Rect::from_x_y_ranges(x, y), 0.0, palette.cursor.gamma_multiply(0.16));
    } else if column.scale.x().contains(x.center()) {
        painter.vline(painter.round_to_pixel_center(x.center()), y, Stroke::new(1.0, palette.cursor));
    }
}

/// Drag pans, the wheel zooms about the pointer, a sideways wheel pans, a double click zooms in.
fn pan_and_zoom(ui: &Ui, response: &Response, column: &Column<'_>, screen: &mut Screen) {
    let x = column.scale.x();
    let width = x.span().max(1.0);
    let share = |px: f32| f64::from((px - x.min) / width);
    if response.dragged_by(PointerButton::Primary) && !ui.input(|input| input.modifiers.shift) {
        let delta = response.drag_delta().x;
        if delta != 0.0 {
            screen.act(Action::Pan(-f64::from(delta / width)));
        }
        ui.ctx().set_cursor_icon(egui::CursorIcon::Grabbing);
    }
    let Some(pointer) = response.hover_pos() else { return };
    let (scroll, pinch, modifiers) =
        ui.input(|input| (input.smooth_scroll_delta(), input.zoom_delta(), input.modifiers));
    let Vec2 { x: sideways, y: upwards } = scroll;
    let moved = sideways != 0.0 || upwards != 0.0 || pinch != 1.0 || response.double_clicked();
    if moved && !modifiers.alt {
        screen.act(Action::ActivateLocus(column.number));
    }
    if response.double_clicked() {
        screen.act(Action::Zoom(if modifiers.alt { 0.5 } else { 2.0 }, share(pointer.x)));
    }
    if sideways != 0.0 || (modifiers.shift && upwards != 0.0) {
        let delta = if sideways != 0.0 { sideways } else { upwards };
        screen.act(Action::Pan(-f64::from(delta / width)));
    } else if upwards != 0.0 && !modifiers.alt {
        const PX_PER_E_FOLD: f64 = 240.0;
        screen.act(Action::Zoom((f64::from(upwards) / PX_PER_E_FOLD).exp(), share(pointer.x)));
    }
    if pinch != 1.0 {
        screen.act(Action::Zoom(f64::from(pinch), share(pointer.x)));
    }
}
