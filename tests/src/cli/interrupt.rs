//! Ctrl+C: soon, and without a trace.

use std::{
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{Place, genome};

/// Waits until the program has begun to write, but not for ever.
fn wait_for_part(place: &Place, child: &mut Child) {
    let start = Instant::now();
    while !place.files().iter().any(|name| name.ends_with(".part")) {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing is written: {:?}", place.files());
        assert!(child.try_wait().expect("a child").is_none(), "it ended before it could be stopped");
        thread::sleep(Duration::from_millis(10));
    }
}

fn interrupted(signal: &str, after: Duration) {
    let place = Place::new();
    place.write("a.fa", genome(2_000_000));
    let arguments = ["score", "a.fa", "--head", "splice", "--device", "cpu", "-o", "out.tsv"];
    let mut child = place.program(&arguments).stderr(Stdio::null()).spawn().expect("starts");
    wait_for_part(&place, &mut child);
    thread::sleep(after);
    let start = Instant::now();
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill of procps");
    assert!(killed.success(), "the signal is sent");
    let status = child.wait().expect("it ends");
    let took = start.elapsed();
    assert_eq!(status.code(), Some(130), "interrupted");
    assert!(took < Duration::from_secs(1), "it took {took:?}");
    assert_eq!(place.files(), ["a.fa"], "nothing is left");
}

#[test]
fn ctrl_c_ends_within_a_second_and_leaves_nothing() {
    for milliseconds in [0, 150, 700] {
        interrupted("-INT", Duration::from_millis(milliseconds));
    }
}

#[test]
fn being_asked_to_terminate_is_the_same() {
    interrupted("-TERM", Duration::from_millis(300));
}
