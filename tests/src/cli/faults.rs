//! Disks and folders that fail, readers that leave.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use super::{Ended, Place, binary, genome};

const SCORE: &[&str] = &["score", "a.fa", "--head", "splice", "--region", "chr1:1-3,000", "--device", "cpu"];

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let place = Place::new();
    place.write("a.fa", genome(4_000));
    let ended = place.run(&[SCORE, &["-o", "/dev/full"]].concat()).expect(1);
    assert!(ended.err.contains("/dev/full") && ended.err.contains("No space left"), "{}", ended.err);
    assert!(!fs::metadata("/dev/full").expect("the device").is_file(), "the device is still one");

    // A limit on the size of files acts like a disk that is full after 8 KiB.
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -f 8 && exec \"$0\" \"$@\""]).arg(binary()).args(SCORE).args(["-o", "out.tsv"]);
    shell.current_dir(place.folder.path()).env("XDG_CACHE_HOME", place.path(".cache"));
    let ended = Ended::from(shell.output().expect("a shell")).expect(1);
    assert!(ended.err.contains("out.tsv"), "{}", ended.err);
    assert_eq!(place.files(), ["a.fa"], "no part of it");
}

#[test]
fn pipes_in_place_of_files_are_not_waited_for() {
    let place = Place::new();
    fs::create_dir(place.path("model")).expect("a folder");
    let made = Command::new("mkfifo").arg(place.path("model/model.safetensors")).status().expect("mkfifo of coreutils");
    assert!(made.success(), "the pipe is made");
    let refused = place.run(&["models", "show", "./model"]).expect(3);
    assert!(refused.err.contains("model.safetensors") && refused.err.contains("no regular file"), "{}", refused.err);
}

#[test]
fn a_file_without_end_is_refused() {
    let place = Place::new();
    place.write("a.fa", genome(100));
    let refused = place.run(&["score", "a.fa", "--head", "splice", "--bed", "/dev/zero"]).expect(3);
    assert!(refused.err.contains("/dev/zero") && refused.err.contains("more than"), "{}", refused.err);
}

#[test]
fn a_missing_folder_is_named() {
    let place = Place::new();
    place.write("a.fa", genome(4_000));
    let ended = place.run(&[SCORE, &["-o", "nowhere/out.tsv"]].concat()).expect(1);
    assert!(ended.err.contains("nowhere") && ended.err.contains("does not exist"), "{}", ended.err);
    assert_eq!(place.files(), ["a.fa"], "it is not made");
}

#[test]
fn a_locked_folder_is_told_to_an_ordinary_user() {
    let place = Place::new();
    place.write("a.fa", genome(4_000));
    // The superuser may write everywhere: the program is then run as nobody, from a copy that nobody may read.
    let copy = place.path("strandscope");
    fs::copy(binary(), &copy).expect("a copy of the program");
    for folder in ["locked", ".cache"] {
        fs::create_dir(place.path(folder)).expect("a folder");
    }
    for (name, mode) in [("locked", 0o555), (".cache", 0o777), ("a.fa", 0o644), (".", 0o755)] {
        fs::set_permissions(place.path(name), fs::Permissions::from_mode(mode)).expect("permissions");
    }
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let mut command = if is_root { Command::new("setpriv") } else { Command::new(&copy) };
    if is_root {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&copy);
    }
    command.args(SCORE).args(["-o", "locked/out.tsv"]).current_dir(place.folder.path());
    let ended = command.env("XDG_CACHE_HOME", place.path(".cache")).env("HOME", place.path(".cache")).output();
    let ended = Ended::from(ended.expect("setpriv of util-linux is there")).expect(1);
    assert!(ended.err.contains("locked/out.tsv") && ended.err.contains("ermission denied"), "{}", ended.err);
    assert_eq!(fs::read_dir(place.path("locked")).expect("the folder").count(), 0, "nothing in it");
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let place = Place::new();
    place.write("a.fa", genome(200_000));
    let arguments = ["score", "a.fa", "--head", "splice", "--device", "cpu", "--quiet"];
    let mut child = place.program(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let mut first = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    out.read_line(&mut first).expect("a line");
    drop(out);
    let status = child.wait().expect("it ends");
    let mut err = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("UTF-8");
    assert!(first.starts_with("# program"), "{first}");
    assert_eq!((status.code(), err.as_str()), (Some(0), ""), "nothing is wrong");
}
