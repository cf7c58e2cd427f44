//! Bad and tricky annotations and variants: every row is used as it stands, or refused by itself with a reason.
//!
//! `tests/corpus/rows.json` lists the cases; all are held against `ref/ref.fa`.

use std::{fs, path::Path};

use serde::Deserialize;
use serde_json::Value;
use strandscope_worker::{JobError, Outcome, Task};

use super::judge::{has_any, names_place, whole_text};
use crate::engine::TestEngine;

#[derive(Deserialize)]
struct Case {
    id: String,
    /// What is odd about it.
    odd: String,
    file: String,
    expect: Expect,
}

#[derive(Deserialize)]
struct Expect {
    /// Rows as they must come out; nothing where the file must be refused.
    rows: Option<Vec<Row>>,
    #[serde(default)]
    warn_any: Vec<String>,
    #[serde(default)]
    error_any: Vec<String>,
    /// Whether the file as a whole may be refused.
    #[serde(default)]
    allow_reject: bool,
    #[serde(default)]
    locate: super::cases::Locate,
}

#[derive(Deserialize)]
struct Row {
    line: u64,
    status: Status,
    /// The file's own numbers.
    pos: Option<u64>,
    start: Option<u64>,
    end: Option<u64>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    #[serde(default = "one")]
    n_alleles: usize,
    #[serde(default)]
    reason_any: Vec<String>,
}

fn one() -> usize {
    1
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    NotOk,
    Any,
}

#[test]
fn every_row_is_used_as_it_stands_or_refused_with_a_reason() {
    #[derive(Deserialize)]
    struct List {
        cases: Vec<Case>,
    }
    let mut engine = TestEngine::on_cpu();
    let list = fs::read(super::folder().join("rows.json")).expect("the list");
    let cases = serde_json::from_slice::<List>(&list).expect("a list of cases").cases;
    assert_eq!(cases.len(), 52, "the list is complete");
    let mut report = String::new();
    for case in &cases {
        let place = tempfile::tempdir().expect("a scratch folder");
        let name = case.file.rsplit('/').next().expect("a name");
        let (path, reference) = (place.path().join(name), place.path().join("ref.fa"));
        fs::copy(super::folder().join(&case.file), &path).expect("a copy");
        fs::copy(super::folder().join("ref/ref.fa"), &reference).expect("a copy");
        let before = super::state_of(place.path());
        let answer = match engine.run(Task::Inspect { path: path.clone(), reference: Some(reference) }) {
            Ok(Outcome::Json(value)) => Ok(value),
            Ok(other) => panic!("inspecting gives JSON, not {other:?}"),
            Err(error) => Err(error),
        };
        let mut problems = judge(&case.expect, &path, answer);
        if super::state_of(place.path()) != before {
            problems.push("the input or its folder has changed".to_owned());
        }
        for problem in problems {
            report += &format!("{} ({}): {problem}\n", case.id, case.odd);
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

/// What is wrong with an answer; nothing, when it is as it must be.
fn judge(expect: &Expect, path: &Path, answer: Result<Value, JobError>) -> Vec<String> {
    match (answer, &expect.rows) {
        (Ok(_), None) => vec!["accepted, must be refused".to_owned()],
        (Ok(value), Some(rows)) => accepted(expect, rows, &value),
        (Err(error), Some(_)) if !expect.allow_reject => vec![format!("refused as a whole: {}", whole_text(&error))],
        (Err(error), _) => refusal(expect, path, &error),
    }
}

fn refusal(expect: &Expect, path: &Path, error: &JobError) -> Vec<String> {
    let text = whole_text(error);
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    let body = text.replace(&name, " ");
    let mut problems = Vec::new();
    if !text.contains(&name) {
        problems.push(format!("the message does not name the file: {text}"));
    }
    if !has_any(&body, &expect.error_any) || !names_place(&body, &expect.locate) {
        problems.push(format!("the message gives no reason or no place: {text}"));
    }
    problems
}

fn accepted(expect: &Expect, wanted: &[Row], value: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let Some(rows) = value["rows"].as_array() else { return vec!["no rows are listed".to_owned()] };
    let extra = rows.iter().filter(|row| !wanted.iter().any(|want| row["line"] == want.line));
    problems.extend(extra.map(|row| format!("no such row: {row}")));
    for want in wanted {
        let here: Vec<&Value> = rows.iter().filter(|row| row["line"] == want.line).collect();
        if here.len() != want.n_alleles {
            problems.push(format!("line {}: {} rows, want {}", want.line, here.len(), want.n_alleles));
        }
        problems.extend(here.into_iter().flat_map(|row| row_problems(row, want)));
    }
    if !expect.warn_any.is_empty() && !has_any(&value["warnings"].to_string(), &expect.warn_any) {
        problems.push(format!("without one of the notices {:?}: {}", expect.warn_any, value["warnings"]));
    }
    problems
}

fn row_problems(row: &Value, want: &Row) -> Vec<String> {
    let mut problems = Vec::new();
    let is_ok = row["status"] == "ok";
    let reason = row["reason"].as_str().unwrap_or_default();
    if is_ok && want.status == Status::NotOk || !is_ok && want.status == Status::Ok {
        problems.push(format!("the wrong verdict: {row}"));
    }
    let lacks_reason = reason.is_empty() || !want.reason_any.is_empty() && !has_any(reason, &want.reason_any);
    if !is_ok && (lacks_reason || row["remedy"].as_str().unwrap_or_default().is_empty()) {
        problems.push(format!("no reason or remedy: {row}"));
    }
    for (key, number) in [("pos", want.pos), ("start", want.start), ("end", want.end)] {
        if number.is_some_and(|number| row[key] != number) {
            problems.push(format!("{key} is not that of the file: {row}"));
        }
    }
    if want.reference.as_ref().is_some_and(|reference| row["ref"] != reference.as_str()) {
        problems.push(format!("ref is not that of the file: {row}"));
    }
    problems
}
