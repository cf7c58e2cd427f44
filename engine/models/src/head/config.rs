//! `head.json`: the shape of a head.

use serde::{Deserialize, Serialize};

use crate::{ModelError, card::HeadKind, composition::Composition};

/// `head.json`: the shape of a head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadConfig {
    /// What it answers for.
    pub kind: HeadKind,
    /// Number of labels.
    pub labels: usize,
    /// Width of the encoder's states.
    pub hidden_size: usize,
    /// Its network.
    pub network: HeadNetwork,
}

/// The sizes of a head's network, as `head.json` and recipes state them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadNetwork {
    /// What reads the bases; a token head has none, and a sequence head may do with the composition alone.
    pub trunk: Option<TrunkSizes>,
    /// How a sequence head pools what its trunk gives.
    pub pooling: Option<Pooling>,
    /// Longest words of the composition that a sequence head reads, where it does.
    pub composition: Option<usize>,
    /// Share of channels dropped in training.
    pub dropout: f64,
}

/// The convolution over bases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrunkSizes {
    /// Whether the encoder's states are read as well.
    pub reads_tokens: bool,
    /// Channels.
    pub channels: usize,
    /// Width of the first convolution, odd.
    pub stem_width_bp: usize,
    /// Width of the convolutions in the blocks, odd.
    pub block_width_bp: usize,
    /// Dilation of each block.
    pub dilations: Vec<usize>,
    /// The one length it reads, with a learned vector for each position; `None` reads any length.
    pub fixed_length_bp: Option<usize>,
}

/// How a sequence head comes from bases to one answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pooling {
    /// Channels kept at each position; only with a fixed length.
    pub channels: usize,
    /// Positions pooled into one; only with a fixed length.
    pub every_bp: usize,
    /// Width of the layer before the answer.
    pub dense: usize,
}

impl HeadConfig {
    /// Reads `head.json`.
    ///
    /// # Errors
    /// When it is no JSON, a field is missing, or the fields describe no head.
    pub fn parse(json: &[u8], origin: &str) -> Result<Self, ModelError> {
        let config: Self = serde_json::from_slice(json).map_err(|error| ModelError::Json {
            what: "head.json",
            origin: origin.to_owned(),
            reason: error.to_string(),
        })?;
        config.check().map_err(|reason| ModelError::Config { origin: origin.to_owned(), reason })?;
        Ok(config)
    }

    /// Whether the fields describe a head; the error says which does not.
    ///
    /// # Errors
    /// The field and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let HeadNetwork { trunk, pooling, composition, dropout } = &self.network;
        for (field, size) in [("labels", self.labels), ("hidden_size", self.hidden_size)] {
            within(field, size, 1, 1 << 16)?;
        }
        if !(0.0..1.0).contains(dropout) {
            return Err(format!("dropout is {dropout}, it must lie in 0..1"));
        }
        trunk.as_ref().map_or(Ok(()), TrunkSizes::check)?;
        composition.map_or(Ok(()), |longest| within("composition", longest, 1, Composition::LONGEST))?;
        if self.kind != HeadKind::Sequence && (pooling.is_some() || composition.is_some()) {
            return Err("only a sequence head has pooling or a composition".to_owned());
        }
        match self.kind {
            HeadKind::Sequence => match (trunk, pooling) {
                (None, None) if composition.is_none() => {
                    Err("a sequence head needs a trunk or a composition".to_owned())
                }
                (Some(_), Some(pooling)) => pooling.check(),
                (None, None) => Ok(()),
                _ => Err("a sequence head with a trunk needs pooling, and pooling a trunk".to_owned()),
            },
            HeadKind::Base if self.fixed_length_bp().is_some() => Err("a base head reads any length".to_owned()),
            HeadKind::Base if trunk.is_none() => Err("a base head needs a trunk".to_owned()),
            HeadKind::Token if trunk.is_some() => Err("a token head has no trunk".to_owned()),
            HeadKind::Base | HeadKind::Token => Ok(()),
        }
    }

    /// Whether the encoder's states are read at all.
    pub fn reads_tokens(&self) -> bool {
        self.kind == HeadKind::Token || self.network.trunk.as_ref().is_some_and(|trunk| trunk.reads_tokens)
    }

    /// The one length it reads; `None` reads any length.
    pub fn fixed_length_bp(&self) -> Option<usize> {
        self.network.trunk.as_ref().and_then(|trunk| trunk.fixed_length_bp)
    }

    /// How far, to either side, the answer for a base depends on other bases by convolution.
    pub fn reach_bp(&self) -> usize {
        let Some(trunk) = &self.network.trunk else { return 0 };
        let blocks: usize = trunk.dilations.iter().map(|dilation| trunk.block_width_bp / 2 * dilation).sum();
        trunk.stem_width_bp / 2 + blocks
    }
}

impl TrunkSizes {
    fn check(&self) -> Result<(), String> {
        within("channels", self.channels, 1, 1 << 16)?;
        for (field, width) in [("stem_width_bp", self.stem_width_bp), ("block_width_bp", self.block_width_bp)] {
            if width.is_multiple_of(2) || width > 255 {
                return Err(format!("{field} is {width}, it must be odd and below 256"));
            }
        }
        if self.dilations.iter().any(|&dilation| dilation == 0 || dilation > 1024) || self.dilations.len() > 64 {
            return Err("dilations must be at most 64 numbers between 1 and 1024".to_owned());
        }
        self.fixed_length_bp.map_or(Ok(()), |length| within("fixed_length_bp", length, 1, 1 << 20))
    }
}

impl Pooling {
    fn check(&self) -> Result<(), String> {
        let sizes = [("channels", self.channels), ("every_bp", self.every_bp), ("dense", self.dense)];
        sizes.into_iter().try_for_each(|(field, size)| within(&format!("pooling.{field}"), size, 1, 1 << 16))
    }
}

fn within(field: &str, size: usize, least: usize, most: usize) -> Result<(), String> {
    if (least..=most).contains(&size) {
        return Ok(());
    }
    Err(format!("{field} is {size}, it must be between {least} and {most}"))
}
