//! What is kept of a file between two tries: its bytes so far, and a record of which file they are of.

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    LibraryError,
    checksum::Checksum,
    disk::Disk,
    error::is_full,
    manifest::{read_json, write_json},
    name::PART,
    request::Head,
};

/// Which file the bytes of a part are of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The tag that whoever sent them gives the file.
    pub(crate) tag: Option<String>,
    /// The checksum that the hub states.
    pub(crate) checksum: Option<Checksum>,
    /// The size of the whole.
    pub(crate) total_bytes: Option<u64>,
}

impl Mark {
    pub(crate) fn of(head: &Head, total_bytes: Option<u64>) -> Self {
        let checksum = head.stated_tag.as_deref().and_then(Checksum::parse);
        Self { tag: head.tag.clone(), checksum, total_bytes }
    }

    /// Whether it can be the same file: what both say is the same.
    pub(crate) fn fits(&self, other: &Self) -> bool {
        fn agree<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
            a.zip(b).is_none_or(|(a, b)| a == b)
        }
        agree(self.checksum.as_ref(), other.checksum.as_ref())
            && agree(self.total_bytes.as_ref(), other.total_bytes.as_ref())
    }

    /// The same, with what only the other says.
    pub(crate) fn or(self, other: &Self) -> Self {
        Self {
            tag: self.tag.or_else(|| other.tag.clone()),
            checksum: self.checksum.or_else(|| other.checksum.clone()),
            total_bytes: self.total_bytes.or(other.total_bytes),
        }
    }

    /// Whether a server can tell by it that the file is still the same.
    fn strong_tag(&self) -> Option<&str> {
        self.tag.as_deref().filter(|tag| tag.starts_with('"'))
    }
}

/// The unfinished part of a file.
pub(crate) struct Part<'a> {
    disk: &'a dyn Disk,
    path: PathBuf,
    mark_path: PathBuf,
    file: Option<File>,
    /// Bytes that are there.
    pub(crate) bytes: u64,
    pub(crate) mark: Mark,
}

const WRITING: &str = "writing to the library";

impl<'a> Part<'a> {
    /// That of the file `name` in `folder`, as an earlier try left it. It begins anew where neither its mark nor a
    /// checksum known beforehand (`is_known`) will tell whether the rest is of the same file.
    pub(crate) fn open(disk: &'a dyn Disk, folder: &Path, name: &str, is_known: bool) -> Result<Self, LibraryError> {
        let path = folder.join(format!("{name}{PART}"));
        let mark_path = folder.join(format!("{name}{PART}.json"));
        let mut part = Self { disk, path, mark_path, file: None, bytes: 0, mark: Mark::default() };
        let kept = fs::metadata(&part.path).ok().filter(|metadata| metadata.is_file()).map(|metadata| metadata.len());
        let mark: Option<Mark> = read_json(&part.mark_path).unwrap_or_default();
        match (kept, mark) {
            (Some(bytes), Some(mark)) if is_known || mark.strong_tag().is_some() || mark.checksum.is_some() => {
                (part.bytes, part.mark) = (bytes, mark);
            }
            _ => part.discard()?,
        }
        if part.mark.total_bytes.is_some_and(|total| part.bytes > total) {
            part.discard()?;
        }
        Ok(part)
    }

    /// The tag to ask with whether the file is still the same.
    pub(crate) fn if_tag(&self) -> Option<String> {
        self.mark.strong_tag().map(str::to_owned)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Throws away what is there.
    pub(crate) fn discard(&mut self) -> Result<(), LibraryError> {
        (self.file, self.bytes, self.mark) = (None, 0, Mark::default());
        for path in [&self.path, &self.mark_path] {
            match fs::remove_file(path) {
                Err(error) if path.symlink_metadata().is_ok() => {
                    return Err(LibraryError::io("removing from the library", path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Gets ready for more bytes of the file that `mark` names.
    pub(crate) fn begin(&mut self, mark: Mark) -> Result<(), LibraryError> {
        self.check_room(mark.total_bytes)?;
        write_json(self.disk, &self.mark_path, &mark).map_err(|error| self.kept(error))?;
        let file = OpenOptions::new().create(true).append(true).open(&self.path);
        self.file = Some(file.map_err(|error| LibraryError::io(WRITING, &self.path, error))?);
        self.mark = mark;
        Ok(())
    }

    fn check_room(&self, total_bytes: Option<u64>) -> Result<(), LibraryError> {
        let needed = total_bytes.map_or(0, |total| total.saturating_sub(self.bytes));
        let folder = self.path.parent().unwrap_or(&self.path);
        match self.disk.free_bytes(folder) {
            Some(free) if free < needed => Err(self.full(Some(needed), Some(free))),
            _ => Ok(()),
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), LibraryError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = self.disk.write(file, bytes);
        // What a failed write has left is counted anew by the next try.
        written.map_err(|error| self.failed(error))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Makes what was written last.
    pub(crate) fn sync(&mut self) -> Result<(), LibraryError> {
        let synced = self.file.take().map_or(Ok(()), |file| file.sync_all());
        synced.map_err(|error| self.failed(error))
    }

    /// Gives the whole file its name.
    pub(crate) fn finish(self, name: &Path) -> Result<(), LibraryError> {
        fs::rename(&self.path, name).map_err(|error| LibraryError::io(WRITING, name, error))?;
        // A mark without its part means nothing and goes with the folder's other records.
        let _ = fs::remove_file(&self.mark_path);
        Ok(())
    }

    fn failed(&self, error: std::io::Error) -> LibraryError {
        if is_full(&error) {
            let needed = self.mark.total_bytes.map(|total| total.saturating_sub(self.bytes));
            return self.full(needed, self.disk.free_bytes(self.path.parent().unwrap_or(&self.path)));
        }
        LibraryError::io(WRITING, &self.path, error)
    }

    fn full(&self, needed_bytes: Option<u64>, free_bytes: Option<u64>) -> LibraryError {
        LibraryError::DiskFull { path: self.path.clone(), needed_bytes, free_bytes, kept: KEPT }
    }

    /// The same error, where it says that nothing is kept.
    fn kept(&self, error: LibraryError) -> LibraryError {
        match error {
            LibraryError::DiskFull { .. } => self.full(None, None),
            error => error,
        }
    }
}

const KEPT: &str = "what has been fetched is kept";
