//! Whether an index fits the text, found out without reading all of it.
//!
//! Records follow each other without a gap, so an index that says where each begins and how long its lines are also
//! says what must lie between: a header with the right name, line ends, and nothing else. A base put in or taken out
//! anywhere moves the end of its record off its place.

use std::{collections::HashSet, io};

use crate::{
    error::shortened,
    fasta::{IndexedContig, Layout, is_base, is_blank},
    source::TextStore,
};

/// A header with what precedes it may be this long.
const GAP_BYTES: u64 = 1 << 21;

/// Checks every record of `contigs` against `text`; the inner error is the reason why they do not fit.
pub(crate) fn verify(contigs: &[IndexedContig], text: &mut TextStore) -> io::Result<Result<(), String>> {
    let mut names = HashSet::new();
    let mut end = Some(0);
    for IndexedContig { contig, layout } in contigs {
        let misfit = |reason: &str| Ok(Err(format!("record '{}': {reason}", shortened(&contig.name))));
        if !names.insert(&contig.name) {
            return misfit("its name occurs twice");
        }
        if contig.length_bp == 0 {
            end = None;
            continue;
        }
        let Some(span) = Span::of(layout, contig.length_bp) else { return misfit("its numbers make no sense") };
        if !header_fits(text, end, span.first, &contig.name)? {
            return misfit("its header is not where it should be");
        }
        if !byte_at(text, span.first)?.is_some_and(is_base) {
            return misfit("its first base is not where it should be");
        }
        if let Some(line_end) = span.first_line_end
            && !byte_at(text, line_end)?.is_some_and(is_line_end)
        {
            return misfit("its lines have another length");
        }
        end = None;
        if let Some(last) = span.last {
            let behind = byte_at(text, last + 1)?;
            if !byte_at(text, last)?.is_some_and(is_base) || !behind.is_none_or(is_line_end) {
                return misfit("its last base is not where it should be");
            }
            end = Some(last + 1);
        }
    }
    match end {
        Some(end) if !only_blanks_after(text, end)? => Ok(Err("there is more text after the last record".to_owned())),
        _ => Ok(Ok(())),
    }
}

/// Where the first and, if it can be computed, the last base of a record lie.
struct Span {
    first: u64,
    /// Where its first line must end, if there is another one.
    first_line_end: Option<u64>,
    last: Option<u64>,
}

impl Span {
    fn of(layout: &Layout, length_bp: u64) -> Option<Self> {
        match layout {
            Layout::Lines { offset, line_bases, line_width } => {
                if *line_bases == 0 || line_width < line_bases || line_width - line_bases > 2 {
                    return None;
                }
                if length_bp > *line_bases && line_width == line_bases {
                    return None;
                }
                let last_bp = length_bp.checked_sub(1)?;
                let lines = (last_bp / line_bases).checked_mul(*line_width)?;
                let last = offset.checked_add(lines)?.checked_add(last_bp % line_bases)?;
                let first_line_end = (length_bp > *line_bases).then(|| offset + line_bases);
                Some(Self { first: *offset, first_line_end, last: Some(last) })
            }
            Layout::Steps(steps) => Some(Self { first: steps.first()?.1, first_line_end: None, last: None }),
        }
    }
}

/// Whether the text before `first` is the header of `name`, with nothing but blanks between it and `end`.
fn header_fits(text: &mut TextStore, end: Option<u64>, first: u64, name: &str) -> io::Result<bool> {
    let start = end.unwrap_or_else(|| first.saturating_sub(GAP_BYTES));
    if start > first || first - start > GAP_BYTES {
        return Ok(false);
    }
    let mut gap = vec![0; usize::try_from(first - start).unwrap_or(0)];
    if text.fill_at(start, &mut gap)? < gap.len() {
        return Ok(false);
    }
    while gap.last().copied().is_some_and(is_blank) {
        gap.pop();
    }
    let line_start = gap.iter().rposition(|&byte| is_line_end(byte)).map_or(0, |place| place + 1);
    let (before, header) = gap.split_at(line_start);
    let before = before.strip_prefix(b"\xef\xbb\xbf").unwrap_or(before);
    let header = header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(header);
    if end.is_some() && !before.iter().copied().all(is_blank) {
        return Ok(false);
    }
    let Some(header) = header.strip_prefix(b">") else { return Ok(false) };
    let found = header.split(|byte| matches!(byte, b' ' | b'\t')).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(found) == name)
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

fn byte_at(text: &mut TextStore, offset: u64) -> io::Result<Option<u8>> {
    let mut byte = [0];
    Ok((text.fill_at(offset, &mut byte)? == 1).then_some(byte[0]))
}

fn only_blanks_after(text: &mut TextStore, end: u64) -> io::Result<bool> {
    let mut rest = vec![0; 1 << 12];
    let count = text.fill_at(end, &mut rest)?;
    Ok(count < rest.len() && rest[..count].iter().copied().all(is_blank))
}
