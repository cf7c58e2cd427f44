//! The shelf: models in the user's data folder, added and removed whole.
//!
//! A model is the folder `models/NAME`. Beside it may stand, for a while:
//! `NAME.part` (an unfinished download), `.NAME.new` (an import that is being copied, or what is being removed) and
//! `.NAME.old` (what is being replaced). Whoever works on a name holds the lock `.locks/NAME`.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    LibraryError, Manifest,
    disk::{Disk, RealDisk, sync_folder},
    name,
};

/// Ends of the hidden names of what is being added and what is being replaced.
const NEW: &str = ".new";
const OLD: &str = ".old";

/// Folder of locks.
const LOCKS: &str = ".locks";

/// The user's models and heads.
#[derive(Clone)]
pub struct Library {
    /// Where the models are.
    models: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
}

/// A model in the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Where it came from; `None` where the user put it there by hand.
    pub manifest: Option<Manifest>,
    /// Why its manifest cannot be read, where it cannot.
    pub problem: Option<String>,
}

impl Installed {
    fn of(name: String, folder: PathBuf) -> Self {
        match Manifest::read(&folder) {
            Ok(manifest) => Self { name, folder, manifest, problem: None },
            Err(error) => Self { name, folder, manifest: None, problem: Some(error.to_string()) },
        }
    }
}

impl Library {
    /// The user's data folder; one below the system's temporary folder where there is no home.
    pub fn default_folder() -> PathBuf {
        directories::ProjectDirs::from("", "", "strandscope")
            .map_or_else(|| std::env::temp_dir().join("strandscope-data"), |folders| folders.data_dir().to_owned())
    }

    /// The library in this data folder, which need not be there yet.
    pub fn open(folder: impl AsRef<Path>) -> Self {
        Self { models: folder.as_ref().join("models"), disk: Arc::new(RealDisk) }
    }

    /// The same on another disk.
    #[cfg(test)]
    pub(crate) fn on(self, disk: impl Disk + 'static) -> Self {
        Self { disk: Arc::new(disk), ..self }
    }

    /// The folder that its models are in.
    pub fn models_folder(&self) -> &Path {
        &self.models
    }

    /// The folder of the model of this name, where there is one.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let folder = self.models.join(name);
        (name::check(name).is_ok() && folder.is_dir()).then_some(folder)
    }

    /// Every model, by name.
    ///
    /// # Errors
    /// When the folder cannot be read. One that is not there is empty.
    pub fn installed(&self) -> Result<Vec<Installed>, LibraryError> {
        let models = self.names()?.into_iter().filter(|name| self.find(name).is_some());
        Ok(models.map(|name| Installed::of(name.clone(), self.models.join(name))).collect())
    }

    /// Names of models whose download was interrupted and can be taken up again.
    ///
    /// # Errors
    /// As [`Self::installed`].
    pub fn unfinished(&self) -> Result<Vec<String>, LibraryError> {
        let stem = |name: String| name.strip_suffix(name::PART).map(str::to_owned);
        Ok(self.names()?.into_iter().filter_map(stem).filter(|name| name::check(name).is_ok()).collect())
    }

    /// Names of everything that is there, in order.
    fn names(&self) -> Result<Vec<String>, LibraryError> {
        let failed = |error| LibraryError::reading(&self.models, error);
        let entries = match fs::read_dir(&self.models) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let names: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.file_name())).collect();
        let mut names: Vec<_> = names.map_err(failed)?.into_iter().filter_map(|name| name.into_string().ok()).collect();
        names.sort();
        Ok(names)
    }

    /// Removes a model, and what there is of an unfinished download of it.
    ///
    /// # Errors
    /// When there is none of this name, another program works on it, or the system refuses.
    pub fn remove(&self, name: &str) -> Result<(), LibraryError> {
        name::check(name)?;
        let part = self.part_folder(name);
        if self.find(name).is_none() && !part.is_dir() {
            return Err(self.not_installed(name));
        }
        let place = self.claim(name)?;
        place.discard(&part)?;
        place.remove()
    }

    /// Lets `change` write into the folder of a model while nobody else works on it.
    ///
    /// # Errors
    /// When there is none of this name, another program works on it, or `change` fails.
    pub fn change<T, E: From<LibraryError>>(
        &self,
        name: &str,
        change: impl FnOnce(&Path) -> Result<T, E>,
    ) -> Result<T, E> {
        name::check(name)?;
        if self.find(name).is_none() {
            return Err(self.not_installed(name).into());
        }
        let place = self.claim(name)?;
        change(&place.folder())
    }

    fn not_installed(&self, name: &str) -> LibraryError {
        let known = self.installed().unwrap_or_default().into_iter().map(|installed| installed.name).collect();
        LibraryError::NotInstalled { name: name.to_owned(), folder: self.models.clone(), known }
    }

    /// Where a download of this name is kept until it is whole.
    pub(crate) fn part_folder(&self, name: &str) -> PathBuf {
        self.models.join(format!("{name}{}", name::PART))
    }

    /// Takes a name, so that nobody else works on it.
    pub(crate) fn claim(&self, name: &str) -> Result<Place, LibraryError> {
        let place = self.lock(name)?;
        place.tidy()?;
        self.tidy_others(name);
        Ok(place)
    }

    /// Ends what programs that were killed have begun under other names.
    fn tidy_others(&self, ours: &str) {
        let stem = |name: &str| {
            let name = name.strip_prefix('.')?;
            Some(name.strip_suffix(NEW).or_else(|| name.strip_suffix(OLD))?.to_owned())
        };
        let begun = self.names().unwrap_or_default();
        for name in begun.iter().filter_map(|name| stem(name)).filter(|name| name != ours) {
            // Without locks another program may still be at it.
            let tidied = self.lock(&name).and_then(|place| if place.is_held { place.tidy() } else { Ok(()) });
            if let Err(error) = tidied {
                tracing::debug!(name, %error, "left as it is");
            }
        }
    }

    fn lock(&self, name: &str) -> Result<Place, LibraryError> {
        name::check(name)?;
        let locks = self.models.join(LOCKS);
        fs::create_dir_all(&locks).map_err(|error| LibraryError::writing(&locks, error))?;
        let lock = locks.join(name);
        let file = OpenOptions::new().create(true).append(true).open(&lock);
        let file = file.map_err(|error| LibraryError::writing(&lock, error))?;
        let is_held = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => return Err(LibraryError::Busy { name: name.to_owned(), lock }),
            Err(TryLockError::Error(error)) => {
                tracing::debug!(%error, "this file system has no locks");
                false
            }
        };
        Ok(Place { name: name.to_owned(), models: self.models.clone(), _lock: file, is_held })
    }
}

/// A name of the library that is ours until this is dropped.
pub(crate) struct Place {
    name: String,
    models: PathBuf,
    /// Let go when it is closed. The file itself stays: if it was removed, somebody could wait for the lock of a file
    /// that is no more while somebody else makes a new one.
    _lock: File,
    /// Whether nobody else can take it; some file systems have no locks.
    is_held: bool,
}

impl Place {
    /// Where the model will be.
    pub(crate) fn folder(&self) -> PathBuf {
        self.models.join(&self.name)
    }

    /// Where a copy is made, and where a model goes that is being removed.
    pub(crate) fn staging(&self) -> PathBuf {
        self.models.join(format!(".{}{NEW}", self.name))
    }

    fn old(&self) -> PathBuf {
        self.models.join(format!(".{}{OLD}", self.name))
    }

    /// Whether the name is taken.
    fn is_taken(&self) -> bool {
        self.folder().symlink_metadata().is_ok()
    }

    /// # Errors
    /// When the name is taken and may not be given again.
    pub(crate) fn check_free(&self, force: bool) -> Result<(), LibraryError> {
        if force || !self.is_taken() {
            return Ok(());
        }
        Err(LibraryError::Exists { name: self.name.clone(), folder: self.folder() })
    }

    /// Ends what a program that was killed has begun.
    fn tidy(&self) -> Result<(), LibraryError> {
        if self.old().symlink_metadata().is_ok() && !self.is_taken() {
            self.rename(&self.old(), &self.folder())?;
        }
        self.discard(&self.old())?;
        self.discard(&self.staging())
    }

    /// Gives a whole folder the name of the model.
    pub(crate) fn put(&self, whole: &Path) -> Result<Installed, LibraryError> {
        sync_folder(whole);
        let folder = self.folder();
        if self.is_taken() {
            self.rename(&folder, &self.old())?;
        }
        if let Err(error) = self.rename(whole, &folder) {
            // Whatever fails, the model that was there before is there still.
            let _ = fs::rename(self.old(), &folder);
            return Err(error);
        }
        sync_folder(&self.models);
        if let Err(error) = self.discard(&self.old()) {
            tracing::debug!(%error, "left for whoever works on a name next");
        }
        Ok(Installed::of(self.name.clone(), folder))
    }

    fn remove(&self) -> Result<(), LibraryError> {
        if self.is_taken() {
            // First out of sight, so that no half of a model is ever seen.
            self.rename(&self.folder(), &self.staging())?;
            self.discard(&self.staging())?;
        }
        sync_folder(&self.models);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), LibraryError> {
        fs::rename(from, to).map_err(|error| LibraryError::writing(from, error))
    }

    /// Removes a folder with all that is in it; a link alone, where it is one.
    pub(crate) fn discard(&self, path: &Path) -> Result<(), LibraryError> {
        let Ok(metadata) = path.symlink_metadata() else { return Ok(()) };
        let removed = if metadata.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        removed.map_err(|error| LibraryError::removing(path, error))
    }
}
