//! GenBank text, record by record.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use super::{
    header::{Complaint, Header, Locus},
    origin::Origin,
    qualifiers::{RawFeature, Table},
};
use crate::{
    Contig, GenomeError, Hooks,
    annotation::Lines,
    error::{Place, shortened},
    fasta::{Oddities, Oddity},
};

/// What a caller needs of the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// Sequences; a record without one is refused.
    Bases,
    /// Features; sequences are checked where there are any.
    Features,
}

/// One record.
pub(super) struct Record {
    pub(super) contig: Contig,
    pub(super) bases: Vec<u8>,
    pub(super) features: Vec<RawFeature>,
}

/// Gives the records of a file one by one.
pub(super) struct Reader {
    path: PathBuf,
    lines: Lines,
    wants: Wants,
    line_of_name: HashMap<String, u64>,
    oddities: Oddities,
    warnings: Vec<String>,
    is_preamble: bool,
    total_bp: u64,
}

/// A record that is being read.
#[derive(Default)]
struct Draft {
    line: u64,
    locus: Locus,
    header: Header,
    table: Table,
    origin: Origin,
    section: Section,
    has_contig_line: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Section {
    #[default]
    Other,
    Definition,
    Features,
    Origin,
}

impl Reader {
    pub(super) fn open(path: &Path, wants: Wants) -> Result<Self, GenomeError> {
        let lines = Lines::open(path)?;
        let warnings = lines.warnings().to_vec();
        Ok(Self {
            path: path.to_owned(),
            lines,
            wants,
            line_of_name: HashMap::new(),
            oddities: Oddities::default(),
            warnings,
            is_preamble: false,
            total_bp: 0,
        })
    }

    /// The next record; none at the end of the file.
    pub(super) fn next(&mut self, hooks: &mut Hooks<'_>) -> Result<Option<Record>, GenomeError> {
        let mut draft: Option<Draft> = None;
        while let Some((line, text)) = self.lines.next(hooks)? {
            let refuse = |record: Option<&str>, (reason, remedy): Complaint| {
                let place = Place::Line { line, record: record.map(str::to_owned) };
                GenomeError::unusable(&self.path, place, reason, remedy)
            };
            let Some(draft) = &mut draft else {
                draft = Draft::begin(line, text, &mut self.is_preamble).map_err(|complaint| refuse(None, complaint))?;
                continue;
            };
            if text.starts_with(b"//") {
                let draft = std::mem::take(draft);
                return self.finish(draft).map(Some);
            }
            let keep = self.wants == Wants::Bases;
            let taken = draft.line(line, text, keep, &mut self.oddities);
            let taken = taken.and_then(|()| draft.origin.check_memory(keep, self.total_bp));
            taken.map_err(|complaint| refuse(Some(draft.header.name(&draft.locus.name)), complaint))?;
        }
        let Some(draft) = draft else { return Ok(None) };
        let name = shortened(draft.header.name(&draft.locus.name));
        let sentence = "is the last and lacks its end line '//': it may have been truncated.";
        self.warnings.push(format!("Record '{name}' {sentence}"));
        self.finish(draft).map(Some)
    }

    /// What is odd in all that was read, one sentence each.
    pub(super) fn into_warnings(self) -> Vec<String> {
        let mut warnings = self.warnings;
        warnings.extend(self.oddities.sentences());
        warnings
    }

    fn finish(&mut self, mut draft: Draft) -> Result<Record, GenomeError> {
        draft.table.close();
        draft.origin.settle_case();
        let name = self.settle_name(&draft)?;
        self.check_length(&draft, &name)?;
        self.total_bp += draft.origin.length_bp;
        let description = draft.header.description();
        let (length_bp, is_circular) = (draft.locus.length_bp, draft.locus.is_circular);
        let contig = Contig { name, description, length_bp, is_circular };
        Ok(Record { contig, bases: draft.origin.bases, features: draft.table.features })
    }

    /// The name by which the record is found.
    fn settle_name(&mut self, draft: &Draft) -> Result<String, GenomeError> {
        let found = draft.header.name(&draft.locus.name);
        let name = found.split_ascii_whitespace().collect::<Vec<_>>().join("_");
        if name.is_empty() {
            return Err(self.refused(draft, "", "the record has no name", "give it one in the LOCUS line"));
        }
        if name.chars().any(char::is_control) {
            let reason = "the name of the record holds a control character";
            return Err(self.refused(draft, "", reason, "export the file again"));
        }
        if name != found {
            self.warnings.push(format!("The name '{}' is read with '_' for blanks.", shortened(found)));
        }
        if let Some(earlier) = self.line_of_name.insert(name.clone(), draft.line) {
            let reason = format!("this name is a duplicate: line {earlier} has it already");
            let remedy = "rename one of the records, since regions are found by name";
            return Err(self.refused(draft, &name, &reason, remedy));
        }
        if let Some(region) = &draft.header.region {
            let (shown, region) = (shortened(&name), shortened(region));
            self.warnings.push(format!(
                "Record '{shown}' is a part of that sequence ({region}): positions are counted from the start of the part."
            ));
        }
        Ok(name)
    }

    /// Holds the bases that were found against what the LOCUS line says.
    fn check_length(&mut self, draft: &Draft, name: &str) -> Result<(), GenomeError> {
        let (said, found) = (draft.locus.length_bp, draft.origin.length_bp);
        if found == 0 && said > 0 && self.wants == Wants::Features {
            return Ok(());
        }
        if found == 0 && said > 0 && draft.has_contig_line {
            let reason = "the record has no sequence but says what it is put together from (CONTIG)";
            return Err(self.refused(draft, name, reason, "download it as GenBank (full)"));
        }
        if found == 0 && said > 0 {
            let reason = "the record has no sequence (no bases below ORIGIN)";
            return Err(self.refused(draft, name, reason, "export it with its sequence"));
        }
        if found != said {
            let reason = format!("its LOCUS line says {said} bp, and {found} bases stand below ORIGIN");
            return Err(self.refused(draft, name, &reason, "export or download it again"));
        }
        if said == 0 {
            self.oddities.note(Oddity::EmptyRecord, 1, draft.line, name);
        }
        Ok(())
    }

    /// The record as a whole cannot be used.
    fn refused(&self, draft: &Draft, name: &str, reason: &str, remedy: &str) -> GenomeError {
        let record = (!name.is_empty()).then(|| name.to_owned());
        GenomeError::unusable(&self.path, Place::Line { line: draft.line, record }, reason, remedy)
    }
}

impl Draft {
    /// Begins with a LOCUS line; blank lines go before it, and what releases of GenBank say about themselves.
    fn begin(line: u64, text: &[u8], is_preamble: &mut bool) -> Result<Option<Self>, Complaint> {
        let text = if line == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text };
        let text = String::from_utf8_lossy(text);
        if let Some(locus) = text.strip_prefix("LOCUS").filter(|rest| rest.starts_with([' ', '\t'])) {
            *is_preamble = false;
            return Ok(Some(Self { line, locus: Locus::parse(locus)?, ..Self::default() }));
        }
        *is_preamble |= line == 1 && text.contains("Genetic Sequence Data Bank");
        if text.trim().is_empty() || *is_preamble {
            return Ok(None);
        }
        let reason = "there is text outside of records, which begin with LOCUS and end with '//'";
        Err((reason.to_owned(), "export the file again"))
    }

    fn line(&mut self, line: u64, text: &[u8], keep: bool, oddities: &mut Oddities) -> Result<(), Complaint> {
        let is_locus = text.strip_prefix(b"LOCUS").is_some_and(|rest| rest.first() == Some(&b' '));
        if is_locus {
            let reason = "another record begins before this one has ended with '//'".to_owned();
            return Err((reason, "put a line '//' between them, or export the file again"));
        }
        if self.section == Section::Origin {
            let name = self.header.name(&self.locus.name);
            return self.origin.line(text, keep, (line, name), oddities);
        }
        let is_keyword = text.first().is_some_and(|&first| !matches!(first, b' ' | b'\t'));
        if !is_keyword && (self.section == Section::Other || self.section == Section::Features && keep) {
            return Ok(());
        }
        let text = String::from_utf8_lossy(text);
        match self.section {
            _ if is_keyword => {
                let (keyword, rest) = text.split_once([' ', '\t']).unwrap_or((&text, ""));
                self.section = match keyword {
                    "DEFINITION" => Section::Definition,
                    "FEATURES" => Section::Features,
                    "ORIGIN" => Section::Origin,
                    _ => Section::Other,
                };
                self.has_contig_line |= keyword == "CONTIG";
                self.header.keyword(keyword, rest);
            }
            Section::Definition => self.header.more_definition(&text),
            Section::Features => self.table.line(line, &text),
            Section::Other | Section::Origin => {}
        }
        Ok(())
    }
}
