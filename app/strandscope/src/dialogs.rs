//! The desktop around the window: dialogs and figures, all of it on threads of their own.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use directories::UserDirs;
use strandscope_figure::Figure;
use strandscope_ui::{Save, SaveFormat, ServiceAnswer, Services};
use strandscope_worker::{Engine, EngineOptions, ErrorKind, JobError, genome::AtomicFile};

use crate::{figure, settings, watch::Watch};

/// Nobody closes a dialog as fast as this: it was never there.
const TOO_FAST_FOR_PEOPLE: Duration = Duration::from_millis(300);

/// Endings of files that hold sequences.
const SEQUENCES: &[&str] =
    &["fa", "fasta", "fna", "ffn", "frn", "faa", "2bit", "gb", "gbk", "gbff", "genbank", "gz", "bgz", "bgzf"];
/// Endings of files that are shown beside one.
const TRACKS: &[&str] = &[
    "bed", "gff", "gff3", "gtf", "vcf", "bedgraph", "bdg", "wig", "bw", "bigwig", "bb", "bigbed", "gz", "bgz", "bgzf",
];

/// Answers what the window asks of the desktop.
pub(crate) struct Desktop {
    context: egui::Context,
    engine: EngineOptions,
    sender: Sender<ServiceAnswer>,
    answers: Receiver<ServiceAnswer>,
    watch: Watch,
}

impl Desktop {
    pub(crate) fn new(context: egui::Context, engine: EngineOptions) -> Self {
        let (sender, answers) = channel();
        let watch = Watch::start(context.clone(), sender.clone());
        Self { context, engine, sender, answers, watch }
    }

    /// Does `work` on a thread of its own and wakes the window for its answer; `otherwise` where no thread can be had.
    fn spawn(
        &self,
        name: &str,
        work: impl FnOnce() -> ServiceAnswer + Send + 'static,
        otherwise: impl FnOnce() -> ServiceAnswer,
    ) {
        let (sender, context) = (self.sender.clone(), self.context.clone());
        let answer = move |answer| {
            // The window has gone: nobody waits any more.
            let _ = sender.send(answer);
            context.request_repaint();
        };
        let fallback = answer.clone();
        let spawned = thread::Builder::new().name(name.to_owned()).spawn(move || answer(work()));
        if let Err(error) = spawned {
            tracing::warn!(%error, name, "no thread could be started");
            fallback(otherwise());
        }
    }

    fn ask<T>(
        &self,
        dialog: impl FnOnce() -> Option<T> + Send + 'static,
        answer: impl FnOnce(T) -> ServiceAnswer + Send + 'static,
        no_dialog: impl FnOnce() -> ServiceAnswer + Clone + Send + 'static,
    ) {
        let otherwise = no_dialog.clone();
        let work = move || {
            if !has_dialogs() {
                return no_dialog();
            }
            let asked = Instant::now();
            match dialog() {
                Some(chosen) => answer(chosen),
                None if asked.elapsed() < TOO_FAST_FOR_PEOPLE => no_dialog(),
                None => ServiceAnswer::Dismissed,
            }
        };
        self.spawn("dialog", work, otherwise);
    }
}

impl Services for Desktop {
    fn pick_file(&mut self) {
        let dialog = || {
            let dialog = rfd::FileDialog::new().set_title("Open sequences and tracks");
            let everything: Vec<&str> = SEQUENCES.iter().chain(TRACKS).copied().collect();
            let dialog = dialog.add_filter("Sequences and tracks", &everything);
            let dialog = dialog.add_filter("Sequences", SEQUENCES).add_filter("Tracks", TRACKS);
            dialog.add_filter("All files", &["*"]).pick_files()
        };
        self.ask(dialog, ServiceAnswer::Opened, || ServiceAnswer::NoOpenDialog);
    }

    fn pick_folder(&mut self) {
        let dialog = || rfd::FileDialog::new().set_title("Import a model or head").pick_folder();
        self.ask(dialog, ServiceAnswer::Folder, || ServiceAnswer::NoFolderDialog);
    }

    fn pick_save(&mut self, suggested_name: &str, save: Save) {
        let (name, format, kept) = (suggested_name.to_owned(), save.format(), save.clone());
        let no_dialog = {
            let name = name.clone();
            move || ServiceAnswer::NoSaveDialog { save: kept, suggested: place_to_write(&name) }
        };
        let dialog = move || {
            let filter = match format {
                SaveFormat::Tsv => "Table",
                SaveFormat::BedGraph => "bedGraph",
                SaveFormat::Png => "Picture",
                SaveFormat::Bed => "BED",
            };
            let dialog = rfd::FileDialog::new().set_title("Save what is seen").set_file_name(name);
            dialog.add_filter(filter, &[format.extension()]).save_file()
        };
        self.ask(dialog, move |path| ServiceAnswer::SaveTo { save, path }, no_dialog);
    }

    fn save_figure(&mut self, figure: Box<Figure>, path: PathBuf, force: bool) {
        let (kept, kept_path) = (figure.clone(), path.clone());
        let otherwise = move || {
            let message = "the figure cannot be drawn: no thread could be started; close other programs and try again";
            let error = JobError { kind: ErrorKind::Runtime, message: message.to_owned(), causes: Vec::new() };
            ServiceAnswer::FigureNotSaved { figure: kept, path: kept_path, error }
        };
        let work = move || match figure::save(&figure, &path, force) {
            Ok(()) => ServiceAnswer::Saved(path),
            Err(error) => ServiceAnswer::FigureNotSaved { figure, path, error },
        };
        self.spawn("figure", work, otherwise);
    }

    fn save_text(&mut self, text: String, path: PathBuf, force: bool) {
        // A list of regions is written before anybody could notice.
        let answer = match figure::write(text.as_bytes(), &path, force) {
            Ok(()) => ServiceAnswer::Saved(path),
            Err(error) => ServiceAnswer::TextNotSaved { text, path, error },
        };
        let _ = self.sender.send(answer);
    }

    fn watch(&mut self, paths: Vec<PathBuf>) {
        self.watch.set(paths);
    }

    fn settings(&self) -> Option<String> {
        settings::read()
    }

    fn save_settings(&mut self, settings: String) {
        settings::write(&settings);
    }

    fn restart_engine(&mut self) -> std::io::Result<Engine> {
        let repaint = self.context.clone();
        Engine::start(self.engine.clone(), move || repaint.request_repaint())
    }

    fn poll(&mut self) -> Option<ServiceAnswer> {
        self.answers.try_recv().ok()
    }
}

/// `name` in the first of the usual folders that can be written to.
fn place_to_write(name: &str) -> PathBuf {
    let people = UserDirs::new();
    let documents = people.as_ref().and_then(|folders| folders.document_dir().map(Path::to_owned));
    let home = people.as_ref().map(|folders| folders.home_dir().to_owned());
    let candidates = [documents, home, std::env::current_dir().ok()].into_iter().flatten();
    // Beginning a file and leaving it is the one sure way to know; it leaves no trace.
    let can_write = |path: &PathBuf| AtomicFile::create(path, true).is_ok();
    candidates.map(|folder| folder.join(name)).find(can_write).unwrap_or_else(|| std::env::temp_dir().join(name))
}

/// Whether something here can show a file dialog.
///
/// A call to a portal that is not installed may hang for half a minute before it fails: so look for it first.
fn has_dialogs() -> bool {
    if cfg!(any(target_os = "windows", target_os = "macos")) {
        return true;
    }
    (has_session_bus() && has_portal()) || is_on_path("zenity")
}

fn has_session_bus() -> bool {
    let set = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some_and(|address| !address.is_empty());
    set || std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|folder| Path::new(&folder).join("bus").exists())
}

fn has_portal() -> bool {
    const SERVICE: &str = "dbus-1/services/org.freedesktop.portal.Desktop.service";
    let folders = std::env::var_os("XDG_DATA_DIRS").unwrap_or_default();
    let home = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let usual = ["/usr/local/share", "/usr/share"].map(PathBuf::from);
    std::env::split_paths(&folders).chain(home).chain(usual).any(|folder| folder.join(SERVICE).exists())
}

fn is_on_path(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}
