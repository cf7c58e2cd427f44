//! The list of lanes: which are shown, what each file holds, and the rows of it that were left out.

use egui::{Align, CollapsingHeader, ComboBox, Layout, RichText, ScrollArea, Ui};
use strandscope_worker::{
    TrackSource,
    genome::{GeneticCode, Row, RowStatus, grouped},
};

use super::{controls, lane};
use crate::{
    icons::Icon,
    screen::{Action, Screen},
    state::{
        State,
        arrangement::Setting,
        files::OpenFile,
        lanes::{Lane, LaneId},
    },
    theme::{self, Palette},
};

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    ui.horizontal(|ui| {
        if controls::button(ui, "Open a track …", 0.0, true)
            .on_hover_text("BED, GFF3, GTF, VCF, BigBed, bedGraph, wig, BigWig; or drop files anywhere")
            .clicked()
        {
            screen.act(Action::Open);
        }
    });
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.add_space(6.0);
        for lane in state.all_lanes() {
            row(ui, &lane, state, screen);
        }
        ui.add_space(theme::SECTION_GAP);
        computed(ui, state, screen);
    });
}

fn row(ui: &mut Ui, lane: &Lane, state: &State, screen: &mut Screen) {
    let palette = Palette::of(ui);
    ui.spacing_mut().interact_size.y = theme::ROW_HEIGHT;
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(egui::vec2(4.0, 16.0), egui::Sense::hover());
        ui.painter().rect_filled(rect, 2.0, lane::colour(lane, palette));
        let mut shown = !lane.is_hidden();
        let checkbox = ui.checkbox(&mut shown, "");
        checkbox.widget_info(|| {
            egui::WidgetInfo::selected(egui::Role::CheckBox, true, shown, format!("Show {}", lane.name))
        });
        if checkbox.changed() {
            let setting = Setting { hidden: Some(!shown), ..lane.setting.clone() };
            screen.act(Action::ChangeLane(lane.id.clone(), Box::new(setting)));
        }
        let file = if let LaneId::File(id) = lane.id { state.file(id) } else { None };
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if let Some(file) = file
                && controls::small_button(ui, Icon::Close, &format!("Close {}", lane.name)).clicked()
            {
                screen.act(Action::CloseFile(file.id));
            }
            let name = lane.of.as_ref().map_or_else(|| lane.name.clone(), |of| format!("{}, {of}", lane.name));
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                controls::line(ui, RichText::new(name).color(palette.text)).on_hover_text(&lane.name);
            });
        });
    });
    if let LaneId::File(id) = lane.id
        && let Some(file) = state.file(id)
    {
        ui.indent(("facts", id), |ui| facts(ui, file));
    }
}

/// What a file holds, and what of it was left out.
fn facts(ui: &mut Ui, file: &OpenFile) {
    let summary = &file.summary;
    let mut parts = vec![summary.kind.name().to_owned()];
    if let Some(count) = summary.count {
        parts.push(format!("{} {}", grouped(count), if count == 1 { "feature" } else { "features" }));
    }
    if let Some((low, high)) = summary.range {
        parts.push(format!("{} to {}", lane::number(low), lane::number(high)));
    }
    parts.push(match summary.contigs.len() {
        0 => "on no record of this sequence".to_owned(),
        1 => "on 1 record".to_owned(),
        count => format!("on {} records", grouped(count as u64)),
    });
    controls::note(ui, parts.join("  ·  "));
    if summary.refused == 0 {
        return;
    }
    let palette = Palette::of(ui);
    let noun = if summary.refused == 1 { "row" } else { "rows" };
    let text = format!("{} {noun} left out", grouped(summary.refused));
    CollapsingHeader::new(RichText::new(text).color(palette.warning)).id_salt(("refused", file.id)).show(ui, |ui| {
        const LISTED: usize = 200;
        for row in summary.rows.iter().take(LISTED) {
            refused(ui, row);
        }
        if summary.refused > LISTED as u64 {
            controls::note(ui, format!("and {} more", grouped(summary.refused - LISTED as u64)));
        }
        if ui.button("Copy the report").clicked() {
            ui.ctx().copy_text(report(file));
        }
    });
}

fn refused(ui: &mut Ui, row: &Row) {
    let palette = Palette::of(ui);
    let RowStatus::Refused { reason, remedy, .. } = &row.status else { return };
    ui.label(RichText::new(format!("line {}", grouped(row.line))).font(theme::semibold(12.0)));
    if !row.text.is_empty() {
        controls::line(ui, RichText::new(&row.text).font(theme::mono(11.0)).color(palette.weak))
            .on_hover_text(&row.text);
    }
    controls::paragraph(ui, format!("{reason}: {remedy}"));
    ui.add_space(4.0);
}

/// The rows that were left out as text, for the clipboard.
fn report(file: &OpenFile) -> String {
    let rows = file.summary.rows.iter().filter_map(|row| match &row.status {
        RowStatus::Refused { reason, remedy, .. } => {
            Some(format!("line {}: {reason}; {remedy}\n    {}\n", row.line, row.text))
        }
        RowStatus::Ok => None,
    });
    format!("{}: {} rows left out\n{}", file.name(), file.summary.refused, rows.collect::<String>())
}

/// Tracks that are computed from the bases.
fn computed(ui: &mut Ui, state: &State, screen: &mut Screen) {
    controls::section(ui, "From the bases");
    ui.spacing_mut().interact_size.y = 26.0;
    ui.horizontal_wrapped(|ui| {
        if ui
            .button("Reading frames")
            .on_hover_text("Open reading frames of 100 amino acids and more, both strands")
            .clicked()
        {
            screen.act(Action::ShowTrack(TrackSource::Orfs {
                code: state.code,
                least_bp: crate::commands::LEAST_ORF_BP,
            }));
        }
        if ui.button("G+C share").clicked() {
            screen.act(Action::ShowTrack(TrackSource::GcShare));
        }
    });
    ui.add_space(4.0);
    motif(ui, screen);
    ui.add_space(4.0);
    code(ui, state, screen);
}

fn motif(ui: &mut Ui, screen: &mut Screen) {
    let field = egui::TextEdit::singleline(&mut screen.motif)
        .hint_text("TATAWAWR~1 or /TGA[CG]TCA/")
        .margin(egui::Margin::symmetric(8, 5))
        .desired_width(f32::INFINITY);
    let response = ui.add(field).accessible_name("Motif to find");
    let entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    response.on_hover_text(
        "Letters with IUPAC codes, ~1 for one mismatch, or a regular expression between slashes; both strands",
    );
    let text = screen.motif.trim().to_owned();
    let clicked = ui.add_enabled(!text.is_empty(), egui::Button::new("Find the motif")).clicked();
    if (entered || clicked) && !text.is_empty() {
        screen.act(Action::FindMotif(text));
    }
}

fn code(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let name = |code: &GeneticCode| format!("{}  {}", code.id(), code.name());
    let combo = ComboBox::from_id_salt("genetic code")
        .width(ui.available_width())
        .truncate()
        .selected_text(format!("Code {}", name(state.genetic_code())))
        .show_ui(ui, |ui| {
            for code in GeneticCode::all() {
                if ui.selectable_label(code.id() == state.code, name(code)).clicked() {
                    screen.act(Action::GeneticCode(code.id()));
                }
            }
        });
    combo.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, "Genetic code"));
}
