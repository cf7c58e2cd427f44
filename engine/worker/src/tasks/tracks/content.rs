//! What a track holds, whatever it was read from.

use std::path::Path;

use strandscope_genome::{
    Annotation, AnnotationKind, BigBed, Feature, FeatureIndex, Genome, Hooks, IndexedAnnotation, Region, Row, Signal,
    SignalKind, gc_bins, read_genbank_features,
};

use super::{searched, whole_bins};
use crate::{
    FoundFeature, Tile, TileBin, TrackKind, TrackSource, TrackSummary,
    engine::{Job, Stop},
    tasks::genomes::with_progress,
};

/// Rows that are left out and told one by one.
const ROWS_TOLD: usize = 1_000;

/// What is held of a track.
pub(super) struct Content {
    kind: TrackKind,
    held: Held,
    /// Rows that are left out, as far as they are told.
    rows: Vec<Row>,
    refused: u64,
    warnings: Vec<String>,
}

enum Held {
    /// Features in memory.
    Features(Box<FeatureIndex>),
    /// Features read through an index.
    Indexed(Box<IndexedAnnotation>),
    BigBed(Box<BigBed>),
    Values(Box<Signal>),
    /// Computed from the bases when asked for.
    GcShare,
}

impl Content {
    pub(super) fn open(source: &TrackSource, genome: &mut Genome, job: &Job) -> Result<Self, Stop> {
        let computed = |kind, held, warnings| Self { kind, held, rows: Vec::new(), refused: 0, warnings };
        match source {
            TrackSource::File(path) => Self::open_file(path, genome, job),
            TrackSource::Motif(pattern) => {
                let (features, warnings) = searched::motif(pattern, genome, job)?;
                Ok(computed(TrackKind::Motif, Held::Features(Box::new(features)), warnings))
            }
            TrackSource::Orfs { code, least_bp } => {
                let (features, warnings) = searched::orfs(*code, *least_bp, genome, job)?;
                Ok(computed(TrackKind::Orfs, Held::Features(Box::new(features)), warnings))
            }
            TrackSource::GcShare => Ok(computed(TrackKind::GcShare, Held::GcShare, Vec::new())),
        }
    }

    fn open_file(path: &Path, genome: &mut Genome, job: &Job) -> Result<Self, Stop> {
        if BigBed::is_one(path)? {
            let aliases = genome.aliases();
            let bigbed = BigBed::open(path, Some((&aliases, genome.contigs())))?;
            let warnings = bigbed.warnings();
            let held = Held::BigBed(Box::new(bigbed));
            return Ok(Self { kind: TrackKind::BigBed, held, rows: Vec::new(), refused: 0, warnings });
        }
        if let Some(kind) = SignalKind::of(path)? {
            return Self::open_signal(path, kind, genome, job);
        }
        match AnnotationKind::of(path)? {
            Some(kind) => Self::open_annotation(path, kind, genome, job),
            None => Self::open_genbank(path, job),
        }
    }

    fn open_signal(path: &Path, kind: SignalKind, genome: &Genome, job: &Job) -> Result<Self, Stop> {
        let aliases = genome.aliases();
        let reference = Some((&*aliases, genome.contigs()));
        let signal = with_progress(job, |hooks| Signal::open_as(kind, path, reference, hooks))?;
        let kind = match kind {
            SignalKind::BedGraph => TrackKind::BedGraph,
            SignalKind::Wig => TrackKind::Wig,
            SignalKind::BigWig => TrackKind::BigWig,
        };
        Ok(Self {
            kind,
            rows: told(signal.refused_rows()),
            refused: signal.refused_count(),
            warnings: signal.warnings().to_vec(),
            held: Held::Values(Box::new(signal)),
        })
    }

    fn open_annotation(path: &Path, kind: AnnotationKind, genome: &mut Genome, job: &Job) -> Result<Self, Stop> {
        let kind = match kind {
            AnnotationKind::Bed => TrackKind::Bed,
            AnnotationKind::Gff3 => TrackKind::Gff3,
            AnnotationKind::Gtf => TrackKind::Gtf,
            AnnotationKind::Vcf => TrackKind::Vcf,
        };
        if let Some(indexed) = IndexedAnnotation::open(path, Some(genome))? {
            let warnings = indexed.warnings().to_vec();
            let held = Held::Indexed(Box::new(indexed));
            return Ok(Self { kind, held, rows: Vec::new(), refused: 0, warnings });
        }
        let annotation = with_progress(job, |hooks| Annotation::open(path, Some(genome), hooks))?;
        Ok(Self {
            kind,
            rows: told(annotation.refused()),
            refused: annotation.refused_count(),
            warnings: annotation.warnings().to_vec(),
            held: Held::Features(Box::new(annotation.into_index())),
        })
    }

    fn open_genbank(path: &Path, job: &Job) -> Result<Self, Stop> {
        let found = with_progress(job, |hooks| read_genbank_features(path, hooks))?;
        let refused: Vec<Row> = found.rows.refused().cloned().collect();
        Ok(Self {
            kind: TrackKind::GenBank,
            refused: refused.len() as u64,
            rows: told(&refused),
            warnings: found.rows.warnings,
            held: Held::Features(Box::new(FeatureIndex::new(found.by_contig))),
        })
    }

    /// What is told of it when it is opened.
    pub(super) fn summary(&mut self, source: &TrackSource, genome: &Genome) -> Result<TrackSummary, Stop> {
        let contigs = self.contigs(genome);
        let count = match &mut self.held {
            Held::Features(index) => Some(index.len() as u64),
            Held::BigBed(bigbed) => Some(bigbed.count()?),
            Held::Indexed(_) | Held::Values(_) | Held::GcShare => None,
        };
        let (range, colour) = match &mut self.held {
            Held::Values(signal) => (signal.extent()?, signal.colour()),
            Held::GcShare => (Some((0.0, 1.0)), None),
            _ => (None, None),
        };
        Ok(TrackSummary {
            source: source.clone(),
            kind: self.kind,
            count,
            contigs,
            range,
            colour,
            refused: self.refused,
            rows: self.rows.clone(),
            warnings: self.warnings.clone(),
        })
    }

    /// The contigs of a sequence that it has something for.
    pub(super) fn contigs(&self, genome: &Genome) -> Vec<String> {
        let names = |contigs: &[strandscope_genome::Contig]| -> Vec<String> {
            contigs.iter().map(|contig| contig.name.clone()).collect()
        };
        let all = match &self.held {
            Held::Features(index) => index.contigs().to_vec(),
            Held::Indexed(indexed) => indexed.contigs().into_iter().map(str::to_owned).collect(),
            Held::BigBed(bigbed) => names(bigbed.contigs()),
            Held::Values(signal) => names(signal.contigs()),
            Held::GcShare => names(genome.contigs()),
        };
        all.into_iter().filter(|name| genome.contig(name).is_some()).collect()
    }

    /// What lies in a region.
    pub(super) fn tile(&mut self, genome: &mut Genome, region: &Region, bin_bp: u64, most: u32) -> Result<Tile, Stop> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        match &mut self.held {
            Held::Features(index) => {
                let features: Vec<Feature> =
                    index.features(&region.contig, region.start_bp, region.end_bp).take(most + 1).cloned().collect();
                if features.len() <= most {
                    return Ok(Tile::Features(features));
                }
                counts(region, bin_bp, |part, bins| Ok(index.density(&part.contig, part.start_bp, part.end_bp, bins)))
            }
            Held::Indexed(indexed) => {
                // Rows that are left out are told in `inspect`; here what can be drawn is drawn.
                let found = indexed.features(region, most, Some(genome), &mut Hooks::default())?;
                Ok(if found.is_whole { Tile::Features(found.features) } else { Tile::TooMany })
            }
            Held::BigBed(bigbed) => {
                let features = bigbed.features(&region.contig, region.start_bp, region.end_bp, most + 1)?;
                if features.len() <= most {
                    return Ok(Tile::Features(features));
                }
                counts(region, bin_bp, |part, bins| {
                    Ok(bigbed.density(&part.contig, part.start_bp, part.end_bp, bins, &mut Hooks::default())?)
                })
            }
            Held::Values(signal) => values(region, bin_bp, |part, bins| {
                let bins = signal.summary(&part.contig, part.start_bp, part.end_bp, bins)?;
                Ok(bins.into_iter().map(|bin| TileBin { low: bin.min, mean: bin.mean, high: bin.max }).collect())
            }),
            Held::GcShare => gc_tile(genome, region, bin_bp),
        }
    }

    /// All features of a region; none where it has no features.
    pub(super) fn all_in(&mut self, region: &Region, job: &Job) -> Result<Vec<Feature>, Stop> {
        Ok(match &mut self.held {
            Held::Features(index) => index.features(&region.contig, region.start_bp, region.end_bp).cloned().collect(),
            Held::Indexed(indexed) => {
                with_progress(job, |hooks| indexed.features(region, usize::MAX, None, hooks))?.features
            }
            Held::BigBed(bigbed) => bigbed.features(&region.contig, region.start_bp, region.end_bp, usize::MAX)?,
            Held::Values(_) | Held::GcShare => Vec::new(),
        })
    }

    /// Its features, where they are in memory.
    pub(super) fn index(&self) -> Option<&FeatureIndex> {
        match &self.held {
            Held::Features(index) => Some(index),
            _ => None,
        }
    }

    /// Features whose names hold a text.
    pub(super) fn find(
        &mut self,
        text: &str,
        most: usize,
        source: &TrackSource,
        job: &Job,
    ) -> Result<Vec<FoundFeature>, Stop> {
        let told = |name, kind, contig: String, start_bp, end_bp| FoundFeature {
            source: source.clone(),
            name,
            kind,
            region: Region::new(contig, start_bp, end_bp),
        };
        match &mut self.held {
            Held::Features(index) => Ok(index
                .find(text, most)
                .into_iter()
                .map(|hit| told(hit.name, hit.kind, hit.contig, hit.start_bp, hit.end_bp))
                .collect()),
            Held::BigBed(bigbed) => {
                let hits = with_progress(job, |hooks| bigbed.find(text, most, hooks))?;
                Ok(hits
                    .into_iter()
                    .map(|hit| told(hit.name, String::new(), hit.contig, hit.start_bp, hit.end_bp))
                    .collect())
            }
            Held::Indexed(_) | Held::Values(_) | Held::GcShare => Ok(Vec::new()),
        }
    }

    /// The first feature that starts after a base, or the last one that starts before it.
    pub(super) fn next(
        &mut self,
        contig: &str,
        from_bp: Option<u64>,
        is_after: bool,
        length_bp: u64,
    ) -> Result<Option<Feature>, Stop> {
        if let Held::Features(index) = &self.held {
            return Ok(match (from_bp, is_after) {
                (None, true) => index.all(contig).first().cloned(),
                (None, false) => index.all(contig).last().cloned(),
                (Some(from_bp), true) => index.next_after(contig, from_bp).cloned(),
                (Some(from_bp), false) => index.previous_before(contig, from_bp).cloned(),
            });
        }
        // What is read through an index is looked at in stretches that grow.
        let mut width_bp = 1 << 14;
        let mut edge_bp = match (from_bp, is_after) {
            (Some(from_bp), true) => from_bp + 1,
            (Some(from_bp), false) => from_bp,
            (None, true) => 0,
            (None, false) => length_bp,
        };
        while if is_after { edge_bp < length_bp } else { edge_bp > 0 } {
            let (start_bp, end_bp) = if is_after {
                (edge_bp, edge_bp.saturating_add(width_bp).min(length_bp))
            } else {
                (edge_bp.saturating_sub(width_bp), edge_bp)
            };
            let begins_here = |feature: &Feature| (start_bp..end_bp).contains(&feature.start_bp);
            let features = match &mut self.held {
                Held::Indexed(indexed) => {
                    let region = Region::new(contig, start_bp, end_bp);
                    indexed.features(&region, usize::MAX, None, &mut Hooks::default())?.features
                }
                Held::BigBed(bigbed) => bigbed.features(contig, start_bp, end_bp, usize::MAX)?,
                Held::Features(_) | Held::Values(_) | Held::GcShare => return Ok(None),
            };
            let mut here = features.into_iter().filter(begins_here);
            let found = if is_after { here.next() } else { here.next_back() };
            if found.is_some() {
                return Ok(found);
            }
            edge_bp = if is_after { end_bp } else { start_bp };
            width_bp *= 2;
        }
        Ok(None)
    }
}

fn told(rows: &[Row]) -> Vec<Row> {
    rows.iter().take(ROWS_TOLD).cloned().collect()
}

fn counts(
    region: &Region,
    bin_bp: u64,
    mut count: impl FnMut(&Region, usize) -> Result<Vec<u32>, Stop>,
) -> Result<Tile, Stop> {
    let (whole, bins, rest) = whole_bins(region, bin_bp);
    let mut counted = if bins > 0 { count(&whole, bins)? } else { Vec::new() };
    if let Some(rest) = rest {
        counted.extend(count(&rest, 1)?);
    }
    Ok(Tile::Counts(counted))
}

fn values(
    region: &Region,
    bin_bp: u64,
    mut summary: impl FnMut(&Region, usize) -> Result<Vec<TileBin>, Stop>,
) -> Result<Tile, Stop> {
    let (whole, bins, rest) = whole_bins(region, bin_bp);
    let mut all = if bins > 0 { summary(&whole, bins)? } else { Vec::new() };
    if let Some(rest) = rest {
        all.extend(summary(&rest, 1)?);
    }
    Ok(Tile::Values(all))
}

/// The share of G and C in each bin, read in pieces so that memory does not grow with the region.
fn gc_tile(genome: &mut Genome, region: &Region, bin_bp: u64) -> Result<Tile, Stop> {
    const PIECE_BP: u64 = 16 << 20;
    let piece_bp = bin_bp * PIECE_BP.div_ceil(bin_bp);
    let mut bins = Vec::new();
    let mut start_bp = region.start_bp;
    while start_bp < region.end_bp {
        let end_bp = (start_bp + piece_bp).min(region.end_bp);
        let bases = genome.read(&Region::new(&region.contig, start_bp, end_bp))?;
        bins.extend(gc_bins(&bases, start_bp, bin_bp).iter().map(|bin| {
            bin.gc_share().map_or(TileBin::NONE, |share| {
                let share = narrow(share);
                TileBin { low: share, mean: share, high: share }
            })
        }));
        start_bp = end_bp;
    }
    Ok(Tile::Values(bins))
}

#[expect(clippy::cast_possible_truncation, reason = "a share needs no more than f32")]
fn narrow(share: f64) -> f32 {
    share as f32
}
