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
mod contig;
mod digest;
mod error;
mod fasta;
mod genome;
mod hooks;
mod index;
mod opening;
mod output;
mod output_folder;
mod reading;
mod region;
mod source;
mod strand;
mod track;
mod unfinished;
mod unpack;
mod write;

pub use aliases::Aliases;
pub use annotation::{
    Annotation, AnnotationKind, AnnotationReport, Block, BlockKind, Feature, FoundFeatures, Hit, IndexedAnnotation,
    ReportedRow, Row, RowStatus, Rows, inspect_annotation,
};
pub use contig::Contig;
pub use digest::{sha256_of_bytes, sha256_of_file};
pub use error::{GenomeError, Place};
pub use fasta::{FastaRecord, FastaReport, inspect_fasta};
pub use genome::Genome;
pub use hooks::Hooks;
pub use output::{AtomicFile, Output, OutputError};
pub use output_folder::AtomicFolder;
pub use region::{ParseRegionError, Region, grouped};
pub use strand::{Strand, complement, reverse_complement};
pub use track::{MissingRun, Track, TrackLayout};
pub use unfinished::remove_unfinished_files;
pub use write::{TrackFiles, TrackFormat, TrackName, track_path, tsv_cell, write_provenance};
