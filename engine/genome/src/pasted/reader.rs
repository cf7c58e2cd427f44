//! Pasted text, line by line.

use std::collections::HashSet;

use super::{MOST_PASTED_BP, Pasted, PastedError, PastedRecord};
use crate::{error::shortened, fasta::why_foreign, iupac::mask_of};

#[derive(Debug, Default)]
pub(super) struct Reader {
    pasted: Pasted,
    part: Part,
    /// Where the current record began.
    record_line: usize,
    total_bp: usize,
    names: HashSet<String>,
    /// Whether the current record has had its 3' mark.
    has_three_mark: bool,
}

/// Which part of the text a line belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    /// Nothing but blanks so far, or since a record was ended by `//`.
    #[default]
    Between,
    /// The lines of a GenBank record before its `ORIGIN`.
    Annotation,
    /// Bases.
    Bases,
}

/// What stands at a place between bases.
enum Item {
    Base(u8),
    Digit,
    Blank,
    Dash,
    /// `5'` or `3'`, and the number of its characters.
    FiveMark(usize),
    ThreeMark(usize),
    Foreign(char),
}

impl Reader {
    pub(super) fn line(&mut self, line: usize, text: &str) -> Result<(), PastedError> {
        // Among the lines of annotation only those that begin at the margin can end it: the rest is text.
        let trimmed = if self.part == Part::Annotation { text } else { text.trim_start_matches(is_blank) };
        let is_indented = trimmed.starts_with(char::is_whitespace);
        if let Some(header) = trimmed.strip_prefix('>') {
            self.end_record()?;
            let header = header.trim();
            let (name, description) = header.split_once(char::is_whitespace).unwrap_or((header, ""));
            self.begin(line, name, description.trim())?;
            self.part = Part::Bases;
            return Ok(());
        }
        let word = if is_indented { "" } else { trimmed.split_whitespace().next().unwrap_or_default() };
        match (self.part, word) {
            (_, "LOCUS") => {
                self.end_record()?;
                self.begin(line, trimmed.split_whitespace().nth(1).unwrap_or_default(), "")?;
                self.part = Part::Annotation;
                self.pasted.removed.annotation_lines += 1;
            }
            (part, "ORIGIN") => {
                if part == Part::Bases {
                    self.end_record()?;
                }
                if part != Part::Annotation {
                    self.begin(line, "", "")?;
                }
                self.part = Part::Bases;
                self.pasted.removed.annotation_lines += 1;
            }
            (Part::Between, "//") => {
                return Err(self.refuse(line, 0, "no record comes before this '//'", "take it out"));
            }
            (_, "//") => {
                self.end_record()?;
                self.pasted.removed.annotation_lines += 1;
            }
            (Part::Annotation, _) => {
                if word == "DEFINITION"
                    && let Some(record) = self.pasted.records.last_mut()
                {
                    record.description = trimmed["DEFINITION".len()..].trim().to_owned();
                }
                self.pasted.removed.annotation_lines += 1;
            }
            (Part::Between | Part::Bases, _) => self.bases(line, text)?,
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Pasted, PastedError> {
        self.end_record()?;
        if self.pasted.records.is_empty() {
            return Err(self.refuse(0, 0, "there is no base in it", "paste a sequence, FASTA or a GenBank record"));
        }
        Ok(self.pasted)
    }

    /// A line of bases and what may stand between them.
    fn bases(&mut self, line: usize, text: &str) -> Result<(), PastedError> {
        let mut rest = text;
        let mut column = 1;
        while let Some(letter) = rest.chars().next() {
            let item = item(letter, rest);
            if self.part == Part::Between && !matches!(item, Item::Blank) {
                self.begin(line, "", "")?;
                self.part = Part::Bases;
            }
            let mut width = 1;
            match item {
                Item::Base(base) => self.base(line, column, base)?,
                Item::Digit => self.pasted.removed.digits += 1,
                Item::Blank => self.pasted.removed.blanks += 1,
                Item::Dash => self.pasted.removed.dashes += 1,
                Item::FiveMark(characters) => {
                    self.five_mark(line, column)?;
                    width = characters;
                }
                Item::ThreeMark(characters) => {
                    self.three_mark(line, column)?;
                    width = characters;
                }
                Item::Foreign(letter) => return Err(self.foreign(line, column, letter)),
            }
            rest = rest.char_indices().nth(width).map_or("", |(at, _)| &rest[at..]);
            column += width;
        }
        Ok(())
    }

    fn base(&mut self, line: usize, column: usize, base: u8) -> Result<(), PastedError> {
        if self.has_three_mark {
            let reason = "bases follow the 3' end of a sequence";
            return Err(self.refuse(line, column, reason, "put a header line such as '>second' before each sequence"));
        }
        if self.total_bp == MOST_PASTED_BP {
            let reason = "there are more than 100,000,000 bases";
            return Err(self.refuse(line, column, reason, "save them as a FASTA file and open that"));
        }
        self.total_bp += 1;
        if let Some(record) = self.pasted.records.last_mut() {
            record.bases.push(base);
        }
        Ok(())
    }

    fn has_bases(&self) -> bool {
        self.pasted.records.last().is_some_and(|record| !record.bases.is_empty())
    }

    fn five_mark(&mut self, line: usize, column: usize) -> Result<(), PastedError> {
        if self.has_bases() {
            let reason = "a 5' mark stands behind bases, where a sequence ends or another begins";
            let remedy = "write each sequence from 5' to 3', with a header line such as '>second' between two of them";
            return Err(self.refuse(line, column, reason, remedy));
        }
        self.pasted.removed.end_marks += 1;
        Ok(())
    }

    fn three_mark(&mut self, line: usize, column: usize) -> Result<(), PastedError> {
        if !self.has_bases() {
            let reason = "a 3' mark stands before the bases: the sequence is written from 3' to 5'";
            return Err(self.refuse(line, column, reason, "write it from 5' to 3'"));
        }
        if self.has_three_mark {
            return Err(self.refuse(line, column, "this is the second 3' mark of a sequence", "take one of them out"));
        }
        self.has_three_mark = true;
        self.pasted.removed.end_marks += 1;
        Ok(())
    }

    fn begin(&mut self, line: usize, name: &str, description: &str) -> Result<(), PastedError> {
        let number = self.pasted.records.len() + 1;
        let name = match name {
            "" if number == 1 => "pasted".to_owned(),
            "" => format!("pasted_{number}"),
            name => name.to_owned(),
        };
        if !self.names.insert(name.clone()) {
            let reason = format!("a second record is named '{}'", shortened(&name));
            return Err(self.refuse(line, 0, reason, "give each record a name of its own"));
        }
        self.pasted.records.push(PastedRecord { name, description: description.to_owned(), bases: Vec::new() });
        self.record_line = line;
        self.has_three_mark = false;
        Ok(())
    }

    fn end_record(&mut self) -> Result<(), PastedError> {
        if self.part != Part::Between && !self.has_bases() {
            let name = self.pasted.records.last().map_or("", |record| &record.name);
            let reason = format!("record '{}' has no bases", shortened(name));
            let remedy = if self.part == Part::Annotation {
                "paste it with its ORIGIN, which holds the sequence"
            } else {
                "paste its sequence too, or take the record out"
            };
            return Err(self.refuse(self.record_line, 0, reason, remedy));
        }
        self.part = Part::Between;
        Ok(())
    }

    fn foreign(&self, line: usize, column: usize, letter: char) -> PastedError {
        match u8::try_from(letter).ok().filter(u8::is_ascii) {
            Some(byte) => {
                let (reason, remedy) = why_foreign(byte);
                self.refuse(line, column, reason, remedy)
            }
            None => self.refuse(
                line,
                column,
                format!("the sequence holds '{letter}', which is not an ASCII letter"),
                "type the letter again: some letters of other alphabets only look like A, C, G or T",
            ),
        }
    }

    fn refuse(&self, line: usize, column: usize, reason: impl Into<String>, remedy: &str) -> PastedError {
        PastedError { line, column, reason: reason.into(), remedy: remedy.to_owned() }
    }
}

/// What `rest` begins with.
fn item(letter: char, rest: &str) -> Item {
    let mut next = rest.chars().skip(1);
    match letter {
        '5' | '3' => {
            let (second, third) = (next.next(), next.next());
            let width = match second {
                // Two apostrophes, as word processors set primes, or one.
                Some(mark) if is_prime(mark) => 2 + usize::from(third.is_some_and(is_prime)),
                _ => return Item::Digit,
            };
            if letter == '5' { Item::FiveMark(width) } else { Item::ThreeMark(width) }
        }
        '0'..='9' => Item::Digit,
        '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' => Item::Dash,
        letter if is_blank(letter) => Item::Blank,
        letter => match u8::try_from(letter).ok().filter(|&byte| mask_of(byte) != 0) {
            Some(base) => Item::Base(base),
            None => Item::Foreign(letter),
        },
    }
}

/// An apostrophe or what looks like one.
fn is_prime(letter: char) -> bool {
    matches!(letter, '\'' | '`' | '\u{b4}' | '\u{2018}' | '\u{2019}' | '\u{2032}')
}

/// White space, a byte-order mark, or a character without width.
fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}')
}
