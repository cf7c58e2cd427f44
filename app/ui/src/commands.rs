//! Everything that can be done by name or by key: one table for the palette, the keys, and the sheet that lists them.

use std::{cmp::Reverse, sync::LazyLock};

use egui::{Key, Modifiers};
use strandscope_worker::TrackSource;

use crate::{
    SaveFormat,
    dock::{Pane, Preset},
    screen::{Action, Dialog, PaletteDialog, Screen},
    state::{State, arrangement::Setting, lanes::LaneId},
};

/// What does a command: it reads what is open, and acts.
type Run = fn(&State, &mut Screen);

/// Something that can be done.
#[derive(Clone, Copy)]
pub(crate) struct Command {
    /// What it does, as people would ask for it.
    pub(crate) name: &'static str,
    /// The part of the sheet it stands in.
    pub(crate) part: Part,
    pub(crate) keys: &'static [Press],
    pub(crate) run: Run,
}

/// A part of the sheet of shortcuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    File,
    Move,
    Score,
    Lanes,
    Window,
}

impl Part {
    pub(crate) const ALL: [Self; 5] = [Self::File, Self::Move, Self::Score, Self::Lanes, Self::Window];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::File => "Files",
            Self::Move => "Moving about",
            Self::Score => "Scores and hits",
            Self::Lanes => "Lanes",
            Self::Window => "Window",
        }
    }
}

/// What is pressed for a command.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Press {
    /// A key together with others.
    Key(Modifiers, Key),
    /// A letter or sign, wherever a keyboard has it.
    Typed(&'static str),
}

impl Press {
    /// Whether it is inert while a field has the keyboard or a dialog is open.
    pub(crate) fn is_plain(self) -> bool {
        match self {
            Self::Typed(_) => true,
            Self::Key(modifiers, key) => !modifiers.command && !matches!(key, Key::F1 | Key::F11),
        }
    }

    /// How many keys are held for it.
    fn held(self) -> usize {
        match self {
            Self::Typed(_) => 0,
            Self::Key(modifiers, _) => {
                [modifiers.command, modifiers.alt, modifiers.shift].into_iter().map(usize::from).sum()
            }
        }
    }

    /// As it is written.
    pub(crate) fn text(self) -> String {
        let (modifiers, key) = match self {
            Self::Typed(sign) => return sign.to_owned(),
            Self::Key(modifiers, key) => (modifiers, key),
        };
        let mut text = String::new();
        for (held, name) in [(modifiers.command, "Ctrl+"), (modifiers.alt, "Alt+"), (modifiers.shift, "Shift+")] {
            text += if held { name } else { "" };
        }
        text + match key {
            Key::ArrowLeft => "←",
            Key::ArrowRight => "→",
            Key::ArrowUp => "↑",
            Key::ArrowDown => "↓",
            Key::Plus => "+",
            Key::Equals => "=",
            Key::Minus => "−",
            Key::PageUp => "Page Up",
            Key::PageDown => "Page Down",
            Key::Escape => "Esc",
            Key::OpenBracket => "[",
            Key::CloseBracket => "]",
            Key::Period => ".",
            key => key.name(),
        }
    }
}

const fn key(key: Key) -> Press {
    Press::Key(Modifiers::NONE, key)
}

const fn ctrl(key: Key) -> Press {
    Press::Key(Modifiers::COMMAND, key)
}

const fn ctrl_shift(key: Key) -> Press {
    Press::Key(Modifiers { shift: true, ..Modifiers::COMMAND }, key)
}

const fn shift(key: Key) -> Press {
    Press::Key(Modifiers::SHIFT, key)
}

const fn alt(key: Key) -> Press {
    Press::Key(Modifiers::ALT, key)
}

const fn alt_shift(key: Key) -> Press {
    Press::Key(Modifiers { shift: true, ..Modifiers::ALT }, key)
}

const fn command(part: Part, name: &'static str, keys: &'static [Press], run: Run) -> Command {
    Command { name, part, keys, run }
}

const STEP: f64 = 0.1;
const ZOOM: f64 = 1.5;
const MIDDLE: f64 = 0.5;
/// The shortest reading frame that is shown: a protein of 100 amino acids.
pub(crate) const LEAST_ORF_BP: u64 = 303;

/// All commands, in the order in which the sheet lists them. Of two that share a key with other modifiers, the one with
/// more comes first.
pub(crate) const COMMANDS: &[Command] = &[
    command(Part::File, "Open files", &[ctrl(Key::O)], |_, screen| screen.act(Action::Open)),
    command(Part::File, "Save what is in view as a table", &[ctrl(Key::S)], |_, screen| {
        screen.act(Action::Save { format: SaveFormat::Tsv, only_view: true });
    }),
    command(Part::File, "Save what is in view as a picture", &[], |_, screen| {
        screen.act(Action::Save { format: SaveFormat::Png, only_view: true });
    }),
    command(Part::File, "Show the first example", &[], |_, screen| screen.act(Action::OpenExample(0))),
    command(Part::Move, "Go to the locus box", &[ctrl(Key::L), Press::Typed("/")], |_, screen| {
        screen.locus.focus = true;
    }),
    command(
        Part::Move,
        "Go back to the place seen before",
        &[alt(Key::ArrowLeft), ctrl(Key::OpenBracket)],
        |_, screen| {
            screen.act(Action::Back);
        },
    ),
    command(Part::Move, "Go forward again", &[alt(Key::ArrowRight), ctrl(Key::CloseBracket)], |_, screen| {
        screen.act(Action::Forward);
    }),
    command(Part::Move, "Move left", &[key(Key::ArrowLeft)], |_, screen| screen.act(Action::Pan(-STEP))),
    command(Part::Move, "Move right", &[key(Key::ArrowRight)], |_, screen| screen.act(Action::Pan(STEP))),
    command(Part::Move, "Move left by a whole view", &[key(Key::PageUp)], |_, screen| screen.act(Action::Pan(-1.0))),
    command(Part::Move, "Move right by a whole view", &[key(Key::PageDown)], |_, screen| screen.act(Action::Pan(1.0))),
    command(Part::Move, "Go to the start of the record", &[key(Key::Home)], |state, screen| go(state, screen, 0.0)),
    command(Part::Move, "Go to the end of the record", &[key(Key::End)], |state, screen| {
        go(state, screen, state.genome.as_ref().map_or(0.0, |genome| genome.view().length_bp() as f64));
    }),
    command(Part::Move, "Zoom in", &[key(Key::Plus), key(Key::Equals), ctrl(Key::ArrowUp)], |_, screen| {
        screen.act(Action::Zoom(ZOOM, MIDDLE));
    }),
    command(Part::Move, "Zoom out", &[key(Key::Minus), ctrl(Key::ArrowDown)], |_, screen| {
        screen.act(Action::Zoom(1.0 / ZOOM, MIDDLE));
    }),
    command(Part::Move, "Show the whole record", &[shift(Key::Z)], |_, screen| screen.act(Action::Fit)),
    command(Part::Move, "Next feature", &[key(Key::F), ctrl(Key::F)], |_, screen| {
        screen.act(Action::NextFeature(true));
    }),
    command(Part::Move, "Previous feature", &[key(Key::B), ctrl(Key::B)], |_, screen| {
        screen.act(Action::NextFeature(false));
    }),
    command(Part::Move, "Reverse complement the view", &[key(Key::R)], |_, screen| screen.act(Action::TurnRound)),
    command(Part::Move, "Add a locus beside this one", &[key(Key::D)], |_, screen| screen.act(Action::AddLocus)),
    command(Part::Move, "Close this locus", &[shift(Key::D)], |state, screen| {
        screen.act(Action::CloseLocus(state.genome.as_ref().map_or(0, crate::state::loci::Genome::active)));
    }),
    command(
        Part::Move,
        "Pin what is in view as A and compare it with B, or let it go",
        &[key(Key::A)],
        |state, screen| {
            screen.act(Action::Pin(state.genome.as_ref().is_none_or(|genome| genome.compared().is_none())));
        },
    ),
    command(Part::Move, "Exchange A and B", &[shift(Key::A)], |_, screen| screen.act(Action::ExchangePinned)),
    command(Part::Move, "Move loci together, or each by itself", &[key(Key::L)], |state, screen| {
        screen.act(Action::LinkLoci(state.genome.as_ref().is_some_and(|genome| !genome.linked)));
    }),
    command(Part::Move, "Mark the base in the middle as a region of interest", &[ctrl_shift(Key::R)], |_, screen| {
        screen.act(Action::MarkView(false));
    }),
    command(Part::Move, "Mark what is in view as a region of interest", &[ctrl(Key::R)], |_, screen| {
        screen.act(Action::MarkView(true));
    }),
    command(Part::Score, "Judge scores by the features of the selected lane", &[key(Key::J)], |state, screen| {
        let selected = state.feature_files().find(|file| state.arrangement.is_file_selected(file.id));
        if let Some(file) = selected.or_else(|| state.feature_files().next()) {
            screen.act(Action::Judge(file.id, None));
        }
    }),
    command(Part::Score, "How the two selected tracks of values go together", &[shift(Key::J)], |_, screen| {
        screen.act(Action::Relate);
    }),
    command(Part::Score, "Band of shuffled sequences behind the scores", &[key(Key::K)], |_, screen| {
        screen.act(Action::NullBand);
    }),
    command(Part::Score, "Pause scoring the record, or go on", &[ctrl(Key::Period)], |state, screen| {
        screen.act(Action::Pause(state.record_run.as_ref().is_some_and(|run| !run.is_paused)));
    }),
    command(Part::Score, "Test this device against stored values", &[], |_, screen| screen.act(Action::SelfTest)),
    command(Part::Score, "Previous hit above the threshold", &[shift(Key::N)], |_, screen| {
        screen.act(Action::NextHit(false));
    }),
    command(Part::Score, "Next hit above the threshold", &[key(Key::N)], |_, screen| screen.act(Action::NextHit(true))),
    command(Part::Score, "Score the whole record", &[ctrl_shift(Key::Enter)], |_, screen| {
        screen.act(Action::ScoreRecord);
    }),
    command(Part::Score, "Score what is in view", &[ctrl(Key::Enter)], |_, screen| screen.act(Action::ScoreView)),
    command(Part::Lanes, "Select the next lane", &[alt(Key::PageDown)], |state, screen| select(state, screen, 1)),
    command(Part::Lanes, "Select the lane above", &[alt(Key::PageUp)], |state, screen| select(state, screen, -1)),
    command(Part::Lanes, "Make selected lanes higher", &[alt_shift(Key::ArrowDown)], |state, screen| {
        resize(state, screen, 1.25);
    }),
    command(Part::Lanes, "Make selected lanes lower", &[alt_shift(Key::ArrowUp)], |state, screen| {
        resize(state, screen, 0.8);
    }),
    command(Part::Lanes, "Move selected lane down", &[alt(Key::ArrowDown)], |state, screen| {
        shift_lane(state, screen, 1)
    }),
    command(Part::Lanes, "Move selected lane up", &[alt(Key::ArrowUp)], |state, screen| shift_lane(state, screen, -1)),
    command(Part::Lanes, "Keep selected lanes at the top, or not", &[key(Key::P)], |state, screen| {
        for lane in state.lanes().into_iter().filter(|lane| state.arrangement.selected.contains(&lane.id)).take(1) {
            let mut setting = lane.setting.clone();
            setting.pinned = Some(!lane.is_pinned());
            screen.act(Action::ChangeLane(lane.id, Box::new(setting)));
        }
    }),
    command(Part::Lanes, "Group selected lanes", &[key(Key::G)], |state, screen| {
        screen.act(Action::GroupLanes(state.arrangement.selected.iter().cloned().collect(), false));
    }),
    command(Part::Lanes, "Draw selected lanes over each other", &[shift(Key::G)], |state, screen| {
        screen.act(Action::GroupLanes(state.arrangement.selected.iter().cloned().collect(), true));
    }),
    command(Part::Lanes, "Take the group of selected lanes apart", &[], |state, screen| {
        screen.act(Action::UngroupLanes(state.arrangement.selected.iter().cloned().collect()));
    }),
    command(Part::Lanes, "Difference of the two selected lanes", &[ctrl(Key::D)], |_, screen| {
        screen.act(Action::ShowDifference);
    }),
    command(Part::Lanes, "Hide or close selected lanes", &[key(Key::Delete)], |_, screen| {
        screen.act(Action::RemoveLanes);
    }),
    command(Part::Lanes, "Show or hide the translation of six frames", &[key(Key::T)], |state, screen| {
        toggle(state, screen, &LaneId::Translation);
    }),
    command(Part::Lanes, "Show open reading frames", &[], |state, screen| {
        screen.act(Action::ShowTrack(TrackSource::Orfs { code: state.code, least_bp: LEAST_ORF_BP }));
    }),
    command(Part::Lanes, "Show the share of G and C", &[], |_, screen| {
        screen.act(Action::ShowTrack(TrackSource::GcShare));
    }),
    command(Part::Window, "Find a command, head or record", &[ctrl(Key::P), ctrl(Key::K)], |_, screen| {
        screen.show(Dialog::Palette(PaletteDialog::default()));
    }),
    command(Part::Window, "Show or hide what is left of the view", &[ctrl_shift(Key::B)], |_, screen| {
        screen.dock.toggle_side(true);
    }),
    command(Part::Window, "Show or hide what is right of the view", &[ctrl_shift(Key::I)], |_, screen| {
        screen.dock.toggle_side(false);
    }),
    command(Part::Window, "Layout for the biologist", &[], |_, screen| screen.act(Action::Layout(Preset::Biologist))),
    command(Part::Window, "Layout for the clinician", &[], |_, screen| screen.act(Action::Layout(Preset::Clinician))),
    command(Part::Window, "Layout for the teacher", &[], |_, screen| screen.act(Action::Layout(Preset::Teacher))),
    command(Part::Window, "Show the records", &[], |_, screen| screen.act(Action::ShowPane(Pane::Records))),
    command(Part::Window, "Show the list of tracks", &[], |_, screen| screen.act(Action::ShowPane(Pane::Tracks))),
    command(Part::Window, "Show the regions of interest", &[], |_, screen| screen.act(Action::ShowPane(Pane::Marks))),
    command(Part::Window, "Show the head", &[], |_, screen| screen.act(Action::ShowPane(Pane::Head))),
    command(Part::Window, "Models and heads: fetch, import, remove", &[ctrl(Key::M)], |_, screen| screen.show_models()),
    command(Part::Window, "List of shortcuts", &[key(Key::F1), Press::Typed("?")], |_, screen| {
        let is_shown = screen.dialog == Some(Dialog::Shortcuts);
        screen.dialog = (!is_shown).then_some(Dialog::Shortcuts);
    }),
];

fn go(state: &State, screen: &mut Screen, start_bp: f64) {
    let span_bp = state.genome.as_ref().map_or(0.0, |genome| genome.view().span_bp());
    screen.act(Action::Show { start_bp, span_bp, jump: true });
}

/// Selects the lane after the last one that is selected, or before the first.
fn select(state: &State, screen: &mut Screen, steps: isize) {
    let lanes = state.lanes();
    let is_selected = |lane: &crate::state::lanes::Lane| state.arrangement.selected.contains(&lane.id);
    let from = if steps > 0 { lanes.iter().rposition(is_selected) } else { lanes.iter().position(is_selected) };
    let to = match from {
        Some(from) => from.saturating_add_signed(steps).min(lanes.len().saturating_sub(1)),
        None if steps > 0 => 0,
        None => lanes.len().saturating_sub(1),
    };
    if let Some(lane) = lanes.get(to).filter(|lane| !(is_selected(lane) && state.arrangement.selected.len() == 1)) {
        screen.act(Action::SelectLane(lane.id.clone(), false));
    }
}

/// Shows a lane that is hidden, or hides it.
fn toggle(state: &State, screen: &mut Screen, id: &LaneId) {
    for lane in state.all_lanes().into_iter().filter(|lane| lane.id == *id) {
        let setting = Setting { hidden: Some(!lane.is_hidden()), ..lane.setting.clone() };
        screen.act(Action::ChangeLane(lane.id, Box::new(setting)));
    }
}

fn shift_lane(state: &State, screen: &mut Screen, steps: isize) {
    if let Some(id) = state.arrangement.selected.first() {
        screen.act(Action::StepLane(id.clone(), steps));
    }
}

fn resize(state: &State, screen: &mut Screen, factor: f32) {
    let Some(id) = state.arrangement.selected.first() else { return };
    if let Some(height) = screen.heights.get(id) {
        screen.act(Action::LaneHeight(id.clone(), height * factor));
    }
}

/// All that can be pressed, with the command each is for. What is pressed with more keys held comes first: a key counts
/// as pressed also while others are held, so that Shift+D would otherwise be taken for D.
pub(crate) static PRESSES: LazyLock<Vec<(Press, &Command)>> = LazyLock::new(|| {
    let mut presses: Vec<_> =
        COMMANDS.iter().flat_map(|command| command.keys.iter().map(move |&press| (press, command))).collect();
    presses.sort_by_key(|(press, _)| Reverse(press.held()));
    presses
});

/// How well `text` fits what is searched for: its letters must come in this order. More is better.
pub(crate) fn fit(text: &str, wanted: &str) -> Option<i32> {
    let letters: Vec<char> = text.to_lowercase().chars().collect();
    let wanted: Vec<char> = wanted.to_lowercase().chars().filter(|letter| !letter.is_whitespace()).collect();
    let mut score = 0;
    let mut from = 0;
    let mut last: Option<usize> = None;
    for letter in wanted {
        let at = from + letters[from..].iter().position(|other| *other == letter)?;
        let begins_word = at == 0 || !letters[at - 1].is_alphanumeric();
        score += match last {
            Some(last) if at == last + 1 => 8,
            _ if begins_word => 6,
            _ => 1,
        };
        score -= i32::try_from(at - from).unwrap_or(i32::MAX).min(4);
        (last, from) = (Some(at), at + 1);
    }
    Some(score)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_does_two_things() {
        let mut seen: Vec<(Press, &str)> = Vec::new();
        for command in COMMANDS {
            for &press in command.keys {
                let other = seen.iter().find(|(known, _)| *known == press);
                assert!(other.is_none(), "{} and {:?} share {}", command.name, other, press.text());
                seen.push((press, command.name));
            }
        }
    }

    #[test]
    fn what_is_pressed_with_more_keys_held_is_looked_for_first() {
        let place =
            |wanted: Press| PRESSES.iter().position(|(press, _)| *press == wanted).expect("it is for a command");
        assert!(place(shift(Key::D)) < place(key(Key::D)), "close a locus, add one");
        assert!(place(shift(Key::G)) < place(key(Key::G)), "overlay, group");
        assert!(place(ctrl_shift(Key::B)) < place(ctrl(Key::B)), "a side of the view, the previous feature");
    }

    #[test]
    fn what_begins_words_fits_best() {
        let best =
            |wanted: &str| COMMANDS.iter().max_by_key(|command| fit(command.name, wanted)).map(|command| command.name);
        assert_eq!(best("rev com"), Some("Reverse complement the view"), "parts of words");
        assert_eq!(fit("Zoom in", "xyz"), None, "letters that are not in it");
    }

    #[test]
    fn keys_are_written_as_on_keyboards() {
        assert_eq!(ctrl_shift(Key::Enter).text(), "Ctrl+Shift+Enter");
        assert_eq!(alt(Key::ArrowLeft).text(), "Alt+←");
        assert!(key(Key::F).is_plain() && !ctrl(Key::F).is_plain() && !key(Key::F1).is_plain(), "plain keys rest");
    }
}
