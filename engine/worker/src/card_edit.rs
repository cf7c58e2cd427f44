//! What a user may change of the card of a head, and how it is checked while it is typed.
//!
//! What the network decides (kind, number of labels, activation) is no part of it.
//!
//! ```
//! use strandscope_worker::card_edit::{LabelFault, name_fault};
//!
//! assert_eq!(name_fault("enhancer"), None);
//! assert_eq!(name_fault("gain/loss"), Some(LabelFault::Letter('/')));
//! ```

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use strandscope_genome::{Strand, track_path};
use strandscope_models::card::{HeadCard, LENGTH_UNTOLD, Label, STRAND_UNTOLD, StrandRule};
use thiserror::Error;

/// Fewest bases of a window: a network makes nothing of less.
pub const LEAST_WINDOW_BP: u64 = 16;

/// Most bases of a window where the network itself has no bound.
pub const MOST_WINDOW_BP: u64 = 1_000_000;

/// Most letters of the name of a label; file names have room for 255 bytes.
pub const MOST_NAME_LETTERS: usize = 60;

/// Ends of names that tracks beside those of the labels have in tables and files.
const TAKEN_ENDS: [&str; 2] = [".disagreement", ".minus"];

/// Lengths that the windows of a head may have, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowLengths {
    /// Fewest bases.
    pub least_bp: u64,
    /// Most bases.
    pub most_bp: u64,
}

impl WindowLengths {
    /// Of a network that reads one length and no other.
    pub fn fixed(length_bp: u64) -> Self {
        Self { least_bp: length_bp, most_bp: length_bp }
    }

    /// Of a network that reads so many bases at once, where it has a bound; what the card says now is always right.
    pub fn up_to(most_bp: Option<u64>, now_bp: u64) -> Self {
        let most_bp = most_bp.unwrap_or(MOST_WINDOW_BP).max(LEAST_WINDOW_BP);
        Self { least_bp: LEAST_WINDOW_BP.min(now_bp), most_bp: most_bp.max(now_bp) }
    }

    /// Whether there is no choice.
    pub fn is_fixed(&self) -> bool {
        self.least_bp == self.most_bp
    }
}

/// What a user says of a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardEdit {
    /// Name for people.
    pub title: String,
    /// What it answers.
    pub description: String,
    /// Labels in the order of the logits.
    pub labels: Vec<Label>,
    /// The default window.
    pub input_length_bp: u64,
    /// Whether strands may be averaged.
    pub strand: StrandRule,
    /// What it is for, and what it is not for.
    pub intended_use: String,
    /// Known limits.
    pub limits: Vec<String>,
    /// Licence of the weights.
    pub licence: String,
    /// Works to cite.
    pub citation: Vec<String>,
}

/// What is wrong with the name of a label.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LabelFault {
    /// There is none.
    #[error("has no name; give it one")]
    Empty,
    /// It is too long.
    #[error("has a name of more than {MOST_NAME_LETTERS} letters; say the rest in its description")]
    Long,
    /// A letter that tables, command lines or file names cannot hold.
    #[error("has {} in its name, which tables or file names cannot hold; take it out", in_words(*.0))]
    Letter(char),
    /// A spreadsheet would compute it.
    #[error("has a name that begins with {0}, which a spreadsheet would compute; begin it with a letter or a digit")]
    Formula(char),
    /// The name is one that another track has.
    #[error("has a name that ends with {0}, which tracks beside those of the labels do; end it otherwise")]
    TakenEnd(&'static str),
    /// Another label has the name, or one that makes the same file name.
    #[error("has the name of label {0}, or one that makes the same file name; name them apart")]
    Twice(usize),
}

/// What is wrong with a card.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CardFault {
    /// The title is empty.
    #[error("The title is empty. Give the head a name for people.")]
    NoTitle,
    /// A label; they are numbered from 0, and from 1 for people.
    #[error("Label {} {fault}.", label + 1)]
    Label {
        /// Which.
        label: usize,
        /// What is wrong with its name.
        fault: LabelFault,
    },
    /// The network makes another number of labels.
    #[error("The card has {given} labels, the network makes {made}. Name {made}.")]
    LabelCount {
        /// Labels of the card.
        given: usize,
        /// Those of the network.
        made: usize,
    },
    /// The network reads one length alone.
    #[error("The network reads windows of {0} bases and no others. Leave the window as it is.")]
    FixedWindow(u64),
    /// The windows are too short or too long.
    #[error(
        "The window has {length_bp} bases, the model reads {least_bp} to {most_bp} at once. Choose a length between."
    )]
    Window {
        /// What was asked for.
        length_bp: u64,
        /// Fewest.
        least_bp: u64,
        /// Most.
        most_bp: u64,
    },
}

impl CardEdit {
    /// What a card says now.
    pub fn of(card: &HeadCard) -> Self {
        Self {
            title: card.title.clone(),
            description: card.description.clone(),
            labels: card.labels.clone(),
            input_length_bp: card.input_length_bp,
            strand: card.strand,
            intended_use: card.intended_use.clone(),
            limits: card.limits.clone(),
            licence: card.licence.clone(),
            citation: card.citation.clone(),
        }
    }

    /// The same without spaces around texts, and without lines that say nothing.
    #[must_use]
    pub fn tidied(self) -> Self {
        let text = |text: String| text.trim().to_owned();
        let lines = |lines: Vec<String>| lines.into_iter().map(text).filter(|line| !line.is_empty()).collect();
        let label = |label: Label| Label { name: text(label.name), description: text(label.description), ..label };
        Self {
            title: text(self.title),
            description: text(self.description),
            labels: self.labels.into_iter().map(label).collect(),
            intended_use: text(self.intended_use),
            limits: lines(self.limits),
            licence: text(self.licence),
            citation: lines(self.citation),
            ..self
        }
    }

    /// All that is wrong, from top to bottom. A name that `before` has already is only held against the others: it may
    /// be that of the makers.
    pub fn faults(&self, before: &HeadCard, windows: WindowLengths) -> Vec<CardFault> {
        let mut faults = Vec::new();
        if self.title.trim().is_empty() {
            faults.push(CardFault::NoTitle);
        }
        let (given, made) = (self.labels.len(), before.labels.len());
        if given != made {
            faults.push(CardFault::LabelCount { given, made });
        }
        faults.extend(self.label_faults(before));
        let WindowLengths { least_bp, most_bp } = windows;
        if !(least_bp..=most_bp).contains(&self.input_length_bp) {
            faults.push(if windows.is_fixed() {
                CardFault::FixedWindow(least_bp)
            } else {
                CardFault::Window { length_bp: self.input_length_bp, least_bp, most_bp }
            });
        }
        faults
    }

    fn label_faults(&self, before: &HeadCard) -> Vec<CardFault> {
        let mut first: BTreeMap<String, usize> = BTreeMap::new();
        let mut faults = Vec::new();
        for (label, Label { name, .. }) in self.labels.iter().enumerate() {
            let is_new = before.labels.get(label).is_none_or(|before| before.name.trim() != name.trim());
            let own = name_fault(name).filter(|fault| is_new || *fault == LabelFault::Empty);
            let in_file = name_in_file(name);
            let twice = first.get(&in_file).map(|other| LabelFault::Twice(other + 1));
            first.entry(in_file).or_insert(label);
            faults.extend(own.or(twice).map(|fault| CardFault::Label { label, fault }));
        }
        faults
    }

    /// The card with what was edited; a limit that has been told meanwhile goes.
    pub fn onto(self, card: HeadCard) -> HeadCard {
        let length_is_told = self.input_length_bp != card.input_length_bp;
        let strand_is_told = self.strand != card.strand;
        let mut limits = self.limits;
        limits.retain(|limit| !(length_is_told && limit == LENGTH_UNTOLD || strand_is_told && limit == STRAND_UNTOLD));
        HeadCard {
            title: self.title,
            description: self.description,
            labels: self.labels,
            input_length_bp: self.input_length_bp,
            strand: self.strand,
            intended_use: self.intended_use,
            limits,
            licence: self.licence,
            citation: self.citation,
            ..card
        }
    }
}

/// What is wrong with the name of a label by itself.
pub fn name_fault(name: &str) -> Option<LabelFault> {
    let name = name.trim();
    let Some(begins) = name.chars().next() else { return Some(LabelFault::Empty) };
    let letter = name.chars().find(|letter| is_refused(*letter)).map(LabelFault::Letter);
    letter
        .or_else(|| "=+-@".contains(begins).then_some(LabelFault::Formula(begins)))
        .or_else(|| TAKEN_ENDS.into_iter().find(|end| name.ends_with(end)).map(LabelFault::TakenEnd))
        .or_else(|| (name.chars().count() > MOST_NAME_LETTERS).then_some(LabelFault::Long))
}

/// No system has these in file names, and names on a command line stand between commas.
fn is_refused(letter: char) -> bool {
    r#"/\<>:"|?*,"#.contains(letter) || letter.is_control()
}

/// What files of a label are called, where capitals count as little as some disks count them.
fn name_in_file(name: &str) -> String {
    track_path(Path::new(""), name.trim(), Strand::Forward, "").to_string_lossy().to_lowercase()
}

fn in_words(letter: char) -> String {
    match letter {
        '\t' => "a tab".to_owned(),
        '\n' | '\r' => "a line break".to_owned(),
        ',' => "a comma".to_owned(),
        letter if letter.is_control() => "a character that cannot be seen".to_owned(),
        letter => format!("“{letter}”"),
    }
}

#[cfg(test)]
mod tests {
    use strandscope_models::card::{Activation, HeadKind};

    use super::*;

    fn card(labels: &[&str]) -> HeadCard {
        let label = |name: &&str| Label { name: (*name).to_owned(), description: String::new(), background: false };
        HeadCard {
            name: "mine".to_owned(),
            title: "mine".to_owned(),
            description: String::new(),
            kind: HeadKind::Sequence,
            labels: labels.iter().map(label).collect(),
            activation: Activation::Softmax,
            input_length_bp: 2_048,
            context_bp: None,
            strand: StrandRule::Stranded,
            training: Vec::new(),
            figures: Vec::new(),
            calibration: Vec::new(),
            intended_use: String::new(),
            limits: vec![LENGTH_UNTOLD.to_owned(), STRAND_UNTOLD.to_owned()],
            licence: "unclear".to_owned(),
            citation: Vec::new(),
            model_sha256: "5f".to_owned(),
            command: String::new(),
        }
    }

    fn named(card: &HeadCard, names: &[&str]) -> CardEdit {
        let mut edit = CardEdit::of(card);
        for (label, name) in edit.labels.iter_mut().zip(names) {
            label.name = (*name).to_owned();
        }
        edit
    }

    const WINDOWS: WindowLengths = WindowLengths { least_bp: 16, most_bp: 2_048 };

    #[test]
    fn names_are_held_against_files_tables_and_each_other() {
        let before = card(&["LABEL_0", "LABEL_1"]);
        let fault_of = |names: &[&str]| match named(&before, names).faults(&before, WINDOWS).into_iter().next() {
            Some(CardFault::Label { label, fault }) => Some((label, fault)),
            None => None,
            Some(other) => panic!("{other:?}"),
        };
        assert_eq!(fault_of(&["enhancer", "5'UTR (α)"]), None, "what people call things");
        for (name, fault) in [
            ("", LabelFault::Empty),
            ("  ", LabelFault::Empty),
            ("a/b", LabelFault::Letter('/')),
            ("a\tb", LabelFault::Letter('\t')),
            ("gain,loss", LabelFault::Letter(',')),
            ("=1+1", LabelFault::Formula('=')),
            ("a.minus", LabelFault::TakenEnd(".minus")),
            ("none.disagreement", LabelFault::TakenEnd(".disagreement")),
            ("none", LabelFault::Twice(1)),
            ("None ", LabelFault::Twice(1)),
            (&"long".repeat(16), LabelFault::Long),
        ] {
            assert_eq!(fault_of(&["none", name]), Some((1, fault)), "{name:?}");
        }
        assert_eq!(fault_of(&["a b", "a_b"]), Some((1, LabelFault::Twice(1))), "one file name");
    }

    #[test]
    fn names_that_the_makers_gave_may_stay() {
        let before = card(&["8988T|DNase", "HepG2|DNase"]);
        assert_eq!(CardEdit::of(&before).faults(&before, WINDOWS), [], "as they were");
        let swapped = named(&before, &["HepG2|DNase", "8988T|DNase"]);
        assert_eq!(swapped.faults(&before, WINDOWS).len(), 2, "those that are typed are looked at");
    }

    #[test]
    fn faults_are_sentences() {
        let before = card(&["LABEL_0", "LABEL_1"]);
        let mut edit = named(&before, &["a\tb", "x"]);
        (edit.title, edit.input_length_bp) = (" ".to_owned(), 5);
        let faults: Vec<String> = edit.faults(&before, WINDOWS).iter().map(ToString::to_string).collect();
        assert_eq!(
            faults,
            [
                "The title is empty. Give the head a name for people.",
                "Label 1 has a tab in its name, which tables or file names cannot hold; take it out.",
                "The window has 5 bases, the model reads 16 to 2048 at once. Choose a length between.",
            ]
        );
        edit.labels.pop();
        assert!(edit.faults(&before, WindowLengths::fixed(120)).contains(&CardFault::FixedWindow(120)), "one length");
        let count = CardFault::LabelCount { given: 1, made: 2 };
        assert!(edit.faults(&before, WINDOWS).contains(&count), "as many as the network makes");
    }

    #[test]
    fn what_was_untold_is_taken_back_once_it_is_told() {
        let before = card(&["LABEL_0", "LABEL_1"]);
        let same = CardEdit::of(&before).onto(before.clone());
        assert_eq!(same, before, "nothing is lost on the way");
        let told = CardEdit { input_length_bp: 512, ..CardEdit::of(&before) }.onto(before.clone());
        assert_eq!(told.limits, [STRAND_UNTOLD], "the length is known now");
        let told = CardEdit { strand: StrandRule::Symmetric, ..CardEdit::of(&before) }.onto(before);
        assert_eq!((told.limits, told.kind), (vec![LENGTH_UNTOLD.to_owned()], HeadKind::Sequence), "and so the strand");
    }

    #[test]
    fn lengths_never_refuse_what_the_card_has() {
        assert_eq!(WindowLengths::up_to(Some(2_048), 1_000), WINDOWS);
        assert_eq!(WindowLengths::up_to(None, 8), WindowLengths { least_bp: 8, most_bp: MOST_WINDOW_BP });
        assert_eq!(WindowLengths::up_to(Some(64), 96).most_bp, 96);
    }

    #[test]
    fn spaces_and_empty_lines_go() {
        let before = card(&["LABEL_0", "LABEL_1"]);
        let mut edit = named(&before, &[" a ", "b"]);
        edit.citation = vec!["One ".to_owned(), "  ".to_owned()];
        let edit = edit.tidied();
        assert_eq!((edit.labels[0].name.as_str(), edit.citation), ("a", vec!["One".to_owned()]));
    }
}
