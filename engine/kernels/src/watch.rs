//! Watching long work: how far it is, and whether it shall go on.

use std::{
    fmt,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::reach::Kept;

/// Time between two words on how far a pass is.
const BETWEEN_WORDS: Duration = Duration::from_millis(200);

/// Shared by those who do long work and those who wait for it; a clone is the same watch.
#[derive(Clone, Default)]
pub struct Watch(Arc<Shared>);

#[derive(Default)]
struct Shared {
    stopped: Arc<AtomicBool>,
    done: AtomicU64,
    kept: Mutex<Kept>,
    part: Mutex<Part>,
    /// Is told how much of a pass is done, 0 to 1.
    told: Option<Box<dyn Fn(f32) + Send + Sync>>,
}

/// The part of a pass that is under way.
struct Part {
    /// Which share of the pass the parts make up that are counted.
    stretch: Range<f32>,
    /// Where it lies in the stretch.
    place: Range<f32>,
    /// What was done before, and what it takes, in scores.
    before: u64,
    scores: u64,
    /// When something was said last.
    said: Instant,
}

impl Default for Part {
    fn default() -> Self {
        Self { stretch: 0.0..1.0, place: 0.0..0.0, before: 0, scores: 1, said: Instant::now() }
    }
}

impl Part {
    /// How much of the pass is done.
    fn share(&self, done: u64) -> f32 {
        let of_part = (done.saturating_sub(self.before) as f32 / self.scores.max(1) as f32).min(1.0);
        within(&self.stretch, within(&self.place, of_part))
    }
}

fn within(range: &Range<f32>, share: f32) -> f32 {
    range.start + (range.end - range.start) * share
}

impl Watch {
    /// Ends the work when `stopped` becomes true. What it has computed by then is worth nothing.
    pub fn new(stopped: Arc<AtomicBool>) -> Self {
        Self(Arc::new(Shared { stopped, ..Shared::default() }))
    }

    /// The same, and tells during long passes how much of one is done, 0 to 1; for example to a window.
    pub fn telling(stopped: Arc<AtomicBool>, told: impl Fn(f32) + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared { stopped, told: Some(Box::new(told)), ..Shared::default() }))
    }

    /// Says that the parts counted from now on make up this share of a pass.
    pub fn stretch(&self, share: Range<f32>) {
        self.lock_part().stretch = share;
    }

    /// Begins a part of a pass, or of the stretch of it: one of several that take about as long, by its number from 0.
    /// It looks at so many scores.
    pub fn part(&self, number: usize, of: usize, scores: usize) {
        let place = |number: usize| number as f32 / of.max(1) as f32;
        let mut part = self.lock_part();
        part.place = place(number)..place(number + 1);
        (part.before, part.scores) = (self.done(), scores as u64);
        drop(part);
        self.tell();
    }

    fn lock_part(&self) -> std::sync::MutexGuard<'_, Part> {
        self.0.part.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says how far the pass is, unless somebody else is about to or it was said a moment ago.
    fn tell(&self) {
        let (Some(told), Ok(mut part)) = (&self.0.told, self.0.part.try_lock()) else { return };
        if part.said.elapsed() >= BETWEEN_WORDS {
            part.said = Instant::now();
            told(part.share(self.done()));
        }
    }

    /// Whether the work was asked to end.
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Relaxed)
    }

    /// Counts work as done, in scores that there are, looked at or not.
    pub(crate) fn add(&self, scores: usize) {
        self.0.done.fetch_add(scores as u64, Ordering::Relaxed);
        self.tell();
    }

    /// Tells how much of its square a part of the work has looked at.
    pub(crate) fn keep(&self, kept: Kept) {
        let mut all = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        *all = all.and(kept);
    }

    /// How much of the squares of queries and keys all forward passes so far have looked at.
    pub fn kept(&self) -> Kept {
        *self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Work done so far, in scores that there are, looked at or not.
    pub fn done(&self) -> u64 {
        self.0.done.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Watch").field("is_stopped", &self.is_stopped()).field("done", &self.done()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_a_pass_is_rises_from_part_to_part() {
        let watch = Watch::default();
        let share = || watch.lock_part().share(watch.done());
        watch.stretch(0.0..0.5);
        watch.part(0, 2, 100);
        let mut shares = vec![share()];
        watch.add(50);
        shares.push(share());
        watch.add(1_000);
        shares.push(share());
        watch.part(1, 2, 100);
        shares.push(share());
        watch.stretch(0.5..1.0);
        watch.add(100);
        shares.push(share());
        assert_eq!(shares, [0.0, 0.125, 0.25, 0.25, 1.0]);
    }

    #[test]
    fn it_is_told_now_and_then() {
        let shares = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&shares);
        let watch = Watch::telling(Arc::default(), move |share| told.lock().expect("sound").push(share));
        watch.part(0, 1, 100);
        watch.add(10);
        assert_eq!(*shares.lock().expect("sound"), [0.0; 0], "not at once");
        std::thread::sleep(BETWEEN_WORDS);
        watch.add(10);
        watch.add(10);
        assert_eq!(*shares.lock().expect("sound"), [0.2], "once after a while");
    }
}
