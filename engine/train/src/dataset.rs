//! Labelled tables: sequences and what is known of them.
//!
//! A table is CSV with a header, plain or gzip (several members included).
//! Only two columns count, found by name; the others are ignored.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use csv::ByteRecord;
use flate2::bufread::MultiGzDecoder;
use thiserror::Error;

/// A table that cannot be used.
#[derive(Debug, Error)]
pub enum DataError {
    /// The file cannot be opened or is damaged.
    #[error("table {file} cannot be read: {source}. Check the path, and fetch the file again if it is damaged")]
    Read {
        /// The file.
        file: String,
        /// What the system or the decompressor said.
        source: io::Error,
    },
    /// The text is no table.
    #[error("table {file}, line {line}: {source}. Write CSV with a header and the same number of columns in each row")]
    Csv {
        /// The file.
        file: String,
        /// Line in the unpacked text, 1-based.
        line: u64,
        /// What the parser said.
        source: csv::Error,
    },
    /// A row or the header says something that cannot be used.
    #[error("table {file}, line {line}: {reason}. {remedy}")]
    Content {
        /// The file.
        file: String,
        /// Line in the unpacked text, 1-based.
        line: u64,
        /// What is wrong.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
}

/// One row: a sequence and its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Upper-case letters.
    pub sequence: Vec<u8>,
    /// Index into the head's labels.
    pub label: usize,
}

/// What a table's columns and labels mean.
#[derive(Clone, Debug)]
pub struct TableFormat {
    /// Name of the column with the sequences.
    pub sequence_column: String,
    /// Name of the column with the labels.
    pub label_column: String,
    /// The head's labels, in the order of its logits.
    pub labels: Vec<String>,
    /// What 0, 1, 2, … mean in the file; without it they count in the order of `labels`.
    pub label_names: Option<Vec<String>>,
}

impl TableFormat {
    /// Columns `sequence` and `label`, with numbers that count in the order of `labels`.
    pub fn new(labels: Vec<String>) -> Self {
        Self { sequence_column: "sequence".to_owned(), label_column: "label".to_owned(), labels, label_names: None }
    }

    /// Index of the label that stands in the file as `text`: a number or a name.
    fn label(&self, text: &str) -> Result<usize, String> {
        let index_of = |name: &str| self.labels.iter().position(|label| label == name);
        // A head may have numbers for names: then the name counts, unless the file's numbers were explained.
        if self.label_names.is_none()
            && let Some(index) = index_of(text)
        {
            return Ok(index);
        }
        let names = self.label_names.as_ref().unwrap_or(&self.labels);
        let name = match text.parse::<usize>() {
            Ok(number) => names
                .get(number)
                .ok_or_else(|| format!("label {number} has no name, only 0 to {} have one", names.len().max(1) - 1))?,
            Err(_) => text,
        };
        index_of(name).ok_or_else(|| format!("'{name}' is none of the labels {}", self.labels.join(", ")))
    }
}

/// A labelled table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dataset {
    /// The rows that are in use, in the order of the file.
    pub rows: Vec<Row>,
    /// Number of rows left out because the caller named them.
    pub left_out: usize,
}

impl Dataset {
    /// Reads a table; `exclude` names rows to leave out, 0-based, the header not counted.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, a row cannot be used, or `exclude` names a row that is not there.
    pub fn read(path: &Path, format: &TableFormat, exclude: &HashSet<usize>) -> Result<Self, DataError> {
        let file = path.display().to_string();
        let opened = open(path).map_err(|source| DataError::Read { file: file.clone(), source })?;
        Self::parse(opened, &file, format, exclude)
    }

    /// Reads a table from `input`, plain or gzip; `file` names it in errors.
    ///
    /// # Errors
    ///
    /// As [`Dataset::read`].
    pub fn parse(
        input: impl Read,
        file: &str,
        format: &TableFormat,
        exclude: &HashSet<usize>,
    ) -> Result<Self, DataError> {
        let mut table = Table::new(input, file, b',', [&format.sequence_column, &format.label_column])?;
        let mut data = Self::default();
        let mut count = 0;
        while let Some((line, [sequence, label])) = table.next_row()? {
            let content = |reason, remedy| DataError::Content { file: file.to_owned(), line, reason, remedy };
            if exclude.contains(&count) {
                data.left_out += 1;
            } else {
                let sequence = upper_case(&sequence)
                    .map_err(|reason| content(reason, "Write one sequence of letters in each row"))?;
                let label = format.label(&label).map_err(|reason| {
                    content(reason, "Use the head's labels, or say with --label-names what 0, 1, 2 mean in the file")
                })?;
                data.rows.push(Row { sequence, label });
            }
            count += 1;
        }
        let remedy = match exclude.iter().max() {
            Some(&row) if row >= count => "Use the list of rows that was made for this file",
            _ if data.rows.is_empty() => "Give a table with at least one row to use",
            _ => return Ok(data),
        };
        let reason = format!("the table ends after {count} rows, {} of them left out", data.left_out);
        Err(DataError::Content { file: file.to_owned(), line: table.last_line, reason, remedy })
    }
}

/// Reads a list of rows that share sequence with genomes, and returns those of the table named `file_name`.
///
/// The list is tab-separated with the columns `file`, `row` (0-based, the header not counted) and `genome`, plain or
/// gzip. Rows count that are listed for one of `genomes`, or for any when none is named: a head is judged on some
/// genomes only, and its table may come from another (all human rows of `species_windows_500bp` do).
/// A table that is not listed shares nothing.
///
/// # Errors
///
/// When the list cannot be read or a row is no number.
pub fn read_overlaps(path: &Path, file_name: &str, genomes: &[String]) -> Result<HashSet<usize>, DataError> {
    let file = path.display().to_string();
    let opened = open(path).map_err(|source| DataError::Read { file: file.clone(), source })?;
    let mut table = Table::new(opened, &file, b'\t', ["file", "row", "genome"])?;
    let mut rows = HashSet::new();
    while let Some((line, [name, row, genome])) = table.next_row()? {
        let row = row.parse().map_err(|_| DataError::Content {
            file: file.clone(),
            line,
            reason: format!("'{row}' is no number of a row"),
            remedy: "Count rows from 0, without the header",
        })?;
        if name == file_name && (genomes.is_empty() || genomes.contains(&genome)) {
            rows.insert(row);
        }
    }
    Ok(rows)
}

/// The labels of a table as they stand there, sorted, and the commonest length of its sequences.
///
/// # Errors
///
/// When the file cannot be read or has no rows.
pub fn survey(path: &Path) -> Result<(Vec<String>, usize), DataError> {
    let file = path.display().to_string();
    let opened = open(path).map_err(|source| DataError::Read { file: file.clone(), source })?;
    let mut table = Table::new(opened, &file, b',', ["sequence", "label"])?;
    let (mut labels, mut lengths) = (BTreeSet::new(), BTreeMap::<usize, usize>::new());
    while let Some((_, [sequence, label])) = table.next_row()? {
        // Numbers in the order of numbers, then names.
        labels.insert((label.parse::<u64>().unwrap_or(u64::MAX), label));
        *lengths.entry(sequence.len()).or_default() += 1;
    }
    let commonest = lengths.into_iter().max_by_key(|&(_, count)| count).map(|(length, _)| length);
    let Some(length) = commonest.filter(|_| labels.len() > 1) else {
        let reason = format!("there are {} labels, two are needed to tell apart", labels.len());
        let remedy = "Give a table with rows of at least two labels";
        return Err(DataError::Content { file: file.clone(), line: table.last_line, reason, remedy });
    };
    Ok((labels.into_iter().map(|(_, label)| label).collect(), length))
}

/// Opens a file that is neither a folder, nor a pipe or device that might never end.
fn open(path: &Path) -> io::Result<File> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    File::open(path)
}

/// The text of `input`, unpacked where its first bytes are gzip's.
fn unpacked<'a>(input: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let is_gzip = input.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    Ok(if is_gzip { Box::new(MultiGzDecoder::new(input)) } else { Box::new(input) })
}

fn upper_case(text: &str) -> Result<Vec<u8>, String> {
    if text.is_empty() {
        return Err("the sequence is empty".to_owned());
    }
    let stands_for_no_base = |letter: &char| !letter.is_ascii_alphabetic() && !matches!(letter, '-' | '*' | '.');
    match text.chars().find(stands_for_no_base) {
        Some(letter) => Err(format!("the sequence holds {letter:?}, which stands for no base")),
        None => Ok(text.to_ascii_uppercase().into_bytes()),
    }
}

/// Some columns of a table, row by row.
struct Table<'a, const N: usize> {
    reader: csv::Reader<Box<dyn Read + 'a>>,
    record: ByteRecord,
    file: &'a str,
    columns: [usize; N],
    last_line: u64,
}

impl<'a, const N: usize> Table<'a, N> {
    fn new(input: impl Read + 'a, file: &'a str, delimiter: u8, names: [&str; N]) -> Result<Self, DataError> {
        let input = unpacked(input).map_err(|source| DataError::Read { file: file.to_owned(), source })?;
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(input);
        let header = match reader.byte_headers() {
            Ok(header) => header.iter().map(|name| String::from_utf8_lossy(name.trim_ascii()).into_owned()),
            Err(error) => return Err(csv_error(file, 1, error)),
        };
        let header: Vec<String> = header.collect();
        let column = |wanted: &str| {
            let mut found = header.iter().enumerate().filter(|(_, name)| *name == wanted).map(|(column, _)| column);
            let reason = match (found.next(), found.next()) {
                (Some(column), None) => return Ok(column),
                (Some(_), Some(_)) => format!("the column '{wanted}' stands there twice"),
                _ if header.is_empty() => "there is no header".to_owned(),
                _ => format!("there is no column '{wanted}', only {}", header.join(", ")),
            };
            let remedy = "Begin the table with a header that names the columns, or say which columns to read";
            Err(DataError::Content { file: file.to_owned(), line: 1, reason, remedy })
        };
        let mut columns = [0; N];
        for (place, name) in columns.iter_mut().zip(names) {
            *place = column(name)?;
        }
        Ok(Self { reader, record: ByteRecord::new(), file, columns, last_line: 1 })
    }

    /// The line of the next row and its cells, blanks around them taken off.
    fn next_row(&mut self) -> Result<Option<(u64, [String; N])>, DataError> {
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(csv_error(self.file, self.last_line + 1, error)),
        }
        self.last_line = self.record.position().map_or(self.last_line + 1, csv::Position::line);
        let cell = |column| {
            // Bytes that are no text stay visible as such and fail where the cell is used.
            String::from_utf8_lossy(self.record.get(column).unwrap_or_default().trim_ascii()).into_owned()
        };
        Ok(Some((self.last_line, self.columns.map(cell))))
    }
}

/// A damaged file and a badly written table are two things to the one who has to mend them.
fn csv_error(file: &str, line: u64, error: csv::Error) -> DataError {
    let file = file.to_owned();
    let line = error.position().map_or(line, csv::Position::line);
    if !error.is_io_error() {
        return DataError::Csv { file, line, source: error };
    }
    let source = match error.into_kind() {
        csv::ErrorKind::Io(source) => io::Error::new(source.kind(), format!("{source}, after line {}", line - 1)),
        _ => io::Error::other("reading failed"),
    };
    DataError::Read { file, source }
}

#[cfg(test)]
mod tests;
