//! Plain gzip, all members of it.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
};

use flate2::bufread::GzDecoder;

/// The text of a gzip file with one or more members.
///
/// A reader that stops at the first member loses data without a word, so each end of a member is looked at:
/// the file ends there, another member begins, zeros pad it (tapes do that), or it is damaged.
pub(crate) struct GzipText {
    member: Option<GzDecoder<BufReader<Counted>>>,
}

struct Counted {
    file: File,
    read_bytes: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read_bytes += count as u64;
        Ok(count)
    }
}

impl GzipText {
    /// Begins at the position of `file`, which is its start.
    pub(crate) fn new(file: File) -> Self {
        let packed = BufReader::with_capacity(1 << 18, Counted { file, read_bytes: 0 });
        Self { member: Some(GzDecoder::new(packed)) }
    }

    /// Bytes of the packed file used so far.
    pub(crate) fn packed_position(&self) -> Option<u64> {
        self.member.as_ref().map(|member| used_bytes(member.get_ref()))
    }

    /// The next bytes of the text; 0 at its end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(member) = &mut self.member else { return Ok(0) };
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let Some(finished) = self.member.take() else { return Ok(0) };
            self.member = next_member(finished.into_inner())?;
        }
    }
}

fn used_bytes(packed: &BufReader<Counted>) -> u64 {
    packed.get_ref().read_bytes - packed.buffer().len() as u64
}

fn next_member(mut packed: BufReader<Counted>) -> io::Result<Option<GzDecoder<BufReader<Counted>>>> {
    let at = used_bytes(&packed);
    match packed.fill_buf()?.first() {
        None => Ok(None),
        Some(0x1f) => Ok(Some(GzDecoder::new(packed))),
        Some(_) => loop {
            let padding = packed.fill_buf()?;
            if padding.is_empty() {
                return Ok(None);
            }
            if padding.iter().any(|&byte| byte != 0) {
                let message = format!("trailing garbage after the gzip stream, which ends at byte {at}");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            let count = padding.len();
            packed.consume(count);
        },
    }
}
