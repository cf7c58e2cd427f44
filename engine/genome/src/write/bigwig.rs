//! A track as BigWig, with what was run in a JSON file beside it.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::pieces::pieces;
use crate::{AtomicFile, BigWigWriter, Contig, OutputError, Track};

/// A track on its way to a BigWig file; missing values are left out, and neighbours with equal values are one.
#[derive(Debug)]
pub(super) struct BigWigTrack {
    path: PathBuf,
    writer: BigWigWriter,
    open: Option<Open>,
    /// What was run.
    provenance: Vec<(String, String)>,
    /// The file beside it; there is none where nothing is to be said.
    beside: Option<AtomicFile>,
}

#[derive(Debug)]
struct Open {
    contig: String,
    start_bp: u64,
    end_bp: u64,
    value: f32,
}

impl BigWigTrack {
    pub(super) fn create(
        path: &Path,
        contigs: &[Contig],
        provenance: &[(String, String)],
        force: bool,
    ) -> Result<Self, OutputError> {
        let beside = (!provenance.is_empty()).then(|| AtomicFile::create(&sidecar(path), force)).transpose()?;
        let writer = BigWigWriter::create(path, force, contigs)?;
        Ok(Self { path: path.to_owned(), writer, open: None, provenance: provenance.to_vec(), beside })
    }

    pub(super) fn write(&mut self, part: &Track) -> Result<(), OutputError> {
        for piece in pieces(part) {
            let Ok(value) = piece.value else { continue };
            let goes_on = |open: &Open| {
                open.end_bp == piece.start_bp
                    && open.value.to_bits() == value.to_bits()
                    && open.contig == part.region.contig
            };
            if let Some(open) = self.open.as_mut().filter(|open| goes_on(open)) {
                open.end_bp = piece.end_bp;
                continue;
            }
            self.close()?;
            let contig = part.region.contig.clone();
            self.open = Some(Open { contig, start_bp: piece.start_bp, end_bp: piece.end_bp, value });
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), OutputError> {
        match self.open.take() {
            Some(Open { contig, start_bp, end_bp, value }) => self.writer.push(&contig, start_bp, end_bp, value),
            None => Ok(()),
        }
    }

    /// Puts both files in their places; `notes` take the place of what was said of the same at the beginning.
    pub(super) fn finish(mut self, notes: &[(String, String)]) -> Result<(), OutputError> {
        self.close()?;
        self.writer.finish()?;
        if let Some(mut beside) = self.beside {
            let said = self.provenance.iter().chain(notes);
            let said: Map<String, Value> = said.map(|(key, value)| (key.clone(), value.clone().into())).collect();
            let path = sidecar(&self.path);
            let failed = |error| OutputError::from_write(&path, error);
            serde_json::to_writer_pretty(&mut beside, &said).map_err(|error| failed(error.into()))?;
            beside.write_all(b"\n").map_err(failed)?;
            beside.commit()?;
        }
        Ok(())
    }
}

/// The file that says what a BigWig file was made by.
fn sidecar(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Signal, TrackLayout, write::pieces::tests::track};

    #[test]
    fn values_are_there_again_and_what_was_run_stands_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.bw");
        let contigs = [Contig { name: "chr1".into(), length_bp: 100, ..Contig::default() }];
        let said = [("command".to_owned(), "score".to_owned()), ("device".to_owned(), "GPU".to_owned())];
        let mut bigwig = BigWigTrack::create(&path, &contigs, &said, false).unwrap();
        let bases = TrackLayout::Bins { width_bp: 2 };
        bigwig.write(&track(bases, &[0.25, 0.25, f32::NAN, 0.5], &[(14, 16, "n_run")])).unwrap();
        bigwig.finish(&[("device".to_owned(), "CPU".to_owned())]).unwrap();
        let values = Signal::open(&path, None, &mut Default::default()).unwrap().values("chr1", 9, 19).unwrap();
        assert!(values[0].is_nan() && values[5].is_nan() && values[6].is_nan() && values[9].is_nan(), "{values:?}");
        assert_eq!((&values[1..5], &values[7..9]), (&[0.25; 4][..], &[0.5; 2][..]), "0-based");
        let beside: Value = serde_json::from_slice(&std::fs::read(folder.path().join("out.bw.json")).unwrap()).unwrap();
        assert_eq!(beside, serde_json::json!({ "command": "score", "device": "CPU" }), "as it was in the end");
    }

    #[test]
    fn nothing_is_left_of_what_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let said = [("command".to_owned(), "score".to_owned())];
        drop(BigWigTrack::create(&folder.path().join("out.bw"), &[], &said, false).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "neither file");
    }
}
