//! Requests of the window as command lines that do the same.

use std::path::Path;

use crate::{
    AttentionRequest, AttentionStat, EmbedRequest, EvaluateRequest, ExportModelRequest, FinetuneRequest,
    ForwardRequest, GradientsOf, MapPool, NullBandRequest, NullRule, Pick, Pooling, PretrainRequest, RmtPadding,
    ScoreRequest, TrainingMethod, TrainingTask, WindowChoice,
};

/// The command line of a score.
pub(crate) fn of_score(request: &ScoreRequest) -> String {
    let mut line = Line::new("score", &request.genome);
    line.option("--head", &request.head);
    line.model(request.model.as_deref());
    for region in &request.regions {
        line.option("--region", &region.to_string());
    }
    if let Some(stride_bp) = request.stride_bp {
        line.option("--stride", &stride_bp.to_string());
    }
    line.flag("--both-strands", request.both_strands);
    line.flag("--all-frames", request.all_frames);
    line.window(request.window);
    if let Some(share) = request.overlap_share {
        line.option("--overlap", &(100.0 * share).to_string());
    }
    line.flag("--window-votes", request.window_votes);
    line.flag("--keep-going", request.keep_going);
    line.0
}

/// The command line of a band of shuffles.
pub(crate) fn of_null_band(request: &NullBandRequest) -> String {
    let mut line = Line(of_score(&request.score));
    line.option("--null", &request.shuffles.to_string());
    if request.rule == NullRule::Letters {
        line.option("--null-rule", "letters");
    }
    line.option("--seed", &request.seed.to_string());
    line.0
}

/// The command line of attention received.
pub(crate) fn of_attention(request: &AttentionRequest) -> String {
    let mut line = Line::new("attention", &request.genome);
    line.option("--region", &request.region.to_string());
    line.model(request.model.as_deref());
    line.option("--layer", &picked(request.layer));
    line.option("--attention-head", &picked(request.attention_head));
    line.stat(request.stat);
    line.window(request.window);
    line.0
}

/// The command line of a pass of the raw network.
pub(crate) fn of_forward(request: &ForwardRequest) -> String {
    let mut line = Line(String::from("strandscope forward"));
    line.path("--model", Some(&request.model));
    line.path("--input", Some(&request.input));
    if !request.outputs.is_empty() {
        line.option("--outputs", &request.outputs.join(","));
    }
    if let Some(of) = request.gradients {
        line.option("--gradients", if of == GradientsOf::Mlm { "mlm" } else { "class" });
    }
    if let Some(padding) = request.rmt_padding {
        line.option("--rmt-padding", if padding == RmtPadding::Masked { "masked" } else { "published" });
    }
    line.path("-o", Some(&request.output));
    line.0
}

/// The command line of embeddings.
pub(crate) fn of_embedding(request: &EmbedRequest) -> String {
    let mut line = Line::new("embed", &request.genome);
    for region in &request.regions {
        line.option("--region", &region.to_string());
    }
    line.model(request.model.as_deref());
    line.option(
        "--pool",
        match request.pooling {
            Pooling::Mean => "mean",
            Pooling::Cls => "cls",
            Pooling::None => "none",
        },
    );
    line.window(request.window);
    line.path("-o", Some(&request.output));
    line.0
}

/// The command line of an evaluation.
pub(crate) fn of_evaluation(request: &EvaluateRequest) -> String {
    let mut line = Line(String::from("strandscope evaluate"));
    line.option("--head", &request.head);
    line.model(request.model.as_deref());
    line.path("--data", Some(&request.data));
    for (name, column) in [("--sequence-column", &request.sequence_column), ("--label-column", &request.label_column)] {
        if let Some(column) = column {
            line.option(name, column);
        }
    }
    if !request.label_names.is_empty() {
        line.option("--label-names", &request.label_names.join(","));
    }
    if let Some(site) = request.site_offset {
        line.option("--site-offset", &site.to_string());
    }
    line.0
}

/// The command line of training a head.
pub(crate) fn of_finetuning(request: &FinetuneRequest) -> String {
    let mut line = Line(String::from("strandscope finetune"));
    line.model(request.model.as_deref());
    line.path("--config", request.config.as_deref());
    line.path("--train", request.train.as_deref());
    line.path("--dev", request.dev.as_deref());
    line.option(
        "--task",
        match request.task {
            TrainingTask::Classify => "classify",
            TrainingTask::PerBase => "per-base",
        },
    );
    if request.method != TrainingMethod::Head {
        line.option("--method", request.method.name());
    }
    line.flag("--resume", request.resume);
    line.path("-o", Some(&request.output));
    line.0
}

/// The command line of writing a model for other programs.
pub(crate) fn of_model_export(request: &ExportModelRequest) -> String {
    let mut line = Line(String::from("strandscope export-model"));
    line.word(&request.name);
    line.path("-o", Some(&request.output));
    line.0
}

/// The command line of training an encoder.
pub(crate) fn of_pretraining(request: &PretrainRequest) -> String {
    let mut line = Line(String::from("strandscope pretrain"));
    line.path("--config", Some(&request.config));
    line.word("--genomes");
    for path in &request.genomes {
        line.word(&path.to_string_lossy());
    }
    if let Some(name) = &request.from {
        line.option("--from", name);
    }
    line.flag("--resume", request.resume);
    line.path("-o", Some(&request.output));
    line.0
}

fn picked(pick: Pick) -> String {
    match pick {
        Pick::Mean => "mean".to_owned(),
        Pick::All => "all".to_owned(),
        Pick::One(index) => index.to_string(),
    }
}

struct Line(String);

impl Line {
    fn new(subcommand: &str, input: &Path) -> Self {
        let mut line = Self(format!("strandscope {subcommand}"));
        line.word(&input.to_string_lossy());
        line
    }

    fn word(&mut self, word: &str) {
        self.0.push(' ');
        self.0.push_str(&quoted(word));
    }

    fn option(&mut self, name: &str, value: &str) {
        self.word(name);
        self.word(value);
    }

    fn path(&mut self, name: &str, path: Option<&Path>) {
        if let Some(path) = path {
            self.option(name, &path.to_string_lossy());
        }
    }

    fn flag(&mut self, name: &str, is_set: bool) {
        if is_set {
            self.word(name);
        }
    }

    fn model(&mut self, name: Option<&str>) {
        if let Some(name) = name {
            self.option("--model", name);
        }
    }

    fn stat(&mut self, stat: AttentionStat) {
        self.option("--stat", stat.name());
        match stat {
            AttentionStat::Row { position_bp } | AttentionStat::Rollout { position_bp: Some(position_bp) } => {
                self.option("--query", &(position_bp + 1).to_string());
            }
            AttentionStat::Map { bins, pool } => {
                self.option("--bins", &bins.to_string());
                let pool = match pool {
                    MapPool::Mean => "mean",
                    MapPool::Max => "max",
                    MapPool::Sum => "sum",
                };
                self.option("--pool", pool);
            }
            AttentionStat::Top { places } => self.option("--partners", &places.to_string()),
            _ => {}
        }
    }

    fn window(&mut self, window: WindowChoice) {
        match window {
            WindowChoice::Trained => {}
            WindowChoice::Tokens(tokens) => self.option("--window-tokens", &tokens.to_string()),
            WindowChoice::Whole => self.option("--window-tokens", "whole"),
        }
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:,+=@%".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use strandscope_genome::Region;

    use super::*;

    #[test]
    fn a_score_can_be_typed() {
        let request = ScoreRequest {
            genome: "my genome.fa".into(),
            regions: vec![Region::new("chr1", 0, 1_000)],
            head: "splice".into(),
            model: None,
            stride_bp: None,
            both_strands: true,
            all_frames: true,
            window: WindowChoice::Tokens(512),
            overlap_share: Some(0.5),
            window_votes: true,
            keep_going: false,
        };
        let expected = "strandscope score 'my genome.fa' --head splice --region chr1:1-1,000 --both-strands --all-frames \
             --window-tokens 512 --overlap 50 --window-votes";
        assert_eq!(of_score(&request), expected);
        let score = ScoreRequest { overlap_share: None, window_votes: false, window: WindowChoice::Trained, ..request };
        let band = NullBandRequest { score, shuffles: 20, rule: NullRule::Letters, seed: 7 };
        let expected = "strandscope score 'my genome.fa' --head splice --region chr1:1-1,000 --both-strands --all-frames \
             --null 20 --null-rule letters --seed 7";
        assert_eq!(of_null_band(&band), expected);
    }
}
