//! A record of a file as a coordinate space.

use serde::{Deserialize, Serialize};

/// A record of an opened file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contig {
    /// Name up to the first blank.
    pub name: String,
    /// The rest of the header line.
    pub description: String,
    /// Number of bases.
    pub length_bp: u64,
}
