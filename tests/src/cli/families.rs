//! Every published family through the program: a stretch of a real gene, labelled sequences, and folders that do not
//! hold together.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Place, genome};
use crate::parity::read;

/// A checkpoint of each family with its tokenizer, from the parity fixtures.
const MODELS: [&str; 9] = [
    "dnabert2",
    "dnabert_k3",
    "dnagrinder",
    "gena_bert_preln_lastln",
    "gena_bigbird",
    "gena_rmt",
    "gena_sparse_rope",
    "nucleotide_transformer_v1",
    "nucleotide_transformer_v2",
];

/// Fine-tuned checkpoints, which are their own heads.
const CLASSIFIERS: [&str; 5] = [
    "dnabert2_classifier",
    "dnabert_k3_classifier",
    "dnagrinder_classifier",
    "gena_rmt",
    "nucleotide_transformer_v2_classifier",
];

const CONTIG: &str = "NT_030059.13";

/// 20,000 bases of the gene PTEN.
const STRETCH: &str = "NT_030059.13:20001-40000";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parity").join(name)
}

fn named(name: &str) -> String {
    fixture(name).display().to_string()
}

fn pten() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/examples/human_PTEN_GRCh37.fa.gz").display().to_string()
}

/// Rows of a table, without its head.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let rows = text.lines().filter(|line| !line.starts_with('#') && !line.starts_with("contig\t"));
    rows.map(|line| line.split('\t').collect()).collect()
}

/// Whether rows with start and end in columns 1 and 2 cover the stretch once, in order.
fn cover(rows: &[Vec<&str>]) -> bool {
    let mut next = 20_001;
    for row in rows {
        let (start, end): (u64, u64) = (row[1].parse().expect("a start"), row[2].parse().expect("an end"));
        if start != next || end < start {
            return false;
        }
        next = end + 1;
    }
    next == 40_001
}

#[test]
fn every_family_embeds_a_stretch_of_a_gene() {
    let place = Place::new();
    for model in MODELS {
        let args = ["embed", &pten(), "--region", STRETCH, "--model", &named(model), "--device", "cpu", "--force"];
        place.run(&[&args[..], &["-o", "mean.safetensors"]].concat()).expect(0);
        let mean = &read(&place.path("mean.safetensors"))["embeddings"];
        assert!(mean.shape[0] == 1 && mean.values.iter().all(|value| value.is_finite()), "{model}: {:?}", mean.shape);
        place.run(&[&args[..], &["--pool", "none", "-o", "none.safetensors"]].concat()).expect(0);
        let none = read(&place.path("none.safetensors"));
        let (states, spans) = (&none[&format!("embeddings.{CONTIG}")], &none[&format!("spans.{CONTIG}")]);
        assert_eq!(states.shape[0], spans.shape[0], "{model}: a span for each token");
        // 0-based, on the contig; a token belongs to the stretch in which it begins.
        let first = spans.values.first().copied().expect("a span");
        assert!((20_000.0..20_006.0).contains(&first), "{model}: {first}");
        // The mean over tokens is the mean.
        let width = mean.shape[1];
        for (channel, mean) in mean.values.iter().enumerate() {
            let sum: f64 = states.values.iter().skip(channel).step_by(width).sum();
            assert!((sum / states.shape[0] as f64 - mean).abs() < 1e-5, "{model}: channel {channel}");
        }
    }
}

#[test]
fn every_family_tells_where_its_attention_went() {
    let place = Place::new();
    for model in MODELS {
        let args = ["attention", &pten(), "--region", STRETCH, "--model", &named(model), "--device", "cpu"];
        let table = place.run(&[&args[..], &["--stat", "received"]].concat()).expect(0).out;
        let rows = rows(&table);
        assert!(cover(&rows), "{model}: every base has a value");
        let values = rows.iter().map(|row| row[5].parse::<f64>().expect("a number"));
        assert!(values.into_iter().all(|value| value.is_finite() && value >= 0.0), "{model}: weights");
    }
}

/// A network with recurrent memory sees no further than its piece, here of up to 25 tokens.
#[test]
fn attention_of_recurrent_memory_stays_within_its_pieces() {
    const PIECE_TOKENS: usize = 25;
    let place = Place::new();
    let region = "NT_030059.13:20001-20200";
    let args = ["attention", &pten(), "--region", region, "--model", &named("gena_rmt"), "--device", "cpu"];
    let table = |more: &[&str]| place.run(&[&args[..], more].concat()).expect(0).out;
    let spans = table(&["--stat", "received"]);
    let tokens = rows(&spans);
    assert!(tokens.len() > PIECE_TOKENS, "several pieces: {} tokens", tokens.len());
    let of_row = table(&["--stat", "row", "--query", "20101"]);
    let given: Vec<f64> = rows(&of_row).iter().map(|row| row[5].parse().expect("a number")).collect();
    let seen: Vec<usize> = (0..given.len()).filter(|token| given[*token] > 0.0).collect();
    let (first, last) = (seen.first().expect("a partner"), seen.last().expect("a partner"));
    assert!(last - first < PIECE_TOKENS, "tokens {first} to {last}");
    assert!(rows(&of_row)[*first..=*last].iter().any(|row| row[1] <= "20101" && "20101" <= row[2]), "around the query");
    let sum: f64 = given.iter().sum();
    assert!(sum > 0.1 && sum < 1.0, "the rest goes to the memory and the tokens around the piece: {sum}");
    // The strongest partners of a token are those of its row.
    let top = table(&["--stat", "top"]);
    let pairs = rows(&top);
    assert!(pairs.iter().all(|row| row.len() == 8), "a partner on each line");
    let map = table(&["--stat", "map", "--bins", "4"]);
    assert!(map.lines().count() >= 4, "{map}");
    let refused = place.run(&[&args[..], &["--stat", "rollout"]].concat()).expect(2);
    assert!(refused.err.contains("piece by piece"), "{}", refused.err);
}

#[test]
fn a_fine_tuned_checkpoint_is_a_head() {
    let place = Place::new();
    for model in CLASSIFIERS {
        let args = ["score", &pten(), "--region", STRETCH, "--head", &named(model), "--device", "cpu"];
        let table = place.run(&args).expect(0).out;
        let rows = rows(&table);
        let labels: std::collections::BTreeSet<&str> = rows.iter().map(|row| row[4]).collect();
        assert!(labels.len() >= 2 && labels.iter().all(|label| label.starts_with("LABEL_")), "{model}: {labels:?}");
        let one: Vec<_> = rows.iter().filter(|row| row[4] == "LABEL_0").cloned().collect();
        assert!(cover(&one), "{model}: every base has a value");
        for row in rows.iter().filter(|row| row[5] != ".") {
            assert!((0.0..=1.0).contains(&row[5].parse::<f64>().expect("a number")), "{model}: a probability");
        }
    }
}

#[test]
fn a_head_is_trained_on_every_family() {
    let place = Place::new();
    // Which of two motifs stands in the middle.
    let mut table = "sequence,label\n".to_owned();
    let noise = genome(24_000);
    let bases = noise.lines().nth(1).expect("a sequence");
    for (row, bases) in bases.as_bytes().chunks_exact(46).take(500).enumerate() {
        let bases = std::str::from_utf8(bases).expect("letters");
        let motif = ["TATAAATA", "GCGCGCGC"][row % 2];
        table += &format!("{}{motif}{},{}\n", &bases[..20], &bases[20..40], ["box", "island"][row % 2]);
    }
    let rows: Vec<&str> = table.lines().collect();
    place.write("train.csv", rows[..401].join("\n"));
    place.write("dev.csv", [&rows[..1], &rows[401..]].concat().join("\n"));
    for model in MODELS {
        let folder = format!("head-{model}");
        let args =
            ["finetune", "--model", &named(model), "--train", "train.csv", "--dev", "dev.csv", "--task", "classify"];
        place.run(&[&args[..], &["-o", &folder, "--device", "cpu"]].concat()).expect(0);
        let args = ["evaluate", "--model", &named(model), "--head", &folder, "--data", "dev.csv", "--json"];
        let told = place.run(&[&args[..], &["--device", "cpu"]].concat()).expect(0).out;
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        assert!(told["mcc"].as_f64().is_some_and(|mcc| mcc > 0.8), "{model}: {told}");
        let args = ["score", &pten(), "--region", "NT_030059.13:20001-20500", "--head", &folder, "--device", "cpu"];
        place.run(&[&args[..], &["--model", &named(model)]].concat()).expect(0);
    }
    // On another model it is refused.
    let args = ["score", &pten(), "--head", "head-dnabert2", "--model", &named("nucleotide_transformer_v1")];
    let err = place.run(&args).expect(3).err;
    assert!(err.contains("head-dnabert2") && err.contains("trained on weights"), "{err}");
}

/// The files of a model in a folder of the place, but `with` in place of some.
fn folder(place: &Place, model: &str, with: &[(&str, &Path)]) -> String {
    let path = place.path("model");
    let _ = fs::remove_dir_all(&path);
    fs::create_dir(&path).expect("a folder");
    for name in ["config.json", "model.safetensors", "tokenizer.json", "vocab.txt", "tokenizer_config.json"] {
        let from = fixture(model).join(name);
        if from.is_file() && !with.iter().any(|(other, _)| *other == name) {
            fs::copy(from, path.join(name)).expect("a file");
        }
    }
    for (name, from) in with {
        fs::copy(from, path.join(name)).expect("a file");
    }
    path.display().to_string()
}

#[test]
fn a_configuration_of_another_family_is_refused() {
    let place = Place::new();
    for model in MODELS {
        for other in MODELS.into_iter().filter(|other| *other != model) {
            let config = fixture(other).join("config.json");
            let folder = folder(&place, model, &[("config.json", &config)]);
            let ended = place.run(&["inspect", &folder]).expect(3);
            let named =
                ["belong to a", "missing", "unexpected", "has shape"].iter().any(|word| ended.err.contains(word));
            assert!(named && ended.err.contains("model.safetensors"), "{model} as {other}: {}", ended.err);
        }
    }
}

#[test]
fn a_truncated_file_is_refused() {
    let place = Place::new();
    for model in MODELS {
        let whole = fs::read(fixture(model).join("model.safetensors")).expect("weights");
        for length in [0, 7, 100, whole.len() / 2, whole.len() - 1] {
            place.write("cut.safetensors", &whole[..length]);
            let folder = folder(&place, model, &[("model.safetensors", &place.path("cut.safetensors"))]);
            let err = place.run(&["inspect", &folder]).expect(3).err;
            assert!(err.contains("model.safetensors") && err.contains("byte"), "{model}, {length} bytes: {err}");
        }
    }
}

#[test]
fn a_tokenizer_of_another_size_is_refused() {
    let place = Place::new();
    for (model, file, other) in [
        ("dnabert2", "tokenizer.json", "gena_bigbird"),
        ("gena_bigbird", "tokenizer.json", "dnabert2"),
        ("gena_rmt", "tokenizer.json", "dnabert2"),
        ("dnagrinder", "tokenizer.json", "gena_bigbird"),
        ("dnabert_k3", "vocab.txt", "nucleotide_transformer_v1"),
        ("nucleotide_transformer_v1", "vocab.txt", "nucleotide_transformer_v2"),
        ("nucleotide_transformer_v2", "vocab.txt", "nucleotide_transformer_v1"),
    ] {
        let from = fixture(other).join(file);
        let folder = folder(&place, model, &[(file, &from)]);
        let err = place.run(&["inspect", &folder]).expect(3).err;
        assert!(err.contains(file), "{model} with the tokenizer of {other}: {err}");
    }
}
