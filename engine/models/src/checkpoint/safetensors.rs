//! The header of safetensors files: a length, JSON, and the tensors behind it without gaps.

use std::collections::BTreeMap;

use ::safetensors::tensor::{Metadata, TensorInfo};

use super::{place::Place, source::Source};
use crate::ModelError;

/// Longest header that is read, as the format fixes it.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// Whether the length of a header that fits into the file comes first, then JSON.
pub(super) fn begins_like(beginning: &[u8], length: u64) -> bool {
    let Some((header_bytes, rest)) = beginning.split_first_chunk() else { return false };
    rest.first() == Some(&b'{') && u64::from_le_bytes(*header_bytes) <= length.saturating_sub(8)
}

/// Where the tensors lie.
pub(super) fn read(source: &mut Source) -> Result<BTreeMap<String, Place>, ModelError> {
    let length = source.length();
    let mut size = [0; 8];
    source
        .read_at(0, &mut size)
        .map_err(|_| source.damaged(format!("{length} bytes are too few for a header (byte 0)")))?;
    let header_bytes = u64::from_le_bytes(size);
    if header_bytes > MAX_HEADER_BYTES || header_bytes + 8 > length {
        let reason = format!("the header at byte 0 claims {header_bytes} bytes of a file of {length}");
        return Err(source.damaged(reason));
    }
    let in_header = |error: String| format!("header at byte 8: {error}");
    let header_length = usize::try_from(header_bytes).map_err(|error| source.damaged(in_header(error.to_string())))?;
    let mut header = vec![0; header_length];
    source.read_at(8, &mut header).map_err(|error| source.damaged(in_header(error.to_string())))?;
    let metadata: Metadata =
        serde_json::from_slice(&header).map_err(|error| source.damaged(in_header(error.to_string())))?;
    let start = header_bytes + 8;
    let end = start + end_of_tensors(&metadata).map_err(|reason| source.damaged(reason))?;
    if end != length {
        let what = if end > length { "it is truncated" } else { "there is something behind the tensors" };
        let reason = format!("{what}: the tensors end at byte {end}, the file at byte {length}");
        return Err(source.damaged(reason));
    }
    Ok(metadata.tensors().into_iter().map(|(name, info)| (name, place(info, start))).collect())
}

fn place(info: &TensorInfo, start: u64) -> Place {
    let at = start + info.data_offsets.0 as u64;
    Place { file: 0, at, dtype: info.dtype, shape: info.shape.clone(), strides: None }
}

/// Where the last tensor ends, once it is sure that the tensors lie one behind the other and are as large as their
/// shapes say. (The library checks this only for files that are in memory as a whole.)
fn end_of_tensors(metadata: &Metadata) -> Result<u64, String> {
    let mut tensors: Vec<(String, &TensorInfo)> = metadata.tensors().into_iter().collect();
    tensors.sort_by_key(|(_, info)| info.data_offsets);
    let mut end = 0;
    for (name, info) in tensors {
        let (from, to) = info.data_offsets;
        let bits = info.shape.iter().try_fold(info.dtype.bitsize(), |bits, &size| bits.checked_mul(size));
        if from != end || to < from || bits != (to - from).checked_mul(8) {
            return Err(format!("{name} with shape {:?} cannot lie at bytes {from} to {to} of the data", info.shape));
        }
        end = to;
    }
    Ok(end as u64)
}
