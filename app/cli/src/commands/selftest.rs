//! `selftest`: whether this computer computes what it should.

use std::fmt::Write as _;

use serde_json::Value;
use strandscope_worker::{ErrorKind, Outcome, SelfTestRequest, Task};

use crate::{
    args::OutputArgs,
    failure::{Failure, Result},
    output::{TextOutput, add_provenance},
    session::{Session, unexpected},
};

/// Compare what this computer computes with what it should.
///
/// Attention and dense layers are held against plain loops in double precision, the built-in model and heads against
/// stored values, and a GPU against the CPU. Exit code 5 when something differs or cannot be computed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// One JSON object
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(crate) fn run(self, session: Session) -> Result<()> {
        self.run_with(session, SelfTestRequest::default())
    }

    fn run_with(self, mut session: Session, request: SelfTestRequest) -> Result<()> {
        let mut out = TextOutput::open(&self.output)?;
        let outcome = session.run("selftest", Task::SelfTest(request))?.outcome;
        let Outcome::Json(mut report) = outcome else { return Err(unexpected(&outcome)) };
        let provenance = session.provenance(&self.output, None);
        if self.json {
            add_provenance(&mut report, &provenance);
            out.line(&report.to_string())?;
        } else {
            out.header(&provenance)?;
            out.text(&for_people(&report))?;
        }
        out.finish()?;
        verdict(&report)
    }
}

/// A failure that names the checks that did not pass.
fn verdict(report: &Value) -> Result<()> {
    if report["passed"] == true {
        return Ok(());
    }
    let checks = checks(report);
    let failed: Vec<&str> = checks.iter().filter(|check| check["passed"] != true).map(name).collect();
    let message = format!(
        "{} of {} checks failed on {}: {}; compute with --device cpu if it passes there, and report this",
        failed.len(),
        checks.len(),
        text(&report["device"]),
        failed.join(", "),
    );
    Err(Failure::new(ErrorKind::CheckFailed, message))
}

/// A line for each check, and how many passed.
fn for_people(report: &Value) -> String {
    let checks = checks(report);
    let width = checks.iter().map(|check| name(check).len()).max().unwrap_or(0);
    let mut lines = format!("device: {}\n", text(&report["device"]));
    for check in checks {
        let passed = if check["passed"] == true { "passed" } else { "FAILED" };
        let number = |key: &str| check[key].as_f64().map_or("none".to_owned(), |value| format!("{value:.1e}"));
        let _ =
            write!(lines, "{passed}  {:width$}  {} of {}", name(check), number("max_abs_diff"), number("tolerance"));
        if let Some(reason) = check["reason"].as_str() {
            let _ = write!(lines, "  {reason}");
        }
        lines.push('\n');
    }
    let passed = checks.iter().filter(|check| check["passed"] == true).count();
    let _ = writeln!(lines, "passed: {passed} of {}", checks.len());
    lines
}

fn checks(report: &Value) -> &[Value] {
    report["checks"].as_array().map_or(&[], Vec::as_slice)
}

fn name(check: &Value) -> &str {
    text(&check["name"])
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser as _;
    use serde_json::json;

    use super::*;
    use crate::{args::Top, commands::Command, console::Console};

    /// Runs the command with these stored values; gives how it ended, and what it wrote.
    fn run(golden: Option<Value>, flags: &[&str]) -> (Result<()>, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        let words = ["strandscope", "selftest", "--device", "cpu", "--quiet", "-o", path.to_str().unwrap()];
        let top = Top::try_parse_from(words.iter().chain(flags)).unwrap();
        let Some(Command::Selftest(args)) = top.command else { panic!("another command") };
        let common = top.window.common;
        let session =
            Session::start(&common, Console::new(&common), "strandscope selftest".to_owned(), false, false).unwrap();
        let result = args.run_with(session, SelfTestRequest { golden });
        (result, std::fs::read_to_string(path).unwrap())
    }

    #[test]
    fn a_wrong_value_ends_with_exit_code_five_and_names_the_check() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/selftest/golden.json");
        let mut golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let state = golden["model"]["states"]["values"][7].as_f64().unwrap();
        golden["model"]["states"]["values"][7] = json!(state + 1e-3);
        let (result, written) = run(Some(golden.clone()), &["--json"]);
        let failure = result.unwrap_err();
        assert_eq!(failure.code(), 5, "{failure:?}");
        assert!(failure.message.contains("1 of ") && failure.message.contains("model/states"), "{failure:?}");
        let report: Value = serde_json::from_str(&written).unwrap();
        let failed: Vec<&Value> = checks(&report).iter().filter(|check| check["passed"] == false).collect();
        assert_eq!((failed.len(), report["passed"].as_bool()), (1, Some(false)), "{report}");
        assert!(failed[0]["max_abs_diff"].as_f64().is_some_and(|found| (found - 1e-3).abs() < 1e-5), "{}", failed[0]);
        let (result, written) = run(Some(golden), &[]);
        assert_eq!(result.unwrap_err().code(), 5, "for people as well");
        assert!(written.lines().any(|line| line.starts_with("FAILED  model/states ")), "{written}");
    }

    #[test]
    fn a_report_without_a_verdict_is_no_success() {
        assert!(verdict(&json!({ "passed": true, "checks": [] })).is_ok(), "passed");
        for report in [json!({ "passed": false, "checks": [] }), json!({ "passed": null }), json!({})] {
            assert_eq!(verdict(&report).unwrap_err().code(), 5, "{report}");
        }
    }
}
