//! How the lanes stand: in which order, how high, in which form. What lanes there are is told by what is open.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    State,
    axis::{Scaling, Style},
    lanes::LaneId,
};
use crate::screen::Action;

/// Least and greatest height that a lane can be given, in points.
pub(crate) const LANE_HEIGHTS: std::ops::RangeInclusive<f32> = 18.0..=480.0;

/// How one lane stands, where that is not as it comes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Setting {
    /// Its height in points; `None` gives it what there is room for.
    pub(crate) height: Option<f32>,
    /// Whether it stays above those that scroll; `None` leaves that to its kind.
    pub(crate) pinned: Option<bool>,
    /// Whether it is as low as can be.
    pub(crate) collapsed: bool,
    /// Whether it is not drawn at all; `None` leaves that to its kind.
    pub(crate) hidden: Option<bool>,
    pub(crate) scaling: Scaling,
    pub(crate) is_log: bool,
    pub(crate) style: Style,
    /// Lanes of one group stand together and have one axis.
    pub(crate) group: Option<u32>,
}

/// How all lanes stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Arrangement {
    /// The order the user gave them; lanes that are not in it stand where they come.
    order: Vec<LaneId>,
    settings: BTreeMap<LaneId, Setting>,
    /// Groups whose lanes are drawn over each other.
    overlaid: BTreeSet<u32>,
    /// Lanes that are selected.
    pub(crate) selected: BTreeSet<LaneId>,
}

impl Arrangement {
    /// How a lane stands.
    pub(crate) fn setting(&self, id: &LaneId) -> Setting {
        self.settings.get(id).cloned().unwrap_or_default()
    }

    /// Changes how a lane stands.
    pub(crate) fn change(&mut self, id: &LaneId, change: impl FnOnce(&mut Setting)) {
        let mut setting = self.setting(id);
        change(&mut setting);
        if setting == Setting::default() {
            self.settings.remove(id);
        } else {
            self.settings.insert(id.clone(), setting);
        }
    }

    /// Takes over what has changed of a lane's setting, for all lanes that are meant by it.
    pub(crate) fn adopt(&mut self, id: &LaneId, changed: &Setting) {
        let before = self.setting(id);
        for id in self.meant_by(id) {
            self.change(&id, |setting| {
                take_over(&mut setting.pinned, &before.pinned, &changed.pinned);
                take_over(&mut setting.collapsed, &before.collapsed, &changed.collapsed);
                take_over(&mut setting.hidden, &before.hidden, &changed.hidden);
                take_over(&mut setting.height, &before.height, &changed.height);
                take_over(&mut setting.scaling, &before.scaling, &changed.scaling);
                take_over(&mut setting.is_log, &before.is_log, &changed.is_log);
                take_over(&mut setting.style, &before.style, &changed.style);
            });
        }
    }

    /// Puts lanes, which come in the order of their kinds, into the order the user gave them; groups stand together.
    pub(crate) fn arranged(&self, ids: &[LaneId]) -> Vec<LaneId> {
        let mut placed: Vec<LaneId> = self.order.iter().filter(|id| ids.contains(id)).cloned().collect();
        for (at, id) in ids.iter().enumerate().filter(|(_, id)| !self.order.contains(id)) {
            // After the nearest one before it that has a place.
            let before = ids[..at].iter().rev().find_map(|before| placed.iter().position(|placed| placed == before));
            placed.insert(before.map_or(0, |before| before + 1), id.clone());
        }
        self.grouped(placed)
    }

    /// Lanes of a group follow the first one of it.
    fn grouped(&self, ids: Vec<LaneId>) -> Vec<LaneId> {
        let group = |id: &LaneId| self.settings.get(id).and_then(|setting| setting.group);
        let mut together: Vec<LaneId> = Vec::with_capacity(ids.len());
        for id in ids {
            let last = group(&id).and_then(|own| together.iter().rposition(|other| group(other) == Some(own)));
            together.insert(last.map_or(together.len(), |last| last + 1), id);
        }
        together
    }

    /// Moves a lane so that it stands before the lane that is number `to` of `shown` now; past the end puts it last.
    pub(crate) fn place(&mut self, id: &LaneId, to: usize, shown: &[LaneId]) {
        let Some(from) = shown.iter().position(|other| other == id) else { return };
        let mut order = shown.to_vec();
        order.remove(from);
        let to = if to > from { to - 1 } else { to };
        order.insert(to.min(order.len()), id.clone());
        // Lanes that are not shown just now keep their places among the others, at the end.
        order.extend(self.order.iter().filter(|other| !shown.contains(other)).cloned());
        self.order = order;
    }

    /// Moves a lane by `steps`, down where that is positive.
    pub(crate) fn step(&mut self, id: &LaneId, steps: isize, shown: &[LaneId]) {
        let Some(from) = shown.iter().position(|other| other == id) else { return };
        let target = from.saturating_add_signed(if steps > 0 { steps + 1 } else { steps });
        self.place(id, target, shown);
    }

    /// Puts lanes into a group of their own, drawn over each other or one beneath the other.
    pub(crate) fn group(&mut self, ids: &[LaneId], overlaid: bool) {
        let number = 1 + self.settings.values().filter_map(|setting| setting.group).max().unwrap_or(0);
        for id in ids {
            self.change(id, |setting| setting.group = Some(number));
        }
        if overlaid {
            self.overlaid.insert(number);
        }
    }

    /// Takes the groups of lanes apart.
    pub(crate) fn ungroup(&mut self, ids: &[LaneId]) {
        let groups: BTreeSet<u32> = ids.iter().filter_map(|id| self.setting(id).group).collect();
        let members: Vec<LaneId> = self.settings.keys().cloned().collect();
        for id in members {
            if self.setting(&id).group.is_some_and(|group| groups.contains(&group)) {
                self.change(&id, |setting| setting.group = None);
            }
        }
        self.overlaid.retain(|group| !groups.contains(group));
    }

    /// Whether the lanes of a group are drawn over each other.
    pub(crate) fn is_overlaid(&self, group: u32) -> bool {
        self.overlaid.contains(&group)
    }

    /// Draws the lanes of a group over each other, or not.
    pub(crate) fn overlay(&mut self, group: u32, overlaid: bool) {
        if overlaid {
            self.overlaid.insert(group);
        } else {
            self.overlaid.remove(&group);
        }
    }

    /// Selects a lane alone, or adds it to the selection and takes it out again.
    pub(crate) fn select(&mut self, id: &LaneId, and_others: bool) {
        if and_others {
            if !self.selected.remove(id) {
                self.selected.insert(id.clone());
            }
        } else {
            let was_alone = self.selected.len() == 1 && self.selected.contains(id);
            self.selected.clear();
            if !was_alone {
                self.selected.insert(id.clone());
            }
        }
    }

    /// Whether the lane of a file is selected.
    pub(crate) fn is_file_selected(&self, id: u64) -> bool {
        self.selected.contains(&LaneId::File(id))
    }

    /// What an action on a lane acts on: the selection where it belongs to that.
    pub(crate) fn meant_by(&self, id: &LaneId) -> Vec<LaneId> {
        if self.selected.contains(id) { self.selected.iter().cloned().collect() } else { vec![id.clone()] }
    }
}

impl State {
    /// Carries out what changes how lanes stand.
    pub(crate) fn arrange(&mut self, action: Action) {
        let shown: Vec<LaneId> = self.lanes().into_iter().map(|lane| lane.id).collect();
        let arrangement = &mut self.arrangement;
        match action {
            Action::SelectLane(id, and_others) => arrangement.select(&id, and_others),
            Action::PlaceLane { id, beside, is_above } => {
                if let Some(at) = shown.iter().position(|other| *other == beside) {
                    arrangement.place(&id, at + usize::from(!is_above), &shown);
                }
            }
            Action::StepLane(id, steps) => arrangement.step(&id, steps, &shown),
            Action::LaneHeight(id, height) => {
                let height = height.round().clamp(*LANE_HEIGHTS.start(), *LANE_HEIGHTS.end());
                for id in arrangement.meant_by(&id) {
                    arrangement.change(&id, |setting| (setting.height, setting.collapsed) = (Some(height), false));
                }
            }
            Action::ChangeLane(id, setting) => arrangement.adopt(&id, &setting),
            Action::GroupLanes(ids, overlaid) => arrangement.group(&ids, overlaid),
            Action::UngroupLanes(ids) => arrangement.ungroup(&ids),
            Action::OverlayGroup(group, overlaid) => arrangement.overlay(group, overlaid),
            Action::RemoveLanes => {
                for id in std::mem::take(&mut self.arrangement.selected) {
                    self.remove_lane(&id);
                }
            }
            Action::CloseFile(id) => self.close_file(id),
            _ => {}
        }
    }

    /// Closes the file of a lane, or hides a lane that has none.
    fn remove_lane(&mut self, id: &LaneId) {
        match id {
            LaneId::File(file) => self.close_file(*file),
            LaneId::Difference(pair) => self.drop_difference(pair),
            _ => self.arrangement.change(id, |setting| setting.hidden = Some(true)),
        }
    }
}

/// Gives `part` the value that it was changed to, where it was changed.
fn take_over<T: Clone + PartialEq>(part: &mut T, before: &T, changed: &T) {
    if before != changed {
        part.clone_from(changed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(number: u64) -> LaneId {
        LaneId::File(number)
    }

    fn names(ids: &[LaneId]) -> Vec<u64> {
        ids.iter().map(|id| if let LaneId::File(number) = id { *number } else { 0 }).collect()
    }

    #[test]
    fn lanes_stay_where_they_were_put_and_new_ones_come_where_they_belong() {
        let mut arrangement = Arrangement::default();
        let ids = [1, 2, 3, 4].map(file);
        arrangement.place(&file(4), 0, &ids);
        let shown = arrangement.arranged(&ids);
        assert_eq!(names(&shown), [4, 1, 2, 3], "moved to the top");
        arrangement.step(&file(1), 1, &shown);
        assert_eq!(names(&arrangement.arranged(&ids)), [4, 2, 1, 3], "one down");
        arrangement.step(&file(4), -1, &arrangement.arranged(&ids));
        assert_eq!(names(&arrangement.arranged(&ids)), [4, 2, 1, 3], "no higher than the top");
        let more = [1, 5, 2, 3, 4].map(file);
        assert_eq!(names(&arrangement.arranged(&more)), [4, 2, 1, 5, 3], "after the one it comes after");
        assert_eq!(names(&arrangement.arranged(&[3, 4].map(file))), [4, 3], "what has gone is left out");
    }

    #[test]
    fn groups_stand_together() {
        let mut arrangement = Arrangement::default();
        let ids = [1, 2, 3, 4].map(file);
        arrangement.group(&[file(1), file(3)], true);
        assert_eq!(names(&arrangement.arranged(&ids)), [1, 3, 2, 4], "together");
        assert!(arrangement.is_overlaid(1), "over each other");
        arrangement.ungroup(&[file(3)]);
        assert_eq!(names(&arrangement.arranged(&ids)), [1, 2, 3, 4], "as before");
        assert!(!arrangement.is_overlaid(1), "and no more over each other");
    }

    #[test]
    fn lanes_are_selected_alone_or_together() {
        let mut arrangement = Arrangement::default();
        arrangement.select(&file(1), false);
        arrangement.select(&file(2), true);
        assert_eq!(arrangement.meant_by(&file(1)).len(), 2, "both");
        assert_eq!(arrangement.meant_by(&file(3)), [file(3)], "another one by itself");
        arrangement.select(&file(2), true);
        arrangement.select(&file(1), false);
        assert!(arrangement.selected.is_empty(), "a second click takes it back");
    }
}
