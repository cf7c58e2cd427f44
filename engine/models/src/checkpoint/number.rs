//! Numbers as checkpoints store them.

use ::safetensors::Dtype;
use half::{bf16, f16};

/// A type that stored numbers are read into.
pub(super) trait Number: Copy + Default {
    /// What such numbers are, for messages.
    const WHAT: &'static str;

    /// Little-endian numbers; `None` for a type of numbers that is not read into this one.
    fn decode(bytes: &[u8], dtype: Dtype) -> Option<Vec<Self>>;

    /// Whether numbers of this type are read into this one.
    fn reads(dtype: Dtype) -> bool {
        Self::decode(&[], dtype).is_some()
    }
}

impl Number for f32 {
    const WHAT: &'static str = "weights";

    fn decode(bytes: &[u8], dtype: Dtype) -> Option<Vec<Self>> {
        Some(match dtype {
            Dtype::F64 => each(bytes, |bytes| nearest(f64::from_le_bytes(bytes))),
            Dtype::F32 => each(bytes, Self::from_le_bytes),
            Dtype::F16 => each(bytes, |bytes| f16::from_le_bytes(bytes).to_f32()),
            Dtype::BF16 => each(bytes, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            _ => return None,
        })
    }
}

impl Number for i64 {
    const WHAT: &'static str = "whole numbers";

    fn decode(bytes: &[u8], dtype: Dtype) -> Option<Vec<Self>> {
        Some(match dtype {
            Dtype::I64 => each(bytes, Self::from_le_bytes),
            Dtype::I32 => each(bytes, |bytes| i32::from_le_bytes(bytes).into()),
            Dtype::I16 => each(bytes, |bytes| i16::from_le_bytes(bytes).into()),
            Dtype::I8 => each(bytes, |bytes| i8::from_le_bytes(bytes).into()),
            Dtype::U8 => each(bytes, |[byte]| byte.into()),
            Dtype::BOOL => each(bytes, |[byte]| (byte != 0).into()),
            _ => return None,
        })
    }
}

fn each<const N: usize, T>(bytes: &[u8], decode: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|bytes| decode(*bytes)).collect()
}

/// Too large numbers become infinite, and are refused with other infinite weights.
#[expect(clippy::cast_possible_truncation, reason = "weights are computed with in 32 bits")]
fn nearest(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_decoded() {
        let one_and_a_half = [
            (Dtype::F64, 1.5f64.to_le_bytes().to_vec()),
            (Dtype::F32, 1.5f32.to_le_bytes().to_vec()),
            (Dtype::F16, f16::from_f32(1.5).to_le_bytes().to_vec()),
            (Dtype::BF16, bf16::from_f32(1.5).to_le_bytes().to_vec()),
        ];
        for (dtype, bytes) in one_and_a_half {
            assert_eq!(f32::decode(&bytes, dtype), Some(vec![1.5]), "{dtype:?}");
            assert!(!i64::reads(dtype), "{dtype:?} is no type of whole numbers");
        }
        let minus_two = [
            (Dtype::I64, (-2i64).to_le_bytes().to_vec()),
            (Dtype::I32, (-2i32).to_le_bytes().to_vec()),
            (Dtype::I16, (-2i16).to_le_bytes().to_vec()),
            (Dtype::I8, (-2i8).to_le_bytes().to_vec()),
        ];
        for (dtype, bytes) in minus_two {
            assert_eq!(i64::decode(&bytes, dtype), Some(vec![-2]), "{dtype:?}");
            assert!(!f32::reads(dtype), "{dtype:?} holds no weights");
        }
        assert_eq!(i64::decode(&[0, 255], Dtype::U8), Some(vec![0, 255]), "U8");
        assert_eq!(i64::decode(&[0, 7], Dtype::BOOL), Some(vec![0, 1]), "BOOL");
    }
}
