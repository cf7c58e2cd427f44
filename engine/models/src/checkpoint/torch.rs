//! What `torch.save` writes: a pickle that says which tensors there are, and storages that hold their values.

mod legacy;
mod state_dict;
#[cfg(test)]
pub(super) mod tests;
mod zipped;

use std::collections::{BTreeMap, btree_map::Entry};

use ::safetensors::Dtype;

pub(super) use legacy::{begins_like as begins_like_pickles, read as read_pickles};
pub(super) use zipped::{begins_like as begins_like_zip, read as read_zip};

use super::{
    pickle::{Pickle, TensorView},
    place::{Place, row_major},
    source::Source,
};
use crate::ModelError;

/// Where the bytes of a storage lie.
struct Extent {
    at: u64,
    bytes: u64,
}

/// Where the tensors of a state dictionary lie.
fn places(
    pickle: &Pickle,
    storages: &BTreeMap<String, Extent>,
    source: &Source,
) -> Result<BTreeMap<String, Place>, ModelError> {
    let mut places = BTreeMap::new();
    for (name, tensor) in state_dict::tensors(pickle).map_err(|reason| source.damaged(reason))? {
        let place = place(tensor, storages, source.length())
            .map_err(|reason| source.damaged(format!("tensor {name} cannot be found in its storage: {reason}")))?;
        match places.entry(name.to_owned()) {
            Entry::Vacant(entry) => entry.insert(place),
            Entry::Occupied(_) => return Err(source.damaged(format!("its pickle has two tensors named {name}"))),
        };
    }
    Ok(places)
}

/// Where a tensor lies, once it is sure that all its values lie in its storage.
fn place(tensor: &TensorView, storages: &BTreeMap<String, Extent>, file_bytes: u64) -> Result<Place, String> {
    let storage = &tensor.storage;
    let key = &storage.key;
    let extent = storages.get(key).ok_or_else(|| format!("storage {key} is missing"))?;
    let width = bytes_of(storage.dtype);
    let needed = (storage.length as u64).checked_mul(width);
    if needed.is_none_or(|needed| needed > extent.bytes) {
        return Err(format!("storage {key} has {} bytes, too few for {} numbers", extent.bytes, storage.length));
    }
    let (shape, strides) = (&tensor.shape, &tensor.strides);
    if shape.len() != strides.len() {
        return Err(format!("shape {shape:?} and strides {strides:?} have different lengths"));
    }
    // A stride of 0 repeats values; more of them than the file has bytes would be a trap.
    let count = shape.iter().try_fold(1, |count: usize, &size| count.checked_mul(size));
    let count = count.filter(|&count| count as u64 <= file_bytes);
    let count = count.ok_or_else(|| format!("shape {shape:?} is larger than the file"))?;
    if count == 0 {
        return Ok(Place { file: 0, at: extent.at, dtype: storage.dtype, shape: shape.clone(), strides: None });
    }
    if end_of(tensor).is_none_or(|end| end > storage.view_length) {
        let (offset, length) = (tensor.offset, storage.view_length);
        let ordered = format!("shape {shape:?} with strides {strides:?}");
        return Err(format!("{ordered} from {offset} on reaches past the {length} numbers of storage {key}"));
    }
    let at = extent.at + (storage.start + tensor.offset) as u64 * width;
    let strides = (!is_row_major(shape, strides)).then(|| strides.clone());
    Ok(Place { file: 0, at, dtype: storage.dtype, shape: shape.clone(), strides })
}

/// One past the last value of a tensor with values, counted from the start of its storage.
fn end_of(tensor: &TensorView) -> Option<usize> {
    let mut axes = tensor.shape.iter().zip(&tensor.strides);
    let last = axes.try_fold(tensor.offset, |last, (size, &stride)| last.checked_add(stride.checked_mul(size - 1)?));
    last?.checked_add(1)
}

/// Whether strides are those of rows behind each other; that of a dimension of one value says nothing.
fn is_row_major(shape: &[usize], strides: &[usize]) -> bool {
    let wanted = row_major(shape);
    shape.iter().zip(strides).zip(wanted).all(|((&size, &stride), wanted)| size == 1 || stride == wanted)
}

/// Bytes of a number; every storage of torch has whole ones.
fn bytes_of(dtype: Dtype) -> u64 {
    dtype.bitsize() as u64 / 8
}
