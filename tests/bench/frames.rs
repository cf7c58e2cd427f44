//! Processor time of the window for each frame, over a chromosome with everything on it.
//!
//!     cargo bench --package strandscope-tests --bench frames
//!
//! A chromosome of 250 Mb with a score for every base, 200,000 features beside it, and 100,000 more records in the list.
//! The view is panned and zoomed at every scale, as a wheel and a drag do it. What is measured is the processor time of
//! the window's thread: our own code with egui, without drawing; reading files goes on in the engine's threads.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it has measured")]

use std::{
    cell::Cell,
    collections::VecDeque,
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    rc::Rc,
    sync::mpsc::{Receiver, Sender, channel},
    time::{Duration, Instant},
};

use egui::{Event as Input, Modifiers, MouseWheelUnit, Pos2, RawInput, Rect, TouchPhase, pos2, vec2};
use strandscope_figure::Figure;
use strandscope_ui::{Save, ServiceAnswer, Services, Start, Window, Worker};
use strandscope_worker::{
    DeviceChoice, Engine, EngineOptions, Event, JobId, Outcome, RunRecord, Task, TrackChunk,
    genome::{Region, Strand, Track, TrackLayout},
};

const LENGTH_BP: u64 = 250_000_000;
const FEATURES: u64 = 200_000;
const RECORDS: u64 = 100_000;
const SIZE: (f32, f32) = (1_920.0, 1_080.0);
fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let (genome, features) = (folder.path().join("big.fa"), folder.path().join("big.gff3"));
    write_genome(&genome);
    write_features(&features);
    let options = EngineOptions {
        device: DeviceChoice::Cpu,
        threads: Some(1),
        cache: Some(folder.path().join("cache")),
        data: Some(folder.path().join("data")),
        ..EngineOptions::default()
    };
    let engine = Engine::start(options, || {}).expect("threads can be started");
    let scored_bp = Rc::new(Cell::new(0));
    let worker = Scored::new(engine, Rc::clone(&scored_bp));
    let start = Start { files: vec![genome, features], examples: vec![] };
    let mut screen = Screen::new(Window::new(worker, Box::new(Alone), start), scored_bp);

    // Until the files are open.
    screen.run_for(Duration::from_secs(20));
    let arriving = screen.score();
    let times = screen.pan_and_zoom();
    println!("frames while {} Mb of scores arrive: {}", LENGTH_BP / 1_000_000, summary(arriving));
    println!("frames of panning and zooming: {}", summary(times));
    println!("peak resident memory: {} MB", peak_bytes() >> 20);
}

/// The window in a context without a screen.
struct Screen {
    context: egui::Context,
    window: Window,
    begun: Instant,
    /// Bases whose scores have come.
    scored_bp: Rc<Cell<u64>>,
}

impl Screen {
    fn new(window: Window, scored_bp: Rc<Cell<u64>>) -> Self {
        Self { context: egui::Context::default(), window, begun: Instant::now(), scored_bp }
    }

    /// Draws a frame and gives the processor time it took.
    fn frame(&mut self, events: Vec<Input>, pointer: Pos2) -> Duration {
        let mut events = events;
        events.insert(0, Input::PointerMoved(pointer));
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(SIZE.0, SIZE.1))),
            time: Some(self.begun.elapsed().as_secs_f64()),
            events,
            ..RawInput::default()
        };
        let before = thread_time();
        let output = self.context.run_ui(input, |ui| self.window.ui(ui));
        let shapes = self.context.tessellate(output.shapes, output.pixels_per_point);
        let took = thread_time() - before;
        assert!(!shapes.is_empty(), "something is drawn");
        took
    }

    fn run_for(&mut self, time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {
            self.frame(Vec::new(), MIDDLE);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Scores the whole chromosome; gives the times of the frames until all has arrived.
    fn score(&mut self) -> Vec<Duration> {
        let press = |pressed| Input::Key {
            key: egui::Key::Enter,
            physical_key: None,
            pressed,
            repeat: false,
            modifiers: Modifiers { shift: true, ..Modifiers::COMMAND },
        };
        let mut times = vec![self.frame(vec![press(true), press(false)], MIDDLE)];
        // What was in view has come first, and comes again with its record.
        while self.scored_bp.get() < LENGTH_BP {
            times.push(self.frame(Vec::new(), MIDDLE));
            std::thread::sleep(Duration::from_millis(4));
        }
        self.run_for(Duration::from_secs(2));
        times
    }

    /// Zooms from the whole chromosome to single bases and back, and pans at every scale.
    fn pan_and_zoom(&mut self) -> Vec<Duration> {
        let wheel = |x: f32, y: f32| Input::MouseWheel {
            unit: MouseWheelUnit::Point,
            delta: vec2(x, y),
            phase: TouchPhase::Move,
            modifiers: Modifiers::NONE,
            source: egui::MouseWheelSource::Wheel,
        };
        let mut times = Vec::new();
        for step in [40.0, -40.0, 55.0, -55.0] {
            for at in 0..120 {
                times.push(self.frame(vec![wheel(0.0, step)], MIDDLE));
                if at % 4 == 0 {
                    for _ in 0..6 {
                        times.push(self.frame(vec![wheel(60.0, 0.0)], MIDDLE));
                    }
                }
                // As long as a screen shows a frame: files are read meanwhile.
                std::thread::sleep(Duration::from_millis(4));
            }
        }
        times
    }
}

/// Over the tracks.
const MIDDLE: Pos2 = pos2(SIZE.0 * 0.45, SIZE.1 * 0.5);

/// An engine whose scores are made up by a thread of their own, faster than any model gives them.
struct Scored {
    engine: Engine,
    events: VecDeque<Event>,
    next: u64,
    wanted: Sender<(JobId, Region)>,
    scores: Receiver<Event>,
    scored_bp: Rc<Cell<u64>>,
}

impl Scored {
    /// `scored_bp` counts the bases whose scores have come.
    fn new(engine: Engine, scored_bp: Rc<Cell<u64>>) -> Self {
        let (wanted, requests) = channel::<(JobId, Region)>();
        let (sender, scores) = channel();
        std::thread::spawn(move || {
            for (job, region) in requests {
                let part = track(&region.contig, region.start_bp, region.end_bp);
                let outcome = Outcome::Run(RunRecord::default());
                // Nobody waits for it once the window is gone.
                let _ = sender.send(Event::TrackChunk { job, chunk: TrackChunk { track: 0, part, whole: region } });
                let _ = sender.send(Event::Finished { job, outcome, elapsed: Duration::from_millis(1) });
            }
        });
        Self { engine, events: VecDeque::new(), next: u64::MAX, wanted, scores, scored_bp }
    }
}

impl Worker for Scored {
    fn run(&mut self, task: Task) -> JobId {
        self.next -= 1;
        let job = JobId(self.next);
        match task {
            Task::Score(request) => {
                self.wanted.send((job, request.regions[0].clone())).expect("the thread goes on");
                job
            }
            Task::Attention(_) => {
                self.events.push_back(Event::Cancelled { job });
                job
            }
            task => self.engine.run(task),
        }
    }

    fn cancel(&mut self, job: JobId) {
        self.engine.cancel(job);
    }

    fn try_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front().or_else(|| self.engine.try_event());
        event.or_else(|| {
            let score = self.scores.try_recv().ok()?;
            if let Event::TrackChunk { chunk, .. } = &score {
                self.scored_bp.set(self.scored_bp.get() + chunk.part.region.len_bp());
            }
            Some(score)
        })
    }
}

/// Scores like those of a rare site: low nearly everywhere.
fn track(contig: &str, from_bp: u64, to_bp: u64) -> Track {
    let value = |bp: u64| {
        let mixed = (bp ^ (bp >> 7)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        (mixed as f32 / (1_u64 << 24) as f32).powi(24)
    };
    Track {
        name: "promoter".into(),
        label: "promoter".into(),
        unit: "probability".into(),
        region: Region::new(contig, from_bp, to_bp),
        strand: Strand::Forward,
        layout: TrackLayout::Bins { width_bp: 1 },
        values: (from_bp..to_bp).map(value).collect(),
        missing: vec![],
    }
}

fn write_genome(path: &Path) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    let line: Vec<u8> = b"ACGTTGCATGCCGATTAGCAACGGATCTTACGGCATTCAGCGATACCGTTGACTAGCCATG\n".to_vec();
    writeln!(file, ">chr1 generated").expect("written");
    for _ in 0..LENGTH_BP / 60 {
        file.write_all(&line).expect("written");
    }
    file.write_all(&line[..usize::try_from(LENGTH_BP % 60).expect("short")]).expect("written");
    for number in 0..RECORDS {
        write!(file, "\n>scaffold_{number}\nACGTTGCATGCCGATTAGCAACGGATC").expect("written");
    }
    writeln!(file).expect("written");
}

fn write_features(path: &Path) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    writeln!(file, "##gff-version 3").expect("written");
    for number in 0..FEATURES / 2 {
        let start = 1 + number * (2 * LENGTH_BP / FEATURES);
        let strand = if number % 2 == 0 { '+' } else { '-' };
        let end = start + 300 + number * 37 % 1_900;
        writeln!(file, "chr1\tmade\tgene\t{start}\t{end}\t.\t{strand}\t.\tID=g{number};Name=gene{number}")
            .expect("written");
        let (start, end) = (start + 50, start + 200);
        writeln!(file, "chr1\tmade\tregion\t{start}\t{end}\t.\t{strand}\t.\tID=r{number}").expect("written");
    }
}

/// A desktop on which nothing happens.
struct Alone;

impl Services for Alone {
    fn pick_file(&mut self) {}
    fn pick_folder(&mut self) {}
    fn pick_save(&mut self, _suggested_name: &str, _save: Save) {}
    fn save_figure(&mut self, _figure: Box<Figure>, _path: PathBuf, _force: bool) {}
    fn save_text(&mut self, _text: String, _path: PathBuf, _force: bool) {}
    fn watch(&mut self, _paths: Vec<PathBuf>) {}
    fn settings(&self) -> Option<String> {
        None
    }
    fn save_settings(&mut self, _settings: String) {}
    fn restart_engine(&mut self) -> std::io::Result<Engine> {
        Err(std::io::Error::other("not here"))
    }
    fn poll(&mut self) -> Option<ServiceAnswer> {
        None
    }
}

/// Processor time of this thread so far.
fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[expect(unsafe_code, reason = "the time of a thread is asked for by a call to C")]
    // SAFETY: the call writes to `time` alone, which outlives it.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(failed, 0, "the system tells the time of a thread");
    let seconds = u64::try_from(time.tv_sec).expect("time goes on");
    Duration::new(seconds, u32::try_from(time.tv_nsec).expect("less than a second"))
}

fn peak_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let line = text.lines().find(|line| line.starts_with("VmHWM:")).expect("a line");
    let kilobytes: u64 = line.split_whitespace().nth(1).and_then(|field| field.parse().ok()).expect("a number");
    kilobytes << 10
}

fn summary(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 1_000].as_secs_f64() * 1e3;
    format!(
        "{} frames, median {:.2} ms, 90 % {:.2} ms, 99 % {:.2} ms, longest {:.2} ms",
        times.len(),
        at(500),
        at(900),
        at(990),
        at(1_000)
    )
}
