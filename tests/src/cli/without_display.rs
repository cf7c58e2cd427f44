//! Where there is no screen: say what to do instead, and end well.

use super::Place;

#[test]
fn without_a_display_it_says_what_to_do_and_that_works() {
    let place = Place::new();
    let mut command = place.program(&[]);
    for name in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        command.env_remove(name);
    }
    let ended = super::Ended::from(command.output().expect("starts")).expect(0);
    let line = ended.err.lines().find(|line| line.trim_start().starts_with("strandscope score ")).expect("a command");
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    place.run(&[&words[..], &["--device", "cpu"]].concat()).expect(0);
    let table = place.read("example.tsv");
    assert!(table.lines().any(|line| line.starts_with("NT_030059.13\t66501\t")), "the first base of the example");
}

#[test]
fn a_display_that_does_not_answer_is_no_disaster() {
    let place = Place::new();
    let mut command = place.program(&[]);
    command.env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET").env("DISPLAY", ":4321");
    let ended = super::Ended::from(command.output().expect("starts")).expect(0);
    assert!(ended.err.contains(":4321") && ended.err.contains("strandscope score"), "{}", ended.err);
}
