//! Zoom levels: what stretches of equal length hold, each level four times as coarse as the one below.

use super::super::{bbi::Fields, bins::nearest_f32, sections::Section};

/// Levels a file has at most.
pub(super) const MOST_LEVELS: usize = 10;
/// How much coarser each level is.
const FACTOR: u32 = 4;

/// What a stretch of a contig holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    pub(super) contig: u32,
    pub(super) start_bp: u32,
    pub(super) end_bp: u32,
    pub(super) covered_bp: u32,
    min: f32,
    max: f32,
    sum: f64,
    squares: f64,
}

impl Stretch {
    pub(super) const BYTES: usize = 32;

    /// Bases that share a value.
    pub(super) fn of(contig: u32, start_bp: u32, end_bp: u32, value: f32) -> Self {
        let covered_bp = end_bp - start_bp;
        let (sum, squares) =
            (f64::from(value) * f64::from(covered_bp), f64::from(value).powi(2) * f64::from(covered_bp));
        Self { contig, start_bp, end_bp, covered_bp, min: value, max: value, sum, squares }
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        for number in [self.contig, self.start_bp, self.end_bp, self.covered_bp] {
            bytes.extend(number.to_le_bytes());
        }
        for number in [self.min, self.max, nearest_f32(self.sum), nearest_f32(self.squares)] {
            bytes.extend(number.to_le_bytes());
        }
    }

    fn parse(fields: &mut Fields<'_>) -> Option<Self> {
        let (contig, start_bp, end_bp, covered_bp) = (fields.u32()?, fields.u32()?, fields.u32()?, fields.u32()?);
        let (min, max, sum, squares) = (fields.f32()?, fields.f32()?, fields.f32()?.into(), fields.f32()?.into());
        Some(Self { contig, start_bp, end_bp, covered_bp, min, max, sum, squares })
    }

    fn add(&mut self, other: &Self) {
        self.covered_bp += other.covered_bp;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.squares += other.squares;
    }
}

/// Gathers what comes, from left to right, into stretches that begin at multiples of `reduction_bp`.
#[derive(Debug)]
pub(super) struct Gatherer {
    reduction_bp: u32,
    open: Option<Stretch>,
}

impl Gatherer {
    pub(super) fn new(reduction_bp: u32) -> Self {
        Self { reduction_bp, open: None }
    }

    /// Adds the values of an unpacked block and gives `out` each stretch that is whole.
    pub(super) fn add_section<E>(
        &mut self,
        block: &[u8],
        lengths: &[u32],
        mut out: impl FnMut(Stretch) -> Result<(), E>,
    ) -> Result<(), E> {
        let Ok(section) = Section::parse(Fields::new(block, false)) else { return Ok(()) };
        section.each(|mut start_bp, end_bp, value| {
            // A wide interval lies in many stretches.
            while start_bp < end_bp {
                let cell_end_bp = self.cell_end_bp(start_bp).min(end_bp);
                self.add(&Stretch::of(section.contig, start_bp, cell_end_bp, value), lengths, &mut out)?;
                start_bp = cell_end_bp;
            }
            Ok(())
        })
    }

    /// Adds the stretches of an unpacked block of a finer level.
    pub(super) fn add_stretches<E>(
        &mut self,
        block: &[u8],
        lengths: &[u32],
        mut out: impl FnMut(Stretch) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut fields = Fields::new(block, false);
        while let Some(stretch) = Stretch::parse(&mut fields) {
            self.add(&stretch, lengths, &mut out)?;
        }
        Ok(())
    }

    /// The stretch that is not whole yet.
    pub(super) fn take_last(&mut self) -> Option<Stretch> {
        self.open.take()
    }

    fn cell_end_bp(&self, position_bp: u32) -> u32 {
        (position_bp / self.reduction_bp + 1).saturating_mul(self.reduction_bp)
    }

    fn add<E>(
        &mut self,
        part: &Stretch,
        lengths: &[u32],
        mut out: impl FnMut(Stretch) -> Result<(), E>,
    ) -> Result<(), E> {
        match &mut self.open {
            Some(open) if open.contig == part.contig && part.start_bp < open.end_bp => open.add(part),
            open => {
                let length_bp = lengths.get(part.contig as usize).copied().unwrap_or(u32::MAX);
                let start_bp = part.start_bp / self.reduction_bp * self.reduction_bp;
                let end_bp = start_bp.saturating_add(self.reduction_bp).min(length_bp);
                if let Some(whole) = open.replace(Stretch { start_bp, end_bp, ..*part }) {
                    out(whole)?;
                }
            }
        }
        Ok(())
    }
}

/// The stretches of each level: the finest holds some 16 intervals, the coarsest is no longer than a contig.
pub(super) fn reductions_bp(items: u64, covered_bp: u64, reach_bp: u64, longest_bp: u32) -> Vec<u32> {
    let (mean_bp, mean_distance_bp) = (covered_bp / items.max(1), reach_bp / items.max(1));
    let finest_bp = (16 * mean_bp).max(8 * mean_distance_bp).max(16);
    let next = |reduction_bp: &u32| reduction_bp.checked_mul(FACTOR);
    let levels = std::iter::successors(u32::try_from(finest_bp).ok(), next);
    levels.take_while(|reduction_bp| *reduction_bp < longest_bp).take(MOST_LEVELS).collect()
}
