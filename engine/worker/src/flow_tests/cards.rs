//! Cards that their user edits.

use std::fs;

use strandscope_models::card::{HeadCard, StrandRule};

use super::{end_of, engine, genome, run, score, tiny::Tiny};
use crate::{
    EditCardRequest, Engine, ErrorKind, ImportRequest, OpenedCard, Outcome, ScoreRequest, Task,
    card_edit::{CardEdit, WindowLengths},
};

/// An engine whose library has the tiny model and its heads.
fn stocked(tiny: &Tiny) -> Engine {
    let mut engine = engine(tiny);
    for folder in ["model", "splice", "promoter"] {
        let request = ImportRequest { folder: tiny.path(folder), name: Some(format!("my-{folder}")), force: false };
        let ended = run(&mut engine, Task::ImportModel(request));
        assert!(matches!(ended.result, Ok(Outcome::Written { .. })), "{folder}: {:?}", ended.result);
    }
    engine
}

fn open(engine: &mut Engine, name: &str) -> OpenedCard {
    match run(engine, Task::OpenCard { name: name.to_owned() }).result {
        Ok(Outcome::Card(card)) => card,
        other => panic!("{other:?}"),
    }
}

fn save(name: &str, edit: CardEdit) -> Task {
    Task::EditCard(EditCardRequest { name: name.to_owned(), edit })
}

#[test]
fn a_card_is_written_and_scores_follow_it() {
    let tiny = Tiny::new();
    let mut engine = stocked(&tiny);
    let path = genome(&tiny);
    let request = ScoreRequest { head: "my-splice".into(), model: None, ..score(&tiny, &path, "splice", &[]) };
    let labels = |engine: &mut Engine| {
        let tracks = run(engine, Task::Score(request.clone())).tracks;
        tracks.iter().take(3).map(|track| track.label.clone()).collect::<Vec<_>>()
    };
    assert_eq!(labels(&mut engine), ["none", "donor", "acceptor"], "as it came");

    let opened = open(&mut engine, "my-splice");
    assert_eq!(opened.windows, WindowLengths { least_bp: 16, most_bp: 1_000_000 }, "ALiBi has no bound");
    // Somebody has written something into the card that this program knows nothing of.
    let text = fs::read_to_string(&opened.path).expect("a card");
    fs::write(&opened.path, text.replacen('{', "{\"note\": \"mine\",", 1)).expect("a folder of ours");
    let mut edit = CardEdit::of(&opened.card);
    edit.labels[1].name = " 5' site ".to_owned();
    edit.labels[0].background = true;
    (edit.title, edit.input_length_bp) = ("My head".to_owned(), 256);
    let ended = run(&mut engine, save("my-splice", edit));
    let Ok(Outcome::Written { paths, notes }) = &ended.result else { panic!("{:?}", ended.result) };
    assert_eq!((&paths[..], notes[0].as_str()), (&[opened.path.clone()][..], "The card of my-splice is saved"));

    let text = fs::read_to_string(&opened.path).expect("a card");
    let card: HeadCard = serde_json::from_str(&text).expect("a whole card");
    assert_eq!((card.labels[1].name.as_str(), card.title.as_str(), card.input_length_bp), ("5' site", "My head", 256));
    assert!(card.labels[0].background && text.contains(r#""note": "mine""#), "{text}");
    assert_eq!(card.model_sha256, opened.card.model_sha256, "what nobody edits stays");
    let Ok(Outcome::Library(library)) = run(&mut engine, Task::ListModels).result else { panic!("a list") };
    let listed = library.heads.iter().find(|head| head.card.name == "my-splice").expect("it is listed");
    assert_eq!(listed.card.labels[1].name, "5' site");
    assert_eq!(labels(&mut engine), ["none", "5' site", "acceptor"], "by the head that was loaded before, too");
}

#[test]
fn what_is_refused_leaves_the_card_as_it_was() {
    let tiny = Tiny::new();
    let mut engine = stocked(&tiny);
    let opened = open(&mut engine, "my-promoter");
    assert_eq!(opened.windows, WindowLengths::fixed(120), "its network reads one length");
    let before = fs::read(&opened.path).expect("a card");
    let good = || CardEdit { strand: StrandRule::Stranded, ..CardEdit::of(&opened.card) };
    let mut twice = good();
    twice.labels[1].name = "None".to_owned();
    let longer = CardEdit { input_length_bp: 121, ..good() };
    let fewer = CardEdit { labels: good().labels[..1].to_vec(), ..good() };
    for (edit, words) in [(twice, "name them apart"), (longer, "120 bases and no others"), (fewer, "makes 2")] {
        let ended = run(&mut engine, save("my-promoter", edit));
        assert_eq!(ended.error().kind, ErrorKind::BadInput, "{:?}", ended.result);
        assert!(ended.error().message.contains(words), "{words}: {:?}", ended.result);
    }
    let lock = tiny.path("data/models/.locks/my-promoter");
    let held = fs::OpenOptions::new().create(true).append(true).open(&lock).expect("a lock");
    held.lock().expect("nobody else has it");
    let ended = run(&mut engine, save("my-promoter", good()));
    assert!(ended.error().message.contains("another program"), "{:?}", ended.result);
    assert_eq!(fs::read(&opened.path).expect("a card"), before, "to the byte");
    drop(held);
    let job = engine.run(save("my-promoter", good()));
    assert!(end_of(&engine, job).result.is_ok(), "and then it is saved");
    for (name, words) in [("splice", "built into this program"), ("no-such", "Import its folder first")] {
        let ended = run(&mut engine, save(name, good()));
        assert!(ended.error().message.contains(words), "{name}: {:?}", ended.result);
    }
}
