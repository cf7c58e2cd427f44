//! Oddities of rows, counted and told once.

use crate::error::shortened;

/// Warnings about a file.
#[derive(Debug, Default)]
pub(in crate::annotation) struct Notices {
    counted: Vec<Counted>,
    sentences: Vec<String>,
}

#[derive(Debug)]
struct Counted {
    what: &'static str,
    rows: u64,
    line: u64,
    example: String,
}

impl Notices {
    /// Counts a row with an oddity; of the first, the example is shown.
    pub(super) fn count(&mut self, what: &'static str, line: u64, example: &str) {
        match self.counted.iter_mut().find(|known| known.what == what) {
            Some(known) => known.rows += 1,
            None => self.counted.push(Counted { what, rows: 1, line, example: shortened(example) }),
        }
    }

    /// A sentence about the file as a whole.
    pub(super) fn say(&mut self, sentence: impl Into<String>) {
        self.sentences.push(sentence.into());
    }

    /// All of them, one sentence each. Line 0 is that of a reader that does not know where it is.
    pub(in crate::annotation) fn into_sentences(self) -> Vec<String> {
        let counted = self.counted.into_iter().map(|Counted { what, rows, line, example }| match (rows, line) {
            (1, 0) => format!("{what}: 1 row ({example})."),
            (_, 0) => format!("{what}: {rows} rows, one of them ({example})."),
            (1, _) => format!("{what}: line {line} ({example})."),
            (_, _) => format!("{what}: {rows} rows, the first in line {line} ({example})."),
        });
        self.sentences.into_iter().chain(counted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_oddity_is_told_once_with_its_first_row() {
        let mut notices = Notices::default();
        notices.say("Something.");
        notices.count("Odd scores are left out", 4, "x");
        notices.count("Odd colours are left out", 5, "y");
        notices.count("Odd scores are left out", 9, "z");
        let want = [
            "Something.",
            "Odd scores are left out: 2 rows, the first in line 4 (x).",
            "Odd colours are left out: line 5 (y).",
        ];
        assert_eq!(notices.into_sentences(), want);
    }
}
