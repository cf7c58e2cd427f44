//! The files that tracks go to.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{TrackText, bedgraph::BedGraphText, bigwig::BigWigTrack, json::JsonText, tsv::TsvText};
use crate::{Contig, Output, OutputError, Strand, Track};

/// Form of a file of tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackFormat {
    /// `contig start end strand label value reason`, 1-based and inclusive.
    Tsv,
    /// `contig start end value`, 0-based and half-open, one file for each label and strand.
    BedGraph,
    /// One object for each track, 0-based and half-open, `null` where missing.
    Json,
}

/// What tells the tracks of a run apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackName {
    /// The label of the head, or the statistic.
    pub label: String,
    /// The strand the values were computed on.
    pub strand: Strand,
}

/// Tracks on their way to a file, or to one file for each of them.
///
/// TSV and bedGraph are written as parts come, so that a chromosome never sits in memory; JSON region by region.
/// Nothing stands under a final name before [`TrackFiles::finish`]; dropping it leaves no trace.
///
/// ```
/// use strandscope_genome::{Region, Strand, Track, TrackFiles, TrackFormat, TrackLayout, TrackName};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("scores.tsv");
/// let track = Track {
///     name: "splice donor".into(),
///     label: "donor".into(),
///     unit: "probability".into(),
///     region: Region::new("chr1", 0, 2),
///     strand: Strand::Forward,
///     layout: TrackLayout::Bins { width_bp: 1 },
///     values: vec![0.25, 0.5],
///     missing: Vec::new(),
/// };
/// let names = [TrackName { label: "donor".into(), strand: Strand::Forward }];
/// let mut files = TrackFiles::create(&path, TrackFormat::Tsv, &names, &[], false)?;
/// files.write(0, &track)?;
/// assert_eq!(files.finish(&[])?, [path.clone()]);
/// assert_eq!(std::fs::read_to_string(&path)?.lines().last(), Some("chr1\t2\t2\t+\tdonor\t0.5\t."));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TrackFiles {
    files: Vec<TrackFile>,
}

struct TrackFile {
    path: PathBuf,
    /// The only track it takes; `None` if it takes all.
    name: Option<TrackName>,
    form: Form,
}

enum Form {
    Text(Box<dyn TrackText<Output> + Send>),
    BigWig(Box<BigWigTrack>),
}

impl TrackFiles {
    /// Opens the files for the tracks `names` below `path`, where `-` is standard output.
    ///
    /// `provenance` says what was run, as pairs of a key and a value; it goes to the head of each file.
    ///
    /// # Errors
    ///
    /// As [`Output::create`]; also when several bedGraph tracks should go to standard output.
    pub fn create(
        path: &Path,
        format: TrackFormat,
        names: &[TrackName],
        provenance: &[(String, String)],
        force: bool,
    ) -> Result<Self, OutputError> {
        if format != TrackFormat::BedGraph {
            let out = Output::create(path, force)?;
            let failed = |error| OutputError::from_write(path, error);
            let text: Box<dyn TrackText<Output> + Send> = if format == TrackFormat::Tsv {
                Box::new(TsvText::new(out, provenance).map_err(failed)?)
            } else {
                Box::new(JsonText::new(out, names.len(), provenance).map_err(failed)?)
            };
            return Ok(Self { files: vec![TrackFile { path: path.to_owned(), name: None, form: Form::Text(text) }] });
        }
        if names.len() > 1 && path == Path::new("-") {
            return Err(OutputError::ManyToStdout { tracks: names.len() });
        }
        Self::one_for_each(path, names, "bedgraph", |path, name| {
            let text = BedGraphText::new(Output::create(path, force)?, &name.label, name.strand, provenance)
                .map_err(|error| OutputError::from_write(path, error))?;
            Ok(Form::Text(Box::new(text)))
        })
    }

    /// The same as BigWig, one file for each label and strand, with `provenance` in a JSON file beside each.
    ///
    /// Parts must come from left to right, contig after contig in the order of `contigs`.
    ///
    /// # Errors
    ///
    /// When a file exists and `force` is not given, or the folder cannot be written to.
    pub fn create_bigwig(
        path: &Path,
        contigs: &[Contig],
        names: &[TrackName],
        provenance: &[(String, String)],
        force: bool,
    ) -> Result<Self, OutputError> {
        Self::one_for_each(path, names, "bw", |path, _| {
            Ok(Form::BigWig(Box::new(BigWigTrack::create(path, contigs, provenance, force)?)))
        })
    }

    /// A file for each track; only where there are several they are named after it.
    fn one_for_each(
        path: &Path,
        names: &[TrackName],
        extension: &str,
        create: impl Fn(&Path, &TrackName) -> Result<Form, OutputError>,
    ) -> Result<Self, OutputError> {
        let many = names.len() > 1;
        let open = |name: &TrackName| {
            let path = if many { track_path(path, &name.label, name.strand, extension) } else { path.to_owned() };
            let form = create(&path, name)?;
            Ok(TrackFile { path, name: many.then(|| name.clone()), form })
        };
        Ok(Self { files: names.iter().map(open).collect::<Result<_, OutputError>>()? })
    }

    /// Adds the next part of track number `track`; parts of one track come in order, tracks may take turns.
    ///
    /// # Errors
    ///
    /// When the disk is full or fails, or the part belongs to none of the tracks the files were opened for.
    pub fn write(&mut self, track: usize, part: &Track) -> Result<(), OutputError> {
        let takes = |file: &&mut TrackFile| {
            file.name.as_ref().is_none_or(|name| name.label == part.label && name.strand == part.strand)
        };
        match self.files.iter_mut().find(takes) {
            Some(file) => match &mut file.form {
                Form::Text(text) => text.write(track, part).map_err(|error| OutputError::from_write(&file.path, error)),
                Form::BigWig(bigwig) => bigwig.write(part),
            },
            None => {
                let message = format!("no file was opened for the track '{}' ({})", part.label, part.strand);
                let path = self.files.first().map_or(Path::new("-"), |file| &file.path);
                Err(OutputError::from_write(path, io::Error::new(io::ErrorKind::InvalidInput, message)))
            }
        }
    }

    /// Puts all files in their places and names them; `notes`, pairs of a key and a value, say at their end what is
    /// other than their heads say.
    ///
    /// # Errors
    ///
    /// When the last of them could not be written; files that are complete stay.
    pub fn finish(self, notes: &[(String, String)]) -> Result<Vec<PathBuf>, OutputError> {
        let mut paths = Vec::with_capacity(self.files.len());
        for TrackFile { path, form, .. } in self.files {
            match form {
                Form::Text(text) => {
                    text.finish(notes).map_err(|error| OutputError::from_write(&path, error))?.commit()?;
                }
                Form::BigWig(bigwig) => bigwig.finish(notes)?,
            }
            paths.push(path);
        }
        Ok(paths)
    }
}

impl std::fmt::Debug for TrackFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.files.iter().map(|file| &file.path)).finish()
    }
}

/// Where the track of `label` on `strand` goes when a run has several: `OUT.LABEL.bedgraph`, `OUT.LABEL.minus.bedgraph`.
///
/// `out` may have the extension already. Letters of a label that no file name should hold become `_`.
///
/// ```
/// use std::path::Path;
/// use strandscope_genome::{Strand, track_path};
///
/// let out = Path::new("run.1/scores.bedgraph");
/// assert_eq!(track_path(out, "donor", Strand::Forward, "bedgraph"), Path::new("run.1/scores.donor.bedgraph"));
/// assert_eq!(track_path(out, "a/b", Strand::Reverse, "bedgraph"), Path::new("run.1/scores.a_b.minus.bedgraph"));
/// ```
pub fn track_path(out: &Path, label: &str, strand: Strand, extension: &str) -> PathBuf {
    let has_extension = out.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension));
    let mut name = if has_extension { out.with_extension("") } else { out.to_owned() }.into_os_string();
    let safe = |letter: char| if letter.is_alphanumeric() || "-_+.".contains(letter) { letter } else { '_' };
    let label: String = label.chars().map(safe).collect();
    let minus = if strand == Strand::Reverse { ".minus" } else { "" };
    name.push(format!(".{label}{minus}.{extension}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TrackLayout, write::pieces::tests::track};

    fn name(label: &str, strand: Strand) -> TrackName {
        TrackName { label: label.into(), strand }
    }

    #[test]
    fn each_bedgraph_track_has_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let names = [name("donor", Strand::Forward), name("donor", Strand::Reverse)];
        let mut files = TrackFiles::create(&out, TrackFormat::BedGraph, &names, &[], false).unwrap();
        let mut part = track(TrackLayout::Bins { width_bp: 1 }, &[0.5], &[]);
        files.write(0, &part).unwrap();
        part.strand = Strand::Reverse;
        files.write(1, &part).unwrap();
        part.label = "acceptor".into();
        assert!(files.write(2, &part).is_err(), "nobody announced this track");
        let paths = files.finish(&[("device".into(), "another".into())]).unwrap();
        assert_eq!(paths, [folder.path().join("out.donor.bedgraph"), folder.path().join("out.donor.minus.bedgraph")]);
        for path in paths {
            assert!(
                std::fs::read_to_string(path).unwrap().ends_with("chr1\t10\t11\t0.5\n# device: another\n"),
                "one row and a note"
            );
        }
    }

    #[test]
    fn dropping_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let files = TrackFiles::create(&folder.path().join("out"), TrackFormat::Tsv, &[], &[], false).unwrap();
        drop(files);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
