//! Weights: where a network's tensors come from, and how they are stored.
//!
//! [`Stored`] knows the files of a checkpoint, safetensors or what `torch.save` writes, and where in them tensors lie.
//! [`Weights`] hands a network its tensors from there, or draws them, and lists what is missing, left over or
//! mis-shaped.

mod copied;
mod digest;
mod examined;
mod form;
mod number;
mod pickle;
mod place;
mod safetensors;
mod shards;
mod source;
mod stored;
#[cfg(test)]
mod tests;
mod torch;
mod weights;
mod written;

use std::path::Path;

pub use digest::sha256;
pub use examined::{SeenTensor, examine};
pub use form::is_checkpoint;
pub(crate) use source::open_file;
pub use stored::Stored;
pub use weights::{Fill, WeightType, Weights};
pub(crate) use written::PlaceInNetwork;
pub use written::{Gradient, NamedArray, Storage, gradients_of, to_safetensors, to_safetensors_beside, write_tensors};

use crate::ModelError;

/// Name, type and shape of every tensor of a checkpoint in one file.
///
/// # Errors
/// When the file cannot be read or is damaged.
pub fn list_tensors(path: &Path) -> Result<Vec<(String, String, Vec<usize>)>, ModelError> {
    Ok(Stored::open(path)?.tensors())
}

/// Name, type and shape of every tensor of a checkpoint in memory; `name` stands for it in errors.
///
/// # Errors
/// When it is damaged.
pub fn list_tensors_of(bytes: &'static [u8], name: &str) -> Result<Vec<(String, String, Vec<usize>)>, ModelError> {
    Ok(Stored::from_bytes(bytes, name)?.tensors())
}
