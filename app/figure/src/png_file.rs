//! A picture as a PNG file.

use crate::canvas::Picture;

/// Dots per metre of 300 dpi, what journals ask for.
const DOTS_PER_METRE: u32 = 11_811;

/// `picture` with `texts` as its metadata.
pub(crate) fn encoded(picture: &Picture, texts: &[(&'static str, String)]) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width_px, picture.height_px);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: DOTS_PER_METRE,
        yppu: DOTS_PER_METRE,
        unit: png::Unit::Meter,
    }));
    for (keyword, text) in texts {
        // The older kind of text takes Latin-1 only; names and paths may hold anything.
        if text.is_ascii() {
            encoder.add_text_chunk((*keyword).to_owned(), text.clone())?;
        } else {
            encoder.add_itxt_chunk((*keyword).to_owned(), text.clone())?;
        }
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&picture.rgb)?;
    writer.finish()?;
    Ok(bytes)
}
