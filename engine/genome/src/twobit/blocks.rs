//! Lists of stretches: unknown bases, and lower-case ones.

use std::path::Path;

use super::fields::Fields;
use crate::{
    GenomeError,
    error::{Place, shortened},
};

/// Stretches read at once.
const PIECE: u64 = 1 << 12;

/// Where a list of stretches lies: all starts, then all lengths.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blocks {
    pub(super) offset: u64,
    pub(super) count: u32,
}

impl Blocks {
    /// One past its last byte.
    pub(super) fn end(self) -> u64 {
        self.offset.saturating_add(8 * u64::from(self.count))
    }

    /// Checks that the stretches are in order, apart from each other, and within `length_bp` bases.
    pub(super) fn check(
        self,
        fields: &mut Fields,
        path: &Path,
        record: &str,
        length_bp: u32,
    ) -> Result<(), GenomeError> {
        let mut before = 0;
        let mut number = 0;
        let mut wrong = None;
        self.each(fields, path, 0, |start, end| {
            if start < before || end > u64::from(length_bp) {
                wrong = Some(number);
            }
            before = end;
            number += 1;
            wrong.is_none()
        })?;
        let Some(number) = wrong else { return Ok(()) };
        let reason = format!(
            "in record '{}' stretch {} of unknown or lower-case bases is out of order or reaches beyond the end",
            shortened(record),
            number + 1
        );
        let place = Place::Byte(self.offset + 4 * number);
        Err(GenomeError::unusable(path, place, reason, "download or make it again"))
    }

    /// Calls `apply` with the part of each stretch that lies in `start_bp..end_bp`.
    pub(super) fn within(
        self,
        fields: &mut Fields,
        path: &Path,
        (start_bp, end_bp): (u64, u64),
        mut apply: impl FnMut(u64, u64),
    ) -> Result<(), GenomeError> {
        // The last stretch that begins at or before the region may reach into it.
        let (mut low, mut high) = (0, u64::from(self.count));
        while low < high {
            let middle = low + (high - low) / 2;
            if u64::from(fields.u32(path, self.offset + 4 * middle)?) <= start_bp {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.each(fields, path, low.saturating_sub(1), |start, end| {
            if start.max(start_bp) < end.min(end_bp) {
                apply(start.max(start_bp), end.min(end_bp));
            }
            start < end_bp
        })
    }

    /// Calls `visit` with start and end of each stretch from number `from` on, until it says to stop.
    fn each(
        self,
        fields: &mut Fields,
        path: &Path,
        mut from: u64,
        mut visit: impl FnMut(u64, u64) -> bool,
    ) -> Result<(), GenomeError> {
        let count = u64::from(self.count);
        // Regions hold few stretches, whole records many.
        let mut piece = 16;
        while from < count {
            let many = usize::try_from(piece.min(count - from)).unwrap_or(0);
            let starts = fields.u32s(path, self.offset + 4 * from, many)?;
            let lengths = fields.u32s(path, self.offset + 4 * (count + from), many)?;
            for (&start, &length) in starts.iter().zip(&lengths) {
                if !visit(u64::from(start), u64::from(start) + u64::from(length)) {
                    return Ok(());
                }
            }
            from += many as u64;
            piece = PIECE;
        }
        Ok(())
    }
}
