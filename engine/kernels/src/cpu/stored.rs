//! Numbers as they are stored; they are computed with in single precision.

use half::{bf16, f16, slice::HalfFloatSliceExt};

/// Numbers of one type.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stored<'a> {
    F32(&'a [f32]),
    F16(&'a [f16]),
    Bf16(&'a [bf16]),
}

impl Stored<'_> {
    pub(crate) fn len(self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F16(values) => values.len(),
            Self::Bf16(values) => values.len(),
        }
    }

    pub(crate) fn split_at(self, middle: usize) -> [Self; 2] {
        match self {
            Self::F32(values) => <[_; 2]>::from(values.split_at(middle)).map(Self::F32),
            Self::F16(values) => <[_; 2]>::from(values.split_at(middle)).map(Self::F16),
            Self::Bf16(values) => <[_; 2]>::from(values.split_at(middle)).map(Self::Bf16),
        }
    }
}

/// A type in which numbers are stored.
pub(crate) trait Number: Copy + Sync {
    /// Writes numbers in single precision.
    fn widen(from: &[Self], to: &mut [f32]);

    /// Some numbers in single precision.
    #[inline(always)]
    fn wide<const L: usize>(from: &[Self; L]) -> [f32; L] {
        let mut to = [0.0; L];
        Self::widen(from, &mut to);
        to
    }
}

impl Number for f32 {
    #[inline(always)]
    fn widen(from: &[Self], to: &mut [f32]) {
        to.copy_from_slice(from);
    }

    #[inline(always)]
    fn wide<const L: usize>(from: &[Self; L]) -> [f32; L] {
        *from
    }
}

impl Number for f16 {
    fn widen(from: &[Self], to: &mut [f32]) {
        from.convert_to_f32_slice(to);
    }
}

impl Number for bf16 {
    fn widen(from: &[Self], to: &mut [f32]) {
        from.convert_to_f32_slice(to);
    }
}
