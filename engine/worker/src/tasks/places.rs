//! The parts of a genome that a run is about.

use strandscope_genome::{Genome, GenomeError, Region};

use crate::{
    ErrorKind, JobError,
    engine::{Job, Stop},
};

/// A region with bases, on a contig of known length.
pub(super) struct Place {
    pub(super) region: Region,
    pub(super) contig_bp: u64,
}

impl Place {
    /// The place of a region that lies on its contig and has bases.
    pub(super) fn of(region: &Region, genome: &Genome) -> Result<Self, Stop> {
        let clipped = genome.clip(region)?;
        let contig_bp = genome.contig(&region.contig).map_or(0, |contig| contig.length_bp);
        if clipped != *region {
            let path = genome.path().to_owned();
            return Err(GenomeError::OutsideContig { path, region: region.clone(), length_bp: contig_bp }.into());
        }
        if region.is_empty() {
            let message = format!("region {region} has no bases; name one with a start before its end");
            return Err(JobError::new(ErrorKind::BadInput, message).into());
        }
        Ok(Self { region: region.clone(), contig_bp })
    }
}

/// Every one of `regions`, or every record with bases where there are none.
///
/// What cannot be had ends it all, or is told and passed over when the run shall `keep_going`.
pub(super) fn places(regions: &[Region], keep_going: bool, genome: &Genome, job: &Job) -> Result<Vec<Place>, Stop> {
    if regions.is_empty() {
        let contigs = genome.contigs().iter().filter(|contig| contig.length_bp > 0);
        let whole = contigs.map(|contig| Place {
            region: Region::new(contig.name.clone(), 0, contig.length_bp),
            contig_bp: contig.length_bp,
        });
        return Ok(whole.collect());
    }
    let mut places = Vec::new();
    for region in regions {
        match Place::of(region, genome) {
            Ok(place) => places.push(place),
            Err(Stop::Failed(error)) if keep_going => job.warn(error.message),
            Err(stop) => return Err(stop),
        }
    }
    let skipped = regions.len() - places.len();
    if skipped > 0 {
        job.warn(format!("passed over {skipped} of {} regions", regions.len()));
    }
    Ok(places)
}
