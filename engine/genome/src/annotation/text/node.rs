//! Rows of GFF3 and GTF on their way to becoming features.

use super::naming::is_transcript_kind;
use crate::Strand;

/// What a row is to the one it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Class {
    /// A feature of its own.
    #[default]
    Own,
    /// A piece of a transcript.
    Exon,
    /// A translated piece, stop codon included: GTF writes it apart from the last CDS.
    Coding,
    /// A piece that is not translated.
    Untranslated,
    /// A piece of an alignment.
    Match,
    /// Something that the other pieces imply.
    Implied,
}

impl Class {
    /// That of a type.
    pub(super) fn of(kind: &str) -> Self {
        match kind {
            "CDS" | "cds" | "stop_codon" | "start_codon" => Self::Coding,
            "UTR" | "5UTR" | "3UTR" => Self::Untranslated,
            "match_part" => Self::Match,
            "intron" | "Selenocysteine" | "stop_codon_redefined_as_selenocysteine" => Self::Implied,
            _ if kind.ends_with("exon") => Self::Exon,
            _ if kind.eq_ignore_ascii_case("five_prime_UTR") || kind.eq_ignore_ascii_case("three_prime_UTR") => {
                Self::Untranslated
            }
            _ => Self::Own,
        }
    }
}

/// A row that may become a feature, or several rows with the same ID.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) contig: u32,
    pub(super) class: Class,
    pub(super) kind: String,
    pub(super) start_bp: u64,
    pub(super) end_bp: u64,
    pub(super) strand: Option<Strand>,
    pub(super) score: Option<f32>,
    pub(super) colour: Option<[u8; 3]>,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) line: u64,
    /// Empty where it has none.
    pub(super) id: String,
    pub(super) parents: Vec<String>,
    /// Where its rows lie, when there are several.
    pub(super) pieces: Vec<(u64, u64)>,
    /// Pieces that other rows have told of.
    pub(super) parts: Vec<Part>,
    /// Whether what its coding parts say of it has been taken over.
    pub(super) has_coding_attributes: bool,
    /// Whether its parts alone tell of it, and no row of its own.
    pub(super) is_implied: bool,
}

/// A row that belongs to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) class: Class,
    pub(super) start_bp: u64,
    pub(super) end_bp: u64,
}

impl Node {
    /// All its pieces.
    pub(super) fn as_parts(&self) -> impl Iterator<Item = Part> {
        let whole = self.pieces.is_empty().then_some((self.start_bp, self.end_bp));
        let pieces = self.pieces.iter().copied().chain(whole);
        pieces.map(|(start_bp, end_bp)| Part { class: self.class, start_bp, end_bp })
    }

    /// Whether another row belongs to the same feature: the same ID, as the pieces of a discontinuous one have it.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.contig == other.contig
            && self.kind == other.kind
            && self.strand == other.strand
            && self.parents == other.parents
            && !self.is_implied
    }

    /// Takes another piece.
    pub(super) fn extend(&mut self, start_bp: u64, end_bp: u64) {
        if self.pieces.is_empty() {
            self.pieces.push((self.start_bp, self.end_bp));
        }
        self.pieces.push((start_bp, end_bp));
        self.widen(start_bp, end_bp);
    }

    /// Reaches at least over a stretch; says whether it did not before.
    pub(super) fn widen(&mut self, start_bp: u64, end_bp: u64) -> bool {
        let is_wider = start_bp < self.start_bp || end_bp > self.end_bp;
        self.start_bp = self.start_bp.min(start_bp);
        self.end_bp = self.end_bp.max(end_bp);
        is_wider
    }

    /// Whether a stretch lies within.
    pub(super) fn holds(&self, start_bp: u64, end_bp: u64) -> bool {
        self.start_bp <= start_bp && end_bp <= self.end_bp
    }

    /// Whether it stands for its transcripts.
    pub(super) fn is_gene(&self) -> bool {
        self.kind.ends_with("gene")
    }

    /// Whether it is one of the transcripts of a gene.
    pub(super) fn is_transcript(&self) -> bool {
        !self.parts.is_empty() || is_transcript_kind(&self.kind)
    }
}

/// A gene that is shown by its transcripts: the search leads to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::annotation) struct Landmark {
    pub(in crate::annotation) contig: u32,
    pub(in crate::annotation) kind: String,
    /// What people call it.
    pub(in crate::annotation) name: String,
    /// What else it is called.
    pub(in crate::annotation) names: Vec<String>,
    pub(in crate::annotation) start_bp: u64,
    pub(in crate::annotation) end_bp: u64,
}
