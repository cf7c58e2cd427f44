//! A card as it is being typed: what stands in the fields, and whether that can be saved.

use strandscope_worker::{
    OpenedCard,
    card::{HeadCard, Label, StrandRule},
    card_edit::{CardEdit, CardFault, WindowLengths},
};

/// What stands in the fields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Draft {
    pub(crate) fields: Fields,
    /// What stood in them at first.
    first: Fields,
    before: OpenedCard,
}

/// The fields; those of several lines hold one thing in each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) labels: Vec<Label>,
    pub(crate) window_bp: String,
    pub(crate) strand: StrandRule,
    pub(crate) intended_use: String,
    pub(crate) limits: String,
    pub(crate) licence: String,
    pub(crate) citation: String,
}

/// Why a draft cannot be saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The first thing that is wrong, a sentence.
    pub(crate) reason: String,
    pub(crate) title: bool,
    pub(crate) window: bool,
    /// Which labels, numbered from 0.
    pub(crate) labels: Vec<usize>,
}

impl Draft {
    pub(crate) fn of(before: OpenedCard) -> Self {
        let edit = CardEdit::of(&before.card);
        let fields = Fields {
            title: edit.title,
            description: edit.description,
            labels: edit.labels,
            window_bp: edit.input_length_bp.to_string(),
            strand: edit.strand,
            intended_use: edit.intended_use,
            limits: edit.limits.join("\n"),
            licence: edit.licence,
            citation: edit.citation.join("\n"),
        };
        Self { first: fields.clone(), fields, before }
    }

    /// The card as it was.
    pub(crate) fn before(&self) -> &HeadCard {
        &self.before.card
    }

    /// The file of the card, for people.
    pub(crate) fn path(&self) -> String {
        self.before.path.display().to_string()
    }

    /// How long windows may be.
    pub(crate) fn windows(&self) -> WindowLengths {
        self.before.windows
    }

    /// Whether anything has been typed that is not saved.
    pub(crate) fn is_changed(&self) -> bool {
        self.fields != self.first
    }

    /// What is to be saved, or why it cannot be.
    pub(crate) fn edit(&self) -> Result<CardEdit, Refusal> {
        let Fields { title, description, labels, window_bp, strand, intended_use, limits, licence, citation } =
            self.fields.clone();
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        let length_bp = bases(&window_bp);
        let edit = CardEdit {
            title,
            description,
            labels,
            input_length_bp: length_bp.unwrap_or(self.before.card.input_length_bp),
            strand,
            intended_use,
            limits: lines(&limits),
            licence,
            citation: lines(&citation),
        }
        .tidied();
        let faults = edit.faults(&self.before.card, self.before.windows);
        let mut refusal = Refusal { window: length_bp.is_none(), ..Refusal::default() };
        for fault in &faults {
            match fault {
                CardFault::NoTitle => refusal.title = true,
                CardFault::Label { label, .. } => refusal.labels.push(*label),
                CardFault::FixedWindow(_) | CardFault::Window { .. } => refusal.window = true,
                CardFault::LabelCount { .. } => {}
            }
        }
        match faults.first() {
            Some(fault) => refusal.reason = fault.to_string(),
            None if length_bp.is_none() => {
                refusal.reason = "The window is no whole number of bases. Type one, such as 1000.".to_owned();
            }
            None => return Ok(edit),
        }
        Err(refusal)
    }
}

/// A number of bases as people type it: `1000`, `1,000`, `1 000`.
fn bases(text: &str) -> Option<u64> {
    let digits: String = text.chars().filter(|letter| !matches!(letter, ',' | ' ' | '_' | '\u{202F}')).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use strandscope_worker::card::{Activation, HeadKind};

    use super::*;

    fn draft() -> Draft {
        let label = |name: &str| Label { name: name.into(), description: String::new(), background: false };
        let card = HeadCard {
            name: "mine".into(),
            title: "Mine".into(),
            description: String::new(),
            kind: HeadKind::Sequence,
            labels: vec![label("LABEL_0"), label("LABEL_1")],
            activation: Activation::Softmax,
            input_length_bp: 2_048,
            context_bp: None,
            strand: StrandRule::Stranded,
            training: vec![],
            figures: vec![],
            calibration: Vec::new(),
            intended_use: String::new(),
            limits: vec!["One.".into(), "Two.".into()],
            licence: "unclear".into(),
            citation: vec![],
            model_sha256: String::new(),
            command: String::new(),
        };
        Draft::of(OpenedCard {
            card,
            path: "card.json".into(),
            windows: WindowLengths { least_bp: 16, most_bp: 5_120 },
        })
    }

    #[test]
    fn what_is_typed_becomes_an_edit() {
        let mut draft = draft();
        assert_eq!(draft.edit(), Ok(CardEdit::of(draft.before())), "nothing typed, nothing changed");
        assert!(!draft.is_changed(), "and nothing to lose");
        draft.fields.window_bp = " 1,000".into();
        draft.fields.citation = "Somebody 2024\n\n Another 2025 ".into();
        let edit = draft.edit().expect("it can be saved");
        assert_eq!((edit.input_length_bp, edit.limits.len()), (1_000, 2), "the length, and lines as they were");
        assert_eq!(edit.citation, ["Somebody 2024", "Another 2025"], "one per line");
        assert!(draft.is_changed(), "and something to lose");
    }

    #[test]
    fn what_is_wrong_is_said_and_marked() {
        let mut draft = draft();
        draft.fields.window_bp = "long".into();
        let refusal = draft.edit().expect_err("no number");
        assert_eq!((refusal.window, refusal.title), (true, false), "marked");
        assert!(refusal.reason.contains("no whole number of bases"), "{}", refusal.reason);
        draft.fields.labels[1].name = "LABEL_0".into();
        let refusal = draft.edit().expect_err("twice the same");
        assert_eq!((refusal.window, refusal.labels), (true, vec![1]), "both are marked");
        assert!(refusal.reason.starts_with("Label 2 has the name of label 1"), "{}", refusal.reason);
    }
}
