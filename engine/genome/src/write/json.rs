//! Tracks as JSON.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    mem,
};

use serde::Serialize;

use super::TrackText;
use crate::{MissingRun, Track, TrackLayout};

/// One object with `provenance` and `tracks`; positions are 0-based and half-open, missing values are `null`.
///
/// Unlike the other forms it holds the tracks of a region until that is done, since their parts come by turns.
pub(crate) struct JsonText<W> {
    out: W,
    /// Tracks of each region.
    tracks_per_region: usize,
    /// The tracks of the present region, by number.
    tracks: BTreeMap<usize, Track>,
    has_written: bool,
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
    /// What is not finite becomes `null`.
    values: &'a [f32],
    missing: Vec<MissingObject<'a>>,
}

#[derive(Serialize)]
struct MissingObject<'a> {
    start: u64,
    end: u64,
    reason: &'a str,
}

impl<W: Write> JsonText<W> {
    /// Writes the head of the document, in which each region has `tracks_per_region` tracks.
    pub(crate) fn new(mut out: W, tracks_per_region: usize, provenance: &[(String, String)]) -> io::Result<Self> {
        write!(out, "{{")?;
        if !provenance.is_empty() {
            write!(out, "\"provenance\":{},", object(provenance))?;
        }
        write!(out, "\"tracks\":[")?;
        Ok(Self { out, tracks_per_region: tracks_per_region.max(1), tracks: BTreeMap::new(), has_written: false })
    }

    /// The region of a track, counted from 0.
    fn region_of(&self, track: usize) -> usize {
        track / self.tracks_per_region
    }

    /// Writes the tracks of a region that is done.
    fn write_tracks(&mut self) -> io::Result<()> {
        for track in mem::take(&mut self.tracks).into_values() {
            if mem::replace(&mut self.has_written, true) {
                write!(self.out, ",")?;
            }
            serde_json::to_writer(&mut self.out, &TrackObject::from(&track))?;
        }
        Ok(())
    }
}

/// Pairs of a key and a value.
fn object(pairs: &[(String, String)]) -> serde_json::Value {
    let pairs = pairs.iter().map(|(key, value)| (key.clone(), value.clone().into()));
    serde_json::Value::Object(pairs.collect())
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
            values: &track.values,
            missing: track.missing.iter().map(missing).collect(),
        }
    }
}

impl<W: Write> TrackText<W> for JsonText<W> {
    fn write(&mut self, track: usize, part: &Track) -> io::Result<()> {
        if self.tracks.keys().next().is_some_and(|&held| self.region_of(held) != self.region_of(track)) {
            self.write_tracks()?;
        }
        match self.tracks.get_mut(&track) {
            Some(whole) => whole.append(part.clone()),
            None => {
                self.tracks.insert(track, part.clone());
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, notes: &[(String, String)]) -> io::Result<W> {
        self.write_tracks()?;
        write!(self.out, "]")?;
        if !notes.is_empty() {
            write!(self.out, ",\"notes\":{}", object(notes))?;
        }
        writeln!(self.out, "}}")?;
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
        let mut text = Box::new(JsonText::new(Vec::new(), 1, &[("version".into(), "1".into())]).unwrap());
        text.write(0, &first).unwrap();
        text.write(0, &second).unwrap();
        assert!(text.out.ends_with(b"["), "more of the region may come");
        text.write(1, &track(TrackLayout::Bins { width_bp: 2 }, &[1.0], &[])).unwrap();
        assert!(text.out.ends_with(b"}"), "a region that is done is not held");
        let text = String::from_utf8(text.finish(&[]).unwrap()).unwrap();
        let wanted = concat!(
            r#"{"provenance":{"version":"1"},"tracks":[{"contig":"chr1","start":10,"end":14,"strand":"+","#,
            r#""label":"donor","unit":"probability","bin_bp":1,"values":[0.1,null,null,0.5],"#,
            r#""missing":[{"start":11,"end":13,"reason":"n_run"}]},"#,
            r#"{"contig":"chr1","start":10,"end":12,"strand":"+","#,
            r#""label":"donor","unit":"probability","bin_bp":2,"values":[1.0],"missing":[]}]}"#,
            "\n"
        );
        assert_eq!(text, wanted);
    }
}
