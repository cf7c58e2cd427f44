//! Lists the models and heads in `assets/`, so that adding a folder there is all it takes to build it in.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

const MODEL_FILES: &[&str] = &["card.json", "config.json", "model.safetensors", "tokenizer.json"];
const HEAD_FILES: &[&str] = &["card.json", "head.json", "head.safetensors"];

fn main() -> io::Result<()> {
    let assets = variable("CARGO_MANIFEST_DIR")?.join("../../assets");
    let mut text = String::new();
    for (constant, folder, files) in [("MODELS", "models", MODEL_FILES), ("HEADS", "heads", HEAD_FILES)] {
        let folder = assets.join(folder);
        // Cargo asks again when a folder that is not there appears.
        println!("cargo::rerun-if-changed={}", folder.display());
        list(&mut text, constant, &folder, files)?;
    }
    fs::write(variable("OUT_DIR")?.join("builtin.rs"), text)
}

fn variable(name: &str) -> io::Result<PathBuf> {
    env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(format!("cargo sets {name}")))
}

/// Adds a constant with all folders below `folder`, sorted by name.
fn list(text: &mut String, constant: &str, folder: &Path, files: &[&str]) -> io::Result<()> {
    let mut found = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                found.push(path.canonicalize()?);
            }
        }
    }
    found.sort();
    let mut line = |line: String| writeln!(text, "{line}").map_err(io::Error::other);
    line(format!("static {constant}: &[Folder] = &["))?;
    for path in found {
        println!("cargo::rerun-if-changed={}", path.display());
        line(format!("    Folder::BuiltIn({:?}, &[", path.file_name().unwrap_or_default().to_string_lossy()))?;
        for file in files {
            let file_path = path.join(file);
            if !file_path.is_file() {
                return Err(io::Error::other(format!("{} is missing", file_path.display())));
            }
            line(format!("        ({file:?}, include_bytes!({:?})),", file_path.display().to_string()))?;
        }
        line("    ]),".to_owned())?;
    }
    line("];".to_owned())
}
