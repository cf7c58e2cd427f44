//! What `torch.save` wrote before 1.6: five pickles, then the storages.
//!
//! The pickles are a magic number, the version of the form, facts about the machine, the state dictionary, and the keys
//! of the storages; each storage begins with the number of its values (`_legacy_save` in `torch/serialization.py`).

use std::collections::BTreeMap;

use ::safetensors::Dtype;

use super::{Extent, bytes_of, places};
use crate::{
    ModelError,
    checkpoint::{
        pickle::{Pickle, Value},
        place::Place,
        source::Source,
    },
};

const MAGIC_NUMBER: i128 = 0x1950_a86a_20f9_469c_fc6c;
const PROTOCOL_VERSION: i128 = 1001;

/// Whether the magic number comes first: some bytes that say how it is pickled, then its ten.
pub(in crate::checkpoint) fn begins_like(beginning: &[u8]) -> bool {
    let magic = &MAGIC_NUMBER.to_le_bytes()[..10];
    beginning.windows(magic.len()).take(32).any(|bytes| bytes == magic)
}

/// Where the tensors lie.
pub(in crate::checkpoint) fn read(source: &mut Source) -> Result<BTreeMap<String, Place>, ModelError> {
    let Pickles { state, keys, end } = read_pickles(source)?;
    let known = storages_of(&state).map_err(|reason| source.damaged(reason))?;
    let mut at = end;
    let mut storages = BTreeMap::new();
    for key in keys {
        let Some(&kind) = known.get(key.as_str()) else {
            return Err(source.damaged(format!("no tensor tells the size of storage {key} (byte {at})")));
        };
        let extent = extent(source, at, &key, kind)?;
        at = extent.at + extent.bytes;
        storages.insert(key, extent);
    }
    if at != source.length() {
        let reason = format!("there is something behind the storages, which end at byte {at}");
        return Err(source.damaged(reason));
    }
    places(&state, &storages, source)
}

/// What the five pickles say.
struct Pickles {
    state: Pickle,
    /// Keys of the storages, in the order in which they lie.
    keys: Vec<String>,
    /// Byte of the first storage.
    end: u64,
}

fn read_pickles(source: &mut Source) -> Result<Pickles, ModelError> {
    let mut bytes = source.pickles()?;
    let mut next = |wanted: &str, fits: &dyn Fn(&Pickle) -> bool| {
        let at = bytes.position();
        let pickle = Pickle::read(&mut bytes)?;
        if fits(&pickle) { Ok((pickle, bytes.position())) } else { Err(bytes.damaged(at, wanted)) }
    };
    next("its first pickle is not the magic number of torch.save", &|pickle| pickle.is_number(MAGIC_NUMBER))?;
    next("its pickles are not of version 1001", &|pickle| pickle.is_number(PROTOCOL_VERSION))?;
    next("its numbers are not little-endian", &is_little_endian)?;
    let (state, _) = next("", &|_| true)?;
    let (keys, end) = next("its last pickle does not list the storages", &|pickle| keys_of(pickle).is_some())?;
    Ok(Pickles { state, keys: keys_of(&keys).unwrap_or_default(), end })
}

/// Whether the facts about the machine say so.
fn is_little_endian(facts: &Pickle) -> bool {
    let Value::Dict(facts_of_machine) = facts.top() else { return false };
    facts_of_machine.iter().any(|&(name, value)| {
        facts.text(name) == Some("little_endian") && matches!(facts.value(value), Value::Bool(true))
    })
}

fn keys_of(pickle: &Pickle) -> Option<Vec<String>> {
    let Value::List(keys) = pickle.top() else { return None };
    keys.iter().map(|&key| pickle.text(key).map(str::to_owned)).collect()
}

/// Type and length of every storage that tensors lie in.
fn storages_of(state: &Pickle) -> Result<BTreeMap<&str, (Dtype, usize)>, String> {
    let mut storages = BTreeMap::new();
    for value in state.values() {
        let Value::Storage(storage) = value else { continue };
        let kind = (storage.dtype, storage.length);
        if *storages.entry(storage.key.as_str()).or_insert(kind) != kind {
            return Err(format!("its pickle gives storage {} two types or lengths", storage.key));
        }
    }
    Ok(storages)
}

/// Where a storage lies whose number of values stands at byte `at`.
fn extent(source: &mut Source, at: u64, key: &str, (dtype, length): (Dtype, usize)) -> Result<Extent, ModelError> {
    let mut count = [0; 8];
    source
        .read_at(at, &mut count)
        .map_err(|_| source.damaged(format!("it is truncated before storage {key} (byte {at})")))?;
    let count = u64::from_le_bytes(count);
    if count != length as u64 {
        let reason = format!("storage {key} has {count} numbers, its tensors are parts of {length} (byte {at})");
        return Err(source.damaged(reason));
    }
    let start = at + 8;
    let bytes = count.checked_mul(bytes_of(dtype)).filter(|&bytes| bytes <= source.length() - start);
    let bytes = bytes.ok_or_else(|| source.damaged(format!("it is truncated in storage {key} (byte {start})")))?;
    Ok(Extent { at: start, bytes })
}
