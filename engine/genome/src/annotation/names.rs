//! Finding features by what they are called.

use std::collections::HashMap;

use memchr::memmem;

use super::{Annotation, text::naming::names_of};
use crate::Feature;

/// A place whose name answers a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The name that was found: one of several that the feature may have.
    pub matched: String,
    /// What people call the feature.
    pub name: String,
    /// Its type: `gene`, `mRNA`, `SNV`; empty in formats without types.
    pub kind: String,
    /// Name of its contig.
    pub contig: String,
    /// First base.
    pub start_bp: u64,
    /// One past the last base.
    pub end_bp: u64,
}

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// A gene that is shown by its transcripts, by number.
    Landmark(u32),
    /// A feature, by the numbers of its contig and within it.
    Feature(u32, u32),
}

/// All names in lower case, sorted, in one text.
#[derive(Clone, Debug, Default)]
pub(super) struct NameIndex {
    /// Names with a line end after each.
    text: Vec<u8>,
    /// Where each name begins, and the end of the text.
    begins: Vec<usize>,
    /// First target of each name, and the number of targets.
    first_targets: Vec<usize>,
    targets: Vec<Target>,
}

impl NameIndex {
    /// That of names in lower case and what they lead to, in any order.
    pub(super) fn new(mut entries: Vec<(String, Target)>) -> Self {
        entries.sort_unstable();
        entries.dedup();
        let mut index = Self::default();
        let mut last: Option<String> = None;
        for (name, target) in entries {
            if last.as_ref() != Some(&name) {
                index.begins.push(index.text.len());
                index.first_targets.push(index.targets.len());
                index.text.extend(name.bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
                index.text.push(b'\n');
                last = Some(name);
            }
            index.targets.push(target);
        }
        index.begins.push(index.text.len());
        index.first_targets.push(index.targets.len());
        index
    }

    fn len(&self) -> usize {
        self.begins.len().saturating_sub(1)
    }

    fn name(&self, number: usize) -> &[u8] {
        &self.text[self.begins[number]..self.begins[number + 1] - 1]
    }

    /// Targets of names that begin with `wanted` (in lower case), then of those that hold it, each with the name.
    pub(super) fn find<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = (&'a [u8], Target)> {
        let wanted = wanted.as_bytes();
        let first = self.partition(|name| name < wanted);
        let count = self.partition(|name| name < wanted || name.starts_with(wanted)) - first;
        let mut last = None;
        let within = memmem::find_iter(&self.text, wanted).filter_map(move |at| {
            let number = self.begins.partition_point(|&begin| begin <= at).checked_sub(1)?;
            let is_new = last.replace(number) != Some(number) && !(first..first + count).contains(&number);
            is_new.then_some(number)
        });
        let numbers = (first..first + count).chain(within).filter(move |_| !wanted.is_empty());
        numbers.flat_map(move |number| {
            let targets = &self.targets[self.first_targets[number]..self.first_targets[number + 1]];
            targets.iter().map(move |&target| (self.name(number), target))
        })
    }

    /// How many names come before the first that `is_before` does not hold of.
    fn partition(&self, is_before: impl Fn(&[u8]) -> bool) -> usize {
        let (mut from, mut to) = (0, self.len());
        while from < to {
            let middle = usize::midpoint(from, to);
            if is_before(self.name(middle)) { from = middle + 1 } else { to = middle }
        }
        from
    }
}

impl Annotation {
    /// Features by name, ID, alias or accession: those that begin with `text`, then those that hold it, at most `most`.
    ///
    /// Upper and lower case are the same. A gene that is shown by its transcripts is found once.
    pub fn find(&self, text: &str, most: usize) -> Vec<Hit> {
        let wanted = text.trim().to_lowercase();
        let mut hits: Vec<Hit> = Vec::new();
        for (name, target) in self.names.find(&wanted) {
            if hits.len() >= most {
                break;
            }
            let Some(hit) = self.hit(name, target) else { continue };
            // A feature may have a name in several forms, and a variant several alleles.
            let is_known = |known: &Hit| {
                (&known.name, &known.contig, known.start_bp, known.end_bp)
                    == (&hit.name, &hit.contig, hit.start_bp, hit.end_bp)
            };
            if !hits.iter().any(is_known) {
                hits.push(hit);
            }
        }
        hits
    }

    fn hit(&self, found: &[u8], target: Target) -> Option<Hit> {
        let of = |mut names: Box<dyn Iterator<Item = &str> + '_>| {
            let matched = names.find(|name| name.to_lowercase().as_bytes() == found);
            matched.map_or_else(|| String::from_utf8_lossy(found).into_owned(), str::to_owned)
        };
        match target {
            Target::Landmark(number) => {
                let landmark = self.landmarks.get(usize::try_from(number).ok()?)?;
                let names = std::iter::once(&landmark.name).chain(&landmark.names).map(String::as_str);
                Some(Hit {
                    matched: of(Box::new(names)),
                    name: landmark.name.clone(),
                    kind: landmark.kind.clone(),
                    contig: self.contig_name(landmark.contig)?.to_owned(),
                    start_bp: landmark.start_bp,
                    end_bp: landmark.end_bp,
                })
            }
            Target::Feature(contig, number) => {
                let sorted = self.by_contig.get(usize::try_from(contig).ok()?)?;
                let feature = sorted.features().get(usize::try_from(number).ok()?)?;
                Some(Hit {
                    matched: of(Box::new(searched(feature))),
                    name: feature.name.clone(),
                    kind: feature.kind.clone(),
                    contig: self.contig_name(contig)?.to_owned(),
                    start_bp: feature.start_bp,
                    end_bp: feature.end_bp,
                })
            }
        }
    }

    /// Everything that is searched.
    pub(super) fn name_entries(&self) -> Vec<(String, Target)> {
        let mut entries = Vec::new();
        let mut of_genes: HashMap<(u32, String), (u64, u64)> = HashMap::new();
        for (number, landmark) in (0..).zip(&self.landmarks) {
            for name in std::iter::once(&landmark.name).chain(&landmark.names).filter(|name| !name.is_empty()) {
                let name = name.to_lowercase();
                of_genes.insert((landmark.contig, name.clone()), (landmark.start_bp, landmark.end_bp));
                entries.push((name, Target::Landmark(number)));
            }
        }
        for (contig, sorted) in (0..).zip(&self.by_contig) {
            for (number, feature) in (0..).zip(sorted.features()) {
                for name in searched(feature) {
                    let key = (contig, name.to_lowercase());
                    let of_gene = of_genes.get(&key);
                    // The gene stands for its transcripts.
                    if of_gene.is_none_or(|&(start, end)| feature.start_bp < start || feature.end_bp > end) {
                        entries.push((key.1, Target::Feature(contig, number)));
                    }
                }
            }
        }
        entries
    }
}

/// What a feature answers to. Variants may have several names between semicolons.
fn searched(feature: &Feature) -> impl Iterator<Item = &str> {
    let names = feature.name.split(';').chain(names_of(&feature.attributes).flat_map(|name| name.split(';')));
    names.filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_begin_so_come_first_and_each_once() {
        let names = ["brca1", "brca2", "xbrca", "abrcabrca", "zzz", "brca1"];
        let target = |number: usize| Target::Feature(0, u32::try_from(number).expect("few"));
        let entries = names.iter().enumerate().map(|(number, &name)| (name.to_owned(), target(number))).collect();
        let index = NameIndex::new(entries);
        let found = |wanted| {
            let found = index.find(wanted);
            found.map(|(name, target)| (String::from_utf8_lossy(name).into_owned(), target)).collect::<Vec<_>>()
        };
        let want = [("brca1", 0), ("brca1", 5), ("brca2", 1), ("abrcabrca", 3), ("xbrca", 2)];
        assert_eq!(found("brca"), want.map(|(name, number)| (name.to_owned(), target(number))));
        assert_eq!(found("zz").len(), 1, "overlapping places in one name count once");
        assert!(found("").is_empty() && found("nothing").is_empty(), "nothing is found");
        assert!(NameIndex::new(Vec::new()).find("a").next().is_none(), "nothing is there");
    }
}
