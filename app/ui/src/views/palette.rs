//! The palette: a search over everything that can be done by name.

use egui::{Align2, Key, Modifiers, ScrollArea, Sense, TextEdit, Ui, Vec2, WidgetInfo, pos2};

use crate::{
    commands::{COMMANDS, Command, fit},
    locus::{Place, length, parse_place},
    screen::{Action, PaletteDialog, Screen},
    state::State,
    theme::{self, Palette},
};

/// Most that is listed.
const LISTED: usize = 60;
const ROW_HEIGHT: f32 = 30.0;

/// Something that can be chosen.
enum Entry<'a> {
    Command(&'a Command),
    Head { name: &'a str, title: &'a str },
    Place { text: String, note: String, place: Place },
}

impl Entry<'_> {
    fn text(&self) -> String {
        match self {
            Self::Command(command) => command.name.to_owned(),
            Self::Head { title, .. } => format!("Pick the head {title}"),
            Self::Place { text, .. } => format!("Go to {text}"),
        }
    }

    fn note(&self) -> String {
        match self {
            Self::Command(command) => command.keys.iter().map(|press| press.text()).collect::<Vec<_>>().join("  or  "),
            Self::Head { name, .. } => (*name).to_owned(),
            Self::Place { note, .. } => note.clone(),
        }
    }

    fn run(&self, state: &State, screen: &mut Screen) {
        match self {
            Self::Command(command) => (command.run)(state, screen),
            Self::Head { name, .. } => screen.act(Action::PickHead((*name).to_owned())),
            Self::Place { place, .. } => screen.act(Action::GoTo(*place)),
        }
    }
}

/// Says whether something was chosen; what was is carried out once the palette has gone.
pub(crate) fn ui(ui: &mut Ui, state: &State, dialog: &mut PaletteDialog, screen: &mut Screen) -> bool {
    ui.set_width(560.0);
    let steps = steps(ui);
    let field = TextEdit::singleline(&mut dialog.text)
        .font(theme::regular(15.0))
        .hint_text("A command, a head, a record or a place")
        .margin(egui::Margin::symmetric(10, 8))
        .desired_width(f32::INFINITY);
    let response = ui.add(field).accessible_name("Search commands");
    if response.changed() {
        dialog.chosen = 0;
    }
    let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if !entered {
        response.request_focus();
    }
    let entries = found(state, &dialog.text);
    dialog.chosen = dialog.chosen.saturating_add_signed(steps).min(entries.len().saturating_sub(1));
    let mut picked = entered.then_some(dialog.chosen).filter(|at| *at < entries.len());
    ui.add_space(8.0);
    if entries.is_empty() {
        super::controls::note(ui, "Nothing has these letters in this order.");
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().max_height(ROW_HEIGHT * 12.0).auto_shrink([false, true]).show(ui, |ui| {
        for (at, entry) in entries.iter().enumerate() {
            let response = row(ui, entry, at == dialog.chosen);
            if response.clicked() {
                picked = Some(at);
            }
            if at == dialog.chosen && steps != 0 {
                response.scroll_to_me(None);
            }
        }
    });
    let Some(entry) = picked.and_then(|at| entries.get(at)) else { return false };
    entry.run(state, screen);
    true
}

/// Steps that the arrow keys ask for.
fn steps(ui: &Ui) -> isize {
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    isize::from(pressed(Key::ArrowDown)) - isize::from(pressed(Key::ArrowUp))
}

/// What fits, the best first; with nothing typed, all commands in their order.
fn found<'a>(state: &'a State, text: &str) -> Vec<Entry<'a>> {
    let wanted = text.trim();
    if wanted.is_empty() {
        return COMMANDS.iter().map(Entry::Command).collect();
    }
    let mut scored: Vec<(i32, Entry<'a>)> = Vec::new();
    let mut add = |entry: Entry<'a>| {
        if let Some(score) = fit(&entry.text(), wanted) {
            scored.push((score, entry));
        }
    };
    COMMANDS.iter().for_each(|command| add(Entry::Command(command)));
    let heads = state.library.iter().flat_map(|library| &library.heads);
    heads.for_each(|head| add(Entry::Head { name: &head.card.name, title: &head.card.title }));
    if let Some(genome) = &state.genome {
        let contigs = &genome.summary.contigs;
        let lower = wanted.to_lowercase();
        let records = contigs.iter().enumerate().filter(|(_, contig)| contig.name.to_lowercase().contains(&lower));
        for (record, contig) in records.take(LISTED) {
            let note = length(contig.length_bp);
            scored.push((60, Entry::Place { text: contig.name.clone(), note, place: Place::Record(record) }));
        }
        if let Ok(place) = parse_place(wanted, contigs, genome.record())
            && !matches!(place, Place::Record(_))
        {
            scored.push((100, Entry::Place { text: wanted.to_owned(), note: "place".to_owned(), place }));
        }
    }
    scored.sort_by_key(|(score, _)| -score);
    scored.into_iter().map(|(_, entry)| entry).take(LISTED).collect()
}

fn row(ui: &mut Ui, entry: &Entry<'_>, is_chosen: bool) -> egui::Response {
    let palette = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), ROW_HEIGHT), Sense::click());
    let text = entry.text();
    response.widget_info(|| WidgetInfo::selected(egui::Role::ListBoxOption, true, is_chosen, &text));
    if is_chosen || response.hovered() {
        let ground = if is_chosen { palette.accent_soft } else { palette.hairline };
        ui.painter().rect_filled(rect, theme::CORNERS, ground);
    }
    let galley = ui.painter().layout_no_wrap(entry.note(), theme::mono(11.5), palette.weak);
    let note = Align2::RIGHT_CENTER.anchor_size(pos2(rect.right() - 10.0, rect.center().y), galley.size());
    ui.painter().galley(note.min, galley, palette.weak);
    let mut job = egui::text::LayoutJob::simple_singleline(text, theme::regular(13.5), palette.text);
    job.wrap = egui::text::TextWrapping::truncate_at_width(note.left() - rect.left() - 24.0);
    let galley = ui.painter().layout_job(job);
    let at = Align2::LEFT_CENTER.anchor_size(pos2(rect.left() + 10.0, rect.center().y), galley.size());
    ui.painter().galley(at.min, galley, palette.text);
    response
}
