//! Carries out what the user did.

use std::path::PathBuf;

use strandscope_worker::{ErrorKind, ExportFormat, JobError};

use crate::{
    SaveFormat, ServiceAnswer, Window, export, figure,
    screen::{Action, Dialog},
    state::notices::Failure,
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
            Action::OpenPath(path) => state.open(path),
            Action::OpenExample => state.open_example(),
            Action::GoTo(place) => state.go_to(place),
            Action::Back => state.go_back(),
            Action::Forward => state.go_forward(),
            Action::Pan(_) | Action::Zoom(..) | Action::Fit | Action::Show { .. } => self.move_view(&action),
            Action::ScoreView => state.score_view(),
            Action::ScoreRecord => state.score_record(),
            Action::Cancel => state.cancel_analyses(),
            Action::PickHead(name) => state.pick_head(&name),
            Action::BothStrands(both) => state.set_both_strands(both),
            Action::Attention(wanted) => state.options.attention = wanted,
            Action::ToggleLabel(label) => state.toggle_label(&label),
            Action::Threshold(label, value) => {
                state.thresholds.insert(label, value);
            }
            Action::Save { format, only_view } => self.begin_saving(format, only_view),
            Action::SaveTo { path, force } => self.save(path, force),
            Action::CloseFailure => state.failure = None,
            Action::RestartEngine => self.restart_engine(),
        }
    }

    fn move_view(&mut self, action: &Action) {
        let Some(genome) = &mut self.state.genome else { return };
        match *action {
            Action::Pan(fraction) => genome.view.pan(fraction),
            Action::Zoom(factor, anchor) => genome.view.zoom(factor, anchor),
            Action::Fit => {
                self.state.history.leave(genome.record, genome.view);
                genome.view.set(0.0, genome.view.length_bp() as f64);
            }
            Action::Show { start_bp, span_bp, jump } => {
                if jump {
                    self.state.history.leave(genome.record, genome.view);
                }
                genome.view.set(start_bp, span_bp);
            }
            _ => {}
        }
    }

    fn begin_saving(&mut self, format: SaveFormat, only_view: bool) {
        let Some(genome) = &self.state.genome else { return };
        let locus = genome.region().to_string().replace(',', "").replace([':', '|', '/', '\\', '*'], "_");
        if format != SaveFormat::Png && export::tracks(&self.state, only_view).is_empty() {
            let message = "Nothing is scored here yet. Score what is in view, then save it.".to_owned();
            let error = JobError { kind: ErrorKind::Usage, message, causes: vec![] };
            self.state.failure = Some(Failure { what: "There is nothing to save".to_owned(), error });
            return;
        }
        let what = self.state.head.as_deref().unwrap_or("tracks");
        self.screen.saving = (format, only_view);
        self.services.pick_save(&format!("{what}_{locus}.{}", format.extension()), format);
    }

    fn save(&mut self, path: PathBuf, force: bool) {
        let (format, only_view) = self.screen.saving;
        match format {
            SaveFormat::Tsv => self.state.export(&path, ExportFormat::Tsv, only_view, force),
            SaveFormat::BedGraph => self.state.export(&path, ExportFormat::BedGraph, only_view, force),
            SaveFormat::Png => {
                if let Some(figure) = figure::of_view(&self.state, &self.screen) {
                    self.services.save_figure(figure, path, force);
                }
            }
        }
    }

    pub(crate) fn on_answer(&mut self, answer: ServiceAnswer) {
        match answer {
            ServiceAnswer::Opened(path) => self.state.open(path),
            ServiceAnswer::SaveTo(path) => self.save(path, true),
            ServiceAnswer::Dismissed => {}
            ServiceAnswer::NoOpenDialog => self.screen.dialog = Some(Dialog::OpenPath(String::new())),
            ServiceAnswer::NoSaveDialog { suggested } => {
                self.screen.dialog =
                    Some(Dialog::SavePath { path: suggested.to_string_lossy().into_owned(), replace: false });
            }
            ServiceAnswer::FigureSaved(path) => self.state.message = Some(format!("Saved {}", path.display())),
            ServiceAnswer::Failed(error) => {
                self.state.failure = Some(Failure { what: "That could not be done".to_owned(), error });
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
