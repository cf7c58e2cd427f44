//! The window with the engine it has in the program: the bundled example, scored and saved.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use egui_kittest::{Harness, kittest::Queryable};
use strandscope_ui::{Example, Start, Window};
use strandscope_worker::{
    DeviceChoice, Engine, EngineOptions, Event, ScoreRequest, Task, TrackAssembly, WindowChoice,
    genome::{Region, Track},
};

use super::stage::{Bare, Stage, bare};

/// Long enough for a busy machine; the goal itself is two seconds.
const PATIENCE: Duration = Duration::from_secs(120);

fn sequence() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/examples/human_PTEN_GRCh37.fa.gz")
}

fn locus() -> Region {
    Region::new("NT_030059.13", 69_500, 69_900)
}

fn engine(cache: &Path) -> Engine {
    let options = EngineOptions {
        device: DeviceChoice::Cpu,
        threads: Some(1),
        cache: Some(cache.to_owned()),
        ..EngineOptions::default()
    };
    Engine::start(options, || {}).expect("threads can be started")
}

/// Draws frames until something with these words is on screen.
fn wait_for(harness: &mut Harness<'_, Bare>, words: &str) {
    let start = Instant::now();
    while harness.query_all_by_label_contains(words).next().is_none() {
        assert!(start.elapsed() < PATIENCE, "“{words}” does not come");
        std::thread::sleep(Duration::from_millis(10));
        harness.step();
    }
}

#[test]
fn the_example_is_scored_and_its_export_agrees_with_the_engine() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = folder.path().join("scores.tsv");
    let stage = Stage::default();
    stage.0.borrow_mut().dialog = Some(table.clone());
    let example = Example {
        title: "Human PTEN gene".into(),
        note: "Exon 5 lies here.".into(),
        path: sequence(),
        locus: Some(locus()),
        head: "splice".into(),
    };
    let start = Start { files: vec![], example: Some(example) };
    let window = Window::new(engine(folder.path()), Box::new(stage), start);
    let mut harness = bare(window, [1_280.0, 800.0], 1.0);
    wait_for(&mut harness, "Scored in");
    wait_for(&mut harness, "Track donor, probability: highest in view");
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::S);
    harness.step();
    wait_for(&mut harness, "Saved ");

    let wanted = scored_directly(folder.path());
    let text = std::fs::read_to_string(&table).expect("the table is there");
    let mut compared = 0_usize;
    for row in text.lines().filter(|line| line.starts_with("NT_030059.13\t")) {
        let fields: Vec<&str> = row.split('\t').collect();
        let Some(track) = wanted.iter().find(|track| track.label == fields[4]) else { continue };
        let position_bp = fields[1].parse::<u64>().expect("a start") - 1;
        let got = fields[5].parse::<f32>().ok();
        let want = track.value_at(position_bp);
        let apart = got.zip(want).map_or(f32::from(u8::from(got != want)), |(got, want)| (got - want).abs());
        assert!(apart <= 1e-4, "{row}: the engine says {want:?}");
        compared += 1;
    }
    assert!(compared >= 2, "donor and acceptor are in the table: {text:.300}");
}

/// The same region, asked of an engine without a window.
fn scored_directly(cache: &Path) -> Vec<Track> {
    let mut engine = engine(cache);
    let job = engine.run(Task::Score(ScoreRequest {
        genome: sequence(),
        regions: vec![locus()],
        head: "splice".into(),
        model: None,
        stride_bp: None,
        both_strands: false,
        window: WindowChoice::Trained,
        keep_going: false,
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
