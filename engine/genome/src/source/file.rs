//! Opening a file that may not be one.

use std::{
    fs::{self, File, Metadata},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{GenomeError, error::Place};

/// A regular file that has been opened, and what it looked like then.
#[derive(Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    pub(crate) identity: Identity,
}

/// What tells a file from another one, or from itself after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) size_bytes: u64,
    pub(crate) modified: Option<SystemTime>,
}

impl Identity {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self { size_bytes: metadata.len(), modified: metadata.modified().ok() }
    }
}

impl SourceFile {
    /// Opens `path` if it is a regular file; pipes, devices and folders are refused before they are touched.
    pub(crate) fn open(path: &Path) -> Result<Self, GenomeError> {
        let metadata = fs::metadata(path).map_err(|error| unreachable_file(path, error))?;
        if !metadata.is_file() {
            let reason = format!("it is {}, not a regular file", kind_of(&metadata));
            return Err(GenomeError::unusable(path, Place::Whole, reason, "give a file that lies on the disk"));
        }
        let file = File::open(path).map_err(|error| unreachable_file(path, error))?;
        let identity = Identity::of(&file.metadata().map_err(|error| GenomeError::reading(path, error))?);
        if identity.size_bytes == 0 {
            let remedy = "download or export it again";
            return Err(GenomeError::unusable(path, Place::Whole, "the file is empty (0 bytes)", remedy));
        }
        Ok(Self { path: path.to_owned(), file, identity })
    }

    /// A second handle with a position of its own.
    pub(crate) fn reopen(&self) -> Result<File, GenomeError> {
        File::open(&self.path).map_err(|error| unreachable_file(&self.path, error))
    }

    /// Fails if the file at this path is no longer the one that was opened.
    pub(crate) fn check_unchanged(&self) -> Result<(), GenomeError> {
        let now = fs::metadata(&self.path).map_err(|error| GenomeError::reading(&self.path, error))?;
        if Identity::of(&now) == self.identity {
            Ok(())
        } else {
            Err(GenomeError::Changed { path: self.path.clone(), place: Place::Whole })
        }
    }
}

fn unreachable_file(path: &Path, error: io::Error) -> GenomeError {
    /// `ELOOP` of Linux; the standard library has no stable name for it yet.
    const TOO_MANY_LINKS: i32 = 40;
    let (reason, remedy) = match error.kind() {
        io::ErrorKind::NotFound if fs::symlink_metadata(path).is_ok() => {
            ("it is a symbolic link to a file that does not exist", "mend the link or give the file itself")
        }
        io::ErrorKind::NotFound => ("there is no such file", "check the spelling and the folder"),
        io::ErrorKind::PermissionDenied => ("permission denied", "ask its owner for the right to read it"),
        io::ErrorKind::NotADirectory => {
            ("there is no such file: part of its path is not a folder", "check the spelling of the path")
        }
        io::ErrorKind::InvalidFilename => ("its name is too long for this system", "rename the file"),
        io::ErrorKind::InvalidInput => ("its name holds a NUL byte, no file has such a name", "check the spelling"),
        _ if error.raw_os_error() == Some(TOO_MANY_LINKS) => {
            ("its symbolic links lead in a loop", "remove the links and give the file itself")
        }
        _ => return GenomeError::reading(path, error),
    };
    GenomeError::unusable(path, Place::Whole, reason, remedy)
}

#[cfg(unix)]
fn kind_of(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn kind_of(metadata: &Metadata) -> &'static str {
    if metadata.is_dir() { "a directory" } else { "a device" }
}
