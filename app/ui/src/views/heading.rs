//! What stands over each locus where several are side by side.

use egui::{Align2, Id, Rangef, Rect, Role, Sense, Ui, WidgetInfo, pos2};

use strandscope_worker::genome::grouped;

use super::{canvas::Column, controls, sequence};
use crate::{
    icons::Icon,
    screen::{Action, Screen},
    state::{State, loci::Genome},
    theme::{self, Palette},
};

pub(crate) const HEIGHT: f32 = 26.0;

pub(crate) fn ui(ui: &mut Ui, row: Rect, column: &Column<'_>, state: &State, genome: &Genome, screen: &mut Screen) {
    let palette = Palette::of(ui);
    let rect = column.plot(row.y_range()).shrink2(egui::vec2(0.0, 1.0));
    let is_active = column.number == genome.active();
    let ground = if is_active { palette.accent_soft } else { palette.hairline };
    ui.painter().rect_filled(rect, 4.0, ground);
    let region = genome.region_of(column.locus);
    let letter = letter(column, genome);
    let said = letter.map_or_else(String::new, |_| told(column, state));
    let text = letter.map_or_else(|| region.to_string(), |letter| format!("{letter}   {region}{said}"));
    let response = ui.interact(rect, Id::unique(("heading", column.number)), Sense::click());
    let name = match letter {
        Some(letter) => format!("Locus {}, {letter}: {region}{said}", column.number + 1),
        None => format!("Locus {}: {text}", column.number + 1),
    };
    response.widget_info(|| WidgetInfo::selected(Role::Tab, true, is_active, &name));
    if response.clicked() {
        screen.act(Action::ActivateLocus(column.number));
    }
    let (font, ink) =
        if is_active { (theme::semibold(12.0), palette.text) } else { (theme::regular(12.0), palette.weak) };
    let mut job = egui::text::LayoutJob::simple_singleline(text, font, ink);
    job.wrap = egui::text::TextWrapping::truncate_at_width(rect.width() - 38.0);
    let galley = ui.painter().layout_job(job);
    let at = Align2::LEFT_CENTER.anchor_size(pos2(rect.left() + 8.0, rect.center().y), galley.size());
    ui.painter().galley(at.min, galley, ink);
    let close = Rect::from_x_y_ranges(Rangef::new(rect.right() - 26.0, rect.right()), rect.y_range());
    let name = format!("Close locus {}", column.number + 1);
    if controls::icon_at(ui, close, Icon::Close, &name).clicked() {
        screen.act(Action::CloseLocus(column.number));
    }
}

/// Whether a locus is A or B.
fn letter(column: &Column<'_>, genome: &Genome) -> Option<char> {
    let (a, b) = genome.compared()?;
    match column.number {
        number if number == a => Some('A'),
        number if number == b => Some('B'),
        _ => None,
    }
}

/// Of A the head that it was pinned with, where another one is picked; of B, how many bases differ, where they are told
/// one by one.
fn told(column: &Column<'_>, state: &State) -> String {
    if let Some(pinned) = &column.locus.pinned {
        let other = pinned.head.as_deref().filter(|head| state.head.as_deref() != Some(head));
        let title = other.map(|head| state.head_named(head).map_or(head, |entry| entry.card.title.as_str()));
        return title.map_or_else(String::new, |title| format!("  ·  {title}"));
    }
    let sameness = (column.scale.px_per_bp() >= sequence::BAR_PX).then(|| state.sameness(column.locus)).flatten();
    sameness.filter(|found| found.bases > 0).map_or_else(String::new, |found| {
        let (differ, bases) = (grouped(found.differ), grouped(found.bases));
        format!("  ·  {differ} of {bases} bases differ")
    })
}

/// Beside the headings: whether loci move together.
pub(crate) fn link(ui: &mut Ui, row: Rect, end: f32, genome: &Genome, screen: &mut Screen) {
    let palette = Palette::of(ui);
    let rect = Rect::from_x_y_ranges(Rangef::new(row.left(), end), row.y_range());
    let mut linked = genome.linked;
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(rect));
    child.spacing_mut().interact_size.y = theme::ROW_HEIGHT;
    let text = egui::RichText::new("linked").font(theme::regular(12.0)).color(palette.weak);
    let response = child.checkbox(&mut linked, text);
    if response.on_hover_text("All loci pan and zoom as one  (L)").changed() {
        screen.act(Action::LinkLoci(linked));
    }
}
