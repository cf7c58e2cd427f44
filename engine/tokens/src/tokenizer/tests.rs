use std::{fs, path::PathBuf, time::Instant};

use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;

fn shared(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(path)
}

fn style(name: &str) -> Tokenizer {
    Tokenizer::read(&shared("fixtures/tokenizers").join(name)).expect(name)
}

fn hex(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn joined(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(" ")
}

/// Every case of the reference: ids, texts and offsets as the Python library gives them.
#[test]
fn golden_encodings_are_exact() {
    for name in ["bpe_dnabert2_style", "bpe_dnabert2_style_512", "bpe_gena_style"] {
        let folder = shared("fixtures/tokenizers").join(name);
        let tokenizer = style(name);
        let golden = fs::read(folder.join("golden.json")).expect("the golden file");
        let golden: Value = serde_json::from_slice(&golden).expect("golden JSON");
        let cases = golden["cases"].as_array().expect("cases");
        assert_eq!(cases.len(), 40, "{name}: number of cases");
        for case in cases {
            let case_name = format!("{name}/{}", case["name"]);
            let text = match case["text_file"].as_str() {
                Some(file) => fs::read_to_string(folder.join(file)).expect("the input"),
                None => case["text"].as_str().expect("a text").to_owned(),
            };
            let got = tokenizer.encode_text(&text).expect(&case_name);
            assert_eq!(Value::from(got.ids.len()), case["count"], "{case_name}: count");
            let ids = joined(got.ids.iter().map(u32::to_string));
            assert_eq!(Value::from(hex(&ids)), case["ids_sha256"], "{case_name}: ids {:?}", got.ids);
            let offsets = joined(got.offsets.iter().map(|(start, end)| format!("{start},{end}")));
            assert_eq!(Value::from(hex(&offsets)), case["offsets_sha256"], "{case_name}: {:?}", got.offsets);
            if let Some(tokens) = case["tokens"].as_array() {
                let texts: Vec<_> = got.ids.iter().map(|&id| tokenizer.token_text(id).map(Value::from)).collect();
                assert_eq!(texts, tokens.iter().cloned().map(Some).collect::<Vec<_>>(), "{case_name}: texts");
            }
        }
    }
}

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
        let bytes = fs::read(shared("corpus/tokenizer").join(name)).expect(name);
        let message = Tokenizer::from_json(&bytes, name).err().expect(name).to_string();
        assert!(message.contains(name) && message.contains(word), "{name}: {message}");
    }
    let good = fs::read(shared("corpus/tokenizer/tokenizer_good.json")).expect("the good file");
    assert!(Tokenizer::from_json(&good, "good").is_ok(), "the control is accepted");
    let deep = "[".repeat(200_000);
    assert!(Tokenizer::from_json(deep.as_bytes(), "deep").is_err(), "deep nesting");
}

/// Contradictions that the tokenizer library loads without a word, and settings that would lose bases.
#[test]
fn contradictions_are_refused() {
    let path = shared("fixtures/tokenizers/bpe_dnabert2_style/tokenizer.json");
    let good: Value = serde_json::from_slice(&fs::read(path).expect("the file")).expect("JSON");
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
fn a_folder_without_a_tokenizer_is_named() {
    let message = Tokenizer::read(&shared("corpus/no-such-folder")).err().expect("no folder").to_string();
    assert!(message.contains("no-such-folder") && message.contains("tokenizer.json"), "{message}");
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
fn what_is_no_base_is_refused_with_its_place() {
    let error = style("bpe_gena_style").encode(b"ACG T").expect_err("a blank");
    assert!(error.to_string().contains("position 4"), "{error}");
    assert!(style("bpe_gena_style").encode(b"[MASK]").is_err(), "no special token by the back door");
    assert!(style("bpe_gena_style").encode(&[b'A', 0xff]).is_err(), "no byte beyond ASCII");
}

#[test]
fn nothing_becomes_only_special_tokens() {
    let encoding = style("bpe_gena_style").encode(b"").expect("nothing");
    assert_eq!((encoding.ids, encoding.spans), (vec![1, 2], vec![None, None]), "[CLS] [SEP]");
}

/// A word of a megabase must not cost the square of its length, nor runs of N, nor unknown letters.
#[test]
fn a_megabase_is_quick() {
    let mut state = 7_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b"ACGT"[usize::try_from(state >> 62).expect("two bits")]
    };
    let mixed: Vec<u8> = (0..1_000_000).map(|_| random()).collect();
    let mut gaps = mixed.clone();
    gaps.chunks_mut(25_000).for_each(|chunk| chunk[..10_000].fill(b'N'));
    for (what, bases) in
        [("random", mixed), ("one letter", vec![b'A'; 1_000_000]), ("gaps", gaps), ("unknown", vec![b'X'; 1_000_000])]
    {
        for name in ["bpe_dnabert2_style_512", "bpe_gena_style"] {
            let start = Instant::now();
            let encoding = style(name).encode(&bases).expect("bases");
            let seconds = start.elapsed().as_secs_f64();
            assert_eq!(
                encoding.spans.iter().flatten().map(|(start, end)| end - start).sum::<usize>(),
                1_000_000,
                "{what}"
            );
            // Quadratic merging would take hours; the limit leaves room for a busy machine.
            assert!(seconds < 60.0, "{name}, {what}: {seconds} s");
        }
    }
}

proptest! {
    /// Spans tile the input, and every base is the one its token says (the U of RNA a T), or counted as unknown.
    #[test]
    fn spans_tile_the_sequence(bases in "[ACGTacgtNnRYKU*.-]{0,200}(N{8,14}|n{20})?[ACGTN]{0,50}") {
        for name in ["bpe_dnabert2_style", "bpe_dnabert2_style_512", "bpe_gena_style"] {
            let tokenizer = style(name);
            let encoding = tokenizer.encode(bases.as_bytes()).expect("bases");
            let (mut end_bp, mut unknown_bp) = (0, 0);
            for (&id, span) in encoding.ids.iter().zip(&encoding.spans) {
                let Some((start, end)) = *span else { continue };
                prop_assert_eq!(start, end_bp);
                prop_assert!(end > start);
                let covered = bases[start..end].to_ascii_uppercase().replace('U', "T");
                match tokenizer.token_text(id) {
                    Some("[UNK]") => unknown_bp += end - start,
                    Some("-") => prop_assert!(covered == "-" || (covered.len() >= 10 && covered.chars().all(|base| base == 'N'))),
                    text => prop_assert_eq!(text, Some(covered.as_str())),
                }
                end_bp = end;
            }
            prop_assert_eq!(end_bp, bases.len());
            prop_assert_eq!(unknown_bp, encoding.unknown_bp);
        }
    }

    /// Bytes that are no tokenizer are refused and never end the process.
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Tokenizer::from_json(&bytes, "junk").is_err());
    }
}
