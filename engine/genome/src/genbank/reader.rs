//! GenBank text, record by record.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use super::{
    header::{Complaint, Header, Locus},
    origin::{MOST_BP, Origin},
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
        let refuse = |path: &Path, line, record, (reason, remedy): Complaint| {
            Err(GenomeError::unusable(path, Place::Line { line, record }, reason, remedy))
        };
        while let Some((line, text)) = self.lines.next(hooks)? {
            let Some(draft) = &mut draft else {
                let text = if line == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text };
                let shown = String::from_utf8_lossy(text);
                if let Some(locus) = shown.strip_prefix("LOCUS").filter(|rest| rest.starts_with([' ', '\t'])) {
                    match Locus::parse(locus) {
                        Ok(locus) => draft = Some(Draft { line, locus, ..Draft::default() }),
                        Err(complaint) => return refuse(&self.path, line, None, complaint),
                    }
                } else if !shown.trim().is_empty() {
                    // Releases of GenBank begin with some lines about themselves.
                    self.is_preamble |= line == 1;
                    if !self.is_preamble {
                        let reason = "there is text outside of records, which begin with LOCUS and end with '//'";
                        return refuse(&self.path, line, None, (reason.to_owned(), "export the file again"));
                    }
                }
                continue;
            };
            self.is_preamble = false;
            if text.starts_with(b"//") {
                let draft = std::mem::take(draft);
                return self.finish(draft).map(Some);
            }
            let keep = self.wants == Wants::Bases;
            if let Err(complaint) = draft.line(line, text, keep, &mut self.oddities) {
                let name = draft.header.name(&draft.locus.name).to_owned();
                return refuse(&self.path, line, Some(name), complaint);
            }
            if keep && self.total_bp + draft.origin.length_bp > MOST_BP {
                let reason = "its sequences are longer than 2 GiB, and those of a GenBank file are kept in memory";
                let name = draft.header.name(&draft.locus.name).to_owned();
                return refuse(&self.path, line, Some(name), (reason.to_owned(), "convert it to FASTA or 2bit"));
            }
        }
        let Some(draft) = draft else { return Ok(None) };
        let name = shortened(draft.header.name(&draft.locus.name));
        self.warnings
            .push(format!("Record '{name}' is the last and lacks its end line '//': it may have been truncated."));
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
        let found = draft.header.name(&draft.locus.name);
        let name = found.split_ascii_whitespace().collect::<Vec<_>>().join("_");
        let refuse = |record: Option<String>, reason: String, remedy: &str| {
            Err(GenomeError::unusable(&self.path, Place::Line { line: draft.line, record }, reason, remedy))
        };
        if name.is_empty() {
            return refuse(None, "the record has no name".to_owned(), "give it one in the LOCUS line");
        }
        if name.chars().any(char::is_control) {
            return refuse(
                None,
                "the name of the record holds a control character".to_owned(),
                "export the file again",
            );
        }
        if name != found {
            self.warnings.push(format!("The name '{}' is read with '_' for blanks.", shortened(found)));
        }
        if let Some(earlier) = self.line_of_name.insert(name.clone(), draft.line) {
            let reason = format!("this name is a duplicate: line {earlier} has it already");
            return refuse(Some(name), reason, "rename one of the records, since regions are found by name");
        }
        if let Some(region) = &draft.header.region {
            let shown = shortened(&name);
            self.warnings.push(format!(
                "Record '{shown}' is a part of that sequence ({}): positions are counted from the start of the part.",
                shortened(region)
            ));
        }
        let (said, found) = (draft.locus.length_bp, draft.origin.length_bp);
        if found == 0 && said > 0 && self.wants == Wants::Bases {
            let (reason, remedy) = if draft.has_contig_line {
                (
                    "the record has no sequence but says what it is put together from (CONTIG)",
                    "download it as GenBank (full)",
                )
            } else {
                ("the record has no sequence (no bases below ORIGIN)", "export it with its sequence")
            };
            return refuse(Some(name), reason.to_owned(), remedy);
        }
        if found > 0 && found != said {
            let reason = format!("its LOCUS line says {said} bp, and {found} bases stand below ORIGIN");
            return refuse(Some(name), reason, "export or download it again");
        }
        if said == 0 {
            self.oddities.note(Oddity::EmptyRecord, 1, draft.line, &name);
        }
        self.total_bp += found;
        let description = draft.header.description();
        let contig = Contig { name, description, length_bp: said, is_circular: draft.locus.is_circular };
        Ok(Record { contig, bases: draft.origin.bases, features: draft.table.features })
    }
}

impl Draft {
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
