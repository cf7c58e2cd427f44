//! Lines of the feature table, put together to features.

/// A feature as it stands in the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RawFeature {
    /// Line it begins in.
    pub(super) line: u64,
    pub(super) kind: String,
    /// Its location without blanks.
    pub(super) location: String,
    /// `/key=value` in order; empty values where there is no `=`.
    pub(super) qualifiers: Vec<(String, String)>,
    /// What is wrong with its lines.
    pub(super) complaint: Option<String>,
}

impl RawFeature {
    pub(super) fn qualifier(&self, key: &str) -> Option<&str> {
        self.qualifiers.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

/// Keys of features begin left of this column, all else right of it.
const CONTENT_COLUMN: usize = 21;

/// Takes the lines of a feature table.
#[derive(Default)]
pub(super) struct Table {
    pub(super) features: Vec<RawFeature>,
    /// Whether the last value has a quotation mark that is still open.
    is_quoted: bool,
}

impl Table {
    /// Takes a line of the table.
    pub(super) fn line(&mut self, line: u64, text: &str) {
        let content = text.trim();
        if content.is_empty() {
            return;
        }
        let is_new = column_of(text) < CONTENT_COLUMN && !content.starts_with('/');
        if is_new {
            self.close();
            let (kind, location) = content.split_once([' ', '\t']).unwrap_or((content, ""));
            let location = without_blanks(location);
            self.features.push(RawFeature { line, kind: kind.to_owned(), location, ..RawFeature::default() });
            return;
        }
        let is_quoted = self.is_quoted;
        let Some(feature) = self.features.last_mut() else {
            // Content without a feature: kept as one without a key, so that it is told.
            let complaint = Some("the line belongs to no feature".to_owned());
            self.features.push(RawFeature { line, complaint, ..RawFeature::default() });
            return;
        };
        if is_quoted {
            if let Some((key, value)) = feature.qualifiers.last_mut() {
                // Words are broken at blanks, sequences anywhere.
                if key != "translation" && !value.is_empty() {
                    value.push(' ');
                }
                self.is_quoted = push_quoted(value, content);
            }
        } else if let Some(qualifier) = content.strip_prefix('/') {
            let (key, value) = qualifier.split_once('=').unwrap_or((qualifier, ""));
            let value = value.trim_start();
            let mut unquoted = String::new();
            match value.strip_prefix('"') {
                Some(quoted) => self.is_quoted = push_quoted(&mut unquoted, quoted),
                None => unquoted.push_str(value),
            }
            feature.qualifiers.push((key.trim().to_owned(), unquoted));
        } else if let Some((_, value)) = feature.qualifiers.last_mut() {
            value.push_str(content);
        } else {
            feature.location.push_str(&without_blanks(content));
        }
    }

    /// No more lines belong to the last feature.
    pub(super) fn close(&mut self) {
        if std::mem::take(&mut self.is_quoted)
            && let Some(feature) = self.features.last_mut()
        {
            let key = feature.qualifiers.last().map_or("", |(key, _)| key.as_str());
            feature.complaint = Some(format!("the quotation mark of /{key} is not closed"));
        }
    }
}

/// The column of the first letter, counted from 0; a tab goes to the next multiple of 8.
fn column_of(text: &str) -> usize {
    let mut column = 0;
    for letter in text.chars() {
        match letter {
            ' ' => column += 1,
            '\t' => column = (column / 8 + 1) * 8,
            _ => break,
        }
    }
    column
}

fn without_blanks(text: &str) -> String {
    text.split_ascii_whitespace().collect()
}

/// Adds a piece of a quoted value, in which two quotation marks are one; returns whether it goes on in the next line.
fn push_quoted(value: &mut String, piece: &str) -> bool {
    let mut letters = piece.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '"' {
            value.push(letter);
        } else if letters.next_if_eq(&'"').is_some() {
            value.push('"');
        } else {
            // What follows the closing mark belongs to nothing; programs leave blanks there.
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(lines: &[&str]) -> Vec<RawFeature> {
        let mut table = Table::default();
        for (index, line) in lines.iter().enumerate() {
            table.line(index as u64 + 1, line);
        }
        table.close();
        table.features
    }

    #[test]
    fn values_go_over_lines() {
        let features = table(&[
            "     CDS             join(1..10,",
            "                     20..30)",
            "                     /note=\"says \"\"so\"\"",
            "                     /not=a qualifier\"",
            "                     /translation=\"MVT",
            "                     FET\"",
            "                     /codon_start=1",
            "                     /pseudo",
            "                     /anticodon=(pos:1..3,",
            "                     aa:Ala)",
            "     gene            5",
        ]);
        assert_eq!(features.len(), 2);
        assert_eq!(features[0].location, "join(1..10,20..30)");
        assert_eq!(features[0].qualifier("note"), Some("says \"so\" /not=a qualifier"));
        assert_eq!(features[0].qualifier("translation"), Some("MVTFET"));
        assert_eq!(features[0].qualifier("pseudo"), Some(""));
        assert_eq!(features[0].qualifier("anticodon"), Some("(pos:1..3,aa:Ala)"));
        assert_eq!((features[1].kind.as_str(), features[1].location.as_str(), features[1].line), ("gene", "5", 11));
        assert!(features.iter().all(|feature| feature.complaint.is_none()), "{features:?}");
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let features =
            table(&["     gene            1..5", "                     /note=\"open", "     CDS             1..5"]);
        assert_eq!(features[0].complaint.as_deref(), Some("the quotation mark of /note is not closed"));
        assert_eq!(features[1].complaint, None);
        assert_eq!(
            table(&["                     /note=\"x\""])[0].complaint.as_deref(),
            Some("the line belongs to no feature")
        );
    }
}
