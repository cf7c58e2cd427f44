//! bedGraph and wig: values as text.
//!
//! One reader for both, since `bigWigToWig` mixes them in one file. bedGraph counts from 0 and half-open, wig from 1.

use std::{collections::HashMap, path::Path};

use super::{
    declaration::{Declaration, parse_number, parse_value},
    intervals::Interval,
    names::Reference,
    refused::{Refusal, RefusedRows, Said},
    settings::{begins_with_word, parse_colour, setting, settings},
};
use crate::{
    GenomeError, Hooks,
    annotation::Lines,
    error::{Place, shortened},
    grouped,
};

/// Values that are kept in memory, 16 bytes each; larger files have BigWig.
const MOST_INTERVALS: usize = 64_000_000;
/// Different names of contigs.
const MOST_CONTIGS: usize = 1_000_000;

const FIX_ROW: &str = "mend the row or take it out";

/// What is in a text file.
#[derive(Debug, Default)]
pub(super) struct TextValues {
    /// Contigs in the order in which they appear, with the values as they stand in the file.
    pub(super) contigs: Vec<(String, Vec<Interval>)>,
    pub(super) refused: RefusedRows,
    pub(super) warnings: Vec<String>,
    /// What the `track` line calls it.
    pub(super) name: Option<String>,
    pub(super) colour: Option<[u8; 3]>,
}

/// Reads the file at `path` row by row.
pub(super) fn read_text(
    path: &Path,
    reference: Option<Reference<'_>>,
    hooks: &mut Hooks<'_>,
) -> Result<TextValues, GenomeError> {
    let mut lines = Lines::open(path)?;
    let mut reader = Reader::new(reference);
    reader.found.warnings = lines.warnings().to_vec();
    while let Some((number, line)) = lines.next(hooks)? {
        let refuse = |reason: String| {
            let place = Place::Line { line: number, record: None };
            GenomeError::unusable(path, place, reason, "convert the file to BigWig (bedGraphToBigWig, wigToBigWig)")
        };
        let Ok(short_number) = u32::try_from(number) else {
            return Err(refuse("the file has more than 4,294,967,295 lines".to_owned()));
        };
        reader.read_line(short_number, line.trim_ascii());
        if reader.values > MOST_INTERVALS {
            return Err(refuse(format!("the file has more than {} values", grouped(MOST_INTERVALS as u64))));
        }
        if reader.places.len() > MOST_CONTIGS {
            return Err(refuse(format!("the file names more than {} contigs", grouped(MOST_CONTIGS as u64))));
        }
    }
    Ok(reader.finish())
}

/// Where rows of a name go.
#[derive(Clone, Copy, Debug)]
enum ContigPlace {
    Known(usize),
    Unknown,
}

struct Reader<'a> {
    reference: Option<Reference<'a>>,
    lengths: HashMap<&'a str, u64>,
    /// By the name in the file.
    places: HashMap<String, ContigPlace>,
    /// By the name in the reference.
    indices: HashMap<String, usize>,
    declaration: Option<Declaration>,
    found: TextValues,
    values: usize,
    tracks: usize,
    rows_of_other_tracks: u64,
    without_span: u64,
}

impl<'a> Reader<'a> {
    fn new(reference: Option<Reference<'a>>) -> Self {
        let lengths = reference.iter().flat_map(|(_, contigs)| *contigs);
        Self {
            reference,
            lengths: lengths.map(|contig| (contig.name.as_str(), contig.length_bp)).collect(),
            places: HashMap::new(),
            indices: HashMap::new(),
            declaration: None,
            found: TextValues::default(),
            values: 0,
            tracks: 0,
            rows_of_other_tracks: 0,
            without_span: 0,
        }
    }

    fn read_line(&mut self, number: u32, line: &[u8]) {
        if line.is_empty() || line.starts_with(b"#") || begins_with_word(line, "browser") {
            return;
        }
        if begins_with_word(line, "track") {
            self.read_track_line(&String::from_utf8_lossy(line));
        } else if self.tracks > 1 {
            self.rows_of_other_tracks += 1;
            let reason = "it belongs to a second track, and only the first track of a file is read";
            let refusal = Refusal::new("columns", reason, "give each track a file of its own");
            self.found.refused.add(number.into(), line, Said::default(), refusal);
        } else if Declaration::is_one(line) {
            self.read_declaration(number, line);
        } else if let Err((said, refusal)) = self.read_row(number, line) {
            self.found.refused.add(number.into(), line, said, refusal);
        }
    }

    fn read_track_line(&mut self, line: &str) {
        // Of track lines without a row between them, the last counts.
        self.tracks = if self.values == 0 && self.found.refused.count == 0 { 1 } else { self.tracks.max(1) + 1 };
        self.declaration = None;
        if self.tracks == 1 {
            let settings = settings(line);
            self.found.name = setting(&settings, "name").map(str::to_owned);
            self.found.colour = setting(&settings, "color").and_then(parse_colour);
        }
    }

    fn read_declaration(&mut self, number: u32, line: &[u8]) {
        let declaration = Declaration::parse(&String::from_utf8_lossy(line), number);
        if let Some(refusal) = declaration.refusal() {
            let said = Said { contig: declaration.contig.clone(), ..Said::default() };
            self.found.refused.add(number.into(), line, said, refusal.clone());
        }
        self.without_span += u64::from(declaration.lacks_span());
        self.declaration = Some(declaration);
    }

    fn read_row(&mut self, number: u32, line: &[u8]) -> Result<(), (Said, Refusal)> {
        let text = String::from_utf8_lossy(line);
        let words: Vec<&str> = text.split_ascii_whitespace().take(6).collect();
        let (said, start_bp, end_bp, value) = match (words.as_slice(), &mut self.declaration) {
            ([contig, start, end, value], declaration) => {
                // A row of another kind ends what a declaration says.
                *declaration = None;
                bed_graph_row(contig, start, end, value)?
            }
            (words, Some(declaration)) if words.len() < 3 => declaration.read_row(words)?,
            (words, declaration) => {
                declaration.iter_mut().for_each(Declaration::lose_place);
                let columns = if words.len() > 5 { "more than 5".to_owned() } else { words.len().to_string() };
                let reason =
                    format!("it has {columns} columns; bedGraph rows have 4, wig rows 1 or 2 behind a declaration");
                return Err((Said::default(), Refusal::new("columns", reason, FIX_ROW)));
            }
        };
        self.add(number, &said, start_bp, end_bp, value).map_err(|refusal| (said, refusal))
    }

    fn add(&mut self, number: u32, said: &Said, start_bp: u64, end_bp: u64, value: f32) -> Result<(), Refusal> {
        let index = match self.place(&said.contig) {
            ContigPlace::Known(index) => index,
            ContigPlace::Unknown => {
                let reason = format!("no contig of the reference is called '{}'", shortened(&said.contig));
                return Err(Refusal::new("unknown_contig", reason, "open the sequence that the file was made for"));
            }
        };
        let (contig, intervals) = &mut self.found.contigs[index];
        if let Some(&length_bp) = self.lengths.get(contig.as_str()).filter(|length_bp| end_bp > **length_bp) {
            let reason = format!("it ends at {} and '{contig}' has {} bases", grouped(end_bp), grouped(length_bp));
            return Err(Refusal::new("beyond_end", reason, "open the sequence that the file was made for"));
        }
        let (Ok(start_bp), Ok(end_bp)) = (u32::try_from(start_bp), u32::try_from(end_bp)) else {
            return Err(Refusal::new("coordinates", "no contig reaches past base 4,294,967,295", FIX_ROW));
        };
        let before = intervals.last().filter(|last| (last.start_bp..last.end_bp).contains(&start_bp));
        if let Some(before) = before {
            return Err(overlap(start_bp, end_bp, before));
        }
        intervals.push(Interval { start_bp, end_bp, value, line: number });
        self.values += 1;
        Ok(())
    }

    fn place(&mut self, name: &str) -> ContigPlace {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let resolved = self.reference.map_or(Some(name), |(aliases, _)| aliases.resolve(name));
        let place = resolved.map_or(ContigPlace::Unknown, |resolved| {
            // `1` and `chr1` of one file are the same contig.
            let index = *self.indices.entry(resolved.to_owned()).or_insert(self.found.contigs.len());
            if index == self.found.contigs.len() {
                self.found.contigs.push((resolved.to_owned(), Vec::new()));
            }
            ContigPlace::Known(index)
        });
        self.places.insert(name.to_owned(), place);
        place
    }

    fn finish(self) -> TextValues {
        let mut found = self.found;
        if self.rows_of_other_tracks > 0 {
            let rows = grouped(self.rows_of_other_tracks);
            found
                .warnings
                .push(format!("The file holds several tracks: {rows} rows of all but the first are left out."));
        }
        if self.without_span > 0 {
            let sentence =
                "a fixedStep declaration with a step and no span: each value is that of one base, as the format says.";
            found.warnings.push(format!("The file has {sentence}"));
        }
        for (contig, intervals) in &mut found.contigs {
            drop_overlaps(contig, intervals, &mut found.refused);
        }
        found.refused.rows.sort_by_key(|row| row.line);
        if self.values == 0 {
            found.warnings.push("Not a single row of the file holds a value.".to_owned());
        }
        found
    }
}

/// A row of bedGraph: where it says that it lies, its bases and value.
type Parsed = (Said, u64, u64, f32);

fn bed_graph_row(contig: &str, start: &str, end: &str, value: &str) -> Result<Parsed, (Said, Refusal)> {
    let said = Said { contig: contig.to_owned(), start: start.parse().ok(), end: end.parse().ok() };
    let parsed = parse_number(start, "start").and_then(|start_bp| {
        let end_bp = parse_number(end, "end")?;
        if end_bp <= start_bp {
            let reason = format!("it ends at {end_bp} and begins at {start_bp}: not a single base is in it");
            return Err(Refusal::new("coordinates", reason, FIX_ROW));
        }
        Ok((start_bp, end_bp, parse_value(value)?))
    });
    match parsed {
        Ok((start_bp, end_bp, value)) => Ok((said, start_bp, end_bp, value)),
        Err(refusal) => Err((said, refusal)),
    }
}

/// Sorts `intervals` and refuses those that begin before the one to their left has ended.
fn drop_overlaps(contig: &str, intervals: &mut Vec<Interval>, refused: &mut RefusedRows) {
    if intervals.windows(2).all(|pair| pair[0].end_bp <= pair[1].start_bp) {
        return;
    }
    intervals.sort_by_key(|interval| (interval.start_bp, interval.line));
    let mut kept: Option<Interval> = None;
    intervals.retain(|interval| match kept {
        Some(before) if interval.start_bp < before.end_bp => {
            let refusal = overlap(interval.start_bp, interval.end_bp, &before);
            // What it said in its own words is not kept.
            let said = Said { contig: contig.to_owned(), ..Said::default() };
            refused.add(interval.line.into(), b"", said, refusal);
            false
        }
        _ => {
            kept = Some(*interval);
            true
        }
    });
}

fn overlap(start_bp: u32, end_bp: u32, before: &Interval) -> Refusal {
    let bases = format!("{} to {}", grouped(u64::from(start_bp) + 1), grouped(end_bp.into()));
    let reason =
        format!("some of its bases ({bases}) have a value already, that of line {}", grouped(before.line.into()));
    Refusal::new("overlap", reason, "keep one row for each base")
}
