//! Where scores reach a threshold: the next such place, and all of them as intervals.

use super::{
    State,
    lanes::{Lane, LaneId},
    pieces::Layer,
};

/// Stretches of a lane that reach its threshold, as far as they have been called.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Calls {
    /// Contig and threshold they were called with; another one begins anew.
    of: Option<(String, f32)>,
    /// What has been looked at, sorted and apart.
    looked: Spans,
    /// `(start_bp, end_bp)`, sorted; neighbours are joined.
    pub(crate) intervals: Spans,
    /// Bases in them.
    pub(crate) bases: u64,
    /// Whether all that is known has been looked at.
    pub(crate) is_whole: bool,
}

/// Stretches as `(start_bp, end_bp)`, half-open.
type Spans = Vec<(u64, u64)>;

/// Values looked at one by one in a frame, so that a threshold can be dragged over a whole chromosome.
const VALUES_IN_FRAME: u64 = 1_000_000;
/// Values of a block, of which the highest is known: as many as stand below an entry of the pyramid's second level.
const BLOCK: usize = 1_024;
/// What it costs to see that a block reaches the threshold nowhere, in values.
const PASSED_OVER: u64 = 16;

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
        let mut parts: Vec<((u64, u64), usize)> = Vec::new();
        for (at, layer) in layers.iter().enumerate() {
            parts.extend(layer.parts.iter().map(|&part| (part, at)));
        }
        parts.sort_unstable();
        let known = joined(parts.iter().map(|(part, _)| *part));
        let is_known = |span: &(u64, u64)| known.iter().any(|part| part.0 <= span.0 && span.1 <= part.1);
        let of = (contig, threshold);
        // What has been looked at stays called while more arrives beside it.
        if calls.of.as_ref() != Some(&of) || !calls.looked.iter().all(is_known) {
            *calls = Calls { of: Some(of), ..Calls::default() };
        }
        let mut left = VALUES_IN_FRAME;
        for (part, layer) in parts {
            for (from, to) in without(part, &calls.looked) {
                let mut fresh = Spans::new();
                let end = layers[layer].reach(from, to, threshold, &mut left, &mut fresh);
                calls.add((from, end), fresh);
                if end < to {
                    calls.is_whole = false;
                    return true;
                }
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
    /// Takes in what reaches the threshold in a stretch that was looked at.
    fn add(&mut self, looked: (u64, u64), fresh: Spans) {
        self.bases += fresh.iter().map(|(start_bp, end_bp)| end_bp - start_bp).sum::<u64>();
        insert(&mut self.looked, vec![looked]);
        insert(&mut self.intervals, fresh);
    }
}

/// Puts sorted stretches into a sorted list that has none where they are, joined with the neighbours they touch.
fn insert(list: &mut Spans, mut fresh: Spans) {
    let Some(&(first_bp, _)) = fresh.first() else { return };
    let mut at = list.partition_point(|span| span.0 < first_bp);
    let mut end = at;
    if let Some(before) = at.checked_sub(1).map(|before| list[before]).filter(|before| before.1 == first_bp) {
        fresh[0].0 = before.0;
        at -= 1;
    }
    if let (Some(last), Some(after)) = (fresh.last_mut(), list.get(end))
        && last.1 == after.0
    {
        last.1 = after.1;
        end += 1;
    }
    list.splice(at..end, fresh);
}

/// Sorted stretches, those that touch as one.
fn joined(spans: impl Iterator<Item = (u64, u64)>) -> Spans {
    let mut joined = Spans::new();
    for (start_bp, end_bp) in spans {
        match joined.last_mut() {
            Some(last) if last.1 == start_bp => last.1 = end_bp,
            _ => joined.push((start_bp, end_bp)),
        }
    }
    joined
}

/// What of a stretch is in none of the sorted `spans`.
fn without((start_bp, end_bp): (u64, u64), spans: &Spans) -> Spans {
    let mut rest = Spans::new();
    let mut from = start_bp;
    for &(taken_from, taken_to) in spans.iter().filter(|span| span.1 > start_bp && span.0 < end_bp) {
        if from < taken_from {
            rest.push((from, taken_from));
        }
        from = from.max(taken_to);
    }
    if from < end_bp {
        rest.push((from, end_bp));
    }
    rest
}

impl Layer<'_> {
    /// Finds the stretches of `from..to` whose values are at least `threshold`, from left to right, until so many values
    /// have been looked at; gives where it ended.
    fn reach(&self, from: u64, to: u64, threshold: f32, left: &mut u64, found: &mut Spans) -> u64 {
        let values = self.track.values_in(from, to);
        let mut at = values.start;
        while at < values.end {
            if *left == 0 {
                return self.track.span_of(at).0.clamp(from, to);
            }
            let end = (at / BLOCK + 1).saturating_mul(BLOCK).min(values.end);
            // Most blocks reach it nowhere, and that is known without looking at their values.
            let high = self.strip.pyramid.extent(&self.track.values, at, end).map(|extent| extent.high);
            let is_reached = high.is_some_and(|high| high >= threshold);
            *left = left.saturating_sub(if is_reached { (end - at) as u64 } else { PASSED_OVER });
            if is_reached {
                for index in at..end {
                    if self.track.values.get(index).is_some_and(|value| *value >= threshold) {
                        let (start_bp, end_bp) = self.track.span_of(index);
                        let (start_bp, end_bp) = (start_bp.max(from), end_bp.min(to));
                        match found.last_mut() {
                            Some(last) if last.1 == start_bp => last.1 = end_bp,
                            _ => found.push((start_bp, end_bp)),
                        }
                    }
                }
            }
            at = end;
        }
        to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_put_in_their_places_and_joined() {
        let mut list = vec![(10, 20), (40, 50)];
        insert(&mut list, vec![(20, 25), (30, 40)]);
        assert_eq!(list, [(10, 25), (30, 50)], "both touch");
        insert(&mut list, vec![(0, 5)]);
        insert(&mut list, vec![(60, 70)]);
        insert(&mut list, vec![(27, 28)]);
        assert_eq!(list, [(0, 5), (10, 25), (27, 28), (30, 50), (60, 70)], "at both ends and between");
        insert(&mut list, vec![(25, 27)]);
        assert_eq!(list, [(0, 5), (10, 28), (30, 50), (60, 70)], "one that touches two");
    }

    #[test]
    fn what_is_left_to_look_at() {
        let looked = vec![(5, 10), (20, 30)];
        assert_eq!(without((0, 40), &looked), [(0, 5), (10, 20), (30, 40)]);
        assert_eq!(without((6, 25), &looked), [(10, 20)]);
        assert_eq!(without((20, 30), &looked), [], "all of it was looked at");
        assert_eq!(joined([(0, 5), (5, 9), (11, 12)].into_iter()), [(0, 9), (11, 12)]);
    }
}
