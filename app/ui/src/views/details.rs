//! What was picked: everything a file says of a feature, and what can be done with it.

use egui::{Grid, RichText, ScrollArea, Ui};
use strandscope_worker::genome::{Region, grouped};

use super::controls;
use crate::{
    locus::{Place, length},
    screen::{Action, Picked, Screen},
    state::State,
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let Some(picked) = screen.picked.clone() else {
        controls::note(ui, "Click a feature in the view to read all that its file says of it.");
        return;
    };
    let Some(genome) = &state.genome else { return };
    let Some(locus) = genome.loci().get(picked.locus) else { return };
    let contig = genome.contig_of(locus).name.clone();
    let feature = &picked.feature;
    let region = Region::new(&contig, feature.start_bp, feature.end_bp);
    let palette = Palette::of(ui);
    let name = if feature.name.is_empty() { "(no name)" } else { &feature.name };
    ui.label(RichText::new(name).font(theme::semibold(15.0)));
    let strand = feature.strand.map_or(String::new(), |strand| format!("  ({strand})"));
    controls::paragraph(ui, format!("{region}{strand}"));
    controls::note(ui, format!("BED: {}  {}  {}", region.contig, region.start_bp, region.end_bp));
    ui.add_space(4.0);
    buttons(ui, &picked, &region, locus.record, screen);
    ui.add_space(8.0);
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        Grid::new("attributes").num_columns(2).spacing([12.0, 4.0]).show(ui, |ui| {
            let mut row = |key: &str, value: &str| {
                ui.label(RichText::new(key).font(theme::regular(12.0)).color(palette.weak));
                ui.add(egui::Label::new(RichText::new(value).font(theme::regular(12.5))).wrap());
                ui.end_row();
            };
            if !feature.kind.is_empty() {
                row("type", &feature.kind);
            }
            row("length", &length(feature.len_bp()));
            if !feature.blocks.is_empty() {
                row("parts", &grouped(feature.blocks.len() as u64));
            }
            if let Some(score) = feature.score {
                row("score", &score.to_string());
            }
            if feature.line > 0 {
                row("line", &grouped(feature.line));
            }
            for (key, value) in &feature.attributes {
                row(key, value);
            }
        });
    });
}

fn buttons(ui: &mut Ui, picked: &Picked, region: &Region, record: usize, screen: &mut Screen) {
    ui.horizontal_wrapped(|ui| {
        if ui.button("Show it whole").clicked() {
            screen.act(Action::GoTo(Place::Around(record, region.start_bp, region.end_bp)));
        }
        if ui.button("Mark it").on_hover_text("As a region of interest").clicked() {
            screen.act(Action::Mark(region.clone(), picked.feature.name.clone()));
        }
        if ui.button("Copy locus").clicked() {
            ui.ctx().copy_text(region.to_string());
        }
        if ui.button("Copy as BED").clicked() {
            let name = &picked.feature.name;
            ui.ctx().copy_text(format!("{}\t{}\t{}\t{name}", region.contig, region.start_bp, region.end_bp));
        }
    });
}
