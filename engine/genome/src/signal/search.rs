//! Names of features, for searching.

use serde::{Deserialize, Serialize};

use crate::{Contig, grouped};

/// Features whose names are kept.
const MOST_FEATURES: usize = 2_000_000;
/// Bytes of names that are kept.
const MOST_NAME_BYTES: usize = 256 << 20;
/// Columns by whose content people look for a feature.
const SEARCHED_COLUMNS: [&str; 6] = ["name", "name2", "geneName", "geneName2", "gene_name", "geneSymbol"];

/// A feature that was found by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The name that fits.
    pub name: String,
    /// Its contig.
    pub contig: String,
    /// First base.
    pub start_bp: u64,
    /// One past the last base.
    pub end_bp: u64,
}

/// The names of all features of a file.
#[derive(Debug)]
pub(super) struct NameIndex {
    /// Which columns behind the third hold names.
    columns: Vec<usize>,
    /// All names, one behind the other, and in lower case.
    text: String,
    lower: String,
    names: Vec<Name>,
}

/// Where a name is used; it ends in the text where the next one begins.
#[derive(Clone, Copy, Debug)]
struct Name {
    text_end: usize,
    lower_end: usize,
    contig: usize,
    start_bp: u32,
    end_bp: u32,
}

/// Why names are not kept.
#[derive(Debug)]
pub(super) struct TooMany(pub(super) String);

impl NameIndex {
    /// An empty one for a file with these columns behind the third.
    pub(super) fn new(columns: &[String]) -> Self {
        let is_searched = |name: &String| SEARCHED_COLUMNS.iter().any(|known| known.eq_ignore_ascii_case(name));
        let searched = columns.iter().enumerate().filter(|(_, name)| is_searched(name));
        let columns = searched.map(|(index, _)| index).collect();
        Self { columns, text: String::new(), lower: String::new(), names: Vec::new() }
    }

    /// Adds the names of a feature, each once.
    pub(super) fn add(&mut self, contig: usize, start_bp: u32, end_bp: u32, rest: &str) -> Result<(), TooMany> {
        let columns: Vec<&str> = rest.split('\t').collect();
        let mut seen: Vec<&str> = Vec::new();
        for index in &self.columns {
            let Some(&name) = columns.get(*index).filter(|name| !matches!(**name, "" | ".")) else { continue };
            if seen.contains(&name) {
                continue;
            }
            seen.push(name);
            self.text.push_str(name);
            self.lower.push_str(&name.to_lowercase());
            let (text_end, lower_end) = (self.text.len(), self.lower.len());
            self.names.push(Name { text_end, lower_end, contig, start_bp, end_bp });
        }
        if self.names.len() > MOST_FEATURES || self.text.len() > MOST_NAME_BYTES {
            let most = grouped(MOST_FEATURES as u64);
            return Err(TooMany(format!("names can be searched in files of up to {most} features, and it has more")));
        }
        Ok(())
    }

    /// The first `most` that fit best.
    pub(super) fn find(&self, text: &str, most: usize, contigs: &[Contig]) -> Vec<Found> {
        let wanted = text.trim().to_lowercase();
        if wanted.is_empty() {
            return Vec::new();
        }
        let mut ranks: [Vec<usize>; 3] = Default::default();
        let mut begin = 0;
        for (index, name) in self.names.iter().enumerate() {
            let lower = &self.lower[begin..name.lower_end];
            begin = name.lower_end;
            let rank = match lower.find(&wanted) {
                Some(0) if lower.len() == wanted.len() => 0,
                Some(0) => 1,
                Some(_) => 2,
                None => continue,
            };
            if ranks[rank].len() < most {
                ranks[rank].push(index);
            }
        }
        ranks.iter().flatten().take(most).filter_map(|&index| self.found(index, contigs)).collect()
    }

    fn found(&self, index: usize, contigs: &[Contig]) -> Option<Found> {
        let name = self.names.get(index)?;
        let begin = index.checked_sub(1).and_then(|before| self.names.get(before)).map_or(0, |before| before.text_end);
        Some(Found {
            name: self.text.get(begin..name.text_end)?.to_owned(),
            contig: contigs.get(name.contig)?.name.clone(),
            start_bp: name.start_bp.into(),
            end_bp: name.end_bp.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_equal_come_first_then_those_that_begin_so() {
        let columns: Vec<String> = ["name", "score", "geneName"].map(str::to_owned).into();
        let mut names = NameIndex::new(&columns);
        for (start_bp, rest) in [(1, "preBRCA\t0\tX"), (2, "BRCA2\t0\tBRCA2"), (3, "id7\t0\tbrca"), (4, ".\t0\t")] {
            names.add(0, start_bp, start_bp + 1, rest).expect("few");
        }
        let contigs = [Contig { name: "chr1".into(), ..Contig::default() }];
        let found: Vec<_> =
            names.find("Brca", 9, &contigs).into_iter().map(|found| (found.name, found.start_bp)).collect();
        let wanted = [("brca", 3), ("BRCA2", 2), ("preBRCA", 1)].map(|(name, start_bp)| (name.to_owned(), start_bp));
        assert_eq!(found, wanted, "each once");
        assert_eq!(names.find("brca", 1, &contigs).len(), 1, "the best one");
        assert!(names.find(" ", 9, &contigs).is_empty(), "nothing is asked for");
    }
}
