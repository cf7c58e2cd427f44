//! What can go wrong in the library and on the way to it.

use std::{
    error::Error,
    fmt, io,
    path::{Path, PathBuf},
    time::Duration,
};

use thiserror::Error;

/// What can go wrong in the library and on the way to it.
#[derive(Debug, Error)]
pub enum LibraryError {
    /// The system refused to read or write a file.
    #[error("{action} failed, {}: {source}. {remedy}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What to do.
        remedy: &'static str,
        /// Why.
        source: io::Error,
    },
    /// There is no room left.
    #[error(
        "writing to the library failed, {}: the disk is full{}. Free some space and try again; a download goes on \
         where it stopped",
        path.display(), Room(*needed_bytes, *free_bytes)
    )]
    DiskFull {
        /// The file or folder.
        path: PathBuf,
        /// How much is still to be written, where known.
        needed_bytes: Option<u64>,
        /// How much room there is, where known.
        free_bytes: Option<u64>,
    },
    /// A name cannot be that of a model.
    #[error(
        "the name {name:?} cannot be given to a model: {reason}. Choose another, of letters, digits, dashes and dots"
    )]
    Name {
        /// The name.
        name: String,
        /// Why.
        reason: String,
    },
    /// There is one of this name.
    #[error(
        "{name} was not added: the library has one of this name, {}. Choose another name, or replace it with --force",
        folder.display()
    )]
    Exists {
        /// The name.
        name: String,
        /// Where it is.
        folder: PathBuf,
    },
    /// There is none of this name.
    #[error("the library has no {name}, {}: {}", folder.display(), There(known))]
    NotInstalled {
        /// The name.
        name: String,
        /// Where the library is.
        folder: PathBuf,
        /// Names that there are.
        known: Vec<String>,
    },
    /// Another program works on the same model.
    #[error("{name} is being added or removed by another program, {}. Wait until it is done", lock.display())]
    Busy {
        /// The name.
        name: String,
        /// The file that says so.
        lock: PathBuf,
    },
    /// The catalogue has none of this name.
    #[error("the catalogue has no model {name}. Near are {}", near.join(", "))]
    Unlisted {
        /// The name.
        name: String,
        /// Names that are near.
        near: Vec<String>,
    },
    /// The catalogue cannot be read.
    #[error("reading the catalogue of models failed: {reason}. Take a catalogue that belongs to this version")]
    Catalogue {
        /// Where and why.
        reason: String,
    },
    /// A record of the library's own is damaged.
    #[error("reading a record of the library failed, {}: {reason}. Remove the model and add it again", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// What should be imported is no folder of a model.
    #[error("importing failed, {}: {reason}. Name the folder that holds config.json and the weights", folder.display())]
    NoModel {
        /// The folder.
        folder: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file to be imported is no file of that folder.
    #[error(
        "importing was refused, {}: {reason}. Put the file itself into the folder; cp -rL makes such a copy",
        path.display()
    )]
    NotInFolder {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// The caller's check found the model unusable.
    #[error("{name} was not added: it cannot be used. {remedy}")]
    Unusable {
        /// The name.
        name: String,
        /// What to do.
        remedy: &'static str,
        /// What the check says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The program is off line.
    #[error(
        "fetching {what} was refused: the program is off line and opens no connection; leave out --offline to fetch \
         it"
    )]
    Offline {
        /// What was to be fetched.
        what: String,
    },
    /// The address of the hub is none.
    #[error(
        "the address of the hub cannot be used, {endpoint}: {reason}. Give one as https://huggingface.co, with \
         --endpoint or HF_ENDPOINT"
    )]
    Endpoint {
        /// The address.
        endpoint: String,
        /// Why.
        reason: String,
    },
    /// The token cannot be sent.
    #[error(
        "the token in HF_TOKEN cannot be used: it holds a letter that no request can carry. Copy it again from the \
         hub's settings"
    )]
    Token,
    /// The server cannot be reached, or stopped answering.
    #[error("fetching failed, {address}: {reason}. {remedy}")]
    Unreachable {
        /// Where it was asked.
        address: String,
        /// Why.
        reason: String,
        /// What to do.
        remedy: &'static str,
        /// Whether it may be over in a moment.
        may_pass: bool,
    },
    /// The server wants to know who asks.
    #[error(
        "fetching was refused, {address}: the server answers {status}. The model may be gated or private, or there is \
         none of this name: accept its licence on the hub's page of the model, and put a token of your account into \
         HF_TOKEN"
    )]
    Refused {
        /// Where it was asked.
        address: String,
        /// 401 or 403.
        status: u16,
    },
    /// The server does not have it.
    #[error("fetching failed, {address}: {reason}. Check the name and the --endpoint; the model may have been moved")]
    NotFound {
        /// Where it was asked.
        address: String,
        /// What is not there.
        reason: String,
    },
    /// The server answers with an error of its own.
    #[error("fetching failed, {address}: the server answers {status}. Try again later; what has been fetched is kept")]
    Status {
        /// Where it was asked.
        address: String,
        /// The status.
        status: u16,
        /// Seconds after which it wants to be asked again.
        retry_after: Option<u64>,
    },
    /// The server's answer makes no sense.
    #[error("fetching failed, {address}: {reason}. Try again later or take another --endpoint")]
    Answer {
        /// Where it was asked.
        address: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// A file has another size than it should have.
    #[error(
        "{file} from {address} has {found} bytes, {expected} were expected; it was removed. Fetch it again, from \
         another --endpoint if it stays so"
    )]
    Length {
        /// The file.
        file: String,
        /// Where it came from.
        address: String,
        /// Its right size.
        expected: u64,
        /// Its size.
        found: u64,
    },
    /// A file has another content than it should have.
    #[error(
        "{file} from {address} is not what it should be: expected {expected}, found {found}; it was removed. Fetch it \
         again, from another --endpoint if it stays so"
    )]
    Checksum {
        /// The file.
        file: String,
        /// Where it came from.
        address: String,
        /// Its right checksum.
        expected: String,
        /// Its checksum.
        found: String,
    },
    /// The user stopped it.
    #[error("stopped")]
    Cancelled,
}

impl LibraryError {
    pub(crate) fn importing(path: &Path, source: io::Error) -> Self {
        Self::io("importing", path, source)
    }

    pub(crate) fn reading(path: &Path, source: io::Error) -> Self {
        Self::io("reading the library", path, source)
    }

    pub(crate) fn removing(path: &Path, source: io::Error) -> Self {
        Self::io("removing from the library", path, source)
    }

    pub(crate) fn writing(path: &Path, source: io::Error) -> Self {
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return Self::DiskFull { path: path.to_owned(), needed_bytes: None, free_bytes: None };
        }
        Self::io("writing to the library", path, source)
    }

    /// A failure of the system, with what can be done about it.
    fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), remedy: remedy(source.kind()), source }
    }

    /// How long the server wants to be left alone.
    pub(crate) fn retry_after(&self) -> Duration {
        match self {
            Self::Status { retry_after: Some(seconds), .. } => Duration::from_secs(*seconds),
            _ => Duration::ZERO,
        }
    }

    /// Whether asking again may help.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { may_pass, .. } => *may_pass,
            Self::Status { status, .. } => *status >= 500 || matches!(status, 408 | 425 | 429),
            _ => false,
        }
    }
}

fn remedy(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::PermissionDenied => "Choose a folder that you may read and write",
        io::ErrorKind::ReadOnlyFilesystem => "Choose a folder on a disk that is not read-only",
        io::ErrorKind::FileTooLarge => "Raise the limit on file sizes or choose another disk",
        io::ErrorKind::NotFound => "Check the spelling of the path",
        io::ErrorKind::NotADirectory => "Part of its path is a file: check the spelling",
        _ => "Check the disk and try again",
    }
}

/// How much room is needed and how much there is, as far as known.
struct Room(Option<u64>, Option<u64>);

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self(Some(needed), Some(free)) => write!(f, "; {} are needed, {} are free", Size(needed), Size(free)),
            Self(Some(needed), None) => write!(f, "; {} are needed", Size(needed)),
            Self(None, _) => Ok(()),
        }
    }
}

/// A size in the unit that suits it.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0..1_000_000 => write!(f, "{} bytes", self.0),
            1_000_000..1_000_000_000 => write!(f, "{} MB", self.0 / 1_000_000),
            bytes => write!(f, "{}.{:02} GB", bytes / 1_000_000_000, bytes / 10_000_000 % 100),
        }
    }
}

/// What there is instead.
struct There<'a>(&'a [String]);

impl fmt::Display for There<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("it is empty. Add a model with models get or models import");
        }
        write!(f, "it has {}. Name one of these", self.0.join(", "))
    }
}
