//! The command line as its users have it: the program is started, fed and stopped from outside.

mod arguments;
mod export;
mod families;
mod faults;
mod gpu;
mod health;
mod hub;
mod interrupt;
mod library;
mod outputs;
mod without_display;

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use tempfile::TempDir;

/// The program itself, built as these tests were and never older than its source.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let tests = std::env::current_exe().expect("a running program has a path");
        let folder = tests.ancestors().nth(2).expect("tests lie in TARGET/PROFILE/deps").to_owned();
        // Testing a workspace does not build its programs.
        if let Some(cargo) = std::env::var_os("CARGO") {
            let profile = folder.file_name().and_then(OsStr::to_str).expect("a profile's folder");
            let profile = if profile == "debug" { "dev" } else { profile };
            let target = folder.parent().expect("a target folder");
            let status = Command::new(cargo)
                .args(["build", "--quiet", "--workspace", "--bin", "strandscope", "--profile", profile, "--target-dir"])
                .arg(target)
                .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
                .status()
                .expect("cargo runs");
            assert!(status.success(), "the program cannot be built");
        }
        folder.join(if cfg!(windows) { "strandscope.exe" } else { "strandscope" })
    })
}

/// A scratch folder in which the program runs, with a cache of its own.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a scratch folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).expect("a scratch file");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Names of all files here, without the cache and the library.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("a scratch folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| ![".cache", ".data"].contains(&name.as_str())).collect();
        names.sort();
        names
    }

    /// The program, to be run here on the CPU.
    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("XDG_CACHE_HOME", self.path(".cache"))
            .env("XDG_DATA_HOME", self.path(".data"))
            .env_remove("RUST_LOG");
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.program(arguments).output().expect("the program starts").into()
    }
}

/// What a run left behind.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ended {
    /// Fails unless the run ended with `code`, in an orderly way.
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code\n{}", self.err);
        for word in ["panicked", "RUST_BACKTRACE", "stack backtrace"] {
            assert!(!self.err.contains(word), "{}", self.err);
        }
        if code != 0 && code != 130 {
            let errors = self.err.lines().filter(|line| line.starts_with("error: ")).count();
            assert_eq!(errors, 1, "one line says what failed\n{}", self.err);
        }
        self
    }
}

/// A genome of one contig of `length_bp` bases that follow a fixed pattern, and one with a run of N.
fn genome(length_bp: usize) -> String {
    let mut state = 12_345_u32;
    let bases: String = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b"ACGT"[(state >> 30) as usize])
    })
    .take(length_bp)
    .collect();
    format!(">chr1 the long one\n{bases}\n>HLA:01 with a colon\nACGTACGTAC{}ACGTACGTAC\n", "N".repeat(40))
}
