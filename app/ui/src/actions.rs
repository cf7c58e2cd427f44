//! Carries out what the user did.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use strandscope_worker::{ErrorKind, ExportFormat, ExportRequest, JobError, genome::Region};

use crate::{
    Save, SaveFormat, ServiceAnswer, Window,
    dock::{Dock, Pane, Preset},
    export, figure,
    screen::{Action, Dialog, SavePath},
    state::{lanes::LaneId, notices::Failure},
};

impl Window {
    pub(crate) fn carry_out(&mut self) {
        for action in std::mem::take(&mut self.screen.actions) {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        let state = &mut self.state;
        match action {
            Action::Open => self.services.pick_file(),
            Action::OpenPaths(paths) => self.open(paths),
            Action::OpenExample(number) => {
                self.screen.forget_places();
                self.screen.hint_closed = false;
                state.open_example(number);
            }
            Action::GoTo(_)
            | Action::Back
            | Action::Forward
            | Action::Pan(_)
            | Action::Zoom(..)
            | Action::Fit
            | Action::Show { .. }
            | Action::TurnRound
            | Action::ActivateLocus(_)
            | Action::AddLocus
            | Action::CloseLocus(_)
            | Action::LinkLoci(_) => self.move_view(action),
            Action::NextHit(is_after) => state.next_hit(is_after),
            Action::Paste(text) => state.paste(text),
            Action::CountRecords(records) => state.want_facts(records),
            Action::ToggleFavourite(path) => self.settings.toggle_favourite(&path),
            Action::KeepLayout(name) => self.settings.keep_layout(&name, &self.screen.dock),
            Action::UseLayout(name) => {
                if let Some(layout) = self.settings.layouts.iter().find(|layout| layout.name == name) {
                    self.screen.dock = layout.dock.clone();
                }
            }
            Action::DropLayout(name) => self.settings.layouts.retain(|layout| layout.name != name),
            Action::NextFeature(is_after) => state.next_feature(is_after),
            Action::SearchFeatures(text) => state.search(&text),
            Action::GoToFirstFound => state.go_to_first_found(),
            Action::ShowDifference => state.show_difference(),
            Action::Pin(true) => state.pin(),
            Action::Pin(false) => state.unpin(),
            Action::ExchangePinned => state.exchange_pinned(),
            Action::Judge(file, lane) => {
                state.judge(file, lane);
                self.screen.dock.show(Pane::Judge);
            }
            Action::Relate => {
                state.relate();
                self.screen.dock.show(Pane::Judge);
            }
            Action::StopRelating => state.stop_relating(),
            Action::Locate(text) => state.locate(text),
            Action::FindMotif(pattern) => state.find_motif(&pattern),
            Action::ShowTrack(source) => state.open_track(source),
            Action::MarkView(whole) => state.mark_view(whole),
            Action::Mark(region, name) => state.mark(region, name),
            Action::MarkFeatures(file) => state.mark_features(file),
            Action::EditMark(id) => {
                self.screen.mark = Some(id);
                self.screen.dock.show(Pane::Marks);
            }
            Action::ChangeMark(mark) => state.marks.change(*mark),
            Action::RemoveMark(id) => state.marks.remove(id),
            Action::ShowMarks => state.show_marks(),
            Action::SaveMarks => self.begin_saving_marks(),
            Action::GeneticCode(code) => state.code = code,
            Action::Layout(preset) => self.lay_out(preset),
            Action::ShowPane(pane) => self.screen.dock.show(pane),
            Action::Say(message) => state.message = Some(message),
            Action::PickFeature(picked) => {
                self.screen.picked = Some(picked);
                self.screen.dock.show(Pane::Details);
            }
            Action::SelectLane(..)
            | Action::PlaceLane { .. }
            | Action::StepLane(..)
            | Action::LaneHeight(..)
            | Action::ChangeLane(..)
            | Action::GroupLanes(..)
            | Action::UngroupLanes(_)
            | Action::OverlayGroup(..)
            | Action::RemoveLanes
            | Action::CloseFile(_) => state.arrange(action),
            Action::ScoreView => state.score_view(),
            Action::ScoreRecord => state.score_record(),
            Action::Pause(pause) => state.pause_record(pause),
            Action::Cancel => state.cancel_analyses(),
            Action::PickHead(name) => state.pick_head(&name),
            Action::BothStrands(both) => state.set_both_strands(both),
            Action::AllFrames(all) => state.set_all_frames(all),
            Action::Attention(wanted) => state.set_attention(wanted),
            Action::WindowVotes(wanted) => state.set_window_votes(wanted),
            Action::Overlap(percent) => state.set_overlap(percent),
            Action::NullBand => state.toggle_null_band(),
            Action::SelfTest => state.run_self_test(),
            Action::ToggleLabel(label) => state.toggle_label(&label),
            Action::Threshold(label, value) => {
                state.thresholds.insert(label, value);
            }
            Action::Save { format, only_view } => self.begin_saving(format, only_view),
            Action::SaveTo { save, path, force } => self.save(save, path, force),
            Action::KeepTracks(keep) => state.keep_tracks(keep),
            Action::DropKept(head) => state.drop_kept(&head),
            Action::GetModel(name) => state.get_model(&name),
            Action::PickFolder => self.services.pick_folder(),
            Action::LookAtModel(folder) => state.look_at_model(folder),
            Action::ImportModel(folder) => state.import_model(folder),
            Action::ForgetLook(folder) => state.forget_look(&folder),
            Action::RemoveModel(name) => state.remove_model(&name),
            Action::EditCard(head) => self.screen.edit_card(head),
            Action::OpenCard(head) => state.open_card(&head),
            Action::SaveCard(head, edit) => state.save_card(&head, edit),
            Action::CancelLibrary => state.cancel_library(),
            Action::CloseFailure => state.failure = None,
            Action::RestartEngine => self.restart_engine(),
        }
    }

    /// Opens files as what they are.
    pub(crate) fn open(&mut self, paths: Vec<PathBuf>) {
        self.screen.forget_places();
        self.state.open_files(paths);
    }

    fn move_view(&mut self, action: Action) {
        let Some(genome) = &mut self.state.genome else { return };
        match action {
            Action::GoTo(place) => genome.go_to(place),
            Action::Back => genome.go_back(),
            Action::Forward => genome.go_forward(),
            Action::Pan(fraction) => genome.pan(fraction),
            Action::Zoom(factor, anchor) => genome.zoom(factor, anchor),
            Action::Fit => genome.show(0.0, genome.view().length_bp() as f64, true),
            Action::Show { start_bp, span_bp, jump } => genome.show(start_bp, span_bp, jump),
            Action::TurnRound => genome.turn_round(),
            Action::ActivateLocus(number) => genome.activate(number),
            Action::AddLocus => genome.add_locus(),
            Action::CloseLocus(number) => genome.close_locus(number),
            Action::LinkLoci(linked) => genome.linked = linked,
            _ => {}
        }
    }

    /// Lays the panels out as a preset has them; the teacher's shows tokens and translation.
    fn lay_out(&mut self, preset: Preset) {
        self.screen.dock = Dock::of(preset);
        self.screen.zoom = Some(preset.zoom());
        if preset == Preset::Teacher {
            self.state.arrangement.change(&LaneId::Translation, |setting| setting.hidden = Some(false));
        }
    }

    /// Asks where the regions of interest are to be written.
    fn begin_saving_marks(&mut self) {
        let name = self.state.genome.as_ref().map_or_else(|| "sequence".to_owned(), |genome| genome.file_name());
        let name = format!("{}_regions.bed", name.split('.').next().unwrap_or("sequence"));
        self.services.pick_save(&name, Save::Regions(self.state.marks.bed()));
    }

    fn begin_saving(&mut self, format: SaveFormat, only_view: bool) {
        let Some(genome) = &self.state.genome else { return };
        let contig = genome.contig();
        let region = if only_view { genome.region() } else { Region::new(&contig.name, 0, contig.length_bp) };
        let locus = region.to_string().replace(',', "").replace([':', '|', '/', '\\', '*'], "_");
        let what = self.state.head.as_deref().unwrap_or("tracks");
        let name = format!("{what}_{locus}.{}", format.extension());
        let save = match format {
            SaveFormat::Tsv => self.tracks(ExportFormat::Tsv, &region),
            SaveFormat::BedGraph => self.tracks(ExportFormat::BedGraph, &region),
            SaveFormat::Bed => Some(Save::Regions(self.state.marks.bed())),
            SaveFormat::Png => figure::of_view(&self.state, &self.screen).map(|figure| Save::Figure(Box::new(figure))),
        };
        if let Some(save) = save {
            self.services.pick_save(&name, save);
            return;
        }
        let message = "Nothing is scored here yet. Score what is in view, then save it.".to_owned();
        let error = JobError { kind: ErrorKind::Usage, message, causes: vec![] };
        self.state.failure = Some(Failure { what: "There is nothing to save".to_owned(), error });
    }

    /// The tracks that are drawn of a region, if there are any; where they go is known later.
    fn tracks(&self, format: ExportFormat, region: &Region) -> Option<Save> {
        let lanes = export::lanes(&self.state);
        let tracks = export::tracks(&self.state, &lanes, region);
        let record = export::record(&self.state, &lanes, region);
        let request = ExportRequest { tracks, format, path: PathBuf::new(), force: false, record };
        (!request.tracks.is_empty()).then(|| Save::Tracks(Arc::new(request)))
    }

    fn save(&mut self, save: Save, path: PathBuf, force: bool) {
        match save {
            Save::Tracks(request) => self.state.export(request, path, force),
            Save::Figure(figure) => self.services.save_figure(figure, path, force),
            Save::Regions(text) => self.services.save_text(text, path, force),
        }
    }

    /// Shows why this path could not be written to, and lets it be changed.
    pub(crate) fn ask_again(&mut self, save: Save, path: &Path, error: JobError) {
        let path = path.to_string_lossy().into_owned();
        let fields = SavePath { save, path, replace: false, refused: Some(error.clone()) };
        if !self.screen.show(Dialog::SavePath(fields)) {
            self.state.failure = Some(Failure { what: "It could not be saved".to_owned(), error });
        }
    }

    pub(crate) fn on_answer(&mut self, answer: ServiceAnswer) {
        match answer {
            ServiceAnswer::Opened(paths) => self.open(paths),
            ServiceAnswer::SaveTo { save, path } => {
                // The dialog has asked about one file: of several, none is replaced unasked.
                let force = save.file_count() == 1;
                self.save(save, path, force);
            }
            ServiceAnswer::Changed(path) => self.state.on_changed(&path),
            ServiceAnswer::Dismissed => {}
            ServiceAnswer::Folder(folder) => self.state.look_at_model(folder),
            ServiceAnswer::NoFolderDialog => {
                if let Some(Dialog::Models(dialog)) = &mut self.screen.dialog {
                    dialog.folder.get_or_insert_default();
                }
            }
            ServiceAnswer::NoOpenDialog => {
                self.screen.show(Dialog::OpenPath(String::new()));
            }
            ServiceAnswer::NoSaveDialog { save, suggested } => {
                let path = suggested.to_string_lossy().into_owned();
                self.screen.show(Dialog::SavePath(SavePath { save, path, replace: false, refused: None }));
            }
            ServiceAnswer::Saved(path) => self.state.message = Some(format!("Saved {}", path.display())),
            ServiceAnswer::TextNotSaved { text, path, error } => {
                self.ask_again(Save::Regions(text), &path, error);
            }
            ServiceAnswer::FigureNotSaved { figure, path, error } => {
                self.ask_again(Save::Figure(figure), &path, error);
            }
        }
    }

    fn restart_engine(&mut self) {
        match self.services.restart_engine() {
            Ok(engine) => {
                self.worker = Box::new(engine);
                self.state.on_restart();
            }
            Err(error) => self.state.stopped = Some(format!("It could not be started again: {error}")),
        }
    }
}
