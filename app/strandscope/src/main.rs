//! Strandscope: a window on DNA, or the same without one.
//!
//! With a subcommand the command line runs; otherwise the window opens, with the files that were named.

mod dialogs;
mod display;
mod example;
mod figure;
mod logging;
mod window;

use std::process::ExitCode;

use strandscope_cli::Invocation;

fn main() -> ExitCode {
    match strandscope_cli::parse(std::env::args_os()) {
        Err(refusal) => refusal.print(),
        Ok(Invocation::Command(line)) => {
            logging::start(line.log_format());
            strandscope_cli::run(*line)
        }
        Ok(Invocation::Window(options)) => {
            logging::start(options.common.log);
            window::open(options)
        }
    }
}
