//! Input files, `-` among them.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use strandscope_worker::{RunRecord, genome::sha256_of_bytes};
use tempfile::TempPath;

use crate::{
    failure::{Failure, Result},
    interrupt::Doomed,
};

/// What people are told in place of the path of a scratch file.
const STDIN: &str = "standard input";

/// What gzip and BGZF files begin with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Largest file that is read as a whole, packed or unpacked.
const MOST_BYTES: u64 = 1 << 30;

/// A file to read; standard input is first written to a scratch file, since sequences are read in any order.
pub(crate) enum Input {
    File(PathBuf),
    Stdin { path: TempPath, _doomed: Doomed },
}

impl Input {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if path != Path::new("-") {
            return Ok(Self::File(path.to_owned()));
        }
        let spool = || -> io::Result<Self> {
            let (mut file, path) = tempfile::Builder::new().prefix("strandscope-stdin-").tempfile()?.into_parts();
            // Marked before it is filled: Ctrl+C may come while we wait for somebody to type.
            let doomed = Doomed::new(path.to_path_buf());
            io::copy(&mut io::stdin().lock(), &mut file)?;
            Ok(Self::Stdin { path, _doomed: doomed })
        };
        spool().map_err(|error| {
            let folder = std::env::temp_dir();
            let message = format!(
                "cannot read standard input; it is kept in {} meanwhile, which needs room (TMPDIR names another folder)",
                folder.display()
            );
            Failure::runtime(message).because(error)
        })
    }

    /// Where the engine finds it.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Stdin { path, .. } => path,
        }
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdin { .. } => STDIN.to_owned(),
        }
    }

    /// `text` with the name the user knows.
    pub(crate) fn rename_text(&self, text: &str) -> String {
        match self {
            Self::File(_) => text.to_owned(),
            Self::Stdin { path, .. } => text.replace(&path.display().to_string(), STDIN),
        }
    }

    /// `record` with the name the user knows; the name of a scratch file would differ from run to run.
    pub(crate) fn rename_record(&self, mut record: RunRecord) -> RunRecord {
        if matches!(self, Self::Stdin { .. }) {
            record.input = "-".to_owned();
        }
        record
    }

    /// `failure` with the name the user knows.
    pub(crate) fn rename(&self, mut failure: Failure) -> Failure {
        failure.message = self.rename_text(&failure.message);
        for cause in &mut failure.causes {
            *cause = self.rename_text(cause);
        }
        failure
    }
}

/// The whole of a small file.
pub(crate) struct SmallFile {
    /// Its content, unpacked if it is gzip or BGZF.
    pub(crate) text: Vec<u8>,
    /// SHA-256 of the file as it lies on disk.
    pub(crate) sha256: String,
}

/// Reads a small file, packed or not; `-` is standard input.
pub(crate) fn read_small(path: &Path) -> Result<SmallFile> {
    let read = || -> io::Result<SmallFile> {
        let bytes = if path == Path::new("-") {
            read_at_most(MOST_BYTES, io::stdin().lock())?
        } else {
            read_at_most(MOST_BYTES, File::open(path)?)?
        };
        let sha256 = sha256_of_bytes(&bytes);
        let is_packed = bytes.starts_with(&GZIP);
        let text = if is_packed { read_at_most(MOST_BYTES, MultiGzDecoder::new(&bytes[..]))? } else { bytes };
        Ok(SmallFile { text, sha256 })
    };
    let name = if path == Path::new("-") { STDIN.to_owned() } else { path.display().to_string() };
    read().map_err(|error| Failure::reading(&name, &error))
}

/// All that `source` gives. Devices give without end, and a small packed file can hold a lot.
fn read_at_most(most_bytes: u64, source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(most_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most_bytes {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it holds more than {most_bytes} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    #[test]
    fn packed_files_are_known_by_their_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.bed");
        let member = |text: &str| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        let mut packed = member("chr1\t0\t5\n");
        packed.extend(member("chr1\t5\t9\n"));
        fs::write(&path, &packed).unwrap();
        let file = read_small(&path).unwrap();
        assert_eq!(file.text, b"chr1\t0\t5\nchr1\t5\t9\n", "all members");
        assert_eq!(file.sha256, sha256_of_bytes(&packed), "of the packed file");
        fs::write(&path, &packed[..packed.len() - 4]).unwrap();
        let code = |path: &Path| read_small(path).err().map(|failure| failure.code());
        assert_eq!(code(&path), Some(3), "a cut file");
        assert_eq!(code(&folder.path().join("none")), Some(3), "no file");
    }

    #[test]
    fn what_has_no_end_is_refused() {
        let error = read_at_most(1_000, io::repeat(0)).unwrap_err();
        let failure = Failure::reading("/dev/zero", &error);
        assert_eq!(failure.code(), 3, "{}", failure.message);
        assert!(failure.message.contains("more than 1000 bytes"), "{}", failure.message);
        assert_eq!(read_at_most(1_000, &[7; 1_000][..]).unwrap().len(), 1_000, "just small enough");
    }
}
