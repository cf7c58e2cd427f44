//! Values along a region.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{Region, Strand};

/// Values along a region: a score for every base or bin, or one value per token span.
///
/// A value that is not known is [`f32::NAN`] and its place is listed in [`Track::missing`]; it is never 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// What is drawn beside it, for example `splice donor`.
    pub name: String,
    /// The label of the head the values belong to, or the statistic (`received`).
    pub label: String,
    /// Unit of the values, for example `probability`.
    pub unit: String,
    /// Where the values lie.
    pub region: Region,
    /// The strand the values were computed on.
    pub strand: Strand,
    /// How values share the region.
    pub layout: TrackLayout,
    /// One value for each base, bin or span, in the order of the layout; NaN where missing.
    pub values: Vec<f32>,
    /// Why values are missing, sorted, without overlap, in contig coordinates.
    pub missing: Vec<MissingRun>,
}

/// How the values of a [`Track`] share its region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrackLayout {
    /// Bins of equal width that begin at multiples of it, the first and last cut at the region's ends;
    /// width 1 is one value per base.
    Bins {
        /// Width of a bin.
        width_bp: u64,
    },
    /// Spans of any width, sorted, without overlap, `(start_bp, end_bp)` in contig coordinates, half-open.
    Spans(Vec<(u64, u64)>),
}

/// A stretch without values, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingRun {
    /// First base, 0-based.
    pub start_bp: u64,
    /// One past the last base.
    pub end_bp: u64,
    /// A short reason, from a closed list (`n_run`, `contig_end`, `not_finite`, `too_many_tokens`, `one_window`).
    pub reason: String,
}

impl Track {
    /// Where value `index` lies, `(start_bp, end_bp)`, half-open.
    pub fn span_of(&self, index: usize) -> (u64, u64) {
        match &self.layout {
            TrackLayout::Bins { width_bp } => {
                let start_bp = (self.region.start_bp / width_bp + index as u64) * width_bp;
                (start_bp.max(self.region.start_bp), (start_bp + width_bp).min(self.region.end_bp))
            }
            TrackLayout::Spans(spans) => spans[index],
        }
    }

    /// Numbers of the values that overlap `from_bp..to_bp`.
    pub fn values_in(&self, from_bp: u64, to_bp: u64) -> Range<usize> {
        let (from_bp, to_bp) = (from_bp.max(self.region.start_bp), to_bp.min(self.region.end_bp));
        if from_bp >= to_bp {
            return 0..0;
        }
        match &self.layout {
            TrackLayout::Bins { width_bp } => {
                // Bins begin at multiples of their width, the first one often before the track does.
                let before = self.region.start_bp / width_bp;
                let number = |bin: u64| usize::try_from(bin - before).unwrap_or(usize::MAX).min(self.values.len());
                number(from_bp / width_bp)..number(to_bp.div_ceil(*width_bp))
            }
            TrackLayout::Spans(spans) => {
                spans.partition_point(|span| span.1 <= from_bp)..spans.partition_point(|span| span.0 < to_bp)
            }
        }
    }

    /// The value that covers the base at `position_bp`; `None` outside the region, between spans, or where missing.
    pub fn value_at(&self, position_bp: u64) -> Option<f32> {
        if position_bp < self.region.start_bp || position_bp >= self.region.end_bp {
            return None;
        }
        let index = match &self.layout {
            TrackLayout::Bins { width_bp } => {
                usize::try_from(position_bp / width_bp - self.region.start_bp / width_bp).ok()?
            }
            TrackLayout::Spans(spans) => {
                let index = spans.partition_point(|&(_, end_bp)| end_bp <= position_bp);
                spans.get(index).filter(|(start_bp, _)| *start_bp <= position_bp)?;
                index
            }
        };
        self.values.get(index).copied().filter(|value| value.is_finite())
    }

    /// Adds the part that follows this one; a missing run that goes on across the border stays one run.
    pub fn append(&mut self, part: Self) {
        self.region.end_bp = part.region.end_bp;
        self.values.extend(part.values);
        if let (TrackLayout::Spans(spans), TrackLayout::Spans(more)) = (&mut self.layout, part.layout) {
            spans.extend(more);
        }
        for run in part.missing {
            match self.missing.last_mut() {
                Some(last) if last.end_bp == run.start_bp && last.reason == run.reason => last.end_bp = run.end_bp,
                _ => self.missing.push(run),
            }
        }
    }

    /// Why there is no value at `position_bp`, where there is none.
    pub fn reason_at(&self, position_bp: u64) -> Option<&str> {
        let index = self.missing.partition_point(|run| run.end_bp <= position_bp);
        self.missing.get(index).filter(|run| run.start_bp <= position_bp).map(|run| run.reason.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(layout: TrackLayout, values: Vec<f32>) -> Track {
        Track {
            name: "test".into(),
            label: "test".into(),
            unit: "probability".into(),
            region: Region::new("chr1", 10, 15),
            strand: Strand::Forward,
            layout,
            values,
            missing: vec![MissingRun { start_bp: 12, end_bp: 14, reason: "n_run".into() }],
        }
    }

    #[test]
    fn bins_are_found_and_the_last_is_cut() {
        let track = track(TrackLayout::Bins { width_bp: 2 }, vec![0.1, f32::NAN, 0.3]);
        assert_eq!(track.span_of(2), (14, 15));
        assert_eq!(track.value_at(11), Some(0.1));
        assert_eq!(track.value_at(13), None);
        assert_eq!(track.reason_at(13), Some("n_run"));
        assert_eq!(track.reason_at(14), None);
        assert_eq!((track.value_at(9), track.value_at(15)), (None, None));
        assert_eq!(track.values_in(11, 13), 0..2, "on both sides of a border");
        assert_eq!((track.values_in(0, 99), track.values_in(15, 99)), (0..3, 0..0), "all, and none beside it");
    }

    #[test]
    fn the_first_bin_may_begin_before_the_track() {
        let mut track = track(TrackLayout::Bins { width_bp: 4 }, vec![0.1, 0.2]);
        assert_eq!((track.span_of(0), track.span_of(1)), ((10, 12), (12, 15)));
        assert_eq!((track.values_in(10, 12), track.values_in(11, 13)), (0..1, 0..2));
        track.region = Region::new("chr1", 11, 12);
        assert_eq!(track.values_in(0, 99), 0..1);
    }

    #[test]
    fn spans_may_leave_gaps() {
        let track = track(TrackLayout::Spans(vec![(10, 12), (14, 15)]), vec![0.5, 0.7]);
        assert_eq!(track.value_at(11), Some(0.5));
        assert_eq!(track.value_at(12), None);
        assert_eq!(track.value_at(14), Some(0.7));
        assert_eq!((track.values_in(12, 14), track.values_in(11, 15)), (1..1, 0..2), "none in the gap");
    }
}
