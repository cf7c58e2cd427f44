//! Configurations as they are published, and damaged ones.

use super::*;

fn parsed(json: &str) -> Result<Config, String> {
    Config::parse(json.as_bytes(), "config.json").map_err(|error| error.to_string())
}

/// A configuration with these sizes and `more`.
fn with(more: &str) -> String {
    format!(
        r#"{{"vocab_size": 80, "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
            "intermediate_size": 96, "max_position_embeddings": 64 {more}}}"#
    )
}

#[test]
fn the_family_follows_from_what_a_configuration_says() {
    let cases = [
        ("", Family::Dnabert),
        (r#", "model_type": "bert", "pre_layer_norm": true"#, Family::GenaLm),
        (r#", "alibi_starting_size": 512"#, Family::Dnabert2),
        (r#", "model_type": "big_bird""#, Family::BigBird),
        (r#", "model_type": "esm""#, Family::NucleotideTransformer),
        (r#", "architectures": ["EsmForMaskedLM"]"#, Family::NucleotideTransformer),
        (r#", "pre_layer_norm": true, "rmt": {"num_mem_tokens": 4, "input_size": 32}"#, Family::Rmt),
    ];
    for (more, family) in cases {
        assert_eq!(parsed(&with(more)).expect(more).family(), family, "{more}");
    }
}

#[test]
fn an_error_names_the_field() {
    let cases = [
        (r#"{"model_type": "bert"}"#.to_owned(), "vocab_size"),
        (with(r#", "model_type": "gpt_neox_zz""#), "gpt_neox_zz"),
        (with(r#", "hidden_size": "8""#), "hidden_size"),
        (with(r#", "hidden_size": 1000000000000"#), "hidden_size"),
        (with(r#", "hidden_size": 50"#), "num_attention_heads"),
        (with(r#", "num_attention_heads": 0"#), "num_attention_heads"),
        (with(r#", "num_hidden_layers": -1"#), "num_hidden_layers"),
        (with(r#", "hidden_act": "mish""#), "mish"),
        (with(","), "trailing comma"),
        (
            with(r#", "architectures": ["BertForSequenceClassification"], "num_labels": 3, "id2label": {"0": "a"}"#),
            "id2label",
        ),
    ];
    for (json, part) in cases {
        let error = parsed(&json).expect_err(&json);
        assert!(error.contains(part) && error.contains("config.json"), "{json}: {error}");
    }
}

#[test]
fn labels_come_from_the_configuration() {
    let more = r#", "architectures": ["BertForTokenClassification"], "id2label": {"1": "donor", "0": "none"}"#;
    let classes = parsed(&with(more)).expect("a classifier").classes().cloned().expect("classes");
    assert_eq!((classes.labels, classes.per_token), (vec!["none".to_owned(), "donor".to_owned()], true));
    assert_eq!(parsed(&with("")).expect("an encoder").classes(), None);
    // Labels alone mean nothing where there is no classifier.
    let listed = parsed(&with(r#", "architectures": ["BertForMaskedLM"], "num_labels": 3"#)).expect("an encoder");
    assert_eq!(listed.clone().settled(|name| name == "cls.predictions.").classes(), None);
    let Config::Bert(tuned) = listed.settled(|name| name == "classifier.") else { panic!("a BERT") };
    assert!(tuned.classes.is_some_and(|classes| classes.labels.len() == 3) && !tuned.predicts_tokens);
}
