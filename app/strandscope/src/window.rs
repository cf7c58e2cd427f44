//! The window itself: a frame around [`strandscope_ui::Window`].

use std::{
    cell::Cell,
    io,
    process::{Command, ExitCode},
    rc::Rc,
    sync::Arc,
};

use eframe::{
    NativeOptions,
    egui::ViewportBuilder,
    egui_wgpu::{WgpuSetup, WgpuSetupCreateNew},
    wgpu,
};
use strandscope_cli::{Renderer, WindowOptions};
use strandscope_ui::{Start, Window};
use strandscope_worker::{Engine, EngineOptions};

use crate::{dialogs::Desktop, display, example};

const TITLE: &str = "Strandscope";
const ICON: &[u8] = include_bytes!("../../../assets/icons/strandscope-256.png");

/// Mesa's switch for drawing OpenGL on the processor.
const SOFTWARE_GL: &str = "LIBGL_ALWAYS_SOFTWARE";

/// Opens the window and stays until it is closed.
pub(crate) fn open(options: WindowOptions) -> ExitCode {
    if !display::is_there() {
        return display::explain("There is no display here (neither WAYLAND_DISPLAY nor DISPLAY is set).");
    }
    if options.renderer == Renderer::Software && std::env::var_os(SOFTWARE_GL).is_none() {
        return with_software_gl();
    }
    let start = Start { files: options.files.clone(), examples: example::unpacked() };
    let engine = options.common.engine_options(None);
    let result = match options.renderer {
        Renderer::Glow => show(eframe::Renderer::Glow, Adapter::Any, &start, &engine),
        Renderer::Wgpu => show(eframe::Renderer::Wgpu, Adapter::Any, &start, &engine),
        Renderer::Auto => show_or_fall_back(Adapter::Any, &start, &engine),
        Renderer::Software => show_or_fall_back(Adapter::Software, &start, &engine),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => display::explain(&failed.sentence()),
    }
}

/// Which adapters may draw.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Adapter {
    Any,
    Software,
}

/// The window was not shown, or ended badly.
struct Failed {
    error: eframe::Error,
    /// Whether the user had already seen it.
    was_shown: bool,
}

impl Failed {
    fn is_of_display(&self) -> bool {
        matches!(self.error, eframe::Error::Winit(_) | eframe::Error::WinitEventLoop(_))
    }

    fn sentence(&self) -> String {
        if self.is_of_display() {
            let name = ["WAYLAND_DISPLAY", "DISPLAY"].iter().find_map(|name| {
                let value = std::env::var(name).ok().filter(|value| !value.is_empty())?;
                Some(format!(" ({name}={value})"))
            });
            return format!("The display{} does not let a window open.", name.unwrap_or_default());
        }
        format!("The window cannot be opened: {}.", self.error)
    }
}

fn show_or_fall_back(adapter: Adapter, start: &Start, engine: &EngineOptions) -> Result<(), Failed> {
    match show(eframe::Renderer::Wgpu, adapter, start, engine) {
        // Where the display itself does not answer, no other way of drawing will help.
        Err(failed) if !failed.was_shown && !failed.is_of_display() => {
            tracing::warn!(error = %failed.error, "the window cannot be drawn with wgpu: OpenGL draws it");
            show(eframe::Renderer::Glow, adapter, start, engine)
        }
        result => result,
    }
}

fn show(renderer: eframe::Renderer, adapter: Adapter, start: &Start, engine: &EngineOptions) -> Result<(), Failed> {
    let mut viewport = ViewportBuilder::default()
        .with_title(TITLE)
        .with_app_id("strandscope")
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([720.0, 480.0]);
    match eframe::icon_data::from_png_bytes(ICON) {
        Ok(icon) => viewport = viewport.with_icon(icon),
        Err(error) => tracing::warn!(%error, "the icon cannot be read"),
    }
    let mut options = NativeOptions { viewport, renderer, run_and_return: true, ..NativeOptions::default() };
    if let (Adapter::Software, WgpuSetup::CreateNew(setup)) = (adapter, &mut options.wgpu_options.wgpu_setup) {
        choose_software(setup);
    }
    let shown = Rc::new(Cell::new(false));
    let (start, engine_options, was_shown) = (start.clone(), engine.clone(), Rc::clone(&shown));
    let result = eframe::run_native(
        TITLE,
        options,
        Box::new(move |context| {
            let repaint = context.egui_ctx.clone();
            let engine = Engine::start(engine_options.clone(), move || repaint.request_repaint())?;
            let desktop = Desktop::new(context.egui_ctx.clone(), engine_options);
            was_shown.set(true);
            Ok(Box::new(App { window: Window::new(engine, Box::new(desktop), start) }))
        }),
    );
    result.map_err(|error| Failed { error, was_shown: shown.get() })
}

/// Lets only processors that play a GPU draw.
fn choose_software(setup: &mut WgpuSetupCreateNew) {
    setup.native_adapter_selector = Some(Arc::new(|adapters, _surface| {
        let is_software = |adapter: &&wgpu::Adapter| adapter.get_info().device_type == wgpu::DeviceType::Cpu;
        adapters.iter().find(is_software).cloned().ok_or_else(|| "there is no software adapter".to_owned())
    }));
}

/// Becomes the program once more with Mesa's switch set: it is read when the driver is loaded.
fn with_software_gl() -> ExitCode {
    let started = match std::env::current_exe() {
        Ok(program) => become_again(Command::new(program).args(std::env::args_os().skip(1)).env(SOFTWARE_GL, "1")),
        Err(error) => Err(error),
    };
    match started {
        Ok(code) => code,
        Err(error) => display::explain(&format!("The program cannot be started for software drawing: {error}.")),
    }
}

#[cfg(unix)]
fn become_again(command: &mut Command) -> io::Result<ExitCode> {
    // It returns only if it fails.
    Err(std::os::unix::process::CommandExt::exec(command))
}

#[cfg(not(unix))]
fn become_again(command: &mut Command) -> io::Result<ExitCode> {
    let code = command.status()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

struct App {
    window: Window,
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.window.ui(ui);
    }
}
