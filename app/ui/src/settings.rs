//! What the window remembers from one start to the next: files opened lately, favourites, layouts, looks.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{dock::Dock, theme::BaseColours};

/// Files that are remembered as opened lately.
const RECENT: usize = 12;

/// What is remembered.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Settings {
    /// Files opened lately, the last one first.
    pub(crate) recent: Vec<PathBuf>,
    /// Files that the user wants to keep at hand.
    pub(crate) favourites: Vec<PathBuf>,
    /// How the panels were laid out last.
    pub(crate) dock: Option<Dock>,
    /// Layouts that the user has named.
    pub(crate) layouts: Vec<Layout>,
    pub(crate) base_colours: BaseColours,
    /// Light, dark, or as the system has it.
    pub(crate) theme: Option<egui::ThemePreference>,
    /// How much larger everything is drawn.
    pub(crate) zoom: Option<f32>,
}

/// A layout under a name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Layout {
    pub(crate) name: String,
    pub(crate) dock: Dock,
}

impl Settings {
    /// Reads what an earlier start has written; each thing that cannot be read is as if it were not there, and costs
    /// none of the others.
    pub(crate) fn parse(text: &str) -> Self {
        let mut fields: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
        let mut layouts: Vec<Layout> = read(&mut fields, "layouts").unwrap_or_default();
        layouts.retain(|layout| layout.dock.is_whole());
        Self {
            recent: read(&mut fields, "recent").unwrap_or_default(),
            favourites: read(&mut fields, "favourites").unwrap_or_default(),
            dock: read(&mut fields, "dock").filter(Dock::is_whole),
            layouts,
            base_colours: read(&mut fields, "base_colours").unwrap_or_default(),
            theme: read(&mut fields, "theme"),
            zoom: read(&mut fields, "zoom"),
        }
    }

    /// As text for the next start.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Notes that a file was opened.
    pub(crate) fn opened(&mut self, path: &Path) {
        self.recent.retain(|known| known != path);
        self.recent.insert(0, path.to_owned());
        self.recent.truncate(RECENT);
    }

    /// Keeps a file at hand, or does not any more.
    pub(crate) fn toggle_favourite(&mut self, path: &Path) {
        if self.favourites.iter().any(|known| known == path) {
            self.favourites.retain(|known| known != path);
        } else {
            self.favourites.push(path.to_owned());
        }
    }

    /// Keeps a layout under a name; one of the same name is replaced.
    pub(crate) fn keep_layout(&mut self, name: &str, dock: &Dock) {
        self.layouts.retain(|layout| layout.name != name);
        self.layouts.push(Layout { name: name.to_owned(), dock: dock.clone() });
    }
}

fn read<T: DeserializeOwned>(fields: &mut Map<String, Value>, name: &str) -> Option<T> {
    serde_json::from_value(fields.remove(name)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dock::{Pane, Preset};

    #[test]
    fn what_is_remembered_comes_back() {
        let mut settings = Settings::default();
        for path in ["a.fa", "b.fa", "a.fa"] {
            settings.opened(Path::new(path));
        }
        settings.toggle_favourite(Path::new("b.fa"));
        settings.keep_layout("mine", &Dock::of(Preset::Clinician));
        let back = Settings::parse(&settings.text());
        assert_eq!(back.recent, [PathBuf::from("a.fa"), PathBuf::from("b.fa")], "each once, the last one first");
        assert_eq!(back.favourites, [PathBuf::from("b.fa")]);
        assert!(back.layouts[0].name == "mine" && back.layouts[0].dock.is_seen(Pane::Marks), "the layout");
    }

    #[test]
    fn damaged_settings_are_as_if_they_were_not_there() {
        for text in ["", "{", "[1,2]", "{\"recent\": 3}"] {
            assert!(Settings::parse(text).recent.is_empty(), "{text}");
        }
        let damaged = Settings::parse("{\"recent\": 3, \"favourites\": [\"b.fa\"]}");
        assert_eq!(damaged.favourites, [PathBuf::from("b.fa")], "what is whole stays");
        assert!(Settings::parse("{\"dock\": null, \"unknown\": 1}").dock.is_none(), "unknown keys do no harm");
    }
}
