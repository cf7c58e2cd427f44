//! What all subcommands share on the command line, and the window's own flags.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{Args, CommandFactory as _, Parser, ValueEnum, error::ErrorKind};
use strandscope_worker::{DeviceChoice, EngineOptions, MOST_OVERLAP, Pick, WeightType, WindowChoice};

use crate::commands::Command;

/// Reads DNA like a genome browser and understands it like a DNA language model.
///
/// Without a subcommand the window opens, with the files named. Everything runs on this computer.
/// Research use only; not for diagnosis.
#[derive(Debug, Parser)]
#[command(name = "strandscope", version, bin_name = "strandscope", max_term_width = 120)]
pub(crate) struct Top {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) window: WindowOptions,
}

/// What the window is opened with.
#[derive(Clone, Debug, Args)]
pub struct WindowOptions {
    /// Sequence files to open in the window
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What draws the window; apart from --device, which is about computing
    #[arg(long, value_enum, default_value_t)]
    pub renderer: Renderer,
    /// Flags shared with all subcommands.
    #[command(flatten)]
    pub common: Common,
}

impl WindowOptions {
    /// Refuses a single word that is no file: it was meant as a subcommand, and no window shall open for it.
    fn checked(self) -> Result<Self, clap::Error> {
        let is_word = |path: &PathBuf| {
            let text = path.to_string_lossy();
            !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
        };
        match self.files.first() {
            Some(word) if is_word(word) && !word.exists() => Err(Top::command().error(
                ErrorKind::InvalidSubcommand,
                format!("'{}' is neither a subcommand nor a file; see --help", word.display()),
            )),
            _ => Ok(self),
        }
    }
}

impl Top {
    /// What was asked for, once it is sure that it was one thing only.
    pub(crate) fn asked(self) -> Result<(Option<Command>, WindowOptions), clap::Error> {
        let Some(command) = self.command else { return Ok((None, self.window.checked()?)) };
        if !self.window.files.is_empty() || self.window.renderer != Renderer::Auto {
            let message =
                "files and --renderer before a subcommand are for the window; write them behind it, or leave them out";
            return Err(Self::command().error(ErrorKind::ArgumentConflict, message));
        }
        Ok((Some(command), self.window))
    }
}

/// What draws the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Renderer {
    /// wgpu, and OpenGL where that fails
    #[default]
    Auto,
    /// Vulkan, Metal or DirectX through wgpu
    Wgpu,
    /// OpenGL
    Glow,
    /// The processor alone, for drivers that misbehave
    Software,
}

/// Flags that every subcommand takes.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Where to compute; auto takes a hardware GPU where there is one
    #[arg(long, value_enum, default_value_t, value_name = "DEVICE", global = true, help_heading = "Common")]
    pub device: Device,
    /// Threads for computing on the CPU [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), global = true, help_heading = "Common")]
    pub threads: Option<u16>,
    /// In which type the tables of feed-forward layers are kept, two thirds of a model; auto is f32. Everything is computed
    /// in f32: f16 and bf16 save a third of the memory on the CPU and lose digits of the weights
    #[arg(long, value_parser = dtype, default_value = "auto", value_name = "auto|f32|f16|bf16", global = true, help_heading = "Common")]
    pub dtype: WeightType,
    /// Seed of everything random [default: the recipe's]
    #[arg(long, value_name = "N", global = true, help_heading = "Common")]
    pub seed: Option<u64>,
    /// Say nothing but errors
    #[arg(long, short, global = true, help_heading = "Common")]
    pub quiet: bool,
    /// How messages are written on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", global = true, help_heading = "Common")]
    pub log: LogFormat,
    /// Open no network connection; only models get would
    #[arg(long, global = true, help_heading = "Common")]
    pub offline: bool,
}

impl Common {
    /// How the engine is started for this command line.
    pub fn engine_options(&self, command_line: Option<String>) -> EngineOptions {
        EngineOptions {
            device: self.device.into(),
            threads: self.threads.map(usize::from),
            weights: self.dtype,
            seed: self.seed,
            cache: None,
            no_score_cache: false,
            score_cache_bytes: None,
            data: None,
            offline: self.offline,
            command_line,
            no_provenance: false,
        }
    }
}

/// Where to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Device {
    /// A hardware GPU where there is one, otherwise the CPU
    #[default]
    Auto,
    /// The CPU
    Cpu,
    /// A GPU; a software adapter counts
    Gpu,
}

impl From<Device> for DeviceChoice {
    fn from(device: Device) -> Self {
        match device {
            Device::Auto => Self::Auto,
            Device::Cpu => Self::Cpu,
            Device::Gpu => Self::Gpu,
        }
    }
}

/// In which type the tables of feed-forward layers are kept.
fn dtype(text: &str) -> Result<WeightType, String> {
    match text {
        "auto" | "f32" => Ok(WeightType::F32),
        "f16" => Ok(WeightType::F16),
        "bf16" => Ok(WeightType::Bf16),
        _ => Err("write 'auto', 'f32', 'f16' or 'bf16'".to_owned()),
    }
}

/// How messages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Sentences
    #[default]
    Text,
    /// One JSON object on each line
    Json,
}

/// Where the result goes.
#[derive(Clone, Debug, Args)]
pub(crate) struct OutputArgs {
    /// Write to this file; - is standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long, help_heading = "Output")]
    pub(crate) force: bool,
    /// Leave out version, command, checksums and device
    #[arg(long, help_heading = "Output")]
    pub(crate) no_provenance: bool,
}

impl OutputArgs {
    /// Whether the result goes to a file.
    pub(crate) fn is_file(&self) -> bool {
        self.output.as_deref().is_some_and(|path| path != Path::new("-"))
    }

    /// For what only ever goes to standard output.
    pub(crate) fn stdout() -> Self {
        Self { output: None, force: false, no_provenance: false }
    }
}

/// How the engine writes what it writes itself.
#[derive(Clone, Debug, Args)]
pub(crate) struct WriteArgs {
    /// Overwrite what is there
    #[arg(long, help_heading = "Output")]
    pub(crate) force: bool,
    /// Leave out what was run
    #[arg(long, help_heading = "Output")]
    pub(crate) no_provenance: bool,
    /// Print what was written as one JSON object
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

/// Which model is used.
#[derive(Clone, Debug, Args)]
pub(crate) struct ModelArg {
    /// A model by name, or a folder in the Hugging Face layout [default: the built-in one]
    #[arg(long, value_name = "NAME|DIR")]
    pub(crate) model: Option<String>,
}

/// Reads `N`, `mean` or `all`.
pub(crate) fn pick(text: &str) -> Result<Pick, String> {
    match text {
        "mean" => Ok(Pick::Mean),
        "all" => Ok(Pick::All),
        number => number.parse().map(Pick::One).map_err(|_| "write a number from 0, 'mean' or 'all'".to_owned()),
    }
}

/// Reads `N` or `whole`.
pub(crate) fn window_choice(text: &str) -> Result<WindowChoice, String> {
    match text.parse() {
        _ if text == "whole" => Ok(WindowChoice::Whole),
        Ok(tokens) if tokens > 0 => Ok(WindowChoice::Tokens(tokens)),
        _ => Err("write a number of tokens from 1, or 'whole'".to_owned()),
    }
}

/// Reads a percentage that windows may overlap by, as a share.
pub(crate) fn overlap(text: &str) -> Result<f32, String> {
    let most = 100.0 * MOST_OVERLAP;
    match text.strip_suffix('%').unwrap_or(text).parse::<f32>() {
        Ok(percent) if (0.0..=most).contains(&percent) => Ok(percent / 100.0),
        _ => Err(format!("write a percentage from 0 to {most}")),
    }
}

/// The command line as it would be typed into a shell again, for provenance.
pub(crate) fn as_typed(words: &[OsString]) -> String {
    let mut line = "strandscope".to_owned();
    for word in words.iter().skip(1) {
        line.push(' ');
        line.push_str(&quoted(&word.to_string_lossy()));
    }
    line
}

fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./:,=+@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    // Line ends have no place in the header of a file; `$'…'` is how shells write them.
    if word.contains(char::is_control) {
        let escaped: String = word.chars().flat_map(char::escape_default).collect();
        return format!("$'{escaped}'");
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parser_holds_together() {
        Top::command().debug_assert();
    }

    #[test]
    fn picks_and_windows_are_read() {
        assert_eq!(pick("mean"), Ok(Pick::Mean), "mean");
        assert_eq!(pick("all"), Ok(Pick::All), "all");
        assert_eq!(pick("3"), Ok(Pick::One(3)), "number");
        assert_eq!((dtype("auto"), dtype("f32")), (Ok(WeightType::F32), Ok(WeightType::F32)), "numbers");
        assert_eq!((dtype("f16"), dtype("bf16")), (Ok(WeightType::F16), Ok(WeightType::Bf16)), "narrower numbers");
        assert!(dtype("f64").is_err(), "wider numbers");
        assert!(pick("-1").is_err() && pick("first").is_err(), "nonsense");
        assert_eq!(window_choice("whole"), Ok(WindowChoice::Whole), "whole");
        assert_eq!(window_choice("512"), Ok(WindowChoice::Tokens(512)), "number");
        assert_eq!((overlap("50"), overlap("12.5%"), overlap("95")), (Ok(0.5), Ok(0.125), Ok(0.95)), "percentages");
        assert!(overlap("96").is_err() && overlap("-1").is_err() && overlap("nan").is_err(), "nonsense");
        assert!(window_choice("0").is_err() && window_choice("512bp").is_err(), "nonsense");
    }

    #[test]
    fn the_command_line_can_be_typed_again() {
        let words = ["/usr/bin/strandscope", "score", "my file.fa", "--region", "chr1:1-9", "it's", "HLA*01", "a\nb"];
        let typed = as_typed(&words.map(OsString::from));
        assert_eq!(typed, r"strandscope score 'my file.fa' --region chr1:1-9 'it'\''s' 'HLA*01' $'a\nb'", "quoted");
    }
}
