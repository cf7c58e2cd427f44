//! The built-in model and heads against what they gave when they were made, and a GPU against the processor.

use burn::tensor::{Device, Tensor};
use strandscope_analysis::{
    batch::Batch,
    predict::{Predictor, host as fetch},
};
use strandscope_kernels::Conduct;
use strandscope_models::{head::Head, model::Model, pass::Pass};
use strandscope_tokens::Tokenizer;

use super::{
    super::{
        device::ComputeDevice,
        shelf::{LoadedModel, Shelf},
    },
    check::{Comparison, Report, Tolerance, exact},
    golden::{Golden, OfHead},
};
use crate::{ErrorKind, JobError, engine::Stop};

/// Does the checks that need a model.
pub(super) fn check(
    shelf: &mut Shelf,
    device: &ComputeDevice,
    golden: &Golden,
    report: &mut Report<'_>,
) -> Result<(), Stop> {
    let conduct = report.job().conduct(true);
    let planned = [
        ("model/tokens".to_owned(), Tolerance::NONE),
        ("model/states".to_owned(), Tolerance::STATES),
        ("model/token scores".to_owned(), Tolerance::TOKEN_SCORES),
    ];
    report.run(planned, || {
        let model = shelf.model(Some(&golden.model.name))?;
        of_model(&model, golden, &conduct)
    })?;
    for of_head in &golden.heads {
        let planned = [(format!("head/{}", of_head.name), Tolerance::PROBABILITIES)];
        report.run(planned, || {
            let model = shelf.model(Some(&golden.model.name))?;
            let head = shelf.head(&of_head.name, &model.model)?;
            same_weights("head", &of_head.name, &head.sha256, &of_head.sha256)?;
            let should_be = exact(&of_head.probabilities);
            let is = probabilities(&model, &head, of_head.windows_of(golden)?, &conduct)?;
            let tolerance = Tolerance::PROBABILITIES;
            Ok([Comparison::default().with("probabilities", exact(&is), should_be, tolerance)])
        })?;
    }
    if device.device != Device::flex() {
        let planned = [
            ("GPU against CPU/states".to_owned(), Tolerance::STATES),
            ("GPU against CPU/token scores".to_owned(), Tolerance::TOKEN_SCORES),
        ];
        report.run(planned, || {
            let model = shelf.model(Some(&golden.model.name))?;
            of_both(&model, golden, &conduct)
        })?;
    }
    Ok(())
}

fn of_model(model: &LoadedModel, golden: &Golden, conduct: &Conduct) -> Result<[Comparison; 3], Stop> {
    same_weights("model", &golden.model.name, &model.model.sha256, &golden.model.sha256)?;
    let given = Given::new(&model.model, &model.tokenizer, golden.sequence.bases.as_bytes(), conduct)?;
    let ids = |ids: &[u32]| ids.iter().map(|&id| f64::from(id)).collect::<Vec<_>>();
    let golden = &golden.model;
    let tokens = Comparison::default().with("tokens", ids(&given.ids), ids(&golden.token_ids), Tolerance::NONE);
    Ok([
        tokens,
        golden.states.compare("states", &given.states, Tolerance::STATES),
        golden.token_scores.compare("token scores", &given.token_scores, Tolerance::TOKEN_SCORES),
    ])
}

/// The same model on the device and on the processor.
fn of_both(model: &LoadedModel, golden: &Golden, conduct: &Conduct) -> Result<[Comparison; 2], Stop> {
    let bases = golden.sequence.bases.as_bytes();
    let is = Given::new(&model.model, &model.tokenizer, bases, conduct)?;
    let on_processor = Model::load(&model.model.folder, &Device::flex())?;
    let should_be = Given::new(&on_processor, &model.tokenizer, bases, conduct)?;
    let compared = |what, is: &[f32], should_be: &[f32], tolerance| {
        Comparison::default().with(what, exact(is), exact(should_be), tolerance)
    };
    Ok([
        compared("states", &is.states, &should_be.states, Tolerance::STATES),
        compared("token scores", &is.token_scores, &should_be.token_scores, Tolerance::TOKEN_SCORES),
    ])
}

/// What a model gives on a sequence.
struct Given {
    ids: Vec<u32>,
    /// After the last layer, `[token, hidden]`.
    states: Vec<f32>,
    /// `[token, vocab]`; empty for a model that predicts no tokens.
    token_scores: Vec<f32>,
}

impl Given {
    fn new(model: &Model, tokenizer: &Tokenizer, bases: &[u8], conduct: &Conduct) -> Result<Self, Stop> {
        let batch = Batch::new(&[bases], tokenizer)?;
        let mut pass = Pass { conduct: conduct.clone(), ..Pass::default() };
        let encoded = model.network.encode(&batch.tokens(), &mut pass);
        let states: Tensor<2> = encoded.last.flatten(0, 1);
        let token_scores = model.network.token_logits(states.clone()).map(fetch).transpose()?;
        Ok(Self {
            ids: tokenizer.encode(bases)?.ids,
            states: fetch(states)?,
            token_scores: token_scores.unwrap_or_default(),
        })
    }
}

impl OfHead {
    fn windows_of<'a>(&self, golden: &'a Golden) -> Result<Vec<&'a [u8]>, Stop> {
        let windows = golden.sequence.bases.as_bytes().chunks_exact(self.window_bp.max(1)).take(self.windows);
        let windows: Vec<_> = windows.collect();
        if windows.len() < self.windows {
            let message = format!("the sequence has no {} windows of {} bases", self.windows, self.window_bp);
            return Err(JobError::new(ErrorKind::BadInput, message).into());
        }
        Ok(windows)
    }
}

/// What a head gives on windows, `[window, place, label]`.
fn probabilities(model: &LoadedModel, head: &Head, windows: Vec<&[u8]>, conduct: &Conduct) -> Result<Vec<f32>, Stop> {
    let predictor = Predictor::new(&model.model, &model.tokenizer, head, conduct.clone());
    Ok(predictor.predict(&windows)?.values.concat().concat())
}

/// Values of one model say nothing about another.
fn same_weights(kind: &str, name: &str, is: &str, should_be: &str) -> Result<(), Stop> {
    if is == should_be {
        return Ok(());
    }
    let message = format!("the stored values are of another {kind} {name}: its weights are {is}, theirs {should_be}");
    Err(JobError::new(ErrorKind::BadInput, message).into())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use strandscope_genome::{Genome, Region};
    use strandscope_models::{builtin, card::HeadKind, checkpoint::WeightType};

    use super::{
        super::golden::{BUILT_IN, OfModel, Sample, Sequence},
        *,
    };

    /// An exon with the splice sites around it.
    const FILE: &str = "human_PTEN_GRCh37.fa.gz";
    const REGION: (&str, u64, u64) = ("NT_030059.13", 69_500, 71_000);

    /// Windows of a head that answers once for a window; of others there is one.
    const WINDOWS: usize = 8;

    fn assets() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets")
    }

    fn example() -> Sequence {
        let cache = tempfile::tempdir().expect("a scratch folder");
        let (contig, start_bp, end_bp) = REGION;
        let region = Region::new(contig, start_bp, end_bp);
        let mut genome = Genome::open(&assets().join("examples").join(FILE), cache.path()).expect("the example");
        let bases = String::from_utf8(genome.read(&region).expect("bases")).expect("letters");
        Sequence { file: FILE.to_owned(), region: region.to_string(), bases }
    }

    fn built_in() -> Golden {
        serde_json::from_str(BUILT_IN).expect("the stored values")
    }

    #[test]
    fn stored_values_are_of_what_is_built_in() {
        let (golden, example) = (built_in(), example());
        assert_eq!((&golden.sequence.bases, &golden.sequence.region), (&example.bases, &example.region), "the example");
        let remedy = "make the values anew as assets/selftest/README.md says";
        let named = |name: &str| golden.heads.iter().find(|head| head.name == name);
        for folder in builtin::heads() {
            let (name, sha256) = (folder.name(), folder.sha256("head.safetensors").expect("weights"));
            assert_eq!(named(&name).map(|head| &head.sha256), Some(&sha256), "{name}: {remedy}");
        }
        let model = builtin::models().first().expect("a model is built in");
        let sha256 = model.sha256("model.safetensors").expect("weights");
        assert_eq!((golden.model.name, golden.model.sha256), (model.name(), sha256), "{remedy}");
    }

    #[test]
    #[ignore = "writes assets/selftest/golden.json; to be run when the built-in model or heads have changed"]
    fn write_golden_values() {
        let golden = made();
        let lines = [
            ("made", serde_json::to_string(&golden.made)),
            ("sequence", serde_json::to_string(&golden.sequence)),
            ("model", serde_json::to_string(&golden.model)),
            ("heads", serde_json::to_string(&golden.heads).map(|text| text.replace("},{", "},\n{"))),
        ];
        let lines = lines.map(|(key, text)| format!("\"{key}\":{}", text.expect("JSON")));
        std::fs::write(assets().join("selftest/golden.json"), format!("{{{}}}\n", lines.join(",\n"))).expect("a file");
    }

    /// The values as this computer gives them, on the processor.
    fn made() -> Golden {
        let (mut shelf, conduct) = (
            Shelf::new(
                crate::tasks::known::Known::new(&crate::EngineOptions::default()),
                Device::flex(),
                WeightType::F32,
            ),
            Conduct::default(),
        );
        let model = ok(shelf.model(None));
        let sequence = example();
        let bases = sequence.bases.as_bytes();
        let given = ok(Given::new(&model.model, &model.tokenizer, bases, &conduct));
        let mut golden = Golden {
            made: "cargo test --release --workspace write_golden_values -- --ignored".to_owned(),
            model: OfModel {
                name: model.model.folder.name(),
                sha256: model.model.sha256.clone(),
                token_ids: given.ids,
                // Prime steps, which meet all columns in turn.
                states: Sample::of(&given.states, 113),
                token_scores: Sample::of(&given.token_scores, 4_099),
            },
            heads: Vec::new(),
            sequence,
        };
        for folder in builtin::heads() {
            let head = ok(shelf.head(&folder.name(), &model.model));
            let window_bp = usize::try_from(head.card.input_length_bp).expect("a length");
            let fitting = if head.card.kind == HeadKind::Sequence { WINDOWS } else { 1 };
            let mut of_head = OfHead {
                name: folder.name(),
                sha256: head.sha256.clone(),
                window_bp,
                windows: fitting.min(golden.sequence.bases.len() / window_bp),
                probabilities: Vec::new(),
            };
            let windows = ok(of_head.windows_of(&golden));
            of_head.probabilities = ok(probabilities(&model, &head, windows, &conduct));
            golden.heads.push(of_head);
        }
        golden
    }

    fn ok<T>(result: Result<T, Stop>) -> T {
        match result {
            Ok(value) => value,
            Err(Stop::Cancelled) => panic!("nobody has cancelled"),
            Err(Stop::Failed(error)) => panic!("{error:?}"),
        }
    }
}
