//! The bundled example: a real gene that shows a newcomer the point.

use std::{fs, io::Write as _, path::PathBuf};

use directories::ProjectDirs;
use strandscope_ui::Example;
use strandscope_worker::genome::{AtomicFile, Region};

/// The PTEN gene; see `assets/examples/README.md` for its origin.
const SEQUENCE: &[u8] = include_bytes!("../../../assets/examples/human_PTEN_GRCh37.fa.gz");
const FILE_NAME: &str = "human_PTEN_GRCh37.fa.gz";

/// Around exons 4 and 5, whose splice sites no training set of ours holds.
const LOCUS: (&str, u64, u64) = ("NT_030059.13", 66_500, 70_500);

/// The example as a file on disk: it is opened like any other. `None` where no folder can hold it.
pub(crate) fn unpacked() -> Option<Example> {
    let path = in_cache().or_else(in_temporary_folder)?;
    let (contig, start_bp, end_bp) = LOCUS;
    Some(Example {
        title: "Human PTEN gene".to_owned(),
        note: "Exons 4 and 5 lie at 67,609-67,652 and 69,576-69,814. \
               An exon begins right after an acceptor and ends right before a donor: look for both tracks to peak there."
            .to_owned(),
        path,
        locus: Some(Region::new(contig, start_bp, end_bp)),
        head: "splice".to_owned(),
    })
}

fn in_cache() -> Option<PathBuf> {
    unpack_into(ProjectDirs::from("", "", "strandscope")?.cache_dir().join("examples"))
}

fn in_temporary_folder() -> Option<PathBuf> {
    unpack_into(std::env::temp_dir().join("strandscope-examples"))
}

fn unpack_into(folder: PathBuf) -> Option<PathBuf> {
    let path = folder.join(FILE_NAME);
    if fs::read(&path).is_ok_and(|bytes| bytes == SEQUENCE) {
        return Some(path);
    }
    let write = || -> Result<(), Box<dyn std::error::Error>> {
        fs::create_dir_all(&folder)?;
        let mut file = AtomicFile::create(&path, true)?;
        file.write_all(SEQUENCE)?;
        Ok(file.commit()?)
    };
    match write() {
        Ok(()) => Some(path),
        Err(error) => {
            tracing::info!(folder = %folder.display(), %error, "the example could not be unpacked");
            None
        }
    }
}
