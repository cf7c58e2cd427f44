//! What people do in the window, found by what is written on it.

use egui::{Key, Modifiers, accesskit::Role, pos2};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use strandscope_ui::Start;
use strandscope_worker::{ErrorKind, Event, ExportFormat, JobError, Task, genome::Region};

use super::stage::{self, Bare, Stage, go_to};

const SIZE: [f32; 2] = [1_280.0, 800.0];

fn scored() -> (Stage, Harness<'static, Bare>) {
    let stage = Stage::default();
    let mut harness = stage::open(&stage, SIZE, 1.0);
    stage.play_scores(100);
    harness.run();
    (stage, harness)
}

fn locus(harness: &Harness<'_, Bare>) -> String {
    harness.get_by_label("Locus").value().expect("a text field has a value")
}

fn has(harness: &Harness<'_, Bare>, words: &str) -> bool {
    harness.query_all_by_label_contains(words).next().is_some()
}

fn wheel(harness: &Harness<'_, Bare>, upwards: f32) {
    harness.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: egui::vec2(0.0, upwards),
        phase: egui::TouchPhase::Move,
        modifiers: Modifiers::NONE,
        source: egui::MouseWheelSource::Wheel,
    });
}

#[test]
fn the_example_is_opened_and_scored_without_being_asked() {
    let stage = Stage::default();
    let mut harness = stage::open(&stage, SIZE, 1.0);
    assert_eq!(locus(&harness), "chr10_PTEN:60,001-60,600", "at the example's locus");
    assert_eq!(stage.score_jobs().len(), 1, "scoring was asked for");
    assert!(has(&harness, "Track donor, probability: nothing scored in view"), "the lane is there before its values");
    stage.play_scores(50);
    harness.run();
    assert!(has(&harness, "Track donor, probability: highest in view"), "values appear as they arrive");
    assert!(has(&harness, "Scoring  50 %"), "with progress");
    assert!(has(&harness, "NVIDIA GeForce RTX 4070 Laptop GPU"), "and what computes");
    assert!(!has(&harness, "driver NVIDIA"), "without its driver, which would fill the bar");
    stage.play_scores(100);
    harness.run();
    assert!(has(&harness, "Track donor, probability: highest in view 0.940"), "the donor site");
    assert!(has(&harness, "Track attention, sum of weights: highest in view"), "attention beside it");
    assert!(!has(&harness, "Track none"), "labels that say nothing are not drawn");
}

#[test]
fn places_are_typed_and_nonsense_is_answered() {
    let (_, mut harness) = scored();
    for (typed, wanted) in [
        ("chr10_PTEN:1,001-2,000", "chr10_PTEN:1,001-2,000"),
        ("3000-3,500", "chr10_PTEN:3,000-3,500"),
        ("scaffold_2", "scaffold_2:1-1,274"),
        ("chr10_PTEN:60k", "chr10_PTEN:59,940-60,059"),
    ] {
        go_to(&mut harness, typed);
        assert_eq!(locus(&harness), wanted, "{typed}");
    }
    for (typed, wanted) in [
        ("chr99:5-10", "no record “chr99”"),
        ("900-20", "lies before the start"),
        ("chr10_PTEN:999,999,999", "ends at 120,000"),
    ] {
        go_to(&mut harness, typed);
        assert!(has(&harness, wanted), "{typed} is answered with: {wanted}");
        assert!(harness.get_by_label("Locus").is_focused(), "{typed} can be mended at once");
        harness.key_press(Key::Escape);
        harness.run();
    }
    assert_eq!(locus(&harness), "chr10_PTEN:59,940-60,059", "one stays where one was");
    harness.get_by_label("Back").click();
    harness.run();
    assert_eq!(locus(&harness), "scaffold_2:1-1,274", "and can go back");
}

#[test]
fn the_keyboard_moves_the_view() {
    let (_, mut harness) = scored();
    for (modifiers, key, wanted) in [
        (Modifiers::NONE, Key::ArrowRight, "chr10_PTEN:60,061-60,660"),
        (Modifiers::NONE, Key::ArrowLeft, "chr10_PTEN:60,001-60,600"),
        (Modifiers::NONE, Key::PageDown, "chr10_PTEN:60,601-61,200"),
        (Modifiers::NONE, Key::Home, "chr10_PTEN:1-600"),
        (Modifiers::NONE, Key::End, "chr10_PTEN:119,401-120,000"),
        (Modifiers::NONE, Key::Plus, "chr10_PTEN:119,501-119,900"),
        (Modifiers::SHIFT, Key::Z, "chr10_PTEN:1-120,000"),
    ] {
        harness.key_press_modifiers(modifiers, key);
        harness.run();
        assert_eq!(locus(&harness), wanted, "{key:?}");
    }
}

#[test]
fn plain_keys_rest_while_one_types() {
    let (_, mut harness) = scored();
    harness.get_by_label("Locus").click();
    harness.run();
    harness.key_press(Key::ArrowRight);
    harness.key_press(Key::Home);
    harness.run();
    assert_eq!(locus(&harness), "chr10_PTEN:60,001-60,600", "the field has the keys");
}

#[test]
fn the_mouse_pans_zooms_and_reads_values() {
    let (_, mut harness) = scored();
    let donor = harness.get_by_label_contains("Track donor").rect();
    // The donor site is base 60,254; the view has 600 bases.
    let site = pos2(donor.left() + donor.width() * 253.5 / 600.0, donor.center().y);
    harness.hover_at(site);
    harness.run();
    assert!(has(&harness, "Track donor, probability: highest in view 0.940, 0.940 under the pointer"), "the value");
    let gap = pos2(donor.left() + donor.width() * 350.0 / 600.0, donor.center().y);
    harness.hover_at(gap);
    harness.run();
    assert!(has(&harness, "no value under the pointer: unknown (N)"), "a missing value and its reason");
    wheel(&harness, 120.0);
    harness.run();
    let zoomed: Region = locus(&harness).parse().expect("a region");
    assert!(
        zoomed.len_bp() < 600 && zoomed.start_bp < 60_350 && zoomed.end_bp > 60_350,
        "zoomed about the pointer: {zoomed}"
    );
}

#[test]
fn another_head_explains_itself_and_scores_again() {
    let (stage, mut harness) = scored();
    assert!(has(&harness, "whether an intron begins or ends there"), "what the card says");
    assert!(has(&harness, "a linear model on 4-mers reaches 0.610"), "the baseline beside the figure");
    harness.get_by_role_and_label(Role::ComboBox, "Head").click();
    harness.run();
    harness.get_by_label("Core promoter (human)").click();
    harness.run();
    assert!(has(&harness, "looks like the start of a gene"), "the other card");
    assert_eq!(stage.score_jobs().len(), 2, "scored again");
    stage.play_scores(100);
    harness.run();
    assert!(has(&harness, "Track promoter, probability: highest in view"), "its track");
    assert!(!has(&harness, "Track donor"), "the other head's tracks are gone");
}

#[test]
fn models_are_fetched_imported_and_removed_where_they_are_listed() {
    let (stage, mut harness) = scored();
    harness.get_by_label("Models and heads").click();
    harness.run();
    assert!(has(&harness, "On this computer") && has(&harness, "Published, to be fetched"), "both");
    harness.get_by_label("Search models").focus();
    harness.get_by_label("Search models").type_text("transformer");
    harness.run();
    assert!(
        !has(&harness, "On this computer") && has(&harness, "not for commerce"),
        "what was searched for, with its licence"
    );
    harness.get_by_label("Get nt-500m-human-ref").click();
    harness.run();
    let asked = |stage: &Stage| stage.0.borrow().tasks.last().map(|(_, task)| task.clone()).expect("a task");
    let Task::GetModel(request) = asked(&stage) else { panic!("{:?}", asked(&stage)) };
    assert_eq!((request.name.as_str(), request.endpoint, request.force), ("nt-500m-human-ref", None, false));
    let job = stage.0.borrow().tasks.last().expect("a task").0;
    stage.post(Event::Started { job, total: 4_000_000, unit: "bytes".to_owned() });
    stage.post(Event::Progress { job, done: 1_000_000, note: "model.safetensors, fetching".to_owned() });
    harness.run();
    assert!(has(&harness, "model.safetensors, fetching  ·  1.0 MB of 4.0 MB"), "how far it is");
    harness.get_by_label("Stop").click();
    harness.run();
    assert_eq!(stage.0.borrow().cancelled.last(), Some(&job), "stopped");
    let error = JobError { kind: ErrorKind::Runtime, message: "the disk is full".to_owned(), causes: vec![] };
    stage.post(Event::Failed { job, error });
    harness.run();
    assert!(has(&harness, "the disk is full"), "told where it was asked");

    // This desktop has no dialog: the folder is typed.
    harness.get_by_label("Import a folder …").click();
    harness.run();
    harness.get_by_label("Path of the folder").focus();
    harness.get_by_label("Path of the folder").type_text("/models/mine");
    harness.run();
    harness.get_by_label("Look at it").click();
    harness.run();
    assert_eq!(asked(&stage), Task::LookAtModel { path: "/models/mine".into() }, "nothing is copied yet");
    assert!(has(&harness, "My model") && has(&harness, "do not tell what it was trained on"), "its card first");
    super::pictures::keep(&mut harness, "looked_at_model");
    harness.get_by_label("Import mine").click();
    harness.run();
    let Task::ImportModel(request) = asked(&stage) else { panic!("{:?}", asked(&stage)) };
    assert_eq!((request.folder.to_str(), request.name, request.force), (Some("/models/mine"), None, false));
    // What is removed is asked about first, and not while something is being added.
    let job = stage.0.borrow().tasks.last().expect("a task").0;
    stage.post(Event::Cancelled { job });
    harness.run();
    harness.get_by_label("Search models").focus();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.get_by_label("Search models").type_text("fetched");
    harness.run();
    harness.get_by_label("Remove fetched").click();
    harness.run();
    assert_eq!(asked(&stage), Task::ListModels, "nothing is removed yet");
    harness.get_by_label("Keep fetched").click();
    harness.run();
    harness.get_by_label("Remove fetched").click();
    harness.run();
    harness.get_by_label("Delete files fetched").click();
    harness.run();
    assert_eq!(asked(&stage), Task::RemoveModel { name: "fetched".to_owned() });
    harness.key_press_modifiers(Modifiers::COMMAND, Key::M);
    harness.run();
    assert!(harness.query_by_label("Search models").is_none(), "closed by its key");
}

#[test]
fn tracks_of_two_heads_are_compared() {
    let (stage, mut harness) = scored();
    harness.get_by_label("Keep tracks to compare").click();
    harness.run();
    harness.get_by_role_and_label(Role::ComboBox, "Head").click();
    harness.run();
    harness.get_by_label("Core promoter (human)").click();
    harness.run();
    assert!(has(&harness, "Track donor, probability: highest in view 0.940"), "those of the first stay");
    assert!(has(&harness, "Track promoter, probability"), "beside those of the second");
    assert_eq!(stage.score_jobs().len(), 3, "the second is scored, and the first with it");
    harness.get_by_label("Take away Splice sites (human)").click();
    harness.run();
    assert!(!has(&harness, "Track donor"), "gone");
}

#[test]
fn scoring_can_be_cancelled() {
    let stage = Stage::default();
    let mut harness = stage::open(&stage, SIZE, 1.0);
    stage.play_scores(25);
    harness.run();
    harness.key_press(Key::Escape);
    harness.run();
    let (job, _) = stage.score_jobs()[0];
    assert!(stage.0.borrow().cancelled.contains(&job), "the engine is told");
    assert!(has(&harness, "Cancelling"), "and the user");
    let cancelled = stage.0.borrow().cancelled.clone();
    for job in cancelled {
        stage.post(Event::Cancelled { job });
    }
    harness.run();
    assert!(has(&harness, "Cancelled; what had arrived is kept"), "then it is over");
    assert!(has(&harness, "Score view"), "and can be begun again");
}

#[test]
fn both_strands_have_tracks_of_their_own() {
    let (stage, mut harness) = scored();
    harness.get_by_label("Reverse strand too").click();
    harness.run();
    stage.play_scores(100);
    harness.run();
    assert!(has(&harness, "Track donor −, probability: highest in view"), "the reverse strand");
    harness.get_by_label("none").click();
    harness.run();
    assert!(has(&harness, "Track none, probability"), "a label that was hidden");
}

#[test]
fn a_file_that_cannot_be_opened_is_explained() {
    let stage = Stage::default();
    let start = Start { files: vec!["/data/broken.fa".into()], examples: vec![] };
    let mut harness = stage::open_with(&stage, SIZE, 1.0, start);
    assert!(has(&harness, "Opening broken.fa"), "while it is opened");
    let job = stage.opening_job();
    let error = JobError {
        kind: ErrorKind::BadInput,
        message: "record chr2 has an unknown letter 'J' at 1,204".into(),
        causes: vec!["line 22 holds 'ACGTJJA'".into()],
    };
    stage.post(Event::Failed { job, error });
    harness.run();
    for words in ["The file could not be opened", "unknown letter 'J' at 1,204", "because line 22 holds"] {
        assert!(has(&harness, words), "{words}");
    }
    harness.get_by_label("Copy the message").click();
    harness.step();
    let copied = harness.output().platform_output.commands.iter().any(|command| {
        matches!(command, egui::OutputCommand::CopyText(text) if text.contains("unknown letter") && text.contains("line 22"))
    });
    assert!(copied, "headline and causes are copied");
    harness.run();
    harness.get_by_label("Close the message").click();
    harness.run();
    assert!(has(&harness, "Open a DNA sequence"), "what to do now");
}

#[test]
fn without_a_dialog_paths_are_typed() {
    let stage = Stage::default();
    let mut harness = stage::open_with(&stage, SIZE, 1.0, Start::default());
    harness.get_by_label("Open files …").click();
    harness.run();
    harness.get_by_label("Path of the file").type_text("/data/typed.fa");
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert!(has(&harness, "scaffold_4"), "the file is open");
    assert!(!has(&harness, "Path of the file"), "the field is gone");
}

#[test]
fn what_is_seen_is_saved() {
    let (stage, mut harness) = scored();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run();
    assert_eq!(
        harness.get_by_label("Path of the file").value().as_deref(),
        Some("/home/ada/splice_chr10_PTEN_60001-60600.tsv"),
        "a name that says what it is"
    );
    harness.get_by_role_and_label(Role::Button, "Save").click();
    harness.run();
    let played = stage.0.borrow();
    let Some((_, Task::Export(request))) = played.tasks.last() else { panic!("nothing was exported") };
    assert_eq!((request.format, request.force), (ExportFormat::Tsv, false), "a table that replaces nothing");
    let regions: Vec<String> = request.tracks.iter().map(|track| format!("{} {}", track.label, track.region)).collect();
    assert_eq!(
        regions,
        ["donor chr10_PTEN:60,001-60,600", "acceptor chr10_PTEN:60,001-60,600", "received chr10_PTEN:60,001-60,600"],
        "the tracks that are drawn, where one looks"
    );
    assert!(request.record.as_ref().is_some_and(|record| record.model == "strandscope-base"), "with what was run");
    drop(played);
    assert!(has(&harness, "Saved /home/ada/splice"), "and the user is told");
}

#[test]
fn files_that_the_dialog_did_not_ask_about_are_not_replaced() {
    let (stage, mut harness) = scored();
    stage.0.borrow_mut().dialog = Some("/home/ada/there.bedgraph".into());
    harness.get_by_role_and_label(Role::Button, "Save what is seen").click();
    harness.run();
    harness.get_by_label("bedGraph, one file per track").click();
    harness.run();
    assert!(has(&harness, "the file exists; choose another name or replace it"), "and the path can be changed");
    let path = harness.get_by_label("Path of the file").value();
    assert_eq!(path.as_deref(), Some("/home/ada/there.bedgraph"), "the path can be changed");
    harness.get_by_label("Replace files that exist").click();
    harness.run();
    harness.get_by_role_and_label(Role::Button, "Save").click();
    harness.run();
    let played = stage.0.borrow();
    let exports: Vec<(bool, usize)> = played
        .tasks
        .iter()
        .filter_map(|(_, task)| match task {
            Task::Export(request) => Some((request.force, request.tracks.len())),
            _ => None,
        })
        .collect();
    assert_eq!(exports, [(false, 3), (true, 3)], "the same tracks, replacing only when that is said");
    drop(played);
    assert!(has(&harness, "Saved /home/ada/there"), "then they are saved");
}

#[test]
fn a_picture_that_is_there_is_asked_about() {
    let (stage, mut harness) = scored();
    harness.get_by_role_and_label(Role::Button, "Save what is seen").click();
    harness.run();
    harness.get_by_label("Picture (PNG)").click();
    harness.run();
    harness.get_by_label("Path of the file").focus();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.get_by_label("Path of the file").type_text("/home/ada/there.png");
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert!(has(&harness, "the file exists"), "it is not replaced");
    assert_eq!(
        harness.get_by_label("Path of the file").value().as_deref(),
        Some("/home/ada/there.png"),
        "what was typed"
    );
    harness.get_by_label("Replace the file if it exists").click();
    harness.run();
    harness.get_by_role_and_label(Role::Button, "Save").click();
    harness.run();
    assert_eq!(stage.0.borrow().figures.len(), 1, "then it is");
}

#[test]
fn a_picture_holds_what_is_seen() {
    let (stage, mut harness) = scored();
    stage.0.borrow_mut().dialog = Some("/home/ada/figure.png".into());
    harness.get_by_role_and_label(Role::Button, "Save what is seen").click();
    harness.run();
    harness.get_by_label("Picture (PNG)").click();
    harness.run();
    let played = stage.0.borrow();
    let (figure, path, force) = played.figures.first().expect("a figure was asked for");
    assert_eq!((path.to_str(), *force), (Some("/home/ada/figure.png"), true), "the dialog has asked about replacing");
    assert_eq!(figure.title, "chr10_PTEN:60,001-60,600", "where");
    let names: Vec<&str> = figure.tracks.iter().map(|track| track.name.as_str()).collect();
    assert_eq!(names, ["donor", "acceptor", "attention"], "what");
    assert_eq!(figure.tracks[0].steps.len(), 480, "600 bases less 120 that are unknown");
    assert_eq!(figure.tracks[0].missing, [(60_300, 60_420, "unknown (N)".to_owned())], "and why those are missing");
    assert!(figure.provenance.iter().any(|line| line.contains("sha256:5f5f5f5f5f5f")), "where the numbers come from");
}

#[test]
fn nothing_scored_is_nothing_to_save() {
    let stage = Stage::default();
    let mut harness = stage::open(&stage, SIZE, 1.0);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    harness.run();
    assert!(has(&harness, "Nothing is scored here yet"), "said plainly");
    assert!(!has(&harness, "Path of the file"), "and no file is asked for");
}

#[test]
fn light_and_dark_are_chosen() {
    let (_, mut harness) = scored();
    for (name, theme) in [("Dark", egui::Theme::Dark), ("Light", egui::Theme::Light)] {
        harness.get_by_label("Appearance").click();
        harness.run();
        harness.get_by_label(name).click();
        harness.run();
        assert_eq!(harness.ctx.theme(), theme, "{name}");
        harness.key_press(Key::Escape);
        harness.run();
    }
}

#[test]
fn a_stretch_is_drawn_out_on_the_ruler() {
    let (_, mut harness) = scored();
    let ruler = harness.get_by_label_contains("Ruler").rect();
    let at = |share: f32| pos2(ruler.left() + ruler.width() * share, ruler.center().y);
    harness.drag_at(at(0.25));
    harness.run();
    harness.hover_at(at(0.5));
    harness.run();
    harness.hover_at(at(0.75));
    harness.run();
    harness.drop_at(at(0.75));
    harness.run();
    assert_eq!(locus(&harness), "chr10_PTEN:60,151-60,450", "the middle half");
}

#[test]
fn dragging_moves_the_sequence_with_the_pointer() {
    let (_, mut harness) = scored();
    let lane = harness.get_by_label_contains("Track donor").rect();
    let at = |share: f32| pos2(lane.left() + lane.width() * share, lane.center().y);
    harness.drag_at(at(0.25));
    harness.run();
    harness.hover_at(at(0.5));
    harness.run();
    harness.hover_at(at(0.75));
    harness.run();
    harness.drop_at(at(0.75));
    harness.run();
    let moved: Region = locus(&harness).parse().expect("a region");
    assert!(moved.start_bp.abs_diff(59_700) <= 12, "half a view to the left, less the start of the drag: {moved}");
}

#[test]
fn a_hundred_thousand_records_are_listed_and_found() {
    let stage = Stage::default();
    let start = Start { files: vec!["/data/many.fa".into()], examples: vec![] };
    let mut harness = stage::open_with(&stage, SIZE, 1.0, start);
    assert!(has(&harness, "100,001 records"), "all of them");
    let rows = harness.get_all_by_role(Role::ListBoxOption).count();
    assert!(rows < 40, "only rows in view are drawn: {rows}");
    harness.get_by_label("Find a record").click();
    harness.run();
    harness.get_by_label("Find a record").type_text("scaffold_99999");
    harness.run();
    harness.get_by_label("scaffold_99999").click();
    harness.run();
    assert!(locus(&harness).starts_with("scaffold_99999:"), "{}", locus(&harness));
}

#[test]
fn what_was_searched_for_does_not_outlive_its_file() {
    let stage = Stage::default();
    let start = Start { files: vec!["/data/many.fa".into()], examples: vec![] };
    let mut harness = stage::open_with(&stage, SIZE, 1.0, start);
    harness.get_by_label("Find a record").click();
    harness.run();
    harness.get_by_label("Find a record").type_text("scaffold_99999");
    harness.run();
    assert_eq!(harness.get_all_by_role(Role::ListBoxOption).count(), 1, "found");
    for (path, wanted) in [("/data/few.fa", "scaffold_4"), ("/data/many.fa", "scaffold_4")] {
        stage.0.borrow_mut().dialog = Some(path.into());
        harness.key_press_modifiers(Modifiers::COMMAND, Key::O);
        harness.run();
        assert!(has(&harness, wanted), "all records of {path} are listed");
    }
}

#[test]
fn escape_only_leaves_a_field_that_is_typed_into() {
    let stage = Stage::default();
    let start = Start { files: vec!["/data/many.fa".into()], examples: vec![] };
    let mut harness = stage::open_with(&stage, SIZE, 1.0, start);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    harness.run();
    let cancelled = || stage.0.borrow().cancelled.len();
    for field in ["Find a record", "Locus"] {
        harness.get_by_label(field).click();
        harness.run();
        harness.key_press(Key::Escape);
        harness.run();
        assert_eq!(cancelled(), 0, "scoring goes on when one leaves {field}");
    }
    harness.key_press(Key::Escape);
    harness.run();
    assert!(cancelled() > 0, "outside a field it is stopped");
}

#[test]
fn a_window_of_any_width_is_drawn() {
    let (_, mut harness) = scored();
    for width in (200_u16..900).step_by(20) {
        harness.set_size(egui::vec2(f32::from(width), 500.0));
        harness.run();
    }
    assert!(has(&harness, "Track donor, probability: highest in view 0.940"), "in the widest of them");
}

#[test]
fn lanes_that_do_not_fit_are_scrolled_beside_the_plot() {
    let stage = Stage::default();
    let mut harness = stage::open(&stage, [900.0, 600.0], 1.0);
    harness.get_by_label("Reverse strand too").click();
    harness.run();
    stage.play_scores(100);
    harness.run();
    let top = |harness: &Harness<'_, Bare>| harness.get_by_label_contains("Track attention").rect().top();
    let (before, seen) = (top(&harness), locus(&harness));
    let donor = harness.get_by_label_contains("Track donor, ").rect();
    harness.hover_at(pos2(donor.left() - 60.0, donor.center().y));
    harness.run();
    wheel(&harness, -120.0);
    harness.run();
    assert!(top(&harness) < before - 20.0, "the last lane comes up from {before} to {}", top(&harness));
    assert_eq!(locus(&harness), seen, "the view does not zoom");
}

#[test]
fn a_stopped_engine_is_told_and_what_is_shown_stays() {
    let (stage, mut harness) = scored();
    let message = "The graphics device was lost.".to_owned();
    stage.post(Event::Stopped { error: JobError { kind: ErrorKind::NoDevice, message, causes: vec![] } });
    harness.run();
    assert!(has(&harness, "The engine has stopped") && has(&harness, "The graphics device was lost."), "told");
    assert!(has(&harness, "Track donor, probability: highest in view 0.940"), "scores stay");
    harness.get_by_label("Start it again").click();
    harness.run();
    assert!(has(&harness, "played engines do not start again"), "and why it does not start");
}

#[test]
fn every_control_has_a_name_and_an_idle_window_rests() {
    for size in [[900.0, 600.0], SIZE, [3_840.0, 2_160.0]] {
        let stage = Stage::default();
        let mut harness = stage::open(&stage, size, 1.0);
        stage.play_scores(100);
        harness.run();
        harness.check_accessibility();
        harness.run_steps(2);
        let wait = harness.output().viewport_output.values().map(|viewport| viewport.repaint_delay).min();
        assert!(wait.is_some_and(|wait| wait.as_secs() > 60), "nothing changes, yet it draws again in {wait:?}");
        for node in harness.root().children_recursive() {
            let node = node.accesskit_node();
            let Some(bounds) = node.bounding_box() else { continue };
            let right = f64::from(size[0]) + 1.0;
            assert!(bounds.x1 <= right, "{:?} {:?} runs out of {size:?}: {bounds:?}", node.role(), node.label());
        }
    }
}
