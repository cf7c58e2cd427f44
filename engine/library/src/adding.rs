//! What the user wants added, and what came of it.

use crate::{Entry, Installed};

/// Under which name something is added, and whether it may take the place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adding {
    /// The name it will have.
    pub name: String,
    /// Whether what has that name already is replaced.
    pub force: bool,
}

impl Adding {
    /// Under this name, where it is free.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), force: false }
    }

    /// Under the name that the catalogue gives it, where that is free.
    pub fn of(entry: &Entry) -> Self {
        Self::new(&entry.name)
    }

    /// The same, replacing what has that name.
    pub fn replacing(self) -> Self {
        Self { force: true, ..self }
    }
}

/// What was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The model.
    pub installed: Installed,
    /// What was odd, though it was added.
    pub warnings: Vec<String>,
}
