//! A whole model: its files one after the other, all of one commit, then into its place.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fs,
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{
    Added, Adding, Entry, EntryFile, FileRecord, Hub, Library, LibraryError, Manifest, Source, Verified, Watch,
    checksum::digests,
    disk::check_room,
    download::{Download, Outcome},
    hub::{self, Online},
    manifest::{MANIFEST, read_json, write_json},
    name,
    progress::Watched,
    shelf::Place,
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
        check_entry(entry)?;
        let place = self.claim(&adding.name)?;
        place.check_free(adding.force)?;
        let folder = self.part_folder(&adding.name);
        let mut fetching = Fetching::take_up(self, online, entry, &place, &folder)?;
        fetching.all(watch)?;
        fetching.remove_leftovers()?;
        fetching.record.manifest(entry).write(&*self.disk, &folder)?;
        if let Err(error) = check(&folder) {
            fetching.forget_unverified()?;
            let remedy = "What was fetched is kept for another try; models remove takes it away";
            return Err(LibraryError::Unusable { name: adding.name.clone(), remedy, source: error.into() });
        }
        let installed = place.put(&folder)?;
        // Until here, so that whatever fails is taken up again; a record that stays does no harm.
        if let Err(error) = place.discard(&installed.folder.join(RECORD)) {
            tracing::debug!(%error, "the record of a download stays");
        }
        Ok(Added { installed, warnings: fetching.warnings() })
    }
}

/// Whether the names in an entry stay where they belong, on the hub and on this computer.
fn check_entry(entry: &Entry) -> Result<(), LibraryError> {
    let odd = |reason| Err(LibraryError::Catalogue { reason });
    if !hub::is_repository(&entry.repository) {
        return odd(format!("{:?} is no id of a model", entry.repository));
    }
    match entry.files.iter().find(|file| !name::is_model_file(&file.name)) {
        Some(file) => odd(format!("{} lists {:?}, which is no file of a model", entry.name, file.name)),
        None => Ok(()),
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
    place: &'a Place,
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
        place: &'a Place,
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
            None => place.discard(folder)?,
        }
        fs::create_dir_all(folder).map_err(|error| LibraryError::writing(folder, error))?;
        let fetching = Self { library, online, entry, place, folder, record, earlier: files };
        fetching.save()?;
        Ok(fetching)
    }

    /// The files that the catalogue lists, or those that models usually have.
    fn all(&mut self, watch: &mut Watch<'_>) -> Result<(), LibraryError> {
        let listed: Option<u64> = self.entry.files.iter().map(|file| file.size_bytes).sum();
        self.check_room(listed.filter(|bytes| *bytes > 0).or(self.entry.approximate_bytes))?;
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
            if name.ends_with(".index.json") {
                self.shards(name, watch)?;
            }
            return Ok(());
        }
        let address = self.address("");
        let reason = format!("the model has none of {}", WEIGHTS.join(", "));
        Err(LibraryError::NotFound { address: address.trim_end_matches('/').to_owned(), reason })
    }

    /// Files that an index names.
    fn shards(&mut self, name: &str, watch: &mut Watch<'_>) -> Result<(), LibraryError> {
        #[derive(Default, Deserialize)]
        struct Index {
            #[serde(default)]
            metadata: serde_json::Value,
            weight_map: BTreeMap<String, String>,
        }
        let failed = |reason| LibraryError::Answer { address: self.address(name), reason };
        let index: Option<Index> = read_json(&self.folder.join(name))
            .map_err(|error| failed(format!("the list of the files of weights cannot be read: {error}")))?;
        let index = index.unwrap_or_default();
        let shards: BTreeSet<String> = index.weight_map.into_values().collect();
        if let Some(odd) = shards.iter().find(|shard| !name::is_weights(shard)) {
            return Err(failed(format!("its list of files names {odd:?}, which is no file of weights")));
        }
        if shards.is_empty() || shards.len() > MOST_SHARDS {
            return Err(failed(format!("its list of files names {} files", shards.len())));
        }
        self.check_room(index.metadata.get("total_size").and_then(serde_json::Value::as_u64))?;
        for shard in shards {
            self.needed(&unlisted(&shard), watch)?;
        }
        Ok(())
    }

    /// Whether there is room for so many bytes in all; what is there already counts.
    fn check_room(&self, total_bytes: Option<u64>) -> Result<(), LibraryError> {
        let entries = fs::read_dir(self.folder).map_err(|error| LibraryError::reading(self.folder, error))?;
        let kept: u64 = entries.flatten().filter_map(|entry| Some(entry.metadata().ok()?.len())).sum();
        check_room(&*self.library.disk, self.folder, total_bytes.unwrap_or_default().saturating_sub(kept))
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
        match digests(&self.folder.join(&file.name), watched) {
            Ok(found) if wanted && found.sha256 == record.sha256 => Ok(Some(record)),
            Err(LibraryError::Cancelled) => Err(LibraryError::Cancelled),
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

    /// Forgets files that nothing vouches for: what a check refuses may be the page of an access portal, and would be
    /// refused for ever if it was kept.
    fn forget_unverified(&mut self) -> Result<(), LibraryError> {
        self.record.files.retain(|file| file.verified != Verified::Not);
        self.save()
    }

    /// Removes what an earlier try has left that is no file of the model.
    fn remove_leftovers(&self) -> Result<(), LibraryError> {
        let unread = |error| LibraryError::reading(self.folder, error);
        let mut ours: BTreeSet<_> = self.record.files.iter().map(|file| file.name.as_str()).collect();
        ours.extend([RECORD, MANIFEST]);
        for entry in fs::read_dir(self.folder).map_err(unread)? {
            let name = entry.map_err(unread)?.file_name();
            if !name.to_str().is_some_and(|name| ours.contains(name)) {
                self.place.discard(&self.folder.join(&name))?;
            }
        }
        Ok(())
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
