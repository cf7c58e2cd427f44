//! A whole model: its files one after the other, all of one commit, then into its place.

use std::{collections::BTreeSet, error::Error, fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    Added, Adding, Entry, EntryFile, FileRecord, Hub, Library, LibraryError, Manifest, Source, Step, Verified, Watch,
    checksum::digests,
    download::{Download, Outcome, Unread},
    hub::{self, Online},
    manifest::{read_json, write_json},
    name,
    progress::Watched,
};

/// What an unfinished download says about itself.
const RECORD: &str = "download.json";

/// Most files that the weights of one model may be in.
const MOST_SHARDS: usize = 1_000;

/// Where weights may be, best first; an index names its files.
const WEIGHTS: [&str; 4] =
    ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"];

/// Taken where they are there.
const TOKENIZER: [&str; 4] = ["tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"];

impl Library {
    /// Fetches a model of the catalogue. What an interrupted try has fetched is kept and not fetched again; `check`
    /// sees the folder before it gets its name and may refuse it.
    ///
    /// A file is held against the SHA-256 in the catalogue, where it has one, and otherwise against the checksum that
    /// the hub states; where there is none either, a warning says so, and the manifest too.
    ///
    /// # Errors
    /// When the name is taken, the hub cannot be reached or does not have it, a file is not what it should be, the disk
    /// is full, `check` refuses, or `watch` stops it.
    pub fn get<E: Into<Box<dyn Error + Send + Sync>>>(
        &self,
        entry: &Entry,
        hub: &Hub,
        adding: &Adding,
        watch: &mut Watch<'_>,
        check: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<Added, LibraryError> {
        let online = hub.online(&entry.repository)?;
        if !hub::is_repository(&entry.repository) {
            return Err(LibraryError::Catalogue { reason: format!("{:?} is no id of a model", entry.repository) });
        }
        let place = self.claim(&adding.name)?;
        place.check_free(adding.force)?;
        let folder = self.part_folder(&adding.name);
        let mut fetching = Fetching::take_up(self, online, entry, &folder)?;
        fetching.all(watch)?;
        fetching.record.manifest(entry).write(&*self.disk, &folder)?;
        check(&folder).map_err(|error| LibraryError::Unusable { name: adding.name.clone(), source: error.into() })?;
        place.discard(&folder.join(RECORD))?;
        remove_leftovers(&folder, &fetching.record)?;
        Ok(Added { installed: place.put(&folder)?, warnings: fetching.warnings() })
    }
}

/// What has been fetched of which model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    endpoint: String,
    repository: String,
    revision: String,
    /// The commit that all files are taken from, once it is known.
    commit: Option<String>,
    files: Vec<FileRecord>,
}

impl Record {
    fn manifest(&self, entry: &Entry) -> Manifest {
        let Self { endpoint, repository, revision, commit, files } = self.clone();
        let source = Source::Hub { endpoint, repository, revision, commit };
        Manifest::new(source, &entry.licence, entry.commercial_use, files)
    }

    fn is_of_same(&self, other: &Self) -> bool {
        (&self.endpoint, &self.repository, &self.revision) == (&other.endpoint, &other.repository, &other.revision)
    }
}

/// A model that is being fetched.
struct Fetching<'a> {
    library: &'a Library,
    online: &'a Online,
    entry: &'a Entry,
    folder: &'a Path,
    record: Record,
    /// Files of an earlier try, not looked at yet.
    earlier: Vec<FileRecord>,
}

impl<'a> Fetching<'a> {
    /// Begins, or goes on where an earlier try of the same model ended.
    fn take_up(
        library: &'a Library,
        online: &'a Online,
        entry: &'a Entry,
        folder: &'a Path,
    ) -> Result<Self, LibraryError> {
        let mut record = Record {
            endpoint: online.endpoint().to_owned(),
            repository: entry.repository.clone(),
            revision: entry.revision.clone(),
            commit: None,
            files: Vec::new(),
        };
        let earlier: Option<Record> = read_json(&folder.join(RECORD)).unwrap_or_default();
        let mut files = Vec::new();
        match earlier.filter(|earlier| earlier.is_of_same(&record)) {
            Some(earlier) => (record.commit, files) = (earlier.commit, earlier.files),
            None if folder.symlink_metadata().is_ok() => {
                fs::remove_dir_all(folder)
                    .map_err(|error| LibraryError::io("removing from the library", folder, error))?;
            }
            None => {}
        }
        fs::create_dir_all(folder).map_err(|error| LibraryError::io("writing to the library", folder, error))?;
        let fetching = Self { library, online, entry, folder, record, earlier: files };
        fetching.save()?;
        Ok(fetching)
    }

    /// The files that the catalogue lists, or those that models usually have.
    fn all(&mut self, watch: &mut Watch<'_>) -> Result<(), LibraryError> {
        for file in &self.entry.files {
            self.needed(file, watch)?;
        }
        if self.entry.files.is_empty() {
            self.needed(&unlisted("config.json"), watch)?;
            self.weights(watch)?;
            for name in TOKENIZER {
                self.file(&unlisted(name), watch)?;
            }
        }
        Ok(())
    }

    fn weights(&mut self, watch: &mut Watch<'_>) -> Result<(), LibraryError> {
        for name in WEIGHTS {
            if self.file(&unlisted(name), watch)?.is_some() {
                continue;
            }
            for shard in self.shards(name)? {
                self.needed(&unlisted(&shard), watch)?;
            }
            return Ok(());
        }
        let address = self.address("");
        let reason = format!("the model has none of {}", WEIGHTS.join(", "));
        Err(LibraryError::NotFound { address: address.trim_end_matches('/').to_owned(), reason })
    }

    /// Files that an index names; none where `name` is no index.
    fn shards(&self, name: &str) -> Result<BTreeSet<String>, LibraryError> {
        #[derive(Deserialize)]
        struct Index {
            weight_map: std::collections::BTreeMap<String, String>,
        }
        if !name.ends_with(".index.json") {
            return Ok(BTreeSet::new());
        }
        let failed = |reason| LibraryError::Answer { address: self.address(name), reason };
        let index: Option<Index> = read_json(&self.folder.join(name))
            .map_err(|error| failed(format!("the list of the files of weights cannot be read: {error}")))?;
        let shards: BTreeSet<String> = index.into_iter().flat_map(|index| index.weight_map.into_values()).collect();
        if let Some(odd) = shards.iter().find(|shard| !name::is_weights(shard)) {
            return Err(failed(format!("its list of files names {odd:?}, which is no file of weights")));
        }
        if shards.is_empty() || shards.len() > MOST_SHARDS {
            return Err(failed(format!("its list of files names {} files", shards.len())));
        }
        Ok(shards)
    }

    /// A file without which the model is none.
    fn needed(&mut self, file: &EntryFile, watch: &mut Watch<'_>) -> Result<(), LibraryError> {
        self.file(file, watch)?.map_or(Ok(()), Err)
    }

    /// Fetches a file unless an earlier try did; tells where it was looked for in vain.
    fn file(&mut self, file: &EntryFile, watch: &mut Watch<'_>) -> Result<Option<LibraryError>, LibraryError> {
        let mut watched = Watched::new(watch, &file.name);
        if let Some(record) = self.fetched_earlier(file, &mut watched)? {
            self.record.files.push(record);
            return Ok(None);
        }
        let download = Download {
            online: self.online,
            disk: &*self.library.disk,
            folder: self.folder,
            address: self.address(&file.name),
            wanted: file,
        };
        match download.run(&mut watched)? {
            Outcome::NotThere(error) => Ok(Some(error)),
            Outcome::There { record, commit } => {
                self.record.files.push(record);
                self.record.commit = self.record.commit.take().or_else(|| commit.filter(|commit| is_commit(commit)));
                self.save()?;
                Ok(None)
            }
        }
    }

    /// The record of a file of an earlier try, if it is still what it was.
    fn fetched_earlier(
        &mut self,
        file: &EntryFile,
        watched: &mut Watched<'_, '_>,
    ) -> Result<Option<FileRecord>, LibraryError> {
        let Some(place) = self.earlier.iter().position(|record| record.name == file.name) else { return Ok(None) };
        let record = self.earlier.swap_remove(place);
        let wanted = file.sha256.as_ref().is_none_or(|sha256| *sha256 == record.sha256);
        watched.total_bytes = Some(record.size_bytes);
        let path = self.folder.join(&file.name);
        match digests(&path, |done_bytes| watched.at(Step::Checking, done_bytes).map_err(Unread::Told)) {
            Ok(found) if wanted && found.sha256 == record.sha256 => Ok(Some(record)),
            Err(Unread::Told(error)) => Err(error),
            _ => Ok(None),
        }
    }

    /// Once the commit is known, everything is taken from it: a model that changes meanwhile is not mixed.
    fn address(&self, file: &str) -> String {
        let revision = self.record.commit.as_deref().unwrap_or(&self.entry.revision);
        self.online.address(&self.entry.repository, revision, file)
    }

    fn save(&self) -> Result<(), LibraryError> {
        let mut record = self.record.clone();
        record.files.extend(self.earlier.iter().cloned());
        write_json(&*self.library.disk, &self.folder.join(RECORD), &record)
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let unverified = self.record.files.iter().filter(|file| file.verified == Verified::Not);
        let unverified: Vec<_> = unverified.map(|file| file.name.as_str()).collect();
        if !unverified.is_empty() {
            warnings.push(format!("unverified: the server states no checksum for {}", unverified.join(", ")));
        }
        if self.online.keeps_token() {
            warnings.push("HF_TOKEN was not sent: the connection to the endpoint is not encrypted".to_owned());
        }
        warnings
    }
}

fn unlisted(name: &str) -> EntryFile {
    EntryFile { name: name.to_owned(), size_bytes: None, sha256: None }
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Removes what an earlier try has left that is no file of the model.
fn remove_leftovers(folder: &Path, record: &Record) -> Result<(), LibraryError> {
    let failed = |error| LibraryError::io("reading the library", folder, error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let is_ours = record.files.iter().any(|file| name.to_str() == Some(&file.name));
        if !is_ours && name.to_str() != Some(crate::manifest::MANIFEST) {
            fs::remove_file(folder.join(&name)).map_err(failed)?;
        }
    }
    Ok(())
}
