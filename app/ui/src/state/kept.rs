//! Tracks of heads that were picked before: they stay above those of the head that is picked, for comparing.

use strandscope_worker::HeadEntry;

use super::{Order, State, pieces::Pieces, work::Purpose};

/// A head whose tracks stay, and what it has scored.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// Its name.
    pub(crate) head: String,
    pub(crate) scores: Pieces,
}

impl State {
    /// A head by name.
    pub(crate) fn head_named(&self, name: &str) -> Option<&HeadEntry> {
        self.library.as_ref()?.heads.iter().find(|entry| entry.card.name == name)
    }

    /// Name of the model whose tokens and attention are shown: that of the head that is picked; `None` for the built-in
    /// one.
    pub(crate) fn model(&self) -> Option<String> {
        let model = self.library.as_ref()?.model_of(self.head_entry()?)?;
        (model.source != "built-in").then(|| model.card.name.clone())
    }

    /// Whether the tracks of the head that is picked stay when another is picked.
    pub(crate) fn keeps_tracks(&self) -> bool {
        self.head.as_ref().is_some_and(|head| self.keep.contains(head))
    }

    /// Keeps the tracks of the head that is picked when another is picked, or does not.
    pub(crate) fn keep_tracks(&mut self, keep: bool) {
        let Some(head) = self.head.clone() else { return };
        if keep {
            self.keep.insert(head);
        } else {
            self.keep.remove(&head);
        }
    }

    /// Takes away the tracks of a head that is not picked any more.
    pub(crate) fn drop_kept(&mut self, head: &str) {
        self.keep.remove(head);
        let at = self.kept.iter().position(|kept| kept.head == head);
        if let Some(kept) = at.map(|at| self.kept.remove(at)) {
            self.cancel_scores_of(&kept.scores);
        }
    }

    /// Picks a head; what another one has scored goes unless it is to be kept, and what is in view is scored if
    /// anything was.
    pub(crate) fn pick_head(&mut self, name: &str) {
        if self.head.as_deref() == Some(name) {
            return;
        }
        let (again, model) = (self.is_scored(), self.model());
        self.end_record_run();
        let scores = std::mem::take(&mut self.scores);
        match self.head.take().filter(|head| self.keep.contains(head) && !scores.is_empty()) {
            Some(head) => self.kept.push(Kept { head, scores }),
            None => self.cancel_scores_of(&scores),
        }
        if let Some(at) = self.kept.iter().position(|kept| kept.head == name) {
            self.scores = self.kept.remove(at).scores;
        }
        self.head = Some(name.to_owned());
        self.null_bands.clear();
        if self.model() != model {
            self.drop_tokens_and_attention();
        }
        if again {
            self.score_view();
        }
    }

    /// Tokens and attention are those of one model: with another they are asked for anew.
    fn drop_tokens_and_attention(&mut self) {
        let of_model = |purpose: &Purpose| matches!(purpose, Purpose::Tokens { .. } | Purpose::Attention { .. });
        let jobs = self.jobs.take_if(of_model);
        self.orders.extend(jobs.into_iter().map(Order::Cancel));
        self.tokens.clear();
        self.attention.clear();
    }

    /// Stops what is being scored into these pieces.
    pub(super) fn cancel_scores_of(&mut self, pieces: &Pieces) {
        let jobs = self.jobs.take_if(|purpose| matches!(purpose, Purpose::Score { piece } if pieces.holds(*piece)));
        self.orders.extend(jobs.into_iter().map(Order::Cancel));
    }

    /// The pieces that a job scores into.
    pub(super) fn scores_with(&mut self, piece: u64) -> &mut Pieces {
        let kept = self.kept.iter_mut().map(|kept| &mut kept.scores);
        let mut kept: Vec<&mut Pieces> = kept.filter(|scores| scores.holds(piece)).collect();
        kept.pop().unwrap_or(&mut self.scores)
    }
}
