//! Files that appear whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use thiserror::Error;

use crate::{error::shown, unfinished};

/// Why an output could not be written; the file that was there before is untouched.
#[derive(Debug, Error)]
pub enum OutputError {
    /// There is a file already and overwriting was not asked for.
    #[error("cannot write {}: the file exists; choose another name or replace it", shown(path))]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// The target is a folder.
    #[error("cannot write {}: it is a directory; give the name of a file in it", shown(path))]
    IsDirectory {
        /// The target.
        path: PathBuf,
    },
    /// A folder is to be written, and there is something in it already.
    #[error("cannot write {}: the folder is not empty; choose another one or overwrite it with --force", shown(path))]
    NotEmpty {
        /// The target.
        path: PathBuf,
    },
    /// A folder is to be written where a file stands.
    #[error("cannot write {}: it is a file and no directory; choose another name", shown(path))]
    NoDirectory {
        /// The target.
        path: PathBuf,
    },
    /// The folder of the target is missing.
    #[error("cannot write {}: the folder {} does not exist; create it first", shown(path), shown(folder))]
    NoFolder {
        /// The target.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// A form with one file for each track, and no name for the files.
    #[error("cannot write {tracks} tracks to standard output: this format has one file for each; name them with -o")]
    ManyToStdout {
        /// How many there are.
        tracks: usize,
    },
    /// The system refused or failed.
    #[error("cannot write {}: {source}; {remedy}", shown(path))]
    Io {
        /// The target.
        path: PathBuf,
        /// What the user can do.
        remedy: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl OutputError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), remedy: remedy(source.kind()), source }
    }

    /// An error of [`Write`] on an [`Output`] or [`AtomicFile`], which carries this one inside.
    pub fn from_write(path: &Path, error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(|error| Self::io(path, error))
    }
}

fn remedy(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space or choose another disk",
        io::ErrorKind::PermissionDenied => "choose a folder you may write to",
        io::ErrorKind::ReadOnlyFilesystem => "choose a folder on a disk that is not read-only",
        io::ErrorKind::FileTooLarge => "raise the limit on file sizes or write to another disk",
        io::ErrorKind::InvalidFilename => "choose a shorter name",
        io::ErrorKind::NotADirectory => "part of its path is a file: check the spelling",
        io::ErrorKind::InvalidInput => "write it in another format",
        io::ErrorKind::BrokenPipe => "the program that reads it has ended",
        _ => "check the disk and try again",
    }
}

/// A file that is written beside its target and takes its place when [committed](AtomicFile::commit).
///
/// Dropping it without committing leaves no trace: that is what cancelling does.
///
/// ```
/// use std::io::Write;
/// use strandscope_genome::AtomicFile;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("out.tsv");
/// let mut file = AtomicFile::create(&path, false)?;
/// file.write_all(b"whole\n")?;
/// assert!(!path.exists(), "nothing is there until the end");
/// file.commit()?;
/// assert_eq!(std::fs::read(&path)?, b"whole\n");
/// assert!(AtomicFile::create(&path, false).is_err(), "an existing file is kept");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    temporary: PathBuf,
    force: bool,
    /// `None` once committed.
    file: Option<BufWriter<File>>,
}

impl AtomicFile {
    /// Begins a file that will stand at `path`.
    ///
    /// # Errors
    ///
    /// When `path` exists and `force` is false, is a folder, or its folder is missing or may not be written to.
    pub fn create(path: &Path, force: bool) -> Result<Self, OutputError> {
        // A link is followed, so that the file it leads to is replaced rather than the link.
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if target.is_dir() {
            return Err(OutputError::IsDirectory { path: path.to_owned() });
        }
        if !force && target.symlink_metadata().is_ok() {
            return Err(OutputError::Exists { path: path.to_owned() });
        }
        let folder = folder_of(&target);
        if folder.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Err(OutputError::NoFolder { path: path.to_owned(), folder: folder.to_owned() });
        }
        let (temporary, file) = create_beside(folder).map_err(|error| OutputError::io(path, error))?;
        unfinished::add(&temporary);
        Ok(Self { target, temporary, force, file: Some(BufWriter::with_capacity(1 << 16, file)) })
    }

    /// Where the file will stand.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// What has been written so far, to be read by another handle.
    pub(crate) fn reread(&mut self) -> Result<File, OutputError> {
        self.flush().map_err(|error| OutputError::from_write(&self.target, error))?;
        File::open(&self.temporary).map_err(|error| OutputError::io(&self.target, error))
    }

    /// Makes the file durable and puts it in its place.
    ///
    /// # Errors
    ///
    /// When the disk fails, or when another file has taken the place meanwhile and `force` is false.
    pub fn commit(self) -> Result<(), OutputError> {
        self.commit_when(true)
    }

    /// Puts the file in its place without waiting for the disk, for what can be made again: when the computer stops
    /// soon after, the file may be there and its content may not, which a checksum inside has to tell.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub fn commit_unsynced(self) -> Result<(), OutputError> {
        self.commit_when(false)
    }

    fn commit_when(mut self, is_durable: bool) -> Result<(), OutputError> {
        let Some(writer) = self.file.take() else { return Ok(()) };
        let result = self.put_in_place(writer, is_durable);
        if result.is_err() {
            self.remove_temporary();
        }
        result
    }

    fn put_in_place(&self, writer: BufWriter<File>, is_durable: bool) -> Result<(), OutputError> {
        let failed = |error| OutputError::io(&self.target, error);
        let file = writer.into_inner().map_err(|error| failed(error.into_error()))?;
        if let Ok(before) = fs::metadata(&self.target) {
            file.set_permissions(before.permissions()).map_err(failed)?;
        }
        if is_durable {
            file.sync_all().map_err(failed)?;
        }
        drop(file);
        if self.force {
            fs::rename(&self.temporary, &self.target).map_err(failed)?;
        } else {
            self.link_or_rename()?;
        }
        if is_durable {
            sync_folder(folder_of(&self.target));
        }
        Ok(())
    }

    /// A hard link, unlike a rename, never replaces a file; some file systems have none.
    fn link_or_rename(&self) -> Result<(), OutputError> {
        match fs::hard_link(&self.temporary, &self.target) {
            Ok(()) => {
                self.remove_temporary();
                Ok(())
            }
            Err(_) if self.target.symlink_metadata().is_ok() => Err(OutputError::Exists { path: self.target.clone() }),
            Err(_) => fs::rename(&self.temporary, &self.target).map_err(|error| OutputError::io(&self.target, error)),
        }
    }

    fn remove_temporary(&self) {
        if let Err(error) = fs::remove_file(&self.temporary) {
            tracing::warn!(path = %self.temporary.display(), %error, "a temporary file could not be removed");
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => file.write(bytes).map_err(|error| explained(&self.target, error)),
            None => Ok(0),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.flush().map_err(|error| explained(&self.target, error)),
            None => Ok(()),
        }
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.file {
            Some(file) => file.seek(to).map_err(|error| explained(&self.target, error)),
            None => Ok(0),
        }
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if let Some(writer) = self.file.take() {
            // What is still in the buffer is thrown away with the file.
            let _ = writer.into_parts();
            self.remove_temporary();
        }
        unfinished::forget(&self.temporary);
    }
}

/// Where data goes: a file that appears whole or not at all, a device or pipe, or standard output.
#[derive(Debug)]
pub struct Output {
    target: Target,
}

#[derive(Debug)]
enum Target {
    Atomic(AtomicFile),
    Device { path: PathBuf, file: BufWriter<File> },
    Stdout(BufWriter<io::Stdout>),
}

impl Output {
    /// Opens `path`, where `-` is standard output. Devices and pipes are written to as they are.
    ///
    /// # Errors
    ///
    /// As [`AtomicFile::create`].
    pub fn create(path: &Path, force: bool) -> Result<Self, OutputError> {
        let target = if path == Path::new("-") {
            Target::Stdout(BufWriter::new(io::stdout()))
        } else if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
            let file = OpenOptions::new().write(true).open(path).map_err(|error| OutputError::io(path, error))?;
            Target::Device { path: path.to_owned(), file: BufWriter::new(file) }
        } else {
            Target::Atomic(AtomicFile::create(path, force)?)
        };
        Ok(Self { target })
    }

    /// Ends the output: what was written is now there.
    ///
    /// # Errors
    ///
    /// When the last of it could not be written.
    pub fn commit(self) -> Result<(), OutputError> {
        match self.target {
            Target::Atomic(file) => file.commit(),
            Target::Device { path, mut file } => file.flush().map_err(|error| OutputError::io(&path, error)),
            Target::Stdout(mut out) => {
                out.flush().map_err(|error| OutputError::io(Path::new("standard output"), error))
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Target::Atomic(file) => file.write(bytes),
            Target::Device { path, file } => file.write(bytes).map_err(|error| explained(path, error)),
            Target::Stdout(out) => out.write(bytes).map_err(|error| explained(Path::new("standard output"), error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::Atomic(file) => file.flush(),
            Target::Device { path, file } => file.flush().map_err(|error| explained(path, error)),
            Target::Stdout(out) => out.flush().map_err(|error| explained(Path::new("standard output"), error)),
        }
    }
}

/// A system error with the sentence of [`OutputError`], for code that knows only [`Write`].
fn explained(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), OutputError::io(path, error))
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new hidden file in `folder`; its name owes nothing to the target's, which may be as long as names can be.
fn create_beside(folder: &Path) -> io::Result<(PathBuf, File)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!(".strandscope-{}-{number}.part", process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// Makes a rename survive a power cut. A file system that cannot do that is no reason to fail.
fn sync_folder(folder: &Path) {
    if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
        tracing::debug!(folder = %folder.display(), %error, "the folder could not be synced");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_files(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn an_existing_file_is_replaced_only_by_force_and_only_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.tsv");
        fs::write(&path, "old").unwrap();
        let refused = AtomicFile::create(&path, false).unwrap_err().to_string();
        assert!(refused.contains("out.tsv: the file exists"), "{refused}");
        let mut file = AtomicFile::create(&path, true).unwrap();
        file.write_all(b"new").unwrap();
        file.flush().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        drop(file);
        assert_eq!((fs::read(&path).unwrap(), count_files(folder.path())), (b"old".to_vec(), 1));
        let mut file = AtomicFile::create(&path, true).unwrap();
        file.write_all(b"new").unwrap();
        file.commit().unwrap();
        assert_eq!((fs::read(&path).unwrap(), count_files(folder.path())), (b"new".to_vec(), 1));
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.tsv");
        let file = AtomicFile::create(&path, false).unwrap();
        fs::write(&path, "another program's").unwrap();
        assert!(matches!(file.commit(), Err(OutputError::Exists { .. })), "it came first");
        assert_eq!((fs::read(&path).unwrap(), count_files(folder.path())), (b"another program's".to_vec(), 1));
    }

    #[test]
    fn places_where_no_file_can_be_are_explained() {
        let folder = tempfile::tempdir().unwrap();
        let error = |path: &Path| Output::create(path, true).unwrap_err().to_string();
        assert!(error(folder.path()).contains("it is a directory"), "{}", error(folder.path()));
        let missing = folder.path().join("nowhere/out.tsv");
        assert!(error(&missing).contains("nowhere does not exist; create it first"), "{}", error(&missing));
        fs::write(folder.path().join("plain"), "").unwrap();
        let through = folder.path().join("plain/out.tsv");
        assert!(error(&through).contains("part of its path is a file"), "{}", error(&through));
        assert_eq!(count_files(folder.path()), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_with_the_path_and_a_remedy() {
        let path = Path::new("/dev/full");
        let mut out = Output::create(path, false).unwrap();
        let error = out.write_all(&[b'x'; 1 << 20]).and_then(|()| out.flush()).unwrap_err();
        let error = OutputError::from_write(path, error).to_string();
        assert!(
            error.starts_with("cannot write /dev/full: No space left") && error.contains("free some space"),
            "{error}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_and_rights_are_kept() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&real, &link).unwrap();
        let mut file = AtomicFile::create(&link, true).unwrap();
        file.write_all(b"new").unwrap();
        file.commit().unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert!(link.symlink_metadata().unwrap().is_symlink(), "the link is still one");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
