//! Opening a 2bit file: its header, its names, and where each record lies.

use std::{collections::HashMap, path::Path};

use super::{
    TwoBitFile,
    blocks::Blocks,
    fields::{Fields, truncated},
};
use crate::{
    Contig, GenomeError, Hooks,
    error::{Place, shortened},
    source::{Packing, SourceFile, TextStore},
};

const HEADER_BYTES: u64 = 16;

/// More records than any assembly has.
const MOST_RECORDS: u64 = 1 << 23;

/// What one record holds, and where.
pub(super) struct Record {
    pub(super) length_bp: u32,
    pub(super) unknown: Blocks,
    pub(super) masked: Blocks,
    /// Where its bases lie, four in a byte.
    pub(super) packed: u64,
}

/// A name of the index and the place it gives.
struct Entry {
    name: String,
    at: u64,
    offset: u64,
}

impl TwoBitFile {
    /// Opens a file that begins as 2bit does, with its contigs and what is odd about them.
    pub(crate) fn open(
        source: &SourceFile,
        packing: &Packing,
        hooks: &mut Hooks<'_>,
    ) -> Result<(Self, Vec<Contig>, Vec<String>), GenomeError> {
        let path = &source.path;
        if *packing != Packing::Plain {
            let reason = "it is a 2bit file packed with gzip, of which no part can be read alone";
            return Err(GenomeError::unusable(path, Place::Byte(0), reason, "unpack it with gunzip"));
        }
        let size_bytes = source.identity.size_bytes;
        let mut file = Self { fields: open_fields(source)?, records: Vec::new() };
        let (entries, mut end) = file.fields.index(path)?;
        let mut contigs = Vec::with_capacity(entries.len());
        let mut spans = Vec::with_capacity(entries.len());
        for entry in &entries {
            let record = file.fields.record(path, entry)?;
            spans.push((entry.offset, record.packed + u64::from(record.length_bp).div_ceil(4)));
            let name = entry.name.clone();
            contigs.push(Contig { name, length_bp: u64::from(record.length_bp), ..Contig::default() });
            file.records.push(record);
        }
        // Bases first, so that lists that lie over each other cannot make the next step long.
        spans.sort_unstable();
        for &(start, span_end) in &spans {
            if start < end {
                let reason = "two parts of the 2bit file lie over each other: its places are damaged";
                return Err(GenomeError::unusable(path, Place::Byte(start), reason, "download or make it again"));
            }
            end = span_end;
        }
        for (record, entry) in file.records.iter().zip(&entries) {
            record.unknown.check(&mut file.fields, path, &entry.name, record.length_bp)?;
            record.masked.check(&mut file.fields, path, &entry.name, record.length_bp)?;
            hooks.step(entry.offset, size_bytes)?;
        }
        let warnings = warnings(path, &contigs, size_bytes - end)?;
        Ok((file, contigs, warnings))
    }
}

fn open_fields(source: &SourceFile) -> Result<Fields, GenomeError> {
    let path = &source.path;
    let size_bytes = source.identity.size_bytes;
    let mut text = TextStore::file(source.reopen()?);
    let mut signature = [0; 4];
    let filled = text.fill_at(0, &mut signature).map_err(|error| GenomeError::reading(path, error))?;
    if filled < 4 || size_bytes < HEADER_BYTES {
        return Err(truncated(path, 0, size_bytes));
    }
    Ok(Fields::new(text, size_bytes, signature[0] == 0x1a))
}

impl Fields {
    /// The names of all records with the places of these, and where the list ends.
    fn index(&mut self, path: &Path) -> Result<(Vec<Entry>, u64), GenomeError> {
        let refuse = |at, reason: String| {
            Err(GenomeError::unusable(path, Place::Byte(at), reason, "download or make it again with faToTwoBit"))
        };
        let version = self.u32(path, 4)?;
        let offset_bytes = match version {
            0 => 4,
            1 => 8,
            _ => return refuse(4, format!("its 2bit version is {version}, and only 0 and 1 are known")),
        };
        let count = u64::from(self.u32(path, 8)?);
        if self.u32(path, 12)? != 0 {
            return refuse(12, "a field of the 2bit header that is always zero is not".to_owned());
        }
        if count == 0 {
            return refuse(8, "it holds no record".to_owned());
        }
        // A name has at least one letter.
        if count > MOST_RECORDS || count.saturating_mul(2 + offset_bytes) > self.size_bytes() - HEADER_BYTES {
            return refuse(8, format!("it is truncated or damaged: {count} records do not fit into it"));
        }
        let mut entries: Vec<Entry> = Vec::new();
        let mut byte_of_name = HashMap::new();
        let mut at = HEADER_BYTES;
        for _ in 0..count {
            let name = self.name(path, at)?;
            if let Some(earlier) = byte_of_name.insert(name.0.clone(), at) {
                let shown = shortened(&name.0);
                return refuse(at, format!("the name '{shown}' is a duplicate: byte {earlier} has it already"));
            }
            let place = at + 1 + name.1;
            let offset = if offset_bytes == 4 { u64::from(self.u32(path, place)?) } else { self.u64(path, place)? };
            entries.push(Entry { name: name.0, at: place, offset });
            at = place + offset_bytes;
        }
        Ok((entries, at))
    }

    /// The name at byte `at`, and how many bytes it has.
    fn name(&mut self, path: &Path, at: u64) -> Result<(String, u64), GenomeError> {
        let refuse = |reason: &str| {
            Err(GenomeError::unusable(path, Place::Byte(at), reason, "download or make it again with faToTwoBit"))
        };
        let mut size = [0];
        self.bytes(path, at, &mut size)?;
        let mut name = vec![0; usize::from(size[0])];
        self.bytes(path, at + 1, &mut name)?;
        if name.is_empty() {
            return refuse("a record has no name");
        }
        if name.iter().any(u8::is_ascii_control) {
            return refuse("the name of a record holds a control character");
        }
        Ok((String::from_utf8_lossy(&name).into_owned(), u64::from(size[0])))
    }

    /// Where the parts of a record lie.
    fn record(&mut self, path: &Path, entry: &Entry) -> Result<Record, GenomeError> {
        let size_bytes = self.size_bytes();
        let within = |end: u64| if end <= size_bytes { Ok(end) } else { Err(truncated(path, entry.at, size_bytes)) };
        // Room for the four numbers that every record has.
        within(entry.offset.saturating_add(16))?;
        let length_bp = self.u32(path, entry.offset)?;
        let unknown = Blocks { offset: entry.offset + 8, count: self.u32(path, entry.offset + 4)? };
        let masked_count = within(unknown.end().saturating_add(4)).map(|end| end - 4)?;
        let masked = Blocks { offset: masked_count + 4, count: self.u32(path, masked_count)? };
        let reserved = within(masked.end().saturating_add(4)).map(|end| end - 4)?;
        if self.u32(path, reserved)? != 0 {
            let reason = format!("a field of record '{}' that is always zero is not", shortened(&entry.name));
            return Err(GenomeError::unusable(path, Place::Byte(reserved), reason, "download or make it again"));
        }
        let packed = reserved + 4;
        within(packed.saturating_add(u64::from(length_bp).div_ceil(4)))?;
        Ok(Record { length_bp, unknown, masked, packed })
    }
}

/// What is odd, or why there is nothing to read at all.
fn warnings(path: &Path, contigs: &[Contig], rest_bytes: u64) -> Result<Vec<String>, GenomeError> {
    let mut warnings = Vec::new();
    let empty: Vec<&Contig> = contigs.iter().filter(|contig| contig.length_bp == 0).collect();
    if empty.len() == contigs.len() {
        let reason = "every record is empty (0 bp)";
        return Err(GenomeError::unusable(path, Place::Whole, reason, "check that the download is complete"));
    }
    if let Some(first) = empty.first() {
        let name = shortened(&first.name);
        warnings.push(format!("{} records are empty, with no sequence at all (first is '{name}').", empty.len()));
    }
    if rest_bytes > 0 {
        warnings.push(format!("{rest_bytes} bytes after the last record of the 2bit file mean nothing."));
    }
    if let Some(contig) = contigs.iter().find(|contig| contig.name.contains(char::REPLACEMENT_CHARACTER)) {
        let name = shortened(&contig.name);
        warnings
            .push(format!("Names of records hold bytes that are not UTF-8, shown as '\u{fffd}' (first is '{name}')."));
    }
    Ok(warnings)
}
