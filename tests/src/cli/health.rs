//! Whether this computer computes what it should, and how fast.

use serde_json::Value;

use super::{Place, genome};

fn document(place: &Place, command: &str, more: &[&str]) -> Value {
    let words: Vec<&str> = command.split(' ').chain(more.iter().copied()).collect();
    serde_json::from_str(&place.run(&words).expect(0).out).expect("JSON")
}

#[test]
fn the_selftest_passes_on_the_processor() {
    let place = Place::new();
    let report = document(&place, "selftest --device cpu --json", &[]);
    assert_eq!(report["passed"], true, "{report:#}");
    assert!(report["device"].as_str().is_some_and(|device| device.starts_with("CPU")), "{report:#}");
    let checks = report["checks"].as_array().expect("a list");
    for check in checks {
        let number = |key: &str| check[key].as_f64().expect("a number");
        assert!(check["passed"] == true && number("max_abs_diff") <= number("tolerance"), "{check}");
    }
    let names: Vec<&str> = checks.iter().filter_map(|check| check["name"].as_str()).collect();
    assert_eq!(names.len(), checks.len(), "each has a name");
    let cases = ["plain-64", "plain-80", "alibi-64", "alibi-80", "packed-64", "packed-80"];
    let of_attention = ["output", "log-sum-exp", "gradients", "received", "maxima", "entropy", "distance"];
    let attention = cases.iter().flat_map(|case| of_attention.map(|what| format!("attention/{case}/{what}")));
    let others = ["dense/linear", "dense/swiglu", "dense/layer norm", "model/tokens", "model/states", "head/splice"];
    for name in attention.chain(others.map(str::to_owned)).chain(["head/promoter".to_owned()]) {
        assert_eq!(names.iter().filter(|other| **other == name).count(), 1, "{name} of {names:?}");
    }
}

#[test]
fn the_selftest_can_be_read_by_people() {
    let place = Place::new();
    let text = place.run(&["selftest", "--device", "cpu"]).expect(0).out;
    assert!(text.starts_with("device: CPU"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("passed  model/states ")), "{text}");
    let last = text.lines().last().unwrap_or_default();
    let (passed, all) = last.trim_start_matches("passed: ").split_once(" of ").expect("a count");
    assert_eq!(passed, all, "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_pass_takes_is_known_before_it_runs() {
    let place = Place::new();
    for tokens in ["5000", "20000"] {
        let value = document(&place, "bench model --model mini --repeats 1 --device cpu --json --tokens", &[tokens]);
        let bytes = |key: &str| value[key].as_f64().unwrap_or_else(|| panic!("{key} of {value}"));
        let (estimate, peak) = (bytes("estimate_bytes"), bytes("peak_rss_bytes"));
        assert!((estimate / peak - 1.0).abs() < 0.15, "{tokens} tokens: {estimate} expected, {peak} taken");
    }
}

#[test]
fn what_no_computer_can_hold_is_refused_with_its_size() {
    let place = Place::new();
    let bench = "bench model --model mini --tokens 4000000000 --device cpu";
    let told = place.run(&bench.split(' ').collect::<Vec<_>>()).expect(1).err;
    assert!(told.contains("does not fit into memory") && told.contains(" are free"), "{told}");
    assert!(told.contains("ask for fewer --tokens"), "{told}");
}

#[test]
fn a_bench_of_attention_has_the_keys_of_the_contract() {
    let place = Place::new();
    let bench = "bench attention --tokens 300 --heads 8 --dim 16 --batch 2 --repeats 2 --device cpu --json --pass";
    let keys = "program device dtype threads tokens heads dim batch bias pass skip seed seconds median_seconds \
                cpu_seconds warmup_seconds peak_rss_bytes checksum flop gflop_per_second kept_fraction norm_bound \
                estimate_bytes peak_device_bytes tokens_per_s";
    let of_pass = |pass: &str, more: &[&str]| {
        let value = document(&place, bench, &[&[pass], more].concat());
        for key in keys.split_whitespace() {
            assert!(value.get(key).is_some(), "{pass} has no {key}: {value}");
        }
        let count = |key: &str| value[key].as_array().map(Vec::len);
        assert_eq!((count("seconds"), count("warmup_seconds")), (Some(2), Some(1)), "{value}");
        assert_eq!(value["checksum"]["samples"].as_array().map(Vec::len), Some(16), "{value}");
        assert_eq!((&value["pass"], &value["checksum"]["elements"]), (&pass.into(), &(300 * 8 * 16 * 2).into()));
        value
    };
    let forward = of_pass("forward", &[]);
    assert_eq!((&forward["bias"], &forward["skip"]), (&"alibi".into(), &true.into()), "unless told otherwise");
    let samples = |value: &Value| -> Vec<f64> {
        let samples = value["checksum"]["samples"].as_array().expect("a list");
        samples.iter().map(|sample| sample.as_f64().expect("a number")).collect()
    };
    let same = |other: &Value| samples(&forward).iter().zip(samples(other)).all(|(a, b)| (a - b).abs() < 2e-6);
    let back = of_pass("forward-backward", &[]);
    assert!(same(&back) && back["gradient_checksum"]["elements"] == 3 * 300 * 8 * 16 * 2, "{back}");
    let statistics = of_pass("statistics", &[]);
    assert!(same(&statistics) && statistics["statistics_ratio"].as_f64().is_some_and(|ratio| ratio > 0.0));
    // What all queries give away adds up to 1 for each of them.
    let received = statistics["received_checksum"]["sum"].as_f64().expect("a sum");
    assert!((received - 2.0 * 8.0 * 300.0).abs() < 1e-2, "{statistics}");
    let all = of_pass("forward", &["--no-skip"]);
    assert!(same(&all) && all["kept_fraction"] == 1.0 && all["skip"] == false, "{all}");
    assert!(forward["kept_fraction"].as_f64().is_some_and(|kept| kept < 1.0), "{forward}");
    assert!(!same(&of_pass("forward", &["--bias", "none"])), "distance counts");
    assert!(!same(&of_pass("forward", &["--seed", "1"])), "so does the seed");
}

#[test]
fn opening_a_file_is_timed() {
    let place = Place::new();
    place.write("a.fa", genome(30_000));
    let told = place.run(&["bench", "open", "a.fa", "--json"]).expect(0).out;
    let told: Value = serde_json::from_str(&told).expect("JSON");
    for key in ["index_seconds", "first_region_seconds", "reopen_seconds", "peak_rss_bytes"] {
        assert!(told[key].as_f64().is_some_and(|value| value > 0.0), "{key}: {told}");
    }
    assert_eq!(told["same_bases"], true, "{told}");
    assert_eq!(place.files(), ["a.fa"], "nothing is left behind");
    place.run(&["bench", "open", "none.fa"]).expect(3);
}
