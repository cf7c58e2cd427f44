//! UCSC's 2bit: four bases in a byte, with lists of unknown and of lower-case stretches.
//!
//! Of the file, 16 bytes of header and the names and places of all records are read at opening, and every number
//! that says where something lies is held against the size of the file before it is used. Bases are read from the
//! disk as regions ask for them. Both byte orders are read, and offsets of 32 (version 0) and 64 bits (version 1).
//!
//! Refused, with the byte: places beyond the end of the file, records that lie over each other, stretches that are
//! not in order or reach beyond their record, names that are missing or occur twice, and packed files.

mod blocks;
mod fields;
mod header;
mod reading;

use fields::Fields;
use header::Record;

/// A 2bit file, read region by region.
pub(crate) struct TwoBitFile {
    fields: Fields,
    records: Vec<Record>,
}

#[cfg(test)]
mod tests;
