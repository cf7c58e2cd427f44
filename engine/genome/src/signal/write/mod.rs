//! Values as a BigWig file.

mod index;
mod levels;
mod section;
mod trees;
mod zoom;

use std::{
    collections::HashMap,
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::ZlibEncoder};

use self::{
    index::{Entry, block_index, contig_tree},
    section::{Item, encode_section},
    zoom::MOST_LEVELS,
};
use super::bbi::{BIG_WIG_MAGIC, HEADER_BYTES};
use crate::{AtomicFile, Contig, OutputError, grouped};

/// Values of a block.
const ITEMS_PER_BLOCK: usize = 1024;
/// The largest block before it is packed.
const LARGEST_BLOCK_BYTES: usize = 16 << 10;
const TOTAL_AT: usize = HEADER_BYTES + 24 * MOST_LEVELS;
const CONTIGS_AT: usize = TOTAL_AT + 40;

/// Writes values as a BigWig file, with zoom levels, in memory that grows only with the number of its blocks.
///
/// ```
/// use strandscope_genome::{BigWigWriter, Contig, Signal};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("score.bw");
/// let contigs = [Contig { name: "chr1".into(), length_bp: 100, ..Contig::default() }];
/// let mut writer = BigWigWriter::create(&path, false, &contigs)?;
/// writer.push("chr1", 10, 20, 0.5)?;
/// writer.finish()?;
/// let mut signal = Signal::open(&path, None, &mut Default::default())?;
/// assert_eq!(signal.values("chr1", 19, 20)?, [0.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BigWigWriter {
    path: PathBuf,
    file: AtomicFile,
    /// Bytes written so far.
    position: u64,
    contigs: Vec<(String, u32)>,
    ids: HashMap<String, u32>,
    data_at: u64,
    /// Values that wait for their block to be full, all of one contig.
    waiting: Vec<Item>,
    /// Contig of what came last and its end.
    last: Option<(u32, u32)>,
    entries: Vec<Entry>,
    total: Total,
}

/// What has been written, all together.
#[derive(Debug)]
struct Total {
    items: u64,
    covered_bp: u64,
    /// Bases from the first to the last value of each contig, summed up.
    reach_bp: u64,
    min: f64,
    max: f64,
    sum: f64,
    squares: f64,
}

impl BigWigWriter {
    /// Begins a file that will stand at `path`, for values on `contigs`.
    ///
    /// # Errors
    ///
    /// As [`AtomicFile::create`]; also when two contigs have the same name, or one is longer than the format can hold.
    pub fn create(path: &Path, force: bool, contigs: &[Contig]) -> Result<Self, OutputError> {
        let mut ids = HashMap::with_capacity(contigs.len());
        let mut known = Vec::with_capacity(contigs.len());
        for (contig, id) in contigs.iter().zip(0..) {
            let name = &contig.name;
            let too_long = || refused(path, format!("'{name}' is longer than BigWig can hold, 4,294,967,295 bases"));
            known.push((name.clone(), u32::try_from(contig.length_bp).map_err(|_| too_long())?));
            if name.is_empty() || name.contains('\0') || ids.insert(name.clone(), id).is_some() {
                return Err(refused(path, format!("BigWig needs a name of its own for each contig, unlike '{name}'")));
            }
        }
        let mut writer = Self {
            path: path.to_owned(),
            file: AtomicFile::create(path, force)?,
            position: 0,
            contigs: known,
            ids,
            data_at: 0,
            waiting: Vec::with_capacity(ITEMS_PER_BLOCK),
            last: None,
            entries: Vec::new(),
            total: Total {
                items: 0,
                covered_bp: 0,
                reach_bp: 0,
                min: f64::INFINITY,
                max: f64::NEG_INFINITY,
                sum: 0.0,
                squares: 0.0,
            },
        };
        writer.write(&[0; CONTIGS_AT])?;
        let tree = contig_tree(writer.position, &writer.contigs);
        writer.write(&tree)?;
        writer.data_at = writer.position;
        // Where the number of blocks will stand.
        writer.write(&[0; 8])?;
        Ok(writer)
    }

    /// Adds a value of the bases `start_bp..end_bp`, 0-based and half-open; one that is not finite is left out.
    ///
    /// # Errors
    ///
    /// When the contig is unknown or comes before one that is done, the bases are none, reach past its end or begin
    /// before the last ones have ended, or when the disk fails.
    pub fn push(&mut self, contig: &str, start_bp: u64, end_bp: u64, value: f32) -> Result<(), OutputError> {
        let said = || format!("{contig}:{}-{}", grouped(start_bp.saturating_add(1)), grouped(end_bp));
        let Some(&id) = self.ids.get(contig) else {
            return Err(refused(
                &self.path,
                format!("there is a value for '{contig}', which is no contig of the file"),
            ));
        };
        let length_bp = self.contigs[id as usize].1;
        let bases = u32::try_from(start_bp).ok().zip(u32::try_from(end_bp).ok().filter(|end_bp| *end_bp <= length_bp));
        let Some((start_bp, end_bp)) = bases.filter(|(start_bp, end_bp)| start_bp < end_bp) else {
            let reason = format!("the value of {} has no bases or lies past the end of its contig", said());
            return Err(refused(&self.path, reason));
        };
        let is_next = self.last.is_none_or(|last| last <= (id, start_bp));
        if !is_next {
            let reason = format!("BigWig takes values from left to right, and that of {} comes too late", said());
            return Err(refused(&self.path, reason));
        }
        if !value.is_finite() {
            return Ok(());
        }
        let is_other_contig = self.last.is_some_and(|(last_id, _)| last_id != id);
        if is_other_contig || self.waiting.len() == ITEMS_PER_BLOCK {
            self.write_waiting()?;
        }
        self.total.reach_bp += match self.last {
            Some((_, last_bp)) if !is_other_contig => u64::from(end_bp - last_bp),
            _ => u64::from(end_bp - start_bp),
        };
        self.last = Some((id, end_bp));
        self.waiting.push(Item { start_bp, end_bp, value });
        self.total.add(end_bp - start_bp, value);
        Ok(())
    }

    /// Writes zoom levels and indexes, and puts the file in its place.
    ///
    /// # Errors
    ///
    /// As [`AtomicFile::commit`], or when the disk fails.
    pub fn finish(mut self) -> Result<(), OutputError> {
        self.write_waiting()?;
        let index_at = self.position;
        self.write(&block_index(index_at, &self.entries))?;
        let levels = self.write_zooms()?;
        self.write(&BIG_WIG_MAGIC.to_le_bytes())?;
        let head = self.head(index_at, &levels);
        self.write_over(0, &head)?;
        let blocks = self.entries.len() as u64;
        self.write_over(self.data_at, &blocks.to_le_bytes())?;
        self.file.commit()
    }

    fn head(&self, index_at: u64, levels: &[(u32, u64, u64)]) -> Vec<u8> {
        let mut head = Vec::with_capacity(CONTIGS_AT);
        head.extend(BIG_WIG_MAGIC.to_le_bytes());
        head.extend(4_u16.to_le_bytes());
        head.extend(u16::try_from(levels.len()).unwrap_or(0).to_le_bytes());
        for at in [CONTIGS_AT as u64, self.data_at, index_at] {
            head.extend(at.to_le_bytes());
        }
        // No columns and no names of them.
        head.extend([0; 12]);
        head.extend((TOTAL_AT as u64).to_le_bytes());
        head.extend(u32::try_from(LARGEST_BLOCK_BYTES).unwrap_or(0).to_le_bytes());
        head.extend([0; 8]);
        for (reduction_bp, data_at, index_at) in levels {
            head.extend(reduction_bp.to_le_bytes());
            head.extend([0; 4]);
            head.extend(data_at.to_le_bytes());
            head.extend(index_at.to_le_bytes());
        }
        head.resize(TOTAL_AT, 0);
        let Total { covered_bp, min, max, sum, squares, .. } = self.total;
        let (min, max) = if covered_bp == 0 { (0.0, 0.0) } else { (min, max) };
        head.extend(covered_bp.to_le_bytes());
        for number in [min, max, sum, squares] {
            head.extend(f64::to_le_bytes(number));
        }
        head
    }

    fn write_waiting(&mut self) -> Result<(), OutputError> {
        let Some((id, end_bp)) = self.last else { return Ok(()) };
        let Some(block) = encode_section(id, &self.waiting) else { return Ok(()) };
        let start_bp = self.waiting[0].start_bp;
        self.waiting.clear();
        let entry = self.write_block(&block, (id, start_bp), (id, end_bp))?;
        self.entries.push(entry);
        Ok(())
    }

    fn write_block(&mut self, block: &[u8], start: (u32, u32), end: (u32, u32)) -> Result<Entry, OutputError> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        let packed = encoder.write_all(block).and_then(|()| encoder.finish());
        let packed = packed.map_err(|error| OutputError::io(&self.path, error))?;
        let entry = Entry { start, end, offset: self.position, bytes: packed.len() as u64 };
        self.write(&packed)?;
        Ok(entry)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        self.file.write_all(bytes).map_err(|error| OutputError::from_write(&self.path, error))?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Replaces what stands at byte `at`.
    fn write_over(&mut self, at: u64, bytes: &[u8]) -> Result<(), OutputError> {
        let file = &mut self.file;
        let written = file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(bytes));
        let written = written.and_then(|()| file.seek(SeekFrom::Start(self.position)));
        written.map(|_| ()).map_err(|error| OutputError::from_write(&self.path, error))
    }
}

impl Total {
    fn add(&mut self, count_bp: u32, value: f32) {
        let (value, count) = (f64::from(value), f64::from(count_bp));
        self.items += 1;
        self.covered_bp += u64::from(count_bp);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.sum += value * count;
        self.squares += value * value * count;
    }
}

/// The format cannot hold what it should.
fn refused(path: &Path, reason: String) -> OutputError {
    OutputError::io(path, io::Error::new(io::ErrorKind::InvalidInput, reason))
}
