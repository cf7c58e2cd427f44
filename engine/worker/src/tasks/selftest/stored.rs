//! How the last self-test of each device ended, in the data folder of the user.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strandscope_genome::AtomicFile;

use crate::{StoredSelfTest, tasks::facts::DeviceFacts};

/// Devices remembered at once.
const MOST_KNOWN: usize = 16;

/// The file: one test for each adapter, the last one behind the others.
#[derive(Default, Serialize, Deserialize)]
struct Stored {
    tests: Vec<StoredSelfTest>,
}

fn path(data: &Path) -> PathBuf {
    data.join("selftests.json")
}

fn stored(data: &Path) -> Stored {
    serde_json::from_slice(&fs::read(path(data)).unwrap_or_default()).unwrap_or_default()
}

/// Stores the report of a self-test on a device.
pub(crate) fn keep(data: &Path, device: &DeviceFacts, report: &Value) {
    let checks = report["checks"].as_array().map_or(&[][..], Vec::as_slice);
    let failed = checks.iter().filter(|check| check["passed"] != true);
    let failed = failed.filter_map(|check| check["name"].as_str()).map(str::to_owned);
    let test = StoredSelfTest {
        passed: report["passed"] == true,
        checks: checks.len() as u64,
        failed: failed.collect(),
        unix_seconds: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        device: device.name.clone(),
        adapter: device.adapter.clone(),
        driver: device.driver.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        is_stale: false,
    };
    let mut stored = stored(data);
    stored.tests.retain(|other| other.adapter != test.adapter);
    stored.tests.push(test);
    let surplus = stored.tests.len().saturating_sub(MOST_KNOWN);
    stored.tests.drain(..surplus);
    if let Err(error) = write(data, &stored) {
        tracing::warn!(path = %path(data).display(), error, "the result of the self-test could not be stored");
    }
}

fn write(data: &Path, stored: &Stored) -> Result<(), String> {
    fs::create_dir_all(data).map_err(|error| error.to_string())?;
    let text = serde_json::to_vec(stored).map_err(|error| error.to_string())?;
    let mut file = AtomicFile::create(&path(data), true).map_err(|error| error.to_string())?;
    file.write_all(&text).map_err(|error| error.to_string())?;
    file.commit().map_err(|error| error.to_string())
}

/// The last test of this device or, where it has none, of any other; `None` where nothing was ever tested.
pub(crate) fn last(data: &Path, device: &DeviceFacts) -> Option<StoredSelfTest> {
    let mut tests = stored(data).tests;
    let at = tests.iter().rposition(|test| test.adapter == device.adapter).or(tests.len().checked_sub(1))?;
    let test = tests.swap_remove(at);
    let is_stale = (&test.adapter, &test.driver, test.version.as_str())
        != (&device.adapter, &device.driver, env!("CARGO_PKG_VERSION"));
    Some(StoredSelfTest { is_stale, ..test })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tasks::device::ComputeDevice;

    fn device(adapter: &str, driver: &str) -> DeviceFacts {
        let processor = ComputeDevice::processor(2);
        DeviceFacts::of(&ComputeDevice { adapter: adapter.to_owned(), driver: driver.to_owned(), ..processor })
    }

    #[test]
    fn a_test_is_stale_once_anything_has_changed() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let data = folder.path().join("data");
        let (gpu, cpu) = (device("RTX", "550"), device("Xeon", ""));
        assert_eq!(last(&data, &gpu), None, "never tested");
        let good = json!({ "passed": true, "checks": [{ "name": "a", "passed": true }] });
        keep(&data, &gpu, &good);
        let test = last(&data, &gpu).expect("a test");
        assert_eq!((test.passed, test.checks, test.is_stale, test.failed.len()), (true, 1, false, 0), "{test:?}");
        assert!(last(&data, &device("RTX", "551")).is_some_and(|test| test.is_stale), "another driver");
        assert!(last(&data, &cpu).is_some_and(|test| test.is_stale), "another device");
        let bad =
            json!({ "passed": false, "checks": [{ "name": "a", "passed": true }, { "name": "b", "passed": false }] });
        keep(&data, &cpu, &bad);
        let test = last(&data, &cpu).expect("a test");
        assert_eq!((test.passed, test.failed, test.is_stale), (false, vec!["b".to_owned()], false), "what failed");
        assert!(last(&data, &gpu).is_some_and(|test| test.passed && !test.is_stale), "each device has its own");
        let mut of_old = stored(&data);
        of_old.tests[0].version = "0.0.1".to_owned();
        write(&data, &of_old).expect("a file");
        assert!(last(&data, &gpu).is_some_and(|test| test.is_stale), "another version");
        fs::write(path(&data), "{").expect("a file");
        assert_eq!(last(&data, &gpu), None, "a damaged file is as none");
    }
}
