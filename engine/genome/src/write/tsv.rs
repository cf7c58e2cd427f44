//! Tracks as a table.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{self, Write},
    mem,
};

use super::{TrackText, one_line, pieces::pieces, write_provenance};
use crate::Track;

/// A name as a cell of a table.
///
/// A name that a spreadsheet would compute (`=HYPERLINK(…)`) is put in quotes, as CSV readers expect them, and so is one
/// that holds a quote itself.
pub fn tsv_cell(name: &str) -> Cow<'_, str> {
    if name.starts_with(['=', '+', '-', '@']) || name.contains('"') {
        format!("\"{}\"", one_line(name).replace('"', "\"\"")).into()
    } else if name.contains(['\n', '\r', '\t']) {
        one_line(name).into()
    } else {
        name.into()
    }
}

/// `contig start end strand label value reason`, 1-based and inclusive.
///
/// Each value has a row of its own; a missing run has one row, with `.` as its value and the reason behind it.
pub(crate) struct TsvText<W> {
    out: W,
    /// For each track a missing run that the next part may continue.
    open_runs: BTreeMap<usize, Run>,
    /// Contig and end of each track's last part.
    ends: BTreeMap<usize, (String, u64)>,
}

struct Run {
    contig: String,
    start_bp: u64,
    end_bp: u64,
    strand: String,
    label: String,
    reason: String,
}

impl<W: Write> TsvText<W> {
    /// Writes the head of the table.
    pub(crate) fn new(mut out: W, provenance: &[(String, String)]) -> io::Result<Self> {
        write_provenance(&mut out, provenance)?;
        writeln!(out, "contig\tstart\tend\tstrand\tlabel\tvalue\treason")?;
        Ok(Self { out, open_runs: BTreeMap::new(), ends: BTreeMap::new() })
    }

    fn write_run(&mut self, run: &Run) -> io::Result<()> {
        let Run { contig, start_bp, end_bp, strand, label, reason } = run;
        let (contig, label) = (tsv_cell(contig), tsv_cell(label));
        writeln!(self.out, "{contig}\t{}\t{end_bp}\t{strand}\t{label}\t.\t{reason}", start_bp + 1)
    }

    /// Where a track begins another region, the runs of all tracks are at their end.
    fn close_runs_before(&mut self, track: usize, part: &Track) -> io::Result<()> {
        let (contig, start_bp) = (part.region.contig.as_str(), part.region.start_bp);
        let goes_on =
            self.ends.get(&track).is_none_or(|(known, end_bp)| (known.as_str(), *end_bp) == (contig, start_bp));
        self.ends.insert(track, (contig.to_owned(), part.region.end_bp));
        if goes_on { Ok(()) } else { self.close_runs() }
    }

    fn close_runs(&mut self) -> io::Result<()> {
        mem::take(&mut self.open_runs).into_values().try_for_each(|run| self.write_run(&run))
    }
}

impl<W: Write> TrackText<W> for TsvText<W> {
    fn write(&mut self, track: usize, part: &Track) -> io::Result<()> {
        self.close_runs_before(track, part)?;
        let (contig, strand, label) = (tsv_cell(&part.region.contig), part.strand, tsv_cell(&part.label));
        let mut open = self.open_runs.remove(&track);
        for piece in pieces(part) {
            if let (Some(run), Err(reason)) = (&mut open, piece.value)
                && run.end_bp == piece.start_bp
                && run.reason == reason
            {
                run.end_bp = piece.end_bp;
                continue;
            }
            if let Some(run) = open.take() {
                self.write_run(&run)?;
            }
            let (start_bp, end_bp) = (piece.start_bp, piece.end_bp);
            match piece.value {
                Ok(value) => writeln!(self.out, "{contig}\t{}\t{end_bp}\t{strand}\t{label}\t{value}\t.", start_bp + 1)?,
                Err(reason) => {
                    open = Some(Run {
                        contig: part.region.contig.clone(),
                        start_bp,
                        end_bp,
                        strand: strand.to_string(),
                        label: part.label.clone(),
                        reason: reason.to_owned(),
                    });
                }
            }
        }
        self.open_runs.extend(open.map(|run| (track, run)));
        Ok(())
    }

    fn finish(mut self: Box<Self>, notes: &[(String, String)]) -> io::Result<W> {
        self.close_runs()?;
        write_provenance(&mut self.out, notes)?;
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Strand, TrackLayout, write::pieces::tests::track};

    const NAN: f32 = f32::NAN;

    #[test]
    fn names_that_spreadsheets_would_compute_are_quoted() {
        assert_eq!(tsv_cell("chr1"), "chr1");
        assert_eq!(tsv_cell("=1+\"1\""), "\"=1+\"\"1\"\"\"");
        assert_eq!(tsv_cell("@a\tb"), "\"@a b\"");
    }

    #[test]
    fn rows_are_one_based_and_runs_join_across_parts() {
        let bases = TrackLayout::Bins { width_bp: 1 };
        let first = track(bases.clone(), &[0.1, NAN, NAN], &[(11, 13, "n_run")]);
        let mut second = track(bases, &[NAN, 1e-7, 1.0], &[(13, 14, "n_run")]);
        (second.region.start_bp, second.region.end_bp) = (13, 16);
        let mut other = first.clone();
        (other.label, other.strand) = ("acceptor".into(), Strand::Reverse);
        let provenance = [("command".to_owned(), "strandscope\nscore".to_owned())];
        let mut text = Box::new(TsvText::new(Vec::new(), &provenance).unwrap());
        text.write(0, &first).unwrap();
        text.write(1, &other).unwrap();
        text.write(0, &second).unwrap();
        let text = String::from_utf8(text.finish(&[]).unwrap()).unwrap();
        let wanted = "# command: strandscope score\n\
            contig\tstart\tend\tstrand\tlabel\tvalue\treason\n\
            chr1\t11\t11\t+\tdonor\t0.1\t.\n\
            chr1\t11\t11\t-\tacceptor\t0.1\t.\n\
            chr1\t12\t14\t+\tdonor\t.\tn_run\n\
            chr1\t15\t15\t+\tdonor\t0.0000001\t.\n\
            chr1\t16\t16\t+\tdonor\t1\t.\n\
            chr1\t12\t13\t-\tacceptor\t.\tn_run\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn rows_of_regions_that_overlap_keep_the_order_of_the_regions() {
        let bases = TrackLayout::Bins { width_bp: 1 };
        let first = track(bases.clone(), &[0.5, NAN], &[(11, 12, "n_run")]);
        let (mut other, mut later) = (first.clone(), first.clone());
        other.label = "acceptor".into();
        later.region.start_bp = 11;
        later.values = vec![NAN];
        let mut text = Box::new(TsvText::new(Vec::new(), &[]).unwrap());
        for (number, part) in [(0, &first), (1, &other), (0, &later)] {
            text.write(number, part).unwrap();
        }
        let text = String::from_utf8(text.finish(&[]).unwrap()).unwrap();
        let rows: Vec<&str> = text.lines().skip(1).collect();
        let wanted = [
            "chr1\t11\t11\t+\tdonor\t0.5\t.",
            "chr1\t11\t11\t+\tacceptor\t0.5\t.",
            "chr1\t12\t12\t+\tdonor\t.\tn_run",
            "chr1\t12\t12\t+\tacceptor\t.\tn_run",
            "chr1\t12\t12\t+\tdonor\t.\tn_run",
        ];
        assert_eq!(rows, wanted, "the first region ends before the second begins");
    }
}
