//! Features in memory, found by place and by name.

use std::collections::{BTreeMap, HashMap};

use super::{names::NameIndex, sorted::Sorted, text::Landmark};
use crate::Feature;

/// Features of many contigs in memory, wherever they come from.
///
/// # Examples
///
/// ```
/// use strandscope_genome::{Feature, FeatureIndex};
///
/// let site = Feature { name: "site".into(), start_bp: 10, end_bp: 20, ..Feature::default() };
/// let index = FeatureIndex::new([("chr1".to_owned(), vec![site])].into());
/// assert_eq!(index.features("chr1", 19, 30).count(), 1);
/// assert_eq!(index.find("SI", 10)[0].start_bp, 10);
/// assert!(index.next_after("chr1", 10).is_none());
/// ```
#[derive(Clone, Debug, Default)]
pub struct FeatureIndex {
    contigs: Vec<String>,
    number_of_contig: HashMap<String, usize>,
    pub(super) by_contig: Vec<Sorted>,
    pub(super) landmarks: Vec<Landmark>,
    pub(super) names: NameIndex,
}

impl FeatureIndex {
    /// That of the features of each contig, in any order.
    pub fn new(features: BTreeMap<String, Vec<Feature>>) -> Self {
        let (contigs, by_contig) = features.into_iter().unzip();
        Self::with_landmarks(contigs, by_contig, Vec::new())
    }

    /// That of contigs, the features of each, and genes that are shown by their transcripts.
    pub(super) fn with_landmarks(contigs: Vec<String>, by_contig: Vec<Vec<Feature>>, landmarks: Vec<Landmark>) -> Self {
        let mut index = Self {
            number_of_contig: contigs.iter().cloned().zip(0..).collect(),
            contigs,
            by_contig: by_contig.into_iter().map(Sorted::new).collect(),
            landmarks,
            names: NameIndex::default(),
        };
        index.names = NameIndex::new(index.name_entries());
        index
    }

    /// Contigs that rows lie on, by the names that features are asked for with, in the order of the file.
    pub fn contigs(&self) -> &[String] {
        &self.contigs
    }

    /// Number of features of all contigs.
    pub fn len(&self) -> usize {
        self.by_contig.iter().map(|sorted| sorted.features().len()).sum()
    }

    /// Whether there is not a single feature.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All features of a contig, by start.
    pub fn all(&self, contig: &str) -> &[Feature] {
        self.sorted(contig).map_or(&[], Sorted::features)
    }

    /// The features with a base in `start_bp..end_bp`, by start; those without bases also where they touch its ends.
    pub fn features(&self, contig: &str, start_bp: u64, end_bp: u64) -> impl Iterator<Item = &Feature> {
        self.sorted(contig).into_iter().flat_map(move |sorted| sorted.overlapping(start_bp, end_bp))
    }

    /// The first feature that begins after `bp`.
    pub fn next_after(&self, contig: &str, bp: u64) -> Option<&Feature> {
        self.sorted(contig)?.next_after(bp)
    }

    /// The last feature that begins before `bp`.
    pub fn previous_before(&self, contig: &str, bp: u64) -> Option<&Feature> {
        self.sorted(contig)?.previous_before(bp)
    }

    /// How many features have a base in each of `bins` equal parts of `start_bp..end_bp`.
    pub fn density(&self, contig: &str, start_bp: u64, end_bp: u64, bins: usize) -> Vec<u32> {
        self.sorted(contig).map_or_else(|| vec![0; bins], |sorted| sorted.density(start_bp, end_bp, bins))
    }

    /// Bases of the longest feature of a contig.
    pub fn longest_bp(&self, contig: &str) -> u64 {
        self.sorted(contig).map_or(0, Sorted::longest_bp)
    }

    fn sorted(&self, contig: &str) -> Option<&Sorted> {
        self.by_contig.get(*self.number_of_contig.get(contig)?)
    }

    pub(super) fn contig_name(&self, number: u32) -> Option<&str> {
        self.contigs.get(usize::try_from(number).ok()?).map(String::as_str)
    }
}
