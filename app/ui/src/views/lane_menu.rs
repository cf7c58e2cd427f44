//! The menu of a lane: how it is drawn, on which axis, where it stands.

use egui::{Button, DragValue, Ui, Vec2};

use super::{canvas::Stand, controls};
use crate::{
    screen::{Action, Screen},
    state::{
        State,
        arrangement::Setting,
        axis::{Scaling, Style},
        lanes::{Lane, LaneId},
    },
    theme,
};

pub(crate) fn ui(ui: &mut Ui, stand: &Stand, state: &State, screen: &mut Screen) {
    let lane = &stand.lanes[0];
    ui.spacing_mut().interact_size.y = theme::ROW_HEIGHT + 2.0;
    controls::section(ui, &lane.name);
    if lane.has_axis(state) {
        form(ui, lane, screen);
        axis(ui, lane, screen);
        ui.separator();
    }
    place(ui, stand, state, screen);
    ui.separator();
    groups(ui, lane, state, screen);
    leave(ui, lane, screen);
}

/// Changes the lanes that are meant: the selection where the lane belongs to that.
fn change(screen: &mut Screen, lane: &Lane, change: impl FnOnce(&mut Setting)) {
    let mut setting = lane.setting.clone();
    change(&mut setting);
    if setting != lane.setting {
        screen.act(Action::ChangeLane(lane.id.clone(), Box::new(setting)));
    }
}

fn form(ui: &mut Ui, lane: &Lane, screen: &mut Screen) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for style in Style::ALL {
            if ui.selectable_label(lane.setting.style == style, style.name()).clicked() {
                change(screen, lane, |setting| setting.style = style);
            }
        }
    });
}

fn axis(ui: &mut Ui, lane: &Lane, screen: &mut Screen) {
    let mut scaling = lane.setting.scaling;
    ui.radio_value(&mut scaling, Scaling::Record, "Axis for the whole record");
    ui.radio_value(&mut scaling, Scaling::View, "Axis for what is in view");
    let is_fixed = matches!(scaling, Scaling::Fixed(..));
    if ui.radio(is_fixed, "Fixed axis").clicked() {
        scaling = Scaling::Fixed(lane.axis.low, lane.axis.high);
    }
    if let Scaling::Fixed(low, high) = &mut scaling {
        ui.horizontal(|ui| {
            ui.add_space(20.0);
            let speed = f64::from((*high - *low).abs().max(1e-3)) / 200.0;
            ui.add(DragValue::new(low).speed(speed)).accessible_name("Lower end of the axis");
            ui.label("to");
            ui.add(DragValue::new(high).speed(speed)).accessible_name("Upper end of the axis");
        });
    }
    let mut is_log = lane.setting.is_log;
    ui.checkbox(&mut is_log, "Logarithmic")
        .on_hover_text("Equal heights are equal factors; needs values of 0 and more.");
    change(screen, lane, |setting| (setting.scaling, setting.is_log) = (scaling, is_log));
}

fn entry(ui: &mut Ui, text: &str, hint: &str, enabled: bool) -> bool {
    let button = Button::new(text).shortcut_text(hint).frame_when_inactive(false);
    ui.add_enabled(enabled, button.min_size(Vec2::new(ui.available_width(), 24.0))).clicked()
}

fn place(ui: &mut Ui, stand: &Stand, state: &State, screen: &mut Screen) {
    let lane = &stand.lanes[0];
    let mut pinned = lane.is_pinned();
    if ui.checkbox(&mut pinned, "Keep at the top").on_hover_text("It stays while the others scroll  (P)").changed() {
        change(screen, lane, |setting| setting.pinned = Some(pinned));
    }
    let mut collapsed = lane.setting.collapsed;
    if ui.checkbox(&mut collapsed, "As low as can be").changed() {
        change(screen, lane, |setting| setting.collapsed = collapsed);
    }
    let shown = state.lanes().len() > 1;
    if entry(ui, "Move up", "Alt+↑", shown) {
        screen.act(Action::StepLane(lane.id.clone(), -1));
    }
    if entry(ui, "Move down", "Alt+↓", shown) {
        screen.act(Action::StepLane(lane.id.clone(), 1));
    }
    if entry(ui, "Higher", "Alt+Shift+↓", true) {
        screen.act(Action::LaneHeight(lane.id.clone(), stand.height * 1.25));
    }
    if entry(ui, "Lower", "Alt+Shift+↑", true) {
        screen.act(Action::LaneHeight(lane.id.clone(), stand.height / 1.25));
    }
    if lane.setting.height.is_some() && entry(ui, "As high as there is room for", "", true) {
        change(screen, lane, |setting| setting.height = None);
    }
}

fn groups(ui: &mut Ui, lane: &Lane, state: &State, screen: &mut Screen) {
    let meant = state.arrangement.meant_by(&lane.id);
    match lane.setting.group {
        None => {
            let several = meant.len() > 1;
            if entry(ui, "Group what is selected", "", several) {
                screen.act(Action::GroupLanes(meant.clone(), false));
            }
            if entry(ui, "Draw what is selected over each other", "", several) {
                screen.act(Action::GroupLanes(meant, true));
            }
        }
        Some(group) => {
            let mut overlaid = state.arrangement.is_overlaid(group);
            if ui.checkbox(&mut overlaid, "Drawn over each other").changed() {
                screen.act(Action::OverlayGroup(group, overlaid));
            }
            if entry(ui, "Take the group apart", "", true) {
                screen.act(Action::UngroupLanes(meant));
            }
        }
    }
}

fn leave(ui: &mut Ui, lane: &Lane, screen: &mut Screen) {
    if let LaneId::File(id) = lane.id {
        if entry(ui, "Close the file", "Delete", true) {
            screen.act(Action::CloseFile(id));
            ui.close();
        }
    } else if entry(ui, "Hide", "Delete", true) {
        change(screen, lane, |setting| setting.hidden = Some(true));
        ui.close();
    }
}
