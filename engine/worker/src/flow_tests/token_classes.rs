//! Fine-tuned checkpoints that answer for each token: contexts read apart, and frames.

use std::{fs, path::Path};

use burn::tensor::{Device, activation::sigmoid};
use serde_json::{Value, json};
use strandscope_genome::{Region, Track, reverse_complement};
use strandscope_models::{
    card::{Activation, HeadCard},
    checkpoint::{Storage, Weights, sha256, to_safetensors},
    config::Config,
    folder::{CHECKPOINT_CARD, Folder},
    model::Model,
    network::Network,
    pass::{Pass, Tokens},
};
use strandscope_tokens::{Tokenizer, TokenizerKind};

use super::{Ended, engine, run, score, tiny::bases};
use crate::{ErrorKind, EvaluateRequest, Outcome, ScoreRequest, Task, WindowChoice, flow_tests::tiny::Tiny};

/// Bases of a stretch and of each context.
const STRETCH: usize = 60;
const CONTEXT: usize = 70;

/// Places of the fixture of GENA-LM.
const PLACES: usize = 64;

/// A folder with the shape and the tokenizer of a fixture, and random weights that tell tokens apart.
fn checkpoint(tiny: &Tiny, name: &str, fixture: &str, architecture: &str, change: impl FnOnce(&mut HeadCard)) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/parity").join(fixture);
    let folder = tiny.path(name);
    fs::create_dir(&folder).expect("a scratch folder");
    for file in ["tokenizer.json", "vocab.txt", "tokenizer_config.json"] {
        if from.join(file).exists() {
            fs::copy(from.join(file), folder.join(file)).expect("a fixture");
        }
    }
    let config = fs::read(from.join("config.json")).expect("a fixture");
    let mut config: Value = serde_json::from_slice(&config).expect("JSON");
    config["architectures"] = json!([architecture]);
    config["id2label"] = json!({ "0": "none", "1": "acceptor", "2": "donor" });
    config["problem_type"] = json!("multi_label_classification");
    let parsed = Config::parse(config.to_string().as_bytes(), "config.json").expect("a configuration");
    let network = Network::load(&parsed, &mut Weights::random(5, &Device::flex()));
    let weights = to_safetensors(&network, Storage::F32).expect("weights");
    let mut card = HeadCard::of_checkpoint(name, parsed.classes().expect("classes"), 100, &sha256(&weights));
    assert_eq!(card.activation, Activation::Sigmoid);
    change(&mut card);
    fs::write(folder.join("config.json"), config.to_string()).expect("a scratch file");
    fs::write(folder.join("model.safetensors"), weights).expect("a scratch file");
    fs::write(folder.join(CHECKPOINT_CARD), serde_json::to_vec(&card).expect("JSON")).expect("a scratch file");
}

fn of_gena(context: usize, stretch: usize) -> Tiny {
    let tiny = Tiny::new();
    checkpoint(&tiny, "gena", "gena_bert_preln", "BertForTokenClassification", |card| {
        card.context_bp = Some(context as u64);
        card.input_length_bp = (2 * context + stretch) as u64;
    });
    tiny
}

fn scored(tiny: &Tiny, head: &str, sequence: &[u8], change: impl FnOnce(&mut ScoreRequest)) -> Ended {
    let path = tiny.write("a.fa", [b">chr1\n", sequence, b"\n"].concat());
    let mut request = ScoreRequest { model: None, ..score(tiny, &path, head, &[]) };
    change(&mut request);
    run(&mut engine(tiny), Task::Score(request))
}

/// Probabilities of a base of a stretch between contexts, as its makers feed the network.
fn expected(tiny: &Tiny, left: &[u8], stretch: &[u8], right: &[u8], base: usize) -> Vec<f32> {
    let model = Model::load(&Folder::Disk(tiny.path("gena")), &Device::flex()).expect("a model");
    let tokenizer = Tokenizer::read(&tiny.path("gena")).expect("a tokenizer");
    let inner = |bases: &[u8]| -> Vec<u32> {
        let ids = tokenizer.encode(bases).expect("bases").ids;
        ids[1..ids.len() - 1].to_vec()
    };
    let (mut left, middle, mut right) = (inner(left), inner(stretch), inner(right));
    while left.len() + middle.len() + right.len() + 4 > PLACES {
        let longer = if left.len() >= right.len() { left.remove(0) } else { right.remove(right.len() - 1) };
        assert!(longer > 0, "no special token");
    }
    let special = tokenizer.special();
    let [cls, sep, pad] = [special.cls, special.sep, special.pad].map(|id| id.expect("a token"));
    let padding = vec![pad; PLACES - 4 - left.len() - middle.len() - right.len()];
    let ids = [vec![cls], left.clone(), vec![sep], middle, vec![sep], right, padding, vec![sep]].concat();
    assert_eq!(ids.len(), PLACES);
    let ids: Vec<i64> = ids.into_iter().map(i64::from).collect();
    let states = model.network.encode(&Tokens::new(ids, PLACES, None), &mut Pass::default()).last;
    let answers = sigmoid(model.network.class_logits(states).expect("classes"));
    let answers = answers.into_data().try_into_vec::<f32>().expect("numbers");
    let spans = tokenizer.encode(stretch).expect("bases").spans;
    let covers = |span: &Option<(usize, usize)>| span.is_some_and(|(start, end)| (start..end).contains(&base));
    let token = spans[1..].iter().position(covers).expect("a token of the base") + left.len() + 2;
    answers[3 * token..][..3].to_vec()
}

fn assert_near(tracks: &[Track], position: usize, want: &[f32]) {
    for (track, want) in tracks.iter().zip(want) {
        let got = track.value_at(position as u64).expect("an answer");
        assert!((got - want).abs() < 1e-5, "{} of base {position}: {got}, not {want}", track.label);
    }
}

#[test]
fn a_stretch_is_read_between_its_contexts() {
    let tiny = of_gena(CONTEXT, STRETCH);
    let sequence = bases(400).into_bytes();
    let ended = scored(&tiny, "gena", &sequence, |_| ());
    let tracks = &ended.tracks;
    assert_eq!(tracks.iter().map(|track| track.label.as_str()).collect::<Vec<_>>(), ["none", "acceptor", "donor"]);
    // Stretches begin every 45 bases; 20 lies in the first alone, 115 in the third, 395 in the last one.
    let between = |start: usize, end: usize, base: usize| {
        let (left, right) = (&sequence[start.saturating_sub(CONTEXT)..start], &sequence[end..(end + CONTEXT).min(400)]);
        expected(&tiny, left, &sequence[start..end], right, base - start)
    };
    assert_near(tracks, 20, &between(0, 60, 20));
    assert_near(tracks, 115, &between(90, 150, 115));
    assert_near(tracks, 398, &between(360, 400, 398));
    assert!(!ended.record().beyond_trained_length, "{:?}", ended.record());
}

#[test]
fn unknown_letters_at_the_outer_ends_are_no_context() {
    let tiny = of_gena(CONTEXT, STRETCH);
    let (gap, stretch, right) = (vec![b'N'; 45], bases(60).into_bytes(), bases(300).into_bytes()[200..].to_vec());
    let sequence = [&gap[..], &stretch, &right].concat();
    let tracks = scored(&tiny, "gena", &sequence, |_| ()).tracks;
    // The stretch from 45 on.
    assert_near(&tracks, 70, &expected(&tiny, &[], &stretch, &right[..CONTEXT], 25));
}

#[test]
fn a_stretch_with_too_many_tokens_is_answered_in_parts() {
    let tiny = of_gena(20, 300);
    let sequence = bases(330).into_bytes();
    let tracks = scored(&tiny, "gena", &sequence, |_| ()).tracks;
    assert!(tracks.iter().all(|track| track.missing.is_empty()), "{:?}", tracks[0].missing);
}

#[test]
fn the_reverse_strand_has_its_contexts_on_the_other_side() {
    let tiny = of_gena(CONTEXT, STRETCH);
    let sequence = bases(400).into_bytes();
    let tracks = scored(&tiny, "gena", &sequence, |request| request.both_strands = true).tracks;
    let turned = |start: usize, end: usize| reverse_complement(&sequence[start..end]);
    assert_near(&tracks[3..], 20, &expected(&tiny, &turned(60, 130), &turned(0, 60), &[], 39));
    assert_near(&tracks[3..], 115, &expected(&tiny, &turned(150, 220), &turned(90, 150), &turned(20, 90), 34));
}

#[test]
fn rows_are_judged_by_the_stretch_around_their_site() {
    let tiny = of_gena(CONTEXT, STRETCH);
    let all = bases(1_200);
    let mut table = "sequence,label\n".to_owned();
    for row in all.as_bytes().chunks_exact(200) {
        let [a, b] = [29, 30].map(|base| expected(&tiny, &row[..70], &row[70..130], &row[130..], base));
        let larger: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a.max(*b)).collect();
        let label = (0..3).max_by(|a, b| larger[*a].total_cmp(&larger[*b])).expect("labels");
        table += &format!("{},{label}\n", String::from_utf8_lossy(row));
    }
    let judged = |tiny: &Tiny, table: &str| {
        let request = EvaluateRequest {
            head: tiny.name("gena"),
            model: None,
            data: tiny.write("rows.csv", table),
            sequence_column: None,
            label_column: None,
            label_names: Vec::new(),
            site_offset: None,
        };
        match run(&mut engine(tiny), Task::Evaluate(request)).result {
            Ok(Outcome::Json(figures)) => figures,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(judged(&tiny, &table)["accuracy"], 1.0, "{table}");
    // A stretch of so many tokens that those of the site in its middle are cut off is read shorter.
    let wide = of_gena(20, 1_100);
    assert_eq!(judged(&wide, &format!("sequence,label\n{all},0\n{all},1\n"))["n"], 2);
}

#[test]
fn contexts_have_one_length() {
    let tiny = of_gena(CONTEXT, STRETCH);
    let ended = scored(&tiny, "gena", b"ACGTACGTACGT", |request| request.window = WindowChoice::Tokens(40));
    assert_eq!(ended.error().kind, ErrorKind::Usage);
    let tiny = of_gena(CONTEXT, 0);
    let error = scored(&tiny, "gena", b"ACGTACGTACGT", |_| ()).error().clone();
    assert!(error.message.contains("context_bp") && error.kind == ErrorKind::BadInput, "{error:?}");
}

#[test]
fn frames_are_means_of_shifted_readings() {
    let tiny = Tiny::new();
    checkpoint(&tiny, "nt", "nucleotide_transformer_v2", "EsmForTokenClassification", |_| ());
    let sequence = bases(100).into_bytes();
    let whole = |frames: bool, start: usize| {
        let ended = scored(&tiny, "nt", &sequence, |request| {
            request.regions = vec![Region::new("chr1", start as u64, 100)];
            request.window = WindowChoice::Whole;
            request.all_frames = frames;
        });
        ended.tracks
    };
    let tokenizer = Tokenizer::read(&tiny.path("nt")).expect("a tokenizer");
    let TokenizerKind::Kmers { k } = tokenizer.kind() else { panic!("{:?}", tokenizer.kind()) };
    let single: Vec<Vec<Track>> = (0..k).map(|start| whole(false, start)).collect();
    let averaged = whole(true, 0);
    for position in 0..100 {
        let want: Vec<f32> = (0..3)
            .map(|label| {
                let values = single.iter().filter_map(|tracks| tracks[label].value_at(position as u64));
                let values: Vec<f32> = values.collect();
                assert_eq!(values.len(), (position + 1).min(k), "frames that reach base {position}");
                values.iter().sum::<f32>() / values.len() as f32
            })
            .collect();
        assert_near(&averaged, position, &want);
    }
}

#[test]
fn words_of_any_length_have_no_frames() {
    let tiny = of_gena(CONTEXT, STRETCH);
    let ended = scored(&tiny, "gena", b"ACGTACGTACGT", |request| request.all_frames = true);
    let error = ended.error();
    assert!(error.kind == ErrorKind::Usage && error.message.contains("--all-frames"), "{error:?}");
}
