//! What the program tells those who look after it; users are told by the command line and the window.

use std::io;

use strandscope_cli::LogFormat;
use tracing_subscriber::EnvFilter;

/// What is logged unless `RUST_LOG` says otherwise: our own warnings, and the failures of libraries.
const DEFAULT: &str = "error,strandscope=warn,wgpu_hal=off,egui_wgpu=off,eframe=off";

/// Starts logging to standard error, and sends the text of panics there in the same form.
pub(crate) fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // It fails only where a logger is set already, which then goes on.
    let _ = match format {
        LogFormat::Json => log.json().try_init(),
        LogFormat::Text => log.with_ansi(false).without_time().try_init(),
    };
    // A panic is a fault of ours. The engine turns it into the failure of one job; the place is for the report.
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let text = info.payload_as_str().unwrap_or("no text");
        tracing::error!(target: "strandscope", place, text, "a fault of this program; please report it");
    }));
}
