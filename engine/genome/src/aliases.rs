//! One contig under several names: `1`, `chr1`, `NC_000001.11`.
//!
//! Files name the same chromosome in different ways. A name is taken for a contig only where nothing else can be
//! meant: an accession of an assembly needs a contig of that very length, another version of an accession is another
//! sequence, and of two candidates neither is taken. Everything else is told by [`Aliases::why_not`].

mod assemblies;
mod spelling;
mod table;

use std::collections::HashMap;

use self::{
    assemblies::{Recognised, chromosomes, recognise},
    spelling::{accession, is_m, is_mitochondrion, spellings},
};
use crate::{Contig, error::shortened, grouped};

/// Finds the contig of a reference that another file names in its own way.
///
/// In order: the name itself, a table the user gave, with or without `chr`, what the mitochondrion is called
/// elsewhere, names and accessions of well-known assemblies, accessions without version, and any of these in other
/// case.
///
/// ```
/// use strandscope_genome::{Aliases, Contig};
///
/// let contigs = [Contig { name: "chr1".into(), length_bp: 248_956_422, ..Contig::default() }];
/// let aliases = Aliases::of(&contigs);
/// assert_eq!(aliases.resolve("chr1"), Some("chr1"));
/// assert_eq!(aliases.resolve("1"), Some("chr1"));
/// assert_eq!(aliases.resolve("2"), None);
/// assert_eq!(aliases.assembly(), Some("GRCh38"));
/// assert_eq!(aliases.resolve("NC_000001.11"), Some("chr1"));
/// assert!(aliases.why_not("NC_000001.10").contains("GRCh37"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Aliases {
    contigs: Vec<Contig>,
    /// What is called by each name, in lower case.
    names: HashMap<String, Vec<Named>>,
    recognised: Recognised,
    /// Whether `chrM` and `MT` are two sequences in this assembly.
    mitochondria_differ: bool,
}

/// A contig under one of its names.
#[derive(Clone, Debug)]
struct Named {
    contig: usize,
    rank: Rank,
    /// The name as it is spelled, where it is not the contig's own.
    spelled: Option<Box<str>>,
}

/// Where a name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rank {
    /// The reference itself.
    Own,
    /// A table of the user.
    Table,
    /// An assembly that was recognised.
    Known,
    /// An accession of any of these, without its version.
    Unversioned,
}

/// Why a name is no contig.
enum Miss {
    /// No contig can be meant.
    Nothing,
    /// Several can be.
    Ambiguous(Vec<usize>),
}

impl Aliases {
    /// Those of the contigs of a reference.
    pub fn of(contigs: &[Contig]) -> Self {
        let recognised = recognise(contigs);
        let of_hg19 = |contig: &Contig| contig.length_bp == 16_571 && is_mitochondrion(&contig.name);
        let mut aliases = Self {
            contigs: contigs.to_vec(),
            names: HashMap::with_capacity(contigs.len()),
            // In hg19 chrM is NC_001807.4, in GRCh37 MT is NC_012920.1; bases lie at other places.
            mitochondria_differ: recognised.assemblies == ["GRCh37"] || contigs.iter().any(of_hg19),
            recognised: Recognised::default(),
        };
        for (number, contig) in contigs.iter().enumerate() {
            aliases.add(&contig.name, number, Rank::Own);
        }
        for (contig, names) in &recognised.names {
            // Files that call it chrM may mean the other one.
            let is_mt = aliases.mitochondria_differ && names.contains(&"NC_012920.1");
            // Spelling sees to those that bear one of these names.
            let is_spelled = is_mitochondrion(&contigs[*contig].name);
            for name in names.iter().filter(|name| !(is_mitochondrion(name) && (is_spelled || is_mt && is_m(name)))) {
                aliases.add(name, *contig, Rank::Known);
            }
        }
        aliases.recognised = recognised;
        aliases
    }

    /// Name of the contig in the reference.
    pub fn resolve(&self, name: &str) -> Option<&str> {
        self.find(name).ok().map(|contig| self.contigs[contig].name.as_str())
    }

    /// The well-known assembly that the reference is, judged by names and lengths of its contigs.
    pub fn assembly(&self) -> Option<&str> {
        match self.recognised.assemblies[..] {
            [assembly] => Some(assembly),
            _ => None,
        }
    }

    /// Why [`Aliases::resolve`] finds no contig, in a sentence for people.
    pub fn why_not(&self, name: &str) -> String {
        let shown = shortened(name);
        match self.find(name) {
            Ok(contig) => format!("'{shown}' is contig '{}'", shortened(&self.contigs[contig].name)),
            Err(Miss::Ambiguous(contigs)) => {
                format!("'{shown}' may be any of the contigs {}", quoted(&self.contigs, &contigs))
            }
            Err(Miss::Nothing) => self
                .of_another_assembly(name)
                .or_else(|| self.another_version(name))
                .or_else(|| self.another_mitochondrion(name))
                .unwrap_or_else(|| self.no_such_name(&shown)),
        }
    }

    fn find(&self, name: &str) -> Result<usize, Miss> {
        if let Some(contig) = self.own(name) {
            return Ok(contig);
        }
        let any_name = |rank| rank != Rank::Unversioned;
        let (base, version) = accession(name).map_or((name, None), |(base, version)| (base, Some(version)));
        // A name without version goes for one with it, and the other way round.
        let is_free = |rank| match version {
            None => false,
            Some(None) => rank == Rank::Unversioned,
            Some(Some(_)) => any_name(rank),
        };
        for fold in [false, true] {
            let others = spellings(name, self.mitochondria_differ, fold);
            let mut meant = self.called(name, fold, |rank| rank == Rank::Table);
            if meant.is_empty() {
                meant = self.called(name, fold, any_name);
                for other in &others {
                    meant.extend(self.called(other, fold, |rank| rank != Rank::Known && any_name(rank)));
                }
            }
            if meant.is_empty() {
                meant = self.called(base, fold, is_free);
            }
            meant.sort_unstable();
            meant.dedup();
            match meant[..] {
                [] => {}
                [contig] => return Ok(contig),
                _ => return Err(Miss::Ambiguous(meant)),
            }
        }
        Err(Miss::Nothing)
    }

    /// The contig that bears this very name.
    fn own(&self, name: &str) -> Option<usize> {
        self.called(name, false, |rank| rank == Rank::Own).first().copied()
    }

    /// The contigs called `name` by a name of a rank that counts.
    fn called(&self, name: &str, fold: bool, counts: impl Fn(Rank) -> bool) -> Vec<usize> {
        let named = self.names.get(&name.to_lowercase()).map(Vec::as_slice).unwrap_or_default();
        let is_meant = |named: &&Named| counts(named.rank) && (fold || self.spelled(named) == name);
        named.iter().filter(is_meant).map(|named| named.contig).collect()
    }

    fn spelled<'s>(&'s self, named: &'s Named) -> &'s str {
        named.spelled.as_deref().unwrap_or(&self.contigs[named.contig].name)
    }

    /// Calls a contig by one more name.
    fn add(&mut self, name: &str, contig: usize, rank: Rank) {
        let spelled = (rank != Rank::Own).then(|| name.into());
        self.names.entry(name.to_lowercase()).or_default().push(Named { contig, rank, spelled });
        if let Some((base, Some(_))) = accession(name) {
            let named = Named { contig, rank: Rank::Unversioned, spelled: Some(base.into()) };
            self.names.entry(base.to_lowercase()).or_default().push(named);
        }
    }

    /// An accession of a chromosome that is here in another length: the file belongs to another assembly.
    fn of_another_assembly(&self, name: &str) -> Option<String> {
        accession(name)?;
        let chromosome = chromosomes().iter().find(|chromosome| chromosome.names.contains(&name))?;
        let here = chromosome.names.iter().find_map(|name| self.find(name).ok())?;
        let contig = &self.contigs[here];
        let of_reference = self.assembly().map(|assembly| format!(" as in {assembly}")).unwrap_or_default();
        Some(format!(
            "'{name}' is {} of {} with {} bases, contig '{}' of the reference has {}{of_reference}: they belong to different assemblies",
            chromosome.names[0],
            chromosome.assembly,
            grouped(chromosome.length_bp),
            shortened(&contig.name),
            grouped(contig.length_bp),
        ))
    }

    /// An accession whose other version is here: another sequence, with bases at other places.
    fn another_version(&self, name: &str) -> Option<String> {
        let (base, version) = accession(name)?;
        version?;
        let here = self.called(base, true, |rank| rank == Rank::Unversioned);
        let contig = &self.contigs[*here.first()?];
        Some(format!("'{name}' is another version of contig '{}' of the reference", shortened(&contig.name)))
    }

    /// A name of the mitochondrion where it may be one of two sequences.
    fn another_mitochondrion(&self, name: &str) -> Option<String> {
        if !self.mitochondria_differ || !is_mitochondrion(name) {
            return None;
        }
        let here = spellings(name, false, true).iter().find_map(|other| self.find(other).ok())?;
        let contig = &self.contigs[here];
        Some(format!(
            "'{name}' is not always contig '{}' ({} bases): chrM of hg19 is NC_001807.4 with 16,571 bases, MT of GRCh37 is NC_012920.1 with 16,569",
            shortened(&contig.name),
            grouped(contig.length_bp),
        ))
    }

    fn no_such_name(&self, shown: &str) -> String {
        match self.contigs.first() {
            Some(first) => {
                format!(
                    "the reference has no contig called '{shown}'; names there are like '{}'",
                    shortened(&first.name)
                )
            }
            None => format!("the reference has no contig called '{shown}', it has none at all"),
        }
    }
}

/// Names for a sentence.
fn quoted(contigs: &[Contig], numbers: &[usize]) -> String {
    const MOST: usize = 4;
    let shown: Vec<String> =
        numbers.iter().take(MOST).map(|&number| format!("'{}'", shortened(&contigs[number].name))).collect();
    let more = if numbers.len() > MOST { " and more" } else { "" };
    shown.join(", ") + more
}

#[cfg(test)]
#[path = "aliases_tests.rs"]
mod tests;
