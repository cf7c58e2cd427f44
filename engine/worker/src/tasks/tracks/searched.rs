//! Features that are found in the bases themselves: places that a pattern fits, open reading frames.

use std::collections::BTreeMap;

use strandscope_genome::{
    Contig, Feature, FeatureIndex, GeneticCode, Genome, MotifScan, Orf, OrfFinder, OrfScan, Pattern, Region, StartRule,
    Strands, grouped,
};

use crate::{
    ErrorKind, JobError,
    engine::{Job, Stop},
};

/// Bases read at once.
const PIECE_BP: u64 = 8 << 20;
/// Most features that are kept; a pattern that fits oftener says little.
const MOST: usize = 500_000;

/// Where a pattern fits, on both strands of all contigs.
pub(super) fn motif(text: &str, genome: &mut Genome, job: &Job) -> Result<(FeatureIndex, Vec<String>), Stop> {
    let pattern = Pattern::parse(text).map_err(|error| JobError::of(ErrorKind::BadInput, &error))?;
    let mut left = MOST;
    let mut is_cut = false;
    let features = over_contigs(genome, job, |genome, contig, told| {
        let mut scan = MotifScan::new(&pattern, 0, Strands::Both, left);
        pieces(genome, contig, told, |bases| scan.feed(bases))?;
        let hits = scan.finish();
        is_cut |= hits.is_cut;
        left -= hits.hits.len().min(left);
        let feature = |hit: &strandscope_genome::MotifHit| Feature {
            name: pattern.text().to_owned(),
            start_bp: hit.start_bp,
            end_bp: hit.end_bp,
            strand: Some(hit.strand),
            attributes: match hit.mismatches {
                0 => Vec::new(),
                mismatches => vec![("mismatches".to_owned(), mismatches.to_string())],
            },
            ..Feature::default()
        };
        Ok(hits.hits.iter().map(feature).collect())
    })?;
    let warning = || format!("{text} fits more than {} times: only the first are shown.", grouped(MOST as u64));
    Ok((FeatureIndex::new(features), is_cut.then(warning).into_iter().collect()))
}

/// Open reading frames from a start codon to a stop codon, on both strands of all contigs.
pub(super) fn orfs(
    code: u8,
    least_bp: u64,
    genome: &mut Genome,
    job: &Job,
) -> Result<(FeatureIndex, Vec<String>), Stop> {
    let code = GeneticCode::by_id(code).ok_or_else(|| {
        JobError::new(ErrorKind::Usage, format!("there is no genetic code {code}; 1 is the standard one"))
    })?;
    let mut left = MOST;
    let mut is_cut = false;
    let features = over_contigs(genome, job, |genome, contig, told| {
        let finder = OrfFinder { code, least_bp, start: StartRule::Atg, most_unknown_codons: Some(10) };
        let mut scan = OrfScan::new(finder, 0);
        let mut found = Vec::new();
        pieces(genome, contig, told, |bases| {
            scan.feed(bases);
            found.extend(scan.take_closed());
        })?;
        found.extend(scan.finish());
        is_cut |= found.len() > left;
        found.truncate(left);
        left -= found.len();
        Ok(found.iter().map(orf_feature).collect())
    })?;
    let warning = || format!("There are more than {} reading frames: only the first are shown.", grouped(MOST as u64));
    Ok((FeatureIndex::new(features), is_cut.then(warning).into_iter().collect()))
}

fn orf_feature(orf: &Orf) -> Feature {
    let mut attributes = vec![("frame".to_owned(), orf.frame.to_string())];
    if !orf.is_whole() {
        attributes.push(("open at".to_owned(), "an end of the sequence".to_owned()));
    }
    Feature {
        name: format!("{} aa", grouped(orf.amino_acids)),
        kind: "ORF".to_owned(),
        start_bp: orf.start_bp,
        end_bp: orf.end_bp,
        strand: Some(orf.strand),
        attributes,
        ..Feature::default()
    }
}

/// Tells how many bases more have been read; fails when the job is to stop.
type Told<'a> = dyn FnMut(u64) -> Result<(), Stop> + 'a;

/// Searches each contig and gathers what is found.
fn over_contigs(
    genome: &mut Genome,
    job: &Job,
    mut search: impl FnMut(&mut Genome, &Contig, &mut Told<'_>) -> Result<Vec<Feature>, Stop>,
) -> Result<BTreeMap<String, Vec<Feature>>, Stop> {
    let contigs = genome.contigs().to_vec();
    job.started(contigs.iter().map(|contig| contig.length_bp).sum(), "bases");
    let mut done = 0;
    let mut told = |bases: u64| {
        done += bases;
        job.progress(done, "");
        if job.is_cancelled() { Err(Stop::Cancelled) } else { Ok(()) }
    };
    let mut features = BTreeMap::new();
    for contig in contigs {
        let found = search(genome, &contig, &mut told)?;
        if !found.is_empty() {
            features.insert(contig.name, found);
        }
    }
    Ok(features)
}

/// Reads a contig from its start to its end.
fn pieces(genome: &mut Genome, contig: &Contig, told: &mut Told<'_>, mut take: impl FnMut(&[u8])) -> Result<(), Stop> {
    let mut start_bp = 0;
    while start_bp < contig.length_bp {
        let end_bp = (start_bp + PIECE_BP).min(contig.length_bp);
        take(&genome.read(&Region::new(&contig.name, start_bp, end_bp))?);
        told(end_bp - start_bp)?;
        start_bp = end_bp;
    }
    Ok(())
}
