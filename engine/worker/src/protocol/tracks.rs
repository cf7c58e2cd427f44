//! Files that are shown beside a sequence: what they hold, and what is read of them for the stretch in view.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use strandscope_genome::{Feature, Region, Row, Strand};

/// Where a track comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TrackSource {
    /// A file.
    File(PathBuf),
    /// Places of the sequence that a pattern fits: letters with IUPAC codes, `~2` for mismatches, or `/regex/`.
    Motif(String),
    /// Open reading frames.
    Orfs {
        /// Number of the genetic code, as NCBI counts them.
        code: u8,
        /// The shortest that are told.
        least_bp: u64,
    },
    /// The share of G and C.
    GcShare,
}

/// What kind of thing is shown as a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TrackKind {
    /// Features, 0-based.
    Bed,
    /// Features with parents.
    Gff3,
    /// Gene models.
    Gtf,
    /// Variants.
    Vcf,
    /// The features of a GenBank record.
    GenBank,
    /// Features in an indexed binary file.
    BigBed,
    /// Values, 0-based.
    BedGraph,
    /// Values, 1-based.
    Wig,
    /// Values in an indexed binary file.
    BigWig,
    /// Places that a pattern fits.
    Motif,
    /// Open reading frames.
    Orfs,
    /// The share of G and C.
    GcShare,
}

impl TrackKind {
    /// Whether it holds values rather than features.
    pub fn is_signal(self) -> bool {
        matches!(self, Self::BedGraph | Self::Wig | Self::BigWig | Self::GcShare)
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bed => "BED",
            Self::Gff3 => "GFF3",
            Self::Gtf => "GTF",
            Self::Vcf => "VCF",
            Self::GenBank => "GenBank",
            Self::BigBed => "BigBed",
            Self::BedGraph => "bedGraph",
            Self::Wig => "wig",
            Self::BigWig => "BigWig",
            Self::Motif => "motif",
            Self::Orfs => "reading frames",
            Self::GcShare => "share",
        }
    }
}

/// A track that is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackSummary {
    /// Where it comes from.
    pub source: TrackSource,
    /// What it is.
    pub kind: TrackKind,
    /// Features or intervals of it that can be shown; `None` where counting would mean to read it all.
    pub count: Option<u64>,
    /// The contigs of the genome that it has anything on.
    pub contigs: Vec<String>,
    /// Lowest and highest value, for values.
    pub range: Option<(f32, f32)>,
    /// Colour that the file asks for.
    pub colour: Option<[u8; 3]>,
    /// Rows that are left out.
    pub refused: u64,
    /// The first of them.
    pub rows: Vec<Row>,
    /// What is odd about the file, one sentence each.
    pub warnings: Vec<String>,
}

/// What is read of a track for a stretch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TileRequest {
    /// The track.
    pub source: TrackSource,
    /// The sequence file that it is shown beside.
    pub genome: PathBuf,
    /// The stretch.
    pub region: Region,
    /// Width of the bins into which values and counts are gathered; the last one is cut at the end.
    pub bin_bp: u64,
    /// Most features that are told one by one; more are counted.
    pub most: u32,
}

/// What lies in a stretch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Tile {
    /// All features that overlap it, sorted by start.
    Features(Vec<Feature>),
    /// Number of features that overlap each bin.
    Counts(Vec<u32>),
    /// Values of each bin.
    Values(Vec<TileBin>),
    /// More features than are told one by one, of a file in which they cannot be counted without reading it all.
    TooMany,
}

/// Values of a bin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TileBin {
    /// Lowest value; NaN where there is none.
    pub low: f32,
    /// Mean over the bases that have one.
    pub mean: f32,
    /// Highest value.
    pub high: f32,
}

impl TileBin {
    /// A bin without values.
    pub const NONE: Self = Self { low: f32::NAN, mean: f32::NAN, high: f32::NAN };
}

/// Searching the names of features.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindFeaturesRequest {
    /// The tracks to search.
    pub sources: Vec<TrackSource>,
    /// The sequence file they are shown beside.
    pub genome: PathBuf,
    /// What is searched for, in any case of letters.
    pub text: String,
    /// Most that are told.
    pub most: u32,
}

/// The feature that comes next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextFeatureRequest {
    /// The track.
    pub source: TrackSource,
    /// The sequence file it is shown beside.
    pub genome: PathBuf,
    /// Name of the contig.
    pub contig: String,
    /// Features that start after this base, or before it; `None` begins at the end of the contig that is nearest.
    pub from_bp: Option<u64>,
    /// Whether the one after is wanted, or the one before.
    pub is_after: bool,
}

/// A place as HGVS writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocateRequest {
    /// The place: `NM_000314.4:c.388C>T`.
    pub text: String,
    /// The tracks whose transcripts may be meant.
    pub sources: Vec<TrackSource>,
    /// The sequence file.
    pub genome: PathBuf,
    /// The contig that is meant where none is named.
    pub contig: String,
}

/// Where a place lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Located {
    /// The stretch.
    pub region: Region,
    /// How it was read, for people.
    pub note: String,
}

/// Scores that are judged by the features of a track.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgeRequest {
    /// The track whose features are the truth.
    pub source: TrackSource,
    /// The sequence file.
    pub genome: PathBuf,
    /// Where the scores are.
    pub region: Region,
    /// A score for each base of it; NaN where there is none.
    pub values: Vec<f32>,
    /// Only features of this strand, and those without one; `None` takes all.
    pub strand: Option<Strand>,
}

/// How well scores tell the features of a track from the rest.
///
/// A feature has the highest score of its bases. The rest is cut into stretches as long as the median feature, each with
/// the highest score of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Features with a score.
    pub positives: u64,
    /// Stretches of the rest with a score.
    pub negatives: u64,
    /// Features and stretches without one.
    pub without_score: u64,
    /// Area under the curve of recall against false positives.
    pub auroc: f64,
    /// Area under the curve of precision against recall, as average precision.
    pub auprc: f64,
    /// Both curves, from the highest threshold to the lowest.
    pub points: Vec<JudgedPoint>,
    /// Where recall exceeds the share of false positives most.
    pub best_youden: JudgedCut,
    /// Where F1 is highest.
    pub best_f1: JudgedCut,
    /// Length of the stretches of the rest.
    pub width_bp: u64,
    /// The strand whose features were taken.
    pub strand: Option<Strand>,
}

/// A point of both curves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgedPoint {
    /// Share of the rest that passes.
    pub false_positive_share: f64,
    /// Share of the features that pass.
    pub recall: f64,
    /// Share of features among what passes.
    pub precision: f64,
}

/// A threshold and what it makes of the scores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgedCut {
    /// Scores at and above it pass.
    pub threshold: f64,
    /// Share of the features that pass.
    pub recall: f64,
    /// Share of features among what passes.
    pub precision: f64,
}

/// A feature that was found by its name or its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundFeature {
    /// The track it is in.
    pub source: TrackSource,
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Where it is.
    pub region: Region,
}

/// Letters of a stretch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseCounts {
    /// G and C.
    pub gc: u64,
    /// A, C, G, T and U.
    pub known: u64,
    /// N.
    pub unknown: u64,
    /// All letters.
    pub total: u64,
}

impl BaseCounts {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            gc: self.gc + other.gc,
            known: self.known + other.known,
            unknown: self.unknown + other.unknown,
            total: self.total + other.total,
        }
    }
}

/// A sequence that was pasted and lies on disk now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastedSequence {
    /// The FASTA file.
    pub path: PathBuf,
    /// What was read and what was taken out of it, one sentence each.
    pub notes: Vec<String>,
}

/// What a file would become if it were opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileRole {
    /// A sequence takes the place of the one that is open.
    Genome,
    /// A sequence, and its features as a track beside it.
    GenomeWithFeatures,
    /// A track beside the sequence that is open.
    Track(TrackKind),
    /// A table of names of contigs.
    Aliases,
    /// A model or head for the library.
    Model,
    /// It cannot be used.
    Unknown,
}
