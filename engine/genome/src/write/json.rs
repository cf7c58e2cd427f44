//! Tracks as JSON.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;

use super::TrackText;
use crate::{MissingRun, Track, TrackLayout};

/// One object with `provenance` and `tracks`; positions are 0-based and half-open, missing values are `null`.
///
/// Unlike the other forms it holds its tracks until the end, since parts of several tracks come by turns.
pub(crate) struct JsonText<W> {
    out: W,
    provenance: serde_json::Map<String, serde_json::Value>,
    tracks: BTreeMap<usize, Track>,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    provenance: &'a serde_json::Map<String, serde_json::Value>,
    tracks: Vec<TrackObject<'a>>,
}

#[derive(Serialize)]
struct TrackObject<'a> {
    contig: &'a str,
    start: u64,
    end: u64,
    strand: String,
    label: &'a str,
    unit: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bin_bp: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spans: Option<&'a [(u64, u64)]>,
    values: Vec<Option<f32>>,
    missing: Vec<MissingObject<'a>>,
}

#[derive(Serialize)]
struct MissingObject<'a> {
    start: u64,
    end: u64,
    reason: &'a str,
}

impl<W: Write> JsonText<W> {
    /// Holds `provenance` for the head of the document.
    pub(crate) fn new(out: W, provenance: &[(String, String)]) -> Self {
        let provenance = provenance.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
        Self { out, provenance, tracks: BTreeMap::new() }
    }
}

impl<'a> From<&'a Track> for TrackObject<'a> {
    fn from(track: &'a Track) -> Self {
        let (bin_bp, spans) = match &track.layout {
            TrackLayout::Bins { width_bp } => (Some(*width_bp), None),
            TrackLayout::Spans(spans) => (None, Some(spans.as_slice())),
        };
        let missing = |run: &'a MissingRun| MissingObject { start: run.start_bp, end: run.end_bp, reason: &run.reason };
        Self {
            contig: &track.region.contig,
            start: track.region.start_bp,
            end: track.region.end_bp,
            strand: track.strand.to_string(),
            label: &track.label,
            unit: &track.unit,
            bin_bp,
            spans,
            values: track.values.iter().map(|value| value.is_finite().then_some(*value)).collect(),
            missing: track.missing.iter().map(missing).collect(),
        }
    }
}

impl<W: Write> TrackText<W> for JsonText<W> {
    fn write(&mut self, track: usize, part: &Track) -> io::Result<()> {
        match self.tracks.get_mut(&track) {
            Some(whole) => whole.append(part.clone()),
            None => {
                self.tracks.insert(track, part.clone());
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<W> {
        let tracks = self.tracks.values().map(TrackObject::from).collect();
        serde_json::to_writer(&mut self.out, &Document { provenance: &self.provenance, tracks })?;
        writeln!(self.out)?;
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::pieces::tests::track;

    #[test]
    fn missing_values_are_null_and_parts_are_joined() {
        let bases = TrackLayout::Bins { width_bp: 1 };
        let first = track(bases.clone(), &[0.1, f32::NAN], &[(11, 12, "n_run")]);
        let mut second = track(bases, &[f32::NAN, 0.5], &[(12, 13, "n_run")]);
        (second.region.start_bp, second.region.end_bp) = (12, 14);
        let mut text = Box::new(JsonText::new(Vec::new(), &[("version".into(), "1".into())]));
        text.write(0, &first).unwrap();
        text.write(0, &second).unwrap();
        let text = String::from_utf8(text.finish().unwrap()).unwrap();
        let wanted = concat!(
            r#"{"provenance":{"version":"1"},"tracks":[{"contig":"chr1","start":10,"end":14,"strand":"+","#,
            r#""label":"donor","unit":"probability","bin_bp":1,"values":[0.1,null,null,0.5],"#,
            r#""missing":[{"start":11,"end":13,"reason":"n_run"}]}]}"#,
            "\n"
        );
        assert_eq!(text, wanted);
    }
}
