//! Every colour, spacing and font of the window.

use egui::{
    Color32, Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Shadow, Stroke, TextStyle,
    Theme, Vec2, Visuals, style::WidgetVisuals,
};
use serde::{Deserialize, Serialize};

/// Height of the bar at the top.
pub(crate) const TOP_BAR_HEIGHT: f32 = 48.0;
/// Height of the bar at the bottom.
pub(crate) const STATUS_HEIGHT: f32 = 28.0;
/// Height of rows of text with a mark before them.
pub(crate) const ROW_HEIGHT: f32 = 20.0;
/// Distance between things that belong together.
pub(crate) const GAP: f32 = 8.0;
/// Distance between sections.
pub(crate) const SECTION_GAP: f32 = 18.0;
/// Inner margin of panels.
pub(crate) const PANEL_MARGIN: Margin = Margin::symmetric(14, 12);
/// Corners of controls and cards.
pub(crate) const CORNERS: CornerRadius = CornerRadius::same(6);

const REGULAR: &[u8] = include_bytes!("../../../assets/fonts/Inter-Regular.otf");
const SEMIBOLD: &[u8] = include_bytes!("../../../assets/fonts/Inter-SemiBold.otf");
const MONO: &[u8] = include_bytes!("../../../assets/fonts/JetBrainsMono-Regular.ttf");

/// Colours of one theme. Text has at least 4.5 : 1 against every ground it stands on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Palette {
    /// Behind tracks.
    pub(crate) canvas: Color32,
    /// Behind panels and bars.
    pub(crate) panel: Color32,
    /// Behind fields and cards on a panel.
    pub(crate) raised: Color32,
    /// Behind stretches that were not scored.
    pub(crate) unscored: Color32,
    /// Around fields and between panels.
    pub(crate) border: Color32,
    /// Between lanes, and behind values.
    pub(crate) hairline: Color32,
    pub(crate) text: Color32,
    /// Text of less weight.
    pub(crate) weak: Color32,
    /// Ticks and axis numbers.
    pub(crate) faint: Color32,
    pub(crate) accent: Color32,
    pub(crate) accent_hover: Color32,
    /// Text on the accent.
    pub(crate) on_accent: Color32,
    /// Behind what is selected.
    pub(crate) accent_soft: Color32,
    /// What has been checked and holds.
    pub(crate) good: Color32,
    pub(crate) danger: Color32,
    pub(crate) danger_soft: Color32,
    pub(crate) warning: Color32,
    pub(crate) warning_soft: Color32,
    /// Hatching of stretches without values.
    pub(crate) missing: Color32,
    /// The line under the pointer.
    pub(crate) cursor: Color32,
    /// Two grounds of tokens, in turn.
    pub(crate) tokens: [Color32; 2],
    /// What is more, and what is less, than something else.
    pub(crate) more: Color32,
    pub(crate) less: Color32,
    /// Codons at which a protein begins, and at which it ends.
    pub(crate) start_codon: Color32,
    pub(crate) stop_codon: Color32,
    /// Attention received.
    pub(crate) attention: Color32,
    tracks: [Color32; 6],
}

impl Palette {
    /// Colour of the track of label `index`; apart in lightness as well as in hue.
    pub(crate) fn track(&self, index: usize) -> Color32 {
        self.tracks[index % self.tracks.len()]
    }

    /// `colour`, moved towards that of text until it stands out from the canvas.
    pub(crate) fn readable(&self, colour: Color32) -> Color32 {
        let steps = (0_u8..=4).map(|step| towards(colour, self.text, f32::from(step) * 0.2));
        steps.into_iter().find(|colour| contrast(*colour, self.canvas) >= 3.0).unwrap_or(self.text)
    }

    /// The colours of figures: light, whatever the window wears.
    pub(crate) fn for_paper() -> &'static Self {
        &LIGHT
    }

    /// The colours of the theme in use.
    pub(crate) fn of(ui: &egui::Ui) -> &'static Self {
        if ui.visuals().dark_mode { &DARK } else { &LIGHT }
    }
}

const fn hex(rgb: u32) -> Color32 {
    let [_, r, g, b] = rgb.to_be_bytes();
    Color32::from_rgb(r, g, b)
}

static LIGHT: Palette = Palette {
    canvas: hex(0xFFFFFF),
    panel: hex(0xF5F7FA),
    raised: hex(0xFFFFFF),
    unscored: hex(0xF7F9FB),
    border: hex(0xD5DBE3),
    hairline: hex(0xE7EBF0),
    text: hex(0x17202B),
    weak: hex(0x4F5B6B),
    faint: hex(0x667284),
    accent: hex(0x1B5FAF),
    accent_hover: hex(0x154E92),
    on_accent: hex(0xFFFFFF),
    accent_soft: hex(0xDCE9F8),
    good: hex(0x17693F),
    danger: hex(0xB3261E),
    danger_soft: hex(0xFCEBEA),
    warning: hex(0x8A5300),
    warning_soft: hex(0xFFF4DF),
    missing: hex(0xB4BDC9),
    cursor: hex(0x8A95A5),
    tokens: [hex(0xE3E9F1), hex(0xCBD6E4)],
    more: hex(0xC2540A),
    less: hex(0x1F62B0),
    start_codon: hex(0x1E8E5A),
    stop_codon: hex(0xC0392B),
    attention: hex(0x5B4A9E),
    tracks: [hex(0x1F62B0), hex(0xC2540A), hex(0x0B7F6E), hex(0x8A3D92), hex(0x7B6A00), hex(0x5A6675)],
};

static DARK: Palette = Palette {
    canvas: hex(0x11151B),
    panel: hex(0x181D25),
    raised: hex(0x202731),
    unscored: hex(0x151A21),
    border: hex(0x303947),
    hairline: hex(0x232B36),
    text: hex(0xE7EBF1),
    weak: hex(0xA7B2C1),
    faint: hex(0x8693A4),
    accent: hex(0x5FA6F5),
    accent_hover: hex(0x85BCF9),
    on_accent: hex(0x0A1320),
    accent_soft: hex(0x1E3450),
    good: hex(0x5FCB93),
    danger: hex(0xFF8A80),
    danger_soft: hex(0x3A1D1E),
    warning: hex(0xF2B84B),
    warning_soft: hex(0x352A14),
    missing: hex(0x4A5566),
    cursor: hex(0x718095),
    tokens: [hex(0x28323F), hex(0x364354)],
    more: hex(0xFFA45C),
    less: hex(0x6FB4FF),
    start_codon: hex(0x53C58C),
    stop_codon: hex(0xF07167),
    attention: hex(0xB7A5F5),
    tracks: [hex(0x6FB4FF), hex(0xFFA45C), hex(0x4FD1B5), hex(0xD79BEF), hex(0xD9CA52), hex(0xA9B4C3)],
};

/// Sets of base colours; all keep A green, C blue, G orange, T red.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BaseColours {
    /// Apart for every kind of colour vision.
    #[default]
    Safe,
    /// As in IGV.
    Classic,
    /// Okabe and Ito's set.
    OkabeIto,
    /// None.
    Greys,
}

impl BaseColours {
    pub(crate) const ALL: [Self; 4] = [Self::Safe, Self::Classic, Self::OkabeIto, Self::Greys];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Safe => "Safe for all colour vision",
            Self::Classic => "Classic (IGV)",
            Self::OkabeIto => "Okabe–Ito",
            Self::Greys => "Greys",
        }
    }

    /// Colours of A, C, G, T and any other letter.
    pub(crate) fn colours(self, dark: bool) -> [Color32; 5] {
        let other = if dark { hex(0x7D8998) } else { hex(0x8A95A3) };
        let [a, c, g, t] = match (self, dark) {
            (Self::Safe, false) => [0x0CA592, 0x0E3972, 0xC4851D, 0x6F020D],
            (Self::Safe, true) => [0x70FBDB, 0x9DA6E9, 0xF8A618, 0xF24D66],
            (Self::Classic, _) => [0x009600, 0x0000FF, 0xD17105, 0xFF0000],
            (Self::OkabeIto, _) => [0x009E73, 0x0072B2, 0xF0E442, 0xD55E00],
            (Self::Greys, false) => [0x3A3F47, 0x5F6772, 0x868F9B, 0xAAB2BD],
            (Self::Greys, true) => [0xD4DAE2, 0xAEB7C2, 0x8791A0, 0x646F7E],
        };
        [hex(a), hex(c), hex(g), hex(t), other]
    }
}

/// Black or white, whichever is easier to read on `ground`.
pub(crate) fn ink_on(ground: Color32) -> Color32 {
    let linear = |byte: u8| (f32::from(byte) / 255.0).powf(2.2);
    let luminance = 0.2126 * linear(ground.r()) + 0.7152 * linear(ground.g()) + 0.0722 * linear(ground.b());
    if luminance > 0.18 { hex(0x101418) } else { Color32::WHITE }
}

/// How far two colours are apart in lightness, 1 to 21, as in WCAG.
fn contrast(a: Color32, b: Color32) -> f32 {
    let luminance = |colour: Color32| {
        let linear = |byte: u8| {
            let share = f32::from(byte) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(colour.r()) + 0.7152 * linear(colour.g()) + 0.0722 * linear(colour.b())
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// `colour`, moved towards `ground` by `share`.
pub(crate) fn towards(colour: Color32, ground: Color32, share: f32) -> Color32 {
    colour.lerp_to_gamma(ground, share)
}

/// Heavier text of the given size.
pub(crate) fn semibold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name("semibold".into()))
}

/// Text of the given size.
pub(crate) fn regular(size: f32) -> FontId {
    FontId::proportional(size)
}

/// Digits and bases of the given size.
pub(crate) fn mono(size: f32) -> FontId {
    FontId::monospace(size)
}

/// Puts fonts and styles into a context; they hold from the next pass on.
pub(crate) fn install(ctx: &Context) {
    ctx.set_fonts(fonts());
    for (theme, palette) in [(Theme::Light, &LIGHT), (Theme::Dark, &DARK)] {
        ctx.style_mut_of(theme, |style| {
            style.text_styles = [
                (TextStyle::Small, regular(11.5)),
                (TextStyle::Body, regular(13.0)),
                (TextStyle::Button, regular(13.0)),
                (TextStyle::Heading, semibold(16.0)),
                (TextStyle::Monospace, mono(12.5)),
            ]
            .into();
            style.spacing.item_spacing = Vec2::new(GAP, 6.0);
            style.spacing.button_padding = Vec2::new(10.0, 5.0);
            style.spacing.interact_size = Vec2::new(28.0, 28.0);
            style.spacing.menu_margin = Margin::same(8);
            style.spacing.window_margin = Margin::same(18);
            style.spacing.icon_width = 16.0;
            style.spacing.icon_width_inner = 10.0;
            style.spacing.tooltip_width = 340.0;
            style.spacing.scroll.floating = true;
            style.interaction.selectable_labels = false;
            style.interaction.tooltip_delay = 0.4;
            style.animation_time = 0.08;
            style.visuals = visuals(theme, palette);
        });
    }
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    for (name, bytes) in [("inter", REGULAR), ("inter-semibold", SEMIBOLD), ("jetbrains-mono", MONO)] {
        fonts.font_data.insert(name.to_owned(), FontData::from_static(bytes).into());
    }
    // egui's own fonts stay behind ours, for letters that ours do not have.
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    let behind = |first: &str| std::iter::once(first.to_owned()).chain(fallback.iter().cloned()).collect::<Vec<_>>();
    fonts.families.insert(FontFamily::Proportional, behind("inter"));
    fonts.families.insert(FontFamily::Name("semibold".into()), behind("inter-semibold"));
    fonts.families.insert(FontFamily::Monospace, behind("jetbrains-mono"));
    fonts
}

fn visuals(theme: Theme, palette: &Palette) -> Visuals {
    let mut visuals = if theme == Theme::Dark { Visuals::dark() } else { Visuals::light() };
    let control = |ground: Color32, border: Color32, text: Color32| WidgetVisuals {
        bg_fill: ground,
        weak_bg_fill: ground,
        bg_stroke: Stroke::new(1.0, border),
        corner_radius: CORNERS,
        fg_stroke: Stroke::new(1.0, text),
        expansion: 0.0,
    };
    visuals.widgets.noninteractive = control(palette.panel, palette.border, palette.text);
    visuals.widgets.inactive = control(palette.raised, palette.border, palette.text);
    visuals.widgets.hovered = control(towards(palette.raised, palette.accent_soft, 0.6), palette.faint, palette.text);
    visuals.widgets.active = control(palette.accent_soft, palette.accent, palette.text);
    visuals.widgets.open = control(palette.accent_soft, palette.accent, palette.text);
    visuals.weak_text_color = Some(palette.weak);
    visuals.selection.bg_fill = palette.accent_soft;
    visuals.selection.stroke = Stroke::new(1.0, palette.accent);
    visuals.hyperlink_color = palette.accent;
    visuals.faint_bg_color = palette.hairline;
    visuals.extreme_bg_color = palette.raised;
    visuals.code_bg_color = palette.hairline;
    visuals.warn_fg_color = palette.warning;
    visuals.error_fg_color = palette.danger;
    visuals.panel_fill = palette.panel;
    visuals.window_fill = palette.panel;
    visuals.window_stroke = Stroke::new(1.0, palette.border);
    visuals.window_corner_radius = CornerRadius::same(10);
    visuals.menu_corner_radius = CornerRadius::same(8);
    let shade = if theme == Theme::Dark { 120 } else { 36 };
    let shadow = Shadow { offset: [0, 6], blur: 20, spread: 0, color: Color32::from_black_alpha(shade) };
    visuals.window_shadow = shadow;
    visuals.popup_shadow = shadow;
    visuals.text_cursor.stroke = Stroke::new(1.5, palette.accent);
    visuals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_can_be_read_on_every_ground() {
        for palette in [&LIGHT, &DARK] {
            for ground in [palette.canvas, palette.panel, palette.raised, palette.unscored] {
                for (name, ink) in [
                    ("text", palette.text),
                    ("weak", palette.weak),
                    ("faint", palette.faint),
                    ("danger", palette.danger),
                    ("accent", palette.accent),
                ] {
                    let ratio = contrast(ink, ground);
                    assert!(ratio >= 4.5, "{name} on {ground:?}: {ratio:.2}");
                }
            }
            for (ink, ground) in [
                (palette.on_accent, palette.accent),
                (palette.on_accent, palette.accent_hover),
                (palette.text, palette.accent_soft),
                (palette.accent, palette.accent_soft),
                (palette.danger, palette.danger_soft),
                (palette.warning, palette.warning_soft),
            ] {
                assert!(contrast(ink, ground) >= 4.5, "{ink:?} on {ground:?}: {:.2}", contrast(ink, ground));
            }
        }
    }

    #[test]
    fn tracks_stand_out_from_the_canvas() {
        for palette in [&LIGHT, &DARK] {
            for track in palette.tracks.into_iter().chain([palette.attention]) {
                assert!(contrast(track, palette.canvas) >= 4.5, "{track:?}: {:.2}", contrast(track, palette.canvas));
            }
        }
    }

    #[test]
    fn letters_can_be_read_on_their_cells() {
        for set in BaseColours::ALL {
            for dark in [false, true] {
                for cell in set.colours(dark) {
                    assert!(contrast(ink_on(cell), cell) >= 3.0, "{set:?} {cell:?}");
                }
            }
        }
    }
}
