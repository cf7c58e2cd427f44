//! What the window asks of the desktop around it.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use strandscope_figure::Figure;
use strandscope_worker::{Engine, ExportFormat, ExportRequest, JobError, TrackSource, genome::Region};

use crate::state::pieces::TrackKey;

/// What the window asks of the desktop; the binary answers.
///
/// Nothing here may wait: work is started and its answer handed out by [`Services::poll`] later.
/// Whoever implements this asks egui for a repaint when an answer is ready, since an idle window does not look.
pub trait Services {
    /// Shows a dialog that picks files → [`ServiceAnswer::Opened`], `Dismissed` or `NoOpenDialog`.
    fn pick_file(&mut self);

    /// Shows a dialog that picks the folder of a model → [`ServiceAnswer::Folder`], `Dismissed` or `NoFolderDialog`.
    fn pick_folder(&mut self);

    /// Shows a dialog that names a file to write → [`ServiceAnswer::SaveTo`], `Dismissed` or `NoSaveDialog`.
    ///
    /// The answer brings `save` back.
    fn pick_save(&mut self, suggested_name: &str, save: Save);

    /// Draws `figure` and writes it as PNG → [`ServiceAnswer::Saved`] or `FigureNotSaved`.
    ///
    /// An existing file is replaced only with `force`.
    fn save_figure(&mut self, figure: Box<Figure>, path: PathBuf, force: bool);

    /// Writes a text file → [`ServiceAnswer::Saved`] or `TextNotSaved`.
    ///
    /// An existing file is replaced only with `force`.
    fn save_text(&mut self, text: String, path: PathBuf, force: bool);

    /// Tells when one of these files changes on disk, in place of those that were watched before →
    /// [`ServiceAnswer::Changed`].
    fn watch(&mut self, paths: Vec<PathBuf>);

    /// What [`Services::save_settings`] was given last, at this start or an earlier one.
    fn settings(&self) -> Option<String>;

    /// Remembers settings for the next start; where that cannot be done, they are forgotten.
    fn save_settings(&mut self, settings: String);

    /// Starts the engine again after it has stopped.
    ///
    /// # Errors
    /// When no thread can be started.
    fn restart_engine(&mut self) -> std::io::Result<Engine>;

    /// The next answer, if there is one now.
    fn poll(&mut self) -> Option<ServiceAnswer>;
}

/// What came of something that was asked.
#[derive(Clone, Debug, PartialEq)]
pub enum ServiceAnswer {
    /// These files were picked.
    Opened(Vec<PathBuf>),
    /// This folder was picked.
    Folder(PathBuf),
    /// Write to this file; the dialog has asked about replacing one that exists.
    SaveTo {
        /// What was to be saved.
        save: Save,
        /// The file.
        path: PathBuf,
    },
    /// The dialog was closed without a choice.
    Dismissed,
    /// There is no dialog on this desktop: the window shows a field for the paths of the files to open.
    NoOpenDialog,
    /// There is no dialog on this desktop: the window shows a field for the path of the folder.
    NoFolderDialog,
    /// There is no dialog on this desktop: the window shows a field for the path of the file to write.
    NoSaveDialog {
        /// What was to be saved.
        save: Save,
        /// A path the field begins with: the suggested name in a folder that can be written to.
        suggested: PathBuf,
    },
    /// This file has changed on disk.
    Changed(PathBuf),
    /// The figure or text is on disk.
    Saved(PathBuf),
    /// The text could not be written.
    TextNotSaved {
        /// The text.
        text: String,
        /// Where it was to go.
        path: PathBuf,
        /// Why it did not.
        error: JobError,
    },
    /// The figure could not be written.
    FigureNotSaved {
        /// The figure.
        figure: Box<Figure>,
        /// Where it was to go.
        path: PathBuf,
        /// Why it did not.
        error: JobError,
    },
}

/// What is to be saved, as it was when that was asked for: the window may show something else by the time of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Save {
    /// Tracks.
    Tracks(Arc<ExportRequest>),
    /// A picture.
    Figure(Box<Figure>),
    /// Regions of interest as a BED file.
    Regions(String),
}

impl Save {
    /// The form it is saved in.
    pub fn format(&self) -> SaveFormat {
        match self {
            Self::Tracks(request) => match request.format {
                ExportFormat::Tsv => SaveFormat::Tsv,
                ExportFormat::BedGraph => SaveFormat::BedGraph,
            },
            Self::Figure(_) => SaveFormat::Png,
            Self::Regions(_) => SaveFormat::Bed,
        }
    }

    /// How many files come of it.
    pub(crate) fn file_count(&self) -> usize {
        match self {
            Self::Tracks(request) if request.format == ExportFormat::BedGraph => {
                request.tracks.iter().map(TrackKey::of).collect::<BTreeSet<_>>().len()
            }
            _ => 1,
        }
    }
}

/// Forms in which what is seen can be saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaveFormat {
    /// A table, 1-based.
    #[default]
    Tsv,
    /// One file for each label and strand, 0-based.
    BedGraph,
    /// A picture.
    Png,
    /// Regions, 0-based.
    Bed,
}

impl SaveFormat {
    /// The ending of its files, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Tsv => "tsv",
            Self::BedGraph => "bedgraph",
            Self::Png => "png",
            Self::Bed => "bed",
        }
    }
}

/// What the window opens first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Start {
    /// Files named on the command line: a sequence, and what is shown beside it.
    pub files: Vec<PathBuf>,
    /// The bundled examples: the first one is opened and scored when no file is named; all are offered afterwards.
    pub examples: Vec<Example>,
}

/// A sequence that shows a newcomer the point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Example {
    /// What it is, for people: `Human beta-globin gene`.
    pub title: String,
    /// One or two sentences on what to look at.
    pub note: String,
    /// The sequence file, on disk.
    pub path: PathBuf,
    /// What is shown beside it.
    pub tracks: Vec<TrackSource>,
    /// The region to show and score; `None` shows the first record from its start.
    pub locus: Option<Region>,
    /// The head it is scored with; `None` scores nothing.
    pub head: Option<String>,
    /// Whether the translation of six frames is shown.
    pub translation: bool,
}
