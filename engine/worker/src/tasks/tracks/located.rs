//! Where a place lies that is written as HGVS has it.

use strandscope_genome::{BlockKind, Feature, HgvsCounting, HgvsPlace, Region};

use super::{TrackTasks, content::Content};
use crate::{
    ErrorKind, JobError, LocateRequest, Located, Outcome,
    engine::{Job, Stop},
};

/// Attributes by which transcripts and their genes are called.
const NAMES: [&str; 10] = [
    "ID",
    "Name",
    "transcript_id",
    "gene",
    "gene_name",
    "gene_id",
    "locus_tag",
    "Alias",
    "protein_id",
    "standard_name",
];

impl TrackTasks {
    /// Finds the stretch that is meant.
    pub(super) fn locate(&mut self, request: &LocateRequest, job: &Job) -> Result<Outcome, Stop> {
        let bad = |message: String| JobError::new(ErrorKind::BadInput, message);
        let place = HgvsPlace::parse(&request.text).map_err(|error| bad(error.to_string()))?;
        let (region, note) = if place.counting == HgvsCounting::Genomic {
            self.on_contig(&place, request, job)?
        } else {
            self.on_transcript(&place, request, job)?
        };
        let genome = self.genomes.open(&request.genome, job)?;
        let length_bp = genome.contig(&region.contig).map_or(0, |contig| contig.length_bp);
        if region.end_bp > length_bp {
            let message =
                format!("{} lies past the end of {}, which has {length_bp} bases", request.text, region.contig);
            return Err(bad(message).into());
        }
        Ok(Outcome::Located(Located { region, note }))
    }

    fn on_contig(&mut self, place: &HgvsPlace, request: &LocateRequest, job: &Job) -> Result<(Region, String), Stop> {
        let genome = self.genomes.open(&request.genome, job)?;
        let name = place.reference.as_deref().unwrap_or(&request.contig);
        let aliases = genome.aliases();
        let contig = aliases.resolve(name).map(str::to_owned);
        let contig = contig.ok_or_else(|| {
            let message = format!("cannot find {}: {}", request.text, aliases.why_not(name));
            JobError::new(ErrorKind::BadInput, message)
        })?;
        let (start_bp, end_bp) = place.on_contig().unwrap_or_default();
        let region = Region::new(contig, start_bp, end_bp);
        let note = format!("{} is {region}", request.text);
        Ok((region, note))
    }

    fn on_transcript(
        &mut self,
        place: &HgvsPlace,
        request: &LocateRequest,
        job: &Job,
    ) -> Result<(Region, String), Stop> {
        let bad = |message: String| JobError::new(ErrorKind::BadInput, message);
        let name = place
            .reference
            .as_deref()
            .ok_or_else(|| bad(format!("{} names no transcript; write it like NM_000314.4:c.388C>T", request.text)))?;
        let mut transcripts: Vec<(String, Feature)> = Vec::new();
        for source in &request.sources {
            let (content, _) = self.track(source, &request.genome, job)?;
            transcripts.extend(transcripts_called(content, name));
        }
        // The one with this version before others, then the one with the longest coding part.
        let rank = |(_, feature): &(String, Feature)| (is_called(feature, name), coding_bp(feature));
        transcripts.sort_by_key(|transcript| std::cmp::Reverse(rank(transcript)));
        let Some((contig, transcript)) = transcripts.first() else {
            let message = format!("cannot find {}: no open track has a transcript or gene called {name}", request.text);
            return Err(bad(message).into());
        };
        let (start_bp, end_bp) = place.on_transcript(transcript).map_err(|error| bad(error.to_string()))?;
        let region = Region::new(contig, start_bp, end_bp);
        let mut note = format!("{} is {region} on {}", request.text, transcript.name);
        if !is_called(transcript, name) {
            note += ", another version of it";
        }
        if transcripts.len() > 1 {
            note += &format!(", the longest of {} transcripts", transcripts.len());
        }
        Ok((region, note))
    }
}

/// The features with a strand that bear a name, with or without its version, and their contigs.
fn transcripts_called(content: &Content, name: &str) -> Vec<(String, Feature)> {
    let Some(index) = content.index() else { return Vec::new() };
    let mut found: Vec<(String, Feature)> = Vec::new();
    for hit in index.find(without_version(name), 200) {
        for feature in index.features(&hit.contig, hit.start_bp, hit.end_bp) {
            let within = feature.start_bp >= hit.start_bp && feature.end_bp <= hit.end_bp;
            let is_transcript = feature.strand.is_some() && within && is_called_like(feature, name);
            let is_known = found.iter().any(|(contig, known)| *contig == hit.contig && known == feature);
            if is_transcript && !is_known {
                found.push((hit.contig.clone(), feature.clone()));
            }
        }
    }
    found
}

fn names(feature: &Feature) -> impl Iterator<Item = &str> {
    let attributes = feature.attributes.iter().filter(|(key, _)| NAMES.contains(&key.as_str()));
    std::iter::once(feature.name.as_str()).chain(attributes.map(|(_, value)| value.as_str()))
}

fn is_called(feature: &Feature, name: &str) -> bool {
    names(feature).any(|known| known.eq_ignore_ascii_case(name))
}

fn is_called_like(feature: &Feature, name: &str) -> bool {
    names(feature).any(|known| without_version(known).eq_ignore_ascii_case(without_version(name)))
}

/// An accession without its version.
fn without_version(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((base, version)) if !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()) => base,
        _ => name,
    }
}

fn coding_bp(feature: &Feature) -> u64 {
    let coding = feature.blocks.iter().filter(|block| block.kind == BlockKind::Coding);
    coding.map(|block| block.end_bp - block.start_bp).sum()
}
