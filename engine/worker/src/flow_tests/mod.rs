//! From a file and a request to events and tracks, through the engine as its users have it.

mod attention;
mod cards;
mod health;
mod kept_scores;
mod null_band;
mod tiny;
mod token_classes;

use std::{path::Path, time::Duration};

use strandscope_genome::{Region, Strand, Track, TrackLayout};
use tiny::{Tiny, bases};

use crate::{
    BenchModelRequest, DeviceChoice, Engine, EngineOptions, ErrorKind, EvaluateRequest, Event, ExportFormat,
    ExportRequest, FinetuneRequest, ForwardRequest, JobError, JobId, Outcome, PretrainRequest, RunRecord, ScoreRequest,
    Task, TokenizeRequest, TrackAssembly, TrainingMethod, TrainingTask, WindowChoice,
};

/// No job of these tests takes this long.
const PATIENCE: Duration = Duration::from_secs(120);

fn engine(tiny: &Tiny) -> Engine {
    let options = EngineOptions {
        device: DeviceChoice::Cpu,
        cache: Some(tiny.path("cache")),
        data: Some(tiny.path("data")),
        ..EngineOptions::default()
    };
    Engine::start(options, || {}).expect("threads")
}

/// What a job told, and how it ended.
struct Ended {
    result: Result<Outcome, Option<JobError>>,
    tracks: Vec<Track>,
    events: Vec<Event>,
}

impl Ended {
    fn record(&self) -> &RunRecord {
        match &self.result {
            Ok(Outcome::Run(record)) => record,
            other => panic!("{other:?}"),
        }
    }

    fn error(&self) -> &JobError {
        match &self.result {
            Err(Some(error)) => error,
            other => panic!("{other:?}"),
        }
    }
}

fn run(engine: &mut Engine, task: Task) -> Ended {
    let job = engine.run(task);
    end_of(engine, job)
}

fn end_of(engine: &Engine, job: JobId) -> Ended {
    let mut assembly = TrackAssembly::default();
    let mut events = Vec::new();
    loop {
        let event = engine.event_within(PATIENCE).expect("an event");
        let result = match event {
            Event::Finished { job: id, outcome, .. } if id == job => Ok(outcome),
            Event::Failed { job: id, error } if id == job => Err(Some(error)),
            Event::Cancelled { job: id } if id == job => Err(None),
            Event::Stopped { error } => panic!("{error:?}"),
            Event::TrackChunk { job: id, chunk } if id == job => {
                assembly.add(chunk);
                continue;
            }
            event => {
                events.push(event);
                continue;
            }
        };
        return Ended { result, tracks: assembly.into_tracks(), events };
    }
}

fn score(tiny: &Tiny, genome: &Path, head: &str, regions: &[Region]) -> ScoreRequest {
    ScoreRequest {
        genome: genome.to_owned(),
        regions: regions.to_vec(),
        head: tiny.name(head),
        model: Some(tiny.name("model")),
        stride_bp: None,
        both_strands: false,
        all_frames: false,
        ..ScoreRequest::default()
    }
}

fn genome(tiny: &Tiny) -> std::path::PathBuf {
    let gap = "N".repeat(60);
    tiny.write("a.fa", format!(">chr1\n{}{gap}{}\n>short\nACGTACGTAC\n", bases(1_500), bases(900)))
}

#[test]
fn every_base_of_a_file_is_scored_and_the_gap_is_missing() {
    let tiny = Tiny::new();
    let path = genome(&tiny);
    let ended = run(&mut engine(&tiny), Task::Score(score(&tiny, &path, "splice", &[])));
    assert_eq!(ended.tracks.len(), 6, "two records, three labels");
    let track = &ended.tracks[1];
    assert_eq!((track.label.as_str(), &track.region), ("donor", &Region::new("chr1", 0, 2_460)));
    assert_eq!(track.layout, TrackLayout::Bins { width_bp: 1 });
    for position in 0..2_460 {
        let is_gap = (1_500..1_560).contains(&position);
        assert_eq!(track.value_at(position).is_none(), is_gap, "base {position}");
        let sum: f32 = ended.tracks[..3].iter().filter_map(|track| track.value_at(position)).sum();
        assert!(is_gap || (sum - 1.0).abs() < 1e-5, "probabilities of base {position} sum to {sum}");
    }
    assert_eq!((track.missing.len(), track.reason_at(1_510)), (1, Some("n_run")));
    assert_eq!(ended.tracks[3].region, Region::new("short", 0, 10), "a record shorter than a window");
    let record = ended.record();
    assert_eq!((record.unknown_bp, record.beyond_trained_length), (60, false), "{record:?}");
    let Some(Event::Started { total, .. }) =
        ended.events.iter().find(|event| matches!(event, Event::Started { unit, .. } if unit == "windows"))
    else {
        panic!("{:?}", ended.events)
    };
    assert_eq!(*total, record.windows, "what was announced was done");
    let warnings = ended.events.iter().filter(|event| matches!(event, Event::Warning { .. })).count();
    assert_eq!(warnings, 1, "unknown letters are told once");
    let record = ended.events.iter().find_map(|event| match event {
        Event::Record { record, tracks, .. } => Some((record, tracks)),
        _ => None,
    });
    let (record, tracks) = record.expect("a record before the end");
    assert_eq!(tracks.iter().map(|(label, _)| label.as_str()).collect::<Vec<_>>(), ["none", "donor", "acceptor"]);
    assert!(record.command.starts_with("strandscope score "), "{}", record.command);
    assert_eq!((record.input.as_str(), record.input_sha256.len()), ("a.fa", 64));
}

#[test]
fn a_base_has_one_score_whatever_region_is_asked_for() {
    let tiny = Tiny::new();
    let path = genome(&tiny);
    let mut engine = engine(&tiny);
    let regions = [Region::new("chr1", 100, 900), Region::new("chr1", 700, 1_300)];
    let ended = run(&mut engine, Task::Score(score(&tiny, &path, "splice", &regions)));
    for label in 0..3 {
        let (left, right) = (&ended.tracks[label], &ended.tracks[3 + label]);
        for position in 700..900 {
            // Batches differ, and with them the order of sums.
            let (a, b) = (left.value_at(position), right.value_at(position));
            let close = a.zip(b).is_some_and(|(a, b)| (a - b).abs() < 1e-5);
            assert!(close, "base {position}: {a:?} and {b:?}");
        }
    }
    let again = run(&mut engine, Task::Score(score(&tiny, &path, "splice", &regions)));
    assert_eq!(again.tracks, ended.tracks, "the same bits in a second run");
}

#[test]
fn both_strands_give_two_tracks_or_a_mean() {
    let tiny = Tiny::new();
    let path = genome(&tiny);
    let mut engine = engine(&tiny);
    let region = [Region::new("chr1", 0, 600)];
    let both = |head| ScoreRequest { both_strands: true, ..score(&tiny, &path, head, &region) };
    let splice = run(&mut engine, Task::Score(both("splice")));
    let strands: Vec<Strand> = splice.tracks.iter().map(|track| track.strand).collect();
    assert_eq!(strands, [[Strand::Forward; 3], [Strand::Reverse; 3]].concat());
    let promoter = run(&mut engine, Task::Score(both("promoter")));
    let labels: Vec<&str> = promoter.tracks.iter().map(|track| track.label.as_str()).collect();
    assert_eq!(labels, ["none", "promoter", "none.disagreement", "promoter.disagreement"]);
    assert_eq!(promoter.tracks[0].layout, TrackLayout::Bins { width_bp: 30 }, "a quarter of the window");
    assert_eq!(promoter.tracks[0].reason_at(0), Some("contig_end"), "no window fits around the first bin");
}

#[test]
fn a_whole_region_is_one_window() {
    let tiny = Tiny::new();
    let path = genome(&tiny);
    let mut engine = engine(&tiny);
    let region = Region::new("chr1", 33, 1_033);
    for (head, values) in [("splice", 1_000), ("source", 1)] {
        let request =
            ScoreRequest { window: WindowChoice::Whole, ..score(&tiny, &path, head, std::slice::from_ref(&region)) };
        let ended = run(&mut engine, Task::Score(request));
        let record = ended.record();
        assert_eq!((record.windows, record.beyond_trained_length), (1, true), "{head}");
        assert_eq!((&ended.tracks[0].region, ended.tracks[0].values.len()), (&region, values), "{head}");
        assert!(ended.tracks[0].values.iter().all(|value| value.is_finite()), "{head}");
    }
}

#[test]
fn what_cannot_be_done_is_refused_by_its_kind() {
    let tiny = Tiny::new();
    let path = genome(&tiny);
    let mut engine = engine(&tiny);
    let good = || score(&tiny, &path, "splice", &[Region::new("chr1", 0, 100)]);
    let mut refused = |request: ScoreRequest, kind: ErrorKind, word: &str| {
        let ended = run(&mut engine, Task::Score(request));
        let error = ended.error();
        assert_eq!(error.kind, kind, "{error:?}");
        assert!(error.message.contains(word), "{error:?}");
        assert!(ended.tracks.is_empty(), "nothing came before");
    };
    refused(ScoreRequest { head: "no-such".into(), ..good() }, ErrorKind::BadInput, "no-such");
    refused(ScoreRequest { model: Some("no-such".into()), ..good() }, ErrorKind::BadInput, "no-such");
    refused(ScoreRequest { regions: vec![Region::new("chr9", 0, 5)], ..good() }, ErrorKind::BadInput, "chr9");
    refused(ScoreRequest { regions: vec![Region::new("chr1", 0, 9_999)], ..good() }, ErrorKind::BadInput, "2460");
    refused(ScoreRequest { stride_bp: Some(10), ..good() }, ErrorKind::Usage, "--stride");
    refused(ScoreRequest { genome: tiny.path("none.fa"), ..good() }, ErrorKind::BadInput, "none.fa");
    let window = WindowChoice::Tokens(9);
    refused(ScoreRequest { head: tiny.name("promoter"), window, ..good() }, ErrorKind::Usage, "120 bases");
    let regions = vec![Region::new("chr9", 0, 5), Region::new("chr1", 0, 5)];
    let ended = run(&mut engine, Task::Score(ScoreRequest { regions, keep_going: true, ..good() }));
    assert_eq!(ended.tracks.len(), 3, "the good region");
    assert_eq!(
        ended.events.iter().filter(|event| matches!(event, Event::Warning { .. })).count(),
        2,
        "said and counted"
    );
}

#[test]
fn a_job_stops_when_asked_and_the_next_one_runs() {
    let tiny = Tiny::new();
    let path = tiny.write("long.fa", format!(">chr1\n{}\n", bases(2_000_000)));
    let mut engine = engine(&tiny);
    let long = engine.run(Task::Score(score(&tiny, &path, "splice", &[])));
    let waiting = engine.run(Task::Score(score(&tiny, &path, "splice", &[])));
    while !matches!(engine.event_within(PATIENCE).expect("an event"), Event::TrackChunk { .. }) {}
    let start = std::time::Instant::now();
    engine.cancel(waiting);
    engine.cancel(long);
    assert_eq!(end_of(&engine, long).result, Err(None), "cancelled");
    assert!(start.elapsed() < Duration::from_secs(1), "it took {:?}", start.elapsed());
    assert_eq!(end_of(&engine, waiting).result, Err(None), "cancelled before it began");
    let region = [Region::new("chr1", 0, 50)];
    assert_eq!(run(&mut engine, Task::Score(score(&tiny, &path, "splice", &region))).tracks.len(), 3, "the next");
}

#[test]
fn tokens_tile_their_region() {
    let tiny = Tiny::new();
    let path = genome(&tiny);
    let request =
        TokenizeRequest { genome: path, region: Region::new("chr1", 1_490, 1_570), model: Some(tiny.name("model")) };
    let ended = run(&mut engine(&tiny), Task::Tokenize(request));
    let Ok(Outcome::Tokens { region, tokens }) = &ended.result else { panic!("{:?}", ended.result) };
    let spans: Vec<(u64, u64)> = tokens.iter().filter_map(|token| token.span).collect();
    assert_eq!((spans[0].0, spans[spans.len() - 1].1), (region.start_bp, region.end_bp), "from end to end");
    assert!(spans.windows(2).all(|pair| pair[0].1 == pair[1].0), "without a hole: {spans:?}");
    assert_eq!((tokens[0].text.as_str(), tokens[0].span), ("[CLS]", None));
}

#[test]
fn tokens_do_not_wait_for_scores() {
    let tiny = Tiny::new();
    let path = tiny.write("long.fa", format!(">chr1\n{}\n", bases(2_000_000)));
    let mut engine = engine(&tiny);
    let long = engine.run(Task::Score(score(&tiny, &path, "splice", &[])));
    let request =
        TokenizeRequest { genome: path, region: Region::new("chr1", 0, 100), model: Some(tiny.name("model")) };
    let tokens = engine.run(Task::Tokenize(request));
    let mut is_scoring = true;
    loop {
        match engine.event_within(PATIENCE).expect("an event") {
            Event::Finished { job, .. } if job == tokens => break,
            Event::Finished { job, .. } if job == long => is_scoring = false,
            Event::Failed { error, .. } => panic!("{error:?}"),
            _ => {}
        }
    }
    assert!(is_scoring, "the scores were not waited for");
    engine.cancel(long);
    assert_eq!(end_of(&engine, long).result, Err(None), "cancelled");
}

#[test]
fn a_record_that_is_too_long_for_one_list_of_tokens_is_refused() {
    let tiny = Tiny::new();
    let line = format!("{}\n", "ACGTTGCA".repeat(1_000));
    let path = tiny.write("long.fa", format!(">chr1\n{}", line.repeat(6_251)));
    let request = |end_bp| {
        let region = Region::new("chr1", 0, end_bp);
        Task::Tokenize(TokenizeRequest { genome: path.clone(), region, model: Some(tiny.name("model")) })
    };
    let mut engine = engine(&tiny);
    let ended = run(&mut engine, request(50_008_000));
    assert_eq!(ended.error().kind, ErrorKind::BadInput, "{:?}", ended.error());
    assert!(ended.error().message.contains("50,000,000"), "{:?}", ended.error());
    let ended = run(&mut engine, request(1_000));
    assert!(matches!(ended.result, Ok(Outcome::Tokens { .. })), "a stretch of it: {:?}", ended.result);
}

#[test]
fn tracks_are_written_and_weights_inspected() {
    let tiny = Tiny::new();
    let path = genome(&tiny);
    let mut engine = engine(&tiny);
    let ended = run(&mut engine, Task::Score(score(&tiny, &path, "splice", &[Region::new("chr1", 0, 20)])));
    let request = ExportRequest {
        tracks: ended.tracks.clone(),
        format: ExportFormat::Tsv,
        path: tiny.path("out.tsv"),
        force: false,
        record: Some(ended.record().clone()),
    };
    let written = run(&mut engine, Task::Export(request.clone()));
    assert!(matches!(written.result, Ok(Outcome::Written { .. })), "{:?}", written.result);
    let text = std::fs::read_to_string(tiny.path("out.tsv")).expect("a file");
    assert!(text.starts_with("# program: strandscope ") && text.lines().count() > 60, "{text}");
    assert_eq!(run(&mut engine, Task::Export(request)).error().kind, ErrorKind::Usage, "no second time");

    let weights = tiny.path("model").join("model.safetensors");
    let inspected = run(&mut engine, Task::Inspect { path: weights.clone(), reference: None });
    let Ok(Outcome::Json(value)) = &inspected.result else { panic!("{:?}", inspected.result) };
    assert_eq!(value["kind"], "checkpoint", "{value}");
    assert_eq!(value["tensors"][0]["dtype"], "F32", "{value}");
    let bytes = std::fs::read(weights).expect("weights");
    let cut = tiny.write("cut.safetensors", &bytes[..bytes.len() - 5]);
    assert_eq!(
        run(&mut engine, Task::Inspect { path: cut, reference: None }).error().kind,
        ErrorKind::BadInput,
        "a damaged file"
    );
    let odd = tiny.write("odd.fa", ">sample1{a}\nACGT\n");
    let inspected = run(&mut engine, Task::Inspect { path: odd, reference: None });
    let Ok(Outcome::Json(value)) = &inspected.result else { panic!("{:?}", inspected.result) };
    assert_eq!(value["records"][0]["name"], "sample1{a}", "no header of weights: {value}");
    let sites = tiny.write("sites.bed", "1\t0\t5\nchr1\t5\t999999999\n");
    let inspected = run(&mut engine, Task::Inspect { path: sites, reference: Some(path) });
    let Ok(Outcome::Json(value)) = &inspected.result else { panic!("{:?}", inspected.result) };
    assert_eq!(value["rows"][0]["status"], "ok", "chr1 has another name there: {value}");
    assert_eq!(value["rows"][1]["status"], "beyond_end", "{value}");
}

/// Rows whose label is told by the middle of the sequence.
fn table(rows: usize) -> String {
    let filler = bases(40 * rows);
    let row = |number: usize| {
        let (start, label) = (40 * number, number % 2);
        let middle = ["GCGCGCGC", "TATATATA"][label];
        format!("{}{middle}{},{label}\n", &filler[start..start + 16], &filler[start + 24..start + 40])
    };
    (0..rows).map(row).fold("sequence,label\n".to_owned(), |text, row| text + &row)
}

#[test]
fn a_head_is_trained_measured_and_used() {
    let tiny = Tiny::new();
    let mut engine = engine(&tiny);
    let request = FinetuneRequest {
        model: Some(tiny.name("model")),
        config: None,
        train: Some(tiny.write("train.csv", table(1_200))),
        dev: Some(tiny.write("dev.csv", table(40))),
        task: TrainingTask::Classify,
        method: TrainingMethod::Head,
        resume: false,
        output: tiny.path("trained"),
        force: false,
    };
    let ended = run(&mut engine, Task::Finetune(request.clone()));
    assert!(matches!(ended.result, Ok(Outcome::Written { .. })), "{:?}", ended.result);
    assert_eq!(run(&mut engine, Task::Finetune(request)).error().kind, ErrorKind::Usage, "the folder is taken");
    let request = EvaluateRequest {
        head: tiny.name("trained"),
        model: Some(tiny.name("model")),
        data: tiny.path("dev.csv"),
        sequence_column: None,
        label_column: None,
        label_names: Vec::new(),
        site_offset: None,
    };
    let ended = run(&mut engine, Task::Evaluate(request));
    let Ok(Outcome::Json(figures)) = &ended.result else { panic!("{:?}", ended.result) };
    assert!(figures["n"] == 40 && figures["accuracy"].as_f64().is_some_and(|share| share > 0.9), "{figures}");
    let path = genome(&tiny);
    let ended = run(&mut engine, Task::Score(score(&tiny, &path, "trained", &[Region::new("chr1", 0, 200)])));
    assert_eq!(ended.tracks.len(), 2, "a track for each label");
}

#[test]
fn an_encoder_is_trained_and_another_goes_on_from_it() {
    let tiny = Tiny::new();
    let mut engine = engine(&tiny);
    let recipe = r#"
        name = "small"
        title = "Small"
        description = "Made by a test."
        licence = "none"
        citation = []
        seed = 1
        held_out = ["chr2"]
        sources = [{ name = "test", origin = "made here", licence = "none", size = "8 kb", sha256 = "" }]
        tokenizer = { vocab_size = 40, max_token_bp = 4 }
        network = { hidden_size = 16, num_hidden_layers = 1, num_attention_heads = 2, intermediate_size = 16 }
        [schedule]
        steps = 4
        batch_tokens = 64
        lengths = [16, 32]
        learning_rate = 1e-2
        warmup_share = 0.1
        weight_decay = 0.01
        mask_share = 0.15
        checkpoint_every = 2
    "#;
    let config = tiny.write("small.toml", recipe);
    let genomes = vec![tiny.write("g.fa", format!(">chr1\n{0}\n>chr2\n{0}\n", bases(4_000)))];
    let request = |from: Option<String>, output: &str| {
        let (config, genomes, output) = (config.clone(), genomes.clone(), tiny.path(output));
        Task::Pretrain(PretrainRequest { config, genomes, from, resume: false, output, force: false })
    };
    let file = |model: &str, name: &str| std::fs::read(tiny.path(model).join(name)).expect("a file of the model");
    for (from, output) in [(None, "first"), (Some(tiny.name("first")), "second")] {
        let ended = run(&mut engine, request(from, output));
        assert!(matches!(ended.result, Ok(Outcome::Written { .. })), "{output}: {:?}", ended.result);
    }
    assert_eq!(file("first", "tokenizer.json"), file("second", "tokenizer.json"), "the vocabulary is kept");
    assert_eq!(file("first", "config.json"), file("second", "config.json"), "and the sizes");
    assert_ne!(file("first", "model.safetensors"), file("second", "model.safetensors"), "the weights went on");
    let card: serde_json::Value = serde_json::from_slice(&file("second", "card.json")).expect("JSON");
    assert_eq!(card["training"].as_array().map(Vec::len), Some(2), "what either was trained on");
    let ended = run(&mut engine, request(Some(tiny.name("none")), "third"));
    assert_eq!(ended.error().kind, ErrorKind::BadInput, "there is no such model");
}

#[test]
fn the_raw_network_takes_ids_and_refuses_others() {
    let tiny = Tiny::new();
    let mut engine = engine(&tiny);
    let ids = |values: [i64; 4]| {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::I64, vec![1, 4], &bytes);
        let view = view.expect("a tensor");
        tiny.write("in.safetensors", safetensors::serialize([("input_ids", view)], None).expect("a file"))
    };
    let request = |input, outputs: &[&str]| {
        Task::Forward(ForwardRequest {
            model: tiny.path("model"),
            input,
            outputs: outputs.iter().map(|name| (*name).to_owned()).collect(),
            gradients: None,
            rmt_padding: None,
            output: tiny.path("out.safetensors"),
            force: true,
        })
    };
    let good = ids([1, 9, 10, 2]);
    let ended = run(&mut engine, request(good.clone(), &["hidden", "logits"]));
    assert!(matches!(ended.result, Ok(Outcome::Written { .. })), "{:?}", ended.result);
    let bytes = std::fs::read(tiny.path("out.safetensors")).expect("a file");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    assert_eq!(file.names().len(), 4, "three states and the logits");
    let metadata = |bytes: &[u8]| {
        let (_, metadata) = safetensors::SafeTensors::read_metadata(bytes).expect("a header");
        metadata.metadata().clone().expect("metadata")
    };
    let told = metadata(&bytes);
    assert!(told["command"].starts_with("strandscope forward --model "), "{told:?}");
    assert!(told["input"].starts_with("in.safetensors sha256:") && told["format"] == "pt", "{told:?}");
    assert_eq!(run(&mut engine, request(good, &["nothing"])).error().kind, ErrorKind::Usage, "no such output");
    let error = run(&mut engine, request(ids([1, 9, 99, 2]), &[])).error().clone();
    assert!(error.kind == ErrorKind::BadInput && error.message.contains("99"), "{error:?}");

    let options = EngineOptions { device: DeviceChoice::Cpu, no_provenance: true, ..EngineOptions::default() };
    let ended = run(&mut Engine::start(options, || {}).expect("threads"), request(ids([1, 9, 10, 2]), &["logits"]));
    assert!(matches!(ended.result, Ok(Outcome::Written { .. })), "{:?}", ended.result);
    let told = metadata(&std::fs::read(tiny.path("out.safetensors")).expect("a file"));
    assert_eq!(told.keys().collect::<Vec<_>>(), ["format"], "nothing of the run");
}

#[test]
fn a_timed_pass_has_the_keys_that_others_are_compared_by() {
    let tiny = Tiny::new();
    let request = BenchModelRequest {
        model: tiny.path("model"),
        tokens: 8,
        batch: 1,
        repeats: 2,
        logits: false,
        train: false,
        no_skip: false,
    };
    let ended = run(&mut engine(&tiny), Task::BenchModel(request));
    let Ok(Outcome::Json(value)) = &ended.result else { panic!("{:?}", ended.result) };
    assert!(value["norm_bound"].as_f64().is_some_and(|bound| bound > 0.0), "{value}");
    assert!(value["estimate_bytes"].as_u64() > value["parameters"].as_u64().map(|count| 4 * count), "{value}");
    assert!(value.get("peak_device_bytes").is_some_and(serde_json::Value::is_null), "no GPU: {value}");
    let flop = value["flop"].as_f64().expect("a number");
    assert!(value["gflop"].as_f64().is_some_and(|gflop| (gflop - flop / 1e9).abs() < 1e-12), "{value}");
    if cfg!(target_os = "linux") {
        assert_eq!(value["load_average"].as_array().map(Vec::len), Some(3), "{value}");
        let rss = |key: &str| value[key].as_u64().expect("bytes");
        assert!(rss("rss_before_load_bytes") > 0 && rss("rss_after_load_bytes") > 0, "{value}");
    }
}
