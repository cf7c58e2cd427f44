//! Cards of heads that are edited in the window.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use strandscope_ui::{Start, Window};
use strandscope_worker::{ErrorKind, Event, JobError, Task, card::HeadCard};

use super::{
    engine::{PATIENCE, engine, wait_for},
    stage::{self, Bare, Stage, bare},
};

/// A checkpoint with classes for tokens, which reads up to 64 tokens.
const CHECKPOINT: &str = "dnabert_k3_classifier";

fn has(harness: &Harness<'_, Bare>, words: &str) -> bool {
    harness.query_all_by_label_contains(words).next().is_some()
}

fn click(harness: &mut Harness<'_, Bare>, button: &str) {
    harness.get_by_role_and_label(Role::Button, button).click();
    harness.run();
}

/// Opens the played card with a thousand labels, from the list of models.
pub(crate) fn edit(harness: &mut Harness<'_, Bare>) {
    click(harness, "Models and heads");
    harness.get_by_label("Search models").focus();
    harness.get_by_label("Search models").type_text("fetched");
    harness.run();
    click(harness, "Edit card … fetched");
    harness.run();
}

/// Types `text` in place of what stands in a field.
pub(crate) fn fill(harness: &mut Harness<'_, Bare>, field: &str, text: &str) {
    harness.get_by_role_and_label(Role::TextInput, field).focus();
    harness.run();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.get_by_role_and_label(Role::TextInput, field).type_text(text);
    harness.run();
}

/// Saves what is typed, which does not work.
pub(crate) fn refuse(stage: &Stage, harness: &mut Harness<'_, Bare>) {
    click(harness, "Save");
    let job = stage.0.borrow().tasks.last().expect("it was asked to save").0;
    let message = "cannot write /data/models/fetched/head-card.json: No space left on device (os error 28); free some \
                   space or choose another disk";
    let error = JobError { kind: ErrorKind::Runtime, message: message.to_owned(), causes: vec![] };
    stage.post(Event::Failed { job, error });
    harness.run();
}

fn value(harness: &Harness<'_, Bare>, field: &str) -> Option<String> {
    harness.get_by_role_and_label(Role::TextInput, field).value()
}

fn can_save(harness: &Harness<'_, Bare>) -> bool {
    !harness.get_by_role_and_label(Role::Button, "Save").accesskit_node().is_disabled()
}

#[test]
fn a_thousand_labels_are_edited_without_waiting() {
    let stage = Stage::default();
    let mut harness = stage::open(&stage, [900.0, 600.0], 1.0);
    edit(&mut harness);
    assert_eq!(value(&harness, "Name of label 1").as_deref(), Some("LABEL_0"), "what the checkpoint says");
    assert!(has(&harness, "sigmoid: labels hold independently of each other"), "what the network decides is told");
    let rows = harness.query_all_by_label_contains("Description of label").count();
    assert!((4..20).contains(&rows), "{rows} of 919 labels are laid out");
    harness.check_accessibility();
    let begun = Instant::now();
    harness.run_steps(20);
    assert!(begun.elapsed().as_millis() < 2_000, "20 frames take {:?}", begun.elapsed());
    for node in harness.root().children_recursive() {
        let node = node.accesskit_node();
        let (Some(bounds), Role::Button) = (node.bounding_box(), node.role()) else { continue };
        assert!(bounds.x1 <= 901.0 && bounds.y1 <= 601.0, "{:?} runs out of the window: {bounds:?}", node.label());
    }
}

#[test]
fn what_is_wrong_is_said_while_it_is_typed_and_nothing_is_lost_unasked() {
    let stage = Stage::default();
    let mut harness = stage::open(&stage, [1_280.0, 800.0], 1.0);
    stage.play_scores(100);
    harness.run();
    assert!(!has(&harness, "Edit card …"), "a head that is built in has no such button");
    edit(&mut harness);
    assert!(!can_save(&harness) && has(&harness, "Nothing is changed yet."), "nothing to save");
    for (field, text, words) in [
        ("Name of label 1", "", "Label 1 has no name"),
        ("Name of label 1", "LABEL_1", "Label 2 has the name of label 1"),
        ("Name of label 1", "gain/loss", "Label 1 has “/” in its name"),
        ("Title", "", "The title is empty"),
        ("Window (bp)", "9", "the model reads 16 to 5120 at once"),
        ("Window (bp)", "many", "no whole number of bases"),
    ] {
        let before = value(&harness, field).unwrap_or_default();
        fill(&mut harness, field, text);
        if text.is_empty() {
            harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
            harness.key_press(Key::Backspace);
            harness.run();
        }
        assert!(has(&harness, words) && !can_save(&harness), "{field} {text:?}: {words}");
        fill(&mut harness, field, &before);
    }
    fill(&mut harness, "Name of label 1", "DNase");
    assert!(can_save(&harness), "all is well");
    refuse(&stage, &mut harness);
    assert!(has(&harness, "No space left on device") && can_save(&harness), "told where it was asked, to try again");
    // No key and no other dialog takes what is typed away.
    for (modifiers, key) in [(Modifiers::COMMAND, Key::M), (Modifiers::COMMAND, Key::O), (Modifiers::NONE, Key::F1)] {
        harness.key_press_modifiers(modifiers, key);
        harness.run();
        assert_eq!(value(&harness, "Name of label 1").as_deref(), Some("DNase"), "{key:?}");
    }
    harness.key_press(Key::Escape);
    harness.run();
    assert!(has(&harness, "What you changed is not saved. Discard it?"), "asked first");
    click(&mut harness, "Keep editing");
    assert_eq!(value(&harness, "Name of label 1").as_deref(), Some("DNase"), "it is there still");
    click(&mut harness, "Cancel");
    click(&mut harness, "Discard changes");
    assert!(has(&harness, "Search models"), "back where it was opened");
    let saves = stage.0.borrow().tasks.iter().filter(|(_, task)| matches!(task, Task::EditCard(_))).count();
    assert_eq!(saves, 1, "and nothing is saved unasked");
}

/// The window with the engine it has in the program, and a checkpoint imported into its library and picked.
fn imported(folder: &Path) -> Harness<'static, Bare> {
    let genome = folder.join("a.fa");
    let bases: String = (0..600_u32).map(|at| char::from(b"ACGT"[(at * at % 7 % 4) as usize])).collect();
    fs::write(&genome, format!(">chr1\n{bases}\n")).expect("a scratch file");
    let stage = Stage::default();
    let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parity").join(CHECKPOINT);
    stage.0.borrow_mut().dialog = Some(checkpoint);
    let start = Start { files: vec![genome], examples: vec![] };
    let window = Window::new(engine(folder), Box::new(stage), start);
    let mut harness = bare(window, [1_280.0, 800.0], 1.0);
    wait_for(&mut harness, "chr1");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::M);
    harness.run();
    click(&mut harness, "Import a folder …");
    wait_for(&mut harness, "To be added?");
    click(&mut harness, &format!("Import {CHECKPOINT}"));
    wait_for(&mut harness, &format!("Edit card … {CHECKPOINT}"));
    harness.key_press(Key::Escape);
    harness.run();
    pick(&mut harness, CHECKPOINT);
    harness
}

fn pick(harness: &mut Harness<'_, Bare>, title: &str) {
    harness.get_by_role_and_label(Role::ComboBox, "Head").click();
    harness.run();
    harness.get_by_role_and_label(Role::Button, title).click();
    harness.run();
}

fn wait_until(harness: &mut Harness<'_, Bare>, what: &str, is_so: impl Fn(&Harness<'_, Bare>) -> bool) {
    let start = Instant::now();
    while !is_so(harness) {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(std::time::Duration::from_millis(10));
        harness.step();
    }
}

#[test]
fn the_card_of_an_imported_head_is_edited() {
    let folder = tempfile::tempdir().expect("a folder");
    let path: PathBuf = folder.path().join("data/models").join(CHECKPOINT).join("head-card.json");
    let mut harness = imported(folder.path());
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    wait_for(&mut harness, "Track LABEL_1, probability: highest in view");
    wait_for(&mut harness, "Scored in");
    click(&mut harness, "Edit card …");
    wait_for(&mut harness, "Name of label 2");
    fill(&mut harness, "Name of label 2", "enhancer");
    fill(&mut harness, "Title", "Enhancers of mine");
    fill(&mut harness, "Window (bp)", "65");
    assert!(has(&harness, "the model reads 16 to 64 at once"), "64 tokens of 3-mers");
    fill(&mut harness, "Window (bp)", "64");

    // Another program works on the model: the card stays as it was, and so does what was typed.
    let before = fs::read(&path).expect("a card");
    let lock = folder.path().join("data/models/.locks").join(CHECKPOINT);
    let held = fs::OpenOptions::new().create(true).append(true).open(&lock).expect("a lock");
    held.lock().expect("nobody else has it");
    click(&mut harness, "Save");
    wait_for(&mut harness, "is being added or removed by another program");
    assert_eq!(fs::read(&path).expect("a card"), before, "the old card is kept");
    assert_eq!(value(&harness, "Name of label 2").as_deref(), Some("enhancer"), "and so is what was typed");
    drop(held);

    click(&mut harness, "Save");
    wait_until(&mut harness, "the dialog closes", |harness| !has(harness, "Name of label 2"));
    wait_for(&mut harness, "Track enhancer, probability: highest in view");
    assert!(!has(&harness, "Track LABEL_1"), "the old name is nowhere");
    let card: HeadCard = serde_json::from_slice(&fs::read(&path).expect("a card")).expect("a whole card");
    assert_eq!((card.labels[1].name.as_str(), card.title.as_str()), ("enhancer", "Enhancers of mine"));
    pick(&mut harness, "Enhancers of mine");
    assert!(has(&harness, "enhancer"), "the picker and the card say so");
}
