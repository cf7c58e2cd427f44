//! The user's library: models that are fetched, imported, listed, used and removed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    Place, genome,
    hub::{Hub, Manner},
};

const MODEL: &str = "tester/tiny";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parity").join(name)
}

/// Every file of the user's library, without the locks.
fn in_library(place: &Place) -> Vec<String> {
    let models = place.path(".data/strandscope/models");
    let entries = fs::read_dir(&models).into_iter().flatten();
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name != ".locks").collect();
    names.sort();
    names
}

/// What `models list` says of a name.
fn listed(place: &Place, name: &str) -> Vec<Value> {
    let list = place.run(&["models", "list", "--json"]).expect(0);
    let all: Vec<Value> = serde_json::from_str(&list.out).expect("an array");
    all.into_iter().filter(|entry| entry["name"] == name).collect()
}

#[test]
fn a_fetched_model_is_used_by_its_name() {
    let (place, hub) = (Place::new(), Hub::start(fixture("dnabert2_classifier")));
    place.write("a.fa", genome(600));
    let get = ["models", "get", MODEL, "--endpoint", &hub.endpoint()];
    let told = place.run(&get).expect(0);
    assert!(told.err.contains("tiny is in the library"), "{}", told.err);
    assert_eq!(in_library(&place), ["tiny"], "whole, and nothing beside it");

    // It is a model, and the head of itself; both under one name.
    let entries = listed(&place, "tiny");
    assert_eq!(entries.iter().map(|entry| &entry["kind"]).collect::<Vec<_>>(), ["model", "head"]);
    for entry in &entries {
        assert_eq!(
            (&entry["installed"], &entry["family"], &entry["licence"]),
            (&true.into(), &"dnabert-2".into(), &"unclear".into())
        );
        assert!(entry["origin"].as_str().is_some_and(|origin| origin.contains(MODEL)), "{entry}");
    }
    let embed = ["embed", "a.fa", "--model", "tiny", "--device", "cpu", "-o", "states.safetensors"];
    place.run(&embed).expect(0);
    let score = ["score", "a.fa", "--head", "tiny", "--region", "chr1:1-400", "--device", "cpu"];
    let scored = place.run(&score).expect(0);
    let sha256 = entries[0]["sha256"].as_str().expect("a checksum");
    assert!(scored.out.contains(&format!("sha256:{sha256}")), "the checksum of the list is that of the run");

    let again = place.run(&get).expect(3);
    assert!(again.err.contains("--force"), "{}", again.err);
    place.run(&[&get[..], &["--force"]].concat()).expect(0);
    place.run(&["models", "remove", "tiny"]).expect(0);
    assert_eq!(in_library(&place), Vec::<String>::new(), "gone");
    let gone = place.run(&embed).expect(3);
    assert!(gone.err.contains("'tiny'"), "{}", gone.err);
}

#[test]
fn an_interrupted_download_goes_on_where_it_stopped() {
    const HALF: usize = 20_000;
    let (place, hub) = (Place::new(), Hub::start(fixture("dnabert2")));
    hub.behave(Manner::StallsAfter(HALF));
    let get = ["models", "get", MODEL, "--endpoint", &hub.endpoint()];
    let mut child = place.program(&get).stderr(Stdio::null()).spawn().expect("starts");
    let part = place.path(".data/strandscope/models/tiny.part");
    let holds_half = || {
        let entries = fs::read_dir(&part).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.metadata().ok()).any(|metadata| metadata.len() >= HALF as u64)
    };
    let start = Instant::now();
    while !holds_half() {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing comes: {:?}", hub.take_seen());
        thread::sleep(Duration::from_millis(10));
    }
    let start = Instant::now();
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill of procps");
    assert!(killed.success(), "the signal is sent");
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130), "interrupted");
    assert!(start.elapsed() < Duration::from_secs(1), "it took {:?}", start.elapsed());
    assert_eq!(in_library(&place), ["tiny.part"], "what was fetched is kept, under another name");
    place.run(&["models", "show", "tiny"]).expect(3);

    hub.behave(Manner::Plain);
    hub.take_seen();
    place.run(&get).expect(0);
    let seen = hub.take_seen();
    let from: Vec<usize> = seen.iter().filter(|(file, _)| file == "model.safetensors").map(|(_, from)| *from).collect();
    assert_eq!(from, [HALF], "the rest alone: {seen:?}");
    assert_eq!(in_library(&place), ["tiny"], "whole");
}

#[test]
fn what_is_not_what_it_should_be_is_refused() {
    let (place, hub) = (Place::new(), Hub::start(fixture("dnabert2")));
    hub.behave(Manner::Spoilt);
    let get = ["models", "get", MODEL, "--endpoint", &hub.endpoint()];
    let refused = place.run(&get).expect(1);
    assert!(refused.err.contains("model.safetensors") && refused.err.contains("expected"), "{}", refused.err);
    assert!(!in_library(&place).contains(&"tiny".to_owned()), "nothing has its name");
    hub.behave(Manner::Plain);
    place.run(&get).expect(0);

    // A folder that arrives whole and is no model.
    let odd = place.path("odd");
    fs::create_dir(&odd).expect("a folder");
    fs::copy(fixture("dnabert2/config.json"), odd.join("config.json")).expect("a file");
    fs::copy(fixture("gena_bert_preln/model.safetensors"), odd.join("model.safetensors")).expect("a file");
    let refused = place.run(&["models", "import", "odd"]).expect(3);
    assert!(
        refused.err.contains("odd was not added") && refused.err.contains("odd/model.safetensors: config.json"),
        "{}",
        refused.err
    );
    assert_eq!(in_library(&place), ["tiny"], "nothing is left of it");
}

#[test]
fn off_line_nothing_is_asked() {
    let (place, hub) = (Place::new(), Hub::start(fixture("dnabert2")));
    let refused = place.run(&["models", "get", MODEL, "--offline", "--endpoint", &hub.endpoint()]).expect(2);
    assert!(refused.err.contains("off line"), "{}", refused.err);
    assert_eq!((hub.take_seen(), in_library(&place)), (Vec::new(), Vec::new()), "not a single request");
    // What is published is known off line too, and named where somebody asks for it.
    assert_eq!(listed(&place, "dnabert-6")[0]["installed"], false);
    place.write("a.fa", genome(60));
    let unknown = place.run(&["embed", "a.fa", "--model", "dnabert-6", "-o", "x.safetensors"]).expect(3);
    assert!(unknown.err.contains("models get dnabert-6"), "{}", unknown.err);
}

#[test]
fn a_folder_of_ones_own_is_imported_whole() {
    let place = Place::new();
    place.write("a.fa", genome(600));
    let folder = fixture("nucleotide_transformer_v2").display().to_string();
    place.run(&["models", "import", &folder, "--name", "my model"]).expect(0);
    let entry = &listed(&place, "my model")[0];
    assert_eq!((&entry["family"], &entry["kind"]), (&"nucleotide-transformer".into(), &"model".into()));
    assert!(entry["parameters"].as_u64().is_some_and(|parameters| parameters > 10_000), "{entry}");
    place.run(&["embed", "a.fa", "--model", "my model", "--device", "cpu", "-o", "states.safetensors"]).expect(0);
    place.run(&["models", "import", &folder, "--name", "../elsewhere"]).expect(3);
    place.run(&["models", "import", "nowhere"]).expect(3);
    place.run(&["models", "remove", "another"]).expect(3);
    assert_eq!(in_library(&place), ["my model"]);
}
