//! Tensors of a file, read from end to end.

use std::path::Path;

use super::{digest::FloatDigest, number::Number as _, place::Place, stored::Stored};
use crate::ModelError;

/// A tensor of a file, read from end to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenTensor {
    /// Its name.
    pub name: String,
    /// How it is stored: `F32`.
    pub dtype: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// SHA-256 of its values as little-endian 32-bit floats; `None` where it holds no weights.
    pub sha256_f32le: Option<String>,
    /// Values that are NaN or infinite.
    pub not_finite: usize,
}

/// Reads every tensor of a checkpoint; `None` when `go_on` said to stop.
///
/// # Errors
/// When the file cannot be read or is damaged.
pub fn examine(path: &Path, go_on: &dyn Fn() -> bool) -> Result<Option<Vec<SeenTensor>>, ModelError> {
    let mut stored = Stored::open(path)?;
    let mut seen = Vec::new();
    for (name, place) in std::mem::take(&mut stored.tensors) {
        match read(&mut stored, name, &place, go_on)? {
            Some(tensor) => seen.push(tensor),
            None => return Ok(None),
        }
    }
    Ok(Some(seen))
}

fn read(
    stored: &mut Stored,
    name: String,
    place: &Place,
    go_on: &dyn Fn() -> bool,
) -> Result<Option<SeenTensor>, ModelError> {
    if !go_on() {
        return Ok(None);
    }
    let (dtype, shape) = (format!("{:?}", place.dtype), place.shape.clone());
    if !f32::reads(place.dtype) {
        return Ok(Some(SeenTensor { name, dtype, shape, sha256_f32le: None, not_finite: 0 }));
    }
    let (mut digest, mut not_finite) = (FloatDigest::default(), 0);
    let read = stored.visit(place, &mut |values: &[f32]| {
        digest.update(values);
        not_finite += values.iter().filter(|value| !value.is_finite()).count();
        go_on()
    });
    let all = read.map_err(|error| stored.file_of(place).failed(error))?;
    Ok(all.then(|| SeenTensor { name, dtype, shape, sha256_f32le: Some(digest.finish()), not_finite }))
}
