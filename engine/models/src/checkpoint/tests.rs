//! Checkpoints in every form, from the corpus, the parity fixtures and by hand.

pub(super) mod made;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{SeenTensor, Stored, examine, is_checkpoint, pickle::MAX_PICKLE_BYTES};
use made::{MATRIX, Made, bytes_of, pickle, state, zipped};

fn shared(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(path)
}

/// A case of the corpus: a stored file, or a pickle nested a million deep.
#[derive(Deserialize)]
struct Case {
    id: String,
    file: Option<String>,
    expect: Expect,
}

#[derive(Deserialize)]
struct Expect {
    verdict: Verdict,
    #[serde(default)]
    tensors: Vec<Tensor>,
    #[serde(default)]
    error_any: Vec<String>,
    #[serde(default)]
    warn_any: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Accept,
    Reject,
    Either,
}

#[derive(Deserialize)]
struct Tensor {
    name: String,
    dtype: Option<String>,
    shape: Vec<usize>,
    sha256_f32le: Option<String>,
}

fn cases(kind: &str) -> Vec<Case> {
    #[derive(Deserialize)]
    struct List {
        cases: Vec<Case>,
    }
    let list = fs::read(shared("corpus").join(kind).with_extension("json")).expect("the list");
    serde_json::from_slice::<List>(&list).expect("a list of cases").cases
}

#[test]
fn every_case_of_the_corpus_is_read_exactly_or_refused_with_file_and_reason() {
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let deep = scratch.path().join("deep.bin");
    fs::write(&deep, pickle(&[b"N".to_vec(), vec![0x85; 1_000_000]].concat())).expect("a scratch file");
    let mut report = String::new();
    for (kind, count) in [("pickle", 13), ("safetensors", 14)] {
        let cases = cases(kind);
        assert_eq!(cases.len(), count, "the list of {kind} is complete");
        for case in cases {
            let path = case.file.as_ref().map_or_else(|| deep.clone(), |file| shared("corpus").join(file));
            assert!(is_checkpoint(&path), "{} is taken for a checkpoint", case.id);
            if let Err(problem) = judge(&case.expect, &path) {
                report += &format!("{}: {problem}\n", case.id);
            }
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

fn judge(expect: &Expect, path: &Path) -> Result<(), String> {
    match (expect.verdict, examine(path, &|| true)) {
        (Verdict::Reject, Ok(_)) => Err("accepted, must be refused".to_owned()),
        (Verdict::Accept, Err(error)) => Err(format!("refused a good file: {error}")),
        (_, Err(error)) => refusal(expect, path, &error.to_string()),
        (_, Ok(seen)) => content(expect, &seen.expect("nobody said to stop")),
    }
}

fn refusal(expect: &Expect, path: &Path, message: &str) -> Result<(), String> {
    let name = path.file_name().expect("a file").to_string_lossy();
    let message = message.to_lowercase();
    let reason = message.replace(&*path.to_string_lossy().to_lowercase(), "");
    if !message.contains(&*name) {
        return Err(format!("the message does not name the file: {message}"));
    }
    let told = expect.error_any.iter().any(|word| reason.contains(&word.to_lowercase()));
    if told { Ok(()) } else { Err(format!("no reason is told: {message}")) }
}

fn content(expect: &Expect, seen: &[SeenTensor]) -> Result<(), String> {
    if seen.len() != expect.tensors.len() {
        return Err(format!("{} tensors, {} expected", seen.len(), expect.tensors.len()));
    }
    for want in &expect.tensors {
        let got = seen.iter().find(|tensor| tensor.name == want.name).ok_or(format!("{} is missing", want.name))?;
        let same_type = want.dtype.as_ref().is_none_or(|dtype| *dtype == got.dtype);
        let same_values = want.sha256_f32le.is_none() || want.sha256_f32le == got.sha256_f32le;
        if !same_type || !same_values || want.shape != got.shape {
            return Err(format!("{got:?} is not as expected"));
        }
    }
    if !expect.warn_any.is_empty() && seen.iter().all(|tensor| tensor.not_finite == 0) {
        return Err("NaN and infinity are not told".to_owned());
    }
    Ok(())
}

/// What `torch.save` wrote holds every tensor of the safetensors file beside it, and stored buffers besides.
#[test]
fn every_form_of_a_published_checkpoint_holds_the_same_tensors() {
    let mut compared = 0;
    for model in fs::read_dir(shared("fixtures/parity")).expect("the fixtures").flatten() {
        for file in ["pytorch_model.bin", "pytorch_model_legacy.bin"] {
            let path = model.path().join(file);
            if path.is_file() {
                compare(&path, &model.path().join("model.safetensors"));
                compared += 1;
            }
        }
    }
    assert!(compared >= 8, "{compared} files were compared");
}

fn compare(path: &Path, truth: &Path) {
    let read = |path: &Path| examine(path, &|| true).expect("a good file").expect("nobody said to stop");
    let (got, want) = (read(path), read(truth));
    for tensor in &want {
        assert!(got.contains(tensor), "{}: {}", path.display(), tensor.name);
    }
    for tensor in got.iter().filter(|tensor| want.iter().all(|wanted| wanted.name != tensor.name)) {
        let aliases = want.iter().any(|wanted| wanted.sha256_f32le == tensor.sha256_f32le);
        let is_buffer = tensor.dtype == "I64" || tensor.name.ends_with(".inv_freq");
        assert!(aliases || is_buffer, "{}: {tensor:?} is in one file alone", path.display());
    }
}

/// Files of a scratch folder: a checkpoint of one tensor for each name.
fn folder_of(files: &[(&str, &'static str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a scratch folder");
    for (file, tensor) in files {
        let program = state(&[Made { name: tensor, ..MATRIX }]);
        let bytes = zipped(&program, &[("0", bytes_of(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]))]);
        fs::write(folder.path().join(file), bytes).expect("a scratch file");
    }
    folder
}

fn index_of(folder: &Path, entries: &[(&str, &str)]) {
    let entries: Vec<String> = entries.iter().map(|(tensor, file)| format!("{tensor:?}: {file:?}")).collect();
    let text = format!("{{\"metadata\": {{\"total_size\": 48}}, \"weight_map\": {{{}}}}}", entries.join(", "));
    fs::write(folder.join("pytorch_model.bin.index.json"), text).expect("a scratch file");
}

#[test]
fn the_files_of_a_folder_are_looked_for_in_order() {
    let names = |folder: &Path| -> Vec<String> {
        let tensors = Stored::open_folder(folder).expect("a good folder").tensors();
        tensors.into_iter().map(|(name, ..)| name).collect()
    };
    // What a file is, its content tells: this one is called safetensors, but torch wrote it.
    let files = [("model.safetensors", "a"), ("pytorch_model.bin", "b"), ("1.bin", "c"), ("2.bin", "d")];
    let folder = folder_of(&files);
    let place = folder.path();
    index_of(place, &[("c", "1.bin"), ("d", "2.bin")]);
    assert_eq!(names(place), ["a"], "safetensors come first");
    fs::remove_file(place.join("model.safetensors")).expect("it was there");
    assert_eq!(names(place), ["b"], "then one file of torch");
    fs::remove_file(place.join("pytorch_model.bin")).expect("it was there");
    let mut stored = Stored::open_folder(place).expect("a good folder");
    assert_eq!(names(place), ["c", "d"], "then several");
    assert_eq!(stored.files(), [place.join("1.bin"), place.join("2.bin")], "files");
    assert_eq!(stored.read("d").expect("d")[5], 5.0, "values of the second file");
    let empty = tempfile::tempdir().expect("a scratch folder");
    let message = Stored::open_folder(empty.path()).map(|stored| stored.tensors()).expect_err("no weights").to_string();
    for name in
        ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin,", "pytorch_model.bin.index.json"]
    {
        assert!(message.contains(name), "{name}: {message}");
    }
}

#[test]
fn an_index_that_does_not_fit_its_files_is_refused() {
    let folder = folder_of(&[("1.bin", "a"), ("2.bin", "b"), ("3.bin", "a")]);
    let cases: [(&[(&str, &str)], &str); 7] = [
        (&[("a", "1.bin"), ("b", "8.bin"), ("c", "9.bin")], "8.bin, 9.bin are missing"),
        (&[("a", "1.bin"), ("b", "1.bin")], "b is not in 1.bin"),
        (&[("a", "2.bin"), ("b", "1.bin")], "a is not in 2.bin"),
        (&[("a", "1.bin"), ("b", "../2.bin")], "\"../2.bin\", which is not in its folder"),
        (&[("a", "/etc/passwd")], "\"/etc/passwd\", which is not in its folder"),
        (&[("a", "1.bin"), ("c", "3.bin")], "a is in both 1.bin and 3.bin"),
        (&[], "names no tensors"),
    ];
    for (entries, reason) in cases {
        index_of(folder.path(), entries);
        let opened = Stored::open_folder(folder.path()).map(|stored| stored.tensors());
        let message = opened.expect_err(reason).to_string();
        assert!(message.contains(reason) && message.contains("pytorch_model.bin.index.json"), "{reason}: {message}");
    }
    fs::write(folder.path().join("pytorch_model.bin.index.json"), "[1, 2").expect("a scratch file");
    let message = Stored::open_folder(folder.path()).map(|stored| stored.tensors()).expect_err("no JSON").to_string();
    assert!(message.contains("pytorch_model.bin.index.json"), "{message}");
}

#[test]
fn checkpoints_are_told_from_other_files() {
    let folder = folder_of(&[("weights", "w"), ("notes.txt", "w"), ("genome.fa.zip", "w")]);
    let place = folder.path();
    assert!(is_checkpoint(&place.join("weights")), "by its content");
    for (name, content) in
        [("reads.fa", b">a\nACGT\n".as_slice()), ("reads.zip", b"PK\x03\x04of something else"), ("none", b"")]
    {
        fs::write(place.join(name), content).expect("a scratch file");
        assert!(!is_checkpoint(&place.join(name)), "{name} is none");
    }
    fs::write(place.join("damaged.pt"), b"x").expect("a scratch file");
    assert!(is_checkpoint(&place.join("damaged.pt")), "by its name");
    assert!(!is_checkpoint(place) && !is_checkpoint(&place.join("missing.bin")), "folders and what is not there");
}

#[test]
fn a_pickle_past_the_limit_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("large.bin");
    let file = fs::File::create(&path).expect("a scratch file");
    file.set_len(MAX_PICKLE_BYTES * 4).expect("a file with a hole");
    drop(file);
    let claims =
        [b"\x80\x02X".as_slice(), &u32::try_from(MAX_PICKLE_BYTES * 2).expect("it fits").to_le_bytes()].concat();
    let mut bytes = fs::OpenOptions::new().write(true).open(&path).expect("a scratch file");
    std::io::Write::write_all(&mut bytes, &claims).expect("a scratch file");
    let message = examine(&path, &|| true).expect_err("a text too long").to_string();
    assert!(message.contains("its pickle takes more than 64 MiB"), "{message}");
}
