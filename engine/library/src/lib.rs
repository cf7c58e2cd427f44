//! The user's library: models and heads on disk, the catalogue of published ones, and how they get from there to here.
//!
//! Beside the engine, not inside it: this crate knows files and addresses, and nothing of networks or devices. Whether
//! a folder holds a usable model is for the caller to say, in a check that runs before the folder gets its name.
//!
//! ```
//! use strandscope_library::{Adding, Catalogue, Hub, Library};
//!
//! # let place = tempfile::tempdir()?;
//! # std::fs::write(place.path().join("config.json"), "{}")?;
//! let library = Library::open(place.path().join("data"));
//! let mut watch = |_: &strandscope_library::Progress<'_>| true;
//! let check = |_: &std::path::Path| Ok::<(), std::io::Error>(());
//!
//! // A folder of the user's own.
//! let added = library.import(place.path(), &Adding::new("mine"), &mut watch, check)?;
//! assert_eq!(library.find("mine"), Some(added.installed.folder));
//!
//! // A published model; off line nothing is asked of the network.
//! let catalogue = Catalogue::built_in()?;
//! let entry = catalogue.entry("dnabert-2-117m")?;
//! let refused = library.get(entry, &Hub::offline(), &Adding::of(entry), &mut watch, check).unwrap_err();
//! assert!(refused.to_string().contains("leave out --offline"), "{refused}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adding;
mod catalogue;
mod checksum;
mod disk;
mod download;
mod error;
mod get;
mod hub;
mod import;
mod manifest;
mod name;
mod part;
mod progress;
mod request;
mod shelf;
mod trouble;

#[cfg(test)]
mod tests;

pub use adding::{Added, Adding};
pub use catalogue::{Catalogue, Entry, EntryFile, Kind};
pub use error::LibraryError;
pub use hub::{DEFAULT_ENDPOINT, Hub};
pub use manifest::{FileRecord, Manifest, Source, Verified};
pub use progress::{Progress, Step, Watch};
pub use shelf::{Installed, Library};
