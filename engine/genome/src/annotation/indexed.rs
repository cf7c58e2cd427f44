//! A large annotation file of which only regions are read.

use std::{
    collections::HashMap,
    fmt,
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
};

use noodles::{
    bgzf,
    core::{Position, region::Interval},
    csi::{self, BinningIndex, binning_index::index::reference_sequence::bin::Chunk},
    tabix,
};

use super::{
    AnnotationKind,
    opened::kind_of,
    text::{Bed, Contigs, Format, Setting, Vcf, text_of},
};
use crate::{
    Feature, Genome, GenomeError, Hooks, Region, Row, RowStatus,
    error::{Place, shown},
    source::{SourceFile, is_block_header, unpacking_error},
};

/// Files up to this size, packed, are read whole.
const READ_WHOLE_BYTES: u64 = 64 << 20;

/// Lines that are read to learn of the others.
const MOST_BEGIN_LINES: u64 = 1 << 20;

/// Lines between two looks at whether to stop.
const STEP_LINES: u64 = 1 << 10;

/// A BGZF file of BED or VCF rows with a `.tbi` or `.csi` beside it, read region by region.
///
/// GFF3 and GTF files are always read whole, since rows that belong together may lie anywhere.
pub struct IndexedAnnotation {
    source: SourceFile,
    kind: AnnotationKind,
    index: Box<dyn BinningIndex + Send>,
    reader: bgzf::io::Reader<BufReader<File>>,
    /// Names in the file, with their numbers in the index, by the name in the reference.
    contigs: HashMap<String, Vec<(String, usize)>>,
    /// What the lines before the rows, or the first row, say of the others.
    format: IndexedFormat,
    warnings: Vec<String>,
}

/// What is remembered of a file from one region to the next.
enum IndexedFormat {
    Bed(Bed),
    Vcf(Vcf),
}

impl IndexedFormat {
    fn reader(&mut self) -> &mut dyn Format {
        match self {
            Self::Bed(bed) => bed,
            Self::Vcf(vcf) => vcf,
        }
    }
}

/// What lies in a region of an indexed file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundFeatures {
    /// By start.
    pub features: Vec<Feature>,
    /// Rows of the region that cannot be used.
    pub refused: Vec<Row>,
    /// What is odd about the rows, one sentence each.
    pub warnings: Vec<String>,
    /// Whether these are all: a wide region may hold more than was asked for.
    pub is_whole: bool,
}

impl IndexedAnnotation {
    /// Opens the file at `path` by the index beside it; nothing where it is to be read whole.
    ///
    /// That is so for files up to 64 MiB, files that are not BGZF, those without an index, GFF3 and GTF.
    ///
    /// # Errors
    ///
    /// When the file or its index cannot be read, the file is in another format, or is VCF without a header.
    pub fn open(path: &Path, reference: Option<&mut Genome>) -> Result<Option<Self>, GenomeError> {
        Self::open_larger(path, reference, READ_WHOLE_BYTES)
    }

    fn open_larger(path: &Path, reference: Option<&mut Genome>, whole_bytes: u64) -> Result<Option<Self>, GenomeError> {
        let source = SourceFile::open(path)?;
        let Some(index_path) = index_path(path).filter(|_| source.identity.size_bytes > whole_bytes) else {
            return Ok(None);
        };
        let mut start = Vec::new();
        let failed = |error| unpacking_error(path, error);
        source.reopen()?.take(18).read_to_end(&mut start).map_err(failed)?;
        let kind = kind_of(path)?;
        let format = match kind {
            AnnotationKind::Bed => IndexedFormat::Bed(Bed::new(path)),
            AnnotationKind::Vcf => IndexedFormat::Vcf(Vcf::default()),
            AnnotationKind::Gff3 | AnnotationKind::Gtf => return Ok(None),
        };
        if !is_block_header(&start) {
            return Ok(None);
        }
        let index = read_index(&index_path)?;
        let reader = bgzf::io::Reader::new(BufReader::new(source.reopen()?));
        let mut opened = Self { source, kind, index, reader, contigs: HashMap::new(), format, warnings: Vec::new() };
        opened.warnings.extend(is_older(&index_path, path));
        opened.name_contigs(reference.as_deref(), &index_path)?;
        opened.read_begin(reference)?;
        Ok(Some(opened))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.source.path
    }

    /// Its format.
    pub fn kind(&self) -> AnnotationKind {
        self.kind
    }

    /// Contigs that its index names, by the names that features are asked for with, sorted.
    pub fn contigs(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.contigs.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// What is odd about the file as a whole, one sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Finds which contigs of the reference those of the index are.
    fn name_contigs(&mut self, reference: Option<&Genome>, index_path: &Path) -> Result<(), GenomeError> {
        let no_names = || damaged_index(index_path, "it names no contigs");
        let header = self.index.header().ok_or_else(no_names)?;
        let aliases = reference.map(Genome::aliases);
        for (number, name) in header.reference_sequence_names().iter().enumerate() {
            let name = name.to_string();
            let resolved = match &aliases {
                Some(aliases) => aliases.resolve(&name).map(str::to_owned),
                None => Some(name.clone()),
            };
            if let Some(resolved) = resolved {
                self.contigs.entry(resolved).or_default().push((name, number));
            }
        }
        Ok(())
    }

    /// Reads up to the first row, as rows of any region need it.
    fn read_begin(&mut self, reference: Option<&mut Genome>) -> Result<(), GenomeError> {
        let path = self.source.path.clone();
        let mut ignored = |_: Row| ();
        let mut setting = Setting::new(&path, Contigs::new(reference), &mut ignored);
        let mut line = Vec::new();
        for number in 1..=MOST_BEGIN_LINES {
            line.clear();
            let filled = self.reader.read_until(b'\n', &mut line).map_err(|error| unpacking_error(&path, error))?;
            let text = text_of(number, ended(&line), &mut setting.notices);
            let is_known = match &self.format {
                IndexedFormat::Bed(bed) => bed.has_shape(),
                IndexedFormat::Vcf(_) => !text.starts_with('#'),
            };
            if filled == 0 || is_known {
                break;
            }
            if !text.trim().is_empty() {
                self.format.reader().line(number, &text, &mut setting)?;
            }
        }
        if let IndexedFormat::Vcf(vcf) = &self.format {
            vcf.check_header(&mut setting)?;
        }
        let Setting { contigs, mut notices, .. } = setting;
        contigs.into_names(&mut notices);
        self.warnings.extend(notices.into_sentences());
        Ok(())
    }

    /// The features with a base in `region`, at most `most`; REF of variants is held against `reference`.
    ///
    /// # Errors
    ///
    /// When the file has changed or cannot be read, its index does not fit it, or the caller asks to stop.
    pub fn features(
        &mut self,
        region: &Region,
        most: usize,
        reference: Option<&mut Genome>,
        hooks: &mut Hooks<'_>,
    ) -> Result<FoundFeatures, GenomeError> {
        self.source.check_unchanged()?;
        let path = self.source.path.clone();
        let named = self.contigs.get(&region.contig).cloned().unwrap_or_default();
        let mut refused = Vec::new();
        let mut listen = |row: Row| {
            if row.status != RowStatus::Ok {
                refused.push(row);
            }
        };
        let mut setting = Setting::new(&path, Contigs::new(reference), &mut listen);
        let mut is_whole = true;
        for (name, number) in named {
            for chunk in self.chunks(number, region)? {
                is_whole &= self.read_chunk(chunk, &name, region, most, &mut setting, hooks)?;
            }
        }
        let Setting { contigs, mut notices, features, .. } = setting;
        contigs.into_names(&mut notices);
        let mut features: Vec<Feature> =
            features.into_iter().map(|(_, feature)| feature).filter(|feature| is_in(feature, region)).collect();
        features.sort_by_key(|feature| (feature.start_bp, feature.end_bp));
        Ok(FoundFeatures { features, refused, warnings: notices.into_sentences(), is_whole })
    }

    /// Where rows of a region lie in the file.
    fn chunks(&self, number: usize, region: &Region) -> Result<Vec<Chunk>, GenomeError> {
        // An index ends at 512 Mb or wherever it was told to; rows beyond cannot be in it.
        let bits = u32::from(self.index.min_shift()) + 3 * u32::from(self.index.depth());
        let last = 1_u64.checked_shl(bits).map_or(u64::MAX, |size| size - 1);
        // A place without bases counts as the base before it.
        let position = |bp: u64| usize::try_from(bp.clamp(1, last)).ok().and_then(Position::new);
        let Some((from, to)) = position(region.start_bp).zip(position(region.end_bp.saturating_add(1))) else {
            return Ok(Vec::new());
        };
        if region.start_bp > last || region.end_bp < region.start_bp {
            return Ok(Vec::new());
        }
        let chunks = self.index.query(number, Interval::from(from..=to));
        chunks.map_err(|error| unpacking_error(&self.source.path, error))
    }

    /// Reads the rows of a chunk that lie in the region; says whether none was left out.
    fn read_chunk(
        &mut self,
        chunk: Chunk,
        contig: &str,
        region: &Region,
        most: usize,
        setting: &mut Setting<'_, '_>,
        hooks: &mut Hooks<'_>,
    ) -> Result<bool, GenomeError> {
        let path = self.source.path.clone();
        let failed = |error: io::Error| unpacking_error(&path, error);
        self.reader.seek(chunk.start()).map_err(failed)?;
        let mut line = Vec::new();
        let mut count = 0;
        while self.reader.virtual_position() < chunk.end() {
            line.clear();
            if self.reader.read_until(b'\n', &mut line).map_err(failed)? == 0 {
                break;
            }
            let text = text_of(0, ended(&line), &mut setting.notices);
            let place = Placed::of(&text, self.kind);
            if count == 0 && place.contig != contig {
                let reason = "the index beside it does not fit: it leads to rows of other contigs";
                return Err(GenomeError::unusable(
                    &path,
                    Place::Whole,
                    reason,
                    "make the index anew with tabix, or delete it",
                ));
            }
            count += 1;
            if count % STEP_LINES == 0 {
                hooks.step(self.reader.position(), self.source.identity.size_bytes)?;
            }
            if place.contig != contig || place.start_bp.is_some_and(|start_bp| start_bp > region.end_bp) {
                break;
            }
            if place.end_bp.is_some_and(|end_bp| end_bp < region.start_bp) {
                continue;
            }
            if setting.features.len() >= most {
                return Ok(false);
            }
            self.format.reader().line(0, &text, setting)?;
        }
        Ok(true)
    }
}

/// Where a row lies, as far as it says so.
struct Placed<'a> {
    contig: &'a str,
    start_bp: Option<u64>,
    end_bp: Option<u64>,
}

impl<'a> Placed<'a> {
    fn of(text: &'a str, kind: AnnotationKind) -> Self {
        let mut columns = text.split('\t');
        let contig = columns.next().unwrap_or_default();
        let start = columns.next().and_then(|start| start.parse::<u64>().ok());
        if kind == AnnotationKind::Bed {
            return Self {
                contig,
                start_bp: start,
                end_bp: columns.next().and_then(|end| end.trim_end().parse().ok()),
            };
        }
        let start_bp = start.and_then(|position| position.checked_sub(1));
        let reference = columns.nth(1).unwrap_or_default();
        Self { contig, start_bp, end_bp: start_bp.and_then(|start_bp| start_bp.checked_add(reference.len() as u64)) }
    }
}

/// As the whole-file reader has it.
fn is_in(feature: &Feature, region: &Region) -> bool {
    let touches = feature.is_empty() && (region.start_bp..=region.end_bp).contains(&feature.start_bp);
    touches || (feature.start_bp < region.end_bp && feature.end_bp > region.start_bp)
}

fn ended(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The index beside a file.
fn index_path(path: &Path) -> Option<PathBuf> {
    let beside = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    [beside(".csi"), beside(".tbi")].into_iter().find(|index| index.is_file())
}

fn read_index(path: &Path) -> Result<Box<dyn BinningIndex + Send>, GenomeError> {
    let is_csi = path.extension().is_some_and(|ending| ending == "csi");
    let index: io::Result<Box<dyn BinningIndex + Send>> = if is_csi {
        csi::fs::read(path).map(|index| Box::new(index) as _)
    } else {
        tabix::fs::read(path).map(|index| Box::new(index) as _)
    };
    index.map_err(|error| damaged_index(path, &format!("it is no index as tabix makes it ({error})")))
}

fn damaged_index(path: &Path, reason: &str) -> GenomeError {
    GenomeError::unusable(path, Place::Whole, reason, "make it anew with tabix, or delete it")
}

/// Tells of an index that was made before its file was last changed.
fn is_older(index: &Path, path: &Path) -> Option<String> {
    let changed = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let is_older = changed(index)? < changed(path)?;
    is_older.then(|| {
        let index = shown(index);
        format!("The index {index} is older than its file: if the file has changed since, features are missing; make it anew with tabix.")
    })
}

impl fmt::Debug for IndexedAnnotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexedAnnotation")
            .field("path", &self.source.path)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "indexed_tests.rs"]
mod tests;
