//! Self-tests and benches.

use serde_json::{Value, json};

use super::{Tiny, engine, run};
use crate::{
    AttentionBias, AttentionPass, BenchAttentionRequest, Engine, ErrorKind, Event, Outcome, SelfTestRequest, Task,
};

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../../assets/selftest/golden.json")).expect("JSON")
}

fn selftest(engine: &mut Engine, golden: Option<Value>) -> Value {
    let ended = run(engine, Task::SelfTest(SelfTestRequest { golden }));
    let Ok(Outcome::Json(report)) = ended.result else { panic!("{:?}", ended.result) };
    report
}

/// Names and reasons of the checks that did not pass.
fn failed(report: &Value) -> Vec<(&str, &str)> {
    let checks = report["checks"].as_array().expect("a list").iter();
    let failed = checks.filter(|check| check["passed"] != true);
    failed
        .map(|check| (check["name"].as_str().expect("a name"), check["reason"].as_str().unwrap_or_default()))
        .collect()
}

#[test]
fn what_is_built_in_passes_and_given_values_are_the_same() {
    let mut engine = engine(&Tiny::new());
    let report = selftest(&mut engine, None);
    assert_eq!((failed(&report), &report["passed"]), (Vec::new(), &true.into()), "{report:#}");
    assert_eq!(selftest(&mut engine, Some(golden())), report, "the same bits in a second run");
}

#[test]
fn the_last_self_test_is_remembered() {
    let tiny = Tiny::new();
    let last = |engine: &mut Engine| match run(engine, Task::LastSelfTest).result {
        Ok(Outcome::SelfTested(test)) => test,
        other => panic!("{other:?}"),
    };
    let mut first = engine(&tiny);
    selftest(&mut first, Some(golden()));
    assert_eq!(last(&mut first), None, "values that were given are no test of this program");
    let checks = selftest(&mut first, None)["checks"].as_array().map(|checks| checks.len() as u64);
    let test = last(&mut first).expect("a test");
    assert_eq!((test.passed, Some(test.checks), test.is_stale), (true, checks, false), "{test:?}");
    let mut later = engine(&tiny);
    while !matches!(later.event_within(super::PATIENCE).expect("an event"), Event::Ready { .. }) {}
    assert_eq!(last(&mut later), Some(test), "also after a restart");
}

#[test]
fn a_wrong_value_fails_its_check_alone() {
    let mut engine = engine(&Tiny::new());
    let mut wrong = golden();
    let heads = wrong["heads"].as_array_mut().expect("a list");
    let splice = heads.iter_mut().find(|head| head["name"] == "splice").expect("a built-in head");
    let value = splice["probabilities"][5].as_f64().expect("a number");
    splice["probabilities"][5] = json!(value + 0.01);
    let report = selftest(&mut engine, Some(wrong));
    let failed = failed(&report);
    assert_eq!((failed.len(), failed[0].0, &report["passed"]), (1, "head/splice", &false.into()), "{report:#}");
    assert!(failed[0].1.contains("probabilities[5]"), "{failed:?}");
}

#[test]
fn what_cannot_be_checked_fails_and_says_why() {
    let mut engine = engine(&Tiny::new());
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut golden = golden();
        change(&mut golden);
        golden
    };
    for (golden, names, word) in [
        (changed(&|golden| golden["model"]["sha256"] = json!("0")), 3, "another model"),
        (changed(&|golden| golden["heads"][0]["sha256"] = json!("0")), 1, "another head"),
        (changed(&|golden| golden["heads"][0]["name"] = json!("no-such")), 1, "no-such"),
        (changed(&|golden| golden["heads"][0]["window_bp"] = json!(999_999)), 1, "999999 bases"),
        (changed(&|golden| golden["model"]["states"]["of"] = json!(1)), 1, "should be 1"),
        (changed(&|golden| golden["model"]["states"]["values"] = json!([])), 1, "more values"),
        (changed(&|golden| golden["model"]["states"]["values"][0] = Value::Null), 1, "cannot be read"),
        (changed(&|golden| golden["sequence"]["bases"] = json!("AC!")), 5, ""),
        (json!([]), 1, "cannot be read"),
    ] {
        let report = selftest(&mut engine, Some(golden));
        let failed = failed(&report);
        assert!(failed.len() >= names && report["passed"] == false, "{word}: {failed:?}");
        assert!(failed.iter().all(|(_, reason)| reason.contains(word) && !reason.is_empty()), "{word}: {failed:?}");
    }
}

fn bench(pass: AttentionPass) -> BenchAttentionRequest {
    let bias = AttentionBias::Alibi;
    BenchAttentionRequest { tokens: 40, heads: 2, dim: 8, batch: 1, repeats: 3, bias, pass, no_skip: false }
}

#[test]
fn attention_is_timed_in_each_way() {
    let mut engine = engine(&Tiny::new());
    for (pass, products, own) in [
        (AttentionPass::Forward, 2, None),
        (AttentionPass::ForwardBackward, 7, Some("gradient_checksum")),
        (AttentionPass::Statistics, 3, Some("statistics_ratio")),
    ] {
        let ended = run(&mut engine, Task::BenchAttention(bench(pass)));
        let Ok(Outcome::Json(value)) = &ended.result else { panic!("{:?}", ended.result) };
        assert_eq!(value["flop"], f64::from(2 * products * 2 * 40 * 40 * 8), "{pass:?}");
        assert_eq!(value["seconds"].as_array().map(Vec::len), Some(3), "{pass:?}");
        assert!(own.is_none_or(|key| !value[key].is_null()), "{pass:?}: {value}");
    }
    let refused =
        run(&mut engine, Task::BenchAttention(BenchAttentionRequest { dim: 0, ..bench(AttentionPass::Forward) }));
    assert_eq!(refused.error().kind, ErrorKind::Usage, "a width of 0");
}

#[test]
fn a_bench_stops_when_asked() {
    let mut engine = engine(&Tiny::new());
    let request =
        BenchAttentionRequest { tokens: 20_000, heads: 12, repeats: 1_000, ..bench(AttentionPass::Statistics) };
    let job = engine.run(Task::BenchAttention(request));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let start = std::time::Instant::now();
    engine.cancel(job);
    assert_eq!(super::end_of(&engine, job).result, Err(None), "cancelled");
    assert!(start.elapsed() < std::time::Duration::from_secs(1), "it took {:?}", start.elapsed());
}
