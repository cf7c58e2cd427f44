//! The lines of a text file, whatever it is packed in.

use std::path::Path;

use crate::{
    GenomeError, Hooks,
    error::Place,
    source::{Packing, SourceFile, TextStream},
};

/// Longest line that is read: longer ones are no text.
const LONGEST_LINE_BYTES: usize = 64 << 20;

/// Bytes read at once.
const PIECE_BYTES: usize = 1 << 18;

/// Gives the lines of a file one by one, without their ends (`\n` or `\r\n`).
pub(crate) struct Lines {
    stream: TextStream,
    path: std::path::PathBuf,
    size_bytes: u64,
    warnings: Vec<String>,
    buffer: Vec<u8>,
    /// First byte of the buffer that has not been given yet.
    from: usize,
    is_at_end: bool,
    line: u64,
}

impl Lines {
    /// Opens a plain, gzip or BGZF file.
    pub(crate) fn open(path: &Path) -> Result<Self, GenomeError> {
        let source = SourceFile::open(path)?;
        let packing = Packing::of(&source)?;
        Ok(Self {
            stream: TextStream::open(&source, &packing)?,
            path: source.path.clone(),
            size_bytes: source.identity.size_bytes,
            warnings: packing.warnings(),
            buffer: Vec::new(),
            from: 0,
            is_at_end: false,
            line: 0,
        })
    }

    /// What is odd about how the file is packed.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The next line and its number, counted from 1; `None` at the end.
    pub(crate) fn next(&mut self, hooks: &mut Hooks<'_>) -> Result<Option<(u64, &[u8])>, GenomeError> {
        let mut searched = self.from;
        let end = loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[searched..]) {
                break searched + at;
            }
            if self.is_at_end {
                break self.buffer.len();
            }
            searched = self.buffer.len() - self.from;
            self.fill(hooks)?;
        };
        if end == self.buffer.len() && self.from == end {
            return Ok(None);
        }
        self.line += 1;
        let line = &self.buffer[self.from..end];
        self.from = (end + 1).min(self.buffer.len());
        Ok(Some((self.line, line.strip_suffix(b"\r").unwrap_or(line))))
    }

    /// Reads on, after dropping what has been given.
    fn fill(&mut self, hooks: &mut Hooks<'_>) -> Result<(), GenomeError> {
        self.buffer.drain(..self.from);
        self.from = 0;
        let kept = self.buffer.len();
        if kept > LONGEST_LINE_BYTES {
            let place = Place::Line { line: self.line + 1, record: None };
            return Err(GenomeError::unusable(&self.path, place, "the line is longer than 64 MiB", "give a text file"));
        }
        self.buffer.resize(kept + PIECE_BYTES, 0);
        let filled = self.stream.fill(&mut self.buffer[kept..])?;
        self.buffer.truncate(kept + filled);
        self.is_at_end = filled < PIECE_BYTES;
        hooks.step(self.stream.packed_position(), self.size_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(text: &[u8]) -> Vec<(u64, String)> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        let mut lines = Lines::open(file.path()).expect("opened");
        let mut all = Vec::new();
        while let Some((number, line)) = lines.next(&mut Hooks::default()).expect("a line") {
            all.push((number, String::from_utf8_lossy(line).into_owned()));
        }
        all
    }

    #[test]
    fn ends_of_lines_are_taken_off() {
        let owned = |lines: &[(u64, &str)]| lines.iter().map(|&(n, line)| (n, line.to_owned())).collect::<Vec<_>>();
        assert_eq!(lines_of(b"a\r\nb\n\nc"), owned(&[(1, "a"), (2, "b"), (3, ""), (4, "c")]), "no end at the end");
        assert_eq!(lines_of(b"a\n"), owned(&[(1, "a")]), "no line after the last end");
    }

    #[test]
    fn a_line_may_be_longer_than_a_piece() {
        let long = vec![b'x'; 3 * PIECE_BYTES + 7];
        let text = [&long[..], b"\n", &long[..5], b"\n"].concat();
        let lengths: Vec<usize> = lines_of(&text).iter().map(|(_, line)| line.len()).collect();
        assert_eq!(lengths, [long.len(), 5], "both whole");
    }
}
