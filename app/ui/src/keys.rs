//! Keyboard: presses in, commands out.

use egui::{Context, Id, Key, KeyboardShortcut, Modifiers, Popup};

use crate::{
    commands::{PRESSES, Press},
    screen::{Action, FILTER_FIELD, LOCUS_FIELD, Screen},
    state::State,
};

/// Takes in the keys of this frame.
pub(crate) fn read(ctx: &Context, state: &State, screen: &mut Screen) {
    // An open menu takes the key itself.
    if !Popup::is_any_open(ctx) && pressed(ctx, Modifiers::NONE, Key::Escape) {
        escape(ctx, state, screen);
    }
    // Plain keys belong to a text field while one is being typed into, and to a dialog while one is open.
    let rest = ctx.egui_wants_keyboard_input() || screen.dialog.is_some();
    if !rest && let Some(text) = pasted(ctx) {
        screen.act(Action::Paste(text));
    }
    for &(press, command) in PRESSES.iter() {
        // What is typed into a card would be lost under another dialog.
        let may = if press.is_plain() { !rest } else { !screen.is_editing_card() };
        if may && is_pressed(ctx, press) {
            (command.run)(state, screen);
        }
    }
}

/// Text that was pasted into no field.
fn pasted(ctx: &Context) -> Option<String> {
    ctx.input(|input| {
        input.events.iter().find_map(|event| match event {
            egui::Event::Paste(text) => Some(text.clone()),
            _ => None,
        })
    })
}

fn is_pressed(ctx: &Context, press: Press) -> bool {
    match press {
        Press::Key(modifiers, key) => pressed(ctx, modifiers, key),
        // The same key makes different characters on different keyboards: these go by what is written.
        Press::Typed(sign) => {
            let is_sign = |event: &egui::Event| matches!(event, egui::Event::Text(text) if text == sign);
            ctx.input(|input| input.events.iter().any(is_sign))
        }
    }
}

fn pressed(ctx: &Context, modifiers: Modifiers, key: Key) -> bool {
    ctx.input_mut(|input| input.consume_shortcut(&KeyboardShortcut::new(modifiers, key)))
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
    } else if state.jobs.analysing() || state.record_run.is_some() {
        screen.act(Action::Cancel);
    }
}

/// Whether a field had the keyboard until this frame: the key to leave it takes the focus before anything sees it.
fn was_typed_into(ctx: &Context) -> bool {
    [LOCUS_FIELD, FILTER_FIELD].iter().any(|field| ctx.memory(|memory| memory.had_focus_last_frame(Id::unique(field))))
}
