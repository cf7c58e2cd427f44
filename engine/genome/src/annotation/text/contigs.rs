//! Contigs of a file, and how they lie on those of a reference.

use std::{collections::HashMap, sync::Arc};

use super::{fields::Refusal, notices::Notices};
use crate::{
    Aliases, Genome, GenomeError, Region,
    error::{shortened, shown},
    grouped,
};

/// Bases of the reference read at once: rows are mostly sorted.
const WINDOW_BP: u64 = 1 << 16;

/// Contigs that a sentence names.
const NAMED: usize = 5;

/// The contigs that rows name, each with a number.
pub(in crate::annotation) struct Contigs<'g> {
    reference: Option<Reference<'g>>,
    /// Names as features have them: those of the reference, where there is one.
    names: Vec<String>,
    numbers: HashMap<String, u32>,
    /// Number by the name in the file.
    known: HashMap<String, Option<u32>>,
    /// Name in the file and in the reference, where they differ.
    renamed: Vec<(String, String)>,
}

struct Reference<'g> {
    genome: &'g mut Genome,
    aliases: Arc<Aliases>,
    window: Option<(Region, Vec<u8>)>,
}

impl<'g> Contigs<'g> {
    pub(in crate::annotation) fn new(reference: Option<&'g mut Genome>) -> Self {
        let reference = reference.map(|genome| {
            let aliases = genome.aliases();
            Reference { genome, aliases, window: None }
        });
        Self { reference, names: Vec::new(), numbers: HashMap::new(), known: HashMap::new(), renamed: Vec::new() }
    }

    /// The number of the contig that the file calls `name`.
    pub(super) fn number(&mut self, name: &str) -> Result<u32, Refusal> {
        if let Some(known) = self.known.get(name) {
            return known.ok_or_else(|| self.unknown(name));
        }
        if name.is_empty() {
            return Err(Refusal::columns("it names no contig", "write the name of a contig in the first column"));
        }
        let number = match self.resolve(name) {
            Some(resolved) => {
                if resolved != name {
                    self.renamed.push((name.to_owned(), resolved.clone()));
                }
                Some(self.number_of(resolved)?)
            }
            None => None,
        };
        self.known.insert(name.to_owned(), number);
        number.ok_or_else(|| self.unknown(name))
    }

    fn resolve(&self, name: &str) -> Option<String> {
        match &self.reference {
            Some(reference) => reference.aliases.resolve(name).map(str::to_owned),
            None => Some(name.to_owned()),
        }
    }

    fn number_of(&mut self, name: String) -> Result<u32, Refusal> {
        if let Some(&number) = self.numbers.get(&name) {
            return Ok(number);
        }
        let too_many = |_| Refusal::columns("the file names more than 4 billion contigs", "split the file");
        let number = u32::try_from(self.names.len()).map_err(too_many)?;
        self.numbers.insert(name.clone(), number);
        self.names.push(name);
        Ok(number)
    }

    fn unknown(&self, name: &str) -> Refusal {
        let path = self.reference.as_ref().map(|reference| shown(reference.genome.path())).unwrap_or_default();
        let reason = format!("contig '{}' is not in the reference {path}", shortened(name));
        Refusal::new("unknown_contig", reason, "use the reference this file was made for, or rename the contig")
    }

    /// The name of a contig as features have it.
    pub(super) fn name(&self, number: u32) -> &str {
        usize::try_from(number).ok().and_then(|number| self.names.get(number)).map_or("", String::as_str)
    }

    /// Bases of a contig, where there is a reference.
    pub(super) fn length_bp(&self, number: u32) -> Option<u64> {
        let reference = self.reference.as_ref()?;
        reference.genome.contig(self.name(number)).map(|contig| contig.length_bp)
    }

    /// Fails where a row reaches past the end of its contig; `end` is the last base counted from 1.
    pub(super) fn check_end(&self, number: u32, end: u64) -> Result<(), Refusal> {
        let Some(length_bp) = self.length_bp(number).filter(|&length_bp| end > length_bp) else { return Ok(()) };
        let name = shortened(self.name(number));
        let (end, length) = (grouped(end), grouped(length_bp));
        let reason = format!("it reaches to {end}, beyond the end of contig '{name}', whose length is {length}");
        Err(Refusal::new("beyond_end", reason, "use the reference this file was made for, or mend the position"))
    }

    /// Bases of the reference, which [`Self::check_end`] has found to be there; nothing without a reference.
    pub(super) fn bases(&mut self, number: u32, start_bp: u64, end_bp: u64) -> Result<Option<&[u8]>, GenomeError> {
        let (name, length_bp) = (self.name(number).to_owned(), self.length_bp(number).unwrap_or(end_bp));
        let Some(reference) = &mut self.reference else { return Ok(None) };
        let holds = |region: &Region| region.contig == name && region.start_bp <= start_bp && end_bp <= region.end_bp;
        if !reference.window.as_ref().is_some_and(|(region, _)| holds(region)) {
            let wide_bp = start_bp.saturating_add(WINDOW_BP).min(length_bp).max(end_bp);
            let region = Region::new(name, start_bp, wide_bp);
            let bases = reference.genome.read(&region)?;
            reference.window = Some((region, bases));
        }
        let Some((region, bases)) = &reference.window else { return Ok(None) };
        let place = |bp: u64| usize::try_from(bp - region.start_bp).unwrap_or(usize::MAX);
        Ok(bases.get(place(start_bp)..place(end_bp)))
    }

    /// Tells of contigs that the file gives another length than the reference.
    pub(super) fn compare_lengths(&self, lengths: &[(String, u64)], notices: &mut Notices) {
        let Some(reference) = &self.reference else { return };
        let differs = |(name, length): &(String, u64)| {
            let known = reference.genome.contig(reference.aliases.resolve(name)?)?.length_bp;
            (known != *length).then(|| {
                format!("{} has {} bases in its header and {}", shortened(name), grouped(*length), grouped(known))
            })
        };
        let differing: Vec<String> = lengths.iter().filter_map(differs).collect();
        if let Some((first, others)) = differing.split_first() {
            let more = if others.is_empty() { String::new() } else { format!(" (so have {} more)", others.len()) };
            let sentence = "the file may be of another assembly, and its positions off";
            notices.say(format!("Contig lengths differ: {first} in the reference{more}; {sentence}."));
        }
    }

    /// The names of the contigs, by number; tells of those that the reference calls otherwise.
    pub(in crate::annotation) fn into_names(self, notices: &mut Notices) -> Vec<String> {
        if !self.renamed.is_empty() {
            let named: Vec<String> = self
                .renamed
                .iter()
                .take(NAMED)
                .map(|(from, to)| format!("'{}' is taken for '{}'", shortened(from), shortened(to)))
                .collect();
            let more = self.renamed.len() - named.len();
            let more = if more == 0 { String::new() } else { format!(" and {more} more likewise") };
            notices.say(format!("Contigs have other names in the reference: {}{more}.", named.join(", ")));
        }
        self.names
    }
}
