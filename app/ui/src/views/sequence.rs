//! The sequence: letters when near, bars of colour farther out, the share of G and C beyond that.

use std::collections::BTreeMap;

use egui::{Align2, Color32, Id, Mesh, Rangef, Rect, Role, Sense, Ui, WidgetInfo, pos2};

use super::canvas::{Row, gutter_text};
use crate::{
    scale::{Scale, index, whole},
    screen::Screen,
    state::{BASES_IN_VIEW_BP, State},
    theme::{self, Palette, ink_on, towards},
};

/// From this width on a base has its letter.
const LETTER_PX: f64 = 8.0;
/// From this width on a base has a bar of its own.
const BAR_PX: f64 = 1.0;

pub(crate) fn ui(ui: &mut Ui, row: Row, scale: &Scale, state: &State, screen: &Screen) {
    let Some(genome) = &state.genome else { return };
    let palette = Palette::of(ui);
    let strip = Rect::from_x_y_ranges(row.plot.x_range(), Rangef::new(row.plot.top() + 4.0, row.plot.bottom() - 6.0));
    let colours = screen.base_colours.colours(ui.visuals().dark_mode);
    let near = scale.px_per_bp() >= BAR_PX;
    let too_far = genome.view.span_bp() > BASES_IN_VIEW_BP;
    if too_far {
        let text = "Zoom in to see the sequence";
        let font = theme::regular(12.0);
        ui.painter().text(strip.center(), Align2::CENTER_CENTER, text, font, palette.faint);
    } else if near {
        bases(ui, strip, scale, state, colours, palette);
    } else {
        gc(ui, strip, scale, state, palette);
    }
    let name = if near || too_far { "sequence" } else { "G+C share" };
    let under_cursor = screen.cursor_bp.and_then(|bp| state.base_at(bp));
    match under_cursor {
        Some(base) => {
            gutter_text(ui, row.gutter, strip.center().y, &base_in_words(base), theme::regular(12.0), palette.text)
        }
        None => gutter_text(ui, row.gutter, strip.center().y, name, theme::regular(12.0), palette.weak),
    }
    let response = ui.interact(strip, Id::unique("sequence"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, format!("Sequence of {}", genome.region())));
}

/// A base for people.
fn base_in_words(base: u8) -> String {
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

fn bases(ui: &Ui, strip: Rect, scale: &Scale, state: &State, colours: [Color32; 5], palette: &Palette) {
    let painter = ui.painter_at(strip);
    let letters = scale.px_per_bp() >= LETTER_PX;
    let gap = if letters { 0.5 } else { 0.0 };
    let size = crate::scale::narrow(scale.px_per_bp() * 0.9).clamp(9.0, 15.0);
    let mut mesh = Mesh::default();
    let mut glyphs = Vec::new();
    // The same letter in the same ink is laid out once.
    let mut galleys = BTreeMap::new();
    for bp in scale.first_bp()..scale.end_bp() {
        let Some(base) = state.base_at(bp) else { continue };
        let (left, right) = (scale.px_from_bp(bp as f64), scale.px_from_bp(bp as f64 + 1.0));
        let colour = colours[colour_index(base)];
        // Bars without letters are many and close together: a little paler, they stay calm.
        let colour = if letters { colour } else { towards(colour, palette.canvas, 0.25) };
        // Soft-masked bases are scored like any other, and are the same hue, paler.
        let colour = if base.is_ascii_lowercase() { towards(colour, palette.canvas, 0.55) } else { colour };
        let cell = Rect::from_x_y_ranges(Rangef::new(left + gap, right - gap), strip.y_range());
        mesh.add_colored_rect(cell, colour);
        if letters {
            let galley = galleys.entry(base).or_insert_with(|| {
                painter.layout_no_wrap(char::from(base).to_string(), theme::mono(size), ink_on(colour))
            });
            let place = Align2::CENTER_CENTER.anchor_size(pos2((left + right) / 2.0, strip.center().y), galley.size());
            glyphs.push((place.min, galley.clone()));
        }
    }
    painter.add(mesh);
    for (place, galley) in glyphs {
        painter.galley(place, galley, Color32::PLACEHOLDER);
    }
}

/// The share of G and C in each column, as a curve around one half.
fn gc(ui: &Ui, strip: Rect, scale: &Scale, state: &State, palette: &Palette) {
    const STEP: f32 = 2.0;
    let painter = ui.painter_at(strip);
    let mut mesh = Mesh::default();
    let mut x = strip.left();
    while x < strip.right() {
        let (from, to) = (whole(scale.bp_from_px(x)), whole(scale.bp_from_px(x + STEP).ceil()));
        if let Some(share) = gc_share(state, from, to) {
            let y = strip.bottom() - strip.height() * share;
            let column = Rect::from_min_max(pos2(x, y), pos2((x + STEP).min(strip.right()), strip.bottom()));
            mesh.add_colored_rect(column, towards(palette.faint, palette.canvas, 0.45));
        }
        x += STEP;
    }
    painter.add(mesh);
    painter.hline(strip.x_range(), strip.center().y, egui::Stroke::new(1.0, palette.canvas));
}

/// G and C among the known bases of `from..to`; `None` where there are none.
fn gc_share(state: &State, from: u64, to: u64) -> Option<f32> {
    let genome = state.genome.as_ref()?;
    let (mut strong, mut known) = (0_u32, 0_u32);
    for (start_bp, bases) in state.bases.overlapping(genome.record, from, to) {
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
