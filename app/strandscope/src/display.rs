//! What to do where there is no screen.

use std::{io::Write as _, process::ExitCode};

use crate::example;

/// Whether there is a screen to open a window on.
pub(crate) fn is_there() -> bool {
    if cfg!(any(target_os = "windows", target_os = "macos")) {
        return true;
    }
    ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Says why there is no window, and how to get the same without one.
pub(crate) fn explain(why: &str) -> ExitCode {
    let mut text = format!("{why}\nThe same runs without a window; see strandscope --help.");
    if let Some(example) = example::unpacked().into_iter().next() {
        let region = example.locus.map_or_else(String::new, |locus| format!(" --region {locus}"));
        text.push_str(&format!(
            " The bundled example, for instance:\n\n    strandscope score {} --head {}{region} --output example.tsv\n",
            shell_quoted(&example.path.display().to_string()),
            example.head.as_deref().unwrap_or("splice"),
        ));
    }
    // Where even standard error is gone there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
    ExitCode::SUCCESS
}

fn shell_quoted(path: &str) -> String {
    if path.chars().all(|letter| letter.is_alphanumeric() || "/._-".contains(letter)) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}
