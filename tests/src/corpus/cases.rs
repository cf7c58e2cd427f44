//! The list of cases, and how each is laid out in a scratch folder.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// A case of the list.
#[derive(Deserialize)]
pub(super) struct Case {
    pub(super) id: String,
    /// What is odd about it.
    pub(super) odd: String,
    /// A stored file, or
    file: Option<String>,
    /// how to make one.
    make: Option<Make>,
    /// Stored files to lay beside it.
    #[serde(default)]
    sidecars: Vec<String>,
    /// Whether these are made a week older than the file.
    #[serde(default)]
    sidecar_older: bool,
    pub(super) expect: Expect,
}

/// What must come of it.
#[derive(Deserialize)]
pub(super) struct Expect {
    pub(super) verdict: Verdict,
    pub(super) records: Option<Vec<Record>>,
    pub(super) n_records: Option<usize>,
    #[serde(default)]
    pub(super) warn_any: Vec<String>,
    #[serde(default)]
    pub(super) error_any: Vec<String>,
    #[serde(default)]
    pub(super) locate: Locate,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Accept,
    Reject,
    Either,
}

/// A record as it must be read; the others among `md5_alt` are as right.
#[derive(Deserialize)]
pub(super) struct Record {
    pub(super) name: String,
    pub(super) length_bp: u64,
    pub(super) md5: String,
    #[serde(default)]
    pub(super) md5_alt: Vec<String>,
    pub(super) softmasked_bp: Option<u64>,
    pub(super) non_acgt_bp: Option<u64>,
}

/// Places, one of which a refusal must name.
#[derive(Default, Deserialize)]
pub(super) struct Locate {
    #[serde(default)]
    pub(super) line: Vec<u64>,
    #[serde(default)]
    pub(super) byte: Vec<u64>,
    #[serde(default)]
    pub(super) record: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Make {
    Missing { name: String },
    Mkdir { name: String },
    Copy { name: String, from: String },
    Fifo { name: String },
    SymlinkLoop { name: String },
    SymlinkOk { name: String, from: String },
    Chmod000 { name: String, from: String },
    Device { path: PathBuf },
    Generate { name: String, what: String, params: Params },
}

#[derive(Deserialize)]
struct Params {
    #[serde(default)]
    length: usize,
    #[serde(default)]
    n: usize,
    seed: u64,
}

/// Where a case lies now.
pub(super) enum Prepared {
    File(PathBuf),
    /// It cannot be laid out here, for this reason.
    NotHere(&'static str),
}

impl Case {
    /// Names of the files beside it.
    pub(super) fn sidecars(&self) -> impl Iterator<Item = &str> {
        self.sidecars.iter().filter_map(|path| path.rsplit('/').next())
    }
}

pub(super) fn all() -> Vec<Case> {
    #[derive(Deserialize)]
    struct List {
        cases: Vec<Case>,
    }
    let list = fs::read(super::folder().join("fasta.json")).expect("the list");
    serde_json::from_slice::<List>(&list).expect("a list of cases").cases
}

pub(super) fn prepare(case: &Case, place: &Path) -> Prepared {
    let stored = |path: &str| super::folder().join(path);
    let copy = |from: &str, to: &Path| {
        fs::copy(stored(from), to).unwrap_or_else(|error| panic!("{}: {error}", case.id));
    };
    let Some(make) = &case.make else {
        let file = case.file.as_deref().expect("a case is stored or made");
        let laid = |path: &str| place.join(path.rsplit('/').next().expect("a name"));
        copy(file, &laid(file));
        for beside in &case.sidecars {
            copy(beside, &laid(beside));
            if case.sidecar_older {
                let old = SystemTime::now() - Duration::from_secs(7 * 86_400);
                let beside = File::options().write(true).open(laid(beside)).expect("a copy");
                beside.set_modified(old).expect("a time of change");
            }
        }
        return Prepared::File(laid(file));
    };
    let path = match make {
        Make::Missing { name } => place.join(name),
        Make::Mkdir { name } => {
            fs::create_dir(place.join(name)).expect("a folder");
            place.join(name)
        }
        Make::Copy { name, from } => {
            let path = place.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            copy(from, &path);
            path
        }
        Make::Fifo { name } => {
            let made = Command::new("mkfifo").arg(place.join(name)).status();
            assert!(made.is_ok_and(|status| status.success()), "mkfifo of coreutils is there");
            place.join(name)
        }
        Make::SymlinkLoop { name } => {
            symlink(place.join("loop_b.fa"), place.join(name)).expect("a link");
            symlink(place.join(name), place.join("loop_b.fa")).expect("a link");
            place.join(name)
        }
        Make::SymlinkOk { name, from } => {
            copy(from, &place.join("real_file.fa"));
            symlink(place.join("real_file.fa"), place.join(name)).expect("a link");
            place.join(name)
        }
        Make::Chmod000 { name, from } => {
            let path = place.join(name);
            copy(from, &path);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("permissions");
            if File::open(&path).is_ok() {
                return Prepared::NotHere("the superuser may read everything");
            }
            path
        }
        Make::Device { path } => path.clone(),
        Make::Generate { name, what, params } => {
            generate(what, params, &place.join(name));
            place.join(name)
        }
    };
    Prepared::File(path)
}

/// Lets the scratch folder be removed.
pub(super) fn unlock(place: &Path) {
    for entry in fs::read_dir(place).expect("a scratch folder").flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let _ = fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o600));
        }
    }
}

/// Big files, made from a seed; the same as those of the corpus's own generator.
fn generate(what: &str, params: &Params, path: &Path) {
    let mut file = BufWriter::new(File::create(path).expect("a scratch file"));
    let written = match what {
        "one_line" => {
            let bases = bases(params.length, params.seed);
            file.write_all(b">big1 one record\n").and_then(|()| file.write_all(&bases)).and_then(|()| writeln!(file))
        }
        "long_header" => {
            let header = [&b">long1 "[..], &vec![b'x'; params.length], b"\n"].concat();
            let bases = bases(100, params.seed);
            file.write_all(&header).and_then(|()| file.write_all(&bases)).and_then(|()| writeln!(file))
        }
        "many_records" => {
            let bases = bases(params.n * 4 + 64, params.seed);
            (0..params.n).try_for_each(|number| {
                let record = &bases[number * 4..][..10 + number % 21];
                writeln!(file, ">r{number:06}\n{}", String::from_utf8_lossy(record))
            })
        }
        other => panic!("nothing is known about how to make {other}"),
    };
    written.and_then(|()| file.flush()).expect("room for a big file");
}

/// Bases drawn by SHA-256 in counter mode, four from each byte.
fn bases(count: usize, seed: u64) -> Vec<u8> {
    let blocks = (0..).map(|block| Sha256::digest(format!("{seed}:{block}")));
    let bytes = blocks.flat_map(<[u8; 32]>::from);
    bytes.flat_map(|byte| [6, 4, 2, 0].map(|shift| b"ACGT"[usize::from(byte >> shift & 3)])).take(count).collect()
}
