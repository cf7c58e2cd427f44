//! A checkpoint written again as one safetensors file, tensor by tensor, so that the whole is never in memory.

use std::io::{self, Write};

use ::safetensors::Dtype;
use serde_json::{Map, Value, json};

use super::{
    place::Place,
    stored::{Stored, written_as},
};

/// Multiple that the length of a header must be of, so that what follows lies where numbers may lie.
const ALIGNMENT: usize = 8;

impl Stored {
    /// Writes every tensor by the name that `renamed` makes of its own: weights in single precision, whole numbers in 64
    /// bits. `goes_on` is told how many are done; `false` where it said to stop.
    ///
    /// # Errors
    /// When a tensor cannot be read, or `out` takes no more.
    pub(crate) fn write_to(
        &mut self,
        out: &mut dyn Write,
        renamed: impl Fn(&str) -> String,
        metadata: &[(String, String)],
        goes_on: &mut dyn FnMut(usize) -> bool,
    ) -> io::Result<bool> {
        let mut tensors: Vec<(String, Place)> =
            self.tensors.iter().map(|(name, place)| (renamed(name), place.clone())).collect();
        // The wider type first, so that every number lies at a multiple of its width.
        tensors.sort_by_key(|(_, place)| written_as(place) == Dtype::F32);
        let header = header(&tensors, metadata);
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        for (done, (_, place)) in tensors.iter().enumerate() {
            if !goes_on(done) {
                return Ok(false);
            }
            self.encode(place, &mut |piece| out.write_all(piece))?;
        }
        Ok(true)
    }
}

/// What stands before the tensors of a file, padded with blanks.
fn header(tensors: &[(String, Place)], metadata: &[(String, String)]) -> Vec<u8> {
    let metadata = metadata.iter().map(|(key, value)| (key.clone(), value.clone().into()));
    let mut fields = Map::from_iter([("__metadata__".to_owned(), Value::Object(metadata.collect()))]);
    let mut at = 0;
    for (name, place) in tensors {
        let dtype = written_as(place);
        let end = at + place.count() * dtype.bitsize() / 8;
        let dtype = format!("{dtype:?}");
        fields.insert(name.clone(), json!({ "dtype": dtype, "shape": place.shape, "data_offsets": [at, end] }));
        at = end;
    }
    let mut header = Value::Object(fields).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(ALIGNMENT), b' ');
    header
}
