//! Keyboard shortcuts: one table for what they do and for the sheet that lists them.

use egui::{Context, Id, Key, KeyboardShortcut, Modifiers, Popup};

use crate::{
    SaveFormat,
    screen::{Action, Dialog, FILTER_FIELD, LOCUS_FIELD, Screen},
    state::State,
};

/// Shortcuts as the sheet lists them: keys, and what they do.
pub(crate) const SHEET: [(&str, &str); 16] = [
    ("Ctrl+O", "Open a sequence file"),
    ("Ctrl+S", "Save what is in view as a table"),
    ("Ctrl+L  or  /", "Go to the locus box"),
    ("←  →", "Move by a tenth of the view"),
    ("Page Up  Page Down", "Move by a whole view"),
    ("Home  End", "Go to the start or end of the record"),
    ("+  −", "Zoom in and out; so does Ctrl+↑ ↓ and the mouse wheel"),
    ("Shift+Z", "Show the whole record"),
    ("Alt+←  Alt+→", "Go back and forward to places seen"),
    ("Ctrl+Enter", "Score what is in view"),
    ("Ctrl+Shift+Enter", "Score the whole record"),
    ("Esc", "Close a message, or stop scoring"),
    ("Ctrl+Shift+B", "Show or hide the list of records"),
    ("Ctrl+Shift+I", "Show or hide the panel of heads"),
    ("Ctrl+M", "Models and heads: fetch, import, remove"),
    ("F1  or  ?", "Show this list"),
];

/// Takes in the keys of this frame.
pub(crate) fn read(ctx: &Context, state: &State, screen: &mut Screen) {
    // What is typed into a card would be lost under another dialog.
    if !screen.is_editing_card() {
        commands(ctx, screen);
    }
    // An open menu takes the key itself.
    if !Popup::is_any_open(ctx) && pressed(ctx, Modifiers::NONE, Key::Escape) {
        escape(ctx, state, screen);
    }
    // Plain keys belong to a text field while one is being typed into, and to a dialog while one is open.
    if !ctx.egui_wants_keyboard_input() && screen.dialog.is_none() {
        plain(ctx, state, screen);
    }
}

fn pressed(ctx: &Context, modifiers: Modifiers, key: Key) -> bool {
    ctx.input_mut(|input| input.consume_shortcut(&KeyboardShortcut::new(modifiers, key)))
}

fn commands(ctx: &Context, screen: &mut Screen) {
    const SHIFTED: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };
    if pressed(ctx, SHIFTED, Key::Enter) {
        screen.act(Action::ScoreRecord);
    }
    if pressed(ctx, SHIFTED, Key::B) {
        screen.left_panel = !screen.left_panel;
    }
    if pressed(ctx, SHIFTED, Key::I) {
        screen.right_panel = !screen.right_panel;
    }
    if pressed(ctx, Modifiers::COMMAND, Key::Enter) {
        screen.act(Action::ScoreView);
    }
    if pressed(ctx, Modifiers::COMMAND, Key::O) {
        screen.act(Action::Open);
    }
    if pressed(ctx, Modifiers::COMMAND, Key::S) {
        screen.act(Action::Save { format: SaveFormat::Tsv, only_view: true });
    }
    if pressed(ctx, Modifiers::COMMAND, Key::L) {
        screen.locus.focus = true;
    }
    if pressed(ctx, Modifiers::COMMAND, Key::M) {
        screen.show_models();
    }
    if pressed(ctx, Modifiers::NONE, Key::F1) {
        screen.dialog = if screen.dialog == Some(Dialog::Shortcuts) { None } else { Some(Dialog::Shortcuts) };
    }
}

/// Closes the foremost thing: a dialog, a message, a running job.
fn escape(ctx: &Context, state: &State, screen: &mut Screen) {
    if let Some(dialog) = screen.dialog.take() {
        screen.dialog = dialog.left();
    } else if screen.locus.text.is_some() {
        screen.locus = Default::default();
        ctx.memory_mut(egui::Memory::stop_text_input);
    } else if was_typed_into(ctx) {
        // The key has only left the field.
    } else if state.failure.is_some() {
        screen.act(Action::CloseFailure);
    } else if state.jobs.analysing() {
        screen.act(Action::Cancel);
    }
}

/// Whether a field had the keyboard until this frame: the key to leave it takes the focus before anything sees it.
fn was_typed_into(ctx: &Context) -> bool {
    [LOCUS_FIELD, FILTER_FIELD].iter().any(|field| ctx.memory(|memory| memory.had_focus_last_frame(Id::unique(field))))
}

fn plain(ctx: &Context, state: &State, screen: &mut Screen) {
    const STEP: f64 = 0.1;
    const ZOOM: f64 = 1.5;
    const MIDDLE: f64 = 0.5;
    let end_bp = state.genome.as_ref().map_or(0.0, |genome| genome.view.length_bp() as f64);
    let span_bp = state.genome.as_ref().map_or(0.0, |genome| genome.view.span_bp());
    let go = |start_bp| Action::Show { start_bp, span_bp, jump: true };
    let keys = [
        (Modifiers::ALT, Key::ArrowLeft, Action::Back),
        (Modifiers::ALT, Key::ArrowRight, Action::Forward),
        (Modifiers::COMMAND, Key::ArrowUp, Action::Zoom(ZOOM, MIDDLE)),
        (Modifiers::COMMAND, Key::ArrowDown, Action::Zoom(1.0 / ZOOM, MIDDLE)),
        (Modifiers::SHIFT, Key::Z, Action::Fit),
        (Modifiers::NONE, Key::ArrowLeft, Action::Pan(-STEP)),
        (Modifiers::NONE, Key::ArrowRight, Action::Pan(STEP)),
        (Modifiers::NONE, Key::PageUp, Action::Pan(-1.0)),
        (Modifiers::NONE, Key::PageDown, Action::Pan(1.0)),
        (Modifiers::NONE, Key::Home, go(0.0)),
        (Modifiers::NONE, Key::End, go(end_bp)),
        (Modifiers::NONE, Key::Plus, Action::Zoom(ZOOM, MIDDLE)),
        (Modifiers::NONE, Key::Equals, Action::Zoom(ZOOM, MIDDLE)),
        (Modifiers::NONE, Key::Minus, Action::Zoom(1.0 / ZOOM, MIDDLE)),
    ];
    for (modifiers, key, action) in keys {
        if pressed(ctx, modifiers, key) {
            screen.act(action);
        }
    }
    // The same key makes different characters on different keyboards: these two go by what is written.
    let typed = |wanted: &str| {
        ctx.input(|input| input.events.iter().any(|event| matches!(event, egui::Event::Text(text) if text == wanted)))
    };
    if typed("?") {
        screen.dialog = Some(Dialog::Shortcuts);
    }
    if typed("/") {
        screen.locus.focus = true;
    }
}
