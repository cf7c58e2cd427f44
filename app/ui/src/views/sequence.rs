//! The sequence: letters when near, bars of colour farther out, the share of G and C beyond that.

use std::collections::BTreeMap;

use egui::{Align2, Color32, Id, Mesh, Rangef, Rect, Role, Sense, Ui, WidgetInfo, pos2};
use strandscope_worker::genome::complement;

use super::canvas::Column;
use crate::{
    scale::index,
    screen::Screen,
    state::{
        BASES_IN_VIEW_BP, State,
        lanes::{Lane, LaneId},
    },
    theme::{self, Palette, ink_on, towards},
};

/// From this width on a base has its letter.
const LETTER_PX: f64 = 8.0;
/// From this width on a base has a bar of its own.
pub(crate) const BAR_PX: f64 = 1.0;

pub(crate) fn ui(ui: &mut Ui, rect: Rect, column: &Column<'_>, state: &State, screen: &Screen) {
    let Some(genome) = &state.genome else { return };
    let palette = Palette::of(ui);
    let strip = Rect::from_x_y_ranges(rect.x_range(), Rangef::new(rect.top() + 4.0, rect.bottom() - 6.0));
    let colours = screen.base_colours.colours(ui.visuals().dark_mode);
    if is_too_far(column) {
        super::lane::say(ui, strip, "Zoom in to see the sequence", palette);
    } else if column.scale.px_per_bp() >= BAR_PX {
        bases(ui, strip, column, state, colours, palette);
    } else {
        gc(ui, strip, column, state, palette);
    }
    let response = ui.interact(strip, Id::unique(("sequence", column.number)), Sense::hover());
    let strand = if column.scale.is_reversed() { ", reverse complement" } else { "" };
    let name = format!("Sequence of {}{strand}", genome.region_of(column.locus));
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, &name));
}

fn is_too_far(column: &Column<'_>) -> bool {
    column.locus.view.span_bp() > BASES_IN_VIEW_BP
}

/// What is written beside the sequence or the tokens.
pub(crate) fn name(lane: &Lane, columns: &[Column<'_>]) -> String {
    let shares = |column: &Column<'_>| column.scale.px_per_bp() < BAR_PX && !is_too_far(column);
    match lane.id {
        LaneId::Sequence if columns.first().is_some_and(shares) => "G+C share".to_owned(),
        LaneId::Sequence if columns.first().is_some_and(|column| column.scale.is_reversed()) => {
            "reverse complement".to_owned()
        }
        _ => lane.name.clone(),
    }
}

/// A base for people, as it is read on the strand in view.
pub(crate) fn in_words(base: u8, is_reversed: bool) -> String {
    let base = if is_reversed { complement(base) } else { base };
    let masked = if base.is_ascii_lowercase() { ", soft-masked" } else { "" };
    let letter = char::from(base.to_ascii_uppercase());
    match letter {
        'A' | 'C' | 'G' | 'T' | 'U' => format!("{letter}{masked}"),
        'N' => "N, unknown".to_owned(),
        _ => format!("{letter}, ambiguous"),
    }
}

/// Which of the five base colours a letter has.
fn colour_index(base: u8) -> usize {
    match base.to_ascii_uppercase() {
        b'A' => 0,
        b'C' => 1,
        b'G' => 2,
        b'T' | b'U' => 3,
        _ => 4,
    }
}

fn bases(ui: &Ui, strip: Rect, column: &Column<'_>, state: &State, colours: [Color32; 5], palette: &Palette) {
    let (scale, painter) = (&column.scale, ui.painter_at(strip));
    let letters = scale.px_per_bp() >= LETTER_PX;
    let gap = if letters { 0.5 } else { 0.0 };
    let size = crate::scale::narrow(scale.px_per_bp() * 0.9).clamp(9.0, 15.0);
    let mut mesh = Mesh::default();
    let mut differ = Mesh::default();
    let mut glyphs = Vec::new();
    // The same letter in the same ink is laid out once.
    let mut galleys = BTreeMap::new();
    for bp in scale.first_bp()..scale.end_bp() {
        let Some(forward) = state.base_at(column.locus.record, bp) else { continue };
        let base = if scale.is_reversed() { complement(forward) } else { forward };
        let x = scale.px_range(bp, bp + 1);
        let colour = colours[colour_index(base)];
        // Bars without letters are many and close together: a little paler, they stay calm.
        let colour = if letters { colour } else { towards(colour, palette.canvas, 0.25) };
        // Soft-masked bases are scored like any other, and are the same hue, paler.
        let colour = if base.is_ascii_lowercase() { towards(colour, palette.canvas, 0.55) } else { colour };
        let cell = Rect::from_x_y_ranges(Rangef::new(x.min + gap, x.max - gap), strip.y_range());
        mesh.add_colored_rect(cell, colour);
        if state.base_of_a(column.locus, bp).is_some_and(|a| !a.eq_ignore_ascii_case(&forward)) {
            let under = Rangef::new(strip.bottom() + 1.0, strip.bottom() + 5.0);
            differ.add_colored_rect(Rect::from_x_y_ranges(cell.x_range(), under), palette.danger);
        }
        if letters {
            let galley = galleys.entry(base).or_insert_with(|| {
                painter.layout_no_wrap(char::from(base).to_string(), theme::mono(size), ink_on(colour))
            });
            let place = Align2::CENTER_CENTER.anchor_size(pos2(x.center(), strip.center().y), galley.size());
            glyphs.push((place.min, galley.clone()));
        }
    }
    painter.add(mesh);
    // Bases that are not those of A have a mark beneath.
    ui.painter().add(differ);
    for (place, galley) in glyphs {
        painter.galley(place, galley, Color32::PLACEHOLDER);
    }
}

/// The share of G and C in each column of pixels, as a curve around one half.
fn gc(ui: &Ui, strip: Rect, column: &Column<'_>, state: &State, palette: &Palette) {
    const STEP: f32 = 2.0;
    let painter = ui.painter_at(strip);
    let mut mesh = Mesh::default();
    let mut x = strip.left();
    while x < strip.right() {
        let (from, to) = column.scale.bp_range(Rangef::new(x, x + STEP));
        if let Some(share) = gc_share(state, column.locus.record, from, to) {
            let y = strip.bottom() - strip.height() * share;
            let bar = Rect::from_min_max(pos2(x, y), pos2((x + STEP).min(strip.right()), strip.bottom()));
            mesh.add_colored_rect(bar, towards(palette.faint, palette.canvas, 0.45));
        }
        x += STEP;
    }
    painter.add(mesh);
    painter.hline(strip.x_range(), strip.center().y, egui::Stroke::new(1.0, palette.canvas));
}

/// G and C among the known bases of `from..to`; `None` where there are none.
fn gc_share(state: &State, record: usize, from: u64, to: u64) -> Option<f32> {
    let (mut strong, mut known) = (0_u32, 0_u32);
    for (start_bp, bases) in state.bases.overlapping(record, from, to) {
        let first = index(from.saturating_sub(start_bp)).min(bases.len());
        let end = index(to.saturating_sub(start_bp)).min(bases.len());
        for base in &bases[first..end] {
            match base.to_ascii_uppercase() {
                b'G' | b'C' => (strong, known) = (strong + 1, known + 1),
                b'A' | b'T' | b'U' => known += 1,
                _ => {}
            }
        }
    }
    (known > 0).then(|| strong as f32 / known as f32)
}
