//! Bad and tricky sequence files: each is read exactly, or refused by a sentence that names file, place and reason.
//!
//! `tests/corpus/fasta.json` lists the cases and what must come of each; they are looked at as `inspect` does.

mod cases;
mod judge;
mod rows;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use strandscope_worker::{Outcome, Task};

use crate::engine::TestEngine;
use cases::Prepared;

/// Generous for a busy computer: most cases take milliseconds.
const TIME_LIMIT: Duration = Duration::from_secs(30);

#[test]
fn every_file_is_read_exactly_or_refused_with_file_place_and_reason() {
    let mut engine = TestEngine::on_cpu();
    let cases = cases::all();
    assert_eq!(cases.len(), 73, "the list is complete");
    let mut report = String::new();
    for case in &cases {
        let place = tempfile::tempdir().expect("a scratch folder");
        let path = match cases::prepare(case, place.path()) {
            Prepared::File(path) => path,
            Prepared::NotHere(why) => {
                eprintln!("{} skipped: {why}", case.id);
                continue;
            }
        };
        let before = state_of(place.path());
        let start = Instant::now();
        let answer = match engine.run(Task::Inspect { path: path.clone(), reference: None }) {
            Ok(Outcome::Json(value)) => Ok(value),
            Ok(other) => panic!("inspecting gives JSON, not {other:?}"),
            Err(error) => Err(error),
        };
        let mut problems = judge::judge(&case.expect, case.sidecars(), &path, answer);
        if start.elapsed() > TIME_LIMIT {
            problems.push(format!("took {:?}", start.elapsed()));
        }
        if state_of(place.path()) != before {
            problems.push("the input or its folder has changed".to_owned());
        }
        for problem in problems {
            report += &format!("{} ({}): {problem}\n", case.id, case.odd);
        }
        cases::unlock(place.path());
    }
    assert!(report.is_empty(), "\n{report}");
}

/// Every file of a scratch folder with its size and time of change.
fn state_of(folder: &Path) -> Vec<(PathBuf, u64, Option<std::time::SystemTime>)> {
    let mut state = Vec::new();
    for entry in fs::read_dir(folder).expect("a scratch folder") {
        let path = entry.expect("an entry").path();
        let kind = fs::symlink_metadata(&path).expect("an entry");
        if kind.is_dir() {
            state.extend(state_of(&path));
        }
        state.push((path, kind.len(), kind.modified().ok()));
    }
    state.sort();
    state
}

/// The folder of the stored files.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}
