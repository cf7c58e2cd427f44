//! Jobs that run, and how far they are.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use strandscope_worker::{ExportRequest, JobId, TrackSource};

use super::tiles::TileKey;

/// What a job is for; decides what becomes of its events.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Purpose {
    /// A file is opened.
    Open(PathBuf),
    /// Models and heads are listed.
    Library,
    /// It is found out what files are, to open them.
    Recognise,
    /// It is found out what files would become that are held over the window.
    Hover,
    /// Pasted text becomes a file.
    Paste,
    /// Names of contigs are taken from a table.
    Aliases,
    /// Letters of a record are counted.
    Count { record: usize },
    /// A track is opened beside the sequence.
    OpenTrack(TrackSource),
    /// A tile of such a file is read.
    Tile { file: u64, key: TileKey },
    /// Names of features are searched for this.
    Search(String),
    /// Scores are judged by features.
    Judge,
    /// Two tracks of values are compared.
    Relate,
    /// A place in HGVS's words is sought.
    Locate,
    /// The next feature is sought.
    NextFeature,
    /// A block of bases is read.
    Bases { record: usize, block: u64 },
    /// A block is cut into tokens.
    Tokens { record: usize, block: u64 },
    /// A stretch is scored.
    Score { piece: u64 },
    /// Shuffled bases of a stretch are scored.
    NullBand { piece: u64 },
    /// It is told how much work scores would be.
    Forecast { is_view: bool },
    /// It is told how the last self-test ended.
    Trust,
    /// What is computed here is compared with what it should be.
    SelfTest,
    /// Attention over a stretch is computed.
    Attention { piece: u64 },
    /// A published model is fetched.
    Fetch,
    /// It is told what a folder holds.
    Look,
    /// A folder is copied into the library.
    Import,
    /// A model is taken out of the library.
    Remove,
    /// The card of this head is read, to be edited.
    OpenCard(String),
    /// What was edited of the card of this head is written.
    SaveCard(String),
    /// Tracks are written; what must not replace a file is kept, since it can be refused.
    Export { kept: Option<Arc<ExportRequest>> },
}

impl Purpose {
    /// What is said while it runs and when it fails; `None` for what runs unseen.
    pub(crate) fn doing(&self) -> Option<&'static str> {
        match self {
            Self::Open(_) | Self::OpenTrack(_) => Some("Opening"),
            Self::Score { .. } => Some("Scoring"),
            Self::NullBand { .. } => Some("Scoring shuffled bases"),
            Self::SelfTest => Some("Testing this device"),
            Self::Attention { .. } => Some("Attention"),
            Self::Export { .. } => Some("Saving"),
            Self::Relate => Some("Comparing tracks"),
            Self::Fetch => Some("Fetching"),
            Self::Import => Some("Importing"),
            Self::Look => Some("Looking at the model"),
            Self::Library
            | Self::Forecast { .. }
            | Self::Trust
            | Self::Recognise
            | Self::Hover
            | Self::Paste
            | Self::Aliases
            | Self::Count { .. }
            | Self::Tile { .. }
            | Self::Search(_)
            | Self::Judge
            | Self::Locate
            | Self::NextFeature
            | Self::Remove
            | Self::Bases { .. }
            | Self::Tokens { .. }
            | Self::OpenCard(_)
            | Self::SaveCard(_) => None,
        }
    }

    pub(crate) fn failed(&self) -> &'static str {
        match self {
            Self::Open(_) | Self::OpenTrack(_) | Self::Recognise | Self::Hover => "The file could not be opened",
            Self::Paste => "What was pasted could not be read",
            Self::Aliases => "The table of names could not be used",
            Self::Count { .. } => "The bases could not be counted",
            Self::Tile { .. } => "A track could not be read",
            Self::Search(_) | Self::NextFeature => "Features could not be searched",
            Self::Judge => "The scores could not be judged",
            Self::Relate => "The tracks could not be compared",
            Self::Locate => "The place could not be found",
            Self::Library => "Models and heads could not be listed",
            Self::Bases { .. } => "The sequence could not be read",
            Self::Tokens { .. } => "The sequence could not be cut into tokens",
            Self::Score { .. } => "Scoring did not work",
            Self::NullBand { .. } => "Shuffled bases could not be scored",
            Self::Forecast { .. } => "The work could not be foreseen",
            Self::Trust | Self::SelfTest => "This device could not be tested",
            Self::Attention { .. } => "Attention could not be computed",
            Self::Export { .. } => "The tracks could not be saved",
            Self::Fetch => "The model could not be fetched",
            Self::Import => "The folder could not be imported",
            Self::Look => "The folder cannot be used",
            Self::Remove => "The model could not be removed",
            Self::OpenCard(_) => "The card could not be read",
            Self::SaveCard(_) => "The card could not be saved",
        }
    }

    /// Whether it adds to the library or takes from it.
    pub(crate) fn changes_library(&self) -> bool {
        matches!(self, Self::Fetch | Self::Look | Self::Import | Self::Remove)
    }

    /// Whether the dialog that edits a card waits for it.
    pub(crate) fn is_of_card(&self) -> bool {
        matches!(self, Self::OpenCard(_) | Self::SaveCard(_))
    }

    /// Whether it goes on when another file is opened.
    pub(crate) fn outlives_file(&self) -> bool {
        self.changes_library()
            || self.is_of_card()
            || matches!(
                self,
                Self::Library
                    | Self::Trust
                    | Self::SelfTest
                    | Self::Recognise
                    | Self::Hover
                    | Self::Paste
                    | Self::Export { .. }
            )
    }

    /// Whether it computes what the user asked to see.
    pub(crate) fn is_analysis(&self) -> bool {
        matches!(self, Self::Score { .. } | Self::NullBand { .. } | Self::Attention { .. })
    }
}

/// A job under way.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) purpose: Purpose,
    /// Units in all; 0 before it has begun.
    pub(crate) total: u64,
    pub(crate) done: u64,
    /// How much of the next unit is done, 0 to 1.
    share: f32,
    pub(crate) unit: String,
    pub(crate) note: String,
    /// Memory that it is expected to take, in bytes.
    pub(crate) memory_bytes: Option<u64>,
    /// When it began, in seconds of the window's clock.
    begun_s: Option<f64>,
    latest_s: f64,
    pub(crate) cancelling: bool,
}

impl Running {
    /// How much of it is done, 0 to 1; `None` before it has begun.
    pub(crate) fn fraction(&self) -> Option<f32> {
        (self.total > 0).then(|| ((self.done as f32 + self.share) / self.total as f32).clamp(0.0, 1.0))
    }

    /// Seconds left, once enough is done to say.
    pub(crate) fn seconds_left(&self) -> Option<f64> {
        let elapsed_s = self.latest_s - self.begun_s?;
        let (done, total) = (self.done as f64 + f64::from(self.share), self.total as f64);
        let enough = done > 0.0 && done < total && elapsed_s > 0.5;
        enough.then(|| elapsed_s / done * (total - done))
    }
}

/// All jobs whose events are still wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jobs {
    jobs: BTreeMap<JobId, Running>,
}

impl Jobs {
    pub(crate) fn add(&mut self, job: JobId, purpose: Purpose) {
        let running = Running {
            purpose,
            total: 0,
            done: 0,
            share: 0.0,
            unit: String::new(),
            note: String::new(),
            memory_bytes: None,
            begun_s: None,
            latest_s: 0.0,
            cancelling: false,
        };
        self.jobs.insert(job, running);
    }

    pub(crate) fn started(&mut self, job: JobId, total: u64, unit: String, now_s: f64) {
        if let Some(running) = self.jobs.get_mut(&job) {
            (running.total, running.unit) = (total, unit);
            (running.begun_s, running.latest_s) = (Some(now_s), now_s);
        }
    }

    pub(crate) fn progress(&mut self, job: JobId, done: u64, note: String, now_s: f64) {
        if let Some(running) = self.jobs.get_mut(&job) {
            (running.done, running.note, running.latest_s) = (done, note, now_s);
            running.share = 0.0;
        }
    }

    /// Notes how far the next unit is.
    pub(crate) fn within(&mut self, job: JobId, share: f32, now_s: f64) {
        if let Some(running) = self.jobs.get_mut(&job) {
            (running.share, running.latest_s) = (share, now_s);
        }
    }

    /// Notes how much memory a job is expected to take.
    pub(crate) fn expects(&mut self, job: JobId, memory_bytes: Option<u64>) {
        if let Some(running) = self.jobs.get_mut(&job) {
            running.memory_bytes = memory_bytes;
        }
    }

    pub(crate) fn purpose(&self, job: JobId) -> Option<&Purpose> {
        self.jobs.get(&job).map(|running| &running.purpose)
    }

    /// Takes a job out; its later events are dropped.
    pub(crate) fn take(&mut self, job: JobId) -> Option<Running> {
        self.jobs.remove(&job)
    }

    /// Takes out all jobs that `which` holds for.
    pub(crate) fn take_if(&mut self, which: impl Fn(&Purpose) -> bool) -> Vec<JobId> {
        self.jobs.extract_if(.., |_, running| which(&running.purpose)).map(|(job, _)| job).collect()
    }

    /// Marks such jobs as being cancelled and names them.
    pub(crate) fn cancel(&mut self, which: impl Fn(&Purpose) -> bool) -> Vec<JobId> {
        let jobs = self.jobs.iter_mut().filter(|(_, running)| which(&running.purpose));
        jobs.map(|(&job, running)| {
            running.cancelling = true;
            job
        })
        .collect()
    }

    /// The first such job.
    pub(crate) fn running(&self, which: impl Fn(&Purpose) -> bool) -> Option<&Running> {
        self.jobs.values().find(|running| which(&running.purpose))
    }

    /// The job to show: one that has begun before one that waits.
    pub(crate) fn shown(&self) -> Option<&Running> {
        let visible = || self.jobs.values().filter(|running| running.purpose.doing().is_some());
        visible().find(|running| running.total > 0).or_else(|| visible().next())
    }

    /// Whether anything is computed that the user asked to see.
    pub(crate) fn analysing(&self) -> bool {
        self.any(Purpose::is_analysis)
    }

    /// What the jobs are for.
    pub(crate) fn purposes(&self) -> impl Iterator<Item = &Purpose> {
        self.jobs.values().map(|running| &running.purpose)
    }

    /// Whether such a job is under way.
    pub(crate) fn any(&self, which: impl Fn(&Purpose) -> bool) -> bool {
        self.purposes().any(which)
    }
}

/// Seconds for people: `0.04 s`, `3.1 s`, `2 min 5 s`, `1 h 4 min`.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 0.095 {
        return format!("{:.2} s", seconds.max(0.01));
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = crate::scale::whole(seconds.round());
    match whole {
        0..60 => format!("{whole} s"),
        60..3_600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3_600, whole % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_follows_from_the_rate() {
        let mut jobs = Jobs::default();
        jobs.add(JobId(1), Purpose::Score { piece: 1 });
        jobs.started(JobId(1), 100, "windows".into(), 10.0);
        assert_eq!(jobs.shown().and_then(Running::seconds_left), None, "nothing done yet");
        jobs.progress(JobId(1), 25, String::new(), 12.0);
        assert_eq!(jobs.shown().and_then(Running::seconds_left), Some(6.0), "2 s for a quarter");
        assert_eq!(jobs.shown().and_then(Running::fraction), Some(0.25), "a quarter");
        jobs.within(JobId(1), 0.5, 12.04);
        assert_eq!(jobs.shown().and_then(Running::fraction), Some(0.255), "and half a window");
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(
            [0.04, 3.12, 59.7, 125.0, 3_840.0].map(duration),
            ["0.04 s", "3.1 s", "1 min 0 s", "2 min 5 s", "1 h 4 min"],
            "as people say them"
        );
    }
}
