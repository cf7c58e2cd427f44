//! Scores that are kept on disk, and votes of windows.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use strandscope_genome::{Region, Strand, Track};
use strandscope_models::checkpoint::WeightType;

use super::{Ended, PATIENCE, Tiny, bases, end_of, engine, run, score};
use crate::{DeviceChoice, Engine, EngineOptions, ErrorKind, Event, Outcome, ScoreRequest, Task, WindowChoice};

/// An engine with the folders of [`engine`] and something else.
fn engine_with(tiny: &Tiny, options: EngineOptions) -> Engine {
    let (cache, data) = (Some(tiny.path("cache")), Some(tiny.path("data")));
    Engine::start(EngineOptions { device: DeviceChoice::Cpu, cache, data, ..options }, || {}).expect("threads")
}

fn anew(tiny: &Tiny) -> Engine {
    engine_with(tiny, EngineOptions { no_score_cache: true, ..EngineOptions::default() })
}

/// A contig with a gap.
fn genome(tiny: &Tiny, name: &str, length_bp: usize) -> PathBuf {
    let mut bases = bases(length_bp);
    bases.replace_range(2_000..2_100, &"N".repeat(100));
    tiny.write(name, format!(">chr1\n{bases}\n"))
}

/// Tracks as they can be compared: values bit for bit.
fn bits(tracks: &[Track]) -> Vec<(Track, Vec<u32>)> {
    let bits = |track: &Track| track.values.iter().map(|value| value.to_bits()).collect();
    tracks.iter().map(|track| (Track { values: Vec::new(), ..track.clone() }, bits(track))).collect()
}

/// Windows that were computed, and those that were kept.
fn windows(ended: &Ended) -> (u64, u64) {
    (ended.record().windows, ended.record().windows_cached)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries(&folder.join("scores")).flat_map(|folder| entries(&folder).collect::<Vec<_>>()).collect()
}

#[test]
fn a_second_run_computes_nothing_and_gives_the_same_bits() {
    let tiny = Tiny::new();
    let path = genome(&tiny, "a.fa", 40_000);
    for (head, both_strands) in [("splice", true), ("splice", false), ("promoter", true), ("source", false)] {
        let region = Region::new("chr1", 1_003, 39_017);
        let request = ScoreRequest { both_strands, ..score(&tiny, &path, head, &[region]) };
        let first = run(&mut engine(&tiny), Task::Score(request.clone()));
        let (computed, kept) = windows(&first);
        assert!(computed > 100 && kept == 0, "{head}: {computed}, {kept}");
        let again = run(&mut engine(&tiny), Task::Score(request.clone()));
        assert_eq!(windows(&again), (0, computed), "{head}: nothing is computed");
        assert_eq!(bits(&again.tracks), bits(&first.tracks), "{head}: the same bits");
        let (then, now) = (first.record(), again.record());
        assert_eq!((now.pairs(), now.unknown_bp), (then.pairs(), then.unknown_bp), "{head}: the same is told");
        let last = again.events.iter().rev().find_map(|event| match event {
            Event::Progress { done, .. } => Some(*done),
            _ => None,
        });
        assert_eq!(last, Some(computed), "{head}: kept windows are progress");
        let none_kept = run(&mut anew(&tiny), Task::Score(request));
        assert_eq!(windows(&none_kept), (computed, 0), "{head}: unless nothing kept shall be used");
        assert_eq!(bits(&none_kept.tracks), bits(&first.tracks), "{head}: which changes nothing");
    }
}

#[test]
fn a_whole_region_is_kept_too() {
    let tiny = Tiny::new();
    let path = genome(&tiny, "a.fa", 5_000);
    let region = [Region::new("chr1", 33, 2_033)];
    let request = ScoreRequest { window: WindowChoice::Whole, ..score(&tiny, &path, "splice", &region) };
    let mut engine = engine(&tiny);
    let first = run(&mut engine, Task::Score(request.clone()));
    let again = run(&mut engine, Task::Score(request));
    assert_eq!((windows(&first), windows(&again)), ((1, 0), (0, 1)));
    assert_eq!(bits(&again.tracks), bits(&first.tracks), "at the same place");
}

#[test]
fn an_edited_base_is_computed_again_and_little_else() {
    let tiny = Tiny::new();
    let path = genome(&tiny, "a.fa", 100_000);
    let whole = run(&mut engine(&tiny), Task::Score(score(&tiny, &path, "splice", &[])));
    let text = fs::read_to_string(&path).expect("a file");
    let at = ">chr1\n".len() + 50_000;
    let other = if text.as_bytes()[at] == b'A' { "C" } else { "A" };
    let edited = tiny.write("b.fa", [&text[..at], other, &text[at + 1..]].concat());
    let request = score(&tiny, &edited, "splice", &[]);
    let ended = run(&mut engine(&tiny), Task::Score(request.clone()));
    let (computed, kept) = windows(&ended);
    assert_eq!(computed + kept, whole.record().windows, "all windows");
    assert!(computed > 0 && computed < whole.record().windows / 3, "{computed} of {}", computed + kept);
    let anew = run(&mut anew(&tiny), Task::Score(request));
    assert_eq!(bits(&ended.tracks), bits(&anew.tracks), "the same bits as without anything kept");
    assert_ne!(bits(&ended.tracks), bits(&whole.tracks), "the edit is seen");
}

#[test]
fn what_is_asked_in_another_way_is_computed() {
    let tiny = Tiny::new();
    let path = genome(&tiny, "a.fa", 20_000);
    let region = [Region::new("chr1", 0, 18_000)];
    let base = || score(&tiny, &path, "splice", &region);
    let promoter = || score(&tiny, &path, "promoter", &region);
    let mut engine = engine(&tiny);
    for request in [
        base(),
        ScoreRequest { both_strands: true, ..base() },
        ScoreRequest { overlap_share: Some(0.5), ..base() },
        ScoreRequest { overlap_share: Some(0.0), ..base() },
        ScoreRequest { window: WindowChoice::Tokens(50), ..base() },
        promoter(),
        ScoreRequest { stride_bp: Some(10), ..promoter() },
        ScoreRequest { both_strands: true, ..promoter() },
    ] {
        assert_eq!(run(&mut engine, Task::Score(request.clone())).record().windows_cached, 0, "{request:?}");
    }
    let narrow = EngineOptions { weights: WeightType::Bf16, ..EngineOptions::default() };
    let narrow = run(&mut engine_with(&tiny, narrow), Task::Score(base()));
    assert_eq!(narrow.record().windows_cached, 0, "weights with fewer digits");
    let threads = EngineOptions { no_score_cache: false, ..EngineOptions::default() };
    assert_eq!(run(&mut engine_with(&tiny, threads), Task::Score(base())).record().windows, 0, "the first is there");
    let card = tiny.path("splice").join("card.json");
    let text = fs::read_to_string(&card).expect("a card");
    fs::write(&card, text.replace("softmax", "sigmoid")).expect("a card");
    assert_eq!(run(&mut engine, Task::Score(base())).record().windows_cached, 0, "another activation");
    fs::write(&card, text.replace("donor", "giver")).expect("a card");
    let renamed = run(&mut engine, Task::Score(base()));
    assert_eq!((renamed.record().windows, renamed.tracks[1].label.as_str()), (0, "giver"), "names are no numbers");
    let longer = tiny.write("b.fa", fs::read_to_string(&path).expect("a file") + "A\n");
    let longer = run(&mut engine, Task::Score(score(&tiny, &longer, "promoter", &region)));
    assert_eq!(longer.record().windows_cached, 0, "a contig of another length");
}

#[test]
fn nothing_is_kept_where_nothing_shall_be() {
    let tiny = Tiny::new();
    let path = genome(&tiny, "a.fa", 5_000);
    run(&mut anew(&tiny), Task::Score(score(&tiny, &path, "splice", &[])));
    assert_eq!(files(&tiny.path("cache")), Vec::<PathBuf>::new());
}

#[test]
fn damaged_files_are_computed_again() {
    let tiny = Tiny::new();
    let path = genome(&tiny, "a.fa", 40_000);
    let request = score(&tiny, &path, "splice", &[]);
    let mut engine = engine(&tiny);
    let first = run(&mut engine, Task::Score(request.clone()));
    let files = files(&tiny.path("cache"));
    assert!(files.len() > 1, "several pieces");
    for path in &files {
        let mut bytes = fs::read(path).expect("a file");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::write(path, bytes).expect("a file");
    }
    let again = run(&mut engine, Task::Score(request.clone()));
    assert_eq!((windows(&again), bits(&again.tracks)), (windows(&first), bits(&first.tracks)), "all of it anew");
    assert_eq!(run(&mut engine, Task::Score(request)).record().windows, 0, "and kept again");
}

#[test]
fn what_is_kept_stays_within_its_bound() {
    let tiny = Tiny::new();
    let path = genome(&tiny, "a.fa", 100_000);
    let most = 1_000_000;
    let options = EngineOptions { score_cache_bytes: Some(most), ..EngineOptions::default() };
    run(&mut engine_with(&tiny, options), Task::Score(score(&tiny, &path, "splice", &[])));
    let files = files(&tiny.path("cache"));
    let held: u64 = files.iter().filter_map(|path| fs::metadata(path).ok()).map(|metadata| metadata.len()).sum();
    assert!(held > 0 && held <= most, "{held} bytes");
}

#[test]
fn a_run_of_kept_windows_stops_when_asked() {
    let tiny = Tiny::new();
    let path = genome(&tiny, "a.fa", 400_000);
    let request = score(&tiny, &path, "promoter", &[]);
    let mut engine = engine(&tiny);
    run(&mut engine, Task::Score(request.clone()));
    let job = engine.run(Task::Score(request));
    while !matches!(engine.event_within(PATIENCE).expect("an event"), Event::TrackChunk { .. }) {}
    let start = Instant::now();
    engine.cancel(job);
    assert_eq!(end_of(&engine, job).result, Err(None), "cancelled");
    assert!(start.elapsed() < Duration::from_millis(500), "it took {:?}", start.elapsed());
}

#[test]
fn windows_vote_on_each_base_and_their_overlap_can_be_set() {
    let tiny = Tiny::new();
    let path = genome(&tiny, "a.fa", 6_000);
    let region = [Region::new("chr1", 1_000, 4_000)];
    let mut engine = engine(&tiny);
    let plain = run(&mut engine, Task::Score(score(&tiny, &path, "splice", &region)));
    let votes = ScoreRequest { window_votes: true, ..score(&tiny, &path, "splice", &region) };
    let voted = run(&mut engine, Task::Score(votes.clone()));
    assert_eq!(bits(&voted.tracks[..3]), bits(&plain.tracks), "scores are the same");
    assert_eq!(voted.record().windows, 0, "and known");
    let labels: Vec<&str> = voted.tracks.iter().map(|track| track.label.as_str()).collect();
    let all = ["none", "donor", "acceptor", "windows", "none.spread", "donor.spread", "acceptor.spread"];
    assert_eq!(labels, all);
    let command = &voted.record().command;
    assert!(command.contains("--window-votes"), "{command}");
    let (count, spread) = (&voted.tracks[3], &voted.tracks[5]);
    for position in 1_000..4_000 {
        let gap = (2_000..2_100).contains(&position);
        let reason = match count.value_at(position) {
            None => Some("n_run"),
            Some(1.0) => Some("one_window"),
            Some(2.0) => None,
            other => panic!("base {position}: {other:?} windows"),
        };
        assert_eq!((count.value_at(position).is_none(), spread.reason_at(position)), (gap, reason), "base {position}");
        assert!(spread.value_at(position).is_none_or(|value| (0.0..1.0).contains(&value)), "base {position}");
    }

    let close = ScoreRequest { overlap_share: Some(0.75), ..votes.clone() };
    let close = run(&mut engine, Task::Score(close));
    assert!(close.record().windows > 2 * plain.record().windows, "three times as many");
    assert!(close.record().command.contains("--overlap 75"), "{}", close.record().command);
    assert_eq!(close.tracks[3].value_at(3_000), Some(4.0), "windows of one base");
    let both = run(&mut engine, Task::Score(ScoreRequest { both_strands: true, ..votes.clone() }));
    let strands: Vec<Strand> = both.tracks.iter().map(|track| track.strand).collect();
    assert_eq!(
        (both.tracks.len(), strands[3], strands[6], strands[12]),
        (13, Strand::Reverse, Strand::Forward, Strand::Reverse)
    );

    let window = WindowChoice::Whole;
    let whole = run(
        &mut engine,
        Task::Score(ScoreRequest { window, regions: vec![Region::new("chr1", 0, 900)], ..votes.clone() }),
    );
    assert!(whole.tracks[3].values.iter().all(|value| *value == 1.0), "one window");
    let mut refused = |request: ScoreRequest, word: &str| {
        let ended = run(&mut engine, Task::Score(request));
        assert_eq!(ended.error().kind, ErrorKind::Usage, "{:?}", ended.error());
        assert!(ended.error().message.contains(word), "{:?}", ended.error());
    };
    let promoter = || score(&tiny, &path, "promoter", &region);
    refused(ScoreRequest { window_votes: true, ..promoter() }, "--window-votes");
    refused(ScoreRequest { overlap_share: Some(0.5), ..promoter() }, "--stride");
    refused(ScoreRequest { overlap_share: Some(0.96), ..votes.clone() }, "96 percent");
    refused(ScoreRequest { overlap_share: Some(f32::NAN), ..votes.clone() }, "percent");
    refused(ScoreRequest { overlap_share: Some(0.5), window, ..votes }, "one window");
}

/// What a forecast says: windows, those kept, seconds, memory.
fn forecast(engine: &mut Engine, request: ScoreRequest) -> (u64, u64, Option<f64>, u64) {
    match run(engine, Task::Forecast(request)).result {
        Ok(Outcome::Forecast { windows, windows_cached, seconds, memory_bytes }) => {
            (windows, windows_cached, seconds, memory_bytes)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_forecast_tells_what_a_run_takes() {
    let tiny = Tiny::new();
    let path = genome(&tiny, "a.fa", 300_000);
    let mut engine = engine(&tiny);
    for head in ["splice", "promoter"] {
        let request = score(&tiny, &path, head, &[Region::new("chr1", 0, 250_000)]);
        let (windows, kept, seconds, memory) = forecast(&mut engine, request.clone());
        assert_eq!((kept, seconds), (0, None), "{head}: never seen");
        let ended = run(&mut engine, Task::Score(request.clone()));
        let record = ended.record();
        assert_eq!((windows, Some(memory)), (record.windows, record.memory_bytes), "{head}: as it was");
        let (again, kept, seconds, _) = forecast(&mut engine, request.clone());
        assert_eq!(again, windows, "{head}");
        assert!(kept > 0 && kept <= windows, "{head}: {kept} of {windows}");
        assert!(
            seconds.is_some_and(|seconds| seconds >= 0.0 && (kept < windows || seconds == 0.0)),
            "{head}: {seconds:?}"
        );
        let other = ScoreRequest { both_strands: true, ..request.clone() };
        let (more, kept, seconds, _) = forecast(&mut engine, other);
        assert_eq!((more, kept), (2 * windows, 0), "{head}: both strands");
        assert!(seconds.is_some_and(|seconds| seconds > 0.0), "{head}: {seconds:?}");
    }
    let refused =
        run(&mut engine, Task::Forecast(ScoreRequest { stride_bp: Some(5), ..score(&tiny, &path, "splice", &[]) }));
    assert_eq!(refused.error().kind, ErrorKind::Usage, "what cannot be run");
}

#[test]
fn a_forecast_of_a_built_in_head_takes_no_time() {
    let tiny = Tiny::new();
    let path = genome(&tiny, "a.fa", 120_000);
    let mut engine = engine(&tiny);
    let request = ScoreRequest { head: "splice".to_owned(), model: None, ..score(&tiny, &path, "splice", &[]) };
    run(&mut engine, Task::Score(request.clone()));
    forecast(&mut engine, request.clone());
    let start = Instant::now();
    let (windows, kept, seconds, memory_bytes) = forecast(&mut engine, request);
    let took = start.elapsed();
    eprintln!("{took:?} for {windows} windows, {kept} kept, {seconds:?} s, {memory_bytes} bytes");
    assert!(took < Duration::from_millis(200), "it took {took:?}");
    assert_eq!((kept, seconds), (windows, Some(0.0)), "all is kept");
}

#[test]
fn a_forecast_does_not_wait_for_scores() {
    let tiny = Tiny::new();
    let path = tiny.write("long.fa", format!(">chr1\n{}\n", bases(2_000_000)));
    let mut engine = engine(&tiny);
    let request = score(&tiny, &path, "splice", &[]);
    forecast(&mut engine, request.clone());
    let long = engine.run(Task::Score(request.clone()));
    while !matches!(engine.event_within(PATIENCE).expect("an event"), Event::TrackChunk { .. }) {}
    let start = Instant::now();
    let (windows, kept, _, _) = forecast(&mut engine, request);
    assert!(start.elapsed() < Duration::from_millis(500), "it took {:?}", start.elapsed());
    assert!(kept < windows, "the scores were not waited for");
    engine.cancel(long);
    assert_eq!(end_of(&engine, long).result, Err(None), "cancelled");
}
