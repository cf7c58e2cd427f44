//! The window with the engine it has in the program: the bundled example, scored and saved.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable};
use strandscope_ui::{Example, Start, Window};
use strandscope_worker::{
    DeviceChoice, Engine, EngineOptions, Event, ScoreRequest, Task, TrackAssembly,
    genome::{Region, Track},
};

use super::stage::{Bare, Stage, bare};

/// Long enough for a busy machine; the goal itself is two seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

fn sequence() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/examples/human_PTEN_GRCh37.fa.gz")
}

/// Around the example's exon; its ends lie inside bins.
fn locus() -> Region {
    Region::new("NT_030059.13", 69_510, 69_910)
}

pub(crate) fn engine(cache: &Path) -> Engine {
    let options = EngineOptions {
        device: DeviceChoice::Cpu,
        threads: Some(1),
        cache: Some(cache.to_owned()),
        data: Some(cache.join("data")),
        ..EngineOptions::default()
    };
    Engine::start(options, || {}).expect("threads can be started")
}

/// Draws frames until something with these words is on screen.
pub(crate) fn wait_for(harness: &mut Harness<'_, Bare>, words: &str) {
    let start = Instant::now();
    while harness.query_all_by_label_contains(words).next().is_none() {
        assert!(start.elapsed() < PATIENCE, "“{words}” does not come");
        std::thread::sleep(Duration::from_millis(10));
        harness.step();
    }
}

#[test]
fn scores_of_bases_are_saved_as_the_engine_gives_them() {
    saved_as_the_engine_gives_them("splice", "donor");
}

#[test]
fn scores_of_bins_are_saved_as_the_engine_gives_them() {
    saved_as_the_engine_gives_them("source", "human");
}

fn saved_as_the_engine_gives_them(head: &str, label: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let table = folder.path().join("scores.tsv");
    let stage = Stage::default();
    stage.0.borrow_mut().dialog = Some(table.clone());
    let desktop = stage.clone();
    let example = Example {
        title: "Human PTEN gene".into(),
        note: "Exon 5 lies here.".into(),
        path: sequence(),
        locus: Some(locus()),
        head: head.into(),
    };
    let start = Start { files: vec![], example: Some(example) };
    let window = Window::new(engine(folder.path()), Box::new(desktop), start);
    let mut harness = bare(window, [1_280.0, 800.0], 1.0);
    wait_for(&mut harness, "Scored in");
    wait_for(&mut harness, &format!("Track {label}, probability: highest in view"));
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::S);
    harness.step();
    wait_for(&mut harness, "Saved ");

    let wanted = scored_directly(head, folder.path());
    let text = std::fs::read_to_string(&table).expect("the table is there");
    let mut end_bp = 0;
    for row in text.lines().filter(|line| line.starts_with("NT_030059.13\t")) {
        let fields: Vec<&str> = row.split('\t').collect();
        let Some(track) = wanted.iter().find(|track| track.label == fields[4]) else { continue };
        let position_bp = fields[1].parse::<u64>().expect("a start") - 1;
        let got = fields[5].parse::<f32>().ok();
        let want = track.value_at(position_bp);
        let apart = got.zip(want).map_or(f32::from(u8::from(got != want)), |(got, want)| (got - want).abs());
        assert!(apart <= 1e-4, "{row}: the engine says {want:?}");
        if fields[4] == label {
            end_bp = fields[2].parse::<u64>().expect("an end");
        }
    }
    assert_eq!(end_bp, locus().end_bp, "{label} is in the table, to its last value: {text:.300}");
    files_nobody_asked_about_are_kept(&mut harness, &stage, label, folder.path());
}

fn files_nobody_asked_about_are_kept(harness: &mut Harness<'_, Bare>, stage: &Stage, label: &str, folder: &Path) {
    let theirs = folder.join(format!("scores.{label}.bedgraph"));
    std::fs::write(&theirs, "of another run").expect("the folder can be written to");
    stage.0.borrow_mut().dialog = Some(folder.join("scores.bedgraph"));
    harness.get_by_role_and_label(Role::Button, "Save what is seen").click();
    harness.run();
    harness.get_by_label("bedGraph, one file per track").click();
    wait_for(harness, &format!("scores.{label}.bedgraph: the file exists; choose another name or replace it"));
    assert_eq!(std::fs::read_to_string(&theirs).ok().as_deref(), Some("of another run"), "it is as it was");
}

/// The same region, asked of an engine without a window.
fn scored_directly(head: &str, cache: &Path) -> Vec<Track> {
    let mut engine = engine(cache);
    let job = engine.run(Task::Score(ScoreRequest {
        genome: sequence(),
        regions: vec![locus()],
        head: head.into(),
        model: None,
        stride_bp: None,
        both_strands: false,
        all_frames: false,
        ..ScoreRequest::default()
    }));
    let mut tracks = TrackAssembly::default();
    loop {
        match engine.event_within(PATIENCE).expect("the engine answers") {
            Event::TrackChunk { job: of, chunk } if of == job => tracks.add(chunk),
            Event::Finished { job: of, .. } if of == job => return tracks.into_tracks(),
            Event::Failed { error, .. } => panic!("{error}: {:?}", error.causes),
            _ => {}
        }
    }
}
