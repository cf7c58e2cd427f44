//! The panels where they are docked.

use egui::{Frame, RichText, Role, Stroke, Ui, WidgetInfo, WidgetText};
use egui_tiles::{Behavior, SimplificationOptions, TabState, TileId, Tiles, UiResponse};

use super::{canvas, details, failure, head, hint, judge, mark_list, records, track_list};
use crate::{
    dock::Pane,
    screen::Screen,
    state::State,
    theme::{self, Palette},
};

/// Windows narrower than this have narrow panels.
const NARROW: f32 = 1_150.0;

pub(crate) fn ui(ui: &mut Ui, state: &State, screen: &mut Screen) {
    let mut dock = std::mem::take(&mut screen.dock);
    let canvas_tile = dock.tree.tiles.find_pane(&Pane::Canvas);
    let is_narrow = ui.available_width() < NARROW;
    dock.tree.ui(&mut Panels { state, screen, canvas_tile, is_narrow }, ui);
    screen.dock = dock;
}

struct Panels<'a> {
    state: &'a State,
    screen: &'a mut Screen,
    canvas_tile: Option<TileId>,
    /// Whether titles have to be close together to be seen at once.
    is_narrow: bool,
}

impl Behavior<Pane> for Panels<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile_id: TileId, pane: &mut Pane) -> UiResponse {
        let palette = Palette::of(ui);
        let (state, screen) = (self.state, &mut *self.screen);
        if *pane == Pane::Canvas {
            Frame::new().fill(palette.canvas).show(ui, |ui| {
                ui.set_min_size(ui.available_size());
                failure::ui(ui, state, screen);
                hint::ui(ui, state, screen);
                canvas::ui(ui, state, screen);
            });
            return UiResponse::None;
        }
        Frame::new().fill(palette.panel).inner_margin(theme::PANEL_MARGIN).show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            match pane {
                Pane::Records => records::ui(ui, state, screen),
                Pane::Tracks => track_list::ui(ui, state, screen),
                Pane::Marks => mark_list::ui(ui, state, screen),
                Pane::Head => head::ui(ui, state, screen),
                Pane::Details => details::ui(ui, state, screen),
                Pane::Judge => judge::ui(ui, state, screen),
                Pane::Canvas => {}
            }
        });
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> WidgetText {
        RichText::new(pane.title()).font(theme::regular(if self.is_narrow { 12.0 } else { 13.5 })).into()
    }

    fn tab_title_spacing(&self, _visuals: &egui::Visuals) -> f32 {
        if self.is_narrow { 5.0 } else { 8.0 }
    }

    fn on_tab_button(&mut self, tiles: &mut Tiles<Pane>, tile_id: TileId, response: egui::Response) -> egui::Response {
        let title = tiles.get_pane(&tile_id).map_or("", |pane| pane.title());
        response.widget_info(|| WidgetInfo::labeled(Role::Tab, true, format!("{title} panel")));
        response.on_hover_text("Drag to dock it elsewhere")
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions { all_panes_must_have_tabs: true, ..SimplificationOptions::default() }
    }

    fn is_tab_bar_visible(&self, _tile_id: TileId, tabs: &egui_tiles::Tabs) -> bool {
        // The view alone has no need of a tab.
        tabs.children.len() > 1 || !tabs.children.iter().any(|child| Some(*child) == self.canvas_tile)
    }

    fn tab_bar_height(&self, _style: &egui::Style) -> f32 {
        30.0
    }

    fn gap_width(&self, _style: &egui::Style) -> f32 {
        1.0
    }

    fn min_size(&self) -> f32 {
        120.0
    }

    fn tab_bar_color(&self, visuals: &egui::Visuals) -> egui::Color32 {
        visuals.panel_fill
    }

    fn tab_bg_color(
        &self,
        visuals: &egui::Visuals,
        _tiles: &Tiles<Pane>,
        _tile_id: TileId,
        _state: &TabState,
    ) -> egui::Color32 {
        visuals.panel_fill
    }

    fn tab_outline_stroke(
        &self,
        _visuals: &egui::Visuals,
        _tiles: &Tiles<Pane>,
        _tile_id: TileId,
        _state: &TabState,
    ) -> Stroke {
        Stroke::NONE
    }

    fn tab_text_color(
        &self,
        visuals: &egui::Visuals,
        _tiles: &Tiles<Pane>,
        _tile_id: TileId,
        state: &TabState,
    ) -> egui::Color32 {
        if state.active { visuals.hyperlink_color } else { visuals.weak_text_color() }
    }
}
