//! `library.json` beside the files of a model: where they came from, and what they were when they came.

use std::{
    fmt, fs, io,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::{
    LibraryError,
    disk::{self, Disk},
};

/// Name of the file.
pub(crate) const MANIFEST: &str = "library.json";

/// Largest manifest that is read.
const MOST_BYTES: u64 = 16 << 20;

/// Where a model in the library came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Where it came from.
    pub source: Source,
    /// Licence of the weights, or `unclear`.
    pub licence: String,
    /// Whether commerce may use it; `None` where that is not known.
    pub commercial_use: Option<bool>,
    /// When it was added, in UTC: `2026-01-31T12:00:00Z`.
    pub date: String,
    /// Version of the program that added it.
    pub program: String,
    /// Its files.
    pub files: Vec<FileRecord>,
}

/// Where a model came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum Source {
    /// A hub.
    Hub {
        /// The hub.
        endpoint: String,
        /// Id of the repository.
        repository: String,
        /// The branch or commit that was asked for.
        revision: String,
        /// The commit that was given, where the hub said so.
        commit: Option<String>,
    },
    /// A folder on this computer.
    Folder {
        /// Its path.
        path: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub { endpoint, repository, revision, commit } => {
                let revision = commit.as_ref().unwrap_or(revision);
                write!(f, "{endpoint}/{repository}, {revision}")
            }
            Self::Folder { path } => f.write_str(path),
        }
    }
}

/// One file, as it was when it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its name.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
    /// Against what it was held.
    pub verified: Verified,
}

/// What a file was held against when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verified {
    /// The SHA-256 in the catalogue.
    #[serde(rename = "the catalogue's SHA-256")]
    Catalogue,
    /// The SHA-256 that the hub stated.
    #[serde(rename = "the hub's SHA-256")]
    HubSha256,
    /// The SHA-1 of git that the hub stated.
    #[serde(rename = "the hub's git SHA-1")]
    HubGitSha1,
    /// Nothing: there was no checksum.
    #[serde(rename = "unverified: the server states no checksum")]
    Not,
    /// Nothing: it was copied from a folder.
    #[serde(rename = "copied")]
    Copied,
}

impl Manifest {
    /// One of today.
    pub(crate) fn new(source: Source, licence: &str, commercial_use: Option<bool>, files: Vec<FileRecord>) -> Self {
        let program = format!("strandscope {}", env!("CARGO_PKG_VERSION"));
        Self { source, licence: licence.to_owned(), commercial_use, date: now(), program, files }
    }

    /// That of the model in `folder`; `None` where it has none.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub fn read(folder: &Path) -> Result<Option<Self>, LibraryError> {
        read_json(&folder.join(MANIFEST))
    }

    pub(crate) fn write(&self, disk: &dyn Disk, folder: &Path) -> Result<(), LibraryError> {
        write_json(disk, &folder.join(MANIFEST), self)
    }
}

/// Reads a small JSON file of the library's own; `None` where there is none.
pub(crate) fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, LibraryError> {
    let damaged = |reason| LibraryError::Record { path: path.to_owned(), reason };
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata.map_err(|error| LibraryError::reading(path, error))?,
    };
    if !metadata.is_file() || metadata.len() > MOST_BYTES {
        return Err(damaged("it is no file, or larger than any that this program writes".to_owned()));
    }
    let bytes = fs::read(path).map_err(|error| LibraryError::reading(path, error))?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(error.to_string()))
}

/// Writes one, whole or not at all.
pub(crate) fn write_json(disk: &dyn Disk, path: &Path, value: &impl Serialize) -> Result<(), LibraryError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| LibraryError::Record { path: path.to_owned(), reason: error.to_string() })?;
    disk::write_small(disk, path, format!("{text}\n").as_bytes())
}

fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    date(seconds)
}

/// Seconds since 1970 as a date and time in UTC.
fn date(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // The civil calendar, counted from 1 March of the year 0, in eras of 400 years.
    let from_march = days + 719_468;
    let (era, day_of_era) = (from_march / 146_097, from_march % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_follow_the_calendar() {
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
        assert_eq!(date(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(date(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(date(1_772_323_200), "2026-03-01T00:00:00Z");
        assert_eq!(date(1_798_761_599), "2026-12-31T23:59:59Z");
    }
}
