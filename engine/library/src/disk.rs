//! The disk: room on it, writing to it, and making what was written last.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::LibraryError;

/// What can run out; another one in the tests is as small as they need it.
pub(crate) trait Disk: Send + Sync {
    /// Bytes that can still be written where this folder is; `None` where the system does not tell.
    fn free_bytes(&self, folder: &Path) -> Option<u64>;

    /// Writes all of `bytes`.
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()>;
}

/// The disk of this computer.
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn free_bytes(&self, folder: &Path) -> Option<u64> {
        fs4::available_space(folder).ok()
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }
}

/// Bytes that may wait for the disk: as few as can be waited for when the user stops the work.
const MOST_UNSYNCED_BYTES: usize = 16 << 20;

/// A file that is being written, and will be there after a power cut.
pub(crate) struct Output<'a> {
    disk: &'a dyn Disk,
    path: PathBuf,
    file: File,
    unsynced_bytes: usize,
}

impl<'a> Output<'a> {
    /// Begins a file.
    pub(crate) fn create(disk: &'a dyn Disk, path: &Path) -> Result<Self, LibraryError> {
        Self::open(disk, path, OpenOptions::new().create(true).truncate(true).write(true))
    }

    /// Goes on at the end of a file.
    pub(crate) fn append(disk: &'a dyn Disk, path: &Path) -> Result<Self, LibraryError> {
        Self::open(disk, path, OpenOptions::new().create(true).append(true))
    }

    fn open(disk: &'a dyn Disk, path: &Path, options: &OpenOptions) -> Result<Self, LibraryError> {
        let file = options.open(path).map_err(|error| LibraryError::writing(path, error))?;
        Ok(Self { disk, path: path.to_owned(), file, unsynced_bytes: 0 })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), LibraryError> {
        let written = self.disk.write(&mut self.file, bytes);
        written.map_err(|error| LibraryError::writing(&self.path, error))?;
        self.unsynced_bytes += bytes.len();
        if self.unsynced_bytes > MOST_UNSYNCED_BYTES { self.sync() } else { Ok(()) }
    }

    /// Waits until all of it is on the disk.
    pub(crate) fn sync(&mut self) -> Result<(), LibraryError> {
        self.unsynced_bytes = 0;
        self.file.sync_all().map_err(|error| LibraryError::writing(&self.path, error))
    }
}

/// Writes a small file whole or not at all.
pub(crate) fn write_small(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), LibraryError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut output = Output::create(disk, &beside)?;
    let written = output.write(bytes).and_then(|()| output.sync());
    // Closed first: some systems rename no open file.
    drop(output);
    let placed = written.and_then(|()| fs::rename(&beside, path).map_err(|error| LibraryError::writing(path, error)));
    if placed.is_err() {
        // What cannot be removed does no harm: it is written over by the next try.
        let _ = fs::remove_file(&beside);
    }
    placed
}

/// Whether so many bytes more can be written into a folder.
///
/// # Errors
/// When they cannot.
pub(crate) fn check_room(disk: &dyn Disk, folder: &Path, needed_bytes: u64) -> Result<(), LibraryError> {
    match disk.free_bytes(folder) {
        Some(free) if free < needed_bytes => Err(LibraryError::DiskFull {
            path: folder.to_owned(),
            needed_bytes: Some(needed_bytes),
            free_bytes: Some(free),
        }),
        _ => Ok(()),
    }
}

/// Makes a rename survive a power cut. A file system that cannot do that is no reason to fail.
pub(crate) fn sync_folder(folder: &Path) {
    if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
        tracing::debug!(folder = %folder.display(), %error, "the folder could not be synced");
    }
}
