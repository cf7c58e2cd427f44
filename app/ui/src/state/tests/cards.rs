//! Cards that are edited, and what is shown then.

use strandscope_worker::card_edit::CardEdit;

use super::*;

/// A view that is scored with the head `splice`, of two labels, one of them with a line across its track.
fn scored() -> (Played, JobId) {
    let mut played = Played::new();
    played.state.library = Some(library(|card| card));
    played.open("a.fa", &[5_000]);
    let job = played.score();
    played.post(Event::TrackChunk { job, chunk: chunk(0, 100) });
    played.state.thresholds.insert("donor".into(), 0.8);
    (played, job)
}

/// Heads as they are listed once the card of `splice` is another one.
fn library(edit: impl Fn(HeadCard) -> HeadCard) -> Library {
    let mut splice = head("splice");
    splice.card.labels.push(Label { name: "acceptor".into(), description: String::new(), background: false });
    splice.card = edit(splice.card);
    Library { heads: vec![splice, head("promoter")], ..Library::default() }
}

fn renamed(names: [&'static str; 2]) -> impl Fn(HeadCard) -> HeadCard {
    move |mut card| {
        card.labels.iter_mut().zip(names).for_each(|(label, name)| label.name = name.into());
        card
    }
}

/// Saves a card; what is listed then is `after`.
fn save(played: &mut Played, after: Library) {
    let edit = CardEdit::of(&after.heads[0].card);
    played.state.save_card("splice", edit);
    played.send();
    let job = played.last();
    assert!(played.state.is_saving_card("splice"), "it is told");
    played.finish(job, Outcome::Written { paths: vec![], notes: vec!["The card of splice is saved".into()] });
    assert_eq!(played.state.cards, [cards::CardNews::Saved("splice".into())], "the dialog hears of it");
    list(played, after);
}

fn list(played: &mut Played, library: Library) {
    assert_eq!(played.tasks.last().map(|(_, task)| task), Some(&Task::ListModels), "it is listed anew");
    let job = played.last();
    played.finish(job, Outcome::Library(library));
}

fn shown(played: &Played) -> Vec<(String, usize, Option<f32>)> {
    let state = &played.state;
    let lanes = state.lanes().into_iter().filter(Lane::is_of_model);
    lanes.map(|lane| (lane.name.clone(), state.layers(&lane, "chr1").len(), state.threshold(&lane))).collect()
}

#[test]
fn scores_get_the_new_names_of_their_labels() {
    let (mut played, job) = scored();
    played.finish(job, Outcome::Run(RunRecord::default()));
    played.state.toggle_label("acceptor");
    save(&mut played, library(renamed(["acceptor", "donor"])));
    assert_eq!(shown(&played), [("acceptor".to_owned(), 1, Some(0.8))], "values, line and what is hidden go along");
    assert_eq!(played.state.scores.keys()[0].0.label, "acceptor", "the track itself says so, for files");
    assert_eq!(played.tasks.last().map(|(_, task)| task), Some(&Task::ListModels), "nothing is computed again");
}

#[test]
fn other_windows_are_scored_again() {
    let (mut played, job) = scored();
    played.finish(job, Outcome::Run(RunRecord::default()));
    save(&mut played, library(|card| HeadCard { input_length_bp: 500, ..card }));
    assert!(played.state.scores.is_empty(), "the old values are gone");
    assert!(matches!(played.tasks.last(), Some((_, Task::Score(request))) if request.head == "splice"), "scored again");
}

#[test]
fn what_is_scored_while_a_card_is_written_is_scored_again() {
    let (mut played, job) = scored();
    save(&mut played, library(renamed(["first", "second"])));
    assert!(played.cancelled.contains(&job), "it may give labels of either card");
    assert!(played.state.scores.is_empty(), "nothing of it is shown under a wrong name");
    assert!(matches!(played.tasks.last(), Some((_, Task::Score(_)))), "scored again");
    assert_eq!(played.state.thresholds.get("first"), Some(&0.8), "its line stays");
}

#[test]
fn texts_leave_scores_as_they_are() {
    let (mut played, job) = scored();
    save(&mut played, library(|card| HeadCard { title: "Splice sites".into(), ..card }));
    assert!(!played.cancelled.contains(&job), "the work goes on");
    assert_eq!(shown(&played)[0], ("donor".to_owned(), 1, Some(0.8)), "as it was");
    assert_eq!(played.state.head_entry().map(|entry| entry.card.title.as_str()), Some("Splice sites"), "renamed");
}

#[test]
fn cards_that_others_change_are_followed() {
    let (mut played, job) = scored();
    played.finish(job, Outcome::Run(RunRecord::default()));
    played.state.remove_model("something");
    played.send();
    let job = played.last();
    played.finish(job, Outcome::Written { paths: vec![], notes: vec![] });
    list(&mut played, library(renamed(["first", "second"])));
    assert!(matches!(played.tasks.last(), Some((_, Task::Score(_)))), "scored again, as nobody knows which came first");
}

#[test]
fn a_card_that_cannot_be_saved_is_told_to_its_dialog() {
    let (mut played, _) = scored();
    let edit = CardEdit::of(&library(|card| card).heads[0].card);
    played.state.save_card("splice", edit);
    played.send();
    let job = played.last();
    played.post(Event::Failed { job, error: error("the disk is full") });
    assert_eq!(played.state.cards, [cards::CardNews::Failed("splice".into(), error("the disk is full"))]);
    assert!(played.state.failure.is_none() && !played.state.is_saving_card("splice"), "and to nobody else");
}
