//! What is kept of a file between two tries: its bytes so far, and a record of which file they are of.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    LibraryError,
    checksum::Checksum,
    disk::{Disk, Output, check_room},
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
        // Hosts behind the hub may tag one file differently; only where there is a checksum does that not matter.
        let is_known = self.checksum.is_some() && other.checksum.is_some();
        agree(self.checksum.as_ref(), other.checksum.as_ref())
            && agree(self.total_bytes.as_ref(), other.total_bytes.as_ref())
            && (is_known || agree(self.tag.as_ref(), other.tag.as_ref()))
    }

    /// The same, with what only the other says.
    pub(crate) fn or(self, other: &Self) -> Self {
        Self {
            tag: self.tag.or_else(|| other.tag.clone()),
            checksum: self.checksum.or_else(|| other.checksum.clone()),
            total_bytes: self.total_bytes.or(other.total_bytes),
        }
    }

    /// The tag, if a server can tell by it that the file is still the same.
    pub(crate) fn strong_tag(&self) -> Option<&str> {
        self.tag.as_deref().filter(|tag| tag.starts_with('"'))
    }
}

/// The unfinished part of a file.
pub(crate) struct Part<'a> {
    disk: &'a dyn Disk,
    folder: &'a Path,
    pub(crate) path: PathBuf,
    mark_path: PathBuf,
    output: Option<Output<'a>>,
    /// Bytes that are there.
    pub(crate) bytes: u64,
    pub(crate) mark: Mark,
}

impl<'a> Part<'a> {
    /// That of the file `name` in `folder`, as an earlier try left it. It begins anew where neither its mark nor a
    /// checksum known beforehand (`is_known`) will tell whether the rest is of the same file.
    pub(crate) fn open(disk: &'a dyn Disk, folder: &'a Path, name: &str, is_known: bool) -> Result<Self, LibraryError> {
        let path = folder.join(format!("{name}{PART}"));
        let mark_path = folder.join(format!("{name}{PART}.json"));
        let kept = fs::metadata(&path).ok().filter(|metadata| metadata.is_file()).map(|metadata| metadata.len());
        let mark: Option<Mark> = read_json(&mark_path).unwrap_or_default();
        let mut part = Self { disk, folder, path, mark_path, output: None, bytes: 0, mark: Mark::default() };
        match kept.zip(mark) {
            Some((bytes, mark))
                if (is_known || mark.strong_tag().is_some() || mark.checksum.is_some())
                    && mark.total_bytes.is_none_or(|total| bytes <= total) =>
            {
                (part.bytes, part.mark) = (bytes, mark);
            }
            _ => part.discard()?,
        }
        Ok(part)
    }

    /// Throws away what is there.
    pub(crate) fn discard(&mut self) -> Result<(), LibraryError> {
        (self.output, self.bytes, self.mark) = (None, 0, Mark::default());
        for path in [&self.path, &self.mark_path] {
            match fs::remove_file(path) {
                Err(error) if path.symlink_metadata().is_ok() => return Err(LibraryError::removing(path, error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Gets ready for more bytes of the file that `mark` names.
    pub(crate) fn begin(&mut self, mark: Mark) -> Result<(), LibraryError> {
        self.mark = mark;
        check_room(self.disk, self.folder, self.missing_bytes().unwrap_or_default())?;
        write_json(self.disk, &self.mark_path, &self.mark)?;
        self.output = Some(Output::append(self.disk, &self.path)?);
        Ok(())
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), LibraryError> {
        let Some(output) = &mut self.output else { return Ok(()) };
        match output.write(bytes) {
            Ok(()) => self.bytes += bytes.len() as u64,
            // What a failed write has left is counted anew by the next try.
            Err(LibraryError::DiskFull { path, .. }) => {
                let (needed_bytes, free_bytes) = (self.missing_bytes(), self.disk.free_bytes(self.folder));
                return Err(LibraryError::DiskFull { path, needed_bytes, free_bytes });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn missing_bytes(&self) -> Option<u64> {
        self.mark.total_bytes.map(|total| total.saturating_sub(self.bytes))
    }

    /// Closes it; what was written lasts.
    pub(crate) fn close(&mut self) -> Result<(), LibraryError> {
        self.output.take().map_or(Ok(()), |mut output| output.sync())
    }

    /// Gives the whole file its name.
    pub(crate) fn finish(&mut self, name: &Path) -> Result<(), LibraryError> {
        fs::rename(&self.path, name).map_err(|error| LibraryError::writing(name, error))?;
        // A mark without its part means nothing and goes with the folder's other records.
        let _ = fs::remove_file(&self.mark_path);
        Ok(())
    }
}
