//! A picture as a PNG file.

use std::{io::Write as _, path::Path};

use strandscope_worker::{
    ErrorKind, JobError,
    genome::{AtomicFile, OutputError},
};

use super::canvas::Picture;

/// Dots per metre of 300 dpi, what journals ask for.
const DOTS_PER_METRE: u32 = 11_811;

/// Writes `picture` with `texts` as its metadata.
pub(crate) fn write(
    picture: &Picture,
    texts: &[(&'static str, String)],
    path: &Path,
    force: bool,
) -> Result<(), JobError> {
    let bytes = encoded(picture, texts).map_err(|error| JobError {
        kind: ErrorKind::Runtime,
        message: format!("the figure for {} cannot be packed as PNG; please report this", path.display()),
        causes: vec![error.to_string()],
    })?;
    let mut file = AtomicFile::create(path, force).map_err(refused)?;
    file.write_all(&bytes).map_err(|error| failed(ErrorKind::Runtime, error.to_string()))?;
    file.commit().map_err(refused)
}

fn encoded(picture: &Picture, texts: &[(&'static str, String)]) -> Result<Vec<u8>, png::EncodingError> {
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

fn refused(error: OutputError) -> JobError {
    let kind = match error {
        OutputError::Exists { .. } | OutputError::IsDirectory { .. } => ErrorKind::Usage,
        _ => ErrorKind::Runtime,
    };
    failed(kind, error.to_string())
}

fn failed(kind: ErrorKind, message: String) -> JobError {
    JobError { kind, message, causes: Vec::new() }
}
