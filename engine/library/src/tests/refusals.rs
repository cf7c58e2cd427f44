//! Downloads that go wrong, and say so.

use std::time::Instant;

use super::{server::Fault, *};

fn error_of(place: &Place) -> LibraryError {
    let error = place.get().unwrap_err();
    assert!(place.library.installed().unwrap().is_empty(), "no half of a model is there: {error}");
    error
}

#[test]
fn off_line_no_connection_is_opened_and_nothing_is_written() {
    let place = Place::with_model(10);
    let get = place.library.get(&entry(), &Hub::offline(), &Adding::new("model"), &mut |_| true, whatever);
    let error = get.unwrap_err().to_string();
    assert!(error.contains(REPOSITORY) && error.contains("leave out --offline"), "{error}");
    assert_eq!((place.server.connections(), names(place.folder.path())), (0, Vec::new()));
}

#[test]
fn wrong_bytes_are_refused_and_removed() {
    let place = Place::with_model(1_000);
    place.server.change("pytorch_model.bin", |served| served.bytes[500] ^= 1);
    let LibraryError::Checksum { file, expected, found, .. } = error_of(&place) else { panic!("a checksum") };
    assert_eq!((file.as_str(), expected == found), ("pytorch_model.bin", false));
    assert!(expected.starts_with("SHA-256 ") && found.starts_with("SHA-256 "), "{expected} {found}");
    assert_eq!(names(&place.library.models_folder().join("model.part")), ["config.json", "download.json"]);
    place.server.change("pytorch_model.bin", |served| served.bytes[500] ^= 1);
    place.server.change("vocab.txt", |served| served.bytes[0] ^= 1);
    let error = error_of(&place).to_string();
    assert!(error.contains("vocab.txt") && error.contains("git SHA-1"), "{error}");
}

#[test]
fn sizes_that_contradict_each_other_are_refused() {
    let place = Place::with_model(1_000);
    place.server.change("pytorch_model.bin", |served| served.linked = Some(("\"x\"".to_owned(), 1_001)));
    let LibraryError::Length { expected: 1_001, found: 1_000, .. } = error_of(&place) else { panic!("a length") };
    let place = Place::with_model(1_000);
    place.server.change("vocab.txt", |served| served.faults.extend(vec![Fault::LongLength; 20]));
    let error = error_of(&place);
    assert!(error.to_string().contains("vocab.txt: the connection was cut before the end"), "{error}");
}

#[test]
fn a_gated_model_needs_a_token_and_a_missing_file_is_named_with_its_address() {
    for status in [401, 403] {
        let place = Place::with_model(10);
        place.server.change("config.json", |served| served.faults.push_back(Fault::Status(status)));
        let error = error_of(&place).to_string();
        assert!(
            error.contains(&status.to_string()) && error.contains("HF_TOKEN") && error.contains("licence"),
            "{error}"
        );
        assert_eq!(place.server.seen("config.json").len(), 1, "asked once");
    }
    let place = Place::empty();
    let error = error_of(&place).to_string();
    assert!(error.contains(&format!("{}/{REPOSITORY}/resolve/main/config.json", place.server.endpoint())), "{error}");
    place.server.serve("config.json", Served::small(b"{}"));
    let error = error_of(&place).to_string();
    assert!(error.contains("none of model.safetensors") && error.contains(REPOSITORY), "{error}");
    let gone = Served { error_code: Some("RevisionNotFound"), ..Served::plain(b"") };
    place.server.serve("model.safetensors", gone.with([Fault::Status(404)]));
    assert!(error_of(&place).to_string().contains("no such revision"), "not taken for a missing file");
}

#[test]
fn a_server_that_keeps_failing_is_left_after_a_few_tries() {
    let place = Place::with_model(10);
    place.server.change("config.json", |served| served.faults.extend(vec![Fault::Status(503); 9]));
    let error = error_of(&place);
    assert!(matches!(error, LibraryError::Status { status: 503, .. }), "{error}");
    assert_eq!(place.server.seen("config.json").len(), 3);
}

#[test]
fn redirects_do_not_go_on_for_ever() {
    let place = Place::with_model(10);
    place.server.change("config.json", |served| served.location = Some("config.json".to_owned()));
    let error = error_of(&place).to_string();
    assert!(error.contains("on and on"), "{error}");
    assert_eq!(place.server.seen("config.json").len(), 11);
}

#[test]
fn the_signature_of_an_address_is_not_shown() {
    let place = Place::with_model(10);
    let location = Some("/bucket/x?signature=secret".to_owned());
    place.server.change("config.json", |served| served.location = location);
    place.server.serve_at("/bucket/x?signature=secret", Served::small(b"{}").with(vec![Fault::Status(503); 9]));
    let error = error_of(&place).to_string();
    assert!(error.contains("/bucket/x: the server answers 503") && !error.contains("secret"), "{error}");
}

#[test]
fn an_entry_leads_nowhere_else() {
    let place = Place::with_model(10);
    for (repository, file) in [("../model", "config.json"), (REPOSITORY, "../config.json"), (REPOSITORY, "run.py")] {
        let file = crate::EntryFile { name: file.to_owned(), size_bytes: None, sha256: None };
        let entry = Entry { repository: repository.to_owned(), files: vec![file], ..entry() };
        let get = place.library.get(&entry, &place.hub(), &Adding::of(&entry), &mut |_| true, whatever);
        assert!(matches!(get, Err(LibraryError::Catalogue { .. })), "{get:?}");
    }
    assert_eq!((place.server.connections(), names(place.folder.path())), (0, Vec::new()));
}

#[test]
fn a_server_that_is_not_there_is_no_riddle() {
    let place = Place::empty();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let hub = Hub::new(&format!("http://127.0.0.1:{port}"), None).unwrap();
    let get = place.library.get(&entry(), &hub, &Adding::new("model"), &mut |_| true, whatever);
    let error = get.unwrap_err().to_string();
    assert!(error.contains("takes no connections") && error.contains(&port.to_string()), "{error}");
}

#[test]
fn a_server_that_speaks_no_tls_is_no_riddle() {
    let place = Place::empty();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let hub = Hub::new(&format!("https://{}", listener.local_addr().unwrap()), None).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // The client may have gone.
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let get = place.library.get(&entry(), &hub, &Adding::new("model"), &mut |_| true, whatever);
    let error = get.unwrap_err().to_string();
    assert!(error.contains("no secure connection") && error.contains("SSL_CERT_FILE"), "{error}");
}

#[test]
fn stopping_takes_less_than_a_second_whatever_the_server_does() {
    for fault in [Fault::Silence, Fault::Drip] {
        let place = Place::with_model(10_000);
        place.server.change("pytorch_model.bin", |served| served.faults.push_back(fault.clone()));
        let mut asked = None;
        let error = place.get_watched(|progress| {
            let of_weights = progress.file == "pytorch_model.bin";
            let since = of_weights.then(|| *asked.get_or_insert_with(Instant::now));
            since.is_none_or(|since| since.elapsed() < Duration::from_millis(300))
        });
        let waited: Duration = asked.unwrap().elapsed();
        assert!(matches!(error, Err(LibraryError::Cancelled)), "{fault:?}");
        assert!(waited < Duration::from_millis(1_000), "{fault:?} took {waited:?}");
    }
}

#[test]
fn a_name_that_is_taken_is_taken_unless_replacing_is_asked_for() {
    let place = Place::with_model(10);
    place.get().unwrap();
    let connections = place.server.connections();
    let error = place.get().unwrap_err();
    assert!(matches!(error, LibraryError::Exists { .. }) && error.to_string().contains("--force"), "{error}");
    assert_eq!(place.server.connections(), connections, "nothing was asked");
    place.server.serve("vocab.txt", Served::small(b"new\n"));
    let replacing = Adding::new("model").replacing();
    place.library.get(&entry(), &place.hub(), &replacing, &mut |_| true, whatever).unwrap();
    assert_eq!((place.read("model/vocab.txt"), place.models()), (b"new\n".to_vec(), vec!["model".to_owned()]));
}

#[test]
fn what_the_check_refuses_is_not_added_and_not_fetched_again() {
    let place = Place::with_model(10);
    let check = |_: &Path| Err(io::Error::other("a family of its own"));
    let get = place.library.get(&entry(), &place.hub(), &Adding::new("model"), &mut |_| true, check);
    let LibraryError::Unusable { source, .. } = get.unwrap_err() else { panic!("unusable") };
    assert!(source.to_string().contains("a family of its own"), "{source}");
    assert_eq!((place.models(), place.server.sent("pytorch_model.bin")), (vec!["model.part".to_owned()], 10));
    place.get().unwrap();
    assert_eq!(place.server.sent("pytorch_model.bin"), 10);
}

#[test]
fn what_nothing_vouches_for_is_fetched_again_when_the_check_refuses_it() {
    let place = Place::with_model(10);
    place.server.serve("config.json", Served::plain(b"<html>Please sign in</html>"));
    let check = |_: &Path| Err(io::Error::other("config.json is no JSON"));
    place.library.get(&entry(), &place.hub(), &Adding::new("model"), &mut |_| true, check).unwrap_err();
    place.server.serve("config.json", Served::plain(b"{}"));
    place.get().unwrap();
    assert_eq!((place.read("model/config.json"), place.server.sent("pytorch_model.bin")), (b"{}".to_vec(), 10));
}

#[test]
fn a_lock_that_somebody_waits_for_is_still_the_lock_when_it_is_let_go() {
    let place = Place::empty();
    let first = place.library.claim("model").unwrap();
    let waiting = File::options().append(true).open(place.library.models_folder().join(".locks/model")).unwrap();
    drop(first);
    let _second = place.library.claim("model").unwrap();
    assert!(waiting.try_lock().is_err(), "the name is held twice");
}

#[test]
fn two_programs_do_not_fetch_the_same_model_at_once() {
    let place = Place::with_model(10);
    let claimed = place.library.claim("model").unwrap();
    let error = place.get().unwrap_err();
    assert!(matches!(error, LibraryError::Busy { .. }), "{error}");
    drop(claimed);
    place.get().unwrap();
}
