//! A `.fai` that lies beside a FASTA file, as `samtools faidx` writes it. It is read, checked, never written.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use super::{Index, with_suffix};
use crate::{
    Contig,
    error::{shortened, shown},
    fasta::{IndexedContig, Layout},
};

/// Larger ones are no index of anything: ten million records take less.
const LARGEST_BYTES: u64 = 1 << 30;

/// Where the `.fai` of `path` would be.
pub(crate) fn fai_path(path: &Path) -> PathBuf {
    with_suffix(path, ".fai")
}

/// Reads the `.fai` beside `path`: `None` where there is none, the reason where it is no index.
pub(crate) fn read(path: &Path) -> Option<Result<Vec<IndexedContig>, String>> {
    let fai = fai_path(path);
    let metadata = fs::metadata(&fai).ok()?;
    if !metadata.is_file() {
        return Some(Err("it is not a regular file".to_owned()));
    }
    if metadata.len() > LARGEST_BYTES {
        return Some(Err("it is larger than 1 GiB".to_owned()));
    }
    Some(read_lines(&fai))
}

fn read_lines(fai: &Path) -> Result<Vec<IndexedContig>, String> {
    let file = File::open(fai).map_err(|error| error.to_string())?;
    let mut contigs = Vec::new();
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let number = index + 1;
        let line = line.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => format!("line {number} is not text"),
            _ => error.to_string(),
        })?;
        contigs
            .push(parse_line(&line).ok_or_else(|| format!("line {number} is not five columns of a name and numbers"))?);
    }
    if contigs.is_empty() {
        return Err("it is empty".to_owned());
    }
    Ok(contigs)
}

/// `name length offset line_bases line_width`, with tabs between.
fn parse_line(line: &str) -> Option<IndexedContig> {
    let mut columns = line.split('\t');
    let name = columns.next().filter(|name| !name.is_empty())?.to_owned();
    let mut number = || columns.next()?.parse::<u64>().ok();
    let (length_bp, offset, line_bases, line_width) = (number()?, number()?, number()?, number()?);
    let contig = Contig { name, length_bp, ..Contig::default() };
    let indexed = IndexedContig { contig, layout: Layout::Lines { offset, line_bases, line_width } };
    columns.next().is_none().then_some(indexed)
}

/// A warning if there is a `.fai` beside `path` that says something else than `index`, which was built from the file.
pub(crate) fn compare(path: &Path, index: &Index) -> Option<String> {
    let reason = match read(path)? {
        Err(reason) => reason,
        Ok(listed) => difference(&listed, &index.contigs)?,
    };
    Some(not_used(path, &reason))
}

/// What the user is told about an index that was not used.
pub(crate) fn not_used(path: &Path, reason: &str) -> String {
    format!(
        "The index {} does not fit the file, it is stale or damaged ({reason}): it was not used. Make it anew with samtools faidx.",
        shown(&fai_path(path))
    )
}

fn difference(listed: &[IndexedContig], found: &[IndexedContig]) -> Option<String> {
    if listed.len() != found.len() {
        return Some(format!("it lists {} records, the file has {}", listed.len(), found.len()));
    }
    for (listed, found) in listed.iter().zip(found) {
        let name = shortened(&found.contig.name);
        if listed.contig.name != found.contig.name {
            return Some(format!("it has '{}' where the file has '{name}'", shortened(&listed.contig.name)));
        }
        if listed.contig.length_bp != found.contig.length_bp {
            let (listed, found) = (listed.contig.length_bp, found.contig.length_bp);
            return Some(format!("it gives '{name}' {listed} bases, the file has {found}"));
        }
        if !same_places(&listed.layout, &found.layout, found.contig.length_bp) {
            return Some(format!("it gives '{name}' another place or another line length"));
        }
    }
    None
}

/// Whether two layouts find every base at the same place. The width of an only line does not matter.
fn same_places(listed: &Layout, found: &Layout, length_bp: u64) -> bool {
    match (listed, found) {
        (
            Layout::Lines { offset, line_bases, line_width },
            Layout::Lines { offset: found_offset, line_bases: found_bases, line_width: found_width },
        ) => {
            let one_line = length_bp <= *line_bases && length_bp <= *found_bases;
            length_bp == 0
                || offset == found_offset && (one_line || (line_bases, line_width) == (found_bases, found_width))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_five_columns() {
        let indexed = parse_line("chr1\t12\t6\t5\t6").unwrap();
        assert_eq!((indexed.contig.name.as_str(), indexed.contig.length_bp), ("chr1", 12));
        assert_eq!(indexed.layout, Layout::Lines { offset: 6, line_bases: 5, line_width: 6 });
        for line in ["", "chr1\t12\t6\t5", "chr1\t12\t6\t5\t6\t7", "chr1\t-1\t6\t5\t6", "chr1 12 6 5 6"] {
            assert!(parse_line(line).is_none(), "{line}");
        }
    }
}
