//! Where scores reach a threshold: the next such place, and all of them as intervals.

use super::{
    State,
    lanes::{Lane, LaneId},
    pieces::Layer,
};

/// Stretches of a lane that reach its threshold, as far as they have been called.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Calls {
    /// What they were called from; another threshold or more values begin anew.
    of: Option<Key>,
    /// `(start_bp, end_bp)`, sorted; neighbours are joined.
    pub(crate) intervals: Vec<(u64, u64)>,
    /// Bases in them.
    pub(crate) bases: u64,
    /// Where calling goes on: number of the part and place in it.
    at: (usize, u64),
    /// Whether all that is known has been looked at.
    pub(crate) is_whole: bool,
}

/// What tells calls apart.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    contig: String,
    threshold: f32,
    /// Stretches with values.
    known: Vec<(u64, u64)>,
}

/// Values looked at in one frame, so that a threshold can be dragged over a whole chromosome.
const VALUES_IN_FRAME: u64 = 4_000_000;

impl State {
    /// Calls the intervals of every score lane a little further; says whether there is more to do.
    pub(crate) fn call_on(&mut self) -> bool {
        let mut more = false;
        for lane in self.lanes() {
            let Some(threshold) = self.threshold(&lane) else { continue };
            let mut calls = self.calls.remove(&lane.id).unwrap_or_default();
            more |= self.call_lane(&lane, threshold, &mut calls);
            self.calls.insert(lane.id, calls);
        }
        more
    }

    fn call_lane(&self, lane: &Lane, threshold: f32, calls: &mut Calls) -> bool {
        let Some(genome) = &self.genome else { return false };
        let contig = genome.contig().name.clone();
        let layers = self.layers(lane, &contig);
        let mut parts: Vec<(u64, u64, usize)> = Vec::new();
        for (at, layer) in layers.iter().enumerate() {
            parts.extend(layer.parts.iter().map(|&(start_bp, end_bp)| (start_bp, end_bp, at)));
        }
        parts.sort_unstable();
        let known = parts.iter().map(|part| (part.0, part.1)).collect();
        let key = Key { contig, threshold, known };
        if calls.of.as_ref() != Some(&key) {
            *calls = Calls { of: Some(key), ..Calls::default() };
        }
        if calls.is_whole {
            return false;
        }
        let mut left = VALUES_IN_FRAME;
        while let Some(&(start_bp, end_bp, layer)) = parts.get(calls.at.0) {
            let from = calls.at.1.max(start_bp);
            let to = end_bp.min(from.saturating_add(left));
            layers[layer].reach(from, to, threshold, &mut |start, end| calls.add(start, end));
            left -= to - from;
            calls.at = if to >= end_bp { (calls.at.0 + 1, 0) } else { (calls.at.0, to) };
            if left == 0 {
                return true;
            }
        }
        calls.is_whole = true;
        false
    }

    /// What has been called of a lane.
    pub(crate) fn calls_of(&self, id: &LaneId) -> Option<&Calls> {
        self.calls.get(id)
    }

    /// Goes to the next stretch above the threshold after the middle of the view, or before it.
    ///
    /// Looked at are the selected score lanes, or all of them where none is.
    pub(crate) fn next_hit(&mut self, is_after: bool) {
        let Some(genome) = &self.genome else { return };
        let (start_bp, end_bp) = genome.view().range_bp();
        let middle_bp = u64::midpoint(start_bp, end_bp);
        let from_bp = self.stepped_to.filter(|at| at.0 == (start_bp, end_bp)).map_or(middle_bp, |at| at.1);
        let lanes = self.lanes();
        let is_selected = |lane: &&Lane| self.arrangement.selected.contains(&lane.id);
        let any_selected = lanes.iter().filter(|lane| self.threshold(lane).is_some()).any(|lane| is_selected(&lane));
        let asked = lanes.iter().filter(|lane| !any_selected || is_selected(lane));
        let intervals = asked.filter_map(|lane| self.calls.get(&lane.id)).flat_map(|calls| &calls.intervals);
        let found = if is_after {
            intervals.filter(|interval| interval.0 > from_bp).min().copied()
        } else {
            intervals.filter(|interval| interval.0 < from_bp).max().copied()
        };
        let Some((hit_start, hit_end)) = found else {
            self.message = Some("No more hits that way in what has been scored".to_owned());
            return;
        };
        let Some(genome) = &mut self.genome else { return };
        let span_bp = genome.view().span_bp().max((hit_end - hit_start) as f64 * 1.5);
        genome.show((hit_start + hit_end) as f64 / 2.0 - span_bp / 2.0, span_bp, true);
        self.stepped_to = Some((genome.view().range_bp(), hit_start));
    }
}

impl Calls {
    fn add(&mut self, start_bp: u64, end_bp: u64) {
        self.bases += end_bp - start_bp;
        match self.intervals.last_mut() {
            Some(last) if last.1 == start_bp => last.1 = end_bp,
            _ => self.intervals.push((start_bp, end_bp)),
        }
    }
}

impl Layer<'_> {
    /// Tells the stretches of `from..to` whose values are at least `threshold`, from left to right.
    fn reach(&self, from: u64, to: u64, threshold: f32, tell: &mut impl FnMut(u64, u64)) {
        const BLOCK: usize = 512;
        let values = self.track.values_in(from, to);
        let mut at = values.start;
        while at < values.end {
            let end = (at / BLOCK + 1).saturating_mul(BLOCK).min(values.end);
            // Most blocks reach it nowhere, and that is known without looking at their values.
            let high = self.strip.pyramid.extent(&self.track.values, at, end).map(|extent| extent.high);
            if high.is_some_and(|high| high >= threshold) {
                for index in at..end {
                    if self.track.values.get(index).is_some_and(|value| *value >= threshold) {
                        let (start_bp, end_bp) = self.track.span_of(index);
                        tell(start_bp.max(from), end_bp.min(to));
                    }
                }
            }
            at = end;
        }
    }
}
