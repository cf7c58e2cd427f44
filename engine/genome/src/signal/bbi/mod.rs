//! The container that BigWig and BigBed share: contigs, an index, packed blocks, zoom levels.
//!
//! Kent et al. 2010, "BigWig and BigBed: enabling browsing of large distributed datasets" (supplement), and the
//! comments of `bbiFile.h` in UCSC's kent source. The reader is our own, since a damaged file must end in an error:
//! every place is held against the size of the file, no tree is followed in a circle, no block unpacks without end.

mod blocks;
mod contigs;
mod fields;
mod header;
mod index;

use std::{
    io::{Read, Seek, SeekFrom},
    path::Path,
};

pub(crate) use contigs::BbiContig;
pub(crate) use fields::Fields;
pub(crate) use header::{BIG_WIG_MAGIC, BbiKind, HEADER_BYTES, Header, Total, Zoom};
pub(crate) use index::{BlockPlace, Stretch};

use crate::{GenomeError, error::Place, source::SourceFile};

/// Larger blocks, packed or unpacked, are taken for damage; usual ones have some 30 kB.
const LARGEST_BLOCK_BYTES: usize = 64 << 20;

/// An opened BigWig or BigBed file.
#[derive(Debug)]
pub(crate) struct Bbi {
    source: SourceFile,
    pub(crate) header: Header,
    /// Coarser and coarser.
    pub(crate) zooms: Vec<Zoom>,
    pub(crate) contigs: Vec<BbiContig>,
    pub(crate) total: Option<Total>,
}

impl Bbi {
    /// Reads the head of the file at `path`, which must be of `kind`.
    pub(crate) fn open(path: &Path, kind: BbiKind) -> Result<Self, GenomeError> {
        let source = SourceFile::open(path)?;
        let mut start = Vec::new();
        let read = (&source.file).take(HEADER_BYTES as u64).read_to_end(&mut start);
        read.map_err(|error| GenomeError::reading(path, error))?;
        if BbiKind::of(&start).map(|(found, _)| found) != Some(kind) {
            let reason = format!("it does not begin as a {} file does", kind.shown());
            return Err(GenomeError::unusable(path, Place::Byte(0), reason, "give a file of that format"));
        }
        let cut_short = || damaged(path, 0, "the head of the file is cut short");
        let header = Header::parse(&start).ok_or_else(cut_short)?;
        if !(1..=4).contains(&header.version) {
            let reason = format!("it is of version {} of the format, and 1 to 4 are known", header.version);
            return Err(GenomeError::unusable(path, Place::Byte(4), reason, "convert it to an older version"));
        }
        let mut bbi = Self { source, header, zooms: Vec::new(), contigs: Vec::new(), total: None };
        bbi.zooms = bbi.read_zooms()?;
        bbi.check_indexes()?;
        bbi.total = bbi.read_total()?;
        bbi.contigs = bbi.read_contigs()?;
        Ok(bbi)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.source.path
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.source.identity.size_bytes
    }

    /// Fails if the file is no longer the one that was opened.
    pub(crate) fn check_unchanged(&self) -> Result<(), GenomeError> {
        self.source.check_unchanged()
    }

    /// Numbers of `bytes` in the byte order of the file.
    pub(crate) fn fields<'a>(&self, bytes: &'a [u8]) -> Fields<'a> {
        Fields::new(bytes, self.header.is_big_endian)
    }

    /// That the file cannot be right, and where.
    pub(crate) fn damaged(&self, at: u64, reason: &str) -> GenomeError {
        damaged(&self.source.path, at, reason)
    }

    /// `count` bytes from `at` on, all of them in the file.
    pub(crate) fn read_at(&mut self, at: u64, count: usize) -> Result<Vec<u8>, GenomeError> {
        if at.checked_add(count as u64).is_none_or(|end| end > self.size_bytes()) {
            return Err(self.damaged(at, "a part of the file lies beyond its end: the file is cut short or damaged"));
        }
        let mut bytes = vec![0; count];
        let mut file = &self.source.file;
        let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut bytes));
        read.map_err(|error| GenomeError::reading(&self.source.path, error))?;
        Ok(bytes)
    }

    fn read_zooms(&mut self) -> Result<Vec<Zoom>, GenomeError> {
        let count = usize::from(self.header.zoom_levels);
        let bytes = self.read_at(HEADER_BYTES as u64, count * header::ZOOM_HEADER_BYTES)?;
        let mut fields = self.fields(&bytes);
        let mut zooms: Vec<Zoom> = std::iter::from_fn(|| Zoom::parse(&mut fields)).collect();
        zooms.sort_by_key(|zoom| zoom.reduction_bp);
        zooms.retain(|zoom| zoom.reduction_bp > 0);
        Ok(zooms)
    }

    /// A download that broke off shows here, before any region is asked for: indexes lie behind what they are of.
    fn check_indexes(&self) -> Result<(), GenomeError> {
        let mut indexes = self.zooms.iter().map(|zoom| zoom.index_at).chain([self.header.index_at]);
        let is_outside = |at: &u64| at.saturating_add(index::TREE_HEADER_BYTES as u64) > self.size_bytes();
        match indexes.find(is_outside) {
            Some(at) => Err(self.damaged(at, "an index lies beyond the end of the file: it is cut short or damaged")),
            None => Ok(()),
        }
    }

    fn read_total(&mut self) -> Result<Option<Total>, GenomeError> {
        if self.header.summary_at == 0 {
            return Ok(None);
        }
        let bytes = self.read_at(self.header.summary_at, Total::BYTES)?;
        Ok(Total::parse(&mut self.fields(&bytes)))
    }
}

fn damaged(path: &Path, at: u64, reason: &str) -> GenomeError {
    GenomeError::unusable(path, Place::Byte(at), reason, "download or write the file again")
}
