//! A GPU that fails: the command line goes on, says so, and gives the same numbers.

use std::{
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use super::{Ended, Place, genome};

/// Four windows through every layer of the encoder.
const ATTENTION: &[&str] =
    &["attention", "a.fa", "--region", "chr1:1-1200", "--stat", "entropy", "--window-tokens", "128"];

/// Whether there is a GPU to fail.
fn is_there() -> bool {
    crate::engine::TestEngine::on_gpu().is_some()
}

fn run(place: &Place, arguments: &[&str], device: &str, fault: &str) -> Ended {
    let mut program = place.program(&[arguments, &["--device", device, "-o", "out.tsv", "--force"]].concat());
    program.env("STRANDSCOPE_GPU_FAULT", fault).env("RUST_LOG", "strandscope_kernels=warn");
    Ended::from(program.output().expect("the program starts")).expect(0)
}

/// The last column of what was written.
fn values(place: &Place) -> Vec<f32> {
    let text = place.read("out.tsv");
    let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    rows.map(|row| row.rsplit('\t').next().and_then(|value| value.parse().ok()).expect("a number")).collect()
}

/// Fails where there are other values than on the processor.
fn assert_same(found: &[f32], want: &[f32], fault: &str) {
    assert_eq!(found.len(), want.len(), "{fault}: as many values");
    let apart = found.iter().zip(want).map(|(found, want)| (found - want).abs()).fold(0.0, f32::max);
    assert!(apart < 1e-5, "{fault}: {apart} apart");
}

#[test]
fn whatever_fails_the_numbers_are_the_same() {
    if !is_there() {
        return;
    }
    let place = Place::new();
    place.write("a.fa", genome(4_000));
    run(&place, ATTENTION, "cpu", "");
    let want = values(&place);
    for (fault, told) in [
        ("", ""),
        // When the job begins, in the first window, in the middle, and in the last window.
        ("lost@1", "was lost"),
        ("lost@6", "From window 1 on"),
        ("lost@40", "From window 3 on"),
        ("lost@55", "From window 4 on"),
        ("memory@1", "no memory"),
        ("memory@80", "no memory"),
        ("limit@3000000", "Buffer size"),
        ("build@attention_forward_tiled", "attention_forward_tiled does not compile"),
        ("build@attention_forward_tiled,build@attention_forward", "attention_forward does not compile"),
        ("wrong@attention_forward_tiled", "disagrees with the processor"),
        ("wrong@attention_forward_tiled,wrong@attention_forward", "disagrees with the processor"),
    ] {
        let ended = run(&place, ATTENTION, "gpu", fault);
        assert!(ended.err.contains(told), "{fault}: {}", ended.err);
        if told.contains("lost") || told.contains("From window") {
            let file = place.read("out.tsv");
            assert!(file.lines().last().is_some_and(|line| line.contains("; from window")), "{fault}: {file}");
        }
        assert_same(&values(&place), &want, fault);
    }
}

#[test]
fn pairs_that_a_kernel_gets_wrong_come_from_the_processor() {
    if !is_there() {
        return;
    }
    let place = Place::new();
    place.write("a.fa", genome(600));
    for (stat, kernel) in [("map --bins 4", "attention_map"), ("top", "attention_top")] {
        let command = format!("attention a.fa --region chr1:1-300 --layer 1 --stat {stat}");
        let command: Vec<&str> = command.split(' ').collect();
        run(&place, &command, "cpu", "");
        let want = values(&place);
        for fault in [String::new(), format!("wrong@{kernel}"), format!("build@{kernel}")] {
            let ended = run(&place, &command, "gpu", &fault);
            assert_eq!(ended.err.contains(kernel), !fault.is_empty(), "{fault}: {}", ended.err);
            assert_same(&values(&place), &want, &fault);
        }
    }
}

#[test]
fn work_on_a_gpu_that_is_lost_under_a_bench_is_an_error() {
    if !is_there() {
        return;
    }
    let place = Place::new();
    let mut program = place.program(&["bench", "model", "--model", "mini", "--tokens", "64", "--device", "gpu"]);
    let ended = Ended::from(program.env("STRANDSCOPE_GPU_FAULT", "lost@9").output().expect("the program starts"));
    let ended = ended.expect(1);
    assert!(ended.err.contains("was lost"), "{}", ended.err);
}

/// The second that is promised, and what starting `kill` takes.
const PROMISED: Duration = Duration::from_millis(1100);

/// How long a program that has much to do goes on after Ctrl+C.
fn interrupted(place: &Place, arguments: &[&str]) -> Duration {
    let mut child = place.program(arguments).stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("starts");
    thread::sleep(Duration::from_secs(3));
    assert!(child.try_wait().expect("a child").is_none(), "{arguments:?} takes longer");
    let start = Instant::now();
    let pid = child.id().to_string();
    let killed = std::process::Command::new("kill").args(["-INT", &pid]).status().expect("kill of procps");
    assert!(killed.success(), "the signal is sent");
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130), "{arguments:?} was interrupted");
    start.elapsed()
}

#[test]
fn a_minute_of_work_ends_within_a_second() {
    let device = if is_there() { "gpu" } else { "cpu" };
    let place = Place::new();
    let attention = ["bench", "attention", "--heads", "8", "--dim", "64", "--no-skip"];
    for arguments in [
        [&attention[..], &["--tokens", "200000", "--device", "cpu"]].concat(),
        [&attention[..], &["--tokens", "20000", "--device", device]].concat(),
        vec!["bench", "model", "--model", "mini", "--tokens", "16384", "--device", device],
    ] {
        // Other tests and other programs can only delay it: the fastest of a few tries is what the program takes.
        let mut took = Vec::new();
        while took.len() < 5 && took.iter().all(|took| *took >= PROMISED) {
            took.push(interrupted(&place, &arguments));
        }
        assert!(took.iter().any(|took| *took < PROMISED), "{arguments:?} took {took:?}");
    }
}
