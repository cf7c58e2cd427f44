//! Where text results go: standard output, or a file that appears whole or not at all.

use std::{
    fmt::Write as _,
    io::{self, Write},
    path::Path,
};

use serde_json::{Value, json};
use strandscope_worker::{
    Outcome,
    genome::{Output, OutputError, write_provenance},
};

use crate::{
    args::OutputArgs,
    console::Console,
    failure::{Failure, Result},
    session::{Done, unexpected},
};

/// Text on its way to standard output or a file.
pub(crate) struct TextOutput(Output);

impl TextOutput {
    /// Opens what `args` names; a file that may not be overwritten is refused before any work is done.
    pub(crate) fn open(args: &OutputArgs) -> Result<Self> {
        let path = args.output.as_deref().unwrap_or(Path::new("-"));
        Ok(Self(Output::create(path, args.force)?))
    }

    /// Writes `text` as it is.
    pub(crate) fn text(&mut self, text: &str) -> Result<()> {
        Ok(self.0.write_all(text.as_bytes())?)
    }

    /// Writes `text` and a line end.
    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        self.text(text)?;
        self.text("\n")
    }

    /// Writes what was run as comment lines.
    pub(crate) fn header(&mut self, provenance: &[(String, String)]) -> Result<()> {
        Ok(write_provenance(&mut self.0, provenance)?)
    }

    /// For what is too long to be put together before it is written.
    pub(crate) fn stream(&mut self) -> &mut impl Write {
        &mut self.0
    }

    /// Makes sure that what goes to standard output is there.
    pub(crate) fn flush(&mut self) -> Result<()> {
        Ok(self.0.flush()?)
    }

    /// Ends the text; a file gets its name now.
    pub(crate) fn finish(self) -> Result<()> {
        Ok(self.0.commit()?)
    }
}

/// The outputs of the engine explain themselves, also as the inside of a system error.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let gone = error.kind() == io::ErrorKind::BrokenPipe;
        let failure = Self::runtime(error.to_string());
        if gone { failure.reader_gone() } else { failure }
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        match &error {
            OutputError::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => {
                Self::runtime(error.to_string()).reader_gone()
            }
            OutputError::Exists { .. } => Self::usage(format!("{error} with --force")),
            OutputError::IsDirectory { .. }
            | OutputError::NotEmpty { .. }
            | OutputError::NoDirectory { .. }
            | OutputError::ManyToStdout { .. } => Self::usage(error.to_string()),
            _ => Self::runtime(error.to_string()),
        }
    }
}

/// What was run, for JSON; the same keys as at the head of tables.
pub(crate) fn provenance_object(provenance: &[(String, String)]) -> Value {
    Value::Object(provenance.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect())
}

/// Adds what was run to an object; nothing if there is nothing to tell.
pub(crate) fn add_provenance(value: &mut Value, provenance: &[(String, String)]) {
    if let (Value::Object(object), false) = (value, provenance.is_empty()) {
        object.insert("provenance".to_owned(), provenance_object(provenance));
    }
}

/// Writes a document as JSON, or as lines for people.
pub(crate) fn write_document(
    mut out: TextOutput,
    json: bool,
    outcome: Outcome,
    provenance: &[(String, String)],
) -> Result<()> {
    let Outcome::Json(mut value) = outcome else { return Err(unexpected(&outcome)) };
    add_provenance(&mut value, provenance);
    if json {
        out.line(&value.to_string())?;
    } else {
        out.text(&for_people(&value))?;
    }
    out.finish()
}

/// What is other at the end of a run than its head says: the device, where another has taken over.
pub(crate) fn changed(head: &[(String, String)], end: &[(String, String)]) -> Vec<(String, String)> {
    let is_other = |(key, value): &&(String, String)| {
        key == "device" && head.iter().any(|(known, before)| known == key && before != value)
    };
    end.iter().filter(is_other).cloned().collect()
}

/// Says which files a task has written.
pub(crate) fn report_written(console: Console, json: bool, done: Done) -> Result<()> {
    let Outcome::Written { paths, notes } = done.outcome else { return Err(unexpected(&done.outcome)) };
    if json {
        let mut out = TextOutput::open(&OutputArgs::stdout())?;
        // Not every path is UTF-8; JSON is.
        let paths: Vec<_> = paths.iter().map(|path| path.to_string_lossy()).collect();
        out.line(&json!({ "written": paths, "notes": notes }).to_string())?;
        return out.finish();
    }
    for note in &notes {
        console.note(note);
    }
    for path in &paths {
        console.note(&format!("written: {}", path.display()));
    }
    Ok(())
}

/// A document as indented `key: value` lines.
fn for_people(value: &Value) -> String {
    let mut text = String::new();
    add(&mut text, value, 0);
    text
}

fn add(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                add_entry(text, &format!("{key}:"), value, depth);
            }
        }
        Value::Array(list) => {
            for value in list {
                add_entry(text, "-", value, depth);
            }
        }
        _ => {
            let _ = writeln!(text, "{}{}", "  ".repeat(depth), scalar(value));
        }
    }
}

fn add_entry(text: &mut String, name: &str, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    let _ = match value {
        Value::Object(object) if object.is_empty() => writeln!(text, "{indent}{name} none"),
        Value::Array(list) if list.is_empty() => writeln!(text, "{indent}{name} none"),
        Value::Array(list) if list.iter().all(|value| !value.is_object() && !value.is_array()) => {
            let list: Vec<String> = list.iter().map(scalar).collect();
            writeln!(text, "{indent}{name} {}", list.join(", "))
        }
        Value::Object(_) | Value::Array(_) => {
            let _ = writeln!(text, "{indent}{name}");
            add(text, value, depth + 1);
            return;
        }
        _ => writeln!(text, "{indent}{name} {}", scalar(value)),
    };
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_exists_is_a_usage_error_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tsv");
        std::fs::write(&path, "old").unwrap();
        let args = OutputArgs { output: Some(path.clone()), force: false, no_provenance: false };
        let refused = TextOutput::open(&args).err().unwrap();
        assert!(refused.message.contains("--force"), "{}", refused.message);
        assert_eq!(refused.code(), 2, "{}", refused.message);
        let mut out = TextOutput::open(&OutputArgs { force: true, ..args }).unwrap();
        out.line("new").unwrap();
        out.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new\n", "forced");
    }

    #[test]
    fn what_was_run_stays_on_its_line_and_in_its_object() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tsv");
        let pairs = [("input".to_owned(), "a\nb.fa".to_owned())];
        let args = OutputArgs { output: Some(path.clone()), force: false, no_provenance: false };
        let mut out = TextOutput::open(&args).unwrap();
        out.header(&pairs).unwrap();
        out.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "# input: a b.fa\n", "one line");
        let mut value = json!({ "n": 1 });
        add_provenance(&mut value, &[]);
        assert_eq!(value, json!({ "n": 1 }), "nothing to tell");
        add_provenance(&mut value, &pairs);
        assert_eq!(value["provenance"]["input"], "a\nb.fa", "as it is");
    }

    #[test]
    fn a_reader_that_has_gone_is_no_fault_and_a_full_disk_is() {
        let gone = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(gone.ends_all() && gone.code() == 0, "{gone:?}");
        let full = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.code(), 1, "{full:?}");
    }

    #[test]
    fn documents_can_be_read_by_people() {
        let value =
            json!({ "n": 3, "labels": ["a", "b"], "per_class": { "a": { "f1": 0.5 } }, "list": [{ "x": null }] });
        let text = for_people(&value);
        assert_eq!(text, "n: 3\nlabels: a, b\nper_class:\n  a:\n    f1: 0.5\nlist:\n  -\n    x: none\n", "indented");
    }
}
