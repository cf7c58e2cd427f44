//! Folders of the user's own, and removal.

use super::{server::sha256, *};
use crate::{Manifest, Source};

/// A folder with a model and what else lies about in such folders.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("config.json", "{}"), ("vocab.txt", "A\n"), ("LICENSE.md", "free"), ("modeling.py", "evil()")]
    {
        fs::write(folder.path().join(name), text).unwrap();
    }
    fs::write(folder.path().join("model.safetensors"), noise(3_000_000)).unwrap();
    fs::write(folder.path().join("card.json"), "{\"licence\": \"CC0-1.0\"}").unwrap();
    fs::create_dir(folder.path().join("runs")).unwrap();
    folder
}

fn import(library: &Library, from: &Path, adding: &Adding) -> Result<Added, LibraryError> {
    library.import(from, adding, &mut |_| true, whatever)
}

#[test]
fn a_folder_is_copied_with_what_a_model_needs() {
    let (place, from) = (Place::empty(), folder());
    let added = import(&place.library, from.path(), &Adding::new("mine")).unwrap();
    assert_eq!(added.warnings, ["left out, since no model needs them: modeling.py, runs"]);
    let files = ["LICENSE.md", "card.json", "config.json", "library.json", "model.safetensors", "vocab.txt"];
    assert_eq!(names(&added.installed.folder), files);
    assert_eq!(place.read("mine/model.safetensors"), noise(3_000_000));
    let manifest = Manifest::read(&added.installed.folder).unwrap().unwrap();
    let weights = manifest.files.iter().find(|file| file.name == "model.safetensors").unwrap();
    assert_eq!((weights.size_bytes, &weights.sha256), (3_000_000, &sha256(&noise(3_000_000))));
    assert_eq!((manifest.licence.as_str(), manifest.commercial_use), ("CC0-1.0", None));
    let Source::Folder { path } = &manifest.source else { panic!("from a folder") };
    assert_eq!(Path::new(path), from.path().canonicalize().unwrap());
    assert_eq!((place.models(), place.library.installed().unwrap()), (vec!["mine".to_owned()], vec![added.installed]));
}

#[test]
fn whatever_fails_nothing_is_left_behind() {
    let (place, from) = (Place::empty(), folder());
    let adding = Adding::new("mine");
    let check = |staged: &Path| {
        assert!(staged.join("model.safetensors").is_file(), "the check sees the copy");
        Err(io::Error::other("no such family"))
    };
    let error = place.library.import(from.path(), &adding, &mut |_| true, check).unwrap_err();
    assert!(matches!(error, LibraryError::Unusable { .. }), "{error}");
    assert_eq!(place.models(), Vec::<String>::new(), "refused by the check");
    let stop = &mut |progress: &Progress<'_>| progress.done_bytes < 2_000_000;
    let error = place.library.import(from.path(), &adding, stop, whatever).unwrap_err();
    assert!(matches!(error, LibraryError::Cancelled), "{error}");
    assert_eq!(place.models(), Vec::<String>::new(), "stopped");
    for tells in [true, false] {
        let library = Library::open(place.folder.path()).on(SmallDisk::new(1_000_000, tells));
        let error = import(&library, from.path(), &adding).unwrap_err();
        assert!(matches!(error, LibraryError::DiskFull { .. }), "{error}");
        assert_eq!(place.models(), Vec::<String>::new(), "the disk is full");
    }
}

#[test]
fn a_model_that_is_replaced_stays_until_the_new_one_is_whole() {
    let (place, from) = (Place::empty(), folder());
    let adding = Adding::new("mine");
    import(&place.library, from.path(), &adding).unwrap();
    let error = import(&place.library, from.path(), &adding).unwrap_err();
    assert!(matches!(error, LibraryError::Exists { .. }), "{error}");
    fs::write(from.path().join("vocab.txt"), "B\n").unwrap();
    let check = |_: &Path| Err(io::Error::other("no"));
    place.library.import(from.path(), &adding.clone().replacing(), &mut |_| true, check).unwrap_err();
    assert_eq!(place.read("mine/vocab.txt"), b"A\n");
    import(&place.library, from.path(), &adding.replacing()).unwrap();
    assert_eq!((place.read("mine/vocab.txt"), place.models()), (b"B\n".to_vec(), vec!["mine".to_owned()]));
}

#[test]
fn what_a_killed_program_left_is_put_right() {
    let (place, from) = (Place::empty(), folder());
    import(&place.library, from.path(), &Adding::new("mine")).unwrap();
    let models = place.library.models_folder();
    fs::create_dir(models.join(".mine.new")).unwrap();
    fs::write(models.join(".mine.new/config.json"), "half").unwrap();
    // Killed between the two renames of a replacement.
    fs::rename(models.join("mine"), models.join(".mine.old")).unwrap();
    let error = import(&place.library, from.path(), &Adding::new("mine")).unwrap_err();
    assert!(matches!(error, LibraryError::Exists { .. }), "{error}");
    assert_eq!(place.models(), ["mine"]);
    fs::create_dir(models.join(".another.new")).unwrap();
    import(&place.library, from.path(), &Adding::new("third")).unwrap();
    assert_eq!(place.models(), ["mine", "third"], "whatever the name");
}

#[test]
fn bad_names_and_bad_folders_are_refused() {
    let (place, from) = (Place::empty(), folder());
    for name in ["", "..", ".hidden", "a/b", "a\\b", "NUL", "x.part", "/etc", "-x"] {
        let error = import(&place.library, from.path(), &Adding::new(name)).unwrap_err();
        assert!(matches!(error, LibraryError::Name { .. }), "{name:?}: {error}");
        assert!(matches!(place.library.remove(name), Err(LibraryError::Name { .. })), "{name:?}");
        assert_eq!(place.library.find(name), None, "{name:?}");
    }
    let empty = tempfile::tempdir().unwrap();
    let error = import(&place.library, empty.path(), &Adding::new("mine")).unwrap_err();
    assert!(error.to_string().contains("neither config.json nor head.json"), "{error}");
    let file = from.path().join("config.json");
    let error = import(&place.library, &file, &Adding::new("mine")).unwrap_err();
    assert!(error.to_string().contains("it is no folder"), "{error}");
    let missing = from.path().join("missing");
    let error = import(&place.library, &missing, &Adding::new("mine")).unwrap_err();
    assert!(error.to_string().contains("Check the spelling"), "{error}");
    assert_eq!(place.models(), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn links_that_lead_outside_are_refused_and_those_inside_followed() {
    use std::os::unix::fs::symlink;
    let (place, from) = (Place::empty(), folder());
    let secret = from.path().join("runs/secret");
    fs::write(&secret, "secret").unwrap();
    symlink("vocab.txt", from.path().join("tokenizer.json")).unwrap();
    let added = import(&place.library, from.path(), &Adding::new("inside")).unwrap();
    let copy = added.installed.folder.join("tokenizer.json");
    assert!(copy.symlink_metadata().unwrap().is_file() && fs::read(&copy).unwrap() == b"A\n", "the file, no link");
    symlink("/etc/hostname", from.path().join("README.md")).unwrap();
    let error = import(&place.library, from.path(), &Adding::new("outside")).unwrap_err();
    assert!(matches!(error, LibraryError::NotInFolder { .. }), "{error}");
    assert!(error.to_string().contains("README.md") && error.to_string().contains("leads out"), "{error}");
    fs::remove_file(from.path().join("README.md")).unwrap();
    symlink("runs", from.path().join("README.md")).unwrap();
    let error = import(&place.library, from.path(), &Adding::new("outside")).unwrap_err();
    assert!(error.to_string().contains("no regular file"), "{error}");
    assert_eq!(place.models(), ["inside"]);
}

#[cfg(unix)]
#[test]
fn a_model_in_the_hubs_own_cache_is_imported_from_its_snapshot() {
    use std::os::unix::fs::symlink;
    let (place, cache) = (Place::empty(), tempfile::tempdir().unwrap());
    let (blobs, snapshot) = (cache.path().join("models--a--b/blobs"), cache.path().join("models--a--b/snapshots/0f"));
    fs::create_dir_all(&blobs).unwrap();
    fs::create_dir_all(&snapshot).unwrap();
    fs::write(blobs.join("1234"), "{}").unwrap();
    symlink("../../blobs/1234", snapshot.join("config.json")).unwrap();
    import(&place.library, &snapshot, &Adding::new("mine")).unwrap();
    assert_eq!(place.read("mine/config.json"), b"{}");
    fs::write(cache.path().join("secret"), "secret").unwrap();
    symlink("../../../secret", snapshot.join("vocab.txt")).unwrap();
    let error = import(&place.library, &snapshot, &Adding::new("other")).unwrap_err();
    assert!(matches!(error, LibraryError::NotInFolder { .. }), "{error}");
}

#[test]
fn removal_takes_the_model_and_what_is_unfinished_of_it() {
    let (place, from) = (Place::empty(), folder());
    import(&place.library, from.path(), &Adding::new("mine")).unwrap();
    import(&place.library, from.path(), &Adding::new("other")).unwrap();
    fs::create_dir(place.library.models_folder().join("mine.part")).unwrap();
    place.library.remove("mine").unwrap();
    assert_eq!(place.models(), ["other"]);
    let error = place.library.remove("mine").unwrap_err().to_string();
    assert!(error.contains("has no mine") && error.contains("it has other"), "{error}");
}

#[test]
fn a_model_put_there_by_hand_or_with_a_damaged_record_is_listed() {
    let place = Place::empty();
    let models = place.library.models_folder().to_owned();
    assert_eq!(place.library.installed().unwrap(), []);
    fs::create_dir_all(models.join("by-hand")).unwrap();
    fs::create_dir_all(models.join("damaged")).unwrap();
    fs::write(models.join("damaged/library.json"), "{").unwrap();
    fs::write(models.join("a file"), "").unwrap();
    let installed = place.library.installed().unwrap();
    let found: Vec<_> = installed.iter().map(|model| (model.name.as_str(), model.problem.is_some())).collect();
    assert_eq!(found, [("by-hand", false), ("damaged", true)]);
}
