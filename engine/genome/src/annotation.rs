//! What is known of places of a sequence: features, read from files of several formats.
//!
//! Whatever the format counts from, a [`Feature`] is 0-based and half-open. Each reader goes through its file row by
//! row; a row that cannot be used is kept as a [`Row`] with line, text, reason and remedy, and the rest is read.

mod feature;
mod feature_index;
mod indexed;
mod inspect;
mod kind;
mod lines;
mod names;
mod opened;
mod row;
mod sorted;
mod text;

pub use feature::{Block, BlockKind, Feature};
pub use feature_index::FeatureIndex;
pub use indexed::{FoundFeatures, IndexedAnnotation};
pub use inspect::{AnnotationReport, ReportedRow, inspect_annotation};
pub use kind::AnnotationKind;
pub(crate) use lines::Lines;
pub use names::Hit;
pub use opened::Annotation;
pub use row::{Row, RowStatus, Rows};
