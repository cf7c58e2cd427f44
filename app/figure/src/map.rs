//! Maps of attention: one as wide as the ruler, or several side by side.

use crate::{
    FigureColours, FigureMap, Rgb,
    canvas::{Anchor, Canvas, DrawError},
    draw::{LEFT_PX, MARGIN_PX, RIGHT_PX, SMALL},
};

const GAP_PX: i32 = 24;
const NAME_PX: i32 = 34;
const LEGEND_PX: i32 = 56;

/// Shades go over so many powers of ten: weights of attention are spread widely.
const DECADES: f32 = 3.0;

/// Maps in rows.
pub(crate) struct Maps<'a> {
    maps: &'a [FigureMap],
    columns: usize,
    side_px: i32,
}

impl<'a> Maps<'a> {
    pub(crate) fn new(maps: &'a [FigureMap]) -> Self {
        let columns = (1..=12).find(|columns| columns * columns >= maps.len()).unwrap_or(12);
        let across = i32::try_from(columns).unwrap_or(i32::MAX);
        Self { maps, columns, side_px: (RIGHT_PX - LEFT_PX - (across - 1) * GAP_PX) / across }
    }

    pub(crate) fn height_px(&self) -> i32 {
        let rows = i32::try_from(self.maps.len().div_ceil(self.columns)).unwrap_or(i32::MAX);
        if rows == 0 { 0 } else { rows * (NAME_PX + self.side_px + GAP_PX) + LEGEND_PX }
    }

    pub(crate) fn draw(&self, canvas: &Canvas<'_>, colours: FigureColours, top: i32) -> Result<(), DrawError> {
        // One scale for all, so that they can be compared.
        let values = self.maps.iter().flat_map(|map| map.values.iter().copied());
        let largest = values.filter(|value| value.is_finite()).fold(0f32, f32::max);
        for (number, map) in self.maps.iter().enumerate() {
            let place = |count: usize, step: i32| i32::try_from(count).unwrap_or(i32::MAX) * step;
            let x = LEFT_PX + place(number % self.columns, self.side_px + GAP_PX);
            let y = top + NAME_PX + place(number / self.columns, NAME_PX + self.side_px + GAP_PX);
            let name = canvas.fitted(&map.name, self.side_px.unsigned_abs(), SMALL)?;
            canvas.text(&name, (x, y - NAME_PX / 2), SMALL, colours.text, Anchor::Left)?;
            let shade = |column, row| {
                shade(
                    map.strongest(self.side_px, column, row),
                    largest,
                    map.colour,
                    colours.background,
                    colours.missing,
                )
            };
            canvas.pixels((x, y), self.side_px, shade)?;
            canvas.frame((x, y), (x + self.side_px, y + self.side_px), colours.faint)?;
        }
        self.legend(canvas, colours, top + self.height_px() - LEGEND_PX, largest)
    }

    fn legend(&self, canvas: &Canvas<'_>, colours: FigureColours, top: i32, largest: f32) -> Result<(), DrawError> {
        const BAR_PX: i32 = 300;
        let Some(FigureMap { colour, .. }) = self.maps.first() else { return Ok(()) };
        for x in 0..BAR_PX {
            let part = x as f32 / BAR_PX as f32;
            let rgb = mixed(colours.background, *colour, part);
            canvas.fill((LEFT_PX + x, top), (LEFT_PX + x + 1, top + 20), rgb, 1.0)?;
        }
        canvas.frame((LEFT_PX, top), (LEFT_PX + BAR_PX, top + 20), colours.faint)?;
        let least = largest / 10f32.powf(DECADES);
        let text = format!("{least:.1e} to {largest:.1e}, logarithmic; rows look, columns are looked at");
        canvas.text(&text, (LEFT_PX + BAR_PX + MARGIN_PX / 2, top + 10), SMALL, colours.text, Anchor::Left)
    }
}

impl FigureMap {
    /// The largest value under a pixel; NaN where there is none.
    fn strongest(&self, side_px: i32, column: i32, row: i32) -> f32 {
        let bins = |pixel: i32| {
            let [pixel, side] = [pixel, side_px].map(|length| usize::try_from(length).unwrap_or(0));
            let first = pixel * self.bins / side.max(1);
            first..((pixel + 1) * self.bins).div_ceil(side.max(1)).max(first + 1).min(self.bins)
        };
        let rows = bins(row).flat_map(|row| bins(column).map(move |column| row * self.bins + column));
        let values = rows.filter_map(|place| self.values.get(place).copied()).filter(|value| !value.is_nan());
        values.fold(f32::NAN, f32::max)
    }
}

fn shade(value: f32, largest: f32, full: Rgb, background: Rgb, missing: Rgb) -> Rgb {
    if !value.is_finite() {
        return missing;
    }
    mixed(background, full, 1.0 + (value / largest).max(f32::MIN_POSITIVE).log10() / DECADES)
}

/// A colour between two.
fn mixed(from: Rgb, to: Rgb, part: f32) -> Rgb {
    let part = part.clamp(0.0, 1.0);
    let channel = |channel: usize| {
        let [from, to] = [from, to].map(|rgb| f32::from(rgb[channel]));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies between two channels")]
        let mixed = (from + (to - from) * part).round() as u8;
        mixed
    };
    [0, 1, 2].map(channel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_shows_the_strongest_of_its_cells() {
        let values = vec![0.1, 0.9, f32::NAN, 0.2];
        let map = FigureMap { name: String::new(), bins: 2, values, colour: [0; 3] };
        assert_eq!([(0, 0), (1, 0), (1, 1)].map(|(column, row)| map.strongest(2, column, row)), [0.1, 0.9, 0.2]);
        assert!(map.strongest(2, 0, 1).is_nan(), "no value");
        assert_eq!(map.strongest(1, 0, 0), 0.9, "all in one pixel");
    }

    #[test]
    fn shades_go_by_powers_of_ten() {
        let of = |value| shade(value, 1.0, [0; 3], [255; 3], [9; 3]);
        assert_eq!([1.0, 0.1, 0.001, 0.0, f32::NAN].map(of), [[0; 3], [85; 3], [255; 3], [255; 3], [9; 3]]);
    }

    #[test]
    fn maps_stand_in_rows() {
        let map = FigureMap { name: String::new(), bins: 1, values: vec![1.0], colour: [0; 3] };
        let columns = |count: usize| Maps::new(&vec![map.clone(); count]).columns;
        assert_eq!([1, 4, 5, 144, 150].map(columns), [1, 2, 3, 12, 12]);
        assert_eq!(Maps::new(&[]).height_px(), 0, "nothing");
    }
}
