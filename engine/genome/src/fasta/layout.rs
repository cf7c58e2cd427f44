//! Where the bases of a record lie in the text.

use serde::{Deserialize, Serialize};

/// How a base's position becomes a place in the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Layout {
    /// Lines of equal length, as `.fai` describes them: the place is computed.
    Lines {
        /// Where the first base lies.
        offset: u64,
        /// Bases of a full line.
        line_bases: u64,
        /// Bytes of a full line with its end.
        line_width: u64,
    },
    /// Any other lines: `(position_bp, offset)` now and then, and the way on from there is read.
    Steps(Vec<(u64, u64)>),
}

/// Finds the layout of a record while its lines go by.
#[derive(Debug, Default)]
pub(crate) struct LayoutBuilder {
    offset: u64,
    line_bases: u64,
    line_width: u64,
    lines: u64,
    last_was_short: bool,
    uneven: bool,
    unclean: bool,
    steps: Vec<(u64, u64)>,
}

/// A step is noted after so many bases, so that at most this many and a buffer are read in vain.
const STEP_BP: u64 = 1 << 16;

impl LayoutBuilder {
    /// A run of bases begins at `position_bp` of the record and `offset` of the text.
    pub(crate) fn run(&mut self, position_bp: u64, offset: u64) {
        if self.steps.last().is_none_or(|&(last_bp, _)| position_bp - last_bp >= STEP_BP) {
            self.steps.push((position_bp, offset));
        }
    }

    /// A sequence line ended: where it began, its bases, its bytes with the line end.
    ///
    /// Returns whether this line is the first that makes lines uneven.
    pub(crate) fn line(&mut self, offset: u64, bases: u64, width: u64) -> bool {
        if self.lines == 0 {
            (self.offset, self.line_bases, self.line_width) = (offset, bases, width);
        }
        self.lines += 1;
        let was_even = !self.uneven;
        let full = bases == self.line_bases && width == self.line_width;
        self.uneven |= self.last_was_short || bases > self.line_bases;
        self.last_was_short = !full;
        was_even && self.uneven
    }

    /// Something other than bases and line ends lies between bases.
    pub(crate) fn unclean(&mut self) {
        self.unclean = true;
    }

    /// The layout of the record, now that it has ended.
    pub(crate) fn finish(&mut self) -> Layout {
        let built = std::mem::take(self);
        if built.uneven || built.unclean {
            Layout::Steps(built.steps)
        } else {
            Layout::Lines { offset: built.offset, line_bases: built.line_bases, line_width: built.line_width }
        }
    }
}
