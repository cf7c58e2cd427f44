//! The file in which the window's settings lie from one start to the next.

use std::{fs, io::Write as _, path::PathBuf};

use directories::ProjectDirs;
use strandscope_worker::genome::AtomicFile;

fn path() -> Option<PathBuf> {
    Some(ProjectDirs::from("", "", "strandscope")?.config_dir().join("window.json"))
}

/// What was written last, if it can be read.
pub(crate) fn read() -> Option<String> {
    fs::read_to_string(path()?).ok()
}

/// Writes the settings, whole or not at all; a folder that cannot be written to is not worth a word to the user.
pub(crate) fn write(settings: &str) {
    let Some(path) = path() else { return };
    let write = || -> Result<(), Box<dyn std::error::Error>> {
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        let mut file = AtomicFile::create(&path, true)?;
        file.write_all(settings.as_bytes())?;
        Ok(file.commit()?)
    };
    if let Err(error) = write() {
        tracing::info!(path = %path.display(), %error, "settings could not be kept");
    }
}
