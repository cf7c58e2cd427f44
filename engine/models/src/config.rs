//! `config.json`: which network the weights belong to, and how large it is.

use serde::Serialize;
use serde_json::{Map, Value};

pub use self::classes::{Classes, Problem};
use crate::{ModelError, bert, bigbird, checkpoint::WeightType, dnagrinder, esm, mosaicbert, rmt};

mod classes;

/// The architectures that are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// dnaGrinder.
    Dnagrinder,
    /// BERT as DNABERT has it: layer norms behind the sums.
    Dnabert,
    /// BERT as GENA-LM has it: layer norms before attention and feed-forward.
    GenaLm,
    /// BigBird as GENA-LM has it.
    BigBird,
    /// A GENA-LM BERT that reads piece by piece and hands a memory on.
    Rmt,
    /// Nucleotide Transformer, versions 1 and 2.
    NucleotideTransformer,
    /// DNABERT-2.
    Dnabert2,
}

impl Family {
    /// Name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dnagrinder => "dnagrinder",
            Self::Dnabert => "dnabert",
            Self::GenaLm => "gena-lm",
            Self::BigBird => "bigbird",
            Self::Rmt => "rmt",
            Self::NucleotideTransformer => "nucleotide-transformer",
            Self::Dnabert2 => "dnabert-2",
        }
    }
}

/// `config.json` of any family.
#[derive(Clone, Debug, PartialEq)]
pub enum Config {
    /// dnaGrinder.
    DnaGrinder(dnagrinder::Config),
    /// DNABERT and GENA-LM.
    Bert(bert::Config),
    /// BigBird.
    BigBird(bigbird::Config),
    /// RMT.
    Rmt(rmt::Config),
    /// Nucleotide Transformer.
    Esm(esm::Config),
    /// DNABERT-2.
    MosaicBert(mosaicbert::Config),
}

impl Config {
    /// Reads `config.json` of any family; which one follows from what it says.
    ///
    /// # Errors
    /// When it is no JSON, names a family that is not known, or a field is missing or describes no network.
    pub fn parse(json: &[u8], origin: &str) -> Result<Self, ModelError> {
        let fields = Fields::parse(json, origin)?;
        Self::read(&fields).map_err(|reason| ModelError::Config { origin: origin.to_owned(), reason })
    }

    fn read(fields: &Fields) -> Result<Self, String> {
        match model_type(fields)?.as_str() {
            "dnagrinder" => dnagrinder::Config::read(fields).map(Self::DnaGrinder),
            "esm" => esm::Config::read(fields).map(Self::Esm),
            "big_bird" => bigbird::Config::read(fields).map(Self::BigBird),
            // DNABERT-2 says nothing, or says that it is a BERT.
            "bert" if fields.has("alibi_starting_size") => mosaicbert::Config::read(fields).map(Self::MosaicBert),
            "bert" if fields.has("rmt") => rmt::Config::read(fields).map(Self::Rmt),
            "bert" => bert::Config::read(fields).map(Self::Bert),
            other => Err(format!("model_type '{other}' is unknown here; known are dnagrinder, bert, big_bird and esm")),
        }
    }

    /// The same once the tensors are known: labels without a classifier mean nothing, and a checkpoint that kept the name
    /// of the class it was fine-tuned from may have a classifier in place of what predicts tokens.
    pub(crate) fn settled(mut self, has: impl Fn(&str) -> bool) -> Self {
        let (classes, predicts_tokens) = match &mut self {
            Self::DnaGrinder(config) => (&mut config.classes, None),
            Self::Bert(config) => (&mut config.classes, Some(&mut config.predicts_tokens)),
            Self::BigBird(config) => (&mut config.classes, Some(&mut config.bert.predicts_tokens)),
            Self::Rmt(config) => (&mut config.bert.classes, Some(&mut config.bert.predicts_tokens)),
            Self::Esm(config) => (&mut config.classes, Some(&mut config.predicts_tokens)),
            Self::MosaicBert(config) => (&mut config.classes, Some(&mut config.predicts_tokens)),
        };
        if !has("classifier.") && classes.as_ref().is_some_and(|classes| !classes.is_certain) {
            *classes = None;
        }
        if let Some(predicts_tokens) = predicts_tokens {
            *predicts_tokens &= classes.is_none() || has("cls.predictions.") || has("lm_head.");
        }
        self
    }

    /// Which architecture it is.
    pub fn family(&self) -> Family {
        match self {
            Self::DnaGrinder(_) => Family::Dnagrinder,
            Self::Bert(config) if config.pre_layer_norm => Family::GenaLm,
            Self::Bert(_) => Family::Dnabert,
            Self::BigBird(_) => Family::BigBird,
            Self::Rmt(_) => Family::Rmt,
            Self::Esm(_) => Family::NucleotideTransformer,
            Self::MosaicBert(_) => Family::Dnabert2,
        }
    }

    /// What every network has.
    pub fn sizes(&self) -> &Sizes {
        match self {
            Self::DnaGrinder(config) => &config.sizes,
            Self::Bert(config) => &config.sizes,
            Self::BigBird(config) => &config.sizes,
            Self::Rmt(config) => &config.bert.sizes,
            Self::Esm(config) => &config.sizes,
            Self::MosaicBert(config) => &config.sizes,
        }
    }

    /// What it was fine-tuned to tell apart, where it was.
    pub fn classes(&self) -> Option<&Classes> {
        match self {
            Self::DnaGrinder(config) => config.classes.as_ref(),
            Self::Bert(config) => config.classes.as_ref(),
            Self::BigBird(config) => config.classes.as_ref(),
            Self::Rmt(config) => config.bert.classes.as_ref(),
            Self::Esm(config) => config.classes.as_ref(),
            Self::MosaicBert(config) => config.classes.as_ref(),
        }
    }

    /// Most tokens of a row that it can place, special tokens included; `None` where places go on without end.
    pub fn most_tokens(&self) -> Option<usize> {
        match self {
            Self::DnaGrinder(_) | Self::MosaicBert(_) => None,
            Self::Bert(config) => config.most_tokens(),
            Self::BigBird(config) => Some(config.max_position_embeddings),
            Self::Rmt(config) => Some(config.most_tokens()),
            Self::Esm(config) => config.most_tokens(),
        }
    }

    /// Tokens of a row that the published model was trained on, where the configuration tells.
    pub fn context_tokens(&self) -> Option<usize> {
        match self {
            Self::DnaGrinder(_) => None,
            Self::Bert(config) => Some(config.max_position_embeddings),
            Self::Esm(config) => Some(config.context_tokens()),
            Self::MosaicBert(config) => Some(config.alibi_starting_size),
            Self::BigBird(_) | Self::Rmt(_) => self.most_tokens(),
        }
    }

    /// What so many parameters take in memory, in bytes, with the tables of feed-forward layers in this type.
    pub fn weight_bytes(&self, parameters: u64, tables: WeightType, on_gpu: bool) -> u64 {
        let &Sizes { hidden_size, intermediate_size, num_hidden_layers, .. } = self.sizes();
        let of_layer = if self.is_gated() { 3 } else { 2 };
        let narrow = (of_layer * num_hidden_layers * hidden_size * intermediate_size) as u64;
        let saved = if on_gpu { 0 } else { WeightType::F32.bytes() - tables.bytes() };
        (parameters * WeightType::F32.bytes()).saturating_sub(narrow * saved)
    }

    /// Whether the first half of what a feed-forward layer makes weighs the other.
    pub fn is_gated(&self) -> bool {
        match self {
            Self::DnaGrinder(_) | Self::MosaicBert(_) => true,
            Self::Bert(_) | Self::BigBird(_) | Self::Rmt(_) => false,
            Self::Esm(config) => config.gated,
        }
    }
}

/// `model_type`, or where it is missing what the upstream classes are called.
fn model_type(fields: &Fields) -> Result<String, String> {
    const CLASSES: [(&str, &str); 3] = [("Esm", "esm"), ("BigBird", "big_bird"), ("DnaGrinder", "dnagrinder")];
    let architectures = fields.architectures();
    let is_of = |(stem, _): &&(&str, &str)| architectures.iter().any(|name| name.starts_with(stem));
    let of_class = CLASSES.iter().find(is_of).map_or("bert", |(_, model_type)| model_type);
    fields.text_or("model_type", of_class)
}

/// What every network has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sizes {
    /// Entries of the vocabulary.
    pub vocab_size: usize,
    /// Width of the states.
    pub hidden_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Attention heads of a layer.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer, behind the gate where it has one.
    pub intermediate_size: usize,
    /// Added to variances.
    pub layer_norm_eps: f64,
    /// Id that fills short rows.
    pub pad_token_id: u32,
}

impl Sizes {
    pub(crate) fn read(fields: &Fields) -> Result<Self, String> {
        let sizes = Self {
            vocab_size: fields.size("vocab_size", 1 << 24)?,
            hidden_size: fields.size("hidden_size", 1 << 16)?,
            num_hidden_layers: fields.size("num_hidden_layers", 1 << 12)?,
            num_attention_heads: fields.size("num_attention_heads", 1 << 12)?,
            intermediate_size: fields.size("intermediate_size", 1 << 18)?,
            layer_norm_eps: fields.number_or("layer_norm_eps", 1e-12)?,
            pad_token_id: u32::try_from(fields.id_or("pad_token_id", 0)?).map_err(|error| error.to_string())?,
        };
        let Self { hidden_size, num_attention_heads, layer_norm_eps, .. } = sizes;
        if !hidden_size.is_multiple_of(num_attention_heads) {
            return Err(format!(
                "hidden_size {hidden_size} is no multiple of num_attention_heads {num_attention_heads}"
            ));
        }
        if !(layer_norm_eps > 0.0 && layer_norm_eps < 1.0) {
            return Err(format!("layer_norm_eps is {layer_norm_eps}, it must lie between 0 and 1"));
        }
        Ok(sizes)
    }

    /// Channels of an attention head.
    pub fn head_width(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }
}

/// The fields of a `config.json`, read one by one so that an error names the field.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    fn parse(json: &[u8], origin: &str) -> Result<Self, ModelError> {
        serde_json::from_slice(json).map(Self).map_err(|error| ModelError::Json {
            what: "config.json",
            origin: origin.to_owned(),
            reason: error.to_string(),
        })
    }

    /// Whether it says something other than `null`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A whole number from 1 to `most`.
    pub(crate) fn size(&self, name: &str, most: usize) -> Result<usize, String> {
        let value = self.value(name).ok_or_else(|| format!("{name} is missing"))?;
        let size = value.as_u64().and_then(|size| usize::try_from(size).ok()).filter(|size| (1..=most).contains(size));
        size.ok_or_else(|| format!("{name} is {value}, it must be a whole number between 1 and {most}"))
    }

    /// The same, or `default` where it says nothing.
    pub(crate) fn size_or(&self, name: &str, default: usize, most: usize) -> Result<usize, String> {
        if self.has(name) { self.size(name, most) } else { Ok(default) }
    }

    /// A whole number from 0 on.
    pub(crate) fn id_or(&self, name: &str, default: usize) -> Result<usize, String> {
        let Some(value) = self.value(name) else { return Ok(default) };
        let id = value.as_u64().and_then(|id| usize::try_from(id).ok()).filter(|id| *id < 1 << 24);
        id.ok_or_else(|| format!("{name} is {value}, it must be the number of a token"))
    }

    pub(crate) fn number_or(&self, name: &str, default: f64) -> Result<f64, String> {
        let Some(value) = self.value(name) else { return Ok(default) };
        value.as_f64().ok_or_else(|| format!("{name} is {value}, it must be a number"))
    }

    /// One that must be there.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, String> {
        if self.has(name) { self.flag_or(name, false) } else { Err(format!("{name} is missing")) }
    }

    pub(crate) fn flag_or(&self, name: &str, default: bool) -> Result<bool, String> {
        let Some(value) = self.value(name) else { return Ok(default) };
        value.as_bool().ok_or_else(|| format!("{name} is {value}, it must be true or false"))
    }

    pub(crate) fn text_or(&self, name: &str, default: &str) -> Result<String, String> {
        let Some(value) = self.value(name) else { return Ok(default.to_owned()) };
        value.as_str().map(str::to_owned).ok_or_else(|| format!("{name} is {value}, it must be a text"))
    }

    /// A text that this family always has, or nothing.
    pub(crate) fn fixed(&self, name: &str, wanted: &str) -> Result<(), String> {
        let found = self.text_or(name, wanted)?;
        if found == wanted { Ok(()) } else { Err(format!("{name} is '{found}', this family has '{wanted}'")) }
    }

    /// The fields of an object inside.
    pub(crate) fn inner(&self, name: &str) -> Result<Option<Self>, String> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value
            .as_object()
            .map(|map| Some(Self(map.clone())))
            .ok_or_else(|| format!("{name} is {value}, it must be {{…}}"))
    }

    /// Names of the upstream classes.
    pub(crate) fn architectures(&self) -> Vec<String> {
        let names = self.value("architectures").and_then(Value::as_array);
        names.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Keys and texts of an object inside.
    fn texts(&self, name: &str) -> Result<Vec<(String, String)>, String> {
        let Some(inner) = self.inner(name)? else { return Ok(Vec::new()) };
        let text = |(key, value): (String, Value)| match value {
            Value::String(text) => (key, text),
            other => (key, other.to_string()),
        };
        Ok(inner.0.into_iter().map(text).collect())
    }
}

/// The activation function of the feed-forward layers.
pub(crate) fn hidden_act(fields: &Fields) -> Result<strandscope_kernels::HiddenAct, String> {
    let name = fields.text_or("hidden_act", "gelu")?;
    strandscope_kernels::HiddenAct::named(&name)
        .ok_or_else(|| format!("hidden_act '{name}' is unsupported; known are gelu, gelu_new, relu and silu"))
}

#[cfg(test)]
mod tests;
