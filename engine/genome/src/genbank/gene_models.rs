//! From genes, transcripts, coding sequences and exons to gene models, one for each transcript.
//!
//! What belongs together has the same locus tag, or the same gene name where there is none, and lies within the same
//! gene on the same strand. A coding sequence belongs to a transcript if its exons are those of the transcript; where
//! several would do and their order does not settle it, each stays by itself.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    features::{Draft, marks},
    location::Placed,
    looks::{colour_of, name_of},
    qualifiers::RawFeature,
};
use crate::{Block, BlockKind, Feature, Strand};

/// RNA that is not translated.
const RNA: [&str; 6] = ["tRNA", "rRNA", "ncRNA", "tmRNA", "misc_RNA", "precursor_RNA"];

/// More pairs of transcripts and coding sequences than this are not compared.
const MOST_PAIRS: usize = 1 << 10;

/// A name that more genes bear than this tells nothing.
const MOST_GENES: usize = 1 << 10;

/// What belongs to one gene.
#[derive(Default)]
struct Locus {
    gene: Option<Draft>,
    transcripts: Vec<Draft>,
    coding: Vec<Draft>,
    exons: Vec<Draft>,
    rna: Vec<Draft>,
}

/// Puts the features of a record together.
pub(super) fn assemble(drafts: Vec<Draft>) -> Vec<Feature> {
    let mut features = Vec::new();
    let mut loci: Vec<Locus> = Vec::new();
    let mut loci_of_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let (genes, others): (Vec<_>, Vec<_>) = drafts.into_iter().partition(|draft| draft.raw.kind == "gene");
    for gene in genes {
        if let Some(name) = key(&gene) {
            loci_of_name.entry(name.to_owned()).or_default().push(loci.len());
        }
        loci.push(Locus { gene: Some(gene), ..Locus::default() });
    }
    // Parts without a gene around them gather by name and strand.
    let mut strays: BTreeMap<(String, Option<bool>), Locus> = BTreeMap::new();
    for draft in others {
        let is_part = matches!(draft.raw.kind.as_str(), "mRNA" | "CDS" | "exon") || is_rna(&draft);
        let Some(name) = key(&draft).filter(|_| is_part).map(str::to_owned) else {
            let alone = Locus::default().with(draft, is_part);
            features.extend(alone);
            continue;
        };
        let named = loci_of_name.get(&name).filter(|named| named.len() <= MOST_GENES);
        let around = named.into_iter().flatten().find(|&&locus| loci[locus].holds(&draft));
        match around {
            Some(&locus) => loci[locus].add(draft),
            None => {
                let is_reverse = draft.placed.strand.map(|strand| strand == Strand::Reverse);
                strays.entry((name, is_reverse)).or_default().add(draft);
            }
        }
    }
    features.extend(loci.into_iter().chain(strays.into_values()).flat_map(Locus::into_features));
    features
}

fn key(draft: &Draft) -> Option<&str> {
    let named = |key| draft.raw.qualifier(key).filter(|name| !name.is_empty());
    named("locus_tag").or_else(|| named("gene"))
}

fn is_rna(draft: &Draft) -> bool {
    RNA.contains(&draft.raw.kind.as_str())
}

impl Locus {
    fn holds(&self, draft: &Draft) -> bool {
        self.gene.as_ref().is_some_and(|gene| {
            gene.placed.strand == draft.placed.strand
                && gene.placed.start_bp <= draft.placed.start_bp
                && draft.placed.end_bp <= gene.placed.end_bp
        })
    }

    fn add(&mut self, draft: Draft) {
        match draft.raw.kind.as_str() {
            "mRNA" => self.transcripts.push(draft),
            "CDS" => self.coding.push(draft),
            "exon" => self.exons.push(draft),
            _ => self.rna.push(draft),
        }
    }

    /// The features of `draft` alone; those that are part of no gene stay as they are.
    fn with(mut self, draft: Draft, is_part: bool) -> Vec<Feature> {
        if !is_part {
            return vec![draft.into_feature(BlockKind::Part)];
        }
        self.add(draft);
        self.into_features()
    }

    fn into_features(mut self) -> Vec<Feature> {
        self.join_exons();
        let gene = self.gene.as_ref();
        let partners = partners(&self.transcripts, &self.coding);
        let known: BTreeSet<(u64, u64)> =
            self.transcripts.iter().flat_map(|draft| draft.placed.parts.clone()).collect();
        let mut coding: Vec<Option<Draft>> = self.coding.into_iter().map(Some).collect();
        let mut features = Vec::new();
        for (transcript, partner) in self.transcripts.into_iter().zip(partners) {
            let coding = partner.and_then(|index| coding[index].take());
            features.push(model(gene, Some(transcript), coding));
        }
        features.extend(coding.into_iter().flatten().map(|coding| model(gene, None, Some(coding))));
        features.extend(self.rna.into_iter().map(|rna| model(gene, Some(rna), None)));
        // A gene that says no more than its models do is not told twice; neither is an exon of one of them.
        let span = features.iter().map(|feature| (feature.start_bp, feature.end_bp));
        let span = span.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
        let exons = self.exons.into_iter().filter(|exon| !exon.placed.parts.iter().all(|part| known.contains(part)));
        features.extend(exons.map(|exon| exon.into_feature(BlockKind::Part)));
        let gene = self.gene.filter(|gene| span != Some((gene.placed.start_bp, gene.placed.end_bp)));
        features.extend(gene.map(|gene| gene.into_feature(BlockKind::Part)));
        features
    }

    /// Without transcripts, exons that lie apart from each other are one, if the coding sequence fits them.
    fn join_exons(&mut self) {
        let mut parts: Vec<(u64, u64)> = self.exons.iter().flat_map(|exon| exon.placed.parts.clone()).collect();
        parts.sort_unstable();
        let lie_apart = parts.windows(2).all(|pair| pair[0].1 < pair[1].0);
        let fits = match &self.coding[..] {
            [] => self.gene.is_some() && self.rna.is_empty(),
            [coding] => fits(&coding.placed.parts, &parts),
            _ => false,
        };
        let (Some(first), true) = (self.exons.first(), self.transcripts.is_empty() && lie_apart && fits) else {
            return;
        };
        let kind = if self.coding.is_empty() { "gene" } else { "CDS" };
        let raw = RawFeature { line: first.raw.line, kind: kind.to_owned(), ..RawFeature::default() };
        let placed = Placed {
            start_bp: parts.first().map_or(0, |part| part.0),
            end_bp: parts.last().map_or(0, |part| part.1),
            strand: first.placed.strand,
            parts,
            ..Placed::default()
        };
        self.transcripts.push(Draft { raw, placed });
    }
}

/// The coding sequence of each transcript.
fn partners(transcripts: &[Draft], coding: &[Draft]) -> Vec<Option<usize>> {
    let fit = |transcript: &Draft, coding: &Draft| {
        transcript.placed.strand == coding.placed.strand && fits(&coding.placed.parts, &transcript.placed.parts)
    };
    // Files list both in the same order.
    if transcripts.len() == coding.len() && transcripts.iter().zip(coding).all(|(one, other)| fit(one, other)) {
        return (0..transcripts.len()).map(Some).collect();
    }
    let mut found = vec![None; transcripts.len()];
    if transcripts.len() * coding.len() > MOST_PAIRS {
        return found;
    }
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (number, transcript) in transcripts.iter().enumerate() {
        let fitting = coding.iter().enumerate().filter(|(_, coding)| fit(transcript, coding));
        pairs.extend(fitting.map(|(index, _)| (number, index)));
    }
    // Each pair that nothing else competes with takes its two out of the choice of the others.
    let is_only = |pairs: &[(usize, usize)], &(transcript, coding): &(usize, usize)| {
        pairs.iter().filter(|pair| pair.0 == transcript || pair.1 == coding).count() == 1
    };
    while let Some(&(transcript, coding)) = pairs.iter().find(|pair| is_only(&pairs, pair)) {
        found[transcript] = Some(coding);
        pairs.retain(|pair| pair.0 != transcript && pair.1 != coding);
    }
    found
}

/// Whether a coding sequence has the exons of a transcript: it may begin and end within one, and leaves none out.
fn fits(coding: &[(u64, u64)], transcript: &[(u64, u64)]) -> bool {
    let (coding, transcript) = (merged(coding), merged(transcript));
    let (Some(&first), last) = (coding.first(), coding.len()) else { return false };
    let Some(from) = transcript.iter().position(|part| part.0 <= first.0 && first.1 <= part.1) else { return false };
    let Some(exons) = transcript.get(from..from + last) else { return false };
    coding.iter().zip(exons).enumerate().all(|(index, (part, exon))| {
        let starts = if index == 0 { exon.0 <= part.0 } else { exon.0 == part.0 };
        let ends = if index + 1 == last { part.1 <= exon.1 } else { part.1 == exon.1 };
        starts && ends
    })
}

/// Parts that touch or overlap (a ribosome that slips) as one.
fn merged(parts: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut merged: Vec<(u64, u64)> = Vec::with_capacity(parts.len());
    for &(start, end) in parts {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    merged
}

/// One transcript, its coding sequence, or both.
fn model(gene: Option<&Draft>, transcript: Option<Draft>, coding: Option<Draft>) -> Feature {
    let members = || transcript.iter().chain(&coding).chain(gene);
    let mut found: Vec<(String, String)> = Vec::new();
    let mut seen = BTreeSet::new();
    for attribute in gene.into_iter().chain(&transcript).chain(&coding).flat_map(|draft| &draft.raw.qualifiers) {
        if seen.insert(attribute) {
            found.push(attribute.clone());
        }
    }
    let main = transcript.as_ref().or(coding.as_ref()).or(gene);
    let Some(main) = main else { return Feature::default() };
    found.extend(marks(&main.raw, &main.placed));
    if let (Some(_), Some(coding)) = (&transcript, &coding) {
        found.push(("coding_location".to_owned(), coding.raw.location.clone()));
    }
    Feature {
        name: members().map(|draft| name_of(&draft.raw)).find(|name| !name.is_empty()).unwrap_or_default(),
        kind: main.raw.kind.clone(),
        start_bp: main.placed.start_bp,
        end_bp: main.placed.end_bp,
        strand: main.placed.strand,
        score: None,
        blocks: blocks(transcript.as_ref(), coding.as_ref()),
        colour: members().find_map(|draft| colour_of(&draft.raw, draft.placed.strand)),
        attributes: found,
        line: main.raw.line,
    }
}

/// The parts of a model from left to right.
fn blocks(transcript: Option<&Draft>, coding: Option<&Draft>) -> Vec<Block> {
    let is_pseudo = |draft: &Draft| ["pseudo", "pseudogene"].iter().any(|key| draft.raw.qualifier(key).is_some());
    let kind = if coding.is_some_and(is_pseudo) { BlockKind::Untranslated } else { BlockKind::Coding };
    let parts_of = |draft: Option<&Draft>| draft.map(|draft| draft.placed.parts.clone()).unwrap_or_default();
    let coding = parts_of(coding);
    let block = |kind| move |(start_bp, end_bp)| Block { start_bp, end_bp, kind };
    let mut blocks: Vec<Block> = coding.iter().copied().map(block(kind)).collect();
    let covered = merged(&coding);
    for (mut start, end) in parts_of(transcript) {
        let first = covered.partition_point(|&(_, to)| to <= start);
        for &(from, to) in covered[first..].iter().take_while(|&&(from, _)| from < end) {
            blocks.push(Block { start_bp: start, end_bp: from.max(start), kind: BlockKind::Untranslated });
            start = to.min(end).max(start);
        }
        blocks.push(Block { start_bp: start, end_bp: end, kind: BlockKind::Untranslated });
    }
    blocks.retain(|block| block.start_bp < block.end_bp);
    blocks.sort_by_key(|block| (block.start_bp, block.end_bp));
    blocks
}
