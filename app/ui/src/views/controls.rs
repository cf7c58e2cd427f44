//! Controls that several views share.

use egui::{Button, Color32, CornerRadius, Label, Response, RichText, Role, Sense, Ui, Vec2, WidgetInfo, WidgetText};

use crate::{
    icons::{self, Icon},
    theme::{self, Palette},
};

/// A button of one icon; `name` is what it does, for tooltips and screen readers.
pub(crate) fn icon_button(ui: &mut Ui, icon: Icon, name: &str, hint: &str, enabled: bool) -> Response {
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(28.0), sense);
    paint_icon(ui, rect, &response, icon, name, enabled);
    if hint.is_empty() { response.on_hover_text(name) } else { response.on_hover_text(format!("{name}  ({hint})")) }
}

/// The same in a row of text.
pub(crate) fn small_button(ui: &mut Ui, icon: Icon, name: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(20.0), Sense::click());
    paint_icon(ui, rect, &response, icon, name, true);
    response.on_hover_text(name)
}

/// The same at a given place.
pub(crate) fn icon_at(ui: &Ui, rect: egui::Rect, icon: Icon, name: &str) -> Response {
    let response = ui.interact(rect, ui.scope_id().with(name), Sense::click());
    paint_icon(ui, rect, &response, icon, name, true);
    response.on_hover_text(name)
}

fn paint_icon(ui: &Ui, rect: egui::Rect, response: &Response, icon: Icon, name: &str, enabled: bool) {
    let palette = Palette::of(ui);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, name));
    let colour = match (enabled, response.hovered() || response.has_focus()) {
        (false, _) => theme::towards(palette.faint, palette.panel, 0.5),
        (true, false) => palette.weak,
        (true, true) => palette.text,
    };
    if enabled && (response.hovered() || response.has_focus()) {
        ui.painter().rect_filled(rect, theme::CORNERS, palette.hairline);
    }
    if response.has_focus() {
        let ring = egui::Stroke::new(1.5, palette.accent);
        ui.painter().rect_stroke(rect, theme::CORNERS, ring, egui::StrokeKind::Inside);
    }
    icons::paint(ui.painter(), rect, icon, colour);
}

/// The one button of a view that stands out.
pub(crate) fn primary_button(ui: &mut Ui, text: &str, width: f32, enabled: bool) -> Response {
    let palette = Palette::of(ui);
    ui.scope(|ui| {
        let widgets = &mut ui.visuals_mut().widgets;
        for (visuals, ground) in [
            (&mut widgets.inactive, palette.accent),
            (&mut widgets.hovered, palette.accent_hover),
            (&mut widgets.active, palette.accent_hover),
        ] {
            visuals.weak_bg_fill = ground;
            visuals.bg_fill = ground;
            visuals.bg_stroke.color = ground;
        }
        let label = RichText::new(text).font(theme::semibold(13.0)).color(palette.on_accent);
        ui.add_enabled(enabled, Button::new(label).min_size(Vec2::new(width, 30.0)))
    })
    .inner
}

/// A plain button as high as the primary one.
pub(crate) fn button(ui: &mut Ui, text: &str, width: f32, enabled: bool) -> Response {
    ui.add_enabled(enabled, Button::new(text).min_size(Vec2::new(width, 30.0)))
}

/// The heading of a section of a panel.
pub(crate) fn section(ui: &mut Ui, text: &str) {
    let palette = Palette::of(ui);
    ui.add(Label::new(RichText::new(text).font(theme::semibold(11.5)).color(palette.weak)));
}

/// Text of less weight that wraps.
pub(crate) fn note(ui: &mut Ui, text: impl Into<String>) -> Response {
    let palette = Palette::of(ui);
    ui.add(Label::new(RichText::new(text.into()).font(theme::regular(12.0)).color(palette.weak)).wrap())
}

/// Running text.
pub(crate) fn paragraph(ui: &mut Ui, text: impl Into<WidgetText>) -> Response {
    ui.add(Label::new(text).wrap())
}

/// One line of text, cut where it does not fit and then shown whole under the pointer.
pub(crate) fn line(ui: &mut Ui, text: RichText) -> Response {
    ui.add(Label::new(text).truncate())
}

/// Small marks with text, in as many rows as they need: what kind of thing something is.
pub(crate) fn chips(ui: &mut Ui, texts: &[String]) {
    const PADDING: Vec2 = Vec2::new(7.0, 3.0);
    const GAP: f32 = 5.0;
    let palette = Palette::of(ui);
    let width = ui.available_width();
    let galleys =
        texts.iter().map(|text| ui.painter().layout_no_wrap(text.clone(), theme::regular(11.5), palette.weak));
    let mut places = Vec::new();
    let (mut x, mut y, mut height) = (0.0, 0.0, 0.0);
    for galley in galleys {
        let size = galley.size() + 2.0 * PADDING;
        if x > 0.0 && x + size.x > width {
            (x, y) = (0.0, y + size.y + GAP);
        }
        places.push((Vec2::new(x, y), size, galley));
        (x, height) = (x + size.x + GAP, y + size.y);
    }
    let (rect, response) = ui.allocate_exact_size(Vec2::new(width, height), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, texts.join(", ")));
    for (offset, size, galley) in places {
        let chip = egui::Rect::from_min_size(rect.min + offset, size);
        ui.painter().rect_filled(chip, CornerRadius::same(4), palette.hairline);
        ui.painter().galley(chip.min + PADDING, galley, palette.weak);
    }
}

/// A small arrow that says that there is a list.
pub(crate) fn list_arrow(ui: &Ui, rect: egui::Rect, visuals: &egui::style::WidgetVisuals, _open: bool) {
    let centre = rect.center();
    let points = [(-4.0, -2.0), (0.0, 2.0), (4.0, -2.0)].map(|(x, y)| centre + Vec2::new(x, y));
    ui.painter().add(egui::Shape::line(points.into(), egui::Stroke::new(1.5, visuals.text_color())));
}

/// A bar that is filled to `fraction`; without one, its ground only.
pub(crate) fn bar(ui: &mut Ui, size: Vec2, fraction: Option<f32>, colour: Color32) -> Response {
    let palette = Palette::of(ui);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let round = CornerRadius::same(3);
    ui.painter().rect_filled(rect, round, palette.border);
    if let Some(fraction) = fraction {
        let mut filled = rect;
        filled.set_width((rect.width() * fraction).max(2.0));
        ui.painter().rect_filled(filled, round, colour);
    }
    response
}
