//! The command line: one file for each subcommand, all of them driving the same engine as the window.
//!
//! [`parse`] says what was asked for, [`run`] does it:
//!
//! ```
//! use strandscope_cli::{Invocation, parse};
//!
//! let asked = parse(["strandscope", "score", "genome.fa", "--head", "splice"].map(Into::into))?;
//! assert!(matches!(asked, Invocation::Command(_)));
//! let asked = parse(["strandscope", "genome.fa"].map(Into::into))?;
//! assert!(matches!(asked, Invocation::Window(_)));
//! # Ok::<(), strandscope_cli::Refusal>(())
//! ```

mod args;
mod commands;
mod console;
mod failure;
mod input;
mod interrupt;
mod output;
mod regions;
mod session;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser as _;
use failure::Failure;

pub use args::{Common, Device, LogFormat, Renderer, WindowOptions};

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// Open the window.
    Window(WindowOptions),
    /// Run a subcommand without a window.
    Command(Box<CommandLine>),
}

/// A subcommand with its arguments.
#[derive(Debug)]
pub struct CommandLine {
    command: commands::Command,
    common: Common,
    typed: String,
}

impl CommandLine {
    /// How messages are written.
    pub fn log_format(&self) -> LogFormat {
        self.common.log
    }
}

/// The command line cannot be understood, or asked for help or the version.
#[derive(Debug)]
pub struct Refusal(clap::Error);

impl Refusal {
    /// Prints what there is to say: help to standard output, complaints to standard error.
    pub fn print(&self) -> ExitCode {
        // Where nothing can be printed, the exit code is all there is left to say.
        let _ = self.0.print();
        u8::try_from(self.0.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refusal {}

/// Reads the command line; its first word is the program's own name.
///
/// # Errors
/// When it cannot be understood, and when it asks for help or the version.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Invocation, Refusal> {
    let words: Vec<OsString> = words.into_iter().collect();
    let typed = args::as_typed(&words);
    let (command, window) = args::Top::try_parse_from(words).and_then(args::Top::asked).map_err(Refusal)?;
    Ok(match command {
        Some(command) => Invocation::Command(Box::new(CommandLine { command, common: window.common, typed })),
        None => Invocation::Window(window),
    })
}

/// Runs a subcommand; the result is the process's exit code.
pub fn run(line: CommandLine) -> ExitCode {
    interrupt::listen();
    let CommandLine { command, common, typed } = line;
    let console = console::Console::new(&common);
    match command.run(&common, console, typed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Whatever went wrong after Ctrl+C went wrong because of it.
            let failure = if interrupt::asked() { Failure::interrupted() } else { failure };
            console.fail(&failure);
            failure.exit_code()
        }
    }
}
