//! From rows that name their parents to features with blocks.
//!
//! A gene whose transcripts are in the file is shown by these, a feature each; a gene with parts of its own is a feature
//! itself. Parts become blocks of every parent they name. Rows that lead nowhere (parents that are not in the file,
//! rows that are each other's parents) are features by themselves.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use super::{
    Landmark, Placed,
    attributes::value,
    links::{Links, break_cycles},
    naming::{gene_of, inherit, landmark_of, named},
    node::{Class, Node},
    notices::Notices,
};
use crate::{Feature, annotation::text::blocks::blocks_of_node};

/// Nodes of one ID that are looked at: only damaged files have more.
const MOST_OF_ID: usize = 256;

/// Rows of a file that may belong together.
#[derive(Default)]
pub(super) struct Assembly {
    nodes: Vec<Node>,
    /// Nodes by ID, of all contigs.
    by_id: HashMap<String, Vec<usize>>,
    /// Digests of contig and ID of rows that have become parts: what names them as parent stands on its own.
    part_ids: HashSet<u64>,
    is_gtf: bool,
}

impl Assembly {
    /// Takes a row of GFF3.
    pub(super) fn add(&mut self, mut node: Node) {
        node.id = value(&node.attributes, "ID").unwrap_or_default().to_owned();
        let parents = node.attributes.iter().filter(|(key, value)| key == "Parent" && !value.is_empty());
        node.parents = parents.map(|(_, value)| value.clone()).collect();
        if node.class != Class::Own && self.add_to_parents(&node) {
            return;
        }
        let mut same = self.by_id.get(&node.id).into_iter().flatten().rev().take(MOST_OF_ID).copied();
        if let Some(same) = same.find(|&index| self.nodes[index].is_same_as(&node)) {
            self.nodes[same].extend(node.start_bp, node.end_bp);
        } else {
            self.push(node);
        }
    }

    /// Makes a row a part of its parents, if all of them are known by now.
    fn add_to_parents(&mut self, node: &Node) -> bool {
        let find = |parent: &String| self.find(parent, node).filter(|&index| self.nodes[index].class == Class::Own);
        let parents: Option<Vec<usize>> = node.parents.iter().map(find).collect();
        let Some(parents) = parents.filter(|parents| !parents.is_empty()) else { return false };
        for parent in parents {
            attach(&mut self.nodes[parent], node);
        }
        if !node.id.is_empty() {
            self.part_ids.insert(digest(node.contig, &node.id));
        }
        true
    }

    /// Takes a row of GTF.
    pub(super) fn add_gtf(&mut self, mut node: Node) {
        self.is_gtf = true;
        let gene = value(&node.attributes, "gene_id").map(|id| format!("gene {id}"));
        let transcript = value(&node.attributes, "transcript_id").map(|id| format!("transcript {id}"));
        match transcript {
            Some(id) if node.class != Class::Own => {
                let parent = self.transcript(id, gene, &node);
                attach(&mut self.nodes[parent], &node);
                if self.nodes[parent].is_implied {
                    self.nodes[parent].widen(node.start_bp, node.end_bp);
                }
            }
            Some(id) if node.kind != "gene" => {
                let implied = self.find(&id, &node).filter(|&index| self.nodes[index].is_implied);
                (node.id, node.parents) = (id, gene.into_iter().collect());
                match implied {
                    Some(implied) => {
                        node.parts = std::mem::take(&mut self.nodes[implied].parts);
                        self.nodes[implied] = node;
                    }
                    None => self.push(node),
                }
            }
            _ => {
                node.id = gene.filter(|_| node.kind == "gene").unwrap_or_default();
                self.push(node);
            }
        }
    }

    /// The transcript that a part belongs to; the part alone may tell of it.
    fn transcript(&mut self, id: String, gene: Option<String>, part: &Node) -> usize {
        let fits = |&index: &usize| {
            let node = &self.nodes[index];
            node.strand == part.strand || node.holds(part.start_bp, part.end_bp)
        };
        if let Some(known) = self.find(&id, part).filter(fits) {
            return known;
        }
        let of_part = |key: &str| key.starts_with("exon") || key.starts_with("protein");
        self.push(Node {
            kind: "transcript".to_owned(),
            class: Class::Own,
            attributes: part.attributes.iter().filter(|(key, _)| !of_part(key)).cloned().collect(),
            id,
            parents: gene.into_iter().collect(),
            score: None,
            is_implied: true,
            ..part.clone()
        });
        self.nodes.len() - 1
    }

    fn push(&mut self, node: Node) {
        if !node.id.is_empty() {
            self.by_id.entry(node.id.clone()).or_default().push(self.nodes.len());
        }
        self.nodes.push(node);
    }

    /// The node of an ID on the contig of `child`: the one that holds it, where there are several.
    fn find(&self, id: &str, child: &Node) -> Option<usize> {
        let all = self.by_id.get(id)?;
        let mut near =
            all.iter().rev().take(MOST_OF_ID).rev().copied().filter(|&index| self.nodes[index].contig == child.contig);
        let first = near.next()?;
        let holds = |&index: &usize| self.nodes[index].holds(child.start_bp, child.end_bp);
        Some(std::iter::once(first).chain(near).find(holds).unwrap_or(first))
    }

    /// Makes features of what came together, and gives the genes that are shown by their transcripts.
    pub(super) fn finish(mut self, features: &mut Vec<Placed>, notices: &mut Notices) -> Vec<Landmark> {
        let mut links = self.links(notices);
        for index in break_cycles(&mut links) {
            let node = &self.nodes[index];
            notices.count(
                "Rows that are their own ancestors stand on their own",
                node.line,
                &format!("Parent of '{}'", node.id),
            );
        }
        let mut absorbed = self.absorb_parts(&links);
        let mut landmarks = self.absorb_genes(&links, &mut absorbed);
        if self.is_gtf {
            landmarks.extend(self.genes_without_rows(&links));
        }
        let is_gtf = self.is_gtf;
        let own = self.nodes.into_iter().zip(absorbed).filter(|(_, is_absorbed)| !is_absorbed);
        features.extend(own.map(|(node, _)| feature_of(node, is_gtf, notices)));
        landmarks
    }

    /// The parents of each node.
    fn links(&self, notices: &mut Notices) -> Links {
        let mut links = Links::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let mut found = Vec::new();
            for parent in &node.parents {
                match self.find(parent, node) {
                    Some(index) => found.push(index),
                    None if self.is_gtf || self.part_ids.contains(&digest(node.contig, parent)) => {}
                    None if self.by_id.contains_key(parent) => {
                        notices.count("Rows whose Parent is on another contig stand on their own", node.line, parent);
                    }
                    None => {
                        notices.count("Rows whose Parent is not in the file stand on their own", node.line, parent);
                    }
                }
            }
            links.push(found);
        }
        links
    }

    /// Makes blocks of parts that came before their parents; says which nodes are none any more.
    fn absorb_parts(&mut self, links: &Links) -> Vec<bool> {
        let mut absorbed = vec![false; self.nodes.len()];
        for (index, parents) in links.iter().enumerate() {
            if self.nodes[index].class == Class::Own || parents.is_empty() {
                continue;
            }
            let node = self.nodes[index].clone();
            for &parent in parents {
                if self.nodes[parent].class == Class::Own || links[parent].is_empty() {
                    attach(&mut self.nodes[parent], &node);
                    absorbed[index] = true;
                }
            }
        }
        absorbed
    }

    /// Lets transcripts speak for their genes.
    fn absorb_genes(&mut self, links: &Links, absorbed: &mut [bool]) -> Vec<Landmark> {
        let mut landmarks = Vec::new();
        for (index, parents) in links.iter().enumerate() {
            if absorbed[index] || !self.nodes[index].is_transcript() {
                continue;
            }
            for &parent in parents {
                let gene = &self.nodes[parent];
                if !gene.is_gene() || !gene.parts.is_empty() {
                    continue;
                }
                if !absorbed[parent] {
                    landmarks.push(landmark_of(gene));
                    absorbed[parent] = true;
                }
                if !self.is_gtf {
                    let of_gene = gene.attributes.clone();
                    inherit(&mut self.nodes[index].attributes, of_gene);
                }
            }
        }
        landmarks
    }

    /// The genes of GTF files that have rows of transcripts or exons alone.
    fn genes_without_rows(&self, links: &Links) -> Vec<Landmark> {
        let mut landmarks: Vec<Landmark> = Vec::new();
        let mut known: HashMap<(u32, &str), usize> = HashMap::new();
        for node in self.nodes.iter().zip(links).filter(|(_, parents)| parents.is_empty()).map(|(node, _)| node) {
            let Some(gene) = node.parents.first() else { continue };
            let index = *known.entry((node.contig, gene)).or_insert_with(|| {
                landmarks.push(gene_of(node));
                landmarks.len() - 1
            });
            let landmark = &mut landmarks[index];
            landmark.start_bp = landmark.start_bp.min(node.start_bp);
            landmark.end_bp = landmark.end_bp.max(node.end_bp);
        }
        landmarks
    }
}

/// Makes `part` a part of `parent`.
fn attach(parent: &mut Node, part: &Node) {
    parent.parts.extend(part.as_parts());
    if part.class != Class::Coding || std::mem::replace(&mut parent.has_coding_attributes, true) {
        return;
    }
    // What is said of the protein alone is kept: its product, its accession.
    let of_row = ["ID", "Parent", "Name", "source"];
    for (key, text) in &part.attributes {
        let is_new =
            !of_row.contains(&key.as_str()) && !key.starts_with("exon") && value(&parent.attributes, key).is_none();
        if is_new {
            parent.attributes.push((key.clone(), text.clone()));
        }
    }
}

fn digest(contig: u32, id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (contig, id).hash(&mut hasher);
    hasher.finish()
}

fn feature_of(mut node: Node, is_gtf: bool, notices: &mut Notices) -> Placed {
    for part in std::mem::take(&mut node.parts) {
        let outside = node.widen(part.start_bp, part.end_bp);
        if outside && !node.is_implied {
            let ends = format!("a part at {}-{}", part.start_bp + 1, part.end_bp);
            notices.count("Rows with parts outside them reach to the ends of these", node.line, &ends);
        }
        node.parts.push(part);
    }
    let blocks = blocks_of_node(&node);
    let (name, attributes) = named(std::mem::take(&mut node.attributes), &node.kind, is_gtf);
    let feature = Feature {
        name,
        kind: node.kind,
        start_bp: node.start_bp,
        end_bp: node.end_bp,
        strand: node.strand,
        score: node.score,
        blocks,
        colour: node.colour,
        attributes,
        line: node.line,
    };
    (node.contig, feature)
}
