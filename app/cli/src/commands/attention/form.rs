//! The forms attention is written in: a table as results come, or one document at the end.

use std::{ffi::OsString, io::Write as _, path::PathBuf};

use clap::ValueEnum;
use serde_json::{Value, json};
use strandscope_figure::png;
use strandscope_worker::{
    AttentionMap, AttentionPairs, AttentionStat, Partner, TrackAssembly, TrackChunk,
    genome::{AtomicFile, Output, Region, Track},
};

use super::{Name, npy, rows};
use crate::{
    args::OutputArgs,
    failure::{Failure, Result},
    output::{TextOutput, add_provenance, changed},
};

/// What the output is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table, 1-based
    #[default]
    Tsv,
    /// One object, 0-based
    Json,
    /// An array for Python (.npy), with its description in FILE.json beside it
    Npy,
    /// A figure for a publication
    Png,
}

/// The output, as far as it has come.
pub(super) enum Form {
    Tsv { out: TextOutput },
    Json { out: TextOutput, found: Found },
    Npy { out: Output, beside: Option<AtomicFile>, found: Found },
    Png { out: Output, found: Found },
}

/// What was found, for forms that are written at the end.
pub(super) struct Found {
    pub(super) stat: AttentionStat,
    pub(super) names: Vec<Name>,
    pub(super) region: Option<Region>,
    pub(super) tracks: TrackAssembly,
    pub(super) pairs: Vec<(Name, AttentionPairs)>,
}

impl Form {
    /// Opens the output; files that may not be overwritten are refused before any work is done.
    pub(super) fn open(format: Format, stat: AttentionStat, args: &OutputArgs) -> Result<Self> {
        Ok(match format {
            Format::Tsv => Self::Tsv { out: TextOutput::open(args)? },
            Format::Json => Self::Json { out: TextOutput::open(args)?, found: Found::of(stat) },
            Format::Npy => {
                let path = args.output.clone().filter(|_| args.is_file());
                let beside = path.as_ref().map(|path| AtomicFile::create(&described(path), args.force)).transpose()?;
                let out = Output::create(&path.unwrap_or_else(|| "-".into()), args.force)?;
                Self::Npy { out, beside, found: Found::of(stat) }
            }
            Format::Png => {
                let path = args.output.clone().unwrap_or_else(|| "-".into());
                Self::Png { out: Output::create(&path, args.force)?, found: Found::of(stat) }
            }
        })
    }

    /// What will come, and what is run.
    pub(super) fn begin(&mut self, names: &[Name], region: &Region, provenance: &[(String, String)]) -> Result<()> {
        match self {
            Self::Tsv { out } => {
                let of_pairs = names.first().is_some_and(|name| matches!(name.stat.as_str(), "map" | "top"));
                out.header(provenance)?;
                out.line(if of_pairs { rows::PAIRS } else { rows::TRACKS })
            }
            Self::Json { found, .. } | Self::Npy { found, .. } | Self::Png { found, .. } => {
                found.names = names.to_vec();
                found.region = Some(region.clone());
                Ok(())
            }
        }
    }

    /// The next part of a track.
    pub(super) fn chunk(&mut self, name: &Name, chunk: TrackChunk) -> Result<()> {
        match self {
            Self::Tsv { out } => out.text(&rows::of_track(name, &chunk.part)),
            Self::Json { found, .. } | Self::Npy { found, .. } | Self::Png { found, .. } => {
                found.tracks.add(chunk);
                Ok(())
            }
        }
    }

    /// A map, or the next partners.
    pub(super) fn pairs(&mut self, name: &Name, contig: &str, pairs: AttentionPairs) -> Result<()> {
        match self {
            Self::Tsv { out } => out.text(&rows::of_pairs(name, contig, &pairs)),
            Self::Json { found, .. } | Self::Npy { found, .. } | Self::Png { found, .. } => {
                found.add(name, pairs);
                Ok(())
            }
        }
    }

    /// Ends the output, which began with the provenance `head`; `provenance` is final.
    pub(super) fn finish(self, head: &[(String, String)], provenance: &[(String, String)]) -> Result<()> {
        match self {
            Self::Tsv { mut out } => {
                out.header(&changed(head, provenance))?;
                out.finish()
            }
            Self::Json { mut out, found } => {
                let mut value = found.as_json();
                add_provenance(&mut value, provenance);
                out.line(&value.to_string())?;
                out.finish()
            }
            Self::Npy { mut out, beside, found } => {
                let (shape, values) = found.as_array();
                out.write_all(&npy::file(&shape, &values))?;
                if let Some(mut beside) = beside {
                    let mut value = found.description();
                    add_provenance(&mut value, provenance);
                    beside.write_all(format!("{value}\n").as_bytes())?;
                    beside.commit()?;
                }
                Ok(out.commit()?)
            }
            Self::Png { mut out, found } => {
                let provenance = [head.to_vec(), changed(head, provenance)].concat();
                let bytes = png(&found.figure(&provenance)).map_err(|error| {
                    Failure::runtime("the figure cannot be drawn; write a table instead, and please report this")
                        .because(error)
                })?;
                out.write_all(&bytes)?;
                Ok(out.commit()?)
            }
        }
    }
}

/// The description of an array stands beside it.
fn described(path: &std::path::Path) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(".json");
    name.into()
}

impl Found {
    /// Nothing yet.
    fn of(stat: AttentionStat) -> Self {
        Self { stat, names: Vec::new(), region: None, tracks: TrackAssembly::default(), pairs: Vec::new() }
    }

    /// Partners come window by window: those of one list are joined.
    fn add(&mut self, name: &Name, pairs: AttentionPairs) {
        if let AttentionPairs::Partners(next) = &pairs
            && let Some((_, AttentionPairs::Partners(known))) = self.pairs.iter_mut().find(|(known, _)| known == name)
        {
            known.extend_from_slice(next);
            return;
        }
        self.pairs.push((name.clone(), pairs));
    }

    /// What was asked, and where.
    fn asked(&self) -> Value {
        let region = self.region.as_ref();
        let mut value = json!({
            "stat": self.stat.name(),
            "contig": region.map(|region| &region.contig),
            "start": region.map(|region| region.start_bp),
            "end": region.map(|region| region.end_bp),
        });
        if let Some((_, AttentionPairs::Map(map))) = self.pairs.first() {
            value["edges"] = json!(map.edges_bp);
        }
        value
    }

    /// What the axes of the array are.
    fn description(&self) -> Value {
        let mut value = self.asked();
        value["of"] = self.names.iter().map(|name| of(name, [])).collect();
        if let Some(track) = self.tracks.tracks().next() {
            value["spans"] = json!(spans(track));
        }
        value
    }

    fn as_json(&self) -> Value {
        let mut value = self.asked();
        let tracks = self.names.iter().zip(self.tracks.tracks()).map(|(name, track)| {
            let values = json!(finite(&track.values));
            of(name, [("contig", json!(track.region.contig)), ("spans", json!(spans(track))), ("values", values)])
        });
        let pairs = self.pairs.iter().map(|(name, pairs)| match pairs {
            AttentionPairs::Map(AttentionMap { edges_bp, values }) => {
                let rows: Vec<_> = values.chunks(edges_bp.len().saturating_sub(1).max(1)).map(finite).collect();
                of(name, [("values", json!(rows))])
            }
            AttentionPairs::Partners(partners) => of(name, [("partners", partners.iter().map(partner).collect())]),
        });
        match self.pairs.first() {
            None => value["tracks"] = tracks.collect(),
            Some((_, AttentionPairs::Map(_))) => value["maps"] = pairs.collect(),
            Some((_, AttentionPairs::Partners(_))) => value["lists"] = pairs.collect(),
        }
        value
    }

    /// Shape and numbers: `[track, token]` or `[map, bin, bin]`, without the first axis where there is one alone.
    fn as_array(&self) -> (Vec<usize>, Vec<f32>) {
        let mut shape = Vec::new();
        let mut values = Vec::new();
        let mut count = 0;
        for track in self.tracks.tracks() {
            shape = vec![track.values.len()];
            values.extend_from_slice(&track.values);
            count += 1;
        }
        for (_, pairs) in &self.pairs {
            // Lists were refused before the work.
            if let AttentionPairs::Map(AttentionMap { edges_bp, values: cells }) = pairs {
                shape = vec![edges_bp.len() - 1; 2];
                values.extend_from_slice(cells);
                count += 1;
            }
        }
        if count > 1 {
            shape.insert(0, count);
        }
        (shape, values)
    }
}

/// An object with layer, attention head and `more`.
fn of<const N: usize>(name: &Name, more: [(&str, Value); N]) -> Value {
    let mut value = json!({ "layer": number(&name.layer), "head": number(&name.head) });
    for (key, more) in more {
        value[key] = more;
    }
    value
}

/// Where the values of a track lie.
pub(super) fn spans(track: &Track) -> Vec<(u64, u64)> {
    (0..track.values.len()).map(|index| track.span_of(index)).collect()
}

/// Numbers, and nothing where there is none.
fn finite(values: &[f32]) -> Vec<Option<f32>> {
    values.iter().map(|value| value.is_finite().then_some(*value)).collect()
}

fn partner(partner: &Partner) -> Value {
    let Partner { span_bp, partner_bp, weight } = partner;
    json!({ "span": span_bp, "partner": partner_bp, "value": weight.is_finite().then_some(weight) })
}

/// A number where the text is one, or the text.
fn number(text: &str) -> Value {
    text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number))
}
