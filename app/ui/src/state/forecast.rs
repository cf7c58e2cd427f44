//! How much work scores would be, told before they are asked for.

use strandscope_worker::{Outcome, ScoreRequest, Task, genome::Region, memory_in_words};

use super::{
    State,
    work::{Purpose, duration},
};

/// Forecasts for what is in view and for the whole record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forecasts {
    view: Asked,
    record: Asked,
}

/// A forecast, and what it was asked for.
#[derive(Clone, Debug, Default)]
struct Asked {
    request: Option<ScoreRequest>,
    /// Whether the answer is under way.
    is_asked: bool,
    answer: Option<String>,
}

impl State {
    /// Asks for forecasts of what could be scored now, one after the other.
    pub(super) fn ask_for_forecasts(&mut self) {
        if self.jobs.analysing() || self.stopped.is_some() {
            return;
        }
        let Some(genome) = self.genome.as_ref().filter(|_| self.library.is_some()) else { return };
        let Some(head) = self.head.clone() else { return };
        let contig = genome.contig();
        let whole = Region::new(&contig.name, 0, contig.length_bp);
        for (is_view, region) in [(true, genome.region()), (false, whole)] {
            let request = self.score_request(head.clone(), &region);
            let asked = if is_view { &mut self.forecasts.view } else { &mut self.forecasts.record };
            let Some(request) = request.filter(|request| !asked.is_asked && asked.request.as_ref() != Some(request))
            else {
                continue;
            };
            asked.is_asked = true;
            asked.request = Some(request.clone());
            self.order(Purpose::Forecast { is_view }, Task::Forecast(request));
        }
    }

    pub(super) fn on_forecast(&mut self, is_view: bool, outcome: &Outcome) {
        let asked = if is_view { &mut self.forecasts.view } else { &mut self.forecasts.record };
        asked.is_asked = false;
        asked.answer = in_words(outcome);
    }

    /// A forecast could not be made; it is asked for again when something changes.
    pub(super) fn no_forecast(&mut self, is_view: bool) {
        let asked = if is_view { &mut self.forecasts.view } else { &mut self.forecasts.record };
        (asked.is_asked, asked.answer) = (false, None);
    }

    /// Forecasts are made anew: what has been scored is kept, and its speed is known.
    pub(super) fn forget_forecasts(&mut self) {
        self.forecasts.view.request = None;
        self.forecasts.record.request = None;
    }

    /// The forecasts for what is in view and for the record, for people.
    pub(crate) fn forecast(&self) -> (Option<&str>, Option<&str>) {
        (self.forecasts.view.answer.as_deref(), self.forecasts.record.answer.as_deref())
    }
}

/// `40 windows, about 0.8 s, 320 MB`.
fn in_words(outcome: &Outcome) -> Option<String> {
    let Outcome::Forecast { windows, windows_cached, seconds, memory_bytes } = outcome else { return None };
    let windows = strandscope_worker::genome::grouped(*windows);
    let time = match seconds {
        _ if *windows_cached > 0 && outcome_is_kept(outcome) => "kept from earlier".to_owned(),
        Some(seconds) => format!("about {}", duration(*seconds)),
        None => "time not known yet".to_owned(),
    };
    Some(format!("{windows} windows, {time}, {}", memory_in_words(*memory_bytes)))
}

/// Whether all of the answers are kept from earlier.
fn outcome_is_kept(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Forecast { windows, windows_cached, .. } if windows_cached >= windows)
}
