//! A drawing area in pixels, with the few shapes a figure is made of.

use std::sync::OnceLock;

use plotters::{
    backend::BitMapBackend,
    coord::Shift,
    element::{PathElement, Rectangle, Text},
    prelude::{DrawingArea, DrawingAreaErrorKind, FontStyle, IntoDrawingArea as _, IntoFont as _, RGBColor},
    style::{
        Color as _, RGBAColor, ShapeStyle, TextStyle, register_font,
        text_anchor::{HPos, Pos, VPos},
    },
};

use crate::Rgb;

/// What may go wrong: fonts, or the size of the picture.
pub type DrawError = Box<dyn std::error::Error>;

/// Pixels, row by row.
pub(crate) struct Picture {
    pub(crate) width_px: u32,
    pub(crate) height_px: u32,
    /// Red, green and blue of each pixel.
    pub(crate) rgb: Vec<u8>,
}

impl Picture {
    /// A picture of one colour on which `draw` then draws.
    pub(crate) fn drawn(
        (width_px, height_px): (u32, u32),
        background: Rgb,
        draw: impl FnOnce(&Canvas<'_>) -> Result<(), DrawError>,
    ) -> Result<Self, DrawError> {
        register()?;
        let pixels = usize::try_from(width_px)? * usize::try_from(height_px)?;
        let mut rgb = vec![0; pixels * 3];
        {
            let area = BitMapBackend::with_buffer(&mut rgb, (width_px, height_px)).into_drawing_area();
            area.fill(&colour(background)).map_err(owned)?;
            let canvas = Canvas { area };
            draw(&canvas)?;
            canvas.area.present().map_err(owned)?;
        }
        Ok(Self { width_px, height_px, rgb })
    }
}

/// Where shapes are drawn; places are pixels from the upper left corner.
pub(crate) struct Canvas<'a> {
    area: DrawingArea<BitMapBackend<'a>, Shift>,
}

/// Which point of a text is given.
#[derive(Clone, Copy)]
pub(crate) enum Anchor {
    Left,
    Middle,
    Right,
}

impl Canvas<'_> {
    /// Text whose vertical middle lies at `y`.
    pub(crate) fn text(
        &self,
        text: &str,
        (x, y): (i32, i32),
        size_px: u32,
        rgb: Rgb,
        anchor: Anchor,
    ) -> Result<(), DrawError> {
        let horizontal = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let style = style(size_px, rgb).pos(Pos::new(horizontal, VPos::Center));
        self.area.draw(&Text::new(text, (x, y), style)).map_err(owned)
    }

    /// Text cut with `…` to fit into `width_px`.
    pub(crate) fn fitted(&self, text: &str, width_px: u32, size_px: u32) -> Result<String, DrawError> {
        let style = style(size_px, [0; 3]);
        let width = |text: &str| self.area.estimate_text_size(text, &style).map(|size| size.0).map_err(owned);
        if width(text)? <= width_px {
            return Ok(text.to_owned());
        }
        let letters: Vec<char> = text.chars().take(2_000).collect();
        let (mut fits, mut too_long) = (0, letters.len());
        while too_long - fits > 1 {
            let middle = usize::midpoint(fits, too_long);
            let shorter: String = letters[..middle].iter().chain(['…'].iter()).collect();
            if width(&shorter)? <= width_px { fits = middle } else { too_long = middle }
        }
        Ok(letters[..fits].iter().chain(['…'].iter()).collect())
    }

    /// A filled rectangle between two corners, at least a pixel wide and high.
    pub(crate) fn fill(
        &self,
        (x0, y0): (i32, i32),
        (x1, y1): (i32, i32),
        rgb: Rgb,
        opacity: f64,
    ) -> Result<(), DrawError> {
        let corners = [(x0, y0), (x1.max(x0 + 1), y1.max(y0 + 1))];
        self.area.draw(&Rectangle::new(corners, shape(colour(rgb).mix(opacity), true))).map_err(owned)
    }

    /// A frame a pixel wide.
    pub(crate) fn frame(&self, corner: (i32, i32), opposite: (i32, i32), rgb: Rgb) -> Result<(), DrawError> {
        self.area.draw(&Rectangle::new([corner, opposite], shape(colour(rgb).to_rgba(), false))).map_err(owned)
    }

    /// A line a pixel wide.
    pub(crate) fn line(&self, from: (i32, i32), to: (i32, i32), rgb: Rgb) -> Result<(), DrawError> {
        self.area.draw(&PathElement::new(vec![from, to], shape(colour(rgb).to_rgba(), false))).map_err(owned)
    }

    /// A curve through points, a pixel wide.
    pub(crate) fn curve(&self, points: Vec<(i32, i32)>, rgb: Rgb, opacity: f64) -> Result<(), DrawError> {
        self.area.draw(&PathElement::new(points, shape(colour(rgb).mix(opacity), false))).map_err(owned)
    }

    /// A square of pixels, each of the colour that `of` gives for its column and row.
    pub(crate) fn pixels(
        &self,
        (x, y): (i32, i32),
        side_px: i32,
        of: impl Fn(i32, i32) -> Rgb,
    ) -> Result<(), DrawError> {
        for row in 0..side_px {
            for column in 0..side_px {
                self.area.draw_pixel((x + column, y + row), &colour(of(column, row))).map_err(owned)?;
            }
        }
        Ok(())
    }
}

fn colour([red, green, blue]: Rgb) -> RGBColor {
    RGBColor(red, green, blue)
}

fn shape(color: RGBAColor, filled: bool) -> ShapeStyle {
    ShapeStyle { color, filled, stroke_width: 1 }
}

fn style(size_px: u32, rgb: Rgb) -> TextStyle<'static> {
    (FONT, f64::from(size_px)).into_font().color(&colour(rgb))
}

const FONT: &str = "figure";

/// Gives the drawing library the window's font: it knows none of the system's.
fn register() -> Result<(), DrawError> {
    const BYTES: &[u8] = include_bytes!("../../../assets/fonts/Inter-Regular.otf");
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let registered = REGISTERED.get_or_init(|| register_font(FONT, FontStyle::Normal, BYTES).is_ok());
    if *registered { Ok(()) } else { Err("the font cannot be read".into()) }
}

/// The library's errors borrow the picture.
fn owned<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> DrawError {
    error.to_string().into()
}
