//! Values of a BigWig file, read by region.

use std::{ops::ControlFlow, path::Path};

use super::{
    bbi::{Bbi, BbiContig, BbiKind, BlockPlace, Stretch},
    bins::{Bin, Cuts, Tally},
    sections::Section,
    zoom_records::ZoomRecord,
};
use crate::{GenomeError, Hooks};

/// Other readers make do with two, and get as much as a tenth of the bases of a bin wrong where its ends cut stretches.
const STRETCHES_PER_BIN: u64 = 8;

/// An opened BigWig file.
#[derive(Debug)]
pub(crate) struct BigWig {
    bbi: Bbi,
}

impl BigWig {
    pub(crate) fn open(path: &Path) -> Result<Self, GenomeError> {
        Ok(Self { bbi: Bbi::open(path, BbiKind::BigWig)? })
    }

    /// The contigs of the file in the order of their numbers.
    pub(crate) fn contigs(&self) -> &[BbiContig] {
        &self.bbi.contigs
    }

    /// Smallest and largest value, as the file says itself; otherwise from its coarsest zoom level or all its data.
    pub(crate) fn extent(&mut self) -> Result<Option<(f32, f32)>, GenomeError> {
        if let Some(total) = self.bbi.total.filter(|total| total.covered_bp > 0 && total.min <= total.max) {
            let (min, max) = (super::bins::nearest_f32(total.min), super::bins::nearest_f32(total.max));
            if min.is_finite() && max.is_finite() {
                return Ok(Some((min, max)));
            }
        }
        let mut all = Tally::default();
        for contig in self.bbi.contigs.clone().iter().filter(|contig| contig.length_bp > 0) {
            let cuts = Cuts { start_bp: 0, end_bp: contig.length_bp.into(), count: 1 };
            let bins = self.summary(contig, &cuts)?;
            for bin in bins.iter().filter(|bin| bin.covered_bp > 0) {
                all.add(&Tally { min: bin.min, max: bin.max, sum: 0.0, covered_bp: 1.0 });
            }
        }
        Ok((all.covered_bp > 0.0).then_some((all.min, all.max)))
    }

    /// The zoom level that bins of this width are made from: the coarsest that still has eight stretches for a bin.
    pub(crate) fn zoom_for(&self, cuts: &Cuts) -> Option<u32> {
        let part_bp = cuts.len_bp() / (STRETCHES_PER_BIN * cuts.count as u64).max(1);
        let fits = |zoom: &&super::bbi::Zoom| u64::from(zoom.reduction_bp) <= part_bp;
        self.bbi.zooms.iter().rev().find(fits).map(|zoom| zoom.reduction_bp)
    }

    /// A bin for each of `cuts`, from a zoom level where one is fine enough.
    pub(crate) fn summary(&mut self, contig: &BbiContig, cuts: &Cuts) -> Result<Vec<Bin>, GenomeError> {
        match self.zoom_for(cuts) {
            Some(reduction_bp) => match self.zoomed_summary(contig, cuts, reduction_bp)? {
                Some(bins) => Ok(bins),
                None => self.exact_summary(contig, cuts),
            },
            None => self.exact_summary(contig, cuts),
        }
    }

    /// A bin for each of `cuts`, from every value in them.
    pub(crate) fn exact_summary(&mut self, contig: &BbiContig, cuts: &Cuts) -> Result<Vec<Bin>, GenomeError> {
        let mut bins = cuts.tallies();
        self.each_value(contig, cuts.start_bp, cuts.end_bp, &mut Hooks::default(), |start_bp, end_bp, value| {
            bins.add_value(start_bp.into(), end_bp.into(), value);
        })?;
        Ok(bins.into_bins())
    }

    /// `None` where records of the zoom level cannot be right: the data itself has to be asked.
    fn zoomed_summary(
        &mut self,
        contig: &BbiContig,
        cuts: &Cuts,
        reduction_bp: u32,
    ) -> Result<Option<Vec<Bin>>, GenomeError> {
        let Some(zoom) = self.bbi.zooms.iter().find(|zoom| zoom.reduction_bp == reduction_bp).copied() else {
            return Ok(None);
        };
        let blocks = self.find_blocks(zoom.index_at, contig, cuts.start_bp, cuts.end_bp)?;
        let mut bins = cuts.tallies();
        let (mut done_bp, mut is_sound) = (0, true);
        self.bbi.each_block(&blocks, |bbi, place, block| {
            let mut fields = bbi.fields(block);
            while !fields.rest().is_empty() {
                let cut_short = || bbi.damaged(place.offset, "a record of a zoom level is cut short");
                let record = ZoomRecord::parse(&mut fields).ok_or_else(cut_short)?;
                if record.contig != contig.id {
                    continue;
                }
                let Some((end_bp, tally)) = record.checked(done_bp, contig.length_bp) else {
                    is_sound = false;
                    return Ok(ControlFlow::Break(()));
                };
                done_bp = end_bp;
                bins.add_shared(record.start_bp.into(), end_bp.into(), &tally);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(is_sound.then(|| bins.into_bins()))
    }

    /// Gives `visit` each stretch of bases with a value, cut to `start_bp..end_bp`, from left to right.
    pub(crate) fn each_value(
        &mut self,
        contig: &BbiContig,
        start_bp: u64,
        end_bp: u64,
        hooks: &mut Hooks<'_>,
        mut visit: impl FnMut(u32, u32, f32),
    ) -> Result<(), GenomeError> {
        let blocks = self.find_blocks(self.bbi.header.index_at, contig, start_bp, end_bp)?;
        let size_bytes = self.bbi.size_bytes();
        let (start_bp, end_bp) = (within_u32(start_bp), within_u32(end_bp));
        let mut done_bp = 0;
        self.bbi.each_block(&blocks, |bbi, place, block| {
            hooks.step(place.offset, size_bytes)?;
            let damaged = |reason: &str| bbi.damaged(place.offset, &format!("{reason} on contig '{}'", contig.name));
            let section = Section::parse(bbi.fields(block)).map_err(damaged)?;
            if section.contig != contig.id {
                return Ok(ControlFlow::Continue(()));
            }
            section.each(|from_bp, to_bp, value| {
                if from_bp > to_bp || to_bp > contig.length_bp {
                    return Err(damaged("a block has values past the end, or that end before they begin,"));
                }
                if from_bp < done_bp {
                    return Err(damaged("a base has two values, or values are out of order,"));
                }
                done_bp = to_bp;
                let (from_bp, to_bp) = (from_bp.max(start_bp), to_bp.min(end_bp));
                // A value that is no number is how some programs write that there is none.
                if from_bp < to_bp && value.is_finite() {
                    visit(from_bp, to_bp, value);
                }
                Ok(())
            })?;
            Ok(ControlFlow::Continue(()))
        })
    }

    fn find_blocks(
        &mut self,
        index_at: u64,
        contig: &BbiContig,
        start_bp: u64,
        end_bp: u64,
    ) -> Result<Vec<BlockPlace>, GenomeError> {
        self.bbi.check_unchanged()?;
        let stretch = Stretch { contig: contig.id, start_bp: within_u32(start_bp), end_bp: within_u32(end_bp) };
        self.bbi.find_blocks(index_at, stretch)
    }
}

/// The format has no places past this one.
pub(super) fn within_u32(position_bp: u64) -> u32 {
    u32::try_from(position_bp).unwrap_or(u32::MAX)
}
