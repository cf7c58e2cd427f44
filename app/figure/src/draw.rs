//! The figure from top to bottom: title, ruler, letters, tokens, tracks, maps, links, origin.

use strandscope_genome::grouped;

use crate::{
    Figure, FigureLinks, FigureTrack, Rgb,
    canvas::{Anchor, Canvas, DrawError, Picture},
    map::Maps,
};

/// Width of the picture: 180 mm at 300 dpi, the width of a page.
const WIDTH_PX: u32 = 2_126;
/// Where tracks begin; their names stand left of it.
pub(crate) const LEFT_PX: i32 = 330;
pub(crate) const RIGHT_PX: i32 = 2_126 - 40;
pub(crate) const MARGIN_PX: i32 = 40;

const TITLE_PX: i32 = 110;
const RULER_PX: i32 = 64;
const LETTERS_PX: i32 = 52;
const TOKENS_PX: i32 = 44;
const TRACK_PX: i32 = 170;
/// Of one of many tracks.
const LOW_TRACK_PX: i32 = 76;
/// More tracks than this are low.
const FEW_TRACKS: usize = 12;
const LINKS_PX: i32 = 420;
/// Of one of many lists of links.
const LOW_LINKS_PX: i32 = 150;
/// More lists of links than this are low.
const FEW_LINKS: usize = 4;
const GAP_PX: i32 = 26;
const ORIGIN_LINE_PX: i32 = 28;

const LARGE: u32 = 44;
const NORMAL: u32 = 28;
pub(crate) const SMALL: u32 = 22;

/// Most links that are drawn of a list; more would hide each other.
const MOST_LINKS: usize = 3_000;

/// Straight pieces of a curve.
const PIECES: i32 = 48;

/// Draws the figure.
pub(crate) fn picture(figure: &Figure) -> Result<Picture, DrawError> {
    let track_px = if figure.tracks.len() > FEW_TRACKS { LOW_TRACK_PX } else { TRACK_PX };
    let rows = i32::try_from(figure.tracks.len())? * (track_px + GAP_PX);
    let links_px = if figure.links.len() > FEW_LINKS { LOW_LINKS_PX } else { LINKS_PX };
    let links = i32::try_from(figure.links.len())? * (links_px + GAP_PX);
    let maps = Maps::new(&figure.maps).height_px();
    let letters = if figure.bases.is_empty() { 0 } else { LETTERS_PX };
    let tokens = if figure.tokens.is_empty() { 0 } else { TOKENS_PX };
    let origin = i32::try_from(figure.provenance.len())? * ORIGIN_LINE_PX;
    let above = MARGIN_PX + TITLE_PX + RULER_PX + letters + tokens + GAP_PX;
    let size = (WIDTH_PX, u32::try_from(above + rows + maps + links + origin + MARGIN_PX)?);
    Picture::drawn(size, figure.colours.background, |canvas| Page { canvas, figure, track_px, links_px }.draw())
}

struct Page<'a, 'b> {
    canvas: &'a Canvas<'b>,
    figure: &'a Figure,
    /// Height of a track.
    track_px: i32,
    /// Height of a list of links.
    links_px: i32,
}

impl Page<'_, '_> {
    fn draw(&self) -> Result<(), DrawError> {
        let mut top = MARGIN_PX;
        self.title(top)?;
        top += TITLE_PX;
        self.ruler(top)?;
        top += RULER_PX;
        if !self.figure.bases.is_empty() {
            self.letters(top)?;
            top += LETTERS_PX;
        }
        if !self.figure.tokens.is_empty() {
            self.tokens(top)?;
            top += TOKENS_PX;
        }
        top += GAP_PX;
        for track in &self.figure.tracks {
            self.track(track, top)?;
            top += self.track_px + GAP_PX;
        }
        let maps = Maps::new(&self.figure.maps);
        maps.draw(self.canvas, self.figure.colours, top)?;
        top += maps.height_px();
        for links in &self.figure.links {
            self.links(links, top)?;
            top += self.links_px + GAP_PX;
        }
        self.origin(top)
    }

    fn title(&self, top: i32) -> Result<(), DrawError> {
        let colours = self.figure.colours;
        let width = WIDTH_PX - 2 * MARGIN_PX.unsigned_abs();
        let title = self.canvas.fitted(&self.figure.title, width, LARGE)?;
        self.canvas.text(&title, (MARGIN_PX, top + 22), LARGE, colours.text, Anchor::Left)?;
        let subtitle = self.canvas.fitted(&self.figure.subtitle, width, NORMAL)?;
        self.canvas.text(&subtitle, (MARGIN_PX, top + 70), NORMAL, colours.faint, Anchor::Left)
    }

    /// Ticks at round positions, 1-based as people count.
    fn ruler(&self, top: i32) -> Result<(), DrawError> {
        if self.figure.maps.len() > 1 {
            // Several maps stand side by side, so that no ruler fits them.
            return Ok(());
        }
        let (colours, base) = (self.figure.colours, top + RULER_PX - 12);
        self.canvas.line((LEFT_PX, base), (RIGHT_PX, base), colours.faint)?;
        let region = &self.figure.region;
        let step_bp = round_step(region.len_bp());
        let mut position = (region.start_bp + 1).div_ceil(step_bp) * step_bp;
        while position <= region.end_bp {
            let (x0, x1) = self.span(position - 1, position);
            let x = i32::midpoint(x0, x1);
            self.canvas.line((x, base - 8), (x, base), colours.faint)?;
            self.canvas.text(&grouped(position), (x, base - 26), SMALL, colours.text, Anchor::Middle)?;
            position += step_bp;
        }
        let contig = self.canvas.fitted(&region.contig, LEFT_PX.unsigned_abs() - 120, SMALL)?;
        self.canvas.text(&contig, (MARGIN_PX, base - 14), SMALL, colours.text, Anchor::Left)
    }

    fn letters(&self, top: i32) -> Result<(), DrawError> {
        let base_px = f64::from(RIGHT_PX - LEFT_PX) / self.figure.region.len_bp().max(1) as f64;
        let size = if base_px >= 24.0 {
            30
        } else if base_px >= 14.0 {
            20
        } else {
            0
        };
        for (position_bp, &base) in (self.figure.region.start_bp..).zip(&self.figure.bases) {
            let (x0, x1) = self.span(position_bp, position_bp + 1);
            let rgb = self.base_colour(base);
            if size == 0 {
                self.canvas.fill((x0, top + 8), (x1, top + LETTERS_PX - 8), rgb, 1.0)?;
            } else {
                let letter = char::from(base).to_string();
                self.canvas.text(&letter, (i32::midpoint(x0, x1), top + LETTERS_PX / 2), size, rgb, Anchor::Middle)?;
            }
        }
        self.row_name("bases", top, LETTERS_PX)
    }

    fn base_colour(&self, base: u8) -> Rgb {
        let [a, c, g, t, other] = self.figure.colours.bases;
        match base.to_ascii_uppercase() {
            b'A' => a,
            b'C' => c,
            b'G' => g,
            b'T' | b'U' => t,
            _ => other,
        }
    }

    fn tokens(&self, top: i32) -> Result<(), DrawError> {
        let colours = self.figure.colours;
        for (index, &(start_bp, end_bp)) in self.figure.tokens.iter().enumerate() {
            let (x0, x1) = self.span(start_bp, end_bp);
            let opacity = if index % 2 == 0 { 0.45 } else { 0.2 };
            self.canvas.fill((x0, top + 8), (x1, top + TOKENS_PX - 8), colours.faint, opacity)?;
            self.canvas.line((x0, top + 8), (x0, top + TOKENS_PX - 8), colours.faint)?;
        }
        self.row_name("tokens", top, TOKENS_PX)
    }

    fn row_name(&self, name: &str, top: i32, height: i32) -> Result<(), DrawError> {
        let place = (MARGIN_PX, top + height / 2);
        self.canvas.text(name, place, SMALL, self.figure.colours.faint, Anchor::Left)
    }

    fn track(&self, track: &FigureTrack, top: i32) -> Result<(), DrawError> {
        let (colours, bottom) = (self.figure.colours, top + self.track_px);
        for (start_bp, end_bp, _) in &track.missing {
            self.hatch(self.span(*start_bp, *end_bp), (top, bottom))?;
        }
        let level = |value: f32| top + level_px(self.track_px, track.range, value);
        let ground = level(0.0_f32.clamp(track.range.0.min(track.range.1), track.range.1.max(track.range.0)));
        for step in track.steps.iter().filter(|step| step.low.is_finite() && step.high.is_finite()) {
            let (x0, x1) = self.span(step.start_bp, step.end_bp);
            let (low, high) = (level(step.low), level(step.high));
            // Several values in one pixel: the full colour up to the lowest, a lighter one up to the highest.
            self.bar((x0, x1), (ground, high), track.colour, if step.low == step.high { 1.0 } else { 0.5 })?;
            if step.low != step.high && (low < ground) == (high < ground) {
                self.bar((x0, x1), (ground, low), track.colour, 1.0)?;
            }
        }
        if let Some(threshold) = track.threshold {
            self.dashes(level(threshold))?;
        }
        self.canvas.frame((LEFT_PX, top), (RIGHT_PX, bottom), colours.faint)?;
        self.track_names(track, top)
    }

    fn track_names(&self, track: &FigureTrack, top: i32) -> Result<(), DrawError> {
        self.two_lines((&track.name, &track.unit), track.colour, top + self.track_px / 2)?;
        for (value, y) in [(track.range.1, top + 14), (track.range.0, top + self.track_px - 14)] {
            self.canvas.text(
                &short_number(value),
                (LEFT_PX - 14, y),
                SMALL,
                self.figure.colours.text,
                Anchor::Right,
            )?;
        }
        Ok(())
    }

    /// What stands left of a row.
    fn two_lines(&self, (name, detail): (&str, &str), rgb: Rgb, middle: i32) -> Result<(), DrawError> {
        let width = LEFT_PX.unsigned_abs() - 150;
        let name = self.canvas.fitted(name, width, NORMAL)?;
        self.canvas.text(&name, (MARGIN_PX, middle - 18), NORMAL, rgb, Anchor::Left)?;
        let detail = self.canvas.fitted(detail, width, SMALL)?;
        self.canvas.text(&detail, (MARGIN_PX, middle + 20), SMALL, self.figure.colours.faint, Anchor::Left)
    }

    /// Arcs from place to place, the stronger the darker; the farther apart, the higher.
    fn links(&self, links: &FigureLinks, top: i32) -> Result<(), DrawError> {
        let (colours, ground) = (self.figure.colours, top + self.links_px);
        let strongest = links.links.first().map_or(1.0, |(.., strength)| *strength);
        let drawn = &links.links[..links.links.len().min(MOST_LINKS)];
        let apart = |(from, to, _): &(u64, u64, f32)| from.abs_diff(*to).max(1);
        let longest = drawn.iter().map(apart).max().unwrap_or(1) as f64;
        // The strongest are drawn last, above the others.
        for link in drawn.iter().rev() {
            let &(from, to, strength) = link;
            let (x0, x1) = (self.span(from, from).0, self.span(to, to).0);
            let height = f64::from(self.links_px - 2 * GAP_PX) * apart(link) as f64 / longest;
            let point = |piece: i32| {
                let part = f64::from(piece) / f64::from(PIECES);
                let x = f64::from(x0) + part * f64::from(x1 - x0);
                (whole(x), ground - whole(height * (part * std::f64::consts::PI).sin()))
            };
            let opacity = f64::from(strength / strongest).clamp(0.05, 1.0);
            self.canvas.curve((0..=PIECES).map(point).collect(), links.colour, opacity)?;
        }
        self.canvas.frame((LEFT_PX, top), (RIGHT_PX, ground), colours.faint)?;
        self.two_lines((&links.name, &links.detail), links.colour, top + self.links_px / 2)?;
        if drawn.len() < links.links.len() {
            let text =
                format!("the strongest {} of {}", grouped(drawn.len() as u64), grouped(links.links.len() as u64));
            self.canvas.text(&text, (RIGHT_PX - 14, top + 20), SMALL, colours.faint, Anchor::Right)?;
        }
        Ok(())
    }

    fn bar(&self, (x0, x1): (i32, i32), (y0, y1): (i32, i32), rgb: Rgb, opacity: f64) -> Result<(), DrawError> {
        if y0 == y1 {
            return Ok(());
        }
        self.canvas.fill((x0, y0.min(y1)), (x1, y0.max(y1)), rgb, opacity)
    }

    fn hatch(&self, (x0, x1): (i32, i32), (top, bottom): (i32, i32)) -> Result<(), DrawError> {
        const SPACING_PX: usize = 14;
        let (rgb, height) = (self.figure.colours.missing, bottom - top);
        self.canvas.fill((x0, top), (x1, bottom), rgb, 0.35)?;
        for x in (x0 - height..x1).step_by(SPACING_PX) {
            // From the lower left to the upper right, cut at the sides.
            let (from, to) = (x.max(x0), (x + height).min(x1));
            self.canvas.line((from, bottom - (from - x)), (to, bottom - (to - x)), rgb)?;
        }
        Ok(())
    }

    fn dashes(&self, y: i32) -> Result<(), DrawError> {
        (LEFT_PX..RIGHT_PX)
            .step_by(24)
            .try_for_each(|x| self.canvas.line((x, y), ((x + 12).min(RIGHT_PX), y), self.figure.colours.text))
    }

    fn origin(&self, mut top: i32) -> Result<(), DrawError> {
        let width = WIDTH_PX - 2 * MARGIN_PX.unsigned_abs();
        for line in &self.figure.provenance {
            let line = self.canvas.fitted(line, width, SMALL)?;
            let place = (MARGIN_PX, top + ORIGIN_LINE_PX / 2);
            self.canvas.text(&line, place, SMALL, self.figure.colours.faint, Anchor::Left)?;
            top += ORIGIN_LINE_PX;
        }
        Ok(())
    }

    /// Where bases lie across the picture, cut at its sides.
    fn span(&self, start_bp: u64, end_bp: u64) -> (i32, i32) {
        let region = &self.figure.region;
        let x = |position_bp: u64| {
            let within = position_bp.clamp(region.start_bp, region.end_bp) - region.start_bp;
            let part = within as f64 / region.len_bp().max(1) as f64;
            LEFT_PX + whole(part * f64::from(RIGHT_PX - LEFT_PX))
        };
        (x(start_bp), x(end_bp))
    }
}

/// How far below the upper edge a value lies.
fn level_px(height_px: i32, (low, high): (f32, f32), value: f32) -> i32 {
    if high <= low {
        return height_px;
    }
    let part = f64::from((value - low) / (high - low)).clamp(0.0, 1.0);
    whole((1.0 - part) * f64::from(height_px))
}

/// A length in pixels as a whole number; lengths here are far smaller than the type's limits.
fn whole(length_px: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "a picture is a few thousand pixels wide")]
    let length = length_px.round() as i32;
    length
}

/// A round step that gives about eight ticks.
fn round_step(length_bp: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if length_bp / step <= 8 {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// A number with as many digits as an axis has room for.
pub(crate) fn short_number(value: f32) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_stand_at_round_positions() {
        assert_eq!([1, 8, 60, 4_000, 250_000_000].map(round_step), [1, 1, 10, 500, 50_000_000], "steps");
    }

    #[test]
    fn values_become_heights() {
        assert_eq!(level_px(TRACK_PX, (0.0, 1.0), 1.0), 0, "the top");
        assert_eq!(level_px(TRACK_PX, (0.0, 1.0), 0.0), TRACK_PX, "the bottom");
        assert_eq!(level_px(TRACK_PX, (0.0, 1.0), 7.0), 0, "cut at the top");
        assert_eq!(level_px(TRACK_PX, (2.0, 2.0), 2.0), TRACK_PX, "a flat range");
        assert_eq!(
            (short_number(0.5), short_number(1.0), short_number(-0.0)),
            ("0.5".into(), "1".into(), "0".into()),
            "axis"
        );
    }
}
