//! Cards of heads that are edited, and what follows for what is shown.

use std::collections::{BTreeMap, BTreeSet};

use strandscope_worker::{
    EditCardRequest, HeadEntry, JobError, Library, OpenedCard, Task, card::HeadCard, card_edit::CardEdit,
};

use super::{State, work::Purpose};

/// What has become of a card that is edited; the first field names the head.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CardNews {
    /// It was read.
    Opened(String, Box<OpenedCard>),
    /// It was written.
    Saved(String),
    /// It could not be read or written.
    Failed(String, JobError),
}

/// Labels before and after, by their place.
struct Renamed(BTreeMap<String, String>);

impl Renamed {
    fn of(before: &HeadCard, after: &HeadCard) -> Self {
        let pairs = before.labels.iter().zip(&after.labels).filter(|(before, after)| before.name != after.name);
        Self(pairs.map(|(before, after)| (before.name.clone(), after.name.clone())).collect())
    }

    /// The new name of a label; the disagreement of both strands goes with it.
    fn find(&self, label: &str) -> Option<String> {
        const DISAGREEMENT: &str = ".disagreement";
        let of_both = || Some(format!("{}{DISAGREEMENT}", self.0.get(label.strip_suffix(DISAGREEMENT)?)?));
        self.0.get(label).cloned().or_else(of_both)
    }
}

impl State {
    /// Reads the card of a head of the library, to be edited.
    pub(crate) fn open_card(&mut self, head: &str) {
        self.order(Purpose::OpenCard(head.to_owned()), Task::OpenCard { name: head.to_owned() });
    }

    /// Writes what was edited of it.
    pub(crate) fn save_card(&mut self, head: &str, edit: CardEdit) {
        self.settled.insert(head.to_owned(), self.whole_pieces(head));
        let request = EditCardRequest { name: head.to_owned(), edit };
        self.order(Purpose::SaveCard(head.to_owned()), Task::EditCard(request));
    }

    /// Whether the card of this head is being written.
    pub(crate) fn is_saving_card(&self, head: &str) -> bool {
        self.jobs.any(|purpose| matches!(purpose, Purpose::SaveCard(name) if name == head))
    }

    /// Whether the card of this head is being read.
    pub(crate) fn is_opening_card(&self, head: &str) -> bool {
        self.jobs.any(|purpose| matches!(purpose, Purpose::OpenCard(name) if name == head))
    }

    /// Pieces of a head's scores that no job works on.
    fn whole_pieces(&self, head: &str) -> BTreeSet<u64> {
        let under_way = |name: u64| self.jobs.any(|purpose| *purpose == Purpose::Score { piece: name });
        let kept = self.kept.iter().filter(|kept| kept.head == head).map(|kept| &kept.scores);
        let picked = (self.head.as_deref() == Some(head)).then_some(&self.scores);
        kept.chain(picked).flat_map(|pieces| pieces.names()).filter(|name| !under_way(*name)).collect()
    }

    /// What is shown follows cards that are others than they were: tracks get their new labels, or are scored again
    /// where they would be others as well.
    pub(super) fn follow_cards(&mut self, before: &Library) {
        let Some(library) = &self.library else { return };
        let changed = |before: &HeadEntry| {
            let after = library.heads.iter().find(|after| after.card.name == before.card.name)?;
            (before != after).then(|| (before.clone(), after.clone()))
        };
        let changed: Vec<_> = before.heads.iter().filter_map(changed).collect();
        let again = self.is_scored();
        let mut dropped = false;
        for (before, after) in &changed {
            self.follow_label_settings(&before.card, &after.card);
            dropped |= self.follow_card(before, after);
        }
        if dropped && again {
            self.score_view();
        }
    }

    /// The same of one head that is picked or kept; says whether its scores are dropped.
    fn follow_card(&mut self, before: &HeadEntry, after: &HeadEntry) -> bool {
        let name = &after.card.name;
        let settled = self.settled.remove(name).unwrap_or_default();
        let kept = self.kept.iter().position(|kept| kept.head == *name);
        let is_picked = self.head.as_ref() == Some(name);
        let Some(pieces) = (match kept {
            Some(at) => Some(&mut self.kept[at].scores),
            None => is_picked.then_some(&mut self.scores),
        }) else {
            return false;
        };
        let renamed = Renamed::of(&before.card, &after.card);
        let same_scores = gives_the_same_scores(before, after);
        if same_scores && renamed.0.is_empty() {
            return false;
        }
        // What was scored while the card was being written may have labels of either.
        if same_scores && pieces.names().all(|name| settled.contains(&name)) {
            pieces.relabel(|label| renamed.find(label));
            return false;
        }
        let pieces = std::mem::take(pieces);
        self.cancel_scores_of(&pieces);
        true
    }

    /// Lines across tracks and labels that are shown or not go with their labels.
    fn follow_label_settings(&mut self, before: &HeadCard, after: &HeadCard) {
        let renamed = Renamed::of(before, after);
        let lines: Vec<_> = renamed.0.iter().map(|(old, new)| (new, self.thresholds.get(old).copied())).collect();
        for (new, line) in lines {
            // A label of another head may have this name, and its line stays.
            let was_ours = renamed.0.contains_key(new);
            match line {
                Some(line) => self.thresholds.insert(new.clone(), line),
                None if was_ours => self.thresholds.remove(new),
                None => None,
            };
        }
        let toggled = |old: &str| self.hidden.contains(&(before.name.clone(), old.to_owned()));
        let both = before.labels.iter().zip(&after.labels);
        // Where a label has become one that says nothing, or is none any more, it is drawn as such labels are.
        let stays = both.filter(|(old, new)| old.background == new.background && toggled(&old.name));
        let stays: Vec<String> = stays.map(|(_, new)| new.name.clone()).collect();
        self.hidden.retain(|(head, _)| *head != before.name);
        self.hidden.extend(stays.into_iter().map(|label| (before.name.clone(), label)));
    }
}

/// Whether scores of a head are the same but for their labels.
fn gives_the_same_scores(before: &HeadEntry, after: &HeadEntry) -> bool {
    let windows = |entry: &HeadEntry| {
        let HeadCard { kind, activation, input_length_bp, context_bp, strand, labels, .. } = &entry.card;
        (*kind, *activation, *input_length_bp, *context_bp, *strand, labels.len())
    };
    windows(before) == windows(after) && before.sha256 == after.sha256
}
