//! Contigs of a file beside those of the reference.

use std::collections::HashMap;

use crate::{Aliases, Contig, grouped};

/// The sequences that a file is shown on: their names, also by other names, and lengths.
pub type Reference<'a> = (&'a Aliases, &'a [Contig]);

/// Contigs under the names of the reference, each with its place among those of the file.
#[derive(Debug, Default)]
pub(super) struct Matched {
    pub(super) contigs: Vec<(Contig, usize)>,
    pub(super) warnings: Vec<String>,
}

/// Finds each contig of a file in the reference; without one, names and lengths are those of the file.
///
/// Lengths are those of the reference, so that nothing is shown where there is no base.
pub(super) fn match_contigs(found: &[(&str, u64)], reference: Option<Reference<'_>>) -> Matched {
    let Some((aliases, contigs)) = reference else {
        let own = |(index, &(name, length_bp)): (usize, &(&str, u64))| {
            (Contig { name: name.to_owned(), length_bp, ..Contig::default() }, index)
        };
        return Matched { contigs: found.iter().enumerate().map(own).collect(), warnings: Vec::new() };
    };
    let mut places: HashMap<&str, usize> = HashMap::new();
    let (mut unknown, mut twins) = (Vec::new(), Vec::new());
    for (index, (name, _)) in found.iter().enumerate() {
        match aliases.resolve(name) {
            None => unknown.push(*name),
            Some(resolved) => match places.entry(resolved) {
                std::collections::hash_map::Entry::Vacant(place) => {
                    place.insert(index);
                }
                // The one that bears the name itself goes before one that is only called so.
                std::collections::hash_map::Entry::Occupied(mut place) if *name == resolved => {
                    twins.push(found[place.insert(index)].0);
                }
                std::collections::hash_map::Entry::Occupied(_) => twins.push(*name),
            },
        }
    }
    let mut matched = Matched::default();
    let mut other_lengths = Vec::new();
    for contig in contigs {
        let Some(&index) = places.get(contig.name.as_str()) else { continue };
        let (name, length_bp) = found[index];
        if length_bp != contig.length_bp {
            let (here, there) = (grouped(length_bp), grouped(contig.length_bp));
            other_lengths.push(format!("{name} ({here} bases here, {there} in the reference)"));
        }
        matched.contigs.push((contig.clone(), index));
    }
    let mut warn = |names: Vec<String>, sentence: &str| {
        if !names.is_empty() {
            matched.warnings.push(format!("{sentence}: {}.", listed(&names)));
        }
    };
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    warn(owned(unknown), "Contigs of the file that are not in the reference are left out");
    warn(owned(twins), "Contigs of the file are left out, since another one has the same name in the reference");
    warn(other_lengths, "Contigs have other lengths than in the reference, the file may be of another assembly");
    matched
}

/// The first few of `names`, and how many more there are.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| crate::error::shortened(name)).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), grouped(more as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contig(name: &str, length_bp: u64) -> Contig {
        Contig { name: name.into(), length_bp, ..Contig::default() }
    }

    #[test]
    fn contigs_go_by_the_names_and_lengths_of_the_reference() {
        let contigs = [contig("chr1", 100), contig("chr2", 50)];
        let aliases = Aliases::of(&contigs);
        let matched = match_contigs(&[("2", 50), ("chrUn", 9), ("1", 99), ("chr1", 100)], Some((&aliases, &contigs)));
        assert_eq!(matched.contigs, [(contig("chr1", 100), 3), (contig("chr2", 50), 0)], "its own name goes first");
        assert_eq!(matched.warnings.len(), 2, "one left out, one a twin: {:?}", matched.warnings);
        let other = match_contigs(&[("1", 101)], Some((&aliases, &contigs)));
        assert!(other.warnings[0].contains("1 (101 bases here, 100 in the reference)"), "{:?}", other.warnings);
    }
}
