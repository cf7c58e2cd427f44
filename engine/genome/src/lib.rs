//! Sequences and what is known about their places: records, regions, strands and tracks, with readers and writers.
//!
//! The first room of the engine: files come in here and leave as [`Region`]s of bases, results leave as [`Track`]s.
//! Nothing in this crate knows of tokens, models or devices.
//!
//! ```
//! use strandscope_genome::{Region, Strand, reverse_complement};
//!
//! let region: Region = "chr7:1,001-2,000".parse()?;
//! assert_eq!((region.start_bp, region.end_bp), (1_000, 2_000));
//! assert_eq!(reverse_complement(b"GATTACA"), b"TGTAATC");
//! assert_eq!(Strand::Reverse.to_string(), "-");
//! # Ok::<(), strandscope_genome::ParseRegionError>(())
//! ```

mod aliases;
mod annotation;
mod codons;
mod composition;
mod contig;
mod digest;
mod error;
mod fasta;
mod fasta_text;
mod format;
mod genbank;
mod genome;
mod hgvs;
mod hooks;
mod index;
mod inspect;
mod iupac;
mod motif;
mod opening;
mod orfs;
mod output;
mod output_folder;
mod pasted;
mod reading;
mod region;
mod relate;
mod shuffle;
mod signal;
mod source;
mod strand;
mod track;
mod twobit;
mod unfinished;
mod unpack;
mod write;

pub use aliases::Aliases;
pub use annotation::{
    Annotation, AnnotationKind, AnnotationReport, Block, BlockKind, Feature, FeatureIndex, FoundFeatures, Hit,
    IndexedAnnotation, ReportedRow, Row, RowStatus, Rows, inspect_annotation,
};
pub use codons::GeneticCode;
pub use composition::{BaseKind, BaseRun, Composition, GcBin, base_runs, extend_base_runs, extend_gc_bins, gc_bins};
pub use contig::Contig;
pub use digest::{sha256_of_bytes, sha256_of_file};
pub use error::{GenomeError, Place};
pub use format::SequenceFormat;
pub use genbank::{GenBankFeatures, read_genbank_features};
pub use genome::Genome;
pub use hgvs::{HgvsCounting, HgvsError, HgvsPlace, HgvsPosition};
pub use hooks::Hooks;
pub use inspect::{SequenceRecord, SequenceReport, inspect_sequences};
pub use motif::{MOST_MISMATCHES, MotifHit, MotifHits, MotifScan, Pattern, PatternError, Strands};
pub use orfs::{Orf, OrfFinder, OrfScan, StartRule};
pub use output::{AtomicFile, Output, OutputError};
pub use output_folder::AtomicFolder;
pub use pasted::{MOST_PASTED_BP, Pasted, PastedError, PastedRecord, Removed, read_pasted};
pub use region::{ParseRegionError, Region, grouped};
pub use relate::{
    CutOff, Moments, RelateError, Reliability, ReliabilityBin, RocCurve, RocPoint, lagged, pearson, reliability,
    spearman,
};
pub use shuffle::{ShuffleRule, shuffle_bases};
pub use signal::{
    BigBed, BigWigWriter, Bin, Found, Reference, Signal, SignalContig, SignalKind, SignalReport, inspect_signal,
};
pub use strand::{Strand, complement, reverse_complement};
pub use track::{MissingRun, Track, TrackLayout};
pub use unfinished::remove_unfinished_files;
pub use write::{TrackFiles, TrackFormat, TrackName, track_path, tsv_cell, write_provenance};
