//! Input files, `-` among them.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use strandscope_worker::RunRecord;
use tempfile::TempPath;

use crate::{
    failure::{Failure, Result},
    interrupt::Doomed,
};

/// What people are told in place of the path of a scratch file.
const STDIN: &str = "standard input";

/// What gzip and BGZF files begin with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

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

/// The whole of a small file, unpacked if it is gzip or BGZF; `-` is standard input.
pub(crate) fn read_packed(path: &Path) -> Result<Vec<u8>> {
    let read = || -> io::Result<Vec<u8>> {
        let bytes = if path == Path::new("-") {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes)?;
            bytes
        } else {
            fs::read(path)?
        };
        if !bytes.starts_with(&GZIP) {
            return Ok(bytes);
        }
        let mut text = Vec::new();
        MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text)?;
        Ok(text)
    };
    let name = if path == Path::new("-") { STDIN.to_owned() } else { path.display().to_string() };
    read().map_err(|error| Failure::reading(&name, &error))
}

#[cfg(test)]
mod tests {
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
        assert_eq!(read_packed(&path).unwrap(), b"chr1\t0\t5\nchr1\t5\t9\n", "all members");
        fs::write(&path, &packed[..packed.len() - 4]).unwrap();
        assert_eq!(read_packed(&path).unwrap_err().code(), 3, "a cut file");
        assert_eq!(read_packed(&folder.path().join("none")).unwrap_err().code(), 3, "no file");
    }
}
