use std::fs;

use proptest::prelude::*;
use serde_json::Value;

use crate::{
    Tokenizer,
    fixtures::{path, style},
};

/// What the corpus says must be refused is refused, with the file and the reason in the message.
#[test]
fn damaged_tokenizers_are_refused() {
    let cases = [
        ("tokenizer_truncated.json", "line"),
        ("tokenizer_empty.json", "empty"),
        ("tokenizer_type.json", "model.type"),
        ("tokenizer_no_model.json", "model"),
        ("tokenizer_unk.json", "not in the vocabulary"),
        ("tokenizer_dup_id.json", "same id"),
        ("tokenizer_merge.json", "merge"),
        ("tokenizer_html.json", "line 1"),
    ];
    for (name, word) in cases {
        let bytes = fs::read(path("corpus/tokenizer").join(name)).expect(name);
        let message = Tokenizer::from_json(&bytes, name).err().expect(name).to_string();
        assert!(message.contains(name) && message.contains(word), "{name}: {message}");
    }
    let good = fs::read(path("corpus/tokenizer/tokenizer_good.json")).expect("the good file");
    assert!(Tokenizer::from_json(&good, "good").is_ok(), "the control is accepted");
    let deep = "[".repeat(200_000);
    assert!(Tokenizer::from_json(deep.as_bytes(), "deep").is_err(), "deep nesting");
}

/// Contradictions that the tokenizer library loads without a word, and settings that would lose bases.
#[test]
fn contradictions_are_refused() {
    let file = path("fixtures/tokenizers/bpe_dnabert2_style/tokenizer.json");
    let good: Value = serde_json::from_slice(&fs::read(file).expect("the file")).expect("JSON");
    let with = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).expect(pointer) = value;
        let bytes = serde_json::to_vec(&changed).expect("JSON");
        Tokenizer::from_json(&bytes, "changed").err().map(|error| error.to_string())
    };
    let cases: [(&str, Value, &str); 9] = [
        ("/added_tokens/1/id", 7.into(), "added_tokens[1]"),
        ("/added_tokens/1/content", "[NEW]".into(), "same id"),
        ("/added_tokens/1/content", "[UNK]".into(), "twice"),
        ("/model/dropout", 0.1.into(), "model.dropout"),
        ("/model/byte_fallback", true.into(), "model.byte_fallback"),
        ("/model/unk_token", Value::Null, "model.unk_token"),
        ("/model/merges/3", "A Q".into(), "model.merges[3]"),
        ("/model/merges/3", good["model"]["merges"][2].clone(), "twice"),
        ("/post_processor/special_tokens/[CLS]/ids", vec![9].into(), "post_processor"),
    ];
    for (pointer, value, word) in cases {
        let message = with(pointer, value).expect(pointer);
        assert!(message.contains(word) && message.contains("changed"), "{pointer}: {message}");
    }
    assert_eq!(with("/version", "1.0".into()), None, "the control is accepted");

    let text = serde_json::to_string(&good).expect("JSON");
    let twice = text.replacen("\"[UNK]\":0", "\"[UNK]\":0,\"[UNK]\":0", 1);
    assert_ne!(text, twice, "the vocabulary was changed");
    let message = Tokenizer::from_json(twice.as_bytes(), "twice").err().expect("a doubled key").to_string();
    assert!(message.contains("twice"), "{message}");
}

#[test]
fn a_merge_longer_than_every_token_is_refused_and_does_not_end_the_process() {
    let json = r#"{"model": {"type": "BPE", "unk_token": "U", "vocab": {"U": 0, "A": 1}, "merges": ["A A"]}}"#;
    let message = Tokenizer::from_json(json.as_bytes(), "t").err().expect("no token AA").to_string();
    assert!(message.contains("'AA'"), "{message}");
}

#[test]
fn lower_case_counts_as_upper_case() {
    let tokenizer = style("bpe_dnabert2_style_512");
    let upper = tokenizer.encode(b"ACGTACGGGTTTAACCGT").expect("bases");
    assert_eq!(tokenizer.encode(b"acgtacgggtttaaccgt").expect("bases"), upper, "soft-masked bases");
    assert_eq!(upper.unknown_bp, 0, "all letters are known");
}

#[test]
fn runs_of_n_are_covered_whole() {
    let tokenizer = style("bpe_gena_style");
    let encoding = tokenizer.encode(b"ACGTNNNNNNNNNNNNACGT").expect("bases");
    assert_eq!(encoding.spans, [None, Some((0, 4)), Some((4, 16)), Some((16, 20)), None], "gap token");
    assert_eq!(encoding.unknown_bp, 0, "the gap token is no unknown letter");

    let tokenizer = style("bpe_dnabert2_style");
    let encoding = tokenizer.encode(b"ACNNNNGT").expect("bases");
    assert_eq!(encoding.unknown_bp, 4, "this vocabulary has no N");
    assert_eq!(encoding.spans.last(), Some(&None), "the template ends with [SEP]");
}

#[test]
fn a_run_of_n_may_be_a_single_token() {
    let tokenizer = style("bpe_gena_style");
    let encoding = tokenizer.encode(&[b'N'; 1000]).expect("bases");
    assert_eq!(encoding.ids.len(), 3, "[CLS] - [SEP]");
}

proptest! {
    /// Bytes that are no tokenizer are refused and never end the process.
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Tokenizer::from_json(&bytes, "junk").is_err());
    }
}
