//! The forms attention is written in: a table as results come, or one document at the end.

use std::{ffi::OsString, io::Write as _, path::PathBuf};

use clap::ValueEnum;
use serde_json::{Value, json};
use strandscope_worker::{
    AttentionPairs, TrackAssembly, TrackChunk,
    genome::{AtomicFile, Output, Region},
};

use super::{Name, npy, rows};
use crate::{
    args::OutputArgs,
    failure::{Failure, Result},
    output::{TextOutput, add_provenance, provenance_object},
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
}

/// The output, as far as it has come.
pub(super) enum Form {
    Tsv { out: TextOutput },
    Json { out: TextOutput, found: Found },
    Npy { out: Output, beside: Option<AtomicFile>, found: Found },
}

/// What was found, for forms that are written at the end.
#[derive(Default)]
pub(super) struct Found {
    names: Vec<Name>,
    region: Option<Region>,
    tracks: TrackAssembly,
    pairs: Vec<(Name, AttentionPairs)>,
}

impl Form {
    /// Opens the output; files that may not be overwritten are refused before any work is done.
    pub(super) fn open(format: Format, args: &OutputArgs) -> Result<Self> {
        Ok(match format {
            Format::Tsv => Self::Tsv { out: TextOutput::open(args)? },
            Format::Json => Self::Json { out: TextOutput::open(args)?, found: Found::default() },
            Format::Npy => {
                let path = args.output.clone().filter(|_| args.is_file());
                let beside = path.as_ref().map(|path| AtomicFile::create(&described(path), args.force)).transpose()?;
                let out = Output::create(&path.unwrap_or_else(|| "-".into()), args.force)?;
                Self::Npy { out, beside, found: Found::default() }
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
            Self::Json { found, .. } | Self::Npy { found, .. } => {
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
            Self::Json { found, .. } | Self::Npy { found, .. } => {
                found.tracks.add(chunk);
                Ok(())
            }
        }
    }

    /// A map, or the next partners.
    pub(super) fn pairs(&mut self, name: &Name, contig: &str, pairs: AttentionPairs) -> Result<()> {
        match self {
            Self::Tsv { out } => out.text(&rows::of_pairs(name, contig, &pairs)),
            Self::Json { found, .. } | Self::Npy { found, .. } => {
                found.add(name, pairs);
                Ok(())
            }
        }
    }

    /// Ends the output; `provenance` is final.
    pub(super) fn finish(self, provenance: &[(String, String)]) -> Result<()> {
        match self {
            Self::Tsv { out } => out.finish(),
            Self::Json { mut out, found } => {
                let mut value = found.as_json();
                add_provenance(&mut value, provenance);
                out.line(&value.to_string())?;
                out.finish()
            }
            Self::Npy { mut out, beside, found } => {
                let (shape, values) = found.as_array()?;
                out.write_all(&npy::file(&shape, &values))?;
                if let Some(mut beside) = beside {
                    let mut value = found.description();
                    value["provenance"] = provenance_object(provenance);
                    beside.write_all(format!("{value}\n").as_bytes())?;
                    beside.commit()?;
                }
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
    /// Partners come window by window: those of one list are joined.
    fn add(&mut self, name: &Name, pairs: AttentionPairs) {
        if let AttentionPairs::Partners { partners: next, .. } = &pairs {
            let known = self.pairs.iter_mut().find(|(known, _)| known == name);
            if let Some((_, AttentionPairs::Partners { partners, .. })) = known {
                partners.extend_from_slice(next);
                return;
            }
        }
        self.pairs.push((name.clone(), pairs));
    }

    /// What the array or document is about.
    fn description(&self) -> Value {
        let region = self.region.as_ref();
        let names = self.names.iter().map(|name| json!({ "layer": number(&name.layer), "head": number(&name.head) }));
        let mut value = json!({
            "stat": self.names.first().map(|name| &name.stat),
            "contig": region.map(|region| &region.contig),
            "start": region.map(|region| region.start_bp),
            "end": region.map(|region| region.end_bp),
            "of": names.collect::<Vec<_>>(),
        });
        if let Some(track) = self.tracks.tracks().next() {
            let spans: Vec<_> = (0..track.values.len()).map(|index| track.span_of(index)).collect();
            value["spans"] = json!(spans);
        }
        if let Some((_, AttentionPairs::Map { edges_bp, .. })) = self.pairs.first() {
            value["edges"] = json!(edges_bp);
        }
        value
    }

    fn as_json(&self) -> Value {
        let mut value = self.description();
        if let Some(object) = value.as_object_mut() {
            object.remove("of");
            object.remove("spans");
        }
        let finite =
            |values: &[f32]| values.iter().map(|value| value.is_finite().then_some(*value)).collect::<Vec<_>>();
        let tracks = self.names.iter().zip(self.tracks.tracks()).map(|(name, track)| {
            let spans: Vec<_> = (0..track.values.len()).map(|index| track.span_of(index)).collect();
            json!({
                "contig": track.region.contig,
                "layer": number(&name.layer),
                "head": number(&name.head),
                "spans": spans,
                "values": finite(&track.values),
            })
        });
        let pairs = self.pairs.iter().map(|(name, pairs)| match pairs {
            AttentionPairs::Map { edges_bp, values, .. } => {
                let bins = edges_bp.len().saturating_sub(1).max(1);
                let rows: Vec<_> = values.chunks(bins).map(finite).collect();
                json!({ "layer": number(&name.layer), "head": number(&name.head), "values": rows })
            }
            AttentionPairs::Partners { partners, .. } => {
                let list = partners.iter().map(|partner| {
                    let weight = partner.weight.is_finite().then_some(partner.weight);
                    json!({ "span": partner.span_bp, "partner": partner.partner_bp, "value": weight })
                });
                json!({
                    "layer": number(&name.layer),
                    "head": number(&name.head),
                    "partners": list.collect::<Vec<_>>(),
                })
            }
        });
        match self.pairs.first() {
            None => value["tracks"] = tracks.collect(),
            Some((_, AttentionPairs::Map { .. })) => value["maps"] = pairs.collect(),
            Some((_, AttentionPairs::Partners { .. })) => value["lists"] = pairs.collect(),
        }
        value
    }

    /// Shape and numbers: `[track, token]` or `[map, bin, bin]`, without the first axis where there is one alone.
    fn as_array(&self) -> Result<(Vec<usize>, Vec<f32>)> {
        let mut shape = Vec::new();
        let mut values = Vec::new();
        let mut count = 0;
        for track in self.tracks.tracks() {
            shape = vec![track.values.len()];
            values.extend_from_slice(&track.values);
            count += 1;
        }
        for (_, pairs) in &self.pairs {
            let AttentionPairs::Map { edges_bp, values: cells, .. } = pairs else {
                let reason = "partners are a list and make no array; write them with --format tsv or json";
                return Err(Failure::usage(reason.to_owned()));
            };
            shape = vec![edges_bp.len() - 1; 2];
            values.extend_from_slice(cells);
            count += 1;
        }
        if count > 1 {
            shape.insert(0, count);
        }
        Ok((shape, values))
    }
}

/// A number where the text is one, or the text.
fn number(text: &str) -> Value {
    text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number))
}
