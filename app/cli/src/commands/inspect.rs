//! `inspect`: what files hold.

use std::{fmt::Write as _, path::PathBuf};

use serde_json::{Value, json};
use strandscope_worker::{Outcome, Task};

use crate::{
    args::OutputArgs,
    console::Console,
    failure::{Failure, Result},
    input::Input,
    output::{TextOutput, add_provenance},
    session::{Session, unexpected},
};

/// Say what files hold: records with lengths and checksums, tensors with shapes.
///
/// Knows FASTA and GenBank (plain, gzip, BGZF), 2bit, weights (safetensors, what torch saves), tokenizers,
/// configurations, and the folders of models and heads. A file is read from end to end.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files to look at; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One JSON object for each file, one per line
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    /// Looks at every file even if one cannot be used.
    pub(crate) fn run(self, mut session: Session, console: Console) -> Result<()> {
        let mut out = TextOutput::open(&self.output)?;
        let mut first_failure: Option<Failure> = None;
        let mut failures = 0;
        let provenance = session.provenance(&self.output, None);
        if !self.json {
            out.header(&provenance)?;
        }
        for path in &self.files {
            match look(&mut session, path) {
                Ok(mut value) if self.json => {
                    add_provenance(&mut value, &provenance);
                    out.line(&value.to_string())?;
                }
                Ok(value) => out.line(&for_people(&value))?,
                Err(failure) if self.files.len() == 1 || failure.ends_all() => return Err(failure),
                Err(failure) => {
                    console.fail(&failure);
                    failures += 1;
                    first_failure.get_or_insert(failure);
                }
            }
        }
        let Some(failure) = first_failure else { return out.finish() };
        out.flush()?;
        let message = format!("cannot use {failures} of {} files; each is named above", self.files.len());
        Err(Failure { message, causes: Vec::new(), ..failure })
    }
}

fn look(session: &mut Session, path: &std::path::Path) -> Result<Value> {
    let input = Input::open(path)?;
    let done = session.run("inspect", Task::Inspect { path: input.path().to_owned() });
    match done.map_err(|failure| input.rename(failure))?.outcome {
        Outcome::Json(mut value) => {
            if let Some(shown) = value.get_mut("path") {
                // Not every path is UTF-8; JSON is.
                *shown = json!(path.to_string_lossy());
            }
            Ok(value)
        }
        other => Err(unexpected(&other)),
    }
}

/// The same as a short text.
fn for_people(value: &Value) -> String {
    let text = |key: &str| value[key].as_str().unwrap_or_default();
    let mut lines = format!("{}: {}", text("path"), text("kind"));
    let list = |key: &str| value[key].as_array().map(Vec::as_slice).unwrap_or_default();
    for record in list("records") {
        let name = record["name"].as_str().unwrap_or_default();
        let _ = write!(lines, "\n  {name}\t{} bp", record["length_bp"]);
        if let Some(gc) = record["gc"].as_f64() {
            let _ = write!(lines, "\tGC {:.1} %", gc * 100.0);
        }
        if let Some(md5) = record["md5"].as_str() {
            let _ = write!(lines, "\tmd5 {md5}");
        }
    }
    let facts = ["family", "parameters", "vocab_size", "tokenizer_vocab_size", "sha256"];
    for (fact, known) in facts.iter().map(|fact| (fact, &value[fact])).filter(|(_, known)| !known.is_null()) {
        let _ = write!(
            lines,
            "\n  {}\t{}",
            fact.replace('_', " "),
            known.as_str().map_or(known.to_string(), str::to_owned)
        );
    }
    for tensor in list("tensors") {
        let name = tensor["name"].as_str().unwrap_or_default();
        let _ = write!(lines, "\n  {name}\t{}\t{}", tensor["dtype"].as_str().unwrap_or_default(), tensor["shape"]);
    }
    for warning in list("warnings") {
        let _ = write!(lines, "\n  warning: {}", warning.as_str().unwrap_or_default());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_records_tensors_and_warnings() {
        let value = json!({
            "path": "a.fa", "kind": "fasta",
            "records": [{ "name": "chrA", "length_bp": 181, "md5": "d41d", "gc": 0.5, "n_bp": 0 }],
            "warnings": ["lower-case letters are kept"],
        });
        let text = for_people(&value);
        assert_eq!(
            text, "a.fa: fasta\n  chrA\t181 bp\tGC 50.0 %\tmd5 d41d\n  warning: lower-case letters are kept",
            "records"
        );
        let value =
            json!({ "path": "w", "kind": "checkpoint", "tensors": [{ "name": "w", "dtype": "F32", "shape": [3, 4] }] });
        assert_eq!(for_people(&value), "w: checkpoint\n  w\tF32\t[3,4]", "tensors");
    }
}
