use std::{fs, time::Instant};

use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;
use crate::fixtures::{STYLES, megabases, path, style, styles};

fn hex(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn joined(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(" ")
}

/// Every case of the reference: ids, texts and offsets as the Python library gives them.
#[test]
fn golden_encodings_are_exact() {
    for name in STYLES {
        let folder = path("fixtures/tokenizers").join(name);
        let tokenizer = style(name);
        let golden = fs::read(folder.join("golden.json")).expect("the golden file");
        let golden: Value = serde_json::from_slice(&golden).expect("golden JSON");
        let cases = golden["cases"].as_array().expect("cases");
        // How DNABERT cuts text that is no sequence is not said, and the reference leaves it out.
        assert_eq!(cases.len(), if name.starts_with("kmer") { 27 } else { 40 }, "{name}: number of cases");
        for case in cases {
            let case_name = format!("{name}/{}", case["name"]);
            let text = match case["text_file"].as_str() {
                Some(file) => fs::read_to_string(folder.join(file)).expect("the input"),
                None => case["text"].as_str().expect("a text").to_owned(),
            };
            let got = tokenizer.encode_text(&text).expect(&case_name);
            check_golden(&case_name, &got, case);
            if let Some(tokens) = case["tokens"].as_array() {
                let texts: Vec<_> = got.ids.iter().map(|&id| tokenizer.token_text(id).map(Value::from)).collect();
                assert_eq!(texts, tokens.iter().cloned().map(Some).collect::<Vec<_>>(), "{case_name}: texts");
            }
        }
    }
}

/// Ids and offsets as a case has them, in full where it does.
fn check_golden(name: &str, got: &CharEncoding, case: &Value) {
    assert_eq!(Value::from(got.ids.len()), case["count"], "{name}: count");
    if let Some(ids) = case.get("ids") {
        assert_eq!(&Value::from(got.ids.clone()), ids, "{name}: ids");
        let offsets: Value = got.offsets.iter().map(|&(start, end)| vec![start, end]).collect();
        assert_eq!(offsets, case["offsets"], "{name}: offsets");
    }
    let ids = joined(got.ids.iter().map(u32::to_string));
    assert_eq!(Value::from(hex(&ids)), case["ids_sha256"], "{name}: ids {:?}", got.ids);
    let offsets = joined(got.offsets.iter().map(|(start, end)| format!("{start},{end}")));
    assert_eq!(Value::from(hex(&offsets)), case["offsets_sha256"], "{name}: offsets {:?}", got.offsets);
}

#[test]
fn a_folder_without_a_tokenizer_is_named() {
    let message = Tokenizer::read(&path("corpus/no-such-folder")).err().expect("no folder").to_string();
    for word in ["no-such-folder", "tokenizer.json", "vocab.txt"] {
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn a_tokenizer_json_comes_first() {
    let read = |style: &str, name: &str| fs::read(path("fixtures/tokenizers").join(style).join(name)).ok();
    let mut files = TokenizerFiles {
        tokenizer_json: read("bpe_gena_style", "tokenizer.json"),
        vocab_txt: read("kmer_dnabert_3", "vocab.txt"),
        tokenizer_config: read("kmer_dnabert_3", "tokenizer_config.json"),
    };
    let origin = |name: &str| format!("there/{name}");
    let kind = |files: &TokenizerFiles| Tokenizer::from_files(files, origin).map(|tokenizer| tokenizer.kind());
    assert_eq!(kind(&files).expect("both"), TokenizerKind::Bpe, "it wins");
    files.tokenizer_json = None;
    assert_eq!(kind(&files).expect("the other"), TokenizerKind::OverlappingKmers { k: 3 }, "it is enough");
    files.tokenizer_config = read("nucleotide_transformer_k3", "tokenizer_config.json");
    let message = kind(&files).expect_err("two models").to_string();
    assert!(message.contains("there/tokenizer_config.json"), "{message}");
    files.vocab_txt = read("nucleotide_transformer_k3", "vocab.txt");
    assert_eq!(kind(&files).expect("its own"), TokenizerKind::Kmers { k: 3 }, "the other kind");
    files.tokenizer_json = Some(Vec::new());
    let message = kind(&files).expect_err("an empty file").to_string();
    assert!(message.contains("there/tokenizer.json"), "it is not passed over: {message}");
}

#[test]
fn what_is_no_base_is_refused_with_its_place() {
    for name in ["bpe_gena_style", "kmer_dnabert_3", "nucleotide_transformer_k3"] {
        let error = style(name).encode(b"ACG T").expect_err("a blank");
        assert!(error.to_string().contains("position 4"), "{name}: {error}");
        assert!(style(name).encode(b"[MASK]").is_err(), "{name}: no special token by the back door");
        assert!(style(name).encode(b"<mask>").is_err(), "{name}: no special token by the back door");
        assert!(style(name).encode(&[b'A', b'C', b'G', 0xff]).is_err(), "{name}: no byte beyond ASCII");
    }
}

#[test]
fn nothing_becomes_only_special_tokens() {
    let encoding = style("bpe_gena_style").encode(b"").expect("nothing");
    assert_eq!((encoding.ids, encoding.spans), (vec![1, 2], vec![None, None]), "[CLS] [SEP]");
    let encoding = style("nucleotide_transformer_v1").encode(b"").expect("nothing");
    assert_eq!((encoding.ids, encoding.spans), (vec![3], vec![None]), "<cls>");
}

/// A word of a megabase must not cost the square of its length, nor runs of N, nor unknown letters.
#[test]
fn a_megabase_is_quick() {
    let names = ["bpe_dnabert2_style_512", "bpe_gena_style", "kmer_dnabert_6", "nucleotide_transformer_v2"];
    for (what, bases) in megabases() {
        for name in names {
            let tokenizer = style(name);
            let start = Instant::now();
            let encoding = tokenizer.encode(&bases).expect("bases");
            let seconds = start.elapsed().as_secs_f64();
            assert_eq!(encoding.covering().len(), 1_000_000, "{name}, {what}: every base is covered");
            // Quadratic merging would take hours; the limit leaves room for a busy machine.
            assert!(seconds < 60.0, "{name}, {what}: {seconds} s");
        }
    }
}

/// The base that a letter is read as.
fn read_as(bases: &str) -> String {
    bases.to_ascii_uppercase().replace('U', "T")
}

proptest! {
    /// Spans tile the input, and every base is the one its token says (the U of RNA a T), or counted as unknown.
    #[test]
    fn spans_tile_the_sequence(bases in "[ACGTacgtNnRYKU*.-]{0,200}(N{8,14}|n{20})?[ACGTN]{0,50}") {
        for (_, tokenizer) in styles().filter(|(_, tokenizer)| tokenizer.overlap() == 1) {
            let encoding = tokenizer.encode(bases.as_bytes()).expect("bases");
            let (mut end_bp, mut unknown_bp) = (0, 0);
            for (&id, span) in encoding.ids.iter().zip(&encoding.spans) {
                let Some((start, end)) = *span else { continue };
                prop_assert_eq!(start, end_bp);
                prop_assert!(end > start);
                let covered = read_as(&bases[start..end]);
                match tokenizer.token_text(id) {
                    Some("[UNK]") => unknown_bp += end - start,
                    Some("N") if covered != "N" => {
                        prop_assert!(!"ACGT".contains(&covered), "{covered} became an N");
                        unknown_bp += 1;
                    }
                    Some("-") => {
                        let is_run = covered.len() >= 10 && covered.bytes().all(|base| base == b'N');
                        prop_assert!(is_run || covered == "-");
                    }
                    text => prop_assert_eq!(text, Some(covered.as_str())),
                }
                end_bp = end;
            }
            prop_assert_eq!(end_bp, bases.len());
            prop_assert_eq!(unknown_bp, encoding.unknown_bp);
        }
    }

    /// Overlapping spans begin at every base, and every token says its bases or holds one that is counted as unknown.
    #[test]
    fn overlapping_spans_begin_at_every_base(bases in "[ACGTacgtNnRYKU*.-]{6,40}[ACGTUacgtu]{0,60}[ACGTN]{0,50}") {
        for (_, tokenizer) in styles().filter(|(_, tokenizer)| tokenizer.overlap() > 1) {
            let k = tokenizer.overlap();
            let encoding = tokenizer.encode(bases.as_bytes()).expect("bases");
            let (spans, ids) = (&encoding.spans, &encoding.ids);
            prop_assert_eq!((ids.len(), spans.len()), (bases.len() - k + 3, bases.len() - k + 3));
            prop_assert_eq!((spans[0], spans[spans.len() - 1]), (None, None));
            for (start, (&id, span)) in ids.iter().zip(spans).skip(1).take(bases.len() - k + 1).enumerate() {
                prop_assert_eq!(*span, Some((start, start + k)));
                let covered = read_as(&bases[start..start + k]);
                let known = covered.bytes().all(|base| b"ACGT".contains(&base));
                prop_assert_eq!(tokenizer.token_text(id), Some(if known { covered.as_str() } else { "[UNK]" }));
            }
            let unknown = read_as(&bases).bytes().filter(|base| !b"ACGT".contains(base)).count();
            prop_assert_eq!(encoding.unknown_bp, unknown);
        }
    }

    /// The tokens said to cover a base are those whose spans hold it.
    #[test]
    fn tokens_that_cover_a_base_hold_it(bases in "[ACGTNRYSWKMBDHV]{6,150}") {
        for (_, tokenizer) in styles() {
            let encoding = tokenizer.encode(bases.as_bytes()).expect("bases");
            let covering = encoding.covering();
            prop_assert_eq!(covering.len(), bases.len());
            for (base, tokens) in covering.into_iter().enumerate() {
                let spans = encoding.spans.iter().enumerate();
                let holding = spans.filter(|(_, span)| span.is_some_and(|(start, end)| (start..end).contains(&base)));
                let held: Vec<_> = holding.map(|(token, _)| token).collect();
                prop_assert!((1..=tokenizer.overlap()).contains(&held.len()));
                prop_assert_eq!(tokens.collect::<Vec<_>>(), held);
            }
        }
    }

    /// Any bytes and any text are encoded or refused, and never end the process.
    #[test]
    fn any_text_is_survived(text in ".{0,60}", mixed in "[ACGTN<>a-z\\[\\] \u{1c}\u{2003}é🧬]{0,60}") {
        for (_, tokenizer) in styles() {
            for text in [&text, &mixed] {
                let _ = tokenizer.encode(text.as_bytes());
                let found = tokenizer.encode_text(text).expect("any text");
                prop_assert_eq!(found.ids.len(), found.offsets.len());
                let length = text.chars().count();
                prop_assert!(tokenizer.overlap() > 1 || found.offsets.iter().all(|offset| offset.1 <= length));
            }
        }
    }
}
