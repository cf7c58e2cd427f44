//! One contig under several names: `1`, `chr1`, `NC_000001.11`.

use std::collections::HashMap;

use crate::Contig;

/// Finds the contig of a reference that another file names in its own way.
///
/// ```
/// use strandscope_genome::{Aliases, Contig};
///
/// let contigs = [Contig { name: "chr1".into(), ..Contig::default() }];
/// let aliases = Aliases::of(&contigs);
/// assert_eq!(aliases.resolve("chr1"), Some("chr1"));
/// assert_eq!(aliases.resolve("1"), Some("chr1"));
/// assert_eq!(aliases.resolve("2"), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Aliases {
    /// Name of a contig by each of its names.
    names: HashMap<String, String>,
}

impl Aliases {
    /// Those of the contigs of a reference.
    pub fn of(contigs: &[Contig]) -> Self {
        let mut names = HashMap::with_capacity(2 * contigs.len());
        for contig in contigs {
            let other = contig.name.strip_prefix("chr").map_or_else(|| format!("chr{}", contig.name), str::to_owned);
            names.entry(other).or_insert_with(|| contig.name.clone());
        }
        // A name that a contig bears itself goes before any that another could be called.
        names.extend(contigs.iter().map(|contig| (contig.name.clone(), contig.name.clone())));
        Self { names }
    }

    /// Name of the contig in the reference.
    pub fn resolve(&self, name: &str) -> Option<&str> {
        self.names.get(name).map(String::as_str)
    }
}
