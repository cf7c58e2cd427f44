//! What is written where: coordinates, provenance, and files that appear whole or not at all.

use serde_json::Value;

use strandscope_worker::genome::{Hooks, Signal};

use super::{Place, genome};

/// Columns of the rows of a table, without its head.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let rows = text.lines().filter(|line| !line.starts_with('#') && !line.starts_with("contig\t"));
    rows.filter(|line| !line.starts_with("track")).map(|line| line.split('\t').collect()).collect()
}

const REGION: &[&str] = &["score", "a.fa", "--head", "splice", "--region", "chr1:201-500", "--device", "cpu"];

#[test]
fn tables_count_from_one_and_all_forms_say_the_same() {
    let place = Place::new();
    place.write("a.fa", genome(2_000));
    let tsv = place.run(REGION).expect(0).out;
    let donor: Vec<_> = rows(&tsv).into_iter().filter(|row| row[4] == "donor").collect();
    assert_eq!(donor.len(), 300, "a row for each base");
    assert_eq!((donor[0][1], donor[0][2], donor[299][2]), ("201", "201", "500"), "1-based, inclusive");

    place.run(&[REGION, &["--format", "bedgraph", "-o", "out"]].concat()).expect(0);
    let bedgraph = place.read("out.donor.bedgraph");
    let bedgraph = rows(&bedgraph);
    assert_eq!((bedgraph[0][1], bedgraph[0][2]), ("200", "201"), "0-based, half-open");
    let values: Vec<_> = bedgraph.iter().map(|row| row[3]).collect();
    let wanted: Vec<_> = donor.iter().map(|row| row[5]).filter(|value| *value != ".").collect();
    assert_eq!(values, wanted, "the same values");

    let json = place.run(&[REGION, &["--json"]].concat()).expect(0).out;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let tracks = json["tracks"].as_array().expect("tracks");
    let track = tracks.iter().find(|track| track["label"] == "donor").expect("the donor track");
    assert_eq!((&track["start"], &track["end"]), (&200.into(), &500.into()), "0-based, half-open");
    let first: f64 = donor[0][5].parse().expect("a number");
    let same = (track["values"][0].as_f64().expect("a number") - first).abs() < 1e-7;
    assert!(same, "the same values");
}

#[test]
fn bigwig_has_a_file_for_each_track_and_one_beside_it() {
    let place = Place::new();
    place.write("a.fa", genome(2_000));
    // Regions that overlap, from right to left: BigWig has each base once, from left to right.
    let regions = ["--region", "chr1:401-500", "--region", "chr1:201-450", "--both-strands"];
    let score = ["score", "a.fa", "--head", "splice", "--device", "cpu", "--format", "bigwig"];
    place.run(&[&score[..], &regions[..], &["-o", "out"]].concat()).expect(0);
    let labels = ["acceptor", "donor", "none"];
    let wanted: Vec<String> = labels
        .iter()
        .flat_map(|label| ["", ".minus"].map(|strand| format!("out.{label}{strand}.bw")))
        .flat_map(|name| [name.clone(), format!("{name}.json")])
        .collect();
    let mut written: Vec<String> = place.files().into_iter().filter(|name| name.starts_with("out.")).collect();
    written.sort();
    let mut sorted = wanted.clone();
    sorted.sort();
    assert_eq!(written, sorted, "one for each label and strand");
    let beside: Value = serde_json::from_str(&place.read("out.donor.bw.json")).expect("JSON");
    assert!(
        beside["command"].as_str().is_some_and(|command| command.starts_with("strandscope score a.fa")),
        "{beside}"
    );

    let tsv = place.run(REGION).expect(0).out;
    let wanted: Vec<f32> =
        rows(&tsv).iter().filter(|row| row[4] == "donor").map(|row| row[5].parse().unwrap_or(f32::NAN)).collect();
    let mut signal = Signal::open(&place.path("out.donor.bw"), None, &mut Hooks::default()).expect("a BigWig file");
    let values = signal.values("chr1", 200, 500).expect("its values");
    let same = |(got, want): (&f32, &f32)| got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan());
    assert!(values.len() == 300 && values.iter().zip(&wanted).all(same), "the same values, to the bit");
    place.run(&[&score[..], &["--region", "chr1:201-300"]].concat()).expect(2);
    let ended = place.run(&[&score[..], &regions[..], &["-o", "out"]].concat()).expect(2);
    assert!(ended.err.contains("exists"), "nothing is written over: {}", ended.err);
}

#[test]
fn stretches_without_an_answer_are_dots_with_a_reason() {
    let place = Place::new();
    place.write("a.fa", genome(500));
    let tsv = place.run(&["score", "a.fa", "--head", "splice", "--region", "HLA:01", "--device", "cpu"]).expect(0).out;
    let rows = rows(&tsv);
    let missing: Vec<_> = rows.iter().filter(|row| row[4] == "donor" && row[5] == ".").collect();
    let covered: u64 =
        missing.iter().map(|row| row[2].parse::<u64>().unwrap() - row[1].parse::<u64>().unwrap() + 1).sum();
    assert!(covered >= 40, "all of the N run is missing: {covered}");
    assert!(missing.iter().all(|row| row[6] != "."), "each with a reason");
    assert!(rows.iter().any(|row| row[0] == "HLA:01" && row[5] != "."), "and the rest is scored");
}

#[test]
fn provenance_stands_at_the_top_unless_it_is_not_wanted() {
    let place = Place::new();
    place.write("a.fa", genome(600));
    place.run(&[REGION, &["-o", "with.tsv"]].concat()).expect(0);
    let text = place.read("with.tsv");
    let head: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
    for key in ["program: strandscope", "command: strandscope score a.fa", "model:", "head: splice sha256:", "device:"]
    {
        assert!(head.iter().any(|line| line.contains(key)), "{key}\n{head:#?}");
    }
    let input = head.iter().find(|line| line.contains("input: a.fa sha256:")).expect("the input");
    assert_eq!(input.rsplit(':').next().map(str::len), Some(64), "{input}");
    place.run(&[REGION, &["--no-provenance", "-o", "without.tsv"]].concat()).expect(0);
    let without = place.read("without.tsv");
    assert!(without.starts_with("contig\t"), "{}", without.lines().next().unwrap_or_default());
    assert_eq!(rows(&text), rows(&without), "the same rows");
}

#[test]
fn documents_in_files_say_what_made_them() {
    let place = Place::new();
    place.write("a.fa", genome(100));
    let bench = "bench model --model mini --tokens 8 --repeats 1 --output hidden --device cpu";
    let attention = "bench attention --tokens 32 --heads 2 --dim 8 --repeats 1 --device cpu";
    for command in
        ["inspect a.fa", "models list", "models show splice", "doctor", "selftest --device cpu", bench, attention]
    {
        let json = |more: &[&str]| {
            let words: Vec<&str> = command.split(' ').chain(["--json", "--force"]).collect();
            let text = place.run(&[&words[..], more].concat()).expect(0).out;
            let text = if text.is_empty() { place.read("out.json") } else { text };
            let value: Value = serde_json::from_str(&text).expect("JSON");
            if value.is_array() { value[0].clone() } else { value }
        };
        let made = json(&["-o", "out.json"]);
        let typed = made["provenance"]["command"].as_str().unwrap_or_default();
        assert!(typed.starts_with(&format!("strandscope {command}")), "{made}");
        assert!(made["provenance"]["program"].as_str().is_some_and(|text| text.starts_with("strandscope ")), "{made}");
        for more in [&["-o", "out.json", "--no-provenance"][..], &["-o", "-"]] {
            assert_eq!(json(more).get("provenance"), None, "{command} {more:?}");
        }
    }
    place.run(&["models", "list", "-o", "out.txt"]).expect(0);
    assert!(place.read("out.txt").starts_with("# program: strandscope "), "a table for people");
}

#[test]
fn a_name_with_a_line_end_does_not_break_a_table() {
    let place = Place::new();
    place.write("a\nb.fa", genome(100));
    for command in [&["tokenize", "a\nb.fa"][..], &["attention", "a\nb.fa", "--region", "chr1", "--stat", "received"]] {
        let text = place.run(command).expect(0).out;
        let mut behind_head = text.lines().skip_while(|line| line.starts_with("# "));
        assert!(behind_head.next().is_some_and(|line| line.starts_with("contig\t")), "{text:.500}");
    }
}

#[test]
fn a_map_of_attention_says_the_same_in_every_form() {
    let place = Place::new();
    place.write("a.fa", genome(600));
    let map = "attention a.fa --region chr1:1-300 --stat map --bins 4";
    let run = |more: &str| place.run(&format!("{map} {more}").split_whitespace().collect::<Vec<_>>()).expect(0).out;
    let table: Vec<f64> = rows(&run("")).iter().map(|row| row[7].parse().expect("a number")).collect();
    let object: Value = serde_json::from_str(&run("--json")).expect("JSON");
    let cells =
        object["maps"][0]["values"].as_array().expect("rows").iter().flat_map(|row| row.as_array().expect("cells"));
    let cells: Vec<f64> = cells.map(|cell| cell.as_f64().expect("a number")).collect();
    run("--format npy -o map.npy");
    let array = std::fs::read(place.path("map.npy")).expect("a file");
    let numbers = array[array.len() - 64..].as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes)));
    let numbers: Vec<f64> = numbers.collect();
    for (form, values) in [("JSON", &cells), ("array", &numbers)] {
        assert_eq!(values.len(), table.len(), "{form}");
        assert!(values.iter().zip(&table).all(|(a, b)| (a - b).abs() < 1e-7), "{form}: {values:?}, {table:?}");
    }
    let beside: Value = serde_json::from_str(&place.read("map.npy.json")).expect("JSON");
    assert_eq!((&beside["edges"], &beside["of"][0]["layer"]), (&object["edges"], &"mean".into()), "{beside}");
    assert!(beside["provenance"]["program"].is_string(), "{beside}");
}

#[test]
fn attention_of_any_kind_makes_a_figure_that_names_its_origin() {
    let place = Place::new();
    place.write("a.fa", genome(600));
    for (number, stat) in ["received --layer all", "map --bins 8", "map --bins 8 --layer all", "top"].iter().enumerate()
    {
        let file = format!("{number}.png");
        let command = format!("attention a.fa --region chr1:1-300 --format png -o {file} --stat {stat}");
        place.run(&command.split(' ').collect::<Vec<_>>()).expect(0);
        let bytes = std::fs::read(place.path(&file)).expect("a file");
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(bytes.starts_with(b"\x89PNG") && holds("chr1:1-300") && holds(&command), "{stat}");
    }
}

#[test]
fn an_existing_file_is_refused_before_the_work() {
    let place = Place::new();
    place.write("out.json", "precious");
    let refused = place.run(&["evaluate", "--head", "splice", "--data", "none.csv", "-o", "out.json"]).expect(2);
    assert!(refused.err.contains("out.json") && refused.err.contains("--force"), "{}", refused.err);
}

#[test]
fn an_existing_file_is_overwritten_only_with_force() {
    let place = Place::new();
    place.write("a.fa", genome(600));
    place.write("out.tsv", "precious");
    let refused = place.run(&[REGION, &["-o", "out.tsv"]].concat()).expect(2);
    assert!(refused.err.contains("out.tsv") && refused.err.contains("--force"), "{}", refused.err);
    assert_eq!(place.read("out.tsv"), "precious", "untouched");
    place.run(&[REGION, &["-o", "out.tsv", "--force"]].concat()).expect(0);
    assert!(place.read("out.tsv").starts_with("# program"), "overwritten");
    assert_eq!(place.files(), ["a.fa", "out.tsv"], "nothing else is left");
}

#[test]
fn rows_of_a_bed_file_are_scored_and_bad_ones_are_named() {
    let place = Place::new();
    place.write("a.fa", genome(2_000));
    place.write("good.bed", "track name=x\nchr1\t100\t150\tfirst\r\nHLA:01\t0\t10\n");
    let bed = |file: &'static str| ["score", "a.fa", "--head", "splice", "--bed", file, "--device", "cpu"];
    let text = place.run(&bed("good.bed")).expect(0).out;
    let donor = rows(&text).into_iter().filter(|row| row[4] == "donor" && row[0] == "chr1").count();
    assert_eq!(donor, 50, "the first row's bases");
    let source = text.lines().find(|line| line.starts_with("# bed: good.bed sha256:")).expect("the rows' origin");
    assert_eq!(source.rsplit(':').next().map(str::len), Some(64), "{source}");

    place.write("bad.bed", "chr1\t100\t150\nchr1\t150\t100\nchr9\t0\t5\n");
    let refused = place.run(&bed("bad.bed")).expect(3);
    assert!(refused.err.contains("bad.bed") && refused.err.contains("line 2"), "{}", refused.err);
    let passed = place.run(&[&bed("bad.bed")[..], &["--keep-going"]].concat()).expect(0);
    assert!(passed.err.contains("passed over 2 of 3"), "{}", passed.err);
    assert!(passed.out.contains("line 3") && passed.out.contains("chr9"), "the reasons are in the file");
}

#[test]
fn the_same_bytes_from_two_runs_and_from_one_and_two_threads() {
    let place = Place::new();
    place.write("a.fa", genome(3_000));
    let run = |threads: &str| {
        let arguments =
            ["score", "a.fa", "--head", "splice", "--device", "cpu", "--no-provenance", "--threads", threads];
        place.run(&arguments).expect(0).out
    };
    let first = run("1");
    assert_eq!(first, run("1"), "two runs");
    assert_eq!(first, run("2"), "one and two threads");
}
