//! The head of a file: what it is and where its parts lie.

use super::Fields;

/// Bytes of the head, and of each description of a zoom level behind it.
pub(crate) const HEADER_BYTES: usize = 64;
pub(super) const ZOOM_HEADER_BYTES: usize = 24;

pub(crate) const BIG_WIG_MAGIC: u32 = 0x888f_fc26;
pub(crate) const BIG_BED_MAGIC: u32 = 0x8789_f2eb;

/// Which of the two formats a file is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BbiKind {
    BigWig,
    BigBed,
}

impl BbiKind {
    /// What the first four bytes say, and whether the byte order is big-endian.
    pub(crate) fn of(start: &[u8]) -> Option<(Self, bool)> {
        [false, true].into_iter().find_map(|is_big_endian| match Fields::new(start, is_big_endian).u32()? {
            BIG_WIG_MAGIC => Some((Self::BigWig, is_big_endian)),
            BIG_BED_MAGIC => Some((Self::BigBed, is_big_endian)),
            _ => None,
        })
    }

    /// Its name for people.
    pub(crate) fn shown(self) -> &'static str {
        match self {
            Self::BigWig => "BigWig",
            Self::BigBed => "BigBed",
        }
    }
}

/// The head of a file; places are bytes of the file, 0 where there is no such part.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) is_big_endian: bool,
    pub(crate) version: u16,
    pub(crate) zoom_levels: u16,
    pub(crate) contigs_at: u64,
    pub(crate) data_at: u64,
    pub(crate) index_at: u64,
    pub(crate) fields: u16,
    pub(crate) defined_fields: u16,
    pub(crate) auto_sql_at: u64,
    pub(crate) summary_at: u64,
    /// Size of the largest block once unpacked; 0 where blocks are not packed.
    pub(crate) unpacked_bytes: u32,
}

impl Header {
    /// `None` where the bytes are too few or of another format.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (_, is_big_endian) = BbiKind::of(bytes)?;
        let mut fields = Fields::new(bytes.get(4..HEADER_BYTES)?, is_big_endian);
        Some(Self {
            is_big_endian,
            version: fields.u16()?,
            zoom_levels: fields.u16()?,
            contigs_at: fields.u64()?,
            data_at: fields.u64()?,
            index_at: fields.u64()?,
            fields: fields.u16()?,
            defined_fields: fields.u16()?,
            auto_sql_at: fields.u64()?,
            summary_at: fields.u64()?,
            unpacked_bytes: fields.u32()?,
        })
    }
}

/// A zoom level: summaries of stretches of about `reduction_bp`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zoom {
    pub(crate) reduction_bp: u32,
    pub(crate) index_at: u64,
}

impl Zoom {
    pub(super) fn parse(fields: &mut Fields<'_>) -> Option<Self> {
        let reduction_bp = fields.u32()?;
        fields.bytes(12)?;
        Some(Self { reduction_bp, index_at: fields.u64()? })
    }
}

/// What the file says of all its values together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Total {
    pub(crate) covered_bp: u64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Total {
    pub(super) const BYTES: usize = 40;

    pub(super) fn parse(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { covered_bp: fields.u64()?, min: fields.f64()?, max: fields.f64()? })
    }
}
