//! Checkpoints that are trained as a whole, and models written for other programs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use safetensors::SafeTensors;
use serde_json::Value;

use super::{Place, genome};
use crate::parity::read;

/// Quick steps for small random checkpoints; the tables are named on the command line.
const RECIPE: &str = r#"
    name = "motif"
    title = "Motif"
    description = "Which of two motifs stands in the middle? Made by a test."
    kind = "sequence"
    activation = "softmax"
    input_length_bp = 48
    strand = "stranded"
    intended_use = "A test."
    limits = ["Made by a test."]
    licence = "none"
    citation = []
    seed = 5
    train = []
    dev = []
    labels = [
        { name = "box", description = "A TATA box." },
        { name = "island", description = "A run of CG.", background = true },
    ]
    [schedule]
    epochs = 4
    batch_bp = 384
    learning_rate = 2e-3
    warmup_share = 0.1
    weight_decay = 0.01
    patience = 4
"#;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parity").join(name)
}

fn named(name: &str) -> String {
    fixture(name).display().to_string()
}

/// A place with the recipe, and tables of rows whose label is told by the motif in their middle.
fn place() -> Place {
    let place = Place::new();
    let noise = genome(16_000);
    let bases = noise.lines().nth(1).expect("a sequence");
    let mut rows = Vec::new();
    for (row, bases) in bases.as_bytes().chunks_exact(40).take(400).enumerate() {
        let bases = std::str::from_utf8(bases).expect("letters");
        let motif = ["TATAAATA", "GCGCGCGC"][row % 2];
        rows.push(format!("{}{motif}{},{}\n", &bases[..20], &bases[20..], ["box", "island"][row % 2]));
    }
    place.write("train.csv", format!("sequence,label\n{}", rows[..320].concat()));
    place.write("dev.csv", format!("sequence,label\n{}", rows[320..].concat()));
    place.write("recipe.toml", RECIPE);
    place
}

/// Arguments that train `model` as a whole.
fn whole<'a>(model: &'a str, output: &'a str) -> Vec<&'a str> {
    tuned(model, "full", output)
}

/// Arguments that train `model` by a method that gives a checkpoint.
fn tuned<'a>(model: &'a str, method: &'a str, output: &'a str) -> Vec<&'a str> {
    let tables = ["--train", "train.csv", "--dev", "dev.csv", "--task", "classify", "--method", method];
    let rest = ["--config", "recipe.toml", "--device", "cpu", "-o", output];
    [&["finetune", "--model", model][..], &tables, &rest].concat()
}

fn json(place: &Place, name: &str) -> Value {
    serde_json::from_str(&place.read(name)).expect("JSON")
}

/// The loss on held-out rows after each epoch.
fn dev_losses(history: &Value) -> Vec<f64> {
    let lines = history["epochs"].as_array().expect("lines").iter().filter_map(Value::as_str);
    let loss = |line: &str| line.split("dev loss ").nth(1)?.split(' ').next()?.parse().ok();
    lines.map(|line| loss(line).expect("a loss")).collect()
}

/// Class logits of the rows of a case of the fixtures.
fn class_logits(place: &Place, model: &str, case: &Path) -> Vec<f64> {
    let case = case.display().to_string();
    let args = ["forward", "--model", model, "--input", &case, "--outputs", "class_logits", "--device", "cpu"];
    place.run(&[&args[..], &["--force", "-o", "logits.safetensors"]].concat()).expect(0);
    read(&place.path("logits.safetensors"))["class_logits"].values.clone()
}

#[test]
fn a_checkpoint_is_trained_as_a_whole_used_and_exported() {
    let place = place();
    place.write("a.fa", genome(2_000));
    for (model, case) in [("dnabert_k3", "expected_batch"), ("nucleotide_transformer_v2", "expected_batch")] {
        let (trained, exported) = (format!("trained-{model}"), format!("exported-{model}"));
        let told = place.run(&whole(&named(model), &trained)).expect(0).err;
        assert!(told.contains("begun at random: ") && told.contains("classifier."), "{model}: {told}");
        let losses = dev_losses(&json(&place, &format!("{trained}/history.json")));
        let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(best < 0.8 * 2f64.ln() && best < losses[0], "{model}: the loss falls: {losses:?}");
        let config = json(&place, &format!("{trained}/config.json"));
        assert_eq!((&config["num_labels"], &config["id2label"]["1"]), (&2.into(), &"island".into()), "{model}");
        assert_eq!(config["initializer_range"], 0.02, "{model}: what nobody here reads is kept");
        let told = place.run(&["evaluate", "--head", &trained, "--data", "dev.csv", "--json", "--device", "cpu"]);
        let told: Value = serde_json::from_str(&told.expect(0).out).expect("JSON");
        assert!(told["accuracy"].as_f64().is_some_and(|share| share > 0.8), "{model}: {told}");
        let table = place.run(&["score", "a.fa", "--region", "chr1:1-300", "--head", &trained, "--device", "cpu"]);
        assert!(table.expect(0).out.contains("\tisland\t"), "{model}: tracks by label");
        let shown = place.run(&["models", "show", &trained, "--json"]).expect(0).out;
        let shown: Value = serde_json::from_str(&shown).expect("JSON");
        assert_eq!((&shown["usable"], &shown["head_card"]["name"]), (&true.into(), &"motif".into()), "{model}");
        place.run(&["export-model", &trained, "-o", &exported]).expect(0);
        let case = fixture(model).join(case).with_extension("safetensors");
        let [of_trained, of_exported] = [&trained, &exported].map(|model| class_logits(&place, model, &case));
        assert_eq!(of_trained, of_exported, "{model}: the same numbers");
        // Its card is that of the new file, or it would not be its head.
        place.run(&["evaluate", "--head", &exported, "--data", "dev.csv", "--device", "cpu"]).expect(0);
    }
}

/// A recipe for low-rank changes.
fn low_rank(rank: &str) -> String {
    format!("{}\n[lora]\nrank = {rank}\nalpha = 16\n", RECIPE.replace("2e-3", "2e-2"))
}

#[test]
fn low_rank_changes_are_learnt_and_merged_into_a_checkpoint() {
    let place = place();
    place.write("a.fa", genome(2_000));
    place.write("recipe.toml", low_rank("4"));
    for model in ["dnabert2", "nucleotide_transformer_v2", "gena_rmt"] {
        let trained = format!("trained-{model}");
        place.run(&tuned(&named(model), "lora", &trained)).expect(0);
        let history = json(&place, &format!("{trained}/history.json"));
        assert_eq!(history["method"], "lora", "{model}");
        assert_eq!(history["lora"], serde_json::json!({"rank": 4, "alpha": 16.0}), "{model}");
        let losses = dev_losses(&history);
        let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(best < losses[0] && best < 2f64.ln(), "{model}: the loss falls: {losses:?}");
        let card = place.read(&format!("{trained}/head-card.json"));
        assert!(card.contains("rank 4 and alpha 16") && card.contains("--method lora"), "{model}: {card}");
        let changed = changed_tensors(&fixture(model), &place.path(&trained));
        let may = |name: &String| {
            let table = ["query.weight", "value.weight", "Wqkv.weight"].iter().any(|ending| name.ends_with(ending));
            table || name.contains("classifier.") || name.contains("pooler.")
        };
        assert!(
            changed.iter().all(may) && changed.iter().any(|name| name.contains("attention")),
            "{model}: {changed:?}"
        );
        let told = place.run(&["evaluate", "--head", &trained, "--data", "dev.csv", "--json", "--device", "cpu"]);
        let told: Value = serde_json::from_str(&told.expect(0).out).expect("JSON");
        assert!(told["accuracy"].as_f64().is_some_and(|share| share > 0.6), "{model}: {told}");
        let table = place.run(&["score", "a.fa", "--region", "chr1:1-300", "--head", &trained, "--device", "cpu"]);
        assert!(table.expect(0).out.contains("\tisland\t"), "{model}: tracks by label");
        place.run(&["export-model", &trained, "-o", &format!("exported-{model}")]).expect(0);
    }
}

/// Names of the tensors of one model that another has with other values.
fn changed_tensors(before: &Path, after: &Path) -> Vec<String> {
    let [before, after] = [before, after].map(|folder| read(&folder.join("model.safetensors")));
    let differs = |name: &&String| {
        let known = after.get(*name);
        known.is_some_and(|after| after.shape == before[*name].shape && after.values != before[*name].values)
    };
    before.keys().filter(differs).cloned().collect()
}

#[test]
fn low_rank_changes_that_cannot_be_are_refused() {
    let place = place();
    let model = named("dnabert_k3");
    for (rank, told) in [("0", "rank is 0"), ("100000", "rank is 100000"), ("-1", "rank = -1"), ("2.5", "rank = 2.5")] {
        place.write("recipe.toml", low_rank(rank));
        let err = place.run(&tuned(&model, "lora", "out")).expect(3).err;
        assert!(err.contains(told), "{rank}: {err}");
    }
    place.write("recipe.toml", low_rank("2").replace("alpha = 16", "alpha = 0"));
    let err = place.run(&tuned(&model, "lora", "out")).expect(3).err;
    assert!(err.contains("[lora] alpha is 0"), "{err}");
    assert!(!place.path("out").exists(), "nothing was begun");
    let args = ["finetune", "--task", "per-base", "--method", "lora", "--train", "train.csv", "--dev", "dev.csv"];
    let err = place.run(&[&args[..], &["-o", "out"]].concat()).expect(2).err;
    assert!(err.contains("--method lora") && err.contains("--task classify"), "{err}");
    // A recipe for low-rank changes is one for other methods too, and what is not used is told.
    place.write("recipe.toml", low_rank("2").replace("epochs = 4", "epochs = 1"));
    let err = place.run(&whole(&model, "whole")).expect(0).err;
    assert!(err.contains("[lora] is not used"), "{err}");
}

#[test]
fn a_run_that_was_stopped_goes_on_as_if_it_had_not() {
    stopped_and_resumed("full", "lora");
}

#[test]
fn low_rank_changes_that_were_stopped_go_on_as_if_they_had_not() {
    stopped_and_resumed("lora", "full");
}

/// Trains by a method at once, and in two parts, which gives the same; the other method may not go on from it.
fn stopped_and_resumed(method: &str, other: &str) {
    let place = place();
    let model = named("nucleotide_transformer_v2");
    place.run(&tuned(&model, method, "at-once")).expect(0);
    let mut child = place.program(&tuned(&model, method, "parts")).stderr(Stdio::null()).spawn().expect("starts");
    let (state, start) = (place.path("parts/checkpoint/state.json"), Instant::now());
    while !state.is_file() {
        assert!(start.elapsed() < Duration::from_secs(60), "no checkpoint is written");
        assert!(child.try_wait().expect("a child").is_none(), "it ended before it could be stopped");
        thread::sleep(Duration::from_millis(2));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill of procps");
    assert!(killed.success(), "the signal is sent");
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "interrupted");
    assert!(!place.path("parts/model.safetensors").exists(), "nothing that looks whole");
    place.run(&tuned(&model, method, "parts")).expect(2);
    let err = place.run(&[&tuned(&model, other, "parts")[..], &["--resume"]].concat()).expect(3).err;
    assert!(err.contains(&format!("begun with --method {method}")), "{err}");
    if method == "lora" {
        place.write("recipe.toml", format!("{RECIPE}\n[lora]\nalpha = 8\n"));
        let err = place.run(&[&tuned(&model, method, "parts")[..], &["--resume"]].concat()).expect(3).err;
        assert!(err.contains("another [lora] alpha"), "{err}");
        place.write("recipe.toml", RECIPE);
    }
    place.run(&[&tuned(&model, method, "parts")[..], &["--resume"]].concat()).expect(0);
    for name in ["model.safetensors", "history.json", "config.json"] {
        let [at_once, parts] = ["at-once", "parts"].map(|folder| fs::read(place.path(folder).join(name)).expect(name));
        assert!(at_once == parts, "{name} is that of a run without a stop");
    }
}

#[test]
fn what_has_no_published_layout_is_refused() {
    let place = place();
    let err = place.run(&["export-model", "promoter", "-o", "out"]).expect(2).err;
    assert!(err.contains("network of its own") && err.contains("--method full"), "{err}");
    let args = ["finetune", "--task", "per-base", "--method", "full", "--train", "train.csv", "--dev", "dev.csv"];
    let err = place.run(&[&args[..], &["-o", "out"]].concat()).expect(2).err;
    assert!(err.contains("--task classify"), "{err}");
    // Rows of 48 bp fit; one of 120 bp has more tokens than there are places.
    let long = "ACGT".repeat(30);
    place.write("dev.csv", format!("sequence,label\n{long},box\n"));
    let err = place.run(&whole(&named("dnabert_k3"), "out")).expect(3).err;
    assert!(err.contains("120 tokens") && err.contains("places for 64"), "{err}");
    assert!(!place.path("out").exists(), "nothing was begun");
}

#[test]
fn an_export_is_whole_says_what_made_it_and_replaces_only_by_force() {
    let place = Place::new();
    let model = named("dnabert_k3");
    let metadata = |folder: &str| {
        let bytes = fs::read(place.path(folder).join("model.safetensors")).expect("weights");
        let (_, header) = SafeTensors::read_metadata(&bytes).expect("a safetensors file");
        header.metadata().clone().expect("metadata")
    };
    place.run(&["export-model", &model, "-o", "out"]).expect(0);
    let told = metadata("out");
    assert_eq!(told["format"], "pt", "which programs ask for");
    assert!(told["command"].contains("export-model") && told["model"].contains("sha256:"), "{told:?}");
    let err = place.run(&["export-model", &model, "-o", "out"]).expect(2).err;
    assert!(err.contains("--force"), "{err}");
    place.write("out/head.json", "of something else");
    place.write("out/notes.txt", "the user's");
    place.run(&["export-model", &model, "-o", "out", "--force", "--no-provenance"]).expect(0);
    assert_eq!(metadata("out").len(), 1, "no more than the format");
    assert!(!place.path("out/head.json").exists(), "what would be taken for part of it is gone");
    assert_eq!(place.read("out/notes.txt"), "the user's", "and nothing else");
    let err = place.run(&["export-model", "out", "-o", "out", "--force"]).expect(2).err;
    assert!(err.contains("the model that is read"), "{err}");
    assert_eq!(place.files(), ["out"], "nothing is left beside it");
    // The built-in model, which is stored in half precision.
    place.run(&["export-model", "mini", "-o", "mini"]).expect(0);
    let shown = place.run(&["models", "show", "mini", "--json"]).expect(0).out;
    assert!(shown.contains("\"dtype\""), "{shown}");
    let own = place.run(&["models", "show", &place.path("mini").display().to_string(), "--json"]).expect(0).out;
    let own: Value = serde_json::from_str(&own).expect("JSON");
    assert_eq!((&own["usable"], &own["tensors"][0]["dtype"]), (&true.into(), &"F32".into()), "single precision");
}
