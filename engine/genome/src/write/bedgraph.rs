//! A track as bedGraph.

use std::io::{self, Write};

use super::{TrackText, one_line, pieces::pieces, write_provenance};
use crate::{Strand, Track};

/// `contig start end value`, 0-based and half-open, behind a `track` line.
///
/// Missing values are left out. Neighbours are joined to one row only where their values are equal in every bit,
/// so that nothing is lost.
pub(crate) struct BedGraphText<W> {
    out: W,
    open: Option<Row>,
}

struct Row {
    contig: String,
    start_bp: u64,
    end_bp: u64,
    value: f32,
}

impl<W: Write> BedGraphText<W> {
    /// Writes the head of the file for the track of `label` on `strand`.
    pub(crate) fn new(mut out: W, label: &str, strand: Strand, provenance: &[(String, String)]) -> io::Result<Self> {
        write_provenance(&mut out, provenance)?;
        let name = one_line(label).replace('"', "'");
        writeln!(out, "track type=bedGraph name=\"{name} ({strand})\"")?;
        Ok(Self { out, open: None })
    }

    fn close_row(&mut self) -> io::Result<()> {
        match self.open.take() {
            Some(Row { contig, start_bp, end_bp, value }) => {
                writeln!(self.out, "{contig}\t{start_bp}\t{end_bp}\t{value}")
            }
            None => Ok(()),
        }
    }
}

impl<W: Write> TrackText<W> for BedGraphText<W> {
    fn write(&mut self, _track: usize, part: &Track) -> io::Result<()> {
        for piece in pieces(part) {
            let Ok(value) = piece.value else { continue };
            match &mut self.open {
                Some(row)
                    if row.end_bp == piece.start_bp
                        && row.value.to_bits() == value.to_bits()
                        && row.contig == part.region.contig =>
                {
                    row.end_bp = piece.end_bp;
                }
                _ => {
                    self.close_row()?;
                    let contig = part.region.contig.clone();
                    self.open = Some(Row { contig, start_bp: piece.start_bp, end_bp: piece.end_bp, value });
                }
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, notes: &[(String, String)]) -> io::Result<W> {
        self.close_row()?;
        write_provenance(&mut self.out, notes)?;
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TrackLayout, write::pieces::tests::track};

    #[test]
    fn rows_are_zero_based_equal_neighbours_join_and_missing_ones_are_left_out() {
        let bases = TrackLayout::Bins { width_bp: 2 };
        let part = track(bases, &[0.25, 0.25, -0.0, 0.0, f32::NAN, 0.0], &[(18, 20, "n_run")]);
        let mut text = Box::new(BedGraphText::new(Vec::new(), "do\"nor", Strand::Reverse, &[]).unwrap());
        text.write(0, &part).unwrap();
        let text = String::from_utf8(text.finish(&[]).unwrap()).unwrap();
        let wanted = "track type=bedGraph name=\"do'nor (-)\"\n\
            chr1\t10\t14\t0.25\nchr1\t14\t16\t-0\nchr1\t16\t18\t0\nchr1\t20\t22\t0\n";
        assert_eq!(text, wanted);
    }
}
