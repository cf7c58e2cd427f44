//! An engine and a desktop that are played: small questions are answered at once, scores when the test says so.

use std::{
    cell::RefCell,
    collections::VecDeque,
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};

use egui_kittest::{Harness, kittest::Queryable};
use strandscope_figure::Figure;
use strandscope_ui::{Example, Save, ServiceAnswer, Services, Start, Window, Worker};
use strandscope_worker::{
    Contig, Engine, ErrorKind, Event, FileRole, GenomeSummary, JobError, JobId, ModelLook, OpenedCard, Outcome,
    RunRecord, Task, Token, TrackChunk,
    card_edit::WindowLengths,
    genome::{MissingRun, Region, Strand, Track, TrackLayout},
};

use super::library::library;

/// Length of the first record of the played genome.
pub(crate) const LENGTH_BP: u64 = 120_000;
/// Where the played genome is unknown.
const UNKNOWN_BP: (u64, u64) = (60_300, 60_420);

/// What is computed on; a name as long as some are.
pub(crate) const DEVICE: &str = "NVIDIA GeForce RTX 4070 Laptop GPU (Vulkan, driver NVIDIA 550.90.07)";

/// What is played, shared by the test and the window.
#[derive(Default)]
pub(crate) struct Played {
    pub(crate) tasks: Vec<(JobId, Task)>,
    pub(crate) cancelled: Vec<JobId>,
    pub(crate) figures: Vec<(Figure, PathBuf, bool)>,
    /// Files whose changes would be told.
    pub(crate) watched: Vec<PathBuf>,
    pub(crate) settings: Option<String>,
    /// Texts that were saved.
    pub(crate) texts: Vec<(String, PathBuf)>,
    pub(crate) answers: VecDeque<ServiceAnswer>,
    /// What a dialog answers; `None` means that there is none.
    pub(crate) dialog: Option<PathBuf>,
    events: VecDeque<Event>,
}

#[derive(Clone, Default)]
pub(crate) struct Stage(pub(crate) Rc<RefCell<Played>>);

impl Worker for Stage {
    fn run(&mut self, task: Task) -> JobId {
        let job = JobId(self.0.borrow().tasks.len() as u64 + 1);
        self.0.borrow_mut().tasks.push((job, task.clone()));
        if let Task::Export(request) = &task
            && let Some(error) = refusal(&request.path, request.force)
        {
            self.post(Event::Failed { job, error });
        } else if let Some(outcome) = answer(&task) {
            self.post(Event::Finished { job, outcome, elapsed: Duration::from_millis(3) });
        }
        job
    }

    fn cancel(&mut self, job: JobId) {
        self.0.borrow_mut().cancelled.push(job);
    }

    fn try_event(&mut self) -> Option<Event> {
        self.0.borrow_mut().events.pop_front()
    }
}

impl Services for Stage {
    fn pick_file(&mut self) {
        let answer = self
            .0
            .borrow()
            .dialog
            .clone()
            .map_or(ServiceAnswer::NoOpenDialog, |path| ServiceAnswer::Opened(vec![path]));
        self.0.borrow_mut().answers.push_back(answer);
    }

    fn pick_folder(&mut self) {
        let answer = self.0.borrow().dialog.clone().map_or(ServiceAnswer::NoFolderDialog, ServiceAnswer::Folder);
        self.0.borrow_mut().answers.push_back(answer);
    }

    fn pick_save(&mut self, suggested_name: &str, save: Save) {
        let dialog = self.0.borrow().dialog.clone();
        let answer = match dialog {
            Some(path) => ServiceAnswer::SaveTo { save, path },
            None => ServiceAnswer::NoSaveDialog { save, suggested: Path::new("/home/ada").join(suggested_name) },
        };
        self.0.borrow_mut().answers.push_back(answer);
    }

    fn save_figure(&mut self, figure: Box<Figure>, path: PathBuf, force: bool) {
        let answer = match refusal(&path, force) {
            Some(error) => ServiceAnswer::FigureNotSaved { figure, path, error },
            None => {
                self.0.borrow_mut().figures.push((*figure, path.clone(), force));
                ServiceAnswer::Saved(path)
            }
        };
        self.0.borrow_mut().answers.push_back(answer);
    }

    fn save_text(&mut self, text: String, path: PathBuf, force: bool) {
        let answer = match refusal(&path, force) {
            Some(error) => ServiceAnswer::TextNotSaved { text, path, error },
            None => {
                self.0.borrow_mut().texts.push((text, path.clone()));
                ServiceAnswer::Saved(path)
            }
        };
        self.0.borrow_mut().answers.push_back(answer);
    }

    fn watch(&mut self, paths: Vec<PathBuf>) {
        self.0.borrow_mut().watched = paths;
    }

    fn settings(&self) -> Option<String> {
        self.0.borrow().settings.clone()
    }

    fn save_settings(&mut self, settings: String) {
        self.0.borrow_mut().settings = Some(settings);
    }

    fn restart_engine(&mut self) -> std::io::Result<Engine> {
        Err(std::io::Error::other("played engines do not start again"))
    }

    fn poll(&mut self) -> Option<ServiceAnswer> {
        self.0.borrow_mut().answers.pop_front()
    }
}

impl Stage {
    pub(crate) fn post(&self, event: Event) {
        self.0.borrow_mut().events.push_back(event);
    }

    /// Jobs of scoring that were asked for, oldest first.
    pub(crate) fn score_jobs(&self) -> Vec<(JobId, Region)> {
        let played = self.0.borrow();
        let scores = played.tasks.iter().filter_map(|(job, task)| match task {
            Task::Score(request) => Some((*job, request.regions[0].clone())),
            _ => None,
        });
        scores.collect()
    }

    /// The newest job that opens a sequence.
    pub(crate) fn opening_job(&self) -> JobId {
        let played = self.0.borrow();
        let opens = played.tasks.iter().rfind(|(_, task)| matches!(task, Task::OpenGenome { .. }));
        opens.expect("a file is opened").0
    }

    /// Plays the newest scoring up to `percent` of its region, and all of the attention that was asked with it.
    pub(crate) fn play_scores(&self, percent: u64) {
        let (job, region) = self.score_jobs().pop().expect("scoring was asked for");
        let both = matches!(&self.task(job), Task::Score(request) if request.both_strands);
        let head = match self.task(job) {
            Task::Score(request) => request.head,
            _ => String::new(),
        };
        self.post(Event::Ready { device: DEVICE.into() });
        self.post(Event::Started { job, total: 40, unit: "windows".into() });
        let end_bp = region.start_bp + region.len_bp() * percent / 100;
        let part = Region::new(&region.contig, region.start_bp, end_bp);
        let labels: &[&str] =
            if head == "promoter" { &["promoter", "background"] } else { &["donor", "acceptor", "none"] };
        let mut track = 0;
        for label in labels {
            for strand in [Strand::Forward, Strand::Reverse].into_iter().take(if both { 2 } else { 1 }) {
                let part = scores(&part, label, strand);
                self.post(Event::TrackChunk { job, chunk: TrackChunk { track, part, whole: region.clone() } });
                track += 1;
            }
        }
        self.post(Event::Progress { job, done: 40 * percent / 100, note: String::new() });
        if percent == 100 {
            self.post(Event::Finished { job, outcome: Outcome::Run(record()), elapsed: Duration::from_millis(840) });
            self.play_attention();
        }
    }

    fn play_attention(&self) {
        let asked = self.0.borrow().tasks.iter().rev().find_map(|(job, task)| match task {
            Task::Attention(request) => Some((*job, request.region.clone())),
            _ => None,
        });
        let Some((job, region)) = asked else { return };
        let spans: Vec<(u64, u64)> = tokens(&region).into_iter().filter_map(|token| token.span).collect();
        let values = spans.iter().map(|span| 0.0004 + 0.004 * noise(span.0 / 3).powi(6)).collect();
        let part = Track {
            name: "attention received".into(),
            label: "received".into(),
            unit: "sum of weights".into(),
            region: region.clone(),
            strand: Strand::Forward,
            layout: TrackLayout::Spans(spans),
            values,
            missing: vec![],
        };
        self.post(Event::TrackChunk { job, chunk: TrackChunk { track: 0, part, whole: region } });
        self.post(Event::Finished { job, outcome: Outcome::Run(record()), elapsed: Duration::from_millis(300) });
    }

    fn task(&self, job: JobId) -> Task {
        self.0.borrow().tasks.iter().find(|(name, _)| *name == job).expect("known job").1.clone()
    }
}

/// The window and nothing around it.
pub(crate) struct Bare(Window);

impl eframe::App for Bare {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.0.ui(ui);
    }
}

/// A window on the stage, of the given size, that opens the example.
pub(crate) fn open(stage: &Stage, size: [f32; 2], scale: f32) -> Harness<'static, Bare> {
    open_with(stage, size, scale, Start { files: vec![], examples: vec![example()] })
}

/// A window on the stage that opens what `start` says.
pub(crate) fn open_with(stage: &Stage, size: [f32; 2], scale: f32, start: Start) -> Harness<'static, Bare> {
    bare(Window::new(stage.clone(), Box::new(stage.clone()), start), size, scale)
}

/// A window in a harness that draws with pixels.
pub(crate) fn bare(window: Window, size: [f32; 2], scale: f32) -> Harness<'static, Bare> {
    let mut harness = Harness::builder()
        .with_size(size)
        .with_pixels_per_point(scale)
        .with_max_steps(60)
        .wgpu()
        .build_eframe(|_| Bare(window));
    harness.run();
    harness
}

/// Types a place into the locus box and presses Enter.
pub(crate) fn go_to(harness: &mut Harness<'_, Bare>, place: &str) {
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::L);
    harness.run();
    harness.get_by_label("Locus").type_text(place);
    harness.run();
    harness.key_press(egui::Key::Enter);
    harness.run();
}

pub(crate) fn example() -> Example {
    Example {
        title: "Human PTEN, exon 5".into(),
        note:
            "The exon begins right after an acceptor and ends right before a donor: look for both tracks to peak there."
                .into(),
        path: "/examples/pten.fa".into(),
        locus: Some(Region::new("chr10_PTEN", 60_000, 60_600)),
        head: Some("splice".into()),
        ..Example::default()
    }
}

/// Why a file cannot be written: each whose name begins with `there` exists.
fn refusal(path: &Path, force: bool) -> Option<JobError> {
    let exists = path.file_stem().is_some_and(|name| name == "there");
    let message = format!("cannot write {}: the file exists; choose another name or replace it", path.display());
    (exists && !force).then_some(JobError { kind: ErrorKind::Usage, message, causes: vec![] })
}

/// What is answered at once.
fn answer(task: &Task) -> Option<Outcome> {
    match task {
        Task::OpenGenome { path } if path.ends_with("broken.fa") => None,
        Task::OpenGenome { path } => Some(Outcome::Genome(genome(path))),
        Task::Recognise { paths } => {
            Some(Outcome::Roles(paths.iter().map(|path| (path.clone(), FileRole::Genome)).collect()))
        }
        Task::ReadBases { region, .. } => Some(Outcome::Bases { region: region.clone(), bases: bases(region) }),
        Task::ListModels => Some(Outcome::Library(library())),
        Task::OpenCard { name } => {
            let card = library().heads.into_iter().find(|head| head.card.name == *name)?.card;
            let windows = WindowLengths { least_bp: 16, most_bp: 5_120 };
            Some(Outcome::Card(OpenedCard { card, path: "/data/models/fetched/head-card.json".into(), windows }))
        }
        Task::LookAtModel { path } => Some(Outcome::Looked(Box::new(look(path)))),
        Task::Tokenize(request) => {
            Some(Outcome::Tokens { region: request.region.clone(), tokens: tokens(&request.region) })
        }
        Task::Export(request) => Some(Outcome::Written { paths: vec![request.path.clone()], notes: vec![] }),
        _ => None,
    }
}

/// What is told of any folder.
fn look(path: &Path) -> ModelLook {
    ModelLook {
        folder: path.to_owned(),
        name: "mine".into(),
        title: "My model".into(),
        family: Some("dnabert2".into()),
        tokenizer: Some("BPE tokens".into()),
        parameters: 117_000_000,
        context_tokens: Some(512),
        sha256: "4b".repeat(32),
        memory_bytes: 468_000_000,
        device: Some(DEVICE.into()),
        ..ModelLook::default()
    }
}

fn genome(path: &Path) -> GenomeSummary {
    let mut contigs = vec![Contig {
        name: "chr10_PTEN".into(),
        description: "human PTEN region, GRCh37".into(),
        length_bp: LENGTH_BP,
        ..Contig::default()
    }];
    let more = if path.ends_with("many.fa") { 100_000 } else { 4 };
    contigs.extend((1..=more).map(|number| Contig {
        name: format!("scaffold_{number}"),
        length_bp: 1_000 + number * 137 % 90_000,
        ..Contig::default()
    }));
    GenomeSummary {
        path: path.to_owned(),
        contigs,
        warnings: vec!["Record chr10_PTEN has 120 unknown bases (N).".into()],
    }
}

/// A number from 0 to 1 that depends on `seed` only.
fn noise(seed: u64) -> f32 {
    dice(seed, 10_007) as f32 / 10_006.0
}

/// A whole number below `sides` that depends on `seed` only.
fn dice(seed: u64, sides: u64) -> u64 {
    let mixed = (seed ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)) % sides
}

fn base(position_bp: u64) -> u8 {
    let masked = (60_480..60_560).contains(&position_bp);
    let letter = |letters: &str| {
        letters.bytes().cycle().nth(usize::try_from(dice(position_bp, 4)).expect("small")).expect("endless")
    };
    match position_bp {
        _ if (UNKNOWN_BP.0..UNKNOWN_BP.1).contains(&position_bp) => b'N',
        _ if masked => letter("acgt"),
        _ => letter("ACGT"),
    }
}

fn bases(region: &Region) -> Vec<u8> {
    (region.start_bp..region.end_bp).map(base).collect()
}

fn tokens(region: &Region) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut start_bp = region.start_bp;
    while start_bp < region.end_bp {
        let end_bp = (start_bp + 3 + dice(start_bp / 2, 6)).min(region.end_bp);
        let text = (start_bp..end_bp).map(|bp| char::from(base(bp))).collect();
        tokens.push(Token {
            id: 40 + u32::try_from(dice(end_bp, 4_000)).expect("small"),
            text,
            span: Some((start_bp, end_bp)),
        });
        start_bp = end_bp;
    }
    tokens
}

fn scores(region: &Region, label: &str, strand: Strand) -> Track {
    let site = match label {
        "donor" | "promoter" => 60_253,
        "acceptor" => 60_138,
        _ => 0,
    };
    let salt = site + u64::from(strand == Strand::Reverse) * 7;
    let value = |bp: u64| match bp {
        _ if (UNKNOWN_BP.0..UNKNOWN_BP.1).contains(&bp) => f32::NAN,
        _ if label == "none" || label == "background" => 0.97 - 0.3 * noise(bp).powi(9),
        _ if bp == site && strand == Strand::Forward => 0.94,
        _ => 0.02 * noise(bp + salt) + 0.75 * noise(bp / 2 + salt * 3).powi(60),
    };
    let cut = |bp: u64| bp.clamp(region.start_bp, region.end_bp);
    let (start_bp, end_bp) = (cut(UNKNOWN_BP.0), cut(UNKNOWN_BP.1));
    let missing =
        if start_bp < end_bp { vec![MissingRun { start_bp, end_bp, reason: "n_run".into() }] } else { vec![] };
    Track {
        name: format!("splice {label}"),
        label: label.into(),
        unit: "probability".into(),
        region: region.clone(),
        strand,
        layout: TrackLayout::Bins { width_bp: 1 },
        values: (region.start_bp..region.end_bp).map(value).collect(),
        missing,
    }
}

fn record() -> RunRecord {
    RunRecord {
        version: "0.1.0".into(),
        command: "strandscope score pten.fa --head splice --region chr10_PTEN:60,001-60,600".into(),
        model: "strandscope-base".into(),
        model_sha256: "5f".repeat(32),
        head: Some("splice".into()),
        head_sha256: Some("a7".repeat(32)),
        device: "CPU, 2 threads".into(),
        input: "pten.fa".into(),
        input_sha256: "c0".repeat(32),
        windows: 40,
        ..RunRecord::default()
    }
}
