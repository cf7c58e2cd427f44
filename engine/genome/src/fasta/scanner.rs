//! One pass over FASTA text that checks every byte and finds where each record's bases lie.
//!
//! Opening, indexing and inspecting all go through here, so that what one refuses the others refuse too.

use std::{collections::HashMap, path::Path};

use memchr::memchr2;
use serde::{Deserialize, Serialize};

use super::{
    Layout,
    layout::LayoutBuilder,
    letters::{Letter, all_plain, letter, why_foreign},
    oddities::{Oddities, Oddity},
    sniff,
};
use crate::{Contig, GenomeError, Hooks, error::Place, source::TextStream};

/// Takes the bases of records as they go by.
pub(crate) trait Sink {
    /// The next bases of the present record, in order.
    fn bases(&mut self, bases: &[u8]);
    /// The present record has ended.
    fn end(&mut self, contig: &Contig);
    /// The text itself, before anything else is made of it.
    fn text(&mut self, _text: &[u8]) -> Result<(), GenomeError> {
        Ok(())
    }
}

/// For those who need the places of bases only.
pub(crate) struct NoSink;

impl Sink for NoSink {
    fn bases(&mut self, _bases: &[u8]) {}
    fn end(&mut self, _contig: &Contig) {}
}

/// A contig and where its bases lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IndexedContig {
    pub(crate) contig: Contig,
    pub(crate) layout: Layout,
}

/// What a pass over a whole text found.
#[derive(Debug)]
pub(crate) struct ScannedText {
    pub(crate) contigs: Vec<IndexedContig>,
    pub(crate) warnings: Vec<String>,
    pub(crate) text_bytes: u64,
}

/// Reads `stream` to its end. `total_bytes` is the size of the file on disk, for the progress hook.
pub(crate) fn scan(
    path: &Path,
    stream: &mut TextStream,
    total_bytes: u64,
    sink: &mut dyn Sink,
    hooks: &mut Hooks<'_>,
) -> Result<ScannedText, GenomeError> {
    let mut scanner = Scanner::new(path, sink);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = stream.fill(&mut buffer)?;
        if count == 0 {
            break;
        }
        scanner.sink.text(&buffer[..count])?;
        scanner.feed(&buffer[..count])?;
        hooks.step(stream.packed_position(), total_bytes)?;
    }
    scanner.finish()
}

/// Header bytes that are kept; a name must end within them.
const HEADER_LIMIT: usize = 1 << 16;

struct Scanner<'a> {
    path: &'a Path,
    sink: &'a mut dyn Sink,
    /// Place in the text of the next byte to be fed.
    offset: u64,
    /// Number of the present line, from 1.
    line: u64,
    state: State,
    header: Vec<u8>,
    header_was_cut: bool,
    record: Option<OpenRecord>,
    line_of_name: HashMap<String, u64>,
    contigs: Vec<IndexedContig>,
    oddities: Oddities,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    LineStart,
    Header,
    Sequence,
    /// A carriage return was the last byte fed: a line feed may follow. Holds what the line was.
    AfterReturn {
        header: bool,
    },
}

#[derive(Default)]
struct OpenRecord {
    contig: Contig,
    layout: LayoutBuilder,
    line_offset: u64,
    line_bases: u64,
    line_has_blanks: bool,
    /// The first blank line since the last base.
    blank_line: Option<u64>,
}

impl<'a> Scanner<'a> {
    fn new(path: &'a Path, sink: &'a mut dyn Sink) -> Self {
        Self {
            path,
            sink,
            offset: 0,
            line: 1,
            state: State::LineStart,
            header: Vec::new(),
            header_was_cut: false,
            record: None,
            line_of_name: HashMap::new(),
            contigs: Vec::new(),
            oddities: Oddities::default(),
        }
    }

    fn feed(&mut self, chunk: &[u8]) -> Result<(), GenomeError> {
        let mut rest = chunk;
        if self.offset == 0 {
            rest = self.begin(rest)?;
        }
        while !rest.is_empty() {
            if let State::AfterReturn { .. } = self.state {
                rest = self.after_return(rest)?;
                continue;
            }
            let end = memchr2(b'\n', b'\r', rest);
            let segment = &rest[..end.unwrap_or(rest.len())];
            self.segment(segment)?;
            self.offset += segment.len() as u64;
            rest = &rest[segment.len()..];
            if end.is_some() {
                rest = self.line_end(rest)?;
            }
        }
        Ok(())
    }

    /// Looks at the very first bytes.
    fn begin<'t>(&mut self, text: &'t [u8]) -> Result<&'t [u8], GenomeError> {
        if let Some(encoding) = sniff::wide_encoding(text) {
            let reason = format!("the text is encoded in {encoding}, which FASTA never is");
            let remedy = "save it as plain text (UTF-8 or ASCII)";
            return Err(GenomeError::unusable(self.path, Place::Byte(0), reason, remedy));
        }
        if let Some(rest) = text.strip_prefix(b"\xef\xbb\xbf") {
            self.oddities.note(Oddity::ByteOrderMark, 1, 1, "");
            self.offset = 3;
            return Ok(rest);
        }
        Ok(text)
    }

    /// A line end begins `rest`, or a carriage return that may be half of one.
    fn line_end<'t>(&mut self, rest: &'t [u8]) -> Result<&'t [u8], GenomeError> {
        if rest[0] == b'\r' {
            self.state = State::AfterReturn { header: self.state == State::Header };
            self.offset += 1;
        } else {
            self.offset += 1;
            self.line_finished(self.state == State::Header)?;
        }
        Ok(&rest[1..])
    }

    fn after_return<'t>(&mut self, rest: &'t [u8]) -> Result<&'t [u8], GenomeError> {
        let State::AfterReturn { header } = self.state else { return Ok(rest) };
        if rest.first() == Some(&b'\n') {
            self.offset += 1;
            self.line_finished(header)?;
            return Ok(&rest[1..]);
        }
        let record = self.record.as_ref().map_or("", |record| &record.contig.name);
        self.oddities.note(Oddity::OldMacLineEnds, 1, self.line, record);
        self.line_finished(header)?;
        Ok(rest)
    }

    /// Part of a line, without its end.
    fn segment(&mut self, segment: &[u8]) -> Result<(), GenomeError> {
        let Some(&first) = segment.first() else { return Ok(()) };
        if self.state == State::LineStart {
            if first == b'>' {
                self.close_record();
                self.header.clear();
                self.header_was_cut = false;
                self.state = State::Header;
            } else {
                self.state = State::Sequence;
                if let Some(record) = &mut self.record {
                    record.line_offset = self.offset;
                }
            }
        }
        if self.state == State::Header {
            let room = HEADER_LIMIT - self.header.len();
            self.header_was_cut |= segment.len() > room;
            self.header.extend_from_slice(&segment[..segment.len().min(room)]);
            return Ok(());
        }
        if all_plain(segment) && self.record.is_some() { self.run(segment, 0) } else { self.odd_segment(segment) }
    }

    /// Bases without a blank between them, `skip` bytes after `self.offset`.
    fn run(&mut self, bases: &[u8], skip: u64) -> Result<(), GenomeError> {
        let Some(record) = &mut self.record else { return Ok(()) };
        if record.line_bases == 0 {
            record.line_offset = self.offset + skip;
        }
        if let Some(line) = record.blank_line.take() {
            record.layout.unclean();
            self.oddities.note(Oddity::BlankLine, 1, line, &record.contig.name);
        }
        record.layout.run(record.contig.length_bp, self.offset + skip);
        record.line_bases += bases.len() as u64;
        record.contig.length_bp += bases.len() as u64;
        self.sink.bases(bases);
        Ok(())
    }

    /// A part of a line that holds more than plain bases.
    fn odd_segment(&mut self, segment: &[u8]) -> Result<(), GenomeError> {
        let Some(record) = &mut self.record else { return self.before_first_header(segment) };
        let mut counts = [0_u64; 7];
        for &byte in segment {
            let meaning = letter(byte);
            if meaning == Letter::Foreign {
                let (reason, remedy) = why_foreign(byte);
                let place = Place::Line { line: self.line, record: Some(record.contig.name.clone()) };
                return Err(GenomeError::unusable(self.path, place, reason, remedy));
            }
            counts[meaning as usize] += 1;
        }
        for (meaning, oddity) in [
            (Letter::Uracil, Oddity::Uracil),
            (Letter::Ambiguous, Oddity::Ambiguous),
            (Letter::Gap, Oddity::Gap),
            (Letter::Star, Oddity::Star),
        ] {
            self.oddities.note(oddity, counts[meaning as usize], self.line, &record.contig.name);
        }
        if counts[Letter::Blank as usize] == 0 {
            return self.run(segment, 0);
        }
        record.line_has_blanks = true;
        let mut start = 0;
        for part in segment.split(|&byte| letter(byte) == Letter::Blank) {
            if !part.is_empty() {
                self.run(part, start as u64)?;
            }
            start += part.len() + 1;
        }
        Ok(())
    }

    fn before_first_header(&self, segment: &[u8]) -> Result<(), GenomeError> {
        let text = segment.trim_ascii_start();
        if text.is_empty() {
            return Ok(());
        }
        let (reason, remedy) = sniff::not_fasta(text);
        Err(GenomeError::unusable(self.path, Place::Line { line: self.line, record: None }, reason, remedy))
    }

    /// The present line is over, its end is behind `self.offset`.
    fn line_finished(&mut self, was_header: bool) -> Result<(), GenomeError> {
        if was_header {
            self.open_record()?;
        } else if let Some(record) = &mut self.record {
            if record.line_bases == 0 {
                record.blank_line.get_or_insert(self.line);
            } else {
                if record.line_has_blanks {
                    record.layout.unclean();
                    self.oddities.note(Oddity::Blanks, 1, self.line, &record.contig.name);
                }
                let width = self.offset - record.line_offset;
                if record.layout.line(record.line_offset, record.line_bases, width) {
                    self.oddities.note(Oddity::UnevenLines, 1, self.line, &record.contig.name);
                }
            }
            record.line_bases = 0;
            record.line_has_blanks = false;
        }
        self.line += 1;
        self.state = State::LineStart;
        Ok(())
    }

    fn open_record(&mut self) -> Result<(), GenomeError> {
        let here = |record: Option<String>| Place::Line { line: self.line, record };
        let header = &self.header[1..];
        let split = header.iter().position(|byte| matches!(byte, b' ' | b'\t'));
        let (name, description) = header.split_at(split.unwrap_or(header.len()));
        if name.is_empty() {
            let (reason, remedy) = if description.is_empty() {
                ("the header has no name after '>'", "give each record a name")
            } else {
                ("the header has no name: a blank follows '>'", "put the name right after '>'")
            };
            return Err(GenomeError::unusable(self.path, here(None), reason, remedy));
        }
        if self.header_was_cut && split.is_none() {
            let reason = "the header holds a name longer than the limit of 64 KiB";
            return Err(GenomeError::unusable(self.path, here(None), reason, "give the record a shorter name"));
        }
        if let Some(control) = name.iter().find(|byte| byte.is_ascii_control()) {
            let reason = format!("the name in the header holds the control character 0x{control:02X}");
            return Err(GenomeError::unusable(self.path, here(None), reason, "export the file again as plain text"));
        }
        let shown_name = String::from_utf8_lossy(name).into_owned();
        if let Some(earlier) = self.line_of_name.insert(shown_name.clone(), self.line) {
            let reason = format!("this name is a duplicate: line {earlier} has it already");
            let remedy = "rename one of the records, since regions are found by name";
            return Err(GenomeError::unusable(self.path, here(Some(shown_name)), reason, remedy));
        }
        if std::str::from_utf8(name).is_err() {
            self.oddities.note(Oddity::NameNotUtf8, 1, self.line, &shown_name);
        }
        if self.header_was_cut {
            self.oddities.note(Oddity::LongHeader, 1, self.line, &shown_name);
        }
        let description = String::from_utf8_lossy(description.trim_ascii()).into_owned();
        let contig = Contig { name: shown_name, description, ..Contig::default() };
        self.record = Some(OpenRecord { contig, ..OpenRecord::default() });
        Ok(())
    }

    fn close_record(&mut self) {
        let Some(mut record) = self.record.take() else { return };
        if record.contig.length_bp == 0 {
            self.oddities.note(Oddity::EmptyRecord, 1, self.line.saturating_sub(1), &record.contig.name);
        }
        self.sink.end(&record.contig);
        self.contigs.push(IndexedContig { layout: record.layout.finish(), contig: record.contig });
    }

    /// The text has ended.
    fn finish(mut self) -> Result<ScannedText, GenomeError> {
        match self.state {
            State::LineStart => {}
            State::AfterReturn { header } => self.line_finished(header)?,
            State::Header | State::Sequence => self.line_finished(self.state == State::Header)?,
        }
        self.close_record();
        let remedy = "check that the export or download is complete";
        if self.contigs.is_empty() {
            let reason = "it holds no record: nothing but blank lines";
            return Err(GenomeError::unusable(self.path, Place::Whole, reason, remedy));
        }
        if self.contigs.iter().all(|indexed| indexed.contig.length_bp == 0) {
            let name = self.contigs[0].contig.name.clone();
            let place = Place::Line { line: self.line_of_name[&name], record: Some(name) };
            let reason = "no sequence follows any header: every record is empty (0 bp)";
            return Err(GenomeError::unusable(self.path, place, reason, remedy));
        }
        Ok(ScannedText { contigs: self.contigs, warnings: self.oddities.sentences(), text_bytes: self.offset })
    }
}
