//! Tracks as files: TSV, bedGraph, BigWig and JSON, written part by part.

mod bedgraph;
mod bigwig;
mod files;
mod json;
mod pieces;
mod tsv;

use std::io::{self, Write};

pub use files::{TrackFiles, TrackFormat, TrackName, track_path};
pub use tsv::tsv_cell;

use crate::Track;

/// Turns parts of tracks into text on one stream.
pub(crate) trait TrackText<W: Write> {
    /// Adds the next part of track number `track`; parts of one track come in order.
    fn write(&mut self, track: usize, part: &Track) -> io::Result<()>;

    /// Writes what is still held back, then `notes`, pairs of a key and a value, and gives the stream back.
    fn finish(self: Box<Self>, notes: &[(String, String)]) -> io::Result<W>;
}

/// Writes what was run, as comment lines of a table.
///
/// # Errors
///
/// When `out` cannot be written to.
pub fn write_provenance<W: Write>(out: &mut W, provenance: &[(String, String)]) -> io::Result<()> {
    for (key, value) in provenance {
        writeln!(out, "# {}: {}", one_line(key), one_line(value))?;
    }
    Ok(())
}

/// Text that stays on its line and in its column.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r', '\t'], " ")
}
