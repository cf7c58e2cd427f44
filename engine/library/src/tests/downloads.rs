//! Downloads that go well.

use std::collections::BTreeMap;

use super::{
    server::{Fault, sha256},
    *,
};
use crate::{EntryFile, Manifest, Source, Step, Verified};

#[test]
fn a_model_comes_whole_with_a_record_of_where_from() {
    let place = Place::with_model(700_000);
    let added = place.get().unwrap();
    assert_eq!(added.warnings, Vec::<String>::new());
    assert_eq!(place.models(), ["model"], "nothing but the model");
    assert_eq!(names(&added.installed.folder), ["config.json", "library.json", "pytorch_model.bin", "vocab.txt"]);
    assert_eq!(place.read("model/pytorch_model.bin"), noise(700_000));
    let manifest = Manifest::read(&added.installed.folder).unwrap().unwrap();
    assert_eq!(place.library.installed().unwrap(), [added.installed]);
    let Source::Hub { repository, revision, commit, .. } = manifest.source else { panic!("not from a folder") };
    assert_eq!((repository.as_str(), revision.as_str(), commit), (REPOSITORY, "main", None));
    let verified: BTreeMap<_, _> = manifest.files.iter().map(|file| (file.name.as_str(), file.verified)).collect();
    assert_eq!(verified["pytorch_model.bin"], Verified::HubSha256);
    assert_eq!(verified["config.json"], Verified::HubGitSha1);
    let weights = manifest.files.iter().find(|file| file.name == "pytorch_model.bin").unwrap();
    assert_eq!((weights.size_bytes, &weights.sha256), (700_000, &sha256(&noise(700_000))));
    assert_eq!(place.server.seen("model.safetensors").len(), 1, "looked for first");
    assert!(place.server.seen("pytorch_model.bin.index.json").is_empty(), "not looked for");
}

#[test]
fn progress_tells_file_and_bytes() {
    let place = Place::with_model(700_000);
    let mut told = Vec::new();
    place
        .get_watched(|progress| {
            if progress.file == "pytorch_model.bin" {
                told.push((progress.step, progress.done_bytes, progress.total_bytes));
            }
            true
        })
        .unwrap();
    let fetched: Vec<_> = told.iter().filter(|(step, ..)| *step == Step::Fetching).collect();
    assert!(fetched.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{fetched:?}");
    assert_eq!(fetched.last(), Some(&&(Step::Fetching, 700_000, Some(700_000))));
    assert_eq!(told.last(), Some(&(Step::Checking, 700_000, Some(700_000))));
}

#[test]
fn shards_are_those_that_the_index_names() {
    let place = Place::empty();
    place.server.serve("config.json", Served::small(b"{}"));
    let index = br#"{"metadata": {},
        "weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-1.safetensors"}}"#;
    place.server.serve("model.safetensors.index.json", Served::small(index));
    place.server.serve("model-1.safetensors", Served::large(&noise(10)));
    place.server.serve("model-2.safetensors", Served::large(&noise(20)));
    place.server.serve("tokenizer.json", Served::small(b"{}"));
    let folder = place.get().unwrap().installed.folder;
    let weights = ["model-1.safetensors", "model-2.safetensors", "model.safetensors.index.json"];
    assert_eq!(names(&folder), [&["config.json", "library.json"][..], &weights, &["tokenizer.json"]].concat());
}

#[test]
fn an_index_leads_nowhere_else() {
    for (index, word) in [
        (&br#"{"weight_map": {"a": "../../evil.safetensors"}}"#[..], "evil"),
        (br#"{"weight_map": {"a": "run.py"}}"#, "run.py"),
        (br#"{"weight_map": {}}"#, "0 files"),
        (br#"[1, 2"#, "cannot be read"),
    ] {
        let place = Place::empty();
        place.server.serve("config.json", Served::small(b"{}"));
        place.server.serve("model.safetensors.index.json", Served::small(index));
        let error = place.get().unwrap_err().to_string();
        assert!(error.contains(word) && error.contains("/resolve/main/model.safetensors.index.json"), "{error}");
    }
}

#[test]
fn a_redirect_is_followed_without_the_token_and_the_hubs_checksum_holds() {
    let (place, cdn) = (Place::with_model(1), Server::start());
    let bytes = noise(5_000);
    let location = format!("{}/bucket/x?signature=a%2Fb", cdn.endpoint());
    let linked = Some((format!("\"{}\"", sha256(&bytes)), 5_000));
    place.server.serve("pytorch_model.bin", Served { location: Some(location), linked, ..Served::plain(b"") });
    let tag = Some(format!("\"{}\"", "0".repeat(64)));
    cdn.serve_at("/bucket/x?signature=a%2Fb", Served { tag, ..Served::plain(&bytes) });
    let manifest = place.get().unwrap().installed.manifest.unwrap();
    let weights = manifest.files.iter().find(|file| file.name == "pytorch_model.bin").unwrap();
    assert_eq!(weights.verified, Verified::HubSha256, "what another host states is not believed");
    let asked = place.server.seen("pytorch_model.bin");
    assert_eq!(asked[0].authorization.as_deref(), Some("Bearer hf_secret"));
    let led_on = cdn.seen("/bucket/x?signature=a%2Fb");
    assert_eq!((led_on.len(), led_on[0].authorization.as_deref()), (1, None));
}

#[test]
fn a_redirect_on_the_same_host_keeps_the_token() {
    let place = Place::with_model(1);
    place.server.serve("vocab.txt", Served { location: Some("/api/cache/vocab.txt".to_owned()), ..Served::plain(b"") });
    place.server.serve_at("/api/cache/vocab.txt", Served::small(b"AAA\n"));
    place.get().unwrap();
    assert_eq!(place.server.seen("/api/cache/vocab.txt")[0].authorization.as_deref(), Some("Bearer hf_secret"));
}

#[test]
fn once_the_commit_is_known_all_files_are_taken_from_it() {
    let (place, commit) = (Place::empty(), "0123456789".repeat(4));
    place.server.serve("config.json", Served { commit: Some(commit.clone()), ..Served::small(b"{}") });
    for (file, bytes) in [("model.safetensors", &noise(30)[..]), ("vocab.txt", b"A\n")] {
        place.server.serve_at(&format!("/{REPOSITORY}/resolve/{commit}/{file}"), Served::large(bytes));
        place.server.serve(file, Served::large(b"of the next commit"));
    }
    let manifest = place.get().unwrap().installed.manifest.unwrap();
    assert_eq!(place.read("model/model.safetensors"), noise(30));
    let Source::Hub { commit: found, .. } = manifest.source else { panic!("not from a folder") };
    assert_eq!(found, Some(commit));
}

#[test]
fn a_file_without_a_checksum_is_taken_and_said_to_be_unverified() {
    let place = Place::with_model(10);
    place.server.serve("vocab.txt", Served { tag: Some("\"5f-12\"".to_owned()), ..Served::plain(b"A\n") });
    let added = place.get().unwrap();
    assert_eq!(added.warnings, ["unverified: the server states no checksum for vocab.txt"]);
    let text = String::from_utf8(place.read("model/library.json")).unwrap();
    assert!(text.contains("\"unverified: the server states no checksum\""), "{text}");
}

#[test]
fn listed_files_alone_are_fetched_and_held_against_the_catalogue() {
    let place = Place::with_model(10);
    let listed = |name: &str, bytes: &[u8]| {
        let sha256 = Some(sha256(bytes));
        EntryFile { name: name.to_owned(), size_bytes: Some(bytes.len() as u64), sha256 }
    };
    let files = vec![listed("config.json", b"{\"model_type\": \"bert\"}"), listed("pytorch_model.bin", &noise(10))];
    let entry = Entry { files, ..entry() };
    let get = |entry: &Entry| place.library.get(entry, &place.hub(), &Adding::of(entry), &mut |_| true, whatever);
    let manifest = get(&entry).unwrap().installed.manifest.unwrap();
    assert!(manifest.files.iter().all(|file| file.verified == Verified::Catalogue), "{manifest:?}");
    assert!(place.server.seen("vocab.txt").is_empty(), "it is not listed");
    let files = vec![listed("config.json", b"{\"model_type\": \"burt\"}")];
    let other = Entry { name: "other".to_owned(), files, ..entry };
    let error = get(&other).unwrap_err();
    assert!(matches!(error, LibraryError::Checksum { .. }), "{error}");
}

#[test]
fn passing_trouble_is_tried_again() {
    let place = Place::with_model(100_000);
    let faults = [Fault::Status(500), Fault::Status(429), Fault::CutAfter(30_000), Fault::Silence];
    place.server.change("pytorch_model.bin", |served| served.faults.extend(faults));
    place.get().unwrap();
    assert_eq!(place.read("model/pytorch_model.bin"), noise(100_000));
    let seen = place.server.seen("pytorch_model.bin");
    assert_eq!((seen.len(), seen.last().unwrap().range.as_deref()), (5, Some("bytes=30000-")));
    assert_eq!(place.server.sent("pytorch_model.bin"), 100_000, "no byte twice");
}
