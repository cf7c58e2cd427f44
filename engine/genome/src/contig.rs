//! A record of a file as a coordinate space.

use serde::{Deserialize, Serialize};

/// A record of an opened file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contig {
    /// Name up to the first blank; of a GenBank record its version, else its accession, else the name of its locus.
    pub name: String,
    /// The rest of the header line; the definition of a GenBank record.
    pub description: String,
    /// Number of bases.
    pub length_bp: u64,
    /// Whether its last base is followed by its first.
    #[serde(default)]
    pub is_circular: bool,
}
