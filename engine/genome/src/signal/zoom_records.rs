//! A record of a zoom level.

use super::{bbi::Fields, bins::Tally};

/// What the file knows of a stretch as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct ZoomRecord {
    pub(super) contig: u32,
    pub(super) start_bp: u32,
    end_bp: u32,
    covered_bp: u32,
    min: f32,
    max: f32,
    sum: f32,
}

impl ZoomRecord {
    pub(super) fn parse(fields: &mut Fields<'_>) -> Option<Self> {
        let record = Self {
            contig: fields.u32()?,
            start_bp: fields.u32()?,
            end_bp: fields.u32()?,
            covered_bp: fields.u32()?,
            min: fields.f32()?,
            max: fields.f32()?,
            sum: fields.f32()?,
        };
        // The sum of squares is not used.
        fields.f32().map(|_| record)
    }

    /// Its end, not past that of the contig, and what it holds; `None` where it cannot be right.
    pub(super) fn checked(&self, done_bp: u32, length_bp: u32) -> Option<(u32, Tally)> {
        let end_bp = self.end_bp.min(length_bp);
        let is_sound = self.start_bp < end_bp
            && self.start_bp >= done_bp
            && self.covered_bp <= end_bp - self.start_bp
            && self.min <= self.max
            && self.min.is_finite()
            && self.max.is_finite()
            && self.sum.is_finite();
        let tally = Tally { min: self.min, max: self.max, sum: self.sum.into(), covered_bp: self.covered_bp.into() };
        let tally = if self.covered_bp == 0 { Tally::default() } else { tally };
        is_sound.then_some((end_bp, tally))
    }
}
