//! The list of records; only the rows in view are drawn, so that a hundred thousand scroll as easily as ten.

use egui::{Align2, Id, Role, ScrollArea, Sense, TextEdit, Ui, Vec2, WidgetInfo};
use strandscope_worker::genome::grouped;

use super::controls;
use crate::{
    locus::{Place, length},
    screen::{Action, FILTER_FIELD, Found, Screen},
    state::{State, loci::Genome},
    theme::{self, Palette},
};

const ROW_HEIGHT: f32 = 40.0;
/// From this many records on there is a field to search them.
const SEARCHED_FROM: usize = 8;

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let Some(genome) = &state.genome else { return };
    let count = genome.summary.contigs.len();
    let noun = if count == 1 { "record" } else { "records" };
    controls::section(ui, &format!("{} {noun}", grouped(count as u64)));
    if count >= SEARCHED_FROM {
        ui.add_space(2.0);
        let field = TextEdit::singleline(&mut screen.filter)
            .id(Id::unique(FILTER_FIELD))
            .hint_text("Find a record")
            .margin(egui::Margin::symmetric(8, 5))
            .desired_width(f32::INFINITY);
        ui.add(field).accessible_name("Find a record");
    }
    ui.add_space(4.0);
    let wanted = if count >= SEARCHED_FROM { screen.filter.trim().to_ascii_lowercase() } else { String::new() };
    let searched = !wanted.is_empty();
    if searched && (screen.found.opening, &screen.found.wanted) != (genome.opening, &wanted) {
        screen.found = find(genome, wanted);
    }
    let rows = if searched { screen.found.records.len() } else { count };
    if rows == 0 {
        controls::note(ui, "No record has this in its name or description.");
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().auto_shrink([false, false]).show_rows(ui, ROW_HEIGHT, rows, |ui, range| {
        if !searched {
            screen.act(Action::CountRecords(range.clone()));
        }
        for row in range {
            let record = if searched { screen.found.records[row] } else { row };
            self::row(ui, state, genome, record, screen);
        }
    });
}

fn find(genome: &Genome, wanted: String) -> Found {
    let holds = |text: &str| text.to_ascii_lowercase().contains(&wanted);
    let contigs = genome.summary.contigs.iter().enumerate();
    let held = contigs.filter(|(_, contig)| holds(&contig.name) || holds(&contig.description));
    let records = held.map(|(record, _)| record).collect();
    Found { opening: genome.opening, wanted, records }
}

fn row(ui: &mut Ui, state: &State, genome: &Genome, record: usize, screen: &mut Screen) {
    let palette = Palette::of(ui);
    let contig = &genome.summary.contigs[record];
    let chosen = record == genome.record();
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), ROW_HEIGHT), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, chosen, &contig.name));
    let ground = rect.shrink2(Vec2::new(0.0, 1.0)).expand2(Vec2::new(6.0, 0.0));
    if chosen {
        ui.painter().rect_filled(ground, theme::CORNERS, palette.accent_soft);
    } else if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(ground, theme::CORNERS, palette.hairline);
    }
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let font = if chosen { theme::semibold(13.0) } else { theme::regular(13.0) };
    let text = |job: &str, font, colour, y: f32| {
        let mut job = egui::text::LayoutJob::simple_singleline(job.to_owned(), font, colour);
        job.wrap = egui::text::TextWrapping::truncate_at_width(rect.width());
        let galley = painter.layout_job(job);
        painter.galley(Align2::LEFT_CENTER.anchor_size(egui::pos2(rect.left(), y), galley.size()).min, galley, colour);
    };
    text(&contig.name, font, palette.text, rect.top() + 13.0);
    let facts = state.facts.of(record, contig.length_bp);
    let mut below = length(contig.length_bp);
    if let Some(counts) = facts.filter(|counts| counts.known > 0) {
        below += &format!("  ·  GC {:.1} %", 100.0 * counts.gc as f64 / counts.known as f64);
    }
    if let Some(counts) = facts.filter(|counts| counts.unknown > 0) {
        below += &format!("  ·  N {:.1} %", 100.0 * counts.unknown as f64 / counts.total as f64);
    }
    text(&below, theme::regular(11.5), palette.weak, rect.top() + 28.5);
    if response.clicked() {
        screen.act(Action::GoTo(Place::Record(record)));
    }
    let description = if contig.description.is_empty() { "" } else { "\n" };
    response.on_hover_text(format!(
        "{}{description}{}\n{} bp",
        contig.name,
        contig.description,
        grouped(contig.length_bp)
    ));
}
