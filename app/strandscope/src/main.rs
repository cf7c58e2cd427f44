//! Strandscope: a window on DNA, or the same without one.
//!
//! With a subcommand the command line runs; otherwise the window opens, with the files that were named.

mod dialogs;
mod display;
mod example;
mod figure;
mod logging;
mod memory;
mod settings;
mod watch;
mod window;

use std::process::ExitCode;

use strandscope_cli::Invocation;

fn main() -> ExitCode {
    memory::keep_what_is_freed();
    match strandscope_cli::parse(std::env::args_os()) {
        Err(refusal) => refusal.print(),
        Ok(Invocation::Command(line)) => {
            silence_device_select();
            logging::start(line.log_format());
            strandscope_cli::run(*line)
        }
        Ok(Invocation::Window(options)) => {
            logging::start(options.common.log);
            window::open(options)
        }
    }
}

/// Switches off Mesa's layer that sorts adapters by the screen: without a screen it complains on standard error,
/// where only our own words belong, and without a window its order does not matter.
fn silence_device_select() {
    #[expect(unsafe_code, reason = "the layer listens to nothing but the environment")]
    // SAFETY: this is the only thread yet, so nobody else reads or writes the environment.
    unsafe {
        std::env::set_var("NODEVICE_SELECT", "1");
    }
}
