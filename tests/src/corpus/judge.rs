//! Whether what came of a case is right.

use std::path::Path;

use serde_json::Value;
use strandscope_worker::{ErrorKind, JobError};

use super::cases::{Expect, Locate, Record, Verdict};

/// What is wrong with an answer; nothing, when it is as it must be.
pub(super) fn judge<'a>(
    expect: &Expect,
    sidecars: impl Iterator<Item = &'a str>,
    path: &Path,
    answer: Result<Value, JobError>,
) -> Vec<String> {
    match (expect.verdict, answer) {
        (Verdict::Reject, Ok(_)) => vec!["accepted, must be refused".to_owned()],
        (Verdict::Accept, Err(error)) => vec![format!("refused a good file: {}", whole_text(&error))],
        (_, Err(error)) => refusal(expect, sidecars, path, &error),
        (_, Ok(value)) => content(expect, &value),
    }
}

pub(super) fn whole_text(error: &JobError) -> String {
    std::iter::once(&error.message).chain(&error.causes).map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// A refusal names the file, the place and a reason.
fn refusal<'a>(
    expect: &Expect,
    mut sidecars: impl Iterator<Item = &'a str>,
    path: &Path,
    error: &JobError,
) -> Vec<String> {
    let mut problems = Vec::new();
    let text = whole_text(error);
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    // The name of the file is not its own reason.
    let body = text.replace(&name, " ");
    if error.kind != ErrorKind::BadInput && error.kind != ErrorKind::Runtime || text.contains("fault of this program") {
        problems.push(format!("ended in a fault: {text}"));
    }
    if !text.contains(&name) && !sidecars.any(|beside| text.contains(beside)) {
        problems.push(format!("the message does not name the file: {text}"));
    }
    if !expect.error_any.is_empty() && !has_any(&body, &expect.error_any) {
        problems.push(format!("the message gives none of the reasons {:?}: {text}", expect.error_any));
    }
    if !names_place(&body, &expect.locate) {
        problems.push(format!("the message does not name the place: {text}"));
    }
    problems
}

pub(super) fn has_any(text: &str, words: &[String]) -> bool {
    let text = text.to_lowercase();
    words.iter().any(|word| text.contains(&word.to_lowercase()))
}

/// Whether a text names one of the places, where there are any: `line 4`, `byte 17`, or a record.
pub(super) fn names_place(text: &str, places: &Locate) -> bool {
    if places.line.is_empty() && places.byte.is_empty() && places.record.is_empty() {
        return true;
    }
    let text_without_commas = text.replace(',', "").to_lowercase();
    let words: Vec<&str> =
        text_without_commas.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let named = |kinds: &[&str], numbers: &[u64]| {
        words
            .windows(2)
            .any(|pair| kinds.contains(&pair[0]) && pair[1].parse().is_ok_and(|number: u64| numbers.contains(&number)))
    };
    named(&["line", "lines"], &places.line)
        || named(&["byte", "offset", "position", "column", "at"], &places.byte)
        || places.record.iter().any(|record| text.contains(record))
}

/// Records and notices of an accepted file.
fn content(expect: &Expect, value: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    if !expect.warn_any.is_empty() && !has_any(&value["warnings"].to_string(), &expect.warn_any) {
        problems.push(format!("accepted without one of the notices {:?}: {}", expect.warn_any, value["warnings"]));
    }
    let Some(records) = value["records"].as_array() else {
        problems.push("no records are listed".to_owned());
        return problems;
    };
    let wanted = expect.records.as_deref();
    if let Some(count) = expect.n_records.or(wanted.map(<[Record]>::len))
        && records.len() != count
    {
        problems.push(format!("{} records, want {count}", records.len()));
        return problems;
    }
    for (got, want) in records.iter().zip(wanted.unwrap_or_default()) {
        problems.extend(record(got, want));
    }
    problems
}

fn record(got: &Value, want: &Record) -> Vec<String> {
    let mut problems = Vec::new();
    if got["name"] != want.name.as_str() {
        problems.push(format!("name {}, want {}", got["name"], want.name));
    }
    let md5 = got["md5"].as_str().unwrap_or_default();
    if md5 != want.md5 && !want.md5_alt.iter().any(|other| md5 == other) {
        problems.push(format!("record {}: MD5 {md5:?}, want {}", want.name, want.md5));
    }
    for (key, want_count) in
        [("length_bp", Some(want.length_bp)), ("softmasked_bp", want.softmasked_bp), ("non_acgt_bp", want.non_acgt_bp)]
    {
        if let (Some(got), Some(want_count)) = (got[key].as_u64(), want_count)
            && got != want_count
        {
            problems.push(format!("record {}: {key} {got}, want {want_count}", want.name));
        }
    }
    if got["length_bp"].as_u64().is_none() {
        problems.push(format!("record {}: no length", want.name));
    }
    problems
}
