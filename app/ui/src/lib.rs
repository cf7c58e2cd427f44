//! Everything on screen.
//!
//! [`Window`] is handed an engine and a desktop ([`Services`]) and draws itself into any [`egui::Ui`]:
//! the binary puts it into a window, tests into a harness without one.
//! Each frame goes one way: drain events → draw views → carry out what the user did → send tasks.
//! Drawing only reads the state; what the user does comes out as actions.

mod actions;
mod commands;
mod dock;
mod draft;
mod export;
mod figure;
mod icons;
mod keys;
mod locus;
mod scale;
mod screen;
mod services;
mod settings;
mod state;
mod theme;
mod views;
mod worker;

pub use services::{Example, Save, SaveFormat, ServiceAnswer, Services, Start};
pub use worker::Worker;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use self::{
    screen::Screen,
    settings::Settings,
    state::{Order, State},
};

/// The window: all that is open, the engine, and the desktop around it.
pub struct Window {
    state: State,
    screen: Screen,
    worker: Box<dyn Worker>,
    services: Box<dyn Services>,
    /// What is remembered for the next start.
    settings: Settings,
    /// The same as text, as it was saved last.
    saved_settings: String,
    /// Files whose changes are told.
    watched: Vec<PathBuf>,
    /// What the window's clock counts from.
    begun: Instant,
    themed: bool,
}

impl Window {
    /// A window that opens what `start` says.
    pub fn new(worker: impl Worker + 'static, services: Box<dyn Services>, start: Start) -> Self {
        let mut state = State::new(start.examples);
        if start.files.is_empty() {
            state.open_example(0);
        } else {
            state.open_files(start.files);
        }
        let saved_settings = services.settings().unwrap_or_default();
        let settings = Settings::parse(&saved_settings);
        let mut screen = Screen { base_colours: settings.base_colours, zoom: settings.zoom, ..Screen::default() };
        if let Some(dock) = &settings.dock {
            screen.dock = dock.clone();
        }
        let mut window = Self {
            state,
            screen,
            worker: Box::new(worker),
            services,
            settings,
            saved_settings,
            watched: Vec::new(),
            begun: Instant::now(),
            themed: false,
        };
        // Work begins before the first frame is drawn.
        window.send();
        window
    }

    /// Draws everything; called each frame.
    pub fn ui(&mut self, ui: &mut egui::Ui) {
        if !self.themed {
            theme::install(ui.ctx());
            if let Some(theme) = self.settings.theme {
                ui.ctx().set_theme(theme);
            }
            self.themed = true;
            ui.ctx().request_discard("fonts hold from the next pass on");
            return;
        }
        self.drain(ui.ctx());
        keys::read(ui.ctx(), &self.state, &mut self.screen);
        views::ui(ui, &self.state, &self.settings, &mut self.screen);
        if let Some(zoom) = self.screen.zoom.take() {
            ui.ctx().set_zoom_factor(zoom);
        }
        self.carry_out();
        self.state.ask_for_view();
        if self.state.call_on() {
            ui.ctx().request_repaint();
        }
        self.send();
        self.remember(ui.ctx());
    }

    /// Notes what has been opened and how things stand, for the next start; tells the desktop what to watch.
    fn remember(&mut self, ctx: &egui::Context) {
        for path in std::mem::take(&mut self.state.opened) {
            if self.state.examples.iter().all(|example| example.path != path) {
                self.settings.opened(&path);
            }
        }
        let paths = self.state.open_paths();
        if paths != self.watched {
            self.services.watch(paths.clone());
            self.watched = paths;
        }
        // A layout changes while it is dragged: it is kept once that is over.
        if ctx.input(|input| input.pointer.any_down()) {
            return;
        }
        self.settings.dock = Some(self.screen.dock.clone());
        self.settings.base_colours = self.screen.base_colours;
        self.settings.theme = Some(ctx.options(|options| options.theme_preference));
        self.settings.zoom = Some(ctx.zoom_factor());
        let text = self.settings.text();
        if text != self.saved_settings {
            self.services.save_settings(text.clone());
            self.saved_settings = text;
        }
    }

    /// Takes in what has come since the last frame; what does not fit into a frame waits for the next one.
    fn drain(&mut self, ctx: &egui::Context) {
        const LONGEST: Duration = Duration::from_millis(6);
        let start = Instant::now();
        while let Some(event) = self.worker.try_event() {
            self.state.on_event(event, self.begun.elapsed().as_secs_f64());
            if start.elapsed() > LONGEST {
                ctx.request_repaint();
                break;
            }
        }
        if let Some((request, error)) = self.state.not_saved.take() {
            let path = request.path.clone();
            self.ask_again(Save::Tracks(request), &path, error);
        }
        for news in std::mem::take(&mut self.state.cards) {
            self.screen.on_card(news);
        }
        while let Some(answer) = self.services.poll() {
            self.on_answer(answer);
        }
        let hovered =
            ctx.input(|input| input.raw.hovered_files.iter().filter_map(|file| file.path.clone()).collect::<Vec<_>>());
        self.state.hover(hovered);
        let dropped: Vec<_> =
            ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect());
        if !dropped.is_empty() {
            // Features that are dropped on scores judge them.
            self.state.judge_next = self.screen.score_under_pointer.clone();
            self.open(dropped);
        }
        // Where another dialog is open, it comes after that.
        match self.screen.dialog {
            None if self.state.show_models => self.screen.show_models(),
            Some(screen::Dialog::Models(_)) => self.state.show_models = false,
            _ => {}
        }
        if std::mem::take(&mut self.state.show_judgement) {
            self.screen.dock.show(dock::Pane::Judge);
        }
    }

    fn send(&mut self) {
        for order in self.state.take_orders() {
            match order {
                Order::Run(purpose, task) => {
                    let job = self.worker.run(*task);
                    self.state.sent(job, purpose);
                }
                Order::Cancel(job) => self.worker.cancel(job),
            }
        }
    }
}
