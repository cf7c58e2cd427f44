//! From a region to its bases.

use std::io;

use crate::{
    fasta::{Layout, is_base, is_blank},
    source::TextStore,
};

/// Why a text does not give the bases that its index promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// The file was never checked letter by letter, and this one is no base.
    Foreign { byte: u8, position_bp: u64 },
    /// Lines begin or end elsewhere.
    Lines,
}

impl Misfit {
    fn of(byte: u8, position_bp: u64) -> Self {
        if is_blank(byte) || byte == b'>' { Self::Lines } else { Self::Foreign { byte, position_bp } }
    }
}

/// The bases `start_bp..end_bp` of a record.
pub(crate) fn bases_at(
    text: &mut TextStore,
    layout: &Layout,
    start_bp: u64,
    end_bp: u64,
) -> io::Result<Result<Vec<u8>, Misfit>> {
    if start_bp >= end_bp {
        return Ok(Ok(Vec::new()));
    }
    match layout {
        Layout::Lines { offset, line_bases, line_width } => {
            let place = |position_bp: u64| offset + position_bp / line_bases * line_width + position_bp % line_bases;
            let first = place(start_bp);
            let bytes = place(end_bp - 1) + 1 - first;
            let lines = Lines { line_bases: *line_bases, line_width: *line_width };
            read_lines(text, first, bytes, start_bp, &lines)
        }
        Layout::Steps(steps) => read_steps(text, steps, start_bp, end_bp),
    }
}

struct Lines {
    line_bases: u64,
    line_width: u64,
}

/// Reads whole bytes and takes the line ends out, which must lie exactly where the layout has them.
fn read_lines(
    text: &mut TextStore,
    first: u64,
    bytes: u64,
    start_bp: u64,
    lines: &Lines,
) -> io::Result<Result<Vec<u8>, Misfit>> {
    let Ok(byte_count) = usize::try_from(bytes) else { return Err(io::ErrorKind::OutOfMemory.into()) };
    let mut bases = Vec::new();
    bases.try_reserve_exact(byte_count).map_err(|_| io::ErrorKind::OutOfMemory)?;
    bases.resize(byte_count, 0);
    if text.fill_at(first, &mut bases)? < byte_count {
        return Ok(Err(Misfit::Lines));
    }
    let mut from = 0;
    let mut to = 0;
    let mut line_left = lines.line_bases - start_bp % lines.line_bases;
    while from < byte_count {
        let run = usize::try_from(line_left).map_or(byte_count - from, |left| left.min(byte_count - from));
        if let Some(place) = bases[from..from + run].iter().position(|&byte| !is_base(byte)) {
            return Ok(Err(Misfit::of(bases[from + place], start_bp + (to + place) as u64)));
        }
        bases.copy_within(from..from + run, to);
        from += run;
        to += run;
        let end = usize::try_from(lines.line_width - lines.line_bases).map_or(0, |end| end.min(byte_count - from));
        if !bases[from..from + end].iter().all(|byte| matches!(byte, b'\n' | b'\r')) {
            return Ok(Err(Misfit::Lines));
        }
        from += end;
        line_left = lines.line_bases;
    }
    bases.truncate(to);
    Ok(Ok(bases))
}

/// Reads on from the last step before the region, leaving out everything that is no base.
fn read_steps(
    text: &mut TextStore,
    steps: &[(u64, u64)],
    start_bp: u64,
    end_bp: u64,
) -> io::Result<Result<Vec<u8>, Misfit>> {
    let before = steps.partition_point(|&(step_bp, _)| step_bp <= start_bp);
    let Some(&(step_bp, mut offset)) = before.checked_sub(1).and_then(|index| steps.get(index)) else {
        return Ok(Err(Misfit::Lines));
    };
    let mut skip_bp = start_bp - step_bp;
    let mut want_bp = end_bp - start_bp;
    let mut bases = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = text.fill_at(offset, &mut buffer)?;
        if count == 0 {
            return Ok(Err(Misfit::Lines));
        }
        offset += count as u64;
        for &byte in &buffer[..count] {
            if is_blank(byte) {
                continue;
            }
            if !is_base(byte) {
                return Ok(Err(Misfit::of(byte, end_bp - want_bp - skip_bp)));
            }
            if skip_bp > 0 {
                skip_bp -= 1;
                continue;
            }
            bases.push(byte);
            want_bp -= 1;
            if want_bp == 0 {
                return Ok(Ok(bases));
            }
        }
    }
}
