//! Amino acids of the reading frames in view.

use egui::{Align2, Color32, Id, Mesh, Rangef, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2};
use strandscope_worker::genome::{GeneticCode, complement};

use super::{canvas::Column, lane};
use crate::{
    state::State,
    theme::{self, Palette, ink_on},
};

/// Height of the lane: six frames.
pub(crate) const HEIGHT: f32 = 6.0 * ROW + 8.0;
const ROW: f32 = 13.0;
/// Codons narrower than this are not drawn.
const LEAST_CODON_PX: f64 = 2.0;
/// From this width on a codon has its letter.
const LETTER_PX: f32 = 9.0;

pub(crate) fn ui(ui: &mut Ui, rect: Rect, column: &Column<'_>, state: &State) {
    let palette = Palette::of(ui);
    let plot = Rect::from_x_y_ranges(rect.x_range(), Rangef::new(rect.top() + 3.0, rect.bottom() - 5.0));
    let response = ui.interact(plot, Id::unique(("translation", column.number)), Sense::hover());
    if column.scale.px_per_bp() * 3.0 < LEAST_CODON_PX {
        lane::say(ui, plot, "Zoom in to see amino acids", palette);
        response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, "Translation, too far away"));
        return;
    }
    let code = state.genetic_code();
    // The strand that is read from left to right comes first.
    let strands = if column.scale.is_reversed() { [true, false] } else { [false, true] };
    let height = plot.height() / 6.0;
    for (block, is_reverse) in strands.into_iter().enumerate() {
        for frame in 0..3_u64 {
            let top = plot.top() + (block as f32 * 3.0 + frame as f32) * height;
            let row = Rect::from_x_y_ranges(plot.x_range(), Rangef::new(top, top + height - 1.0));
            paint_frame(ui, row, column, state, code, frame, is_reverse, palette);
        }
    }
    ui.painter().hline(plot.x_range(), plot.center().y - 0.5, Stroke::new(1.0, palette.border));
    let name = format!("Translation of six frames, {}", code.name());
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, &name));
    response.on_hover_text(format!("Genetic code {}: {}", code.id(), code.name()));
}

/// The amino acids of one frame: those codons whose first base on the forward strand lies at `frame` modulo 3.
#[expect(clippy::too_many_arguments, reason = "all of them are what a frame is drawn from")]
fn paint_frame(
    ui: &Ui,
    row: Rect,
    column: &Column<'_>,
    state: &State,
    code: &GeneticCode,
    frame: u64,
    is_reverse: bool,
    palette: &Palette,
) {
    let painter = ui.painter_at(row);
    let scale = &column.scale;
    let first = scale.first_bp().saturating_sub(2);
    let mut start_bp = first + (frame + 3 - first % 3) % 3;
    let mut mesh = Mesh::default();
    let mut letters = Vec::new();
    while start_bp < scale.end_bp() {
        if let Some(amino) = amino_acid(column, state, code, start_bp, is_reverse) {
            let x = scale.px_range(start_bp, start_bp + 3);
            let colour = ground(amino, (start_bp / 3).is_multiple_of(2), palette);
            mesh.add_colored_rect(Rect::from_x_y_ranges(x, row.y_range()).intersect(row), colour);
            if x.span() >= LETTER_PX {
                letters.push((x.center(), amino, ink_on(colour)));
            }
        }
        start_bp += 3;
    }
    painter.add(mesh);
    for (x, amino, ink) in letters {
        let text = char::from(amino).to_string();
        painter.text(pos2(x, row.center().y), Align2::CENTER_CENTER, text, theme::mono(10.0), ink);
    }
}

/// The amino acid of the codon on `start_bp..start_bp + 3`, where its bases have been read.
fn amino_acid(column: &Column<'_>, state: &State, code: &GeneticCode, start_bp: u64, is_reverse: bool) -> Option<u8> {
    let base = |offset: u64| state.base_at(column.locus.record, start_bp + offset);
    let codon = [base(0)?, base(1)?, base(2)?];
    let codon = if is_reverse { [codon[2], codon[1], codon[0]].map(complement) } else { codon };
    Some(code.translate(codon))
}

/// Greys in turn, green where a protein can begin, red where it ends.
fn ground(amino: u8, is_even: bool, palette: &Palette) -> Color32 {
    match amino {
        b'M' => palette.start_codon,
        b'*' => palette.stop_codon,
        _ if is_even => palette.tokens[0],
        _ => palette.tokens[1],
    }
}
