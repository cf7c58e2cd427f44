//! How the panels of the window are laid out: docked side by side or as tabs, with layouts for three kinds of work.

use egui_tiles::{Container, Linear, LinearDir, Tile, TileId, Tiles, Tree};
use serde::{Deserialize, Serialize};

/// A panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Pane {
    /// The records of the sequence file.
    Records,
    /// The tracks beside the sequence.
    Tracks,
    /// Regions of interest.
    Marks,
    /// The head that scores, and its card.
    Head,
    /// What has been picked: a feature, a base.
    Details,
    /// How well scores find features.
    Judge,
    /// The middle of the window: all lanes.
    Canvas,
}

impl Pane {
    pub(crate) const ALL: [Self; 7] =
        [Self::Records, Self::Tracks, Self::Marks, Self::Head, Self::Details, Self::Judge, Self::Canvas];

    /// What its tab says.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Records => "Records",
            Self::Tracks => "Tracks",
            Self::Marks => "Regions",
            Self::Head => "Head",
            Self::Details => "Details",
            Self::Judge => "Judge",
            Self::Canvas => "View",
        }
    }
}

/// A layout that comes with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preset {
    Biologist,
    Clinician,
    Teacher,
}

impl Preset {
    pub(crate) const ALL: [Self; 3] = [Self::Biologist, Self::Clinician, Self::Teacher];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Biologist => "Biologist",
            Self::Clinician => "Clinician",
            Self::Teacher => "Teacher",
        }
    }

    /// What it is for.
    pub(crate) fn note(self) -> &'static str {
        match self {
            Self::Biologist => "Records and tracks at the left, the view in the middle, the head at the right.",
            Self::Clinician => "The head and what was picked at the left, the view over a list of regions.",
            Self::Teacher => "A large view with tokens and translation, larger type, the head beside it.",
        }
    }

    /// How much larger everything is drawn.
    pub(crate) fn zoom(self) -> f32 {
        if self == Self::Teacher { 1.25 } else { 1.0 }
    }
}

/// The panels as they are laid out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dock {
    pub(crate) tree: Tree<Pane>,
}

impl Default for Dock {
    fn default() -> Self {
        Self::of(Preset::Biologist)
    }
}

impl Dock {
    /// That of a preset.
    pub(crate) fn of(preset: Preset) -> Self {
        let mut tiles = Tiles::default();
        let mut tabs = |panes: &[Pane]| {
            let panes = panes.iter().map(|&pane| tiles.insert_pane(pane)).collect::<Vec<_>>();
            tiles.insert_tab_tile(panes)
        };
        let root = match preset {
            Preset::Biologist => {
                let left = tabs(&[Pane::Records, Pane::Tracks, Pane::Marks]);
                let (middle, right) = (tabs(&[Pane::Canvas]), tabs(&[Pane::Head, Pane::Details, Pane::Judge]));
                shared(&mut tiles, LinearDir::Horizontal, &[(left, 0.18), (middle, 0.59), (right, 0.23)])
            }
            Preset::Clinician => {
                let left = tabs(&[Pane::Head, Pane::Details, Pane::Judge]);
                let (above, below) = (tabs(&[Pane::Canvas]), tabs(&[Pane::Marks, Pane::Tracks, Pane::Records]));
                let right = shared(&mut tiles, LinearDir::Vertical, &[(above, 0.68), (below, 0.32)]);
                shared(&mut tiles, LinearDir::Horizontal, &[(left, 0.26), (right, 0.74)])
            }
            Preset::Teacher => {
                let left = tabs(&[Pane::Head, Pane::Details, Pane::Tracks, Pane::Marks, Pane::Records, Pane::Judge]);
                let middle = tabs(&[Pane::Canvas]);
                shared(&mut tiles, LinearDir::Horizontal, &[(left, 0.27), (middle, 0.73)])
            }
        };
        Self { tree: Tree::new(egui::Id::unique("dock"), root, tiles) }
    }

    fn tile_of(&self, pane: Pane) -> Option<TileId> {
        self.tree.tiles.find_pane(&pane)
    }

    /// Whether a panel is seen: neither hidden nor behind another tab.
    #[cfg(test)]
    pub(crate) fn is_seen(&self, pane: Pane) -> bool {
        self.tile_of(pane).is_some_and(|tile| self.tree.active_tiles().contains(&tile))
    }

    /// Brings a panel to the front.
    pub(crate) fn show(&mut self, pane: Pane) {
        if let Some(tile) = self.tile_of(pane) {
            self.tree.set_visible(tile, true);
            if let Some(parent) = self.tree.tiles.parent_of(tile) {
                self.tree.set_visible(parent, true);
            }
            self.tree.make_active(|id, _| id == tile);
        }
    }

    /// Hides all that stands beside the view at the left or right, or shows it again.
    pub(crate) fn toggle_side(&mut self, is_left: bool) {
        let Some(root) = self.tree.root() else { return };
        let Some(Tile::Container(Container::Linear(linear))) = self.tree.tiles.get(root) else { return };
        if linear.dir != LinearDir::Horizontal {
            return;
        }
        let children = linear.children.clone();
        let Some(view) = children.iter().position(|child| self.holds_canvas(*child)) else { return };
        let beside = if is_left { &children[..view] } else { &children[view + 1..] };
        let is_shown = beside.iter().any(|tile| self.tree.is_visible(*tile));
        for tile in beside {
            self.tree.set_visible(*tile, !is_shown);
        }
    }

    /// Whether the view is a tile or inside it.
    fn holds_canvas(&self, tile: TileId) -> bool {
        match self.tree.tiles.get(tile) {
            Some(Tile::Pane(pane)) => *pane == Pane::Canvas,
            Some(Tile::Container(container)) => container.children().any(|child| self.holds_canvas(*child)),
            None => false,
        }
    }

    /// Whether every panel is there exactly once: a layout from a file may be anything.
    pub(crate) fn is_whole(&self) -> bool {
        let count = |pane: Pane| {
            self.tree.tiles.tiles().filter(|tile| matches!(tile, Tile::Pane(other) if *other == pane)).count()
        };
        self.tree.root().is_some() && Pane::ALL.iter().all(|pane| count(*pane) == 1)
    }
}

/// Tiles side by side or one beneath the other, with their shares of the room.
fn shared(tiles: &mut Tiles<Pane>, dir: LinearDir, parts: &[(TileId, f32)]) -> TileId {
    let mut linear = Linear::new(dir, parts.iter().map(|part| part.0).collect());
    for (tile, share) in parts {
        linear.shares.set_share(*tile, *share);
    }
    tiles.insert_container(linear)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_has_every_panel_once() {
        for preset in Preset::ALL {
            let dock = Dock::of(preset);
            assert!(dock.is_whole(), "{}", preset.name());
            assert!(dock.is_seen(Pane::Canvas) && dock.is_seen(Pane::Head), "{}", preset.name());
        }
    }

    #[test]
    fn sides_are_hidden_and_shown_and_tabs_come_to_the_front() {
        let mut dock = Dock::default();
        dock.toggle_side(true);
        assert!(!dock.is_seen(Pane::Records), "the left side is hidden");
        dock.show(Pane::Tracks);
        assert!(dock.is_seen(Pane::Tracks) && !dock.is_seen(Pane::Records), "one tab of it is in front");
        dock.toggle_side(false);
        assert!(!dock.is_seen(Pane::Head) && dock.is_seen(Pane::Canvas), "the right side is hidden");
    }

    #[test]
    fn layouts_come_back_from_text() {
        let text = serde_json::to_string(&Dock::of(Preset::Clinician)).expect("written");
        let dock: Dock = serde_json::from_str(&text).expect("read");
        assert!(dock.is_whole() && dock.is_seen(Pane::Marks), "as it was");
    }
}
