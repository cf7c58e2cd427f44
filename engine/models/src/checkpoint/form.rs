//! Forms in which checkpoints are stored, told by their content.

use std::{collections::BTreeMap, io, path::Path};

use super::{place::Place, safetensors, source::Source, torch};
use crate::ModelError;

/// How much of a file tells its form.
const BEGINNING_BYTES: usize = 256;

/// What a file of Git is that stands for a large one.
const LFS_POINTER: &[u8] = b"version https://git-lfs";

/// What zip archives begin with.
const ZIP: &[u8] = b"PK\x03\x04";

/// Forms in which checkpoints are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Safetensors,
    /// What `torch.save` writes since 1.6.
    TorchZip,
    /// What `torch.save` wrote before.
    TorchPickles,
}

/// Where the tensors of a file lie, whatever its form.
pub(super) fn read(source: &mut Source) -> Result<BTreeMap<String, Place>, ModelError> {
    let beginning = source.beginning(BEGINNING_BYTES).map_err(|error| source.failed(error))?;
    if beginning.starts_with(LFS_POINTER) {
        let reason = format!("its {} bytes are a Git LFS pointer to the weights, not the weights", source.length());
        return Err(source.damaged(reason));
    }
    let form = by_content(&beginning, source.length());
    // A zip archive that torch did not write itself may begin with another entry.
    let form = form.or_else(|| beginning.starts_with(ZIP).then_some(Form::TorchZip));
    match form.or_else(|| by_name(Path::new(source.name()))) {
        Some(Form::Safetensors) => safetensors::read(source),
        Some(Form::TorchZip) => torch::read_zip(source),
        Some(Form::TorchPickles) => torch::read_pickles(source),
        None => Err(source.damaged("it begins neither like safetensors nor like a file of torch.save (byte 0)")),
    }
}

/// Whether a file is a checkpoint by its content, or is called so.
///
/// Its name decides where it is damaged, so that the message speaks of weights and not of sequences.
pub fn is_checkpoint(path: &Path) -> bool {
    path.is_file() && (by_name(path).is_some() || form_of(path).is_ok_and(|form| form.is_some()))
}

fn form_of(path: &Path) -> io::Result<Option<Form>> {
    let mut source = Source::open(path).map_err(io::Error::other)?;
    Ok(by_content(&source.beginning(BEGINNING_BYTES)?, source.length()))
}

fn by_content(beginning: &[u8], length: u64) -> Option<Form> {
    if torch::begins_like_zip(beginning) {
        Some(Form::TorchZip)
    } else if torch::begins_like_pickles(beginning) {
        Some(Form::TorchPickles)
    } else {
        safetensors::begins_like(beginning, length).then_some(Form::Safetensors)
    }
}

/// What a damaged file was, or one that torch did not write.
fn by_name(path: &Path) -> Option<Form> {
    match path.extension()?.to_str()? {
        "safetensors" => Some(Form::Safetensors),
        "bin" | "pt" | "pth" => Some(Form::TorchPickles),
        _ => None,
    }
}
