//! What the window itself remembers: panels, fields, dialogs; and what the user has just done.

use std::{collections::BTreeMap, path::PathBuf};

use strandscope_worker::{
    JobError, TrackSource,
    card_edit::CardEdit,
    genome::{Feature, Region},
};

use crate::{
    Save, SaveFormat,
    dock::{Dock, Pane, Preset},
    draft::Draft,
    locus::Place,
    state::{arrangement::Setting, cards::CardNews, lanes::LaneId, marks::Mark},
    theme::BaseColours,
};

/// Names of the fields for a locus and for searching records, by which one asks whether they have the keyboard.
pub(crate) const LOCUS_FIELD: &str = "locus";
pub(crate) const FILTER_FIELD: &str = "record filter";

/// Something the user did; carried out after drawing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Show the dialog that picks files.
    Open,
    OpenPaths(Vec<PathBuf>),
    /// Open a bundled example, by number.
    OpenExample(usize),
    GoTo(Place),
    Back,
    Forward,
    /// Move by a fraction of what is in view.
    Pan(f64),
    /// Show so many times fewer bases, with this place of the view fixed.
    Zoom(f64, f64),
    /// Show the whole record.
    Fit,
    /// Show so many bases from here.
    Show {
        start_bp: f64,
        span_bp: f64,
        /// Whether where one was is kept for going back.
        jump: bool,
    },
    /// Read the other strand from left to right.
    TurnRound,
    /// Make a locus the one that keys act on.
    ActivateLocus(usize),
    /// Show one more locus.
    AddLocus,
    CloseLocus(usize),
    /// Pin what is in view as A, or let it go.
    Pin(bool),
    /// Make A what was B, and B what was A.
    ExchangePinned,
    /// Move all loci together, or each by itself.
    LinkLoci(bool),
    /// Go to the next feature, or to the one before.
    NextFeature(bool),
    /// Go to the next stretch above the threshold, or to the one before.
    NextHit(bool),
    /// Make a sequence of pasted text.
    Paste(String),
    /// Count the letters of these records, which are looked at.
    CountRecords(std::ops::Range<usize>),
    ToggleFavourite(PathBuf),
    /// Keep the layout under a name.
    KeepLayout(String),
    UseLayout(String),
    DropLayout(String),
    PickFeature(Picked),
    /// Search the names of features.
    SearchFeatures(String),
    /// Go to the best feature that is found, as soon as it is.
    GoToFirstFound,
    /// Go to a place in HGVS's words.
    Locate(String),
    /// Show where a pattern fits as a track, and go to the first place.
    FindMotif(String),
    /// Show a track that is computed from the bases.
    ShowTrack(TrackSource),
    /// Mark what is in view as a region of interest, or the one base in its middle.
    MarkView(bool),
    /// Mark a region under a name.
    Mark(Region, String),
    /// Mark the features of a track that are in view.
    MarkFeatures(u64),
    /// Show the fields of a region of interest.
    EditMark(u64),
    ChangeMark(Box<Mark>),
    RemoveMark(u64),
    /// Show each region of interest as a locus of its own.
    ShowMarks,
    /// Show the dialog that names a BED file for the regions of interest.
    SaveMarks,
    GeneticCode(u8),
    /// Lay the panels out anew.
    Layout(Preset),
    /// Bring a panel to the front.
    ShowPane(Pane),
    /// Say something in the status bar.
    Say(String),
    /// Select a lane alone, or together with others.
    SelectLane(LaneId, bool),
    /// Put a lane above or beneath another.
    PlaceLane {
        id: LaneId,
        beside: LaneId,
        is_above: bool,
    },
    /// Move lanes by so many places.
    StepLane(LaneId, isize),
    LaneHeight(LaneId, f32),
    ChangeLane(LaneId, Box<Setting>),
    /// Put lanes into one group; with `true` they are drawn over each other.
    GroupLanes(Vec<LaneId>, bool),
    UngroupLanes(Vec<LaneId>),
    OverlayGroup(u32, bool),
    /// Show the difference of the two selected lanes.
    ShowDifference,
    /// Tell how the two selected lanes go together, wherever both are known.
    Relate,
    StopRelating,
    /// Judge scores by the features of a file: those of this lane, or of the selected one.
    Judge(u64, Option<LaneId>),
    /// Take away what is selected.
    RemoveLanes,
    CloseFile(u64),
    ScoreView,
    ScoreRecord,
    /// Stop scoring the record for a while, or go on.
    Pause(bool),
    /// Stop what is being computed.
    Cancel,
    PickHead(String),
    BothStrands(bool),
    /// Read windows in all frames, or in one.
    AllFrames(bool),
    Attention(bool),
    /// Tell how many windows answer for each base, and how far they differ.
    WindowVotes(bool),
    /// How far windows overlap, in percent.
    Overlap(Option<u8>),
    /// Show where scores of shuffled bases lie, or take that away.
    NullBand,
    SelfTest,
    ToggleLabel(String),
    Threshold(String, f32),
    /// Show the dialog that names a file to write.
    Save {
        format: SaveFormat,
        only_view: bool,
    },
    SaveTo {
        save: Save,
        path: PathBuf,
        force: bool,
    },
    /// Keep the tracks of the head that is picked when another is, or not.
    KeepTracks(bool),
    /// Take away the tracks of a head that was picked before.
    DropKept(String),
    GetModel(String),
    /// Show the dialog that picks a folder to import.
    PickFolder,
    /// Tell what a folder holds before it is added.
    LookAtModel(PathBuf),
    ImportModel(PathBuf),
    /// Do not add a folder that was looked at.
    ForgetLook(PathBuf),
    RemoveModel(String),
    /// Show the dialog that edits the card of a head.
    EditCard(String),
    /// Read that card.
    OpenCard(String),
    /// Write what was edited of it.
    SaveCard(String, CardEdit),
    /// Stop fetching or importing.
    CancelLibrary,
    CloseFailure,
    RestartEngine,
}

/// The base under the pointer, and in which locus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) locus: usize,
    pub(crate) bp: u64,
}

/// A lane that is being dragged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LaneDrag {
    pub(crate) id: LaneId,
    /// The lane it would stand beside, and whether above that.
    pub(crate) before: Option<(LaneId, bool)>,
    /// Where that is on screen.
    pub(crate) mark_y: f32,
}

/// A feature that was picked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Picked {
    /// In which locus.
    pub(crate) locus: usize,
    pub(crate) feature: Feature,
}

/// What lies over the window.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Dialog {
    /// The list of shortcuts.
    Shortcuts,
    /// A search over everything that can be done.
    Palette(PaletteDialog),
    /// A field for the paths of files to open.
    OpenPath(String),
    /// A field for the path of a file to write.
    SavePath(SavePath),
    /// Models and heads.
    Models(ModelsDialog),
    /// The card of a head, to be edited.
    Card(CardDialog),
}

impl Dialog {
    /// What is left of it when the user wants to leave it: one that would lose something asks first.
    pub(crate) fn left(self) -> Option<Self> {
        match self {
            Self::Card(dialog) if dialog.is_changed() => Some(Self::Card(CardDialog { asks: !dialog.asks, ..dialog })),
            dialog => dialog.closed(),
        }
    }

    /// What is left of it when it is done with: one that was opened from another goes back there.
    pub(crate) fn closed(self) -> Option<Self> {
        match self {
            Self::Card(dialog) => dialog.back.map(Self::Models),
            _ => None,
        }
    }
}

/// The card of a head, as it is being edited.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CardDialog {
    /// Name of the head.
    pub(crate) head: String,
    /// What has been typed; `None` until the card is read.
    pub(crate) draft: Option<Box<Draft>>,
    /// Why it could not be read or saved.
    pub(crate) failure: Option<JobError>,
    /// Whether it asks if changes shall be lost.
    pub(crate) asks: bool,
    /// The list it was opened from.
    pub(crate) back: Option<ModelsDialog>,
}

impl CardDialog {
    fn is_changed(&self) -> bool {
        self.draft.as_ref().is_some_and(|draft| draft.is_changed())
    }
}

/// A search over commands, heads and records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PaletteDialog {
    pub(crate) text: String,
    /// Which of what is found is chosen.
    pub(crate) chosen: usize,
}

/// The list of models, as it is being searched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ModelsDialog {
    pub(crate) filter: String,
    /// The folder to import, where it has to be typed.
    pub(crate) folder: Option<String>,
    /// What is to be removed, once that is confirmed.
    pub(crate) removing: Option<String>,
}

/// Where something is to be saved, as it is being typed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SavePath {
    pub(crate) save: Save,
    pub(crate) path: String,
    /// Whether what is there may be replaced.
    pub(crate) replace: bool,
    /// Why the path could not be written to.
    pub(crate) refused: Option<JobError>,
}

/// The field for a locus.
#[derive(Clone, Debug, Default)]
pub(crate) struct LocusField {
    /// What is being typed; `None` while it shows where one is.
    pub(crate) text: Option<String>,
    /// What is wrong with it.
    pub(crate) error: Option<String>,
    /// Which of the suggestions beneath it is chosen.
    pub(crate) chosen: Option<usize>,
    /// Whether it is to be given the keyboard.
    pub(crate) focus: bool,
}

/// Records that were searched for; kept, since there can be too many to search in every frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// The opened file they are of.
    pub(crate) opening: u64,
    /// What was searched for.
    pub(crate) wanted: String,
    pub(crate) records: Vec<usize>,
}

/// What the window itself remembers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Screen {
    /// The panels as they are laid out.
    pub(crate) dock: Dock,
    /// How much larger everything is to be drawn from now on.
    pub(crate) zoom: Option<f32>,
    /// The name of a layout that is being typed.
    pub(crate) layout_name: String,
    /// The motif that is being typed.
    pub(crate) motif: String,
    pub(crate) base_colours: BaseColours,
    pub(crate) locus: LocusField,
    /// Names of records are searched for this.
    pub(crate) filter: String,
    pub(crate) found: Found,
    /// Whether the hint on the example has been closed.
    pub(crate) hint_closed: bool,
    pub(crate) dialog: Option<Dialog>,
    /// The base under the pointer.
    pub(crate) cursor: Option<Cursor>,
    /// In which locus and from where a stretch is being drawn out.
    pub(crate) sweep: Option<(usize, f64)>,
    /// How high lanes stand.
    pub(crate) heights: BTreeMap<LaneId, f32>,
    /// The lane of scores under the pointer.
    pub(crate) score_under_pointer: Option<LaneId>,
    /// The lane that is being dragged.
    pub(crate) lane_drag: Option<LaneDrag>,
    /// The region of interest whose fields are shown.
    pub(crate) mark: Option<u64>,
    /// The feature that was picked.
    pub(crate) picked: Option<Picked>,
    pub(crate) actions: Vec<Action>,
}

impl Screen {
    /// Forgets what was typed to find a place: it was meant for another file.
    pub(crate) fn forget_places(&mut self) {
        self.locus = LocusField::default();
        self.filter.clear();
    }

    /// Shows models and heads, or closes them.
    pub(crate) fn show_models(&mut self) {
        let is_shown = matches!(self.dialog, Some(Dialog::Models(_)));
        self.dialog = (!is_shown).then(|| Dialog::Models(ModelsDialog::default()));
    }

    /// Shows the card of a head, to be edited.
    pub(crate) fn edit_card(&mut self, head: String) {
        let back = match self.dialog.take() {
            Some(Dialog::Models(dialog)) => Some(dialog),
            _ => None,
        };
        self.dialog = Some(Dialog::Card(CardDialog { head, draft: None, failure: None, asks: false, back }));
    }

    /// Whether a card is being edited, over which no other dialog may come.
    pub(crate) fn is_editing_card(&self) -> bool {
        matches!(self.dialog, Some(Dialog::Card(_)))
    }

    /// Shows a dialog, unless something typed would be lost by that; says whether it does.
    pub(crate) fn show(&mut self, dialog: Dialog) -> bool {
        let is_free = !self.is_editing_card();
        if is_free {
            self.dialog = Some(dialog);
        }
        is_free
    }

    /// Takes in what has become of a card; what another dialog waited for is of no use.
    pub(crate) fn on_card(&mut self, news: CardNews) {
        let Some(Dialog::Card(dialog)) = &mut self.dialog else { return };
        match news {
            CardNews::Opened(head, card) if head == dialog.head && dialog.draft.is_none() => {
                dialog.draft = Some(Box::new(Draft::of(*card)));
            }
            CardNews::Failed(head, error) if head == dialog.head => dialog.failure = Some(error),
            CardNews::Saved(head) if head == dialog.head => {
                self.dialog = self.dialog.take().and_then(Dialog::closed);
            }
            _ => {}
        }
    }

    /// Notes what the user did.
    pub(crate) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }
}
