//! Folders that appear whole or not at all.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{OutputError, output::folder_of, unfinished};

/// A folder that is written beside its target and takes its place when [committed](AtomicFolder::commit).
///
/// Dropping it without committing leaves no trace: that is what cancelling does.
///
/// ```
/// use strandscope_genome::AtomicFolder;
///
/// let place = tempfile::tempdir()?;
/// let path = place.path().join("model");
/// let folder = AtomicFolder::create(&path, false)?;
/// folder.write("config.json", b"{}")?;
/// assert!(!path.exists(), "nothing is there until the end");
/// folder.commit(&[])?;
/// assert_eq!(std::fs::read(path.join("config.json"))?, b"{}");
/// assert!(AtomicFolder::create(&path, false).is_err(), "what is there is kept");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AtomicFolder {
    target: PathBuf,
    temporary: PathBuf,
}

impl AtomicFolder {
    /// Begins a folder that will stand at `path`.
    ///
    /// # Errors
    ///
    /// When something stands at `path` and `force` is false, it is a file, or the folder around it is missing or may not
    /// be written to.
    pub fn create(path: &Path, force: bool) -> Result<Self, OutputError> {
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if target.is_file() {
            return Err(OutputError::NoDirectory { path: path.to_owned() });
        }
        if !force && !is_free(&target) {
            return Err(OutputError::NotEmpty { path: path.to_owned() });
        }
        let around = folder_of(&target);
        if !around.is_dir() {
            return Err(OutputError::NoFolder { path: path.to_owned(), folder: around.to_owned() });
        }
        let temporary = create_in(around).map_err(|error| OutputError::io(path, error))?;
        unfinished::add(&temporary);
        Ok(Self { target, temporary })
    }

    /// Where a file of the folder is until it is committed.
    pub fn path(&self, name: &str) -> PathBuf {
        self.temporary.join(name)
    }

    /// Writes a file of it.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), OutputError> {
        self.write_with(name, |out| out.write_all(bytes))
    }

    /// Writes a file of it by `fill`, and makes it durable; returns what that gave.
    ///
    /// # Errors
    ///
    /// When `fill` or the disk fails.
    pub fn write_with<T>(
        &self,
        name: &str,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> Result<T, OutputError> {
        let written = || {
            let mut file = BufWriter::with_capacity(1 << 16, File::create_new(self.path(name))?);
            let filled = fill(&mut file)?;
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            Ok(filled)
        };
        written().map_err(|error| OutputError::from_write(&self.target.join(name), error))
    }

    /// Puts the folder in its place.
    ///
    /// Into a folder that is there its files go one by one, each in place of the one of its name; those of the names
    /// `stale` that it has not are taken away, and all others stay.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn commit(self, stale: &[&str]) -> Result<(), OutputError> {
        self.put_in_place(stale).map_err(|error| OutputError::io(&self.target, error))
    }

    fn put_in_place(&self, stale: &[&str]) -> io::Result<()> {
        if is_free(&self.target) {
            // Not every system renames onto a folder, even one that is empty.
            match fs::remove_dir(&self.target) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => return fs::rename(&self.temporary, &self.target),
            }
        }
        for name in stale.iter().filter(|name| !self.path(name).exists()) {
            match fs::remove_file(self.target.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        for entry in fs::read_dir(&self.temporary)? {
            let entry = entry?;
            fs::rename(entry.path(), self.target.join(entry.file_name()))?;
        }
        Ok(())
    }
}

impl Drop for AtomicFolder {
    fn drop(&mut self) {
        // Once committed there is nothing or an empty folder.
        let _ = fs::remove_dir_all(&self.temporary);
        unfinished::forget(&self.temporary);
    }
}

/// Whether nothing stands there, or an empty folder.
fn is_free(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// A new hidden folder in `around`.
fn create_in(around: &Path) -> io::Result<PathBuf> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = around.join(format!(".strandscope-{}-{number}.parts", process::id()));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_not_committed_leaves_no_trace() {
        let place = tempfile::tempdir().expect("a scratch folder");
        let folder = AtomicFolder::create(&place.path().join("model"), false).expect("begun");
        folder.write("a", b"1").expect("written");
        drop(folder);
        assert!(names(place.path()).is_empty(), "{:?}", names(place.path()));
    }

    #[test]
    fn only_by_force_are_files_of_a_folder_replaced_and_stale_ones_taken_away() {
        let place = tempfile::tempdir().expect("a scratch folder");
        let path = place.path().join("model");
        fs::create_dir(&path).expect("a folder");
        for name in ["a", "b", "own"] {
            fs::write(path.join(name), "old").expect("a file");
        }
        assert!(matches!(AtomicFolder::create(&path, false), Err(OutputError::NotEmpty { .. })), "kept");
        let file = AtomicFolder::create(&path.join("a"), true);
        assert!(matches!(file, Err(OutputError::NoDirectory { .. })), "a file is no folder");
        let folder = AtomicFolder::create(&path, true).expect("begun");
        folder.write("a", b"new").expect("written");
        folder.commit(&["a", "b", "c"]).expect("in place");
        assert_eq!(names(&path), ["a", "own"], "what stays");
        assert_eq!(fs::read(path.join("a")).expect("a file"), b"new", "replaced");
        assert_eq!(names(place.path()), ["model"], "nothing else");
    }

    #[test]
    fn an_empty_folder_is_taken() {
        let place = tempfile::tempdir().expect("a scratch folder");
        let path = place.path().join("model");
        fs::create_dir(&path).expect("a folder");
        let folder = AtomicFolder::create(&path, false).expect("begun");
        folder.write("a", b"1").expect("written");
        folder.commit(&[]).expect("in place");
        assert_eq!(names(&path), ["a"], "its files");
        let missing = AtomicFolder::create(&place.path().join("none/model"), false);
        assert!(matches!(missing, Err(OutputError::NoFolder { .. })), "the folder around it is missing");
    }
}
