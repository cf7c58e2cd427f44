//! A feature, whatever file it came from.

use serde::{Deserialize, Serialize};

use crate::Strand;

/// A named stretch of a contig, 0-based and half-open.
///
/// What belongs together in a file (a transcript and its exons) is one feature with [`Block`]s.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    /// What people call it; empty where the file has no name for it.
    pub name: String,
    /// Its type as the file has it: `gene`, `mRNA`, `CDS`; of a variant what it changes: `SNV`, `MNV`, `insertion`,
    /// `deletion`, `delins`; empty in formats without types.
    pub kind: String,
    /// First base.
    pub start_bp: u64,
    /// One past the last base.
    pub end_bp: u64,
    /// Its strand, where it has one.
    pub strand: Option<Strand>,
    /// The score column of the file.
    pub score: Option<f32>,
    /// Its parts from left to right; none where it is all one piece.
    pub blocks: Vec<Block>,
    /// Colour the file asks for: red, green, blue.
    pub colour: Option<[u8; 3]>,
    /// Everything else the file says of it, in the order of the file.
    pub attributes: Vec<(String, String)>,
    /// Line of the unpacked text it stands in, counted from 1; 0 in formats without lines, and where an index led to it.
    pub line: u64,
}

/// A part of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// First base.
    pub start_bp: u64,
    /// One past the last base.
    pub end_bp: u64,
    /// What it is.
    pub kind: BlockKind,
}

/// How a part is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlockKind {
    /// Translated: full height.
    Coding,
    /// Transcribed and not translated: half height.
    Untranslated,
    /// Of a feature that is no gene: full height.
    Part,
}

impl Feature {
    /// The value of an attribute; the first where there are several.
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Number of bases from its first to its last.
    pub fn len_bp(&self) -> u64 {
        self.end_bp.saturating_sub(self.start_bp)
    }

    /// Whether not a single base is in it.
    pub fn is_empty(&self) -> bool {
        self.len_bp() == 0
    }
}
