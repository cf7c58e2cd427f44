//! Chromosomes of well-known assemblies: a contig is one of them if it has both a name and the length of it.

use std::{collections::HashMap, sync::LazyLock};

use crate::Contig;

/// A chromosome of an assembly.
#[derive(Debug)]
pub(super) struct Chromosome {
    pub(super) assembly: &'static str,
    pub(super) length_bp: u64,
    /// What it is called, the usual name first.
    pub(super) names: Vec<&'static str>,
}

/// All chromosomes of all assemblies known here.
pub(super) fn chromosomes() -> &'static [Chromosome] {
    static CHROMOSOMES: LazyLock<Vec<Chromosome>> =
        LazyLock::new(|| include_str!("../../../../assets/assemblies.tsv").lines().filter_map(parse_line).collect());
    &CHROMOSOMES
}

fn parse_line(line: &'static str) -> Option<Chromosome> {
    let mut columns = line.split('\t');
    let assembly = columns.next()?;
    // The head line has no number there.
    let length_bp = columns.next()?.parse().ok()?;
    Some(Chromosome { assembly, length_bp, names: columns.next()?.split(',').collect() })
}

/// What the contigs of a file are.
#[derive(Clone, Debug, Default)]
pub(super) struct Recognised {
    /// The assemblies that most contigs belong to; more than one where they share all of them.
    pub(super) assemblies: Vec<&'static str>,
    /// For each contig that is known, the names that it has in all of these assemblies.
    pub(super) names: Vec<(usize, Vec<&'static str>)>,
}

/// Finds out which assembly `contigs` belong to.
pub(super) fn recognise(contigs: &[Contig]) -> Recognised {
    let mut of_length: HashMap<u64, Vec<&Chromosome>> = HashMap::new();
    for chromosome in chromosomes() {
        of_length.entry(chromosome.length_bp).or_default().push(chromosome);
    }
    let mut found = Vec::new();
    let mut votes: Vec<(&str, usize)> = Vec::new();
    for (number, contig) in contigs.iter().enumerate() {
        let of_length = of_length.get(&contig.length_bp).map(Vec::as_slice).unwrap_or_default();
        for chromosome in of_length.iter().filter(|chromosome| chromosome.names.contains(&contig.name.as_str())) {
            found.push((number, *chromosome));
            match votes.iter_mut().find(|(assembly, _)| *assembly == chromosome.assembly) {
                Some((_, count)) => *count += 1,
                None => votes.push((chromosome.assembly, 1)),
            }
        }
    }
    let most = votes.iter().map(|&(_, count)| count).max().unwrap_or(0);
    let assemblies: Vec<&str> = votes.iter().filter(|&&(_, count)| count == most).map(|&(name, _)| name).collect();
    found.retain(|(_, chromosome)| assemblies.contains(&chromosome.assembly));
    Recognised { names: in_all(&found, assemblies.len()), assemblies }
}

/// The names that each contig has in all of the assemblies: others would be a guess.
fn in_all(found: &[(usize, &'static Chromosome)], assemblies: usize) -> Vec<(usize, Vec<&'static str>)> {
    let same_contig = |one: &(usize, &Chromosome), other: &(usize, &Chromosome)| one.0 == other.0;
    let common = |found: &[(usize, &'static Chromosome)]| {
        let has = |name: &&&str| found.iter().filter(|(_, other)| other.names.contains(name)).count() == assemblies;
        (found[0].0, found[0].1.names.iter().filter(has).copied().collect())
    };
    found.chunk_by(same_contig).map(common).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        assert_eq!(chromosomes().len(), 158, "one for each line below the head");
        for chromosome in chromosomes() {
            assert!(chromosome.length_bp > 0 && !chromosome.names.is_empty(), "{chromosome:?}");
            let twice = chromosomes().iter().filter(|other| {
                other.assembly == chromosome.assembly
                    && other.length_bp == chromosome.length_bp
                    && other.names.iter().any(|name| chromosome.names.contains(name))
            });
            assert_eq!(twice.count(), 1, "{chromosome:?}");
        }
    }
}
