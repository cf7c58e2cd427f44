//! What `torch.save` writes since 1.6: a zip file with `data.pkl` and a storage in each `data/KEY`.
//!
//! Nothing in it is compressed, so that storages are read where they lie and cannot grow in memory.

use std::{
    collections::BTreeMap,
    io::{Read, Seek},
};

use zip::{CompressionMethod, ZipArchive, result::ZipError};

use super::{Extent, places};
use crate::{
    ModelError,
    checkpoint::{
        pickle::{Bytes, MAX_PICKLE_BYTES, Pickle},
        place::Place,
        source::Source,
    },
};

/// What every entry of a zip file begins with, before the length of its name at byte 26 and the name at byte 30.
const ENTRY: &[u8] = b"PK\x03\x04";

/// The pickle, in the one folder of the archive.
const PICKLE: &str = "/data.pkl";

/// Whether the first entry of a zip file is the pickle of a checkpoint, as torch writes it.
pub(in crate::checkpoint) fn begins_like(beginning: &[u8]) -> bool {
    let length = beginning.get(26..28).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_le_bytes);
    let name = beginning.get(30..).and_then(|rest| rest.get(..length.into()));
    beginning.starts_with(ENTRY) && name.is_some_and(|name| name.ends_with(PICKLE.as_bytes()))
}

/// Where the tensors lie.
pub(in crate::checkpoint) fn read(source: &mut Source) -> Result<BTreeMap<String, Place>, ModelError> {
    let mut entries = entries(source)?;
    let mut folders = entries.keys().filter_map(|name| name.strip_suffix(PICKLE));
    let (Some(folder), None) = (folders.next(), folders.next()) else {
        return Err(source.damaged("its zip archive has not just one folder with a data.pkl"));
    };
    let (folder, data) = (folder.to_owned(), format!("{folder}/data/"));
    check_byte_order(source, entries.get(&format!("{folder}/byteorder")))?;
    let name = format!("{folder}{PICKLE}");
    let pickle = pickle(source, &name, &entries[&name])?;
    entries.retain(|name, _| name.starts_with(&data));
    let mut storages = BTreeMap::new();
    for (name, entry) in entries {
        storages.insert(name[data.len()..].to_owned(), entry.extent(source, &name)?);
    }
    places(&pickle, &storages, source)
}

/// An entry of the archive.
struct Entry {
    at: u64,
    bytes: u64,
    /// Whether its bytes stand in the file as they are.
    plain: bool,
    crc32: u32,
}

impl Entry {
    fn extent(&self, source: &Source, name: &str) -> Result<Extent, ModelError> {
        if !self.plain {
            return Err(source.unread(format!("{name} in it is compressed, which torch does not do")));
        }
        if self.at.checked_add(self.bytes).is_none_or(|end| end > source.length()) {
            return Err(
                source.damaged(format!("its zip archive is truncated: {name} reaches past the end of the file"))
            );
        }
        Ok(Extent { at: self.at, bytes: self.bytes })
    }
}

/// The entries of the archive by their names.
fn entries(source: &mut Source) -> Result<BTreeMap<String, Entry>, ModelError> {
    listed(source.stream()).map_err(|error| source.damaged(format!("its zip archive is truncated or damaged: {error}")))
}

fn listed(stream: impl Read + Seek) -> Result<BTreeMap<String, Entry>, ZipError> {
    let mut archive = ZipArchive::new(stream)?;
    if archive.has_duplicate_names() {
        return Err(ZipError::InvalidArchive("two entries have one name".into()));
    }
    let mut entries = BTreeMap::new();
    for number in 0..archive.len() {
        let file = archive.by_index_raw(number)?;
        let at = file.data_start().ok_or(ZipError::FileNotFound)?;
        let plain = file.compression() == CompressionMethod::Stored && !file.encrypted();
        entries.insert(file.name()?.into_owned(), Entry { at, bytes: file.size(), plain, crc32: file.crc32() });
    }
    Ok(entries)
}

fn check_byte_order(source: &mut Source, entry: Option<&Entry>) -> Result<(), ModelError> {
    const LITTLE: &[u8] = b"little";
    // Old archives have no such entry and are little-endian.
    let Some(entry) = entry else { return Ok(()) };
    let is_little = entry.bytes == LITTLE.len() as u64 && bytes_of(source, "byteorder", entry)? == LITTLE;
    if is_little { Ok(()) } else { Err(source.unread("its numbers are not little-endian")) }
}

fn pickle(source: &mut Source, name: &str, entry: &Entry) -> Result<Pickle, ModelError> {
    if entry.bytes > MAX_PICKLE_BYTES {
        return Err(source.unread(format!("its pickle takes more than {} MiB", MAX_PICKLE_BYTES >> 20)));
    }
    let bytes = bytes_of(source, name, entry)?;
    Pickle::read(&mut Bytes::new(bytes.as_slice(), entry.bytes, source.name(), Some(name)))
}

/// The bytes of a small entry, checked against its sum.
fn bytes_of(source: &mut Source, name: &str, entry: &Entry) -> Result<Vec<u8>, ModelError> {
    let extent = entry.extent(source, name)?;
    let length = usize::try_from(extent.bytes).map_err(|error| source.damaged(error.to_string()))?;
    let mut bytes = vec![0; length];
    source.read_at(extent.at, &mut bytes).map_err(|error| source.failed(error))?;
    if crc32fast::hash(&bytes) != entry.crc32 {
        return Err(source.damaged(format!("the checksum of {name} in it is wrong")));
    }
    Ok(bytes)
}
