//! Tokens and their ids.

use std::collections::HashMap;

/// The tokens of a model and their ids, found to hold together: no text and no id stands there twice.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    pub(crate) id_of: HashMap<String, u32>,
    pub(crate) text_of: HashMap<u32, String>,
    pub(crate) unknown: u32,
}

impl Vocabulary {
    /// Ids of the tokens that stand for no base, by the names in use for them.
    pub(crate) fn special(&self) -> SpecialIds {
        let id_of = |names: &[&str]| names.iter().find_map(|name| self.id_of.get(*name).copied());
        SpecialIds {
            unknown: self.unknown,
            cls: id_of(&["[CLS]", "<cls>", "<s>"]),
            sep: id_of(&["[SEP]", "<sep>", "</s>"]),
            pad: id_of(&["[PAD]", "<pad>"]),
            mask: id_of(&["[MASK]", "<mask>"]),
        }
    }
}

/// Ids of the tokens that stand for no base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecialIds {
    /// Stands for letters that are not in the vocabulary.
    pub unknown: u32,
    /// Stands before the sequence.
    pub cls: Option<u32>,
    /// Stands after the sequence; the Nucleotide Transformer has none.
    pub sep: Option<u32>,
    /// Fills up rows of a batch.
    pub pad: Option<u32>,
    /// Hides a token in masked-language-model training.
    pub mask: Option<u32>,
}
