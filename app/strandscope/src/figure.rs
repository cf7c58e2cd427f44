//! The tracks in view as a picture on disk.

use std::{io::Write as _, path::Path};

use strandscope_figure::{Figure, png};
use strandscope_worker::{
    ErrorKind, JobError,
    genome::{AtomicFile, OutputError},
};

/// Draws `figure` and writes it to `path`, whole or not at all.
pub(crate) fn save(figure: &Figure, path: &Path, force: bool) -> Result<(), JobError> {
    let bytes = png(figure).map_err(|error| JobError {
        kind: ErrorKind::Runtime,
        message: "the figure cannot be drawn; save the table instead, and please report this".to_owned(),
        causes: vec![error.to_string()],
    })?;
    write(&bytes, path, force)
}

/// Writes a file, whole or not at all.
pub(crate) fn write(bytes: &[u8], path: &Path, force: bool) -> Result<(), JobError> {
    let mut file = AtomicFile::create(path, force).map_err(refused)?;
    file.write_all(bytes).map_err(|error| failed(ErrorKind::Runtime, error.to_string()))?;
    file.commit().map_err(refused)
}

fn refused(error: OutputError) -> JobError {
    let kind = match error {
        OutputError::Exists { .. } | OutputError::IsDirectory { .. } => ErrorKind::Usage,
        _ => ErrorKind::Runtime,
    };
    failed(kind, error.to_string())
}

fn failed(kind: ErrorKind, message: String) -> JobError {
    JobError { kind, message, causes: Vec::new() }
}

#[cfg(test)]
mod tests {
    use strandscope_figure::FigureColours;
    use strandscope_worker::genome::Region;

    use super::*;

    #[test]
    fn an_existing_file_is_replaced_only_with_force() {
        let figure = Figure {
            title: "chr1:1-60".to_owned(),
            subtitle: String::new(),
            region: Region::new("chr1", 0, 60),
            bases: Vec::new(),
            tokens: Vec::new(),
            tracks: Vec::new(),
            maps: Vec::new(),
            links: Vec::new(),
            provenance: Vec::new(),
            colours: FigureColours::PAPER,
        };
        let folder = std::env::temp_dir().join(format!("strandscope-figure-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("figure.png");
        save(&figure, &path, false).unwrap();
        assert_eq!(save(&figure, &path, false).unwrap_err().kind, ErrorKind::Usage, "an existing file is kept");
        assert!(save(&figure, &path, true).is_ok(), "unless forced");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
