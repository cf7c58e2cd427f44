//! The disk: room on it, writing to it, and making what was written last.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

/// What can run out; another one in the tests is as small as they need it.
pub(crate) trait Disk: Send + Sync {
    /// Bytes that can still be written where this path is; `None` where the system does not tell.
    fn free_bytes(&self, path: &Path) -> Option<u64>;

    /// Writes all of `bytes`.
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()>;
}

/// The disk of this computer.
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn free_bytes(&self, path: &Path) -> Option<u64> {
        fs4::available_space(path).ok()
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }
}

/// Writes a small file whole or not at all.
pub(crate) fn write_small(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = File::create(&beside)?;
    let written = disk.write(&mut file, bytes).and_then(|()| file.sync_all());
    drop(file);
    let placed = written.and_then(|()| std::fs::rename(&beside, path));
    if placed.is_err() {
        // What cannot be removed does no harm: it is written over by the next try.
        let _ = std::fs::remove_file(&beside);
    }
    placed
}

/// Makes a rename survive a power cut. A file system that cannot do that is no reason to fail.
pub(crate) fn sync_folder(folder: &Path) {
    if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
        tracing::debug!(folder = %folder.display(), %error, "the folder could not be synced");
    }
}
