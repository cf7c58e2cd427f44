//! `inspect`: what files hold.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

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
/// Knows FASTA and GenBank (plain, gzip, BGZF), 2bit, BED, GFF3, GTF and VCF, bedGraph, wig, BigWig and BigBed, weights
/// (safetensors, what torch saves), tokenizers, configurations, and the folders of models and heads. A file is read from
/// end to end, and each row of an annotation that cannot be used is named with the reason; exit code 3 says that there
/// are some.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files to look at; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Sequence that the rows of BED, GFF3, GTF and VCF files must fit
    #[arg(long, value_name = "FASTA")]
    reference: Option<PathBuf>,
    /// Count rows that cannot be used, and end well
    #[arg(long)]
    keep_going: bool,
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
            let seen = match look(&mut session, path, self.reference.as_deref()) {
                Ok(mut value) => {
                    let refused = refused_rows(&value, path).filter(|_| !self.keep_going);
                    if self.json {
                        add_provenance(&mut value, &provenance);
                        out.line(&value.to_string())?;
                    } else {
                        out.line(&for_people(&value))?;
                    }
                    refused
                }
                Err(failure) if self.files.len() == 1 || failure.ends_all() => return Err(failure),
                Err(failure) => Some(failure),
            };
            let Some(failure) = seen else { continue };
            if self.files.len() == 1 {
                out.finish()?;
                return Err(failure);
            }
            console.fail(&failure);
            failures += 1;
            first_failure.get_or_insert(failure);
        }
        let Some(failure) = first_failure else { return out.finish() };
        out.flush()?;
        let message = format!("cannot use {failures} of {} files; each is named above", self.files.len());
        Err(Failure { message, causes: Vec::new(), ..failure })
    }
}

/// What is said of a file with rows that cannot be used, after they have been listed.
fn refused_rows(value: &Value, path: &Path) -> Option<Failure> {
    let (refused, rows) = (value["n_refused"].as_u64().filter(|&refused| refused > 0)?, value["n_rows"].as_u64()?);
    let (rows, path) = (counted(rows, "row"), path.display());
    let message = format!("cannot use {refused} of {rows} of {path}; each is listed with its reason");
    Some(Failure::bad_input(message).because("--keep-going takes this for a success"))
}

/// `1 row`, `2 rows`.
fn counted(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

fn look(session: &mut Session, path: &Path, reference: Option<&Path>) -> Result<Value> {
    let input = Input::open(path)?;
    let task = Task::Inspect { path: input.path().to_owned(), reference: reference.map(Path::to_owned) };
    let done = session.run("inspect", task);
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
    if let Some(rows) = value["n_rows"].as_u64() {
        let features = value["n_features"].as_u64().unwrap_or_default();
        let _ = write!(lines, "\n  {}, {}", counted(rows, "row"), counted(features, "feature"));
    }
    // People look for what is wrong; what is right is in the JSON.
    for row in list("rows").iter().filter(|row| row["reason"].is_string()) {
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        let _ = write!(
            lines,
            "\n  line {} refused: {}; {}\n    {:?}",
            row["line"],
            text("reason"),
            text("remedy"),
            text("text")
        );
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
        let value = json!({
            "path": "a.bed", "kind": "bed", "n_rows": 2, "n_refused": 1, "n_features": 1,
            "rows": [
                { "line": 1, "status": "ok" },
                { "line": 2, "status": "number", "reason": "end is 'x'", "remedy": "mend it", "text": "chr1\t5\tx" },
            ],
        });
        let want = "a.bed: bed\n  2 rows, 1 feature\n  line 2 refused: end is 'x'; mend it\n    \"chr1\\t5\\tx\"";
        assert_eq!(for_people(&value), want, "rows");
        let failure = refused_rows(&value, Path::new("a.bed")).expect("one row is refused");
        assert_eq!(failure.message, "cannot use 1 of 2 rows of a.bed; each is listed with its reason");
    }
}
