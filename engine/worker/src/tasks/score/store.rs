//! Scores on disk, each piece in a file under the fingerprint of all that it depends on.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use strandscope_genome::{AtomicFile, sha256_of_bytes};

/// What all pieces take together, unless the user says otherwise: 2 GiB.
const MOST_BYTES: u64 = 2 << 30;

/// Larger files are no pieces.
const LARGEST_BYTES: u64 = 1 << 30;

/// What a file begins with; behind it come the SHA-256 of the answers in hexadecimal and the answers.
const MAGIC: &[u8] = b"strandscope scores 1\n";

/// Length of a SHA-256 in hexadecimal.
const DIGEST: usize = 64;

/// Kept pieces in a folder. Whatever goes wrong here is told in the log and costs no more than time.
pub(crate) struct ScoreStore {
    folder: PathBuf,
    most_bytes: u64,
    /// What there is, as far as this process knows; `None` before it has looked.
    held_bytes: Option<u64>,
}

impl ScoreStore {
    /// The store below the cache folder of the user.
    pub(crate) fn new(cache: &Path, most_bytes: Option<u64>) -> Self {
        Self { folder: cache.join("scores"), most_bytes: most_bytes.unwrap_or(MOST_BYTES), held_bytes: None }
    }

    /// Pieces lie in folders by the first two digits of their keys.
    fn path(&self, key: &str) -> PathBuf {
        let (folder, name) = key.split_at_checked(2).unwrap_or(("", key));
        self.folder.join(folder).join(name)
    }

    /// Whether there is a piece of this key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.path(key).is_file()
    }

    /// The answers of a piece; what is damaged is thrown away.
    pub(crate) fn load(&self, key: &str) -> Option<Vec<u8>> {
        let path = self.path(key);
        let file = File::open(&path).ok()?;
        match read(&file) {
            Ok(answers) => {
                // The time of last use decides what is thrown away first.
                let _ = file.set_modified(SystemTime::now());
                Some(answers)
            }
            Err(error) => {
                tracing::debug!(path = %path.display(), %error, "kept scores are damaged and computed again");
                let _ = fs::remove_file(&path);
                None
            }
        }
    }

    /// Keeps the answers of a piece.
    pub(crate) fn save(&mut self, key: &str, answers: &[u8]) {
        let bytes = (MAGIC.len() + DIGEST + answers.len()) as u64;
        let path = self.path(key);
        let before = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if bytes > self.most_bytes.min(LARGEST_BYTES) {
            return;
        }
        let held_bytes = match self.held_bytes {
            Some(held) => held,
            None => files(&self.folder).iter().map(|file| file.bytes).sum(),
        };
        self.held_bytes = Some(held_bytes);
        if held_bytes + bytes > self.most_bytes {
            self.make_room(bytes);
        }
        match write(&path, answers) {
            Ok(()) => self.held_bytes = self.held_bytes.map(|held| (held + bytes).saturating_sub(before)),
            Err(error) => tracing::debug!(path = %path.display(), error, "scores could not be kept"),
        }
    }

    /// Throws away what was used longest ago until a tenth is free, and there is room for `bytes` more.
    fn make_room(&mut self, bytes: u64) {
        let mut files = files(&self.folder);
        files.sort_by_key(|file| file.used);
        let mut held: u64 = files.iter().map(|file| file.bytes).sum();
        let limit = (self.most_bytes - self.most_bytes / 10).min(self.most_bytes.saturating_sub(bytes));
        for file in files {
            if held <= limit {
                break;
            }
            match fs::remove_file(&file.path) {
                Ok(()) => held -= file.bytes,
                Err(error) => tracing::debug!(path = %file.path.display(), %error, "kept scores could not be removed"),
            }
        }
        self.held_bytes = Some(held);
    }
}

/// A kept piece.
struct Kept {
    used: SystemTime,
    bytes: u64,
    path: PathBuf,
}

/// All pieces of a folder.
fn files(folder: &Path) -> Vec<Kept> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let kept = |entry: fs::DirEntry| {
        let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        let used = metadata.modified().unwrap_or(UNIX_EPOCH);
        Some(Kept { used, bytes: metadata.len(), path: entry.path() })
    };
    entries(folder).flat_map(|folder| entries(&folder.path()).filter_map(kept).collect::<Vec<_>>()).collect()
}

fn read(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(LARGEST_BYTES).read_to_end(&mut bytes)?;
    let answers = bytes.strip_prefix(MAGIC).and_then(|rest| rest.split_at_checked(DIGEST));
    let answers = answers.filter(|(digest, answers)| sha256_of_bytes(answers).as_bytes() == *digest);
    let Some(length) = answers.map(|(_, answers)| answers.len()) else {
        return Err(io::Error::other("its checksum does not fit"));
    };
    Ok(bytes.split_off(bytes.len() - length))
}

fn write(path: &Path, answers: &[u8]) -> Result<(), String> {
    let folder = path.parent().ok_or("it has no folder")?;
    fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let mut file = AtomicFile::create(path, true).map_err(|error| error.to_string())?;
    let digest = sha256_of_bytes(answers);
    let parts = [MAGIC, digest.as_bytes(), answers];
    parts.iter().try_for_each(|part| file.write_all(part)).map_err(|error| error.to_string())?;
    // A GPU would wait for the disk longer than it computes.
    file.commit_unsynced().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn key(number: u64) -> String {
        sha256_of_bytes(&number.to_le_bytes())
    }

    #[test]
    fn what_is_kept_comes_back_and_what_is_damaged_goes() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let mut store = ScoreStore::new(folder.path(), None);
        assert_eq!((store.load(&key(1)), store.has(&key(1))), (None, false), "nothing yet");
        store.save(&key(1), b"answers");
        assert_eq!((store.load(&key(1)).as_deref(), store.has(&key(1))), (Some(&b"answers"[..]), true));
        let path = store.path(&key(1));
        let whole = fs::read(&path).expect("a file");
        for at in [0, MAGIC.len(), whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, &damaged).expect("a file");
            assert_eq!(store.load(&key(1)), None, "byte {at} is another");
            assert!(!path.exists(), "it is gone");
        }
        fs::write(&path, &whole[..whole.len() - 1]).expect("a file");
        assert_eq!(store.load(&key(1)), None, "cut short");
        fs::write(&path, "").expect("a file");
        assert_eq!(store.load(&key(1)), None, "empty");
    }

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let one = (MAGIC.len() + DIGEST + 1_000) as u64;
        let mut store = ScoreStore::new(folder.path(), Some(10 * one));
        for number in 0..10 {
            store.save(&key(number), &[1; 1_000]);
            let file = File::options().write(true).open(store.path(&key(number))).expect("a file");
            file.set_modified(UNIX_EPOCH + Duration::from_secs(number)).expect("a time");
        }
        assert!(store.load(&key(0)).is_some(), "used now");
        store.save(&key(10), &[1; 1_000]);
        let there: Vec<u64> = (0..=10).filter(|number| store.has(&key(*number))).collect();
        assert_eq!(there, [0, 2, 3, 4, 5, 6, 7, 8, 9, 10], "the oldest is gone");
        let mut other = ScoreStore::new(folder.path(), Some(3 * one));
        other.save(&key(11), &[1; 1_000]);
        let held: u64 = files(&other.folder).iter().map(|file| file.bytes).sum();
        assert!(held <= 3 * one && other.has(&key(11)), "{held} bytes of {}", 3 * one);
        other.save(&key(12), &[1; 10_000]);
        assert!(!other.has(&key(12)), "more than all together");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_no_fault() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        fs::write(folder.path().join("scores"), "a file").expect("a file");
        let mut store = ScoreStore::new(folder.path(), None);
        store.save(&key(1), b"answers");
        assert_eq!(store.load(&key(1)), None, "nothing is kept");
    }
}
