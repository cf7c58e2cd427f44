//! How fast runs were, so that it can be told how long the next one takes.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use strandscope_genome::AtomicFile;

/// Speeds remembered at once.
const MOST_KNOWN: usize = 256;

/// Shorter runs tell more of the disk than of the device.
const WORTH_TELLING: Duration = Duration::from_millis(50);

/// Shorter runs do not take the place of what is known.
const WORTH_MORE: Duration = Duration::from_millis(500);

/// A file with windows per second, by device, model, head and length of windows.
pub(crate) struct Speeds {
    path: PathBuf,
}

#[derive(Default, Serialize, Deserialize)]
struct Stored {
    speeds: BTreeMap<String, Speed>,
}

#[derive(Serialize, Deserialize)]
struct Speed {
    windows_per_second: f64,
    /// When it was measured, in seconds since 1970.
    unix_seconds: u64,
}

impl Speeds {
    /// The file in the cache folder of the user.
    pub(crate) fn new(cache: &Path) -> Self {
        Self { path: cache.join("speeds.json") }
    }

    fn stored(&self) -> Stored {
        let text = fs::read(&self.path).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Seconds for so many windows, where runs of this key were seen.
    pub(crate) fn seconds(&self, key: &str, windows: u64) -> Option<f64> {
        let speed = self.stored().speeds.get(key)?.windows_per_second;
        Some(windows as f64 / speed).filter(|seconds| seconds.is_finite() && speed > 0.0)
    }

    /// Remembers how long so many windows took, unless that was too short to tell.
    pub(crate) fn tell(&self, key: &str, windows: u64, took: Duration) {
        if windows == 0 || took < WORTH_TELLING {
            return;
        }
        let mut stored = self.stored();
        if took < WORTH_MORE && stored.speeds.contains_key(key) {
            return;
        }
        let unix_seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let speed = Speed { windows_per_second: windows as f64 / took.as_secs_f64(), unix_seconds };
        stored.speeds.insert(key.to_owned(), speed);
        while stored.speeds.len() > MOST_KNOWN {
            let oldest = stored.speeds.iter().min_by_key(|(_, speed)| speed.unix_seconds).map(|(key, _)| key.clone());
            stored.speeds.remove(&oldest.unwrap_or_default());
        }
        if let Err(error) = self.write(&stored) {
            tracing::debug!(path = %self.path.display(), error, "the speed of a run could not be kept");
        }
    }

    fn write(&self, stored: &Stored) -> Result<(), String> {
        let text = serde_json::to_vec(stored).map_err(|error| error.to_string())?;
        fs::create_dir_all(self.path.parent().ok_or("it has no folder")?).map_err(|error| error.to_string())?;
        let mut file = AtomicFile::create(&self.path, true).map_err(|error| error.to_string())?;
        file.write_all(&text).map_err(|error| error.to_string())?;
        file.commit().map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_long_run_counts() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let speeds = Speeds::new(&folder.path().join("cache"));
        assert_eq!(speeds.seconds("a", 10), None, "never seen");
        speeds.tell("a", 100, Duration::from_secs(2));
        speeds.tell("a", 1, Duration::from_millis(100));
        speeds.tell("c", 1, Duration::from_millis(1));
        assert_eq!(speeds.seconds("c", 10), None, "too short to tell");
        assert_eq!((speeds.seconds("a", 10), speeds.seconds("b", 10)), (Some(0.2), None), "of each key its own");
        for number in 0..300 {
            speeds.tell(&format!("key {number}"), 100, Duration::from_secs(1));
        }
        assert!(speeds.stored().speeds.len() <= MOST_KNOWN, "the file stays small");
        fs::write(&speeds.path, "{").expect("a file");
        assert_eq!(speeds.seconds("a", 10), None, "a damaged file is as none");
        speeds.tell("a", 10, Duration::from_secs(1));
        assert_eq!(speeds.seconds("a", 10), Some(1.0), "and is written anew");
    }
}
