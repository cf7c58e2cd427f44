//! What may be said on the command line, and what the exit codes are.

use serde_json::Value;

use super::{Place, genome};

#[test]
fn help_and_version_go_to_standard_output() {
    let place = Place::new();
    let help = place.run(&["--help"]).expect(0);
    for command in [
        "inspect",
        "tokenize",
        "score",
        "attention",
        "evaluate",
        "forward",
        "finetune",
        "pretrain",
        "export-model",
        "models",
        "selftest",
    ] {
        assert!(help.out.contains(command), "{command}");
    }
    assert!(place.run(&["--version"]).expect(0).out.starts_with("strandscope "), "version");
}

#[test]
fn what_is_not_built_is_not_offered() {
    let place = Place::new();
    let help = place.run(&["--help"]).expect(0).out;
    for command in ["explain", "variants", "render", "verify"] {
        let is_offered = help.lines().any(|line| line.split_whitespace().next() == Some(command));
        assert!(!is_offered, "{command}");
        place.run(&[command]).expect(2);
    }
    place.write("a.fa", genome(100));
    place.run(&["score", "a.fa", "--head", "splice", "--format", "bigwig"]).expect(2);
    place.run(&["attention", "a.fa", "--region", "chr1", "--stat", "flow"]).expect(2);
}

#[test]
fn nonsense_is_a_usage_error() {
    let place = Place::new();
    place.write("a.fa", genome(100));
    for arguments in [
        &["scroe", "a.fa"][..],
        &["score", "a.fa"],
        &["score", "a.fa", "--head", "splice", "--threads", "0"],
        &["score", "a.fa", "--head", "splice", "--region", "chr1:9-5"],
        &["score", "a.fa", "--head", "splice", "--window-tokens", "none"],
        &["attention", "a.fa", "--region", "chr1", "--stat", "row"],
        &["attention", "a.fa", "--region", "chr1", "--stat", "received", "--query", "5"],
        &["attention", "a.fa", "--region", "chr1", "--stat", "top", "--format", "npy"],
        &["bench", "attention", "--tokens", "64", "--heads", "2"],
        &["bench", "attention", "--tokens", "0", "--heads", "2", "--dim", "8"],
        &["bench", "attention", "--tokens", "64", "--heads", "2", "--dim", "8", "--pass", "train"],
        &["bench", "attention", "--tokens", "999999999", "--heads", "999", "--dim", "64", "--device", "cpu"],
        &["inspect"],
    ] {
        place.run(arguments).expect(2);
    }
}

#[test]
fn common_flags_stand_before_or_behind_the_subcommand() {
    let place = Place::new();
    place.write("a.fa", genome(100));
    let behind = place.run(&["inspect", "a.fa", "--quiet", "--offline", "--device", "cpu"]).expect(0).out;
    let before = place.run(&["--quiet", "--offline", "--device", "cpu", "inspect", "a.fa"]).expect(0).out;
    assert_eq!(before, behind, "the same");
    place.run(&["--renderer", "glow", "inspect", "a.fa"]).expect(2);
    let with_dtype = place.run(&["inspect", "a.fa", "--quiet", "--dtype", "f32"]).expect(0).out;
    assert_eq!(with_dtype, behind, "what is computed in anyway");
    let refused = place.run(&["inspect", "a.fa", "--dtype", "f64"]).expect(2);
    assert!(refused.err.contains("bf16"), "{}", refused.err);
}

#[test]
fn files_that_cannot_be_used_are_bad_input() {
    let place = Place::new();
    place.write("prose.fa", "It was a dark and stormy night.\n");
    place.write("a.fa", genome(100));
    for file in ["prose.fa", "none.fa", "."] {
        let ended = place.run(&["inspect", file]).expect(3);
        assert!(ended.err.contains(file), "{}", ended.err);
    }
    for region in ["chr2", "chr1:50-101", "1:1-5"] {
        place.run(&["score", "a.fa", "--head", "splice", "--region", region]).expect(3);
    }
    place.run(&["score", "a.fa", "--head", "no-such-head"]).expect(3);
}

#[test]
fn a_record_without_bases_is_no_region() {
    let place = Place::new();
    place.write("a.fa", format!("{}>empty\n", genome(100)));
    let score = ["score", "a.fa", "--head", "splice", "--device", "cpu", "--region", "empty"];
    for more in [&[][..], &["--keep-going"]] {
        let refused = place.run(&[&score[..], more].concat()).expect(3);
        assert!(refused.err.contains("'empty' has no bases"), "{}", refused.err);
    }
    let passed = place.run(&[&score[..], &["--region", "chr1", "--keep-going"]].concat()).expect(0);
    assert!(passed.err.contains("passed over 1 of 2") && passed.out.contains("chr1\t1\t"), "{}", passed.err);
}

#[test]
fn several_files_give_a_line_each_even_if_one_is_bad() {
    let place = Place::new();
    place.write("a.fa", genome(100));
    place.write("bad.fa", "no header\n");
    let ended = place.program(&["inspect", "--json", "a.fa", "bad.fa", "a.fa"]).output().expect("starts");
    assert_eq!(ended.status.code(), Some(3), "one of them is bad");
    let lines = String::from_utf8(ended.stdout).expect("UTF-8");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2, "the good ones");
    assert_eq!(lines[0]["records"][1]["name"], "HLA:01", "{}", lines[0]);
    assert_eq!(lines[0]["records"][0]["length_bp"], 100, "{}", lines[0]);
}

#[test]
fn standard_input_is_read_like_a_file() {
    let place = Place::new();
    place.write("a.fa", genome(1_000));
    let fed = |arguments: &[&str]| {
        let file = std::fs::File::open(place.path("a.fa")).expect("a scratch file");
        super::Ended::from(place.program(arguments).stdin(file).output().expect("starts")).expect(0)
    };
    let named = place.run(&["inspect", "--json", "a.fa"]).expect(0).out;
    assert_eq!(fed(&["inspect", "--json", "-"]).out, named.replace("a.fa", "-"), "the same records");
    let named = place.run(&["tokenize", "--json", "--no-provenance", "a.fa"]).expect(0).out;
    assert_eq!(fed(&["tokenize", "--json", "--no-provenance", "-"]).out, named, "the same tokens");
}

#[test]
fn messages_can_be_read_by_programs() {
    let place = Place::new();
    let ended = place.program(&["inspect", "none.fa", "--log", "json"]).output().expect("starts");
    let line = String::from_utf8(ended.stderr).expect("UTF-8");
    let message: Value = serde_json::from_str(line.trim()).expect("one JSON object");
    assert_eq!(message["level"], "error", "{message}");
    assert!(message["message"].as_str().is_some_and(|text| text.contains("none.fa")), "{message}");
}

#[test]
fn quiet_leaves_standard_error_empty() {
    let place = Place::new();
    place.write("a.fa", genome(600));
    let ended = place.run(&["score", "a.fa", "--head", "splice", "--region", "chr1:1-600", "--quiet"]).expect(0);
    assert_eq!(ended.err, "", "nothing to say");
}

#[test]
fn rows_that_do_not_fit_a_reference_are_listed_and_counted() {
    let place = Place::new();
    place.write("a.fa", ">chr1\nACGTACGTAC\n");
    place.write("a.bed", "1\t0\t10\tgood\nchr1\t5\t11\tlong\n");
    place.run(&["inspect", "a.bed"]).expect(0);
    let arguments = ["inspect", "a.bed", "--reference", "a.fa"];
    let refused = place.run(&arguments).expect(3);
    assert!(refused.out.contains("2 rows, 1 feature"), "{}", refused.out);
    assert!(
        refused.out.contains("line 2 refused: it reaches to 11, beyond the end of contig 'chr1'"),
        "{}",
        refused.out
    );
    assert!(refused.out.contains("'1' is taken for 'chr1'"), "{}", refused.out);
    assert!(refused.err.contains("cannot use 1 of 2 rows of a.bed"), "{}", refused.err);
    let listed = place.run(&[&arguments[..], &["--json", "--keep-going"]].concat()).expect(0).out;
    let value: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!((value["rows"][0]["end"].as_u64(), value["rows"][1]["status"].as_str()), (Some(10), Some("beyond_end")));
    place.run(&["inspect", "a.bed", "--reference", "nowhere.fa"]).expect(3);
}
