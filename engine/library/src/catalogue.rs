//! The catalogue: published checkpoints that can be fetched by a short name.
//!
//! It is the data file `assets/catalogue.json`. What is not known for certain is left out there: in particular the
//! files of checkpoints, with their sizes and checksums. A file without a known checksum is held against the one that
//! the hub itself states when it is fetched, see [`Verified`](crate::Verified).

use serde::{Deserialize, Serialize};

use crate::{LibraryError, hub};

const BUILT_IN: &str = include_str!("../../../assets/catalogue.json");

/// Published checkpoints, by name.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Version of the file's layout.
    format: u32,
    /// All of them, in the order in which they are listed.
    pub entries: Vec<Entry>,
}

/// Whether an entry is a model alone or answers a task as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An encoder.
    Model,
    /// A fine-tuned checkpoint: an encoder together with the classes it tells apart.
    Head,
}

/// One published checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Short name on the command line, and of its folder.
    pub name: String,
    /// Name for people.
    pub title: String,
    /// What it is, in a sentence or two.
    pub description: String,
    /// Architecture, as the models crate names it.
    pub family: String,
    /// Model or head.
    pub kind: Kind,
    /// Its id on the hub: `owner/name`.
    pub repository: String,
    /// Branch or commit.
    pub revision: String,
    /// Number of parameters, as its makers round it.
    pub parameters: Option<u64>,
    /// Number of layers.
    pub layers: Option<u32>,
    /// Width of the states.
    pub hidden_size: Option<u32>,
    /// Tokens read at once, special tokens included.
    pub context_tokens: Option<u64>,
    /// What a head answers.
    pub task: Option<String>,
    /// Names of its labels in the order of the logits, where they are published.
    #[serde(default)]
    pub labels: Vec<String>,
    /// How many labels there are.
    pub label_count: Option<u32>,
    /// Which of them says that there is nothing to see.
    pub background: Option<String>,
    /// How its answers follow from logits, where its configuration need not say: `softmax`, `sigmoid`, `identity`.
    pub activation: Option<String>,
    /// Bases of the windows it was fine-tuned on.
    pub input_length_bp: Option<u64>,
    /// Of these, bases on either side that are read as sequences of their own.
    pub context_bp: Option<u64>,
    /// What else its users should know.
    #[serde(default)]
    pub limits: Vec<String>,
    /// What its makers report.
    pub metric: Option<String>,
    /// Licence of the weights, or `unclear`.
    pub licence: String,
    /// Whether commerce may use it; `None` where that is not said.
    pub commercial_use: Option<bool>,
    /// Works to cite.
    #[serde(default)]
    pub citation: Vec<String>,
    /// Where its makers describe it.
    pub source: String,
    /// What will be fetched, about, for people.
    pub approximate_bytes: Option<u64>,
    /// Its files. Empty where they are not known: then the usual ones are looked for.
    #[serde(default)]
    pub files: Vec<EntryFile>,
}

/// One file of a published checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryFile {
    /// Its name.
    pub name: String,
    /// Its size, where known.
    pub size_bytes: Option<u64>,
    /// SHA-256, lower-case hexadecimal, where known.
    pub sha256: Option<String>,
}

impl Entry {
    /// A checkpoint that the catalogue need not have, by its id on the hub: `owner/name`; `None` where it is none.
    pub fn of_repository(id: &str) -> Option<Self> {
        let (_, name) = id.split_once('/').filter(|_| hub::is_repository(id))?;
        Some(Self {
            name: name.to_owned(),
            title: name.to_owned(),
            description: format!("{id}, as it is published on the hub."),
            family: String::new(),
            kind: Kind::Model,
            repository: id.to_owned(),
            revision: "main".to_owned(),
            parameters: None,
            layers: None,
            hidden_size: None,
            context_tokens: None,
            task: None,
            labels: Vec::new(),
            label_count: None,
            background: None,
            activation: None,
            input_length_bp: None,
            context_bp: None,
            limits: Vec::new(),
            metric: None,
            licence: "unclear".to_owned(),
            commercial_use: None,
            citation: Vec::new(),
            source: format!("{}/{id}", hub::DEFAULT_ENDPOINT),
            approximate_bytes: None,
            files: Vec::new(),
        })
    }
}

impl Catalogue {
    /// The catalogue inside the binary.
    ///
    /// # Errors
    /// When it cannot be read, which the tests rule out.
    pub fn built_in() -> Result<Self, LibraryError> {
        Self::parse(BUILT_IN)
    }

    /// Reads a catalogue, strictly: an unknown field is an error.
    ///
    /// # Errors
    /// When it is no JSON or says something that is not known here.
    fn parse(json: &str) -> Result<Self, LibraryError> {
        let failed = |reason| LibraryError::Catalogue { reason };
        let catalogue: Self = serde_json::from_str(json).map_err(|error| failed(error.to_string()))?;
        if catalogue.format != 1 {
            return Err(failed(format!("its format is {}, this version reads 1", catalogue.format)));
        }
        Ok(catalogue)
    }

    /// The entry of this name.
    ///
    /// # Errors
    /// When there is none; the error lists the names that are nearest.
    pub fn entry(&self, name: &str) -> Result<&Entry, LibraryError> {
        self.entries.iter().find(|entry| entry.name == name).ok_or_else(|| self.unlisted(name))
    }

    fn unlisted(&self, name: &str) -> LibraryError {
        let names = |stem: &str| {
            let of_stem = self.entries.iter().filter(|entry| entry.name.starts_with(stem));
            of_stem.map(|entry| entry.name.clone()).collect::<Vec<_>>()
        };
        let lower = name.to_lowercase();
        let stem = lower.split('-').next().unwrap_or_default();
        let near = Some(names(stem)).filter(|names| !stem.is_empty() && !names.is_empty());
        LibraryError::Unlisted { name: name.to_owned(), near: near.unwrap_or_else(|| names("")) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{checksum::Checksum, name};

    /// As `Family::name` of the models crate says; that crate is not linked here.
    const FAMILIES: [&str; 5] = ["dnabert", "dnabert-2", "gena-lm", "bigbird", "nucleotide-transformer"];

    #[test]
    fn every_entry_is_well_formed() {
        for entry in Catalogue::built_in().unwrap().entries {
            let name = &entry.name;
            name::check(name).unwrap_or_else(|error| panic!("{error}"));
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c)), "{name}");
            assert!(FAMILIES.contains(&entry.family.as_str()), "{name}: {}", entry.family);
            assert!(hub::is_repository(&entry.repository), "{name}: {}", entry.repository);
            assert!(entry.source.starts_with("https://"), "{name}: {}", entry.source);
            let texts = [&entry.title, &entry.description, &entry.revision, &entry.licence];
            assert!(texts.iter().all(|text| !text.trim().is_empty()), "{name} has an empty text");
            assert!(entry.description.ends_with('.'), "{name}: {}", entry.description);
            let is_head = entry.kind == Kind::Head;
            assert_eq!((entry.task.is_some(), entry.label_count.is_some()), (is_head, is_head), "{name}");
            let labels = entry.labels.len();
            assert!(labels == 0 || entry.label_count.map(|count| count as usize) == Some(labels), "{name}: labels");
            assert!(entry.background.as_ref().is_none_or(|name| entry.labels.contains(name)), "{name}: background");
            let window_bp = entry.input_length_bp.unwrap_or(0);
            assert_eq!(window_bp > 0, is_head, "{name}: the length that it was fine-tuned on");
            assert!(entry.context_bp.is_none_or(|context_bp| 2 * context_bp < window_bp), "{name}: context");
            let activations = ["softmax", "sigmoid", "identity"];
            assert!(entry.activation.as_deref().is_none_or(|name| activations.contains(&name)), "{name}: activation");
            for file in &entry.files {
                assert!(name::is_model_file(&file.name), "{name}: {}", file.name);
                let is_sha256 = |text: &str| matches!(Checksum::parse(text), Some(Checksum::Sha256(_)));
                assert!(file.sha256.as_deref().is_none_or(is_sha256), "{name}: {:?}", file.sha256);
            }
        }
    }

    #[test]
    fn a_checkpoint_beside_the_catalogue_has_its_own_name() {
        let entry = Entry::of_repository("owner/DNA_bert_7").expect("an id");
        assert_eq!((entry.name.as_str(), entry.licence.as_str()), ("DNA_bert_7", "unclear"));
        assert!(["dnabert-6", "a/b/c", "../b"].iter().all(|id| Entry::of_repository(id).is_none()), "no ids");
    }

    #[test]
    fn names_and_places_are_unique() {
        let entries = Catalogue::built_in().unwrap().entries;
        let names: BTreeSet<_> = entries.iter().map(|entry| &entry.name).collect();
        let places: BTreeSet<_> = entries.iter().map(|entry| (&entry.repository, &entry.revision)).collect();
        assert_eq!((names.len(), places.len()), (entries.len(), entries.len()));
    }

    #[test]
    fn nucleotide_transformers_are_not_for_commerce() {
        let entries = Catalogue::built_in().unwrap().entries;
        let of_family = |entry: &&Entry| entry.family == "nucleotide-transformer";
        assert_eq!(entries.iter().filter(of_family).count(), 8);
        for entry in entries.iter().filter(of_family) {
            assert_eq!(
                (entry.licence.as_str(), entry.commercial_use),
                ("CC-BY-NC-SA-4.0", Some(false)),
                "{}",
                entry.name
            );
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_and_an_unknown_field_refused() {
        let catalogue = Catalogue::built_in().unwrap();
        let error = catalogue.entry("dnabert-7").unwrap_err().to_string();
        assert!(error.contains("dnabert-6") && !error.contains("gena-lm"), "{error}");
        let error = catalogue.entry("alphafold").unwrap_err().to_string();
        assert!(error.contains("nt-2.5b-1000g") && error.contains("gena-lm"), "{error}");
        let odd = BUILT_IN.replacen("\"title\"", "\"tittle\"", 1);
        assert!(Catalogue::parse(&odd).unwrap_err().to_string().contains("tittle"), "the field is named");
        assert!(Catalogue::parse("{\"format\": 2, \"entries\": []}").is_err(), "another layout");
    }
}
