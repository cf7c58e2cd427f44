//! Files and folders that are being written and have no name yet: what must go when the process ends in the middle.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes every file and folder that is being written, for a process that is about to end without unwinding (Ctrl+C).
pub fn remove_unfinished_files() {
    for path in lock().drain(..) {
        // What cannot be removed now is gone already, or nothing can be done about it any more.
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
}

pub(crate) fn add(path: &Path) {
    lock().push(path.to_owned());
}

pub(crate) fn forget(path: &Path) {
    lock().retain(|other| other != path);
}

fn lock() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}
