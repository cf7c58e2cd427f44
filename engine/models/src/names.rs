//! Names of tensors as files have them, made those that networks ask for.

use crate::{
    ModelError,
    bert::WORDS,
    checkpoint::Weights,
    config::{Config, Family},
};

/// Brings the names of a file to those that a network of `config` asks for, and leaves out what no network needs.
///
/// Files may have a prefix more, as wrappers write it, or lack that of the encoder; old ones call the weights of layer
/// norms `gamma` and `beta`.
///
/// # Errors
/// When the tensors are those of another family.
pub(crate) fn adapt(config: &Config, weights: &mut Weights) -> Result<(), ModelError> {
    check_family(config, weights)?;
    weights.ignore(|name| name.ends_with(".position_ids") || name.ends_with(".inv_freq"));
    weights.rename(|name| {
        let stem = name.strip_suffix(".LayerNorm.gamma").map(|stem| format!("{stem}.LayerNorm.weight"));
        stem.or_else(|| name.strip_suffix(".LayerNorm.beta").map(|stem| format!("{stem}.LayerNorm.bias")))
    });
    let encoder = encoder_prefix(config);
    let found = weights
        .names()
        .into_iter()
        .find_map(|name| name.strip_suffix("embeddings.word_embeddings.weight").map(str::to_owned));
    if let Some(found) = found.filter(|found| found != encoder) {
        weights.rename(|name| renamed(name, &found, encoder));
    }
    if matches!(config, Config::Rmt(_)) {
        // The wrapper stores them as buffers, and the vectors of tokens under a second name.
        weights.ignore(|name| matches!(name, "cls_token" | "sep_token" | "mem_token_ids"));
        weights.tied("embeddings.weight", WORDS);
    }
    Ok(())
}

/// The same, and the configuration once the tensors are known.
///
/// # Errors
/// When the tensors are those of another family.
pub(crate) fn settled(config: &Config, weights: &mut Weights) -> Result<Config, ModelError> {
    adapt(config, weights)?;
    let there = weights.names();
    Ok(config.clone().settled(|stem| there.iter().any(|name| name.starts_with(stem))))
}

/// What stands before the names of the encoder's tensors.
fn encoder_prefix(config: &Config) -> &'static str {
    match config {
        Config::DnaGrinder(_) => "grinder.",
        Config::Esm(_) => "esm.",
        Config::Bert(_) | Config::BigBird(_) | Config::Rmt(_) | Config::MosaicBert(_) => "bert.",
    }
}

/// The name with the encoder's prefix in place of that found in the file; `None` where it stays as it is.
fn renamed(name: &str, found: &str, encoder: &str) -> Option<String> {
    if let Some(wrapper) = found.strip_suffix(encoder) {
        return name.strip_prefix(wrapper).map(str::to_owned);
    }
    let rest = name.strip_prefix(found)?;
    ["embeddings.", "encoder.", "pooler."].iter().any(|part| rest.starts_with(part)).then(|| format!("{encoder}{rest}"))
}

/// What tensors of a family alone are called.
const MARKS: [(&str, Family); 5] = [
    (".attn.wqkv.", Family::Dnagrinder),
    (".attention.self.Wqkv.", Family::Dnabert2),
    (".pre_attention_ln.", Family::GenaLm),
    (".attention.LayerNorm.", Family::NucleotideTransformer),
    (".attention.output.LayerNorm.", Family::Dnabert),
];

fn check_family(config: &Config, weights: &Weights) -> Result<(), ModelError> {
    let names = weights.names();
    let is_there = |mark: &str| names.iter().any(|name| name.contains(mark));
    let Some((mark, found)) = MARKS.into_iter().find(|(mark, _)| is_there(mark)) else { return Ok(()) };
    let wanted = match config.family() {
        // Both differ from another family in what is done with the tensors, not in their names.
        Family::BigBird => Family::Dnabert,
        Family::Rmt => Family::GenaLm,
        family => family,
    };
    if found == wanted {
        return Ok(());
    }
    Err(ModelError::Family {
        origin: weights.origin().to_owned(),
        wanted: config.family().name(),
        found: found.name(),
        mark: mark.trim_matches('.'),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_brought_to_that_of_the_encoder() {
        let cases = [
            ("module.bert.pooler.dense.bias", "module.bert.", Some("bert.pooler.dense.bias")),
            ("module.classifier.bias", "module.bert.", Some("classifier.bias")),
            ("encoder.layer.0.output.dense.bias", "", Some("bert.encoder.layer.0.output.dense.bias")),
            ("classifier.bias", "", None),
            ("dna.encoder.layer.0.x", "dna.", Some("bert.encoder.layer.0.x")),
        ];
        for (name, found, want) in cases {
            assert_eq!(renamed(name, found, "bert.").as_deref(), want, "{name}");
        }
    }
}
