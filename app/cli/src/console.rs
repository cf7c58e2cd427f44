//! Messages for people (and, with `--log json`, for programs) on standard error, and the progress of a job.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write as _},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde_json::json;

use crate::{
    args::{Common, LogFormat},
    failure::{Failure, FailureKind},
};

/// Time between two lines of progress where there is no terminal to draw a bar on.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Steps of the bar for each unit, so that it moves while a long one is under way.
const STEPS: u64 = 1000;

/// Where messages go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    quiet: bool,
    format: LogFormat,
}

impl Console {
    pub(crate) fn new(common: &Common) -> Self {
        Self { quiet: common.quiet, format: common.log }
    }

    /// Something worth knowing that changes nothing.
    pub(crate) fn note(self, message: &str) {
        if !self.quiet {
            self.line("info", message, &[]);
        }
    }

    /// Something that makes the result other than the user may think.
    pub(crate) fn warn(self, message: &str) {
        if !self.quiet {
            self.line("warning", message, &[]);
        }
    }

    /// Why nothing, or not all, came of it. Said even with `--quiet`.
    pub(crate) fn fail(self, failure: &Failure) {
        match failure.kind {
            FailureKind::ReaderGone => {}
            FailureKind::Interrupted => self.note(&failure.message),
            FailureKind::Job(_) => self.line("error", &failure.message, &failure.causes),
        }
    }

    fn line(self, level: &str, message: &str, causes: &[String]) {
        let mut text = match self.format {
            LogFormat::Json if causes.is_empty() => json!({ "level": level, "message": message }).to_string(),
            LogFormat::Json => json!({ "level": level, "message": message, "causes": causes }).to_string(),
            LogFormat::Text if level == "info" => one_line(message),
            LogFormat::Text => format!("{level}: {}", one_line(message)),
        };
        if self.format == LogFormat::Text {
            for cause in causes {
                let _ = write!(text, "\n  because: {}", one_line(cause));
            }
        }
        text.push('\n');
        // Nobody can be told that standard error is gone.
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// The progress of a job of `total` units.
    pub(crate) fn progress(self, what: &str, total: u64, unit: &str) -> Progress {
        let form = if self.quiet {
            Form::Silent
        } else if self.format == LogFormat::Text && io::stderr().is_terminal() {
            Form::Bar(bar(what, total, unit))
        } else {
            Form::Lines { said: Instant::now() }
        };
        Progress {
            console: self,
            what: what.to_owned(),
            unit: unit.to_owned(),
            total,
            done: 0,
            share: 0.0,
            start: Instant::now(),
            form,
        }
    }
}

/// Line ends and control characters in names must not make one message look like two, or drive a terminal.
fn one_line(message: &str) -> String {
    message.chars().map(|letter| if letter.is_control() { '\u{FFFD}' } else { letter }).collect()
}

fn bar(what: &str, total: u64, unit: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total.saturating_mul(STEPS)), ProgressDrawTarget::stderr());
    let template = format!("{what} {{wide_bar}} {{done}}/{total} {unit} · {{rate}} · {{eta}} left {{msg}}");
    // A template that cannot be read leaves the plain bar, which says the same with fewer words.
    if let Ok(style) = ProgressStyle::with_template(&template) {
        let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = write!(out, "{:.1}/s", state.per_sec() / STEPS as f64);
        };
        let done = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = write!(out, "{}", state.pos() / STEPS);
        };
        bar.set_style(style.with_key("rate", rate).with_key("done", done));
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// The steps of the bar that a share of a unit makes up.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of them is no more than they are")]
fn steps_of(share: f32) -> u64 {
    (share.clamp(0.0, 1.0) * STEPS as f32) as u64
}

/// How far a job is: a bar on a terminal, lines elsewhere, nothing with `--quiet`.
pub(crate) struct Progress {
    console: Console,
    what: String,
    unit: String,
    total: u64,
    done: u64,
    /// How much of the next unit is done, 0 to 1.
    share: f32,
    start: Instant,
    form: Form,
}

enum Form {
    Silent,
    Bar(ProgressBar),
    Lines { said: Instant },
}

impl Progress {
    /// `done` units are done.
    pub(crate) fn step(&mut self, done: u64, note: &str) {
        (self.done, self.share) = (done, 0.0);
        if let Form::Bar(bar) = &self.form {
            bar.set_message(note.to_owned());
        }
        self.show(note);
    }

    /// So much of the next unit is done, 0 to 1.
    pub(crate) fn within(&mut self, share: f32) {
        self.share = share;
        self.show("");
    }

    fn show(&mut self, note: &str) {
        let steps = self.done.saturating_mul(STEPS) + steps_of(self.share);
        match &mut self.form {
            Form::Silent => {}
            Form::Bar(bar) => bar.set_position(steps),
            Form::Lines { said } if said.elapsed() < BETWEEN_LINES => {}
            Form::Lines { said } => {
                *said = Instant::now();
                let line = self.describe(note);
                self.console.note(&line);
            }
        }
    }

    /// Says something without tearing the bar.
    pub(crate) fn aside(&self, say: impl FnOnce(Console)) {
        match &self.form {
            Form::Bar(bar) => bar.suspend(|| say(self.console)),
            Form::Silent | Form::Lines { .. } => say(self.console),
        }
    }

    /// The job has ended well.
    pub(crate) fn finish(self, elapsed: Duration) {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
        let Self { what, unit, done, total, console, .. } = self;
        let done = done.max(total);
        console.note(&format!("{what}: {done} {unit} in {:.1} s", elapsed.as_secs_f64()));
    }

    /// The job has ended otherwise; somebody else says why.
    pub(crate) fn abandon(self) {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
    }

    fn describe(&self, note: &str) -> String {
        let seconds = self.start.elapsed().as_secs_f64();
        let Self { what, unit, total, done, share, .. } = self;
        let all_done = *done as f64 + f64::from(*share);
        let rate = all_done / seconds.max(1e-9);
        let left = (*total as f64 - all_done).max(0.0) / rate.max(1e-9);
        let mut line = format!("{what}: {done} of {total} {unit}");
        if *share > 0.0 {
            let _ = write!(line, " and {:.0} % of the next", share * 100.0);
        }
        let _ = write!(line, ", {rate:.1} {unit}/s");
        if all_done > 0.0 {
            let _ = write!(line, ", {left:.0} s left");
        }
        if !note.is_empty() {
            let _ = write!(line, ", {note}");
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_cannot_break_a_line_or_drive_the_terminal() {
        assert_eq!(one_line("record a\nerror: b\u{1b}[2J"), "record a\u{FFFD}error: b\u{FFFD}[2J", "escaped");
    }

    #[test]
    fn a_line_of_progress_says_how_far_how_fast_and_how_long() {
        let console = Console { quiet: false, format: LogFormat::Text };
        let mut progress = console.progress("score", 100, "windows");
        progress.done = 25;
        let line = progress.describe("loss 6.1");
        assert!(line.starts_with("score: 25 of 100 windows, "), "{line}");
        assert!(line.contains("windows/s") && line.contains("s left") && line.ends_with("loss 6.1"), "{line}");
        progress.share = 0.4;
        assert!(progress.describe("").starts_with("score: 25 of 100 windows and 40 % of the next, "), "within one");
    }
}
