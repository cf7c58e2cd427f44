//! Models and heads that are played.

use strandscope_worker::{
    CatalogueEntry, HeadEntry, Library, ModelEntry, Published,
    card::{Activation, DataSource, Figure as Measure, HeadCard, HeadKind, Label, ModelCard, StrandRule},
};

fn label(name: &str, description: &str, background: bool) -> Label {
    Label { name: name.into(), description: description.into(), background }
}

fn published() -> CatalogueEntry {
    serde_json::from_value(serde_json::json!({
        "name": "nt-500m-human-ref",
        "title": "Nucleotide Transformer, 500 M, human reference",
        "description": "ESM on 6-mers of the human reference genome; reads up to 1,000 tokens at once.",
        "family": "nucleotide-transformer",
        "kind": "model",
        "repository": "InstaDeepAI/nucleotide-transformer-500m-human-ref",
        "revision": "main",
        "parameters": 480_000_000,
        "context_tokens": 1000,
        "licence": "CC-BY-NC-SA-4.0",
        "commercial_use": false,
        "source": "https://github.com/instadeepai/nucleotide-transformer",
    }))
    .expect("an entry")
}

/// The card of the classes of the fetched model, as its makers left it: with a thousand labels nearly, and without names.
fn many_labels(card: HeadCard) -> HeadCard {
    let unnamed = |number: usize| {
        let name = format!("LABEL_{number}");
        label(&name, &format!("As the checkpoint names it: {name}."), false)
    };
    HeadCard {
        name: "fetched".into(),
        title: "A fetched model".into(),
        labels: (0..919).map(unnamed).collect(),
        activation: Activation::Sigmoid,
        strand: StrandRule::Stranded,
        figures: vec![],
        ..card
    }
}

/// Heads as a test needs them; their figures are made up.
pub(crate) fn library() -> Library {
    let card = |name: &str, title: &str, description: &str, kind, strand, labels| HeadCard {
        name: name.into(),
        title: title.into(),
        description: description.into(),
        kind,
        labels,
        activation: Activation::Softmax,
        input_length_bp: 1_000,
        context_bp: None,
        strand,
        training: vec![DataSource {
            name: "HS3D".into(),
            origin: "http://example.org/hs3d".into(),
            licence: "unclear".into(),
            size: "2,796 donors, 2,880 acceptors".into(),
            sha256: "00".repeat(32),
        }],
        figures: vec![Measure {
            data: "HS3D, held out".into(),
            metric: "mcc".into(),
            value: 0.84,
            baseline: Some(0.61),
            baseline_name: Some("a linear model on 4-mers".into()),
        }],
        calibration: vec![],
        intended_use: "Finding candidate splice sites in human sequence for research. Not for diagnosis.".into(),
        limits: vec!["Trained on canonical GT–AG sites only.".into(), "Other species were not tested.".into()],
        licence: "CC0-1.0".into(),
        citation: vec!["Pollastro and Rampone 2002".into()],
        model_sha256: "5f".repeat(32),
        command: "strandscope finetune --config splice.toml".into(),
    };
    let splice = card(
        "splice",
        "Splice sites (human)",
        "Says for every base whether an intron begins or ends there. Peaks are candidate exon borders.",
        HeadKind::Base,
        StrandRule::Stranded,
        vec![
            label("donor", "First base of an intron: the G of GT.", false),
            label("acceptor", "Last base of an intron: the G of AG.", false),
            label("none", "Anything else.", true),
        ],
    );
    let promoter = card(
        "promoter",
        "Core promoter (human)",
        "Says how much a window looks like the start of a gene.",
        HeadKind::Sequence,
        StrandRule::Symmetric,
        vec![label("promoter", "A core promoter.", false), label("background", "Anything else.", true)],
    );
    let entry = |card| HeadEntry {
        card,
        sha256: Some("a7".repeat(32)),
        source: "built-in".into(),
        origin: None,
        commercial_use: None,
    };
    let model = ModelCard {
        name: "strandscope-base".into(),
        title: "Strandscope base".into(),
        description: "A small encoder in the manner of dnaGrinder.".into(),
        family: "dnagrinder".into(),
        parameters: 4_200_000,
        context_tokens: 512,
        training: vec![],
        figures: vec![],
        licence: "CC0-1.0".into(),
        citation: vec![],
        command: "strandscope pretrain".into(),
    };
    let fetched = ModelEntry {
        card: ModelCard { name: "fetched".into(), title: "A fetched model".into(), ..model.clone() },
        sha256: Some("b3".repeat(32)),
        source: "/data/models/fetched".into(),
        origin: Some("https://huggingface.co/owner/fetched, main".into()),
        commercial_use: None,
    };
    let built_in = ModelEntry {
        card: model,
        sha256: Some("5f".repeat(32)),
        source: "built-in".into(),
        origin: None,
        commercial_use: None,
    };
    let profiles = HeadEntry {
        source: fetched.source.clone(),
        origin: fetched.origin.clone(),
        ..entry(many_labels(promoter.clone()))
    };
    Library {
        models: vec![built_in, fetched],
        heads: vec![entry(promoter), entry(splice), profiles],
        published: vec![Published { entry: published(), is_begun: false }],
        unusable: vec![],
    }
}
