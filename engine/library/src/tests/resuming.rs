//! Downloads that were interrupted.

use super::{server::Fault, *};
use crate::checksum::hex;
use sha2::{Digest, Sha256};

/// A model of whose weights 40,000 of 100,000 bytes have come before the user stopped it.
fn interrupted() -> Place {
    let place = Place::with_model(100_000);
    place.server.change("pytorch_model.bin", |served| served.faults.extend([Fault::CutAfter(40_000), Fault::Silence]));
    let error = place.get_watched(|progress| progress.done_bytes < 40_000).unwrap_err();
    assert!(matches!(error, LibraryError::Cancelled), "{error}");
    place.server.change("pytorch_model.bin", |served| served.faults.clear());
    let part = place.read("model.part/pytorch_model.bin.part");
    assert!(!part.is_empty() && part.len() <= 40_000, "{} bytes are kept", part.len());
    assert_eq!((place.models(), place.library.installed().unwrap()), (vec!["model.part".to_owned()], Vec::new()));
    place
}

fn kept(place: &Place) -> usize {
    place.read("model.part/pytorch_model.bin.part").len()
}

#[test]
fn only_the_rest_is_fetched() {
    let place = interrupted();
    let kept = kept(&place);
    assert_eq!(place.library.unfinished().unwrap(), ["model"]);
    let (weights, config) = (place.server.seen("pytorch_model.bin").len(), place.server.seen("config.json").len());
    place.get().unwrap();
    assert_eq!(place.read("model/pytorch_model.bin"), noise(100_000));
    let after = &place.server.seen("pytorch_model.bin")[weights..];
    assert_eq!((after.len(), after[0].range.clone()), (1, Some(format!("bytes={kept}-"))));
    assert!(after[0].if_range.is_some(), "asked whether it is the same");
    assert_eq!(after[0].sent, 100_000 - kept);
    assert_eq!(place.server.seen("config.json").len(), config, "what is whole is not fetched again");
    assert_eq!((place.models(), place.library.unfinished().unwrap()), (vec!["model".to_owned()], Vec::new()));
}

#[test]
fn a_file_that_has_changed_begins_anew() {
    let place = interrupted();
    let new: Vec<u8> = noise(100_000).into_iter().rev().collect();
    place.server.serve("pytorch_model.bin", Served::large(&new));
    place.get().unwrap();
    assert_eq!(place.read("model/pytorch_model.bin"), new);
}

#[test]
fn a_file_that_has_changed_behind_a_redirect_begins_anew() {
    let (place, bytes) = (Place::with_model(1), noise(50_000));
    let linked = |bytes: &[u8]| Some((format!("\"{}\"", hex(&Sha256::digest(bytes))), bytes.len() as u64));
    let redirected =
        |bytes: &[u8]| Served { location: Some("/cdn".to_owned()), linked: linked(bytes), ..Served::plain(b"") };
    // The tag of the host behind stays what it was: only the hub tells.
    let behind = |bytes: &[u8]| Served { tag: Some("\"same\"".to_owned()), ..Served::plain(bytes) };
    place.server.serve("pytorch_model.bin", redirected(&bytes));
    place.server.serve_at("/cdn", behind(&bytes).with([Fault::CutAfter(20_000), Fault::Silence]));
    place.get_watched(|progress| progress.done_bytes < 20_000).unwrap_err();
    let new: Vec<u8> = bytes.into_iter().rev().collect();
    place.server.serve("pytorch_model.bin", redirected(&new));
    place.server.serve_at("/cdn", behind(&new));
    place.get().unwrap();
    assert_eq!(place.read("model/pytorch_model.bin"), new);
}

#[test]
fn a_file_without_a_checksum_is_not_mixed_of_two() {
    let (place, bytes) = (Place::with_model(1), noise(50_000));
    let tagged = |tag: &str, bytes: &[u8]| Served { tag: Some(format!("\"{tag}\"")), ..Served::plain(bytes) };
    let cut = [Fault::CutAfter(20_000), Fault::Silence];
    place.server.serve("pytorch_model.bin", tagged("old", &bytes).with(cut));
    place.get_watched(|progress| progress.done_bytes < 20_000).unwrap_err();
    let new: Vec<u8> = bytes.into_iter().rev().collect();
    place.server.serve("pytorch_model.bin", tagged("new", &new).with([Fault::IgnoreIfRange]));
    place.get().unwrap();
    assert_eq!(place.read("model/pytorch_model.bin"), new);
}

#[test]
fn a_part_in_the_wrong_place_is_not_taken() {
    let place = interrupted();
    place.server.change("pytorch_model.bin", |served| served.faults.push_back(Fault::WrongRange));
    place.get().unwrap();
    assert_eq!(place.read("model/pytorch_model.bin"), noise(100_000));
}

#[test]
fn a_part_that_is_whole_already_is_only_checked() {
    let place = interrupted();
    let folder = place.library.models_folder().join("model.part");
    fs::write(folder.join("pytorch_model.bin.part"), noise(100_000)).unwrap();
    let sent = place.server.sent("pytorch_model.bin");
    place.get().unwrap();
    assert_eq!(place.read("model/pytorch_model.bin"), noise(100_000));
    assert_eq!(place.server.sent("pytorch_model.bin"), sent, "no byte more");
}

#[test]
fn a_damaged_part_is_found_out_removed_and_fetched_anew() {
    let place = interrupted();
    let path = place.library.models_folder().join("model.part/pytorch_model.bin.part");
    let mut part = fs::read(&path).unwrap();
    part[100] ^= 1;
    fs::write(&path, part).unwrap();
    let error = place.get().unwrap_err();
    assert!(matches!(error, LibraryError::Checksum { .. }), "{error}");
    assert!(!path.exists(), "it was removed");
    place.get().unwrap();
    assert_eq!(place.read("model/pytorch_model.bin"), noise(100_000));
}

#[test]
fn a_part_whose_record_is_lost_or_damaged_begins_anew() {
    for record in [None, Some("{"), Some("{\"tag\": null, \"checksum\": null, \"total_bytes\": null}")] {
        let place = interrupted();
        let path = place.library.models_folder().join("model.part/pytorch_model.bin.part.json");
        match record {
            Some(record) => fs::write(&path, record).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        place.get().unwrap();
        assert_eq!(place.read("model/pytorch_model.bin"), noise(100_000));
        assert_eq!(place.server.seen("pytorch_model.bin").last().unwrap().range, None, "{record:?}");
    }
}

#[test]
fn a_damaged_file_of_an_earlier_try_is_fetched_again() {
    let place = interrupted();
    let path = place.library.models_folder().join("model.part/config.json");
    fs::write(path, "{}").unwrap();
    place.get().unwrap();
    assert_eq!(place.read("model/config.json"), b"{\"model_type\": \"bert\"}");
}

#[test]
fn a_part_of_another_revision_is_not_mixed_in() {
    let place = interrupted();
    let other = Entry { revision: "branch".to_owned(), ..entry() };
    for (file, bytes) in [("config.json", &b"{}"[..]), ("model.safetensors", &noise(9))] {
        place.server.serve_at(&format!("/{REPOSITORY}/resolve/branch/{file}"), Served::small(bytes));
    }
    let get = place.library.get(&other, &place.hub(), &Adding::of(&other), &mut |_| true, whatever);
    assert_eq!(names(&get.unwrap().installed.folder), ["config.json", "library.json", "model.safetensors"]);
}

#[test]
fn a_full_disk_keeps_what_has_come_and_says_how_much_is_missing() {
    let place = Place::with_model(900_000);
    let library = Library::open(place.folder.path()).on(SmallDisk::new(400_000, false));
    let get = |library: &Library| library.get(&entry(), &place.hub(), &Adding::new("model"), &mut |_| true, whatever);
    let error = get(&library).unwrap_err();
    assert!(matches!(error, LibraryError::DiskFull { needed_bytes: Some(_), .. }), "{error}");
    assert!(error.to_string().contains("goes on where it stopped"), "{error}");
    let kept = kept(&place);
    assert!(kept > 300_000, "{kept} bytes are kept");
    get(&Library::open(place.folder.path())).unwrap();
    assert_eq!(place.read("model/pytorch_model.bin"), noise(900_000));
    assert_eq!(place.server.seen("pytorch_model.bin").last().unwrap().range, Some(format!("bytes={kept}-")));
}

#[test]
fn too_little_room_is_said_before_anything_is_written() {
    let place = Place::with_model(900_000);
    let library = Library::open(place.folder.path()).on(SmallDisk::new(400_000, true));
    let error = library.get(&entry(), &place.hub(), &Adding::new("model"), &mut |_| true, whatever).unwrap_err();
    let LibraryError::DiskFull { needed_bytes: Some(900_000), free_bytes: Some(free), .. } = error else {
        panic!("{error}");
    };
    assert!(free < 400_000, "{free}");
    assert!(!place.library.models_folder().join("model.part/pytorch_model.bin.part").exists(), "nothing was begun");
}

#[test]
fn too_little_room_for_a_whole_model_is_said_before_its_first_file() {
    let place = Place::with_model(10);
    let library = Library::open(place.folder.path()).on(SmallDisk::new(400_000, true));
    let get = |entry: &Entry| library.get(entry, &place.hub(), &Adding::new("model"), &mut |_| true, whatever);
    let error = get(&Entry { approximate_bytes: Some(2_500_000_000), ..entry() }).unwrap_err();
    assert!(error.to_string().contains("2.49 GB are needed") && place.server.connections() == 0, "{error}");
    let index = br#"{"metadata": {"total_size": 900000}, "weight_map": {"a": "model-1.safetensors"}}"#;
    place.server.serve("model.safetensors.index.json", Served::small(index));
    place.server.serve("model-1.safetensors", Served::large(&noise(10)));
    let error = get(&entry()).unwrap_err();
    assert!(matches!(error, LibraryError::DiskFull { needed_bytes: Some(800_000..900_000), .. }), "{error}");
    assert!(place.server.seen("model-1.safetensors").is_empty(), "the index tells");
}
