//! Files on disk as text: opened with care, unpacked when packed, read in order or at any place.

mod bgzf;
mod file;
mod gzip;
mod store;
mod stream;

pub(crate) use bgzf::is_block_header;
pub(crate) use file::SourceFile;
pub(crate) use store::TextStore;
pub(crate) use stream::{Packing, TextStream, unpacking_error};
